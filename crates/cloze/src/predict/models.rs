//! The models of a run that predict, and how they are read.

use std::path::Path;

use cloze_encoder::{Classifier, Device, Head, MaskedLm, Model, Session, Tokenizer};
use serde_json::Value;

use crate::dataset::Example;
use crate::ensemble::{Weights, merge};
use crate::error::list;
use crate::pvp::encode::{ClassifierEncoder, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::plan;
use crate::run::store::{Job, RunDir};
use crate::run::summary::Summary;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scorer::Scorer;
use crate::scoring::scores::Scores;
use crate::task::Task;
use crate::training::classifier;
use crate::training::linear_probe::{self, Part, Probe};
use crate::{Error, Place, Result};

/// Maximum size in bytes of an ensemble's weights that are kept in memory.
const RESIDENT: u64 = 1 << 30;

pub(super) enum Models {
    Classifier(Box<Loaded<Classifier>>),
    Patterns { members: Vec<Member>, probe: Option<Box<HeardProbe>>, resident: bool },
}

/// What the models make of examples.
pub(super) struct Read {
    pub(super) scores: Scores,
    /// For each example the tokens that were cut off.
    pub(super) cut: Vec<usize>,
}

/// The linear probe of an ensemble.
pub(super) struct HeardProbe {
    probe: Probe,
    part: Part,
    pub(super) job: Job,
    /// The pretrained model after it has been read, if it is kept in memory.
    loaded: Option<Loaded>,
}

/// A pattern model with its weight in the ensemble.
pub(super) struct Member {
    pattern: usize,
    pub(super) weight: f64,
    pub(super) job: Job,
    /// The model after it has been read, if it is kept in memory.
    loaded: Option<Loaded>,
}

pub(super) struct Loaded<H: Head = MaskedLm> {
    pub(super) session: Session<H>,
    pub(super) tokenizer: Tokenizer,
}

impl Models {
    /// The number of models.
    pub(super) fn count(&self) -> usize {
        match self {
            Models::Classifier(_) => 1,
            Models::Patterns { members, probe, .. } => members.len() + usize::from(probe.is_some()),
        }
    }

    /// Whether they are kept in memory between batches.
    pub(super) fn is_resident(&self) -> bool {
        !matches!(self, Models::Patterns { resident: false, .. })
    }

    /// The scores of examples, and how much of each was cut off.
    pub(super) fn score(
        &mut self,
        task: &Task,
        device: &Device,
        examples: &[Example],
        mut progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Read> {
        let rows = examples.len();
        match self {
            Models::Classifier(loaded) => {
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, task.options.max_length);
                let (sequences, cut): (Vec<_>, _) =
                    examples.iter().map(|example| encoder.encode(&example.texts)).unzip();
                let report = |done| progress(done, rows);
                let labels = task.labels.len();
                let scores =
                    classifier::score(&mut loaded.session, labels, &sequences, SCORING_TOKENS, report)?;
                Ok(Read { scores, cut })
            }
            Models::Patterns { members, probe, resident } => {
                let total = (members.len() + usize::from(probe.is_some())) * rows;
                let mut all = Vec::with_capacity(members.len());
                let mut cut = vec![0; rows];
                for (number, member) in members.iter_mut().enumerate() {
                    let mut loaded = match member.loaded.take() {
                        Some(loaded) => loaded,
                        None => load(&member.job, device)?,
                    };
                    let tokenizer = &loaded.tokenizer;
                    let verbalizer = Verbalizer::new(task, member.pattern, tokenizer)?;
                    let encoder =
                        PatternEncoder::of_task(task, member.pattern, tokenizer).asking_for(&verbalizer);
                    let clozes = encoder.encode_all(examples)?;
                    cut.iter_mut()
                        .zip(&clozes)
                        .for_each(|(most, cloze)| *most = (*most).max(cloze.removed()));
                    let report = |done| progress(number * rows + done, total);
                    all.push(Scorer::new(&verbalizer).score(
                        &mut loaded.session,
                        &clozes,
                        SCORING_TOKENS,
                        report,
                    )?);
                    member.loaded = resident.then_some(loaded);
                }
                let values = members.iter().map(|member| member.weight).collect();
                let merged = merge(&all, &Weights { values, fell_back: false });
                let Some(heard) = probe else { return Ok(Read { scores: merged, cut }) };
                let mut loaded = match heard.loaded.take() {
                    Some(loaded) => loaded,
                    None => load(&heard.job, device)?,
                };
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, task.options.max_length);
                let sequences: Vec<_> =
                    examples.iter().map(|example| encoder.encode(&example.texts).0).collect();
                let report = |done| progress(members.len() * rows + done, total);
                let states = linear_probe::states(&mut loaded.session, &sequences, report)?;
                heard.loaded = resident.then_some(loaded);
                Ok(Read { scores: heard.part.join(&merged, &heard.probe.score(&states)), cut })
            }
        }
    }
}

/// The last generation that has an ensemble.
fn last_generation(run: &RunDir, task: &Task) -> usize {
    let mut generations = (0..task.options.generations()).rev();
    let has_one = |generation: &usize| run.dir().join(plan::ensemble_name(*generation)).is_dir();
    generations.find(has_one).unwrap_or(0)
}

/// One member of the last generation.
pub(super) fn member(run: &RunDir, task: &Task, pattern: usize, seed: u64) -> Result<Models> {
    let generation = last_generation(run, task);
    if !plan::members(task, generation, 1).contains(&(pattern, seed)) {
        let seeds = list(task.options.seeds.iter().map(u64::to_string));
        return Err(Error::usage(
            format!("`{}` has no member with pattern {pattern} and seed {seed}", run.dir().display()),
            format!("patterns are counted from 0 to {}, and the seeds are {seeds}", task.patterns.len() - 1),
        ));
    }
    let (job, _) = kept(run, &plan::member_name(generation, pattern, seed))?;
    let members = vec![Member { pattern, weight: 1.0, job, loaded: None }];
    Ok(Models::Patterns { members, probe: None, resident: true })
}

/// All members of the last generation.
pub(super) fn ensemble(run: &RunDir, task: &Task) -> Result<Models> {
    let generation = last_generation(run, task);
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
    // In the order in which training merged them, so that the same sums give the same bits. Without labelled
    // examples, the first generation has fewer members; the weights show which.
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
        let read: Probe = job.read_json(linear_probe::FILE)?;
        if !read.is_of(labels.len()) {
            return Err(job.damaged(linear_probe::FILE, "its sizes do not fit".into()).into());
        }
        probe = Some(Box::new(HeardProbe { probe: read, part, job, loaded: None }));
    }
    Ok(Models::Patterns { members, probe, resident: bytes <= RESIDENT })
}

/// The job of a model of the ensemble, and the size of its weights in bytes.
fn kept(run: &RunDir, name: &str) -> Result<(Job, u64)> {
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

/// Whether a finished run ended with a classifier.
pub(super) fn had_classifier(dir: &Path) -> bool {
    let results = std::fs::read(dir.join("results.json")).ok();
    let results: Option<Value> = results.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let stage = |name: &str| results.as_ref().is_some_and(|results| results[name]["job"] == "final");
    stage("distilled") || stage("supervised")
}

/// Checks that the labels in `run.toml` match those of the run's models in name, number and order.
pub(super) fn check_labels(task: &Task, labels: &[String], job: &Job) -> Result<()> {
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

fn load(job: &Job, device: &Device) -> Result<Loaded> {
    let checkpoint = job.checkpoint("model/")?;
    let session = Session::new(Model::masked_lm(&checkpoint)?, device);
    Ok(Loaded { session, tokenizer: checkpoint.tokenizer })
}
