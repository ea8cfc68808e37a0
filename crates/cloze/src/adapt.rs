//! A masked language model adapted to a kind of text: its training goes on, with the text of your field.
//!
//! Gururangan et al. (2020, arXiv 2004.10964) call this domain-adaptive and task-adaptive pretraining. Documents are laid end to end and cut
//! into sequences of one length; whole words are masked, at a rate that may fall in the course of the training (Yang et al., 2023, arXiv
//! 2212.05281); an anchor can keep what the model knows of sentences.
//!
//! The result is a Hugging Face directory of the same family, with its masked-LM head, that [`Model::open`] opens.

mod anchor;
mod checkpoint;
mod corpus;
mod events;
mod files;
mod masking;
mod options;
mod packing;
mod sampling;
mod tasks;
#[cfg(test)]
mod tests;
mod threads;
mod training;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use askama::Template;
use cloze_encoder::{Device, Session, Tokenizer, schedule};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use self::checkpoint::{Folder, Position, RECORD};
use self::corpus::{Corpus, Source, Texts};
use self::events::{Listener, say};
use self::masking::Masking;
use self::packing::Packed;
use self::sampling::Purpose;
use self::tasks::Tasks;
use self::training::{Training, parse};
use crate::error::counted;
use crate::report;
use crate::results::ModelSource;
use crate::run::event::Event;
use crate::run::store::pretty_json;
use crate::table::ReadOptions;
use crate::task::Precision;
use crate::{Error, Model, Place, Prepared, Result};

/// What events call the work.
const JOB: &str = "adapt";
/// Version of `adapt.json` and of what an unfinished adaptation keeps.
const FORMAT: u32 = 1;
/// Measurements in the course of a training where nothing is said.
const MEASUREMENTS: usize = 10;

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Along half a cosine.
    #[default]
    Cosine,
    /// In a straight line.
    Linear,
}

impl Schedule {
    fn factor(self, step: usize, warmup: usize, steps: usize) -> f32 {
        match self {
            Schedule::Cosine => schedule::cosine(step, warmup, steps),
            Schedule::Linear => schedule::linear(step, warmup, steps),
        }
    }
}

/// How a model is adapted.
///
/// ```no_run
/// use std::ops::ControlFlow;
///
/// use cloze::adapt::Adaptation;
/// use cloze::cloze_encoder::Device;
/// use cloze::Model;
///
/// # fn main() -> cloze::Result<()> {
/// let model = Model::open("models/bert-base-uncased")?;
/// let adaptation = Adaptation { epochs: 3.0, columns: vec!["message".into()], ..Adaptation::default() };
/// let texts = ["tickets.csv".into(), "manuals".into()];
/// let output = "models/bert-support".as_ref();
/// let done = adaptation.run(&model, &texts, output, &Device::all_cores(), &mut |_| ControlFlow::Continue(()))?;
/// println!("{} tokens, held-out loss {:?}", done.tokens, done.after.map(|measured| measured.loss));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation {
    /// The columns with text in tables; none for the column `text`. Several are joined by a blank.
    pub columns: Vec<String>,
    /// How files are read that do not say it themselves.
    pub reading: ReadOptions,
    /// Tokens of a sequence, special tokens included.
    pub length: usize,
    /// The share of tokens that is masked at the first and at the last update, in between in a straight line.
    pub mask_rate: (f64, f64),
    /// Updates; none for `epochs`.
    pub steps: Option<usize>,
    /// Passes over all sequences.
    pub epochs: f64,
    /// Sequences of an update.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// The updates over which the learning rate rises: their number, or below 1 their share of all.
    pub warmup: f64,
    /// How it falls after that.
    pub schedule: Schedule,
    /// The weight of the anchor beside the masked-LM loss: 1 - cosine between the mean of a sequence's last states and what it was
    /// before the adaptation. 0 for none.
    pub anchor: f32,
    /// Tables of cloze tasks to train on beside the text, with the columns `text` (with one `{mask}`), `words` (with blanks between them)
    /// and `answer`. The loss is the cross-entropy of the right word among those of its task.
    pub tasks: Vec<PathBuf>,
    /// Tasks of an update.
    pub task_batch: usize,
    /// The sequences to measure on, which are not trained on: their number, or below 1 their share of all; none for 5 %, at most 512. As
    /// great a share of the tasks is held out, at most 512.
    pub held_out: Option<f64>,
    /// Updates between measurements; none for a tenth of all.
    pub measure: Option<usize>,
    /// Updates between checkpoints; none for one every two minutes.
    pub checkpoint: Option<usize>,
    /// What matrix products multiply.
    pub precision: Precision,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
}

impl Default for Adaptation {
    fn default() -> Adaptation {
        Adaptation {
            columns: Vec::new(),
            reading: ReadOptions::default(),
            length: 128,
            mask_rate: (0.2, 0.2),
            steps: None,
            epochs: 1.0,
            batch: 32,
            learning_rate: 5e-5,
            warmup: 0.06,
            schedule: Schedule::default(),
            anchor: 0.0,
            tasks: Vec::new(),
            task_batch: 32,
            held_out: None,
            measure: None,
            checkpoint: None,
            precision: Precision::default(),
            seed: 0,
        }
    }
}

/// How well a model predicts masked tokens of text that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Their mean cross-entropy, in nats.
    pub loss: f64,
    /// The share of them that the model gives the highest score of all tokens.
    pub accuracy: f64,
    /// The share of cloze tasks held out that it solves, if it is trained on any.
    pub tasks: Option<f64>,
}

/// A model that has been adapted; the same as in `adapt.json` in its directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Adapted {
    /// Its directory.
    #[serde(serialize_with = "shown")]
    pub output: PathBuf,
    /// What the model was called that it was made from.
    pub model: String,
    /// Files that were read.
    pub files: usize,
    /// Documents with text.
    pub documents: usize,
    /// Tokens of all documents, special tokens left out.
    pub tokens: usize,
    /// Sequences that they were packed into.
    pub sequences: usize,
    /// How many of these were held out.
    pub held_out: usize,
    /// Updates.
    pub steps: usize,
    /// Whether whole words were masked; otherwise single tokens, since the vocabulary does not tell words apart.
    pub whole_words: bool,
    /// How well the model did before, on the sequences that were held out.
    pub before: Option<HeldOut>,
    /// How well it does now.
    pub after: Option<HeldOut>,
    /// How long it took in all, in seconds; interruptions are left out.
    pub seconds: f64,
}

impl Adaptation {
    /// Adapts `model` to `texts`, files and folders, and writes the directory `output`. What is unfinished lies in `output` with
    /// `.unfinished` behind its name, and the same call goes on with it, with the same bits as if it had never stopped.
    ///
    /// # Errors
    /// When an option, a file or the model cannot be used, `output` is there already or was begun with other options, the training
    /// diverges, or the listener breaks ([`Error::Stopped`]).
    pub fn run(
        &self,
        model: &Model,
        texts: &[PathBuf],
        output: &Path,
        device: &Device,
        listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Adapted> {
        let texts = Texts::Files { paths: texts, columns: &self.columns, reading: self.reading };
        self.carry_out(model, texts, output, device, listener)
    }

    /// Adapts the model of a task to the task's own labelled and unlabelled rows, without its test rows, in a directory in
    /// `runs/adapted`, and says how many seconds that took. If these rows, options and model have had their turn, the model is opened that came
    /// of it. Rows are few, so a few `epochs` with an `anchor` suit them.
    ///
    /// # Errors
    /// Those of [`run`](Adaptation::run).
    pub fn to_rows(
        &self,
        prepared: &Prepared,
        runs: &Path,
        listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<(Model, f64)> {
        let Prepared { task, data, model, device, .. } = prepared;
        let examples = data.train.first_questions().chain(data.unlabeled.first_questions());
        let rows: Vec<String> = examples.map(|example| example.texts.join(" ")).collect();
        let options = Adaptation { precision: self.precision.on(device), ..self.clone() };
        let mut hasher = blake3::Hasher::new();
        let about = [format!("{options:?}"), model.checkpoint().fingerprint().to_owned()];
        for part in rows.iter().chain(&about) {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let key = &hasher.finalize().to_hex()[..8];
        let output = runs.join("adapted").join(format!("{}-{key}", task.name));
        if !output.join(RECORD).is_file() {
            options.carry_out(model, Texts::Rows(&rows), &output, device, listener)?;
        }
        let seconds = seconds(&output.join(RECORD))?;
        Ok((Model::open(output)?, seconds))
    }

    fn carry_out(
        &self,
        model: &Model,
        texts: Texts,
        output: &Path,
        device: &Device,
        listener: &mut Listener,
    ) -> Result<Adapted> {
        let began = Instant::now();
        let checkpoint = model.checkpoint();
        let tokenizer = &checkpoint.tokenizer;
        let unfinished = Folder::beside(output)?;
        self.check(checkpoint.config.max_length(), tokenizer.special_count(false))?;
        let network = cloze_encoder::Model::masked_lm(checkpoint)?;
        let _claimed = Folder::claim(&unfinished)?;

        let masking = Masking::new(tokenizer, checkpoint.config.vocab_size);
        let whole_words = masking.knows_words();
        if !whole_words {
            let message = "the vocabulary does not tell words apart, so single tokens are masked instead of whole words";
            say(listener, &Event::warning(message))?;
        }
        let source = Source { texts, tokenizer, length: self.length, threads: device.threads() };
        let Corpus { packed, files, mut warnings } = source.read(listener)?;
        let room = self.length - tokenizer.special_count(false);
        let (tasks, of_tasks) =
            Tasks::read(&self.tasks, self.reading, tokenizer, room, device.threads(), listener)?;
        warnings.extend(of_tasks);
        let usable = with_words(&packed, &masking, tokenizer, &mut warnings)?;
        warnings.into_iter().try_for_each(|warning| say(listener, &Event::warning(warning)))?;
        let held_out = self.held_out(usable.len())?;
        let of_all = |indices: Vec<usize>| indices.into_iter().map(|index| usable[index]).collect::<Vec<_>>();
        let (train, held_out) = sampling::split(usable.len(), held_out, self.seed, Purpose::HoldOut);
        let (train, held_out) = (of_all(train), of_all(held_out));
        let tasks_held_out = self.tasks_held_out(held_out.len(), packed.len(), tasks.len());
        let split = sampling::split(tasks.len(), tasks_held_out, self.seed, Purpose::HoldOutTasks);
        let steps = self.steps(train.len())?;
        let every = self.measure.unwrap_or(steps.div_ceil(MEASUREMENTS));

        let precision = self.precision.on(device);
        let record = self.record(checkpoint.fingerprint(), &packed, &tasks, steps, precision);
        let folder = Folder::open(output, &record)?;
        let version = env!("CARGO_PKG_VERSION");
        say(listener, &Event::Started { run: unfinished.display().to_string(), version: version.into() })?;
        let training = Training {
            adaptation: self,
            fine_tuning: self.fine_tuning(steps),
            tokenizer,
            masking,
            vocabulary: tokenizer.vocab_size(),
            packed: &packed,
            train,
            held_out,
            tasks,
            split,
            every,
            folder: &folder,
            began,
        };
        let mut session = Session::new(network, &precision.device(device));
        let position = training.run(&mut session, listener)?;

        let measured = |line: Option<&String>| -> Result<Option<HeldOut>> {
            Ok(line.map(|line| parse(line)).transpose()?.and_then(|line| line.held_out))
        };
        let adapted = Adapted {
            output: output.to_owned(),
            model: model.name.clone(),
            files,
            documents: packed.documents,
            tokens: packed.tokens,
            sequences: packed.len(),
            held_out: training.held_out.len(),
            steps,
            whole_words,
            before: measured(position.log.first())?,
            after: measured(position.log.last())?,
            seconds: position.seconds,
        };
        let network = session.into_model();
        folder.publish(|dir| {
            network.save_like(dir, checkpoint)?;
            write(dir, &adapted, record, &position)?;
            write_card(dir, &adapted, &ModelSource::of(model))
        })?;
        // What is finished cannot be stopped any more.
        let _ = listener(&Event::Finished { run: output.display().to_string(), seconds: adapted.seconds });
        Ok(adapted)
    }
}

/// How long an adaptation took, by its record.
fn seconds(record: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(record).map_err(|error| Error::io("read", record, error))?;
    let seconds =
        serde_json::from_str(&text).ok().and_then(|record: Value| record["result"]["seconds"].as_f64());
    seconds.ok_or_else(|| {
        let place = Place::file(record.display().to_string());
        Error::data(place, "there are no `seconds`", "delete its directory and run the same command again")
    })
}

/// The indices of the sequences that have a word to predict. The others consist of unknown tokens only; `warnings` says how many.
///
/// # Errors
/// When no sequence has such a word.
fn with_words(
    packed: &Packed,
    masking: &Masking,
    tokenizer: &Tokenizer,
    warnings: &mut Vec<String>,
) -> Result<Vec<usize>> {
    let usable: Vec<usize> =
        (0..packed.len()).filter(|index| masking.has_words(&packed.sequence(*index, tokenizer))).collect();
    let without = packed.len() - usable.len();
    if usable.is_empty() {
        return Err(Error::usage(
            "the model's vocabulary knows no word of the text, so there is nothing to learn",
            "use a model for the language and script of the text",
        ));
    }
    if without > 0 {
        let verb = if without == 1 { "has" } else { "have" };
        warnings.push(format!(
            "{} {verb} no word that the model's vocabulary knows, and no part in the training",
            counted(without, "sequence")
        ));
    }
    Ok(usable)
}

/// A path in JSON; what is not Unicode in it is replaced.
fn shown<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The model card of an adapted model.
#[derive(Template)]
#[template(path = "adapted_card.md")]
struct Card<'a> {
    origin: String,
    name: String,
    adapted: &'a Adapted,
    version: &'static str,
}

/// Writes the model card beside the weights.
fn write_card(dir: &Path, adapted: &Adapted, model: &ModelSource) -> Result<()> {
    let name = adapted.output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let card = Card { origin: report::origin(model), name, adapted, version: env!("CARGO_PKG_VERSION") };
    let path = dir.join("README.md");
    // Rendering writes text to memory only, which cannot fail.
    let text = card.render().unwrap_or_default();
    std::fs::write(&path, text).map_err(|error| Error::io("write", &path, error))
}

/// Writes beside the weights how they came to be.
fn write(dir: &Path, adapted: &Adapted, options: Map<String, Value>, position: &Position) -> Result<()> {
    let about = json!({"format": FORMAT, "result": adapted, "options": options});
    let lines: String = position.log.iter().map(|line| line.clone() + "\n").collect();
    for (name, bytes) in [(RECORD, pretty_json(&about)), ("adapt.jsonl", lines.into_bytes())] {
        let path = dir.join(name);
        std::fs::write(&path, bytes).map_err(|error| Error::io("write", &path, error))?;
    }
    Ok(())
}
