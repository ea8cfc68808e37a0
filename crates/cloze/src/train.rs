//! Carrying a plan out: every job that is not in the run directory yet, and then the results.
//!
//! Whatever a later job or the results need of an earlier job is read back from its directory. So a run that was interrupted
//! and a run that was not go the same way, and end the same.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cloze_encoder::{Checkpoint, Device, Model, Sequence, Session};

use crate::classifier::{self, Target};
use crate::data::{Data, gold};
use crate::encode::{ClassifierEncoder, Encoded, PatternEncoder};
use crate::ensemble::{Agreement, Weights, merge, soft_labels};
use crate::event::{Event, Listener};
use crate::fine_tuning::{FineTuning, Step};
use crate::metrics::{Evaluation, accuracy};
use crate::plan::{self, Plan, Work, keeps_members};
use crate::pvp::{self, MaskedLm, Training};
use crate::results::{Disputed, ModelSource, Results, Stage};
use crate::scores::{Scores, best};
use crate::store::{self, Draft, Job, Run, json, pretty_json};
use crate::summary::Summary;
use crate::task::{Example, Method, Set, Task};
use crate::verbalizer::Verbalizer;
use crate::{Error, Result, report};

/// Tokens of a group of rows that are scored together: enough for full speed, little enough to stay in the caches.
pub(crate) const SCORING_TOKENS: usize = 2048;

/// Unlabelled rows proposed to be labelled next.
const LABEL_NEXT: usize = 20;

/// A run that is finished.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its directory.
    pub run: PathBuf,
    /// What it has found; the same as in `results.json`.
    pub results: Results,
}

/// Trains what the task asks for in a directory under `runs`, or goes on with it. `model_name` is how the user calls the
/// model.
///
/// # Errors
/// When the data or the model cannot be used, the run directory cannot be written or is damaged, or the listener stops.
pub fn train(
    task: &Task,
    model_name: &str,
    checkpoint: &Checkpoint,
    device: &Device,
    runs: &Path,
    listener: &mut dyn Listener,
) -> Result<Outcome> {
    let began = Instant::now();
    let task = &fitting(task, checkpoint);
    let data = Data::read(task)?;
    if data.train.is_empty() {
        return Err(Error::usage(
            "there are no labelled rows to learn from",
            "name a file of labelled rows under `[data]` as `train`, or try `cloze zero-shot`, which needs none",
        ));
    }
    let model = ModelSource { name: model_name.to_owned(), fingerprint: checkpoint.fingerprint().to_owned() };
    let plan = Plan::new(task, &model, &data);
    let run = Run::begin(runs, &task.name, &plan.id, &manifest(task, &plan, &model))?;
    let mut trainer = Trainer {
        task,
        checkpoint,
        device,
        data: &data,
        plan: &plan,
        model: &model,
        log: Log { run, listener },
    };
    trainer.run(began)
}

/// The task with no longer inputs than the model can read.
pub(crate) fn fitting(task: &Task, checkpoint: &Checkpoint) -> Task {
    let mut task = task.clone();
    task.options.max_length = task.options.max_length.min(checkpoint.config.max_position_embeddings);
    task
}

/// `run.toml`: versions and hashes as comments for people, and the task in full, which is how the run is read again.
fn manifest(task: &Task, plan: &Plan, model: &ModelSource) -> String {
    let mut text = format!(
        "# Made by cloze {}. The run's id is {}.\n# model: {} ({})\n",
        env!("CARGO_PKG_VERSION"),
        plan.id,
        model.name.escape_debug(),
        model.fingerprint
    );
    for (part, source) in &plan.data {
        text.push_str(&format!("# {part}: {} rows ({})\n", source.rows, source.fingerprint));
    }
    text.push('\n');
    text.push_str(&task.to_toml());
    text
}

/// The run directory together with who listens: every event goes to both.
struct Log<'a> {
    run: Run,
    listener: &'a mut dyn Listener,
}

impl Log<'_> {
    fn say(&mut self, event: Event) -> Result<()> {
        if !event.is_progress() {
            self.run.log(&event)?;
        }
        match self.listener.hear(&event) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    fn progress(&mut self, job: &str, stage: &str, unit: &str, done: usize, total: usize) -> Result<()> {
        self.say(Event::Progress { job: job.into(), stage: stage.into(), done, total, unit: unit.into() })
    }
}

struct Trainer<'a> {
    task: &'a Task,
    checkpoint: &'a Checkpoint,
    device: &'a Device,
    data: &'a Data,
    plan: &'a Plan,
    model: &'a ModelSource,
    log: Log<'a>,
}

impl Trainer<'_> {
    fn run(&mut self, began: Instant) -> Result<Outcome> {
        let run = self.log.run.dir().to_owned();
        let shown = run.display().to_string();
        self.log.say(Event::Started { run: shown.clone(), version: env!("CARGO_PKG_VERSION").into() })?;
        let jobs = self.plan.jobs.iter().map(|job| job.name.clone()).collect();
        self.log.say(Event::Planned { jobs })?;
        for note in &self.plan.notes {
            self.log.say(Event::warning(note))?;
        }
        for planned in &self.plan.jobs {
            self.job(planned)?;
        }
        let results = self.results()?;
        self.log.run.write("report.html", report::html(&results).as_bytes())?;
        self.log.run.write("results.json", &pretty_json(&results))?;
        self.log.say(Event::Finished { run: shown, seconds: began.elapsed().as_secs_f64() })?;
        Ok(Outcome { run, results })
    }

    /// Does a job, unless this run or an earlier one has done it.
    fn job(&mut self, planned: &plan::Job) -> Result<()> {
        let name = &planned.name;
        let job = if let Some(job) = self.log.run.finished(name, &planned.id)? {
            self.log.say(Event::JobSkipped { job: name.clone(), from: None })?;
            job
        } else if let Some((job, from)) = self.log.run.adopt(name, &planned.id)? {
            self.log.say(Event::JobSkipped { job: name.clone(), from: Some(from) })?;
            job
        } else {
            let began = Instant::now();
            self.log.say(Event::JobStarted { job: name.clone(), what: self.what(planned.work) })?;
            let draft = self.log.run.draft(name)?;
            match planned.work {
                Work::ZeroShot { pattern } => self.zero_shot(&draft, name, pattern)?,
                Work::Member { pattern, seed } => self.member(&draft, name, pattern, seed)?,
                Work::Ensemble => self.ensemble(&draft)?,
                Work::Supervised { seed } => self.supervised(&draft, name, seed)?,
                Work::Final { seed } if self.task.options.method == Method::Supervised => {
                    self.supervised(&draft, name, seed)?
                }
                Work::Final { seed } => self.distil(&draft, name, seed)?,
            }
            let job = draft.finish(&planned.id, began.elapsed().as_secs_f64())?;
            self.log.say(Event::JobFinished { job: name.clone(), seconds: job.record().seconds })?;
            job
        };
        self.tell_figures(&job)
    }

    fn what(&self, work: Work) -> String {
        let pattern_text = |pattern: usize| self.task.patterns[pattern].to_string();
        match work {
            Work::ZeroShot { pattern } => {
                format!("untouched model with pattern {pattern}: {}", pattern_text(pattern))
            }
            Work::Member { pattern, seed } => {
                format!("fine-tuning with pattern {pattern}, seed {seed}: {}", pattern_text(pattern))
            }
            Work::Ensemble => "merging the fine-tuned models' scores".to_owned(),
            Work::Supervised { .. } => "plain fine-tuning on the labelled rows, to compare".to_owned(),
            Work::Final { .. } if self.task.options.method == Method::Supervised => {
                "plain fine-tuning on the labelled rows".to_owned()
            }
            Work::Final { .. } => "distilling the ensemble into a classifier".to_owned(),
        }
    }

    fn tell_figures(&mut self, job: &Job) -> Result<()> {
        let summary = Summary::read(job)?;
        for note in &summary.notes {
            self.log.say(Event::warning(note))?;
        }
        let Some(test) = summary.test else { return Ok(()) };
        let job = job.record().job.clone();
        for (metric, figure) in [("test accuracy", test.accuracy), ("test macro F1", test.macro_f1)] {
            self.log.say(Event::Measured {
                job: job.clone(),
                metric: metric.into(),
                rows: test.rows,
                figure,
            })?;
        }
        Ok(())
    }

    fn zero_shot(&mut self, draft: &Draft, name: &str, pattern: usize) -> Result<()> {
        let mut session = Session::new(Model::masked_lm(self.checkpoint)?, self.device);
        let train = self.score_pattern(&mut session, name, pattern, Set::Train)?;
        let test = self.score_pattern(&mut session, name, pattern, Set::Test)?;
        self.write_scores(draft, Set::Test, &test)?;
        self.summary(Some(&train), &test).write(draft)
    }

    fn member(&mut self, draft: &Draft, name: &str, pattern: usize, seed: u64) -> Result<()> {
        let options = &self.task.options;
        let mut session = Session::new(Model::masked_lm(self.checkpoint)?, self.device);
        let verbalizer = self.verbalizer(pattern)?;
        let clozes = self.clozes(pattern, Set::Train)?;
        let labels = label_ids(&self.data.train);
        let unlabeled = self.clozes(pattern, Set::Unlabeled)?;
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let masked_lm = (options.lm_weight > 0.0 && !unlabeled.is_empty()).then(|| MaskedLm {
            weight: options.lm_weight as f32,
            batch: options.batch_size,
            clozes: &unlabeled,
            special: self.checkpoint.tokenizer.special(),
            vocabulary: self.checkpoint.tokenizer.vocab_size(),
        });
        let training = Training {
            fine_tuning: &fine_tuning,
            batch: options.batch_size,
            masked_lm,
            seed,
            stream: plan::stream(&self.task.patterns[pattern]),
        };
        let log = &mut self.log;
        let steps = pvp::fine_tune(&mut session, &verbalizer, training, &clozes, &labels, |step| {
            log.progress(name, "train", "steps", step.step, fine_tuning.steps)
        })?;
        write_steps(draft, &steps)?;
        let train = self.score_pattern(&mut session, name, pattern, Set::Train)?;
        let test = self.score_pattern(&mut session, name, pattern, Set::Test)?;
        let scores = self.score_pattern(&mut session, name, pattern, Set::Unlabeled)?;
        self.write_scores(draft, Set::Test, &test)?;
        self.write_scores(draft, Set::Unlabeled, &scores)?;
        self.write_predictions(draft, &scores, None)?;
        if keeps_members(self.task, self.data.unlabeled.len()) {
            session.into_model().save(&draft.dir().join("model"), &self.checkpoint.tokenizer)?;
        }
        self.summary(Some(&train), &test).write(draft)
    }

    fn ensemble(&mut self, draft: &Draft) -> Result<()> {
        let members = self.members();
        let mut accuracies = Vec::new();
        for (_, pattern, _) in &members {
            let zero_shot = self.finished(&format!("zero-shot/p{pattern}"))?;
            accuracies.push(Summary::read(&zero_shot)?.train_accuracy.unwrap_or(0.0));
        }
        let weights = Weights::new(self.task.options.merge, &accuracies);
        let test = merge(&self.member_scores(Set::Test)?, &weights);
        let of_members = self.member_scores(Set::Unlabeled)?;
        let scores = merge(&of_members, &weights);
        let agreement = Agreement::new(&of_members);
        self.write_scores(draft, Set::Test, &test)?;
        self.write_scores(draft, Set::Unlabeled, &scores)?;
        self.write_predictions(draft, &scores, Some(&agreement))?;
        draft.write_json("label_next.json", &self.label_next(&of_members, &scores, &agreement))?;
        let mut summary = self.summary(None, &test);
        let names = members.into_iter().map(|(name, ..)| name);
        if weights.fell_back {
            summary.notes.push(
                "the untouched model labels no training row rightly with any pattern, so that all members count the \
                 same instead of by that accuracy"
                    .to_owned(),
            );
        }
        summary.weights = names.zip(weights.values).collect();
        summary.agreement = (!of_members[0].is_empty()).then_some(agreement.overall);
        summary.write(draft)
    }

    fn supervised(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let options = &self.task.options;
        let labels = label_ids(&self.data.train);
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let training = classifier::Training { fine_tuning: &fine_tuning, batch: options.batch_size, seed };
        self.classifier(draft, name, training, Set::Train, Target::Labels(&labels))
    }

    fn distil(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let distil = &self.task.options.distil;
        let teacher = self.read_scores(&self.finished("g0/ensemble")?, Set::Unlabeled)?;
        let fine_tuning = self.fine_tuning(distil.steps, distil.learning_rate, 1);
        let target = Target::Soft { teacher: &teacher, temperature: distil.temperature as f32 };
        let training = classifier::Training { fine_tuning: &fine_tuning, batch: distil.batch_size, seed };
        self.classifier(draft, name, training, Set::Unlabeled, target)
    }

    /// Trains a classifier on the rows of `set` and scores the labelled ones.
    fn classifier(
        &mut self,
        draft: &Draft,
        name: &str,
        training: classifier::Training,
        set: Set,
        target: Target,
    ) -> Result<()> {
        let labels = self.task.label_names();
        let mut session =
            Session::new(Model::new_classifier(self.checkpoint, &labels, training.seed)?, self.device);
        let sequences = self.sequences(set);
        let (log, total) = (&mut self.log, training.fine_tuning.steps);
        let steps = classifier::fine_tune(&mut session, training, &sequences, target, |step| {
            log.progress(name, "train", "steps", step.step, total)
        })?;
        write_steps(draft, &steps)?;
        let mut score = |set| -> Result<Scores> {
            let sequences = self.sequences(set);
            let (total, log) = (sequences.len(), &mut self.log);
            classifier::score(&mut session, labels.len(), &sequences, SCORING_TOKENS, |done| {
                log.progress(name, "score", "rows", done, total)
            })
        };
        let (train, test) = (score(Set::Train)?, score(Set::Test)?);
        self.write_scores(draft, Set::Test, &test)?;
        let summary = self.summary(Some(&train), &test);
        summary.write(draft)?;
        if name == "final" {
            session.into_model().save(draft.dir(), &self.checkpoint.tokenizer)?;
            let mut results = self.results_so_far()?;
            let stage = summary.stage(name);
            if self.task.options.method == Method::Supervised {
                results.supervised = Some(stage);
            } else {
                results.distilled = Some(stage);
            }
            draft.write("README.md", report::model_card(&results).as_bytes())?;
        }
        Ok(())
    }

    fn fine_tuning(&self, steps: usize, learning_rate: f64, accumulation: usize) -> FineTuning {
        let options = &self.task.options;
        FineTuning {
            steps,
            accumulation,
            learning_rate: learning_rate as f32,
            warmup: (options.warmup * steps as f64).round() as usize,
            weight_decay: options.weight_decay as f32,
            max_grad_norm: 1.0,
        }
    }

    fn examples(&self, set: Set) -> &[Example] {
        examples(self.data, set)
    }

    fn verbalizer(&self, pattern: usize) -> Result<Verbalizer> {
        Verbalizer::new(self.task, pattern, &self.checkpoint.tokenizer)
    }

    fn clozes(&self, pattern: usize, set: Set) -> Result<Vec<Encoded>> {
        PatternEncoder::of_task(self.task, pattern, &self.checkpoint.tokenizer).encode_all(self.examples(set))
    }

    /// The rows as the classifier sees them.
    fn sequences(&self, set: Set) -> Vec<Sequence> {
        let encoder = ClassifierEncoder::new(&self.checkpoint.tokenizer, self.task.options.max_length);
        self.examples(set).iter().map(|example| encoder.encode(&example.texts).0).collect()
    }

    fn score_pattern(
        &mut self,
        session: &mut Session,
        name: &str,
        pattern: usize,
        set: Set,
    ) -> Result<Scores> {
        let verbalizer = self.verbalizer(pattern)?;
        let clozes = self.clozes(pattern, set)?;
        let log = &mut self.log;
        pvp::score(session, &verbalizer, &clozes, SCORING_TOKENS, |done| {
            log.progress(name, "score", "rows", done, clozes.len())
        })
    }

    fn summary(&self, train: Option<&Scores>, test: &Scores) -> Summary {
        let train_accuracy = train.map(|scores| accuracy(&gold(&self.data.train), &scores.predictions()));
        Summary { train_accuracy, test: self.evaluation(test), ..Summary::new(&self.task.label_names()) }
    }

    fn evaluation(&self, test: &Scores) -> Option<Evaluation> {
        let gold = gold(&self.data.test);
        (!gold.is_empty()).then(|| Evaluation::new(&self.task.label_names(), &gold, &test.predictions()))
    }

    /// Names, patterns and seeds of the members.
    fn members(&self) -> Vec<(String, usize, u64)> {
        let member = |job: &plan::Job| match job.work {
            Work::Member { pattern, seed } => Some((job.name.clone(), pattern, seed)),
            _ => None,
        };
        self.plan.jobs.iter().filter_map(member).collect()
    }

    fn member_scores(&self, set: Set) -> Result<Vec<Scores>> {
        self.members().iter().map(|(name, ..)| self.read_scores(&self.finished(name)?, set)).collect()
    }

    /// A job that is done, or it would not be asked for.
    fn finished(&self, name: &str) -> Result<Job> {
        let dir = self.log.run.dir().join(name);
        self.log.run.job(name)?.ok_or_else(|| {
            let source = std::io::ErrorKind::NotFound.into();
            store::Error::Io { action: "read", path: dir, source }.into()
        })
    }

    fn write_scores(&self, draft: &Draft, set: Set, scores: &Scores) -> Result<()> {
        let mut file = Vec::new();
        // Written to memory, which cannot fail.
        scores
            .write_csv(&self.task.label_names(), &mut file)
            .map_err(|error| Error::io("write", draft.dir().join(scores_file(set)), error.into()))?;
        Ok(draft.write(scores_file(set), &file)?)
    }

    fn read_scores(&self, job: &Job, set: Set) -> Result<Scores> {
        let file = scores_file(set);
        Scores::read_csv(&self.task.label_names(), &job.read(file)?[..])
            .map_err(|reason| job.damaged(file, reason).into())
    }

    /// `predictions.jsonl`: for every unlabelled row its label and the probability of each.
    fn write_predictions(&self, draft: &Draft, scores: &Scores, agreement: Option<&Agreement>) -> Result<()> {
        let names = self.task.label_names();
        let mut file = Vec::new();
        for (index, row) in scores.iter().enumerate() {
            let probabilities: serde_json::Map<String, serde_json::Value> =
                names.iter().cloned().zip(soft_labels(row, 1.0).into_iter().map(Into::into)).collect();
            let mut line = serde_json::json!({
                "row": index + 1, "label": names[best(row)], "probabilities": probabilities,
            });
            if let Some(agreement) = agreement {
                line["agreement"] = agreement.rows[index].into();
            }
            file.append(&mut json(&line));
            file.push(b'\n');
        }
        Ok(draft.write("predictions.jsonl", &file)?)
    }

    /// The unlabelled rows on which the fewest members agree; among equals those whose two likeliest labels are closest.
    fn label_next(&self, members: &[Scores], merged: &Scores, agreement: &Agreement) -> Vec<Disputed> {
        let margin = |row: usize| {
            let mut probabilities = soft_labels(merged.row(row), 1.0);
            probabilities.sort_by(|a, b| b.total_cmp(a));
            probabilities[0] - probabilities.get(1).copied().unwrap_or(0.0)
        };
        let mut order: Vec<(f64, f64, usize)> =
            agreement.rows.iter().enumerate().map(|(row, &share)| (share, margin(row), row)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let names = self.task.label_names();
        let disputed = |&(share, _, row): &(f64, f64, usize)| {
            let mut disputed = Disputed { row: row + 1, ..Disputed::default() };
            disputed.fields =
                self.task.fields().into_iter().zip(self.data.unlabeled[row].texts.clone()).collect();
            for member in members {
                *disputed.votes.entry(names[best(member.row(row))].clone()).or_default() += 1;
            }
            (share < 1.0).then_some(disputed)
        };
        order.iter().take(LABEL_NEXT).filter_map(disputed).collect()
    }

    /// The results of all jobs.
    fn results(&self) -> Result<Results> {
        let mut results = self.results_so_far()?;
        if self.plan.has_classifier() {
            let stage = Summary::read(&self.finished("final")?)?.stage("final");
            match self.task.options.method {
                Method::Supervised => results.supervised = Some(stage),
                Method::Pet => results.distilled = Some(stage),
            }
        }
        Ok(results)
    }

    /// The results of all jobs but the final one.
    fn results_so_far(&self) -> Result<Results> {
        let mut results = Results {
            format: crate::results::FORMAT,
            name: self.task.name.clone(),
            id: self.plan.id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            method: match self.task.options.method {
                Method::Pet => "pet",
                Method::Supervised => "supervised",
            }
            .to_owned(),
            labels: self.task.label_names(),
            patterns: self.task.patterns.iter().map(ToString::to_string).collect(),
            model: self.model.clone(),
            data: self.plan.data.clone(),
            notes: self.plan.notes.clone(),
            zero_shot: Vec::new(),
            zero_shot_together: None,
            members: Vec::new(),
            ensemble: None,
            distilled: None,
            supervised: None,
            agreement: None,
            label_next: Vec::new(),
        };
        let mut untouched = Vec::new();
        for planned in &self.plan.jobs {
            if matches!(planned.work, Work::Final { .. }) {
                continue;
            }
            let job = self.finished(&planned.name)?;
            let summary = Summary::read(&job)?;
            let stage = summary.stage(&planned.name);
            match planned.work {
                Work::ZeroShot { pattern } => {
                    untouched.push(self.read_scores(&job, Set::Test)?);
                    results.zero_shot.push(Stage { pattern: Some(pattern), ..stage });
                }
                Work::Member { pattern, seed } => {
                    results.members.push(Stage { pattern: Some(pattern), seed: Some(seed), ..stage });
                }
                Work::Ensemble => {
                    for member in &mut results.members {
                        member.weight = summary.weights.get(&member.job).copied();
                    }
                    results.agreement = summary.agreement;
                    results.notes.extend(summary.notes);
                    results.label_next = job.read_json("label_next.json")?;
                    results.ensemble = Some(stage);
                }
                Work::Supervised { seed } => results.supervised = Some(Stage { seed: Some(seed), ..stage }),
                Work::Final { .. } => {}
            }
        }
        if !untouched.is_empty() {
            let weights = Weights::new(crate::ensemble::Reduction::Mean, &vec![1.0; untouched.len()]);
            let test = self.evaluation(&merge(&untouched, &weights));
            results.zero_shot_together = Some(Stage { test, ..Summary::new(&[]).stage("zero-shot") });
        }
        Ok(results)
    }
}

fn examples(data: &Data, set: Set) -> &[Example] {
    match set {
        Set::Train => &data.train,
        Set::Unlabeled => &data.unlabeled,
        Set::Test => &data.test,
    }
}

fn scores_file(set: Set) -> &'static str {
    match set {
        Set::Train => "train.csv",
        Set::Unlabeled => "logits.csv",
        Set::Test => "test.csv",
    }
}

fn label_ids(examples: &[Example]) -> Vec<u32> {
    gold(examples).into_iter().map(|label| label as u32).collect()
}

/// `steps.csv`: a line per update.
fn write_steps(draft: &Draft, steps: &[Step]) -> Result<()> {
    let mut file = String::from("step,loss,learning_rate,gradient_norm\n");
    for Step { step, loss, learning_rate, gradient_norm } in steps {
        file.push_str(&format!("{step},{loss},{learning_rate},{gradient_norm}\n"));
    }
    Ok(draft.write("steps.csv", file.as_bytes())?)
}
