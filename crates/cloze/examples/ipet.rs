//! iPET: generations of models, each of which also learns from examples that the one before has labelled. Another thread can stop it.
//!
//! ```text
//! cargo run --release -p cloze --features built-in-model --example ipet
//! ```

use std::path::Path;
use std::thread;
use std::time::Duration;

use cloze::task::Method;
use cloze::{Cancel, Error, Model, Result, Run, Task, Trainer};

/// Longer than this nobody wants to wait; what is finished by then is kept, and the same call goes on with it.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    match run(Model::built_in()?, Path::new("runs")) {
        Err(Error::Stopped) => println!("this took too long; run it again to go on"),
        done => return done.map(drop),
    }
    Ok(())
}

/// Trains with `model` in a directory under `runs`.
pub(crate) fn run(model: Model, runs: &Path) -> Result<Run> {
    let topics = ["the match", "the election", "the new phone", "the final", "the minister", "the update"];
    let unlabeled = topics.iter().flat_map(|topic| {
        ["everybody talks about", "what we know of", "five questions about"]
            .map(|what| format!("{what} {topic}"))
    });
    let task = Task::builder()
        .name("news")
        .pattern("{mask} news: {text}")
        .pattern("{text} (Category: {mask})")
        .label("sports", ["sports"])
        .label("politics", ["politics"])
        .label("technology", ["technology"])
        .train([
            ("the striker scored twice", "sports"),
            ("parliament votes on the budget", "politics"),
            ("the chip is twice as fast", "technology"),
        ])
        .unlabeled(unlabeled)
        .options(|options| options.method = Method::Ipet)
        .build()?;

    let cancel = Cancel::default();
    let stop = cancel.clone();
    thread::spawn(move || {
        thread::sleep(PATIENCE);
        stop.cancel();
    });
    let trained = Trainer::new(&task).model(model).runs(runs).cancel(&cancel).train()?;
    for set in &trained.results.sets {
        println!("{} has learnt from {:?} beside the labelled examples", set.member, set.labels);
    }
    Ok(trained)
}
