//! Where the members of an ensemble disagree: the examples worth labelling next.
//!
//! ```text
//! cargo run --release -p cloze --features built-in-model --example disagreement
//! ```

use std::path::Path;

use cloze::cloze_encoder::Device;
use cloze::{Model, Record, Result, Task, Trainer, disagreement};

fn main() -> Result<()> {
    run(Model::built_in()?, Path::new("runs")).map(drop)
}

/// Trains with `model` in a directory under `runs`, and returns the share of members that disagree with the most frequent answer, for every text.
pub(crate) fn run(model: Model, runs: &Path) -> Result<Vec<f64>> {
    let texts = [
        "the waiter was friendly and the soup was cold",
        "I would come back any time",
        "never again",
        "the music was loud, which I like",
    ];
    let task = Task::builder()
        .name("reviews")
        .pattern("It was {mask}. {text}")
        .pattern("{text} All in all, it was {mask}.")
        .label("good", ["great", "good"])
        .label("bad", ["terrible", "bad"])
        .train([
            ("the best meal in years", "good"),
            ("they took an hour to bring the bill", "bad"),
            ("lovely place", "good"),
            ("overpriced and noisy", "bad"),
        ])
        .unlabeled(texts)
        // A member for every pattern and seed.
        .options(|options| options.seeds = vec![0, 1])
        .build()?;
    let trained = Trainer::new(&task).model(model).runs(runs).train()?;

    let examples = texts.map(Record::from);
    let disagreement = disagreement(&trained, &examples, &Device::all_cores())?;
    for (text, share) in texts.iter().zip(&disagreement) {
        println!("{:3.0} % {text}", 100.0 * share);
    }
    Ok(disagreement)
}
