//! The examples, on a tiny random model: that they run, and answer with labels that there are.
#![cfg(feature = "built-in-model")]

mod common;

#[path = "../examples/classify.rs"]
#[allow(dead_code, reason = "its `main` takes the built-in model")]
mod classify;
#[path = "../examples/disagreement.rs"]
#[allow(dead_code, reason = "its `main` takes the built-in model")]
mod disagreement;
#[path = "../examples/ipet.rs"]
#[allow(dead_code, reason = "its `main` takes the built-in model")]
mod ipet;
#[path = "../examples/own_model.rs"]
#[allow(dead_code, reason = "its `main` takes a directory")]
mod own_model;
#[path = "../examples/pairs.rs"]
#[allow(dead_code, reason = "its `main` takes the built-in model")]
mod pairs;

use cloze::Model;

fn tiny() -> Model {
    Model::new("tiny", common::tiny())
}

#[test]
fn texts_from_memory_are_classified() {
    let runs = tempfile::tempdir().unwrap();
    let predictions = classify::run(tiny(), runs.path()).unwrap();
    assert_eq!(predictions.len(), 2);
    for prediction in predictions {
        assert!(["billing", "technical"].contains(&prediction.label().unwrap()));
        let sum: f64 = prediction.probabilities.iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }
}

#[test]
fn pairs_are_classified() {
    let runs = tempfile::tempdir().unwrap();
    let prediction = pairs::run(tiny(), runs.path()).unwrap();
    assert_eq!(prediction.probabilities[1].0, "does not follow");
}

#[test]
fn generations_learn_from_one_another() {
    let runs = tempfile::tempdir().unwrap();
    let trained = ipet::run(tiny(), runs.path()).unwrap();
    assert!(!trained.results.generations.is_empty());
    assert!(!trained.results.sets.is_empty());
}

#[test]
fn members_disagree_or_not() {
    let runs = tempfile::tempdir().unwrap();
    let disagreement = disagreement::run(tiny(), runs.path()).unwrap();
    assert_eq!(disagreement.len(), 4);
    assert!(disagreement.iter().all(|share| (0.0..=0.5).contains(share)));
}

#[test]
fn any_model_can_be_taken() {
    let runs = tempfile::tempdir().unwrap();
    let zero_shot = own_model::run(tiny(), runs.path()).unwrap();
    assert_eq!(zero_shot.together.count, 3);
}
