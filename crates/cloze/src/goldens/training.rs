//! Label scores, losses and training trajectories against the golden numbers of the folder named by `CONFORMANCE`.
//!
//! The goldens name token ids, so that these tests hold whatever the text encoding does. A number of masks that cannot be
//! run yet is named in the output.

use std::path::{Path, PathBuf};

use cloze_encoder::{Checkpoint, Device, Model, Sequence, Session};
use serde_json::Value;

use super::{json, near};
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::scorer::Scorer;
use crate::scoring::scores::Scores;
use crate::task::Label;
use crate::training::masked_lm::MaskedBatch;
use crate::training::training_loop::FineTuning;

fn conformance() -> Option<PathBuf> {
    let folder = std::env::var_os("CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        println!("not run because CONFORMANCE is not set");
    }
    folder
}

fn checkpoint(folder: &Path, model: &str) -> Checkpoint {
    Checkpoint::open(&folder.join("encoder").join(model)).unwrap()
}

fn session(checkpoint: &Checkpoint) -> Session {
    Session::new(Model::masked_lm(checkpoint).unwrap(), &Device::new(2))
}

/// The reference implementation feeds type ids to BERT only, though the goldens have them for ALBERT too.
fn cloze(example: &Value, typed: bool) -> Encoded {
    let ids: Vec<u32> = serde_json::from_value(example["input_ids"].clone()).unwrap();
    let mut type_ids = vec![0; example["n_type0"].as_u64().unwrap() as usize];
    type_ids.resize(ids.len(), u8::from(typed));
    Encoded {
        sequence: Sequence { ids, type_ids },
        mask: example["masks"][0].as_u64().unwrap() as usize,
        masks: example["masks"].as_array().unwrap().len(),
        candidates: None,
        wanted: None,
        cut: Vec::new(),
        lower: None,
    }
}

/// The verbalizer of these words, the label's number as its name, held to the golden token ids.
fn verbalizer(words: &[Vec<String>], ids: &Value, checkpoint: &Checkpoint) -> Verbalizer {
    let label =
        |(index, words): (usize, &Vec<String>)| Label { name: index.to_string(), words: words.clone() };
    let labels: Vec<Label> = words.iter().enumerate().map(label).collect();
    let verbalizer = Verbalizer::of_labels(&labels, &checkpoint.tokenizer, true).unwrap();
    let ids: Vec<Vec<i64>> = serde_json::from_value(ids.clone()).unwrap();
    // The goldens fill shorter lists up with -1.
    let expected: Vec<u32> = ids.concat().into_iter().filter(|&id| id >= 0).map(|id| id as u32).collect();
    assert_eq!(verbalizer.columns(), expected);
    verbalizer
}

#[track_caller]
fn near_rows<'s>(found: impl Iterator<Item = &'s [f32]>, expected: &[&Value], tolerance: f64) {
    for (row, expected) in found.zip(expected) {
        row.iter()
            .zip(expected.as_array().unwrap())
            .for_each(|(&found, expected)| near(found, expected, tolerance));
    }
}

fn score(verbalizer: &Verbalizer, session: &mut Session, clozes: &[Encoded]) -> Scores {
    Scorer::new(verbalizer).score(session, clozes, 512, |_| Ok(())).unwrap()
}

#[test]
fn label_scores_and_losses_agree_with_the_goldens() {
    let Some(folder) = conformance() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join("pet")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut compared = 0;
    for file in files {
        let golden = json(&file);
        let task = file.file_stem().unwrap().to_str().unwrap();
        let Some(models) = golden["models"].as_object() else { continue };
        for (model, golden) in models.iter().filter(|(_, golden)| golden["patterns"].is_object()) {
            let checkpoint = checkpoint(&folder, model);
            let typed = checkpoint.tokenizer.is_word_piece();
            let mut session = session(&checkpoint);
            for (pattern, golden) in golden["patterns"].as_object().unwrap() {
                for (length, case) in golden["msl"].as_object().unwrap() {
                    let examples: Vec<&Value> = case["examples"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter(|x| x.get("error").is_none())
                        .collect();
                    if examples.iter().any(|example| example.get("scores").is_none()) {
                        let held = if task == "wsc" {
                            "see `goldens::free_text`"
                        } else {
                            "see `goldens::multi_token`"
                        };
                        println!("{task}, {model}, pattern {pattern}: several masks: {held}");
                        break;
                    }
                    println!("{task}, {model}, pattern {pattern}, length {length}");
                    let clozes: Vec<Encoded> = examples.iter().map(|example| cloze(example, typed)).collect();
                    let words =
                        serde_json::from_value::<Vec<Vec<String>>>(golden["verbalizer_words"].clone())
                            .unwrap();
                    let words = verbalizer(&words, &golden["verbalizer_ids"], &checkpoint);
                    let expected: Vec<&Value> = examples.iter().map(|example| &example["scores"]).collect();
                    near_rows(score(&words, &mut session, &clozes).iter(), &expected, 1e-4);

                    let labels: Vec<u32> =
                        examples.iter().map(|example| example["label"].as_u64().unwrap() as u32).collect();
                    let all: Vec<&Encoded> = clozes.iter().collect();
                    near(
                        Scorer::new(&words).train(&mut session, &all, &labels, 0, 1.0),
                        &case["ce_mean_of_all"],
                        1e-5,
                    );
                    for ((cloze, &label), example) in clozes.iter().zip(&labels).zip(&examples) {
                        near(
                            Scorer::new(&words).train(&mut session, &[cloze], &[label], 0, 1.0),
                            &example["ce"],
                            1e-5,
                        );
                    }
                    compared += clozes.len();
                }
            }
        }
    }
    println!("{compared} rows compared");
}

#[test]
fn several_words_per_label_agree_with_the_goldens() {
    let Some(folder) = conformance() else { return };
    let golden = json(&folder.join("pet/verbalizer.json"));
    let task = json(&folder.join(golden["examples_from"].as_str().unwrap()));
    let length = golden["max_seq_length"].to_string();
    for (model, cases) in golden["models"].as_object().unwrap() {
        let checkpoint = checkpoint(&folder, model);
        let typed = checkpoint.tokenizer.is_word_piece();
        let mut session = session(&checkpoint);
        for case in cases.as_object().unwrap().values() {
            let pattern = &task["models"][model]["patterns"][case["pattern_id"].to_string()];
            let examples = pattern["msl"][&length]["examples"].as_array().unwrap();
            let clozes: Vec<Encoded> = examples.iter().map(|example| cloze(example, typed)).collect();
            let by_label = case["words"].as_object().unwrap().values();
            let words: Vec<Vec<String>> =
                by_label.map(|words| serde_json::from_value(words.clone()).unwrap()).collect();
            let scores = score(&verbalizer(&words, &case["ids"], &checkpoint), &mut session, &clozes);
            near_rows(scores.iter(), &case["scores"].as_array().unwrap().iter().collect::<Vec<_>>(), 1e-4);
        }
    }
}

/// The masked-LM batch of a golden: rows are padded to `length`, and padding may be hidden too.
fn masked(lm: &Value, clozes: &[Encoded], length: usize, pad: u32) -> MaskedBatch {
    let mut masked = MaskedBatch::default();
    let edits: Vec<[usize; 4]> = serde_json::from_value(lm["edits"].clone()).unwrap();
    for (row, example) in lm["examples"].as_array().unwrap().iter().enumerate() {
        let sequence = &clozes[example.as_u64().unwrap() as usize].sequence;
        let visible = sequence.ids.len();
        let mut padded = sequence.clone();
        padded.ids.resize(length, pad);
        padded.type_ids.resize(length, 0);
        let edits: Vec<&[usize; 4]> = edits.iter().filter(|edit| edit[0] == row).collect();
        for &&[_, position, id, target] in &edits {
            padded.ids[position] = id as u32;
            masked.targets.push(target as u32);
        }
        masked.batch.push_padded(&padded, visible);
        masked.rows.extend(edits.iter().map(|edit| masked.batch.index(row, edit[1])));
    }
    masked
}

#[test]
fn training_trajectories_agree_with_the_goldens() {
    let Some(folder) = conformance() else { return };
    let golden = json(&folder.join("pet/training.json"));
    let model = golden["model"].as_str().unwrap().trim_start_matches("encoder/");
    let checkpoint = checkpoint(&folder, model);
    let task = json(&folder.join(golden["examples_from"].as_str().unwrap()));
    let length = golden["max_seq_length"].as_u64().unwrap() as usize;
    let typed = checkpoint.tokenizer.is_word_piece();
    let pattern = &task["models"][model]["patterns"][golden["pattern_id"].to_string()];
    let examples = pattern["msl"][length.to_string()]["examples"].as_array().unwrap();
    let clozes: Vec<Encoded> = examples.iter().map(|example| cloze(example, typed)).collect();
    let labels: Vec<u32> = examples.iter().map(|example| example["label"].as_u64().unwrap() as u32).collect();
    let words: Vec<Vec<String>> = serde_json::from_value(pattern["verbalizer_words"].clone()).unwrap();
    let words = verbalizer(&words, &pattern["verbalizer_ids"], &checkpoint);

    for (name, run) in golden["runs"].as_object().unwrap() {
        println!("{name}");
        let expected = &run["results"]["torch_adamw"]["float64"];
        let batches: Vec<Vec<usize>> = serde_json::from_value(run["batches"].clone()).unwrap();
        let number = |key: &str| run[key].as_f64().unwrap();
        let alpha = run["alpha"].as_f64().unwrap_or(1.0);
        // The difference before rounding: as f32, 1 - 0.9999 is off in the fourth digit.
        let (alpha, lm_weight) = (alpha as f32, (1.0 - alpha) as f32);
        let fine_tuning = FineTuning {
            steps: number("t_total") as usize,
            accumulation: number("accumulation") as usize,
            learning_rate: number("lr") as f32,
            warmup: number("warmup") as usize,
            weight_decay: number("weight_decay") as f32,
            max_grad_norm: golden["clip_grad_norm"].as_f64().unwrap() as f32,
        };
        let mut session = session(&checkpoint);
        let micro_batch = |session: &mut Session, number: usize, weight: f32| {
            let rows = &batches[number];
            let chosen: Vec<&Encoded> = rows.iter().map(|&row| &clozes[row]).collect();
            let gold: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
            let expected = &expected["micro_batches"][number];
            let mut loss = alpha * Scorer::new(&words).train(session, &chosen, &gold, 0, weight * alpha);
            if let Some(lm) = run["lm"].get(number) {
                let masked = masked(lm, &clozes, length, checkpoint.tokenizer.special().pad);
                let lm_loss = masked.train(session, 0, weight * lm_weight);
                near(lm_loss, &expected["lm_loss"], 1e-4);
                loss += lm_weight * lm_loss;
            }
            near(loss, &expected["loss"], 1e-4);
            loss
        };
        let steps = fine_tuning.run(&mut session, micro_batch, |_| Ok(())).unwrap();
        for (step, expected) in steps.iter().zip(expected["updates"].as_array().unwrap()) {
            near(step.learning_rate, &expected["lr"], 1e-9);
            let norm = &expected["grad_norm_before_clipping"];
            near(step.gradient_norm, norm, 1e-4 * norm.as_f64().unwrap());
        }
        let final_scores: Vec<&Value> = expected["final_scores"].as_array().unwrap().iter().collect();
        near_rows(score(&words, &mut session, &clozes).iter(), &final_scores, 1e-4);
        if name == "plain" {
            weights_agree(session.model(), &folder.join("pet/training_plain_final.safetensors"));
        }
    }
}

/// Compares all parameters. The gradient of a key bias is zero in theory and rounding noise in practice, which Adam turns into
/// steps of full length in any direction; entries of other tensors whose gradient is near zero may move likewise, but not many.
fn weights_agree(model: &Model, file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let golden = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (mut compared, mut apart) = (0, 0);
    for (name, view) in golden.tensors() {
        let values = model.parameter(&name).unwrap_or_else(|| panic!("the model has no `{name}`"));
        if name.ends_with("key.bias") {
            continue;
        }
        let expected = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        for (&found, expected) in values.iter().zip(expected) {
            let distance = (found - expected).abs();
            // Five updates of at most 1e-3 each, in opposite directions.
            assert!(distance < 1e-2, "{name}: {found} instead of {expected}");
            compared += 1;
            apart += usize::from(distance > 5e-6);
        }
    }
    println!("{apart} of {compared} weights differ by more than 5e-6");
    assert!(apart * 1000 < compared, "{apart} of {compared} weights differ");
}
