//! Rows with choices of their own (ReCoRD): inputs, scores and losses.

use serde_json::{Value, json};

use super::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use crate::dataset::Example;
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::pvp::verbalizer::{Candidates, Verbalizer};
use crate::scoring::multi_token::MultiToken;
use crate::task::{Choices, Decoding, Hinge};

/// What is trained with this loss.
fn learning(hinge: Hinge) -> MultiToken {
    MultiToken { labels: Choices::LARGEST, decoding: Decoding::default(), hinge }
}

#[test]
fn inputs_and_scores_of_all_candidates_agree_with_the_goldens() {
    let task = super::task("record").unwrap();
    for golden in goldens("record") {
        let rows = super::read(&task, &golden);
        for (row, wanted) in rows.iter().zip(list(&golden["examples"])) {
            let choices = &row.choices;
            assert_eq!(json!(choices), wanted["meta"]["candidates"]);
            let right = choices.iter().enumerate().filter(|(place, _)| row.is_right(*place));
            let right: Vec<&String> = right.map(|(_, choice)| choice).collect();
            let answers = list(&wanted["meta"]["answers"]);
            assert!(
                right.len() == answers.len()
                    && answers.iter().all(|answer| right.contains(&&answer.as_str().unwrap().to_owned()))
            );
        }
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            let verbalizer = Verbalizer::new(&task, 0, &tokenizer).unwrap();
            for (length, case) in numbers["patterns"]["0"]["msl"].as_object().unwrap() {
                let task = super::with_length(&task, length);
                let encoder = PatternEncoder::of_task(&task, 0, &tokenizer).asking_for(&verbalizer);
                for (got, wanted) in super::encoded(&encoder, &rows, case) {
                    let row = &rows[wanted["row"].as_u64().unwrap() as usize];
                    assert_eq!(got.masks, list(&wanted["masks"]).len());
                    let mut tokens: Vec<Vec<Vec<u32>>> =
                        list(&wanted["candidate_token_ids"]).iter().map(|word| vec![ids(word)]).collect();
                    tokens.resize(Choices::LARGEST, Vec::new());
                    assert_eq!(got.candidates.as_deref(), Some(&Candidates(tokens)));
                    for (name, decoding) in DECODINGS {
                        let clozes = std::slice::from_ref(&got);
                        let scores =
                            MultiToken { labels: Choices::LARGEST, decoding, hinge: Hinge::default() }
                                .score(&mut session, clozes, 512, |_| Ok(()))
                                .unwrap();
                        let numbers = list(&wanted["decoding"][name]["log_probs"]);
                        scores.row(0).iter().zip(numbers).for_each(|(got, wanted)| near(*got, wanted, 1e-3));
                        assert!(
                            scores.row(0)[numbers.len()..].iter().all(|score| *score == f32::NEG_INFINITY)
                        );
                        let best = &row.choices[scores.predictions()[0]];
                        assert_eq!(json!(best), wanted["decoding"][name]["best_candidate"]);
                    }
                }
                for example in list(&case["train"]["examples"]) {
                    // The same row, whose choices are those drawn by whoever made the golden.
                    let is = |wanted: &&Value| {
                        let guid = wanted["guid"].as_str().unwrap().replace("dev-", "train-");
                        example["guid"].as_str().unwrap().starts_with(&format!("{guid}-a"))
                    };
                    let row = list(&golden["examples"]).iter().position(|wanted| is(&wanted)).unwrap();
                    let choices = serde_json::from_value(example["candidates"].clone()).unwrap();
                    let cloze = encoder.encode_example(&Example { choices, ..rows[row].clone() }).unwrap();
                    assert_eq!(cloze.sequence.ids, ids(&example["input_ids"]));
                    // The right one comes first.
                    for hinge in [Hinge::Mean, Hinge::Batch] {
                        let loss = learning(hinge).train(&mut session, &[&cloze], &[0], 0, 1.0);
                        near(loss, &example["loss_alone"], 1e-4);
                    }
                    let both: [&Encoded; 2] = [&cloze, &cloze];
                    assert!(learning(Hinge::Mean).train(&mut session, &both, &[0, 0], 0, 1.0).is_finite());
                }
            }
        }
    }
}
