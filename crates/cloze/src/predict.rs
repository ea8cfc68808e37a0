//! Labels for new rows, from a finished run.

use std::io::Write;
use std::path::Path;

use cloze_encoder::{Checkpoint, Device, Model, Session, Tokenizer};
use serde_json::Value;

use crate::answer::Answer;
use crate::classifier;
use crate::encode::{ClassifierEncoder, PatternEncoder};
use crate::ensemble::{Weights, merge};
use crate::metrics::Evaluation;
use crate::scores::Scores;
use crate::store::{Job, Run};
use crate::summary::Summary;
use crate::table::{Format, Reader, Row, Writer};
use crate::task::{Example, Keep, Task, View};
use crate::train::SCORING_TOKENS;
use crate::verbalizer::Verbalizer;
use crate::{Error, Result};
use crate::{plan, pvp};

/// Which of a run's models predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// The final classifier: one small model.
    Classifier,
    /// All members together: as many models as there are patterns and seeds, and as much slower.
    Ensemble,
}

/// Rows that are read, scored and written at a time.
const CHUNK: usize = 512;

/// The same for an ensemble too large to stay in memory, whose models are read again for every chunk.
const LARGE_CHUNK: usize = 8192;

/// Weights of an ensemble that stay in memory, in bytes.
const RESIDENT: u64 = 1 << 30;

/// Models that give labels to rows.
pub struct Predictor {
    task: Task,
    device: Device,
    models: Models,
}

enum Models {
    Classifier(Box<Loaded>),
    Patterns { members: Vec<Member>, resident: bool },
}

/// A pattern model with its share in the ensemble.
struct Member {
    pattern: usize,
    weight: f64,
    job: Job,
    /// The model once it has been read, if it stays in memory.
    loaded: Option<Loaded>,
}

struct Loaded {
    session: Session,
    tokenizer: Tokenizer,
}

impl Predictor {
    /// The models of the run in `dir`: the final classifier if there is one, unless `with` asks for something else.
    ///
    /// # Errors
    /// When the directory is no finished run, a file is damaged, or the models asked for were not kept.
    pub fn open(dir: &Path, with: Option<With>, device: &Device) -> Result<Predictor> {
        let run = Run::open(dir)?;
        let name = dir.join("run.toml").display().to_string();
        let task = Task::parse(&name, &run.manifest()?, dir)?;
        if task.options.keep == Keep::None {
            return Err(Error::usage(
                format!("`{}` has kept no model: its task says `keep = \"none\"`", dir.display()),
                "write `keep = \"all\"` or `keep = \"final\"` under `[train]` in the task file and run `cloze train` again",
            ));
        }
        let device = task.options.precision.device(device);
        let classifier = run.job("final")?;
        let models = match (with, classifier) {
            (None | Some(With::Classifier), Some(job)) => {
                let checkpoint = read_model(&job, "")?;
                let session = Session::new(Model::classifier(&checkpoint)?, &device);
                Models::Classifier(Box::new(Loaded { session, tokenizer: checkpoint.tokenizer }))
            }
            (None, None) if !dir.join("results.json").exists() => return Err(unfinished(dir)),
            (Some(With::Classifier), None) => return Err(no_classifier(dir)),
            (None | Some(With::Ensemble), _) => ensemble(&run, &task)?,
        };
        Ok(Predictor { task, device, models })
    }

    /// The task of the run, with its labels and columns.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Scores of rows whose texts are those of [`Task::fields`]. `progress` hears how many passes over rows are done, and
    /// how many there are.
    ///
    /// # Errors
    /// When a row cannot be cut to the model's length, a model cannot be read, or `progress` fails.
    pub fn score(
        &mut self,
        examples: &[Example],
        mut progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Scores> {
        let (task, rows) = (&self.task, examples.len());
        match &mut self.models {
            Models::Classifier(loaded) => {
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, task.options.max_length);
                let sequences: Vec<_> =
                    examples.iter().map(|example| encoder.encode(&example.texts).0).collect();
                let report = |done| progress(done, rows);
                classifier::score(&mut loaded.session, task.labels.len(), &sequences, SCORING_TOKENS, report)
            }
            Models::Patterns { members, resident } => {
                let total = members.len() * rows;
                let mut all = Vec::with_capacity(members.len());
                for (number, member) in members.iter_mut().enumerate() {
                    let mut loaded = match member.loaded.take() {
                        Some(loaded) => loaded,
                        None => load(&member.job, &self.device)?,
                    };
                    let tokenizer = &loaded.tokenizer;
                    let verbalizer = Verbalizer::new(task, member.pattern, tokenizer)?;
                    let encoder =
                        PatternEncoder::of_task(task, member.pattern, tokenizer).asking_for(&verbalizer);
                    let clozes = encoder.encode_all(examples)?;
                    let report = |done| progress(number * rows + done, total);
                    all.push(pvp::score(&mut loaded.session, &verbalizer, &clozes, SCORING_TOKENS, report)?);
                    member.loaded = resident.then_some(loaded);
                }
                let values = members.iter().map(|member| member.weight).collect();
                Ok(merge(&all, &Weights { values, fell_back: false }))
            }
        }
    }

    /// Compares the predictions for labelled rows with their labels; rows without one are left out.
    ///
    /// # Errors
    /// As [`Predictor::score`].
    pub fn evaluate(
        &mut self,
        examples: &[Example],
        progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Evaluation> {
        let labelled: Vec<Example> =
            examples.iter().filter(|example| example.label.is_some()).cloned().collect();
        let predictions = self.score(&labelled, progress)?.predictions();
        Ok(self.task.evaluation(&labelled, &predictions))
    }

    /// Reads rows, and writes each with its label and the probability of every label: columns `label` and `p_NAME`, or
    /// `predicted_label` and so on where the input has a column of that name. Where rows can have several labels, the column is
    /// `labels`. `output` is called `name` in errors;
    /// `progress` hears how many rows are written. Returns how many rows there were.
    ///
    /// # Errors
    /// When the input lacks a column that the patterns use or cannot be read, or the output cannot be written.
    pub fn annotate<W: Write>(
        &mut self,
        reader: Reader,
        output: W,
        name: &str,
        format: Format,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<usize> {
        let task = self.task.clone();
        let fields = task.fields();
        // Rows within rows are not written as the file's rows: nothing there would tell one from the other.
        let within = task.data.rows.is_some();
        let group =
            task.metrics.group.iter().filter(|group| within && View::has(&task, reader.columns(), group));
        let names: Vec<String> = group.chain(&fields).cloned().collect();
        let mut view = View::new(&task, reader.columns(), &names, None)?;
        // The description of a topic is none of a row's.
        let inputs = task.inputs();
        let is_shown = |name: &String| !fields.contains(name) || inputs.contains(name);
        let shown: Vec<usize> = (0..names.len()).filter(|&column| is_shown(&names[column])).collect();
        let project = |all: &[String]| -> Vec<String> { shown.iter().map(|&at| all[at].clone()).collect() };
        let columns =
            if within { reader.columns().renamed(&project(&names)) } else { reader.columns().clone() };
        let mut added = vec![columns.free_name(Answer::column(&task))];
        added.extend(task.answers().iter().map(|label| columns.free_name(&format!("p_{label}"))));
        let mut writer = Writer::new(name, output, format, &columns, &added)?;
        let copies = task.copies();
        let size = match self.models {
            Models::Patterns { resident: false, .. } => LARGE_CHUNK.div_ceil(copies),
            _ => CHUNK.div_ceil(copies),
        };
        let (mut rows, mut written) = (reader, 0);
        loop {
            let chunk: Vec<Row> = rows.by_ref().take(size).collect::<Result<_>>()?;
            if chunk.is_empty() {
                break;
            }
            let mut examples = Vec::with_capacity(chunk.len());
            let mut out = Vec::with_capacity(chunk.len());
            for row in chunk {
                for (number, mut texts) in view.read(&row)?.into_iter().enumerate() {
                    if number % copies == 0 {
                        out.push(if within { row.with_values(project(&texts)) } else { row.clone() });
                    }
                    texts.drain(..names.len() - fields.len());
                    examples.push(Example { texts, label: None, group: None, place: row.place() });
                }
            }
            let scores = self.score(&examples, |_, _| progress(written))?;
            for (row, answer) in out.iter().zip(Answer::of(&task, &scores)) {
                let mut values = vec![answer.value(&task, format)];
                // Six digits are more than these probabilities are good for.
                let rounded = |probability: f64| Value::from((probability * 1e6).round() / 1e6);
                values.extend(answer.probabilities.into_iter().map(rounded));
                writer.write(row, &values)?;
            }
            written += out.len();
            writer.flush()?;
            progress(written)?;
        }
        writer.finish()?;
        Ok(written)
    }
}

fn ensemble(run: &Run, task: &Task) -> Result<Models> {
    let mut generations = (0..task.options.generations()).rev();
    let last = generations.find(|generation| run.dir().join(plan::ensemble_name(*generation)).is_dir());
    let generation = last.unwrap_or(0);
    let Some(job) = run.job(&plan::ensemble_name(generation))? else {
        return Err(Error::usage(
            format!("`{}` has no ensemble", run.dir().display()),
            "run `cloze train` on its task until it is finished; a run with `method = \"supervised\"` never has one",
        ));
    };
    let mut members = Vec::new();
    let mut bytes = 0;
    let weights = Summary::read(&job)?.weights;
    // In the order in which training has merged them, so that the same sums give the same bits.
    // Without labelled rows the first generation has fewer members, and the weights say which.
    for (pattern, seed) in plan::members(task, generation, 1) {
        let name = plan::member_name(generation, pattern, seed);
        let Some(&weight) = weights.get(&name) else { continue };
        let job = run.job(&name)?;
        let Some(job) = job.filter(|job| job.has("model/model.safetensors")) else {
            return Err(Error::usage(
                format!("`{}` has not kept the models of its ensemble", run.dir().display()),
                "remove `keep = \"final\"` under `[train]` in the task file and run `cloze train` again, or predict \
                 with the classifier",
            ));
        };
        bytes += job.record().files.get("model/model.safetensors").map_or(0, |file| file.bytes);
        members.push(Member { pattern, weight, job, loaded: None });
    }
    Ok(Models::Patterns { members, resident: bytes <= RESIDENT })
}

fn unfinished(dir: &Path) -> Error {
    Error::usage(
        format!("the run `{}` is not finished", dir.display()),
        "run `cloze train` on its task again; it goes on where it was stopped",
    )
}

fn no_classifier(dir: &Path) -> Error {
    Error::usage(
        format!("`{}` has no final classifier", dir.display()),
        "run `cloze train` on its task until it is finished; without unlabelled rows there is none, and the ensemble \
         predicts",
    )
}

/// A model that a job has kept, checked against its hashes. `folder` is empty or ends with a slash.
fn read_model(job: &Job, folder: &str) -> Result<Checkpoint> {
    let file = |name: &str| job.read(&format!("{folder}{name}"));
    Ok(Checkpoint::from_parts(&file("config.json")?, &file("tokenizer.json")?, file("model.safetensors")?)?)
}

fn load(job: &Job, device: &Device) -> Result<Loaded> {
    let checkpoint = read_model(job, "model/")?;
    let session = Session::new(Model::masked_lm(&checkpoint)?, device);
    Ok(Loaded { session, tokenizer: checkpoint.tokenizer })
}
