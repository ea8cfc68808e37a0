//! A task of one's own whose examples are pairs of sentences: does the second follow from the first?
//!
//! ```text
//! cargo run --release -p cloze --features built-in-model --example pairs
//! ```

use std::path::Path;

use cloze::{Model, Prediction, Predictor, Record, Result, Task, Trainer};

fn main() -> Result<()> {
    run(Model::built_in()?, Path::new("runs")).map(drop)
}

/// An example with its two sentences by the names that the patterns use.
fn pair(premise: &str, hypothesis: &str) -> Record {
    Record::from([("premise", premise), ("hypothesis", hypothesis)])
}

/// Trains with `model` in a directory under `runs`, and classifies a pair.
pub(crate) fn run(model: Model, runs: &Path) -> Result<Prediction> {
    let task = Task::builder()
        .name("entailment")
        // `{sep}` separates the two as the model was taught to have pairs separated.
        .pattern("{hypothesis}? {sep} {mask}, {premise}")
        .pattern("\"{hypothesis}\"? {sep} {mask}. \"{premise}\"")
        .label("follows", ["Yes"])
        .label("does not follow", ["No"])
        .train([
            (pair("the shop opens at nine", "the shop is closed at eight"), "follows"),
            (pair("all trains were late", "every train was on time"), "does not follow"),
            (pair("she sold both of her cars", "she had two cars"), "follows"),
            (pair("he has never been abroad", "he lived in another country"), "does not follow"),
        ])
        .unlabeled([
            pair("the bridge was built last year", "the bridge is new"),
            pair("nobody came to the meeting", "the room was full"),
        ])
        .build()?;
    let trained = Trainer::new(&task).model(model).runs(runs).train()?;
    let prediction =
        Predictor::open(&trained.path)?.classify(pair("the lake is frozen", "the water is warm"))?;
    for (label, probability) in &prediction.probabilities {
        println!("{label}: {:.0} %", 100.0 * probability);
    }
    Ok(prediction)
}
