//! Merging, soft labels, distillation and the training sets of iPET against the golden numbers in `fixtures/` and in the folder named by `CONFORMANCE`.

use cloze_encoder::{Rng, loss};
use serde_json::Value;

use super::{folders, json};
use crate::ensemble::{Weights, ipet, merge, soft_labels};
use crate::scoring::scores::Scores;
use crate::task::Reduction;

/// The golden files `name` that are here.
fn goldens(name: &str) -> Vec<Value> {
    let files = folders().into_iter().map(|folder| folder.join(name)).filter(|file| file.exists());
    files.map(|file| json(&file)).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn scores(value: &Value) -> Scores {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    let mut scores = Scores::new(rows[0].len());
    rows.iter().for_each(|row| scores.push(row));
    scores
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
}

#[test]
fn merging_agrees_with_the_goldens() {
    for golden in goldens("pet/merge.json") {
        let members: Vec<Scores> = golden["members_logits"].as_array().unwrap().iter().map(scores).collect();
        for case in golden["cases"].as_array().unwrap() {
            let accuracies: Vec<f64> = serde_json::from_value(case["train_accuracies"].clone()).unwrap();
            for (reduction, name) in [(Reduction::Mean, "mean"), (Reduction::Wmean, "wmean")] {
                let weights = Weights::new(reduction, &accuracies);
                let merged = merge(&members, &weights);
                // Where the reference divides by zero, the plain mean is right.
                let raises = case[name].get("reference_raises").is_some();
                assert_eq!(weights.fell_back, raises);
                let expected = numbers(&case[if raises { "mean" } else { name }]);
                for (row, expected) in merged.iter().zip(&expected) {
                    row.iter()
                        .zip(expected)
                        .for_each(|(&found, &expected)| near(found.into(), expected, 1e-6));
                }
            }
        }
    }
}

#[test]
fn soft_labels_agree_with_the_goldens() {
    for golden in goldens("pet/distill.json") {
        for case in golden["cases"].as_array().unwrap() {
            let temperature = case["temperature"].as_f64().unwrap();
            let teacher = scores(&case["teacher_logits"]);
            for (row, expected) in teacher.iter().zip(numbers(&case["soft_labels"])) {
                let found = soft_labels(row, temperature);
                found.iter().zip(&expected).for_each(|(&found, &expected)| near(found, expected, 1e-6));
            }
        }
    }
}

#[test]
fn the_distillation_loss_agrees_with_the_goldens() {
    for golden in goldens("pet/distill.json") {
        for case in golden["cases"].as_array().unwrap() {
            let temperature = case["temperature"].as_f64().unwrap() as f32;
            let flat = |key: &str| -> Vec<f32> { scores(&case[key]).iter().flatten().copied().collect() };
            let (mut student, teacher) = (flat("student_logits"), flat("teacher_logits"));
            let labels = scores(&case["teacher_logits"]).labels();
            let found = loss::distillation(&mut student, &teacher, labels, temperature);
            let expected = case["loss"].as_f64().unwrap();
            near(found.into(), expected, 1e-6 * expected.max(1.0));
            let gradient = numbers(&case["grad_wrt_student_logits"]).concat();
            student.iter().zip(gradient).for_each(|(&found, expected)| near(found.into(), expected, 1e-6));
        }
    }
}

#[test]
fn the_training_sets_of_ipet_agree_with_the_goldens() {
    for golden in goldens("pet/ipet.json") {
        let counts = indices(&golden["labelled_counts"]);
        let labelled = counts.iter().sum();
        for (number, generation) in golden["generations"].as_array().unwrap().iter().enumerate() {
            let new = ipet::new_rows(labelled, 5.0, number);
            assert_eq!(new as u64, generation["new_examples"].as_u64().unwrap());
            assert_eq!(ipet::per_label(new, &counts), indices(&generation["per_label"]));
        }
        for row in golden["size_table"].as_array().unwrap() {
            let rows = row["train_examples"].as_u64().unwrap() as usize;
            let scale = row["scale_factor"].as_f64().unwrap();
            let wanted = indices(&row["new_examples"]);
            let got: Vec<usize> = (0..wanted.len()).map(|n| ipet::new_rows(rows, scale, n)).collect();
            assert_eq!(got, wanted, "{row}");
        }
        for row in golden["even_split_without_labelled_data"].as_array().unwrap() {
            let total = row["total"].as_u64().unwrap() as usize;
            let labels = row["labels"].as_u64().unwrap() as usize;
            assert_eq!(ipet::per_label(total, &vec![0; labels]), indices(&row["per_label"]), "{row}");
        }
        for row in golden["teachers_table"].as_array().unwrap() {
            let others = row["other_models"].as_u64().unwrap() as usize;
            let teachers = ipet::teachers(others, row["percentage"].as_f64().unwrap());
            assert_eq!(teachers as u64, row["teachers"].as_u64().unwrap(), "{row}");
        }

        let accuracies = &golden["train_accuracies"];
        for set in golden["annotated_sets"].as_array().unwrap() {
            let teachers: Vec<&str> =
                set["teachers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            let members: Vec<Scores> =
                teachers.iter().map(|name| scores(&golden["unlabelled_logits"][name])).collect();
            let reduction = match set["reduction"].as_str().unwrap() {
                "mean" => Reduction::Mean,
                _ => Reduction::Wmean,
            };
            let weights: Vec<f64> = teachers.iter().map(|name| accuracies[name].as_f64().unwrap()).collect();
            let merged = merge(&members, &Weights::new(reduction, &weights));
            let probabilities: Vec<Vec<f64>> = merged.iter().map(|row| soft_labels(row, 1.0)).collect();
            for (got, want) in probabilities.iter().zip(numbers(&set["merged_probabilities"])) {
                got.iter().zip(want).for_each(|(got, want)| near(*got, want, 1e-6));
            }
            assert_eq!(merged.predictions(), indices(&set["argmax_label"]));
            let most_likely = usize::try_from(set["n_most_likely"].as_i64().unwrap()).unwrap_or(0);
            for (label, want) in set["per_label"].as_array().unwrap().iter().enumerate() {
                let wanted = want["draw"].as_u64().unwrap() as usize;
                let got = ipet::candidates(&probabilities, label, wanted, most_likely);
                let weights: Vec<f64> =
                    serde_json::from_value(want["sampling_weight_of_each_candidate"].clone()).unwrap();
                let mut order: Vec<(usize, f64)> =
                    indices(&want["candidates"]).into_iter().zip(weights).collect();
                order.sort_by_key(|(row, _)| *row);
                assert_eq!(got.rows, order.iter().map(|(row, _)| *row).collect::<Vec<_>>());
                got.weights.iter().zip(&order).for_each(|(got, (_, want))| near(*got, *want, 1e-6));
                assert_eq!(got.repeats as u64, want["candidate_list_is_repeated"].as_u64().unwrap());
                assert_eq!(got.draw(wanted, &mut Rng::new(0)).len(), wanted);
            }
        }
    }
}
