//! What `cloze adapt` takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use cloze::adapt::{Adaptation, Schedule};
use cloze::task::Precision;

use super::choice;
use super::rows::ReadingArgs;

/// `cloze adapt`
#[derive(Debug, Args)]
pub(crate) struct Adapt {
    /// A Hugging Face directory with a masked language model, the name of a fetched model, or `cloze-mini-en`, the built-in one
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub model: PathBuf,
    /// Text: `.txt` files with blank lines between documents, CSV, TSV or JSON Lines files (all may be compressed with gzip or zstd), Parquet files, and
    /// folders of such files
    #[arg(value_name = "TEXT", required = true, value_hint = ValueHint::AnyPath)]
    pub texts: Vec<PathBuf>,
    /// The directory to write; it must not exist
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// A text column of the tables; may be repeated [default: text]
    #[arg(long, value_name = "NAME")]
    pub column: Vec<String>,
    /// How rows are stored.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Passes over the text
    #[arg(long, value_name = "N", default_value_t = 1.0, conflicts_with = "steps")]
    pub epochs: f64,
    /// Number of updates, instead of `--epochs`
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// Sequences per update
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: usize,
    /// Tokens per sequence
    #[arg(long, value_name = "TOKENS", default_value_t = 128)]
    pub length: usize,
    /// The share of tokens to mask; `0.3..0.15` changes it linearly during training
    #[arg(long, value_name = "RATE", default_value = "0.2", value_parser = mask_rate)]
    pub mask_rate: (f64, f64),
    /// The peak learning rate
    #[arg(long, value_name = "RATE", default_value = "5e-5")]
    pub learning_rate: f32,
    /// Warm-up: a number of updates or, below 1, a share of all updates
    #[arg(long, value_name = "N", default_value_t = 0.06)]
    pub warmup: f64,
    /// How the learning rate decays after warm-up
    #[arg(long, value_name = "HOW", default_value = "cosine", value_parser = choice(SCHEDULES))]
    pub schedule: Schedule,
    /// Keep mean-pooled states close to those of the original model: the weight of this loss, for example 1
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, hide_default_value = true)]
    pub anchor: f32,
    /// A table of cloze tasks to train on as well: columns `text` (with one `{mask}`), `words` (separated by blanks) and `answer`; may be
    /// repeated
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tasks: Vec<PathBuf>,
    /// Cloze tasks per update
    #[arg(long, value_name = "N", default_value_t = 32, requires = "tasks")]
    pub task_batch: usize,
    /// Held-out sequences: a number or, below 1, a share of all [default: 0.05, at most 512 sequences]
    #[arg(long, value_name = "N")]
    pub held_out: Option<f64>,
    /// Updates between measurements [default: a tenth of all]
    #[arg(long, value_name = "STEPS")]
    pub measure: Option<usize>,
    /// Updates between checkpoints [default: one every two minutes]
    #[arg(long, value_name = "STEPS")]
    pub checkpoint: Option<usize>,
    /// The number format of matrix products; bfloat16 only where the processor is faster with it
    #[arg(long, value_name = "FORMAT", default_value = "bfloat16", value_parser = choice(PRECISIONS))]
    pub precision: Precision,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl Adapt {
    /// The same for the library.
    pub(crate) fn adaptation(&self) -> Adaptation {
        Adaptation {
            columns: self.column.clone(),
            reading: self.reading.options(None),
            length: self.length,
            mask_rate: self.mask_rate,
            steps: self.steps,
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            schedule: self.schedule,
            anchor: self.anchor,
            tasks: self.tasks.clone(),
            task_batch: self.task_batch,
            held_out: self.held_out,
            measure: self.measure,
            checkpoint: self.checkpoint,
            precision: self.precision,
            seed: self.seed,
        }
    }
}

/// A masking rate, or two with `..` between them.
fn mask_rate(given: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let rates = match given.split_once("..") {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(given).map(|rate| (rate, rate)),
    };
    rates
        .ok_or_else(|| "give a share such as `0.2`, or the first and the last such as `0.3..0.15`".to_owned())
}

const SCHEDULES: &[(&str, Schedule)] = &[("cosine", Schedule::Cosine), ("linear", Schedule::Linear)];
const PRECISIONS: &[(&str, Precision)] =
    &[("float32", Precision::Float32), ("bfloat16", Precision::Bfloat16)];

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Verb};

    fn adaptation(options: &[&str]) -> Adaptation {
        let words = ["cloze", "adapt", "model", "text.txt", "-o", "out"];
        match Arguments::try_parse_from(words.iter().chain(options)).unwrap().verb {
            Verb::Adapt(adapt) => adapt.adaptation(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_the_library_decides() {
        assert_eq!(adaptation(&[]), Adaptation::default());
    }

    #[test]
    fn one_masking_rate_or_two_can_be_given() {
        assert_eq!(adaptation(&["--mask-rate", "0.3..0.15"]).mask_rate, (0.3, 0.15));
        assert_eq!(adaptation(&["--mask-rate", "0.4"]).mask_rate, (0.4, 0.4));
        assert!(mask_rate("a lot").is_err() && mask_rate("0.3..").is_err());
    }
}
