//! The cost of training: time, memory, disk.
//!
//! The time is computed from multiplications per token, tokens per example (from a sample of the task's own
//! data) and examples per job, divided by the speed of this machine, which is measured on a short forward
//! pass. The estimate is accurate to about a factor of 1.5, and less so if the machine has other work to do.

use std::time::Instant;

use cloze_encoder::{Batch, Checkpoint, Config, Mode, Model, Sequence, Session, Vocab};
use serde::Serialize;

use crate::Result;
use crate::dataset::{Data, Example};
use crate::pvp::encode::{ClassifierEncoder, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::plan::{Job, Work, keeps_members, keeps_probe, measures_members};
use crate::run::prepare::Prepared;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::{calibration, decoding};
use crate::task::{Keep, Method, Task};
use crate::training::linear_probe;

/// Number of examples of every split that are encoded to measure their lengths.
const SAMPLE: usize = 64;

/// Floating-point operations of the pass that measures the speed: a few hundredths of a second on an ordinary
/// machine.
const PROBE: f64 = 8e9;

/// Total seconds of the passes that measure the speed.
const LONG_ENOUGH: f64 = 0.25;

/// Overhead of a forward and backward pass beyond its multiplications: backward reads and writes more memory
/// per operation.
const TRAINING: f64 = 1.15;

/// Bytes that an update moves per weight (weight, gradient and both moments, read and written), and memory
/// bandwidth in bytes per second.
const UPDATE_BYTES: f64 = 28.0;
const BANDWIDTH: f64 = 8e9;

/// The speed of this machine with this model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Speed {
    /// Floating-point operations per second in a forward pass.
    pub flops: f64,
}

impl Speed {
    /// Times short forward passes, which include the effect of other work on the machine; takes well under a
    /// second for models up to BERT-large.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub(crate) fn measure(prepared: &Prepared) -> Result<Speed> {
        let Prepared { device, .. } = prepared;
        let checkpoint = prepared.checkpoint();
        let config = &checkpoint.config;
        let length = 64.min(config.max_length());
        let count = (PROBE / forward(config, length as f64)).round().clamp(1.0, 64.0) as usize;
        let special = checkpoint.tokenizer.special();
        let mut ids = vec![special.unk; length];
        ids[0] = special.mask;
        let (sequence, mut batch) = (Sequence { type_ids: vec![0; length], ids }, Batch::new());
        (0..count).for_each(|_| batch.push(&sequence));
        let rows: Vec<u32> = (0..count).map(|index| batch.index(index, 0)).collect();
        let mut session = Session::new(Model::masked_lm(checkpoint)?, device);
        let mut pass = || {
            let began = Instant::now();
            session.mask_logits(&batch, &rows, Vocab::Subset(&[special.unk]), Mode::Predict);
            began.elapsed().as_secs_f64()
        };
        // The first pass allocates memory. The speed of the others depends on the machine's current load, as
        // that of the training will, so they are averaged over a while.
        pass();
        let (mut seconds, mut passes) = (0.0, 0.0);
        while seconds < LONG_ENOUGH && passes < 100.0 || passes < 2.0 {
            seconds += pass();
            passes += 1.0;
        }
        let seconds = (seconds / passes).max(1e-6);
        Ok(Speed { flops: count as f64 * forward(config, length as f64) / seconds })
    }
}

/// Floating-point operations of a forward pass over one sequence of `length` tokens, with output at one token.
fn forward(config: &Config, length: f64) -> f64 {
    let (hidden, inner) = (config.hidden_size as f64, config.intermediate_size as f64);
    let before_attention = 6.0 * hidden * hidden * length + 4.0 * length * length * hidden;
    let after_attention = 2.0 * hidden * hidden + 4.0 * hidden * inner;
    // After its attention, the last layer computes only that one token.
    let layers = config.layers() as f64;
    layers * before_attention + ((layers - 1.0) * length + 1.0) * after_attention
}

/// The estimated cost of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Total seconds of all jobs.
    pub seconds: f64,
    /// Peak memory in bytes.
    pub memory: u64,
    /// Disk space of the finished run in bytes.
    pub disk: u64,
    /// The estimates of the individual jobs.
    pub jobs: Vec<JobEstimate>,
}

/// The estimated cost of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobEstimate {
    /// Its directory in the run.
    pub job: String,
    /// Its duration.
    pub seconds: f64,
}

impl Estimate {
    /// The cost of a run from scratch on this machine, whose speed with the model is measured.
    ///
    /// # Errors
    /// When the model cannot be read, or an example cannot be truncated to its maximum length.
    pub fn measured(prepared: &Prepared) -> Result<Estimate> {
        Estimate::new(prepared, Speed::measure(prepared)?)
    }

    /// The cost of a run from scratch.
    ///
    /// # Errors
    /// When an example cannot be truncated to the model's maximum length.
    pub(crate) fn new(prepared: &Prepared, speed: Speed) -> Result<Estimate> {
        let Prepared { task, data, plan, .. } = prepared;
        let checkpoint = prepared.checkpoint();
        let costs = Costs { task, data, checkpoint, speed, weights: checkpoint.parameter_count() as f64 };
        let mut jobs = Vec::new();
        let mut longest = Lengths::default();
        for job in &plan.jobs {
            let (seconds, lengths) = costs.job(job)?;
            longest = longest.max(lengths);
            jobs.push(JobEstimate { job: job.name.clone(), seconds });
        }
        let models = plan.jobs.iter().filter(|job| match job.work {
            Work::Member { generation, .. } => keeps_members(task, generation, data.unlabeled.len()),
            Work::Probe => keeps_probe(task, data.unlabeled.len()),
            Work::Final { .. } => task.options.keep != Keep::None,
            _ => false,
        });
        let rows = (data.unlabeled.len() + data.test.len()) * plan.jobs.len();
        Ok(Estimate {
            seconds: jobs.iter().map(|job| job.seconds).sum(),
            memory: costs.memory(longest),
            // Models are float32; each example has a score of about 12 characters per label, stored twice.
            disk: (models.count() as f64 * costs.weights * 4.0) as u64
                + (rows * task.labels.len() * 24) as u64,
            jobs,
        })
    }
}

/// Lengths of encoded examples, in tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Lengths {
    mean: f64,
    longest: f64,
    /// For multi-token words: the additional passes for scoring an example, the masks that they predict over
    /// the whole vocabulary, and the masks that training predicts.
    passes: f64,
    masks: f64,
    lesson: f64,
}

impl Lengths {
    fn of(lengths: &[usize]) -> Lengths {
        let longest = lengths.iter().copied().max().unwrap_or(0) as f64;
        Lengths { mean: mean(lengths.iter().copied()), longest, ..Lengths::default() }
    }

    fn max(self, other: Lengths) -> Lengths {
        Lengths { mean: self.mean.max(other.mean), longest: self.longest.max(other.longest), ..self }
    }
}

/// The mean of counts; 0 if there are none.
fn mean(counts: impl ExactSizeIterator<Item = usize>) -> f64 {
    let count = counts.len().max(1);
    counts.sum::<usize>() as f64 / count as f64
}

struct Costs<'a> {
    task: &'a Task,
    data: &'a Data,
    checkpoint: &'a Checkpoint,
    speed: Speed,
    weights: f64,
}

impl Costs<'_> {
    /// Seconds of a job, and the lengths of the examples that it trains on.
    fn job(&self, job: &Job) -> Result<(f64, Lengths)> {
        let options = &self.task.options;
        let (train, unlabeled, test) = (&self.data.train, &self.data.unlabeled, &self.data.test);
        let steps = (options.steps * options.accumulation) as f64;
        Ok(match job.work {
            Work::ZeroShot { pattern } => {
                let mut seconds = self.forward(train, Some(pattern))? + self.calibrating(pattern)?;
                if options.measures_all() {
                    seconds += self.forward(test, Some(pattern))?;
                }
                (seconds, Lengths::default())
            }
            Work::Member { generation, pattern, .. } => {
                let learning = if train.is_empty() { unlabeled } else { train };
                let lengths = self.lengths(learning, Some(pattern))?;
                let mut row =
                    forward(&self.checkpoint.config, lengths.mean) + lengths.lesson * self.vocabulary();
                if options.lm_weight > 0.0 {
                    let tokens = self.lengths(unlabeled, Some(pattern))?.mean;
                    let config = &self.checkpoint.config;
                    // All tokens go through the last layer, and 15 % of them are predicted over the whole
                    // vocabulary.
                    row += forward(config, tokens) + 0.15 * tokens * self.vocabulary();
                }
                let training = match (generation, train.is_empty()) {
                    // There is nothing to learn from yet.
                    (0, true) => 0.0,
                    _ => self.training(steps, options.steps, options.batch_size, row),
                };
                let mut scoring =
                    self.forward(train, Some(pattern))? + self.forward(unlabeled, Some(pattern))?;
                if measures_members(self.task, unlabeled.len()) {
                    scoring += self.forward(test, Some(pattern))?;
                }
                (training + scoring, lengths)
            }
            Work::Probe => {
                let around = &unlabeled[..unlabeled.len().min(linear_probe::ROWS)];
                let lengths = self.lengths(train, None)?;
                // Every example is paired with another one of its label.
                let pair = 2.0 * forward(&self.checkpoint.config, lengths.mean);
                let mut seconds = self.training(steps, options.steps, options.batch_size.div_ceil(2), pair);
                seconds += 2.0 * (self.forward(train, None)? + self.forward(around, None)?);
                seconds += self.forward(unlabeled, None)?;
                if options.measures_all() {
                    seconds += self.forward(test, None)?;
                }
                (seconds, lengths)
            }
            Work::Primed { pattern, .. } => {
                let config = &self.checkpoint.config;
                let examples = options.priming.min(train.len()) as f64;
                let row = self.lengths(test, Some(pattern))?.mean;
                let length = (row + examples * self.lengths(train, Some(pattern))?.mean)
                    .min(config.max_length() as f64);
                (test.len() as f64 * forward(config, length) / self.speed.flops, Lengths::default())
            }
            Work::Ensemble { .. } | Work::Sets { .. } => (0.0, Lengths::default()),
            Work::Supervised { .. } | Work::Final { .. } => {
                let supervised =
                    matches!(job.work, Work::Supervised { .. }) || options.method == Method::Supervised;
                let lengths = self.lengths(if supervised { train } else { unlabeled }, None)?;
                let row = forward(&self.checkpoint.config, lengths.mean);
                let training = if supervised {
                    self.training(steps, options.steps, options.batch_size, row)
                } else {
                    let distil = &options.distil;
                    self.training(distil.steps as f64, distil.steps, distil.batch_size, row)
                };
                (training + self.forward(train, None)? + self.forward(test, None)?, lengths)
            }
        })
    }

    /// Seconds for training: `passes` over batches of examples that cost `row` each, and `updates`.
    fn training(&self, passes: f64, updates: usize, batch: usize, row: f64) -> f64 {
        let batch = batch as f64;
        // Only the word embeddings that occur are updated, at negligible cost.
        let embeddings = (self.checkpoint.config.vocab_size * self.checkpoint.config.hidden_size) as f64;
        let update = (self.weights - embeddings) * self.trained() * UPDATE_BYTES / BANDWIDTH;
        // Backward costs as much as two forward passes, and ends at the frozen layers.
        let pass = (1.0 + 2.0 * self.trained()) * row * TRAINING;
        passes * batch * pass / self.speed.flops + updates as f64 * update
    }

    /// The share of the layers that are trained.
    fn trained(&self) -> f64 {
        1.0 - self.task.options.freeze as f64 / self.checkpoint.config.layers() as f64
    }

    /// Seconds for scoring examples, with or without a pattern.
    fn forward(&self, examples: &[Example], pattern: Option<usize>) -> Result<f64> {
        let lengths = self.lengths(examples, pattern)?;
        let passes = (1.0 + lengths.passes) * forward(&self.checkpoint.config, lengths.mean);
        Ok(examples.len() as f64 * (passes + lengths.masks * self.vocabulary()) / self.speed.flops)
    }

    /// Seconds to calibrate the pretrained model.
    fn calibrating(&self, pattern: usize) -> Result<f64> {
        self.forward(&calibration::rows(self.task, self.data), Some(pattern))
    }

    /// Floating-point operations for predicting a token over the whole vocabulary.
    fn vocabulary(&self) -> f64 {
        let config = &self.checkpoint.config;
        2.0 * (config.vocab_size * config.embedding_size) as f64
    }

    fn lengths(&self, examples: &[Example], pattern: Option<usize>) -> Result<Lengths> {
        let step = examples.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<Example> = examples.iter().step_by(step).cloned().collect();
        let tokenizer = &self.checkpoint.tokenizer;
        let lengths: Vec<usize> = match pattern {
            Some(pattern) => {
                let verbalizer = Verbalizer::new(self.task, pattern, tokenizer)?;
                let encoder = PatternEncoder::of_task(self.task, pattern, tokenizer).asking_for(&verbalizer);
                let clozes = encoder.encode_all(&sample)?;
                let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
                let lengths = Lengths::of(&lengths);
                if verbalizer.is_one_token() {
                    return Ok(lengths);
                }
                let work: Vec<(usize, usize)> =
                    clozes.iter().map(|cloze| decoding::work(cloze, verbalizer.decoding)).collect();
                return Ok(Lengths {
                    passes: (mean(work.iter().map(|work| work.0)) - 1.0).max(0.0),
                    masks: mean(work.iter().map(|work| work.1)),
                    lesson: mean(clozes.iter().map(|cloze| cloze.masks)),
                    ..lengths
                });
            }
            None => {
                let encoder = ClassifierEncoder::new(tokenizer, self.task.options.max_length);
                sample.iter().map(|example| encoder.encode(&example.texts).0.len()).collect()
            }
        };
        Ok(Lengths::of(&lengths))
    }

    /// Peak memory in bytes: the model's file and weights, the optimizer state, and the activations of a
    /// training batch.
    fn memory(&self, lengths: Lengths) -> u64 {
        let (config, options) = (&self.checkpoint.config, &self.task.options);
        let (hidden, inner) = (config.hidden_size as f64, config.intermediate_size as f64);
        let embeddings = (config.vocab_size * config.embedding_size) as f64;
        let learning = if options.lm_weight > 0.0 { self.weights } else { self.weights - embeddings };
        let learning = learning * self.trained();
        let rows = match options.method {
            Method::Supervised => options.batch_size,
            Method::Pet | Method::Ipet => options.batch_size.max(options.distil.batch_size),
        };
        let tokens = rows as f64 * (lengths.mean + lengths.longest) / 2.0;
        let layers = config.layers() as f64;
        let heads = config.num_attention_heads as f64;
        let kept = 7.0 * hidden + inner + heads * lengths.longest;
        let tape = layers * tokens * (hidden + self.trained() * kept);
        let scratch = tokens.max(SCORING_TOKENS as f64) * (7.0 * hidden + 2.0 * inner);
        // The file contents, the weights, gradients and both moments, and the tape; and the program with its
        // data.
        let floats = 2.0 * self.weights + 3.0 * learning + tape + scratch;
        let text: usize = [&self.data.train, &self.data.unlabeled, &self.data.test]
            .into_iter()
            .flatten()
            .map(|example| 200 + example.texts.iter().map(String::len).sum::<usize>())
            .sum();
        (4.0 * floats) as u64 + 2 * text as u64 + (80 << 20)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_longer_row_costs_more_than_in_proportion() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert");
        let config = Checkpoint::open(&folder).unwrap().config;
        assert!(forward(&config, 64.0) > 2.0 * forward(&config, 32.0));
    }
}
