//! Labels for new rows, from a finished run.

pub mod answer;
pub mod zero_shot;

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use cloze_encoder::{Checkpoint, Device, Model, Session, Tokenizer};
use serde_json::Value;

use crate::ensemble::{Weights, merge};
use crate::error::list;
use crate::metrics::Evaluation;
use crate::predict::answer::Answer;
use crate::pvp::encode::{ClassifierEncoder, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::plan;
use crate::run::store::{Job, Run};
use crate::run::summary::Summary;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scorer;
use crate::scoring::scores::Scores;
use crate::table::{Format, Reader, Row, Submission, Writer, submission};
use crate::task::{Example, Keep, Rows, Task, View};
use crate::training::probe::{Part, Probe};
use crate::training::{classifier, probe};
use crate::{Error, Place, Result};

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
    stands_in: bool,
    /// Rows that had no text.
    empty: usize,
}

enum Models {
    Classifier(Box<Loaded>),
    Patterns { members: Vec<Member>, probe: Option<Box<HeardProbe>>, resident: bool },
}

/// The linear probe that an ensemble hears.
struct HeardProbe {
    probe: Probe,
    part: Part,
    job: Job,
    /// The untouched model once it has been read, if it stays in memory.
    loaded: Option<Loaded>,
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
    /// When the directory is no finished run, a file is damaged or changed, or the models asked for were not kept.
    pub fn open(dir: &Path, with: Option<With>, device: &Device) -> Result<Predictor> {
        let run = Run::open(dir)?;
        let name = dir.join("run.toml").display().to_string();
        let task = Task::parse(&name, &run.manifest()?, dir)?.into_record();
        if task.options.keep == Keep::None {
            return Err(Error::usage(
                format!("`{}` has kept no model: it was trained with `keep = \"none\"`", dir.display()),
                "write `keep = \"all\"` or `keep = \"final\"` under `[train]` in the task file and run `cloze train` again",
            ));
        }
        let device = task.options.precision.device(device);
        let classifier = run.job("final")?;
        let stands_in = with.is_none() && classifier.is_none() && had_classifier(dir);
        let models = match (with, classifier) {
            (None | Some(With::Classifier), Some(job)) => {
                let checkpoint = read_model(&job, "")?;
                check_labels(&task, &checkpoint.config.labels, &job)?;
                let session = Session::new(Model::classifier(&checkpoint)?, &device);
                Models::Classifier(Box::new(Loaded { session, tokenizer: checkpoint.tokenizer }))
            }
            (None, None) if !dir.join("results.json").exists() => return Err(unfinished(dir)),
            (Some(With::Classifier), None) => return Err(no_classifier(dir)),
            (None | Some(With::Ensemble), _) => ensemble(&run, &task)?,
        };
        Ok(Predictor { task, device, models, stands_in, empty: 0 })
    }

    /// Which of the run's models answer.
    pub fn with(&self) -> With {
        match self.models {
            Models::Classifier(_) => With::Classifier,
            Models::Patterns { .. } => With::Ensemble,
        }
    }

    /// How many models answer together.
    pub fn models(&self) -> usize {
        match &self.models {
            Models::Classifier(_) => 1,
            Models::Patterns { members, probe, .. } => members.len() + usize::from(probe.is_some()),
        }
    }

    /// How many of the rows read so far had no text in any column that the patterns use; they were answered like others.
    pub fn empty_rows(&self) -> usize {
        self.empty
    }

    /// Whether the ensemble answers only because the run's final classifier is gone.
    pub fn stands_in(&self) -> bool {
        self.stands_in
    }

    /// The task of the run, with its labels and columns.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Scores of rows whose texts are those of [`Task::fields`]. `progress` hears how many passes over rows are done, and
    /// how many there are.
    ///
    /// # Errors
    /// When a row has no choices though it should, or cannot be cut to the model's length, a model cannot be read, or `progress`
    /// fails.
    pub fn score(
        &mut self,
        examples: &[Example],
        mut progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Scores> {
        let (task, rows) = (&self.task, examples.len());
        for example in examples {
            task.check_choices(&example.texts, &example.place)?;
        }
        match &mut self.models {
            Models::Classifier(loaded) => {
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, task.options.max_length);
                let sequences: Vec<_> =
                    examples.iter().map(|example| encoder.encode(&example.texts).0).collect();
                let report = |done| progress(done, rows);
                classifier::score(&mut loaded.session, task.labels.len(), &sequences, SCORING_TOKENS, report)
            }
            Models::Patterns { members, probe, resident } => {
                let total = (members.len() + usize::from(probe.is_some())) * rows;
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
                    all.push(scorer::score(
                        &mut loaded.session,
                        &verbalizer,
                        &clozes,
                        SCORING_TOKENS,
                        report,
                    )?);
                    member.loaded = resident.then_some(loaded);
                }
                let values = members.iter().map(|member| member.weight).collect();
                let merged = merge(&all, &Weights { values, fell_back: false });
                let Some(heard) = probe else { return Ok(merged) };
                let mut loaded = match heard.loaded.take() {
                    Some(loaded) => loaded,
                    None => load(&heard.job, &self.device)?,
                };
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, task.options.max_length);
                let sequences: Vec<_> =
                    examples.iter().map(|example| encoder.encode(&example.texts).0).collect();
                let report = |done| progress(members.len() * rows + done, total);
                let states = probe::states(&mut loaded.session, &sequences, report)?;
                heard.loaded = resident.then_some(loaded);
                Ok(heard.part.join(&merged, &heard.probe.score(&states)))
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

    /// Reads rows, and writes each with its label and the probability of every label: columns `prediction` and `p_NAME` (with
    /// choices of each row's own `prediction` and `probability`), or `prediction_2` and so on where the input has a column of that
    /// name. Where rows can have several labels, the column is `predictions`. `output` is called `name` in errors;
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
        progress: impl FnMut(usize) -> Result<()>,
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
        let wanted = std::iter::once(Answer::column(&task).to_owned()).chain(match task.choices {
            Some(_) => vec!["probability".to_owned()],
            None => task.answers().iter().map(|label| format!("p_{label}")).collect(),
        });
        let mut added: Vec<String> = Vec::new();
        for name in wanted {
            // Labels may be called so that two of these names would be the same.
            let free = columns.free_name(&name, &added);
            added.push(free);
        }
        let mut writer = Writer::new(name, output, format, &columns, &added)?;
        let written = self.label(reader, &mut view, names.len() - fields.len(), progress, |chunk| {
            for (row, item, answer) in chunk.answers(&task) {
                let mut new = vec![answer.value(&task, format)];
                // Six digits are more than these probabilities are good for.
                let rounded = |probability: &f64| Value::from((probability * 1e6).round() / 1e6);
                new.extend(answer.shown(&task).iter().map(rounded));
                if within {
                    writer.write(&row.with_values(project(&chunk.values[item])), &new)?;
                } else {
                    writer.write(row, &new)?;
                }
            }
            writer.flush()
        })?;
        writer.finish()?;
        Ok(written)
    }

    /// Reads rows, and writes their labels as the SuperGLUE benchmark takes them, see [`Submission`]. The rest is as with
    /// [`Predictor::annotate`].
    ///
    /// # Errors
    /// As [`Predictor::annotate`]; also when a row has no `idx`.
    pub fn submit<W: Write>(
        &mut self,
        reader: Reader,
        output: W,
        name: &str,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<usize> {
        let task = self.task.clone();
        let lists = task.data.rows.as_ref().map_or(&[][..], Rows::lists);
        let mut view = View::new(&task, reader.columns(), &task.fields(), None)?;
        let mut writer = Submission::new(name, output, reader.columns(), lists)?;
        self.label(reader, &mut view, 0, progress, |chunk| {
            let mut answers = chunk.answers(&task).peekable();
            for (row, items) in &chunk.rows {
                let mut labels = Vec::new();
                while let Some((_, _, answer)) = answers.next_if(|(_, item, _)| items.contains(item)) {
                    labels.push(match answer.value(&task, Format::Jsonl) {
                        // A choice is a text, whatever it looks like.
                        Value::String(name) if task.choices.is_none() => submission::label(&name),
                        value => value,
                    });
                }
                writer.write(row, &labels)?;
            }
            writer.flush()
        })
    }

    /// Reads rows some hundreds at a time and scores them. The values of `view` from number `first` on are the texts.
    fn label(
        &mut self,
        reader: Reader,
        view: &mut View,
        first: usize,
        mut progress: impl FnMut(usize) -> Result<()>,
        mut write: impl FnMut(Chunk) -> Result<()>,
    ) -> Result<usize> {
        let copies = self.task.copies();
        let size = match self.models {
            Models::Patterns { resident: false, .. } => LARGE_CHUNK.div_ceil(copies),
            _ => CHUNK.div_ceil(copies),
        };
        let (mut reader, mut written) = (reader, 0);
        loop {
            let read: Vec<Row> = reader.by_ref().take(size).collect::<Result<_>>()?;
            if read.is_empty() {
                return Ok(written);
            }
            let (mut rows, mut values, mut examples) =
                (Vec::with_capacity(read.len()), Vec::new(), Vec::new());
            for row in read {
                let before = values.len();
                values.extend(view.read(&row)?);
                examples.extend(values[before..].iter().map(|values| Example {
                    texts: values[first..].to_vec(),
                    label: None,
                    also: Vec::new(),
                    group: None,
                    place: row.place(),
                }));
                rows.push((row, before..values.len()));
            }
            let (fields, inputs) = (self.task.fields(), self.task.inputs());
            let is_empty = |example: &&Example| {
                let mut texts = fields.iter().zip(&example.texts).filter(|(field, _)| inputs.contains(field));
                texts.all(|(_, text)| text.trim().is_empty())
            };
            self.empty += examples.iter().step_by(copies).filter(is_empty).count();
            let scores = self.score(&examples, |_, _| progress(written))?;
            written += values.len() / copies;
            write(Chunk { rows, values, examples, scores })?;
            progress(written)?;
        }
    }
}

/// Rows of a file, what of them are rows of the task, and their scores.
struct Chunk {
    /// Each with the numbers of the task's rows that it stands for.
    rows: Vec<(Row, Range<usize>)>,
    /// What the view gives of every row of the task.
    values: Vec<Vec<String>>,
    examples: Vec<Example>,
    scores: Scores,
}

impl Chunk {
    /// What there is to be written: the file's row around it, the number of the (first) row of the task, and the answer.
    fn answers(&self, task: &Task) -> impl Iterator<Item = (&Row, usize, Answer)> {
        let copies = task.copies();
        let items = self
            .rows
            .iter()
            .flat_map(move |(row, items)| items.clone().step_by(copies).map(move |item| (row, item)));
        let answers = Answer::of(task, &self.scores, &self.examples);
        items.zip(answers).map(|((row, item), answer)| (row, item, answer))
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
    let Summary { weights, labels, probe: part, .. } = Summary::read(&job)?;
    check_labels(task, &labels, &job)?;
    // In the order in which training has merged them, so that the same sums give the same bits.
    // Without labelled rows the first generation has fewer members, and the weights say which.
    for (pattern, seed) in plan::members(task, generation, 1) {
        let name = plan::member_name(generation, pattern, seed);
        let Some(&weight) = weights.get(&name) else { continue };
        let (job, size) = kept(run, &name)?;
        bytes += size;
        members.push(Member { pattern, weight, job, loaded: None });
    }
    let mut probe = None;
    if let Some(part) = part {
        let (job, size) = kept(run, plan::PROBE)?;
        bytes += size;
        let read: Probe = job.read_json(probe::FILE)?;
        if !read.is_of(labels.len()) {
            return Err(job.damaged(probe::FILE, "its sizes do not fit".into()).into());
        }
        probe = Some(Box::new(HeardProbe { probe: read, part, job, loaded: None }));
    }
    Ok(Models::Patterns { members, probe, resident: bytes <= RESIDENT })
}

/// The job of a model of the ensemble, with the bytes of its weights.
fn kept(run: &Run, name: &str) -> Result<(Job, u64)> {
    const WEIGHTS: &str = "model/model.safetensors";
    if let Some(job) = run.job(name)?.filter(|job| job.has(WEIGHTS)) {
        let bytes = job.record().files.get(WEIGHTS).map_or(0, |file| file.bytes);
        return Ok((job, bytes));
    }
    Err(Error::usage(
        format!("`{}` has not kept the models of its ensemble", run.dir().display()),
        match had_classifier(run.dir()) && !run.dir().join("final").exists() {
            true => {
                "run `cloze train` on its task again, which makes the classifier that is gone; or remove `keep = \"final\"` \
                     under `[train]` before"
            }
            false => {
                "remove `keep = \"final\"` under `[train]` in the task file and run `cloze train` again, or predict with the \
                 classifier"
            }
        },
    ))
}

/// Whether a run that is finished ended with a classifier.
fn had_classifier(dir: &Path) -> bool {
    let results = std::fs::read(dir.join("results.json")).ok();
    let results: Option<Value> = results.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let stage = |name: &str| results.as_ref().is_some_and(|results| results[name]["job"] == "final");
    stage("distilled") || stage("supervised")
}

/// The labels of a run are those of its models: in `run.toml` they have no other names, number or order.
fn check_labels(task: &Task, labels: &[String], job: &Job) -> Result<()> {
    let known = task.label_names();
    if known == labels {
        return Ok(());
    }
    Err(Error::data(
        Place::file(task.file()),
        format!(
            "the labels there are {}, and those of the models in `{}` are {}",
            list(&known),
            job.dir().display(),
            list(labels)
        ),
        "restore the file as it was; a run with other labels begins when the task file is changed and `cloze train` is run on it",
    ))
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
