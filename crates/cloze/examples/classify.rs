//! Learns from a handful of labelled texts and many without a label, all of them in memory, and classifies others.
//!
//! ```text
//! cargo run --release -p cloze --features built-in-model --example classify
//! ```

use std::path::Path;

use cloze::{Event, Model, Prediction, Predictor, Result, Task, Trainer};

fn main() -> Result<()> {
    run(Model::built_in()?, Path::new("runs")).map(drop)
}

/// Trains with `model` in a directory under `runs`, and classifies two texts.
pub(crate) fn run(model: Model, runs: &Path) -> Result<Vec<Prediction>> {
    let task = Task::builder()
        .name("support")
        .pattern("{text} This is about {mask}.")
        .pattern("Department: {mask}. {text}")
        .label("billing", ["invoice", "payment"])
        .label("technical", ["bug", "problem"])
        .train([
            ("I was charged twice this month", "billing"),
            ("please send the receipt again", "billing"),
            ("the app crashes when I open it", "technical"),
            ("I cannot log in since the update", "technical"),
        ])
        .unlabeled([
            "how do I change my card",
            "the screen stays black",
            "my refund has not arrived",
            "it freezes on the second page",
            "why did the price go up",
            "an error comes up whenever I save",
        ])
        .build()?;

    let trained = Trainer::new(&task)
        .model(model)
        .runs(runs)
        .on_event(|event| {
            if let Event::JobStarted { what, .. } = event {
                println!("{what}");
            }
        })
        .train()?;

    // The classifier is read once; any number of threads can share it.
    let predictor = Predictor::open(&trained.path)?;
    let texts = ["the sound is gone after the update", "where do I find my last invoice"];
    let predictions = predictor.classify_all(texts).collect::<Result<Vec<_>>>()?;
    for (text, prediction) in texts.iter().zip(&predictions) {
        let label = prediction.label().unwrap_or("nothing");
        let probability = prediction.probability(label).unwrap_or(0.0);
        println!("{text}: {label} ({:.0} %)", 100.0 * probability);
    }
    Ok(predictions)
}
