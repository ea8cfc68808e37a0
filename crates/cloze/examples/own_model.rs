//! Any masked language model in a Hugging Face directory in the place of the built-in one, first without training.
//!
//! ```text
//! cargo run --release -p cloze --example own_model -- DIRECTORY
//! ```

use std::ops::ControlFlow;
use std::path::Path;

use cloze::cloze_encoder::Device;
use cloze::inspect::{ZeroShot, zero_shot};
use cloze::{Error, Model, Prepared, Result, Task};

fn main() -> Result<()> {
    let Some(directory) = std::env::args_os().nth(1) else {
        return Err(Error::usage(
            "no directory was given",
            "give one with `config.json`, `tokenizer.json` and `model.safetensors`",
        ));
    };
    run(Model::open(directory)?, Path::new("runs")).map(drop)
}

/// Asks `model` before any training, and trains it in a directory under `runs`.
pub(crate) fn run(model: Model, runs: &Path) -> Result<ZeroShot> {
    let task = Task::builder()
        .name("weather")
        .pattern("{text} That was {mask}.")
        .label("good", ["good"])
        .label("bad", ["bad"])
        .train([("sun all day long", "good"), ("nothing but rain", "bad")])
        .test([("a warm wind", "good"), ("hail and thunder", "bad"), ("a clear night", "good")])
        .build()?;
    // Rows are read, words looked up and the work planned once, for whatever is done then.
    let prepared = Prepared::new(&task, &model, &Device::all_cores())?;
    let zero_shot = zero_shot(&prepared, 0, |_, _| Ok(()))?;
    for outcome in &zero_shot.patterns {
        println!("{}: {:?}", outcome.pattern.as_deref().unwrap_or_default(), outcome.predicted);
    }
    let trained = prepared.train(runs, &mut |_| ControlFlow::Continue(()))?;
    println!("after training: {}", trained.path.display());
    Ok(zero_shot)
}
