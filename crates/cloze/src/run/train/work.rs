//! The jobs that train and score models.

use cloze_encoder::{Checkpoint, Classifier, Model, Rng, Sequence, Session};
use nalgebra::DMatrix;

use super::files::write_steps;
use super::mean::Mean;
use super::{Member, Worker};
use crate::metrics::accuracy;
use crate::pvp::encode::{ClassifierEncoder, Encoded, PatternEncoder};
use crate::pvp::priming::{self, Primer};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::plan::{self, keeps_members, keeps_probe};
use crate::run::store::Draft;
use crate::run::summary::Summary;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scores::Scores;
use crate::scoring::{calibration, scorer};
use crate::task::{Example, Keep, Method, Split, Start, gold, spread};
use crate::training::classifier::{self, Target};
use crate::training::fine_tuning::{FineTuning, Step};
use crate::training::pattern::{MaskedLm, Training};
use crate::training::probe::{self, Probe};
use crate::training::{contrast, head, pattern};
use crate::{Error, Result, report};

/// The file of a pretrained pattern's job that holds what calibration shifts each label by.
const SHIFT: &str = "calibration.json";

/// The directory of a job's model.
const MODEL: &str = "model";

impl Worker<'_> {
    pub(super) fn zero_shot(&mut self, draft: &Draft, name: &str, pattern: usize) -> Result<()> {
        let verbalizer = self.verbalizer(pattern)?;
        let rows = calibration::rows(self.task, self.data);
        let encoder = PatternEncoder::of_task(self.task, pattern, &self.checkpoint.tokenizer);
        let clozes = encoder.asking_for(&verbalizer).encode_all(&rows)?;
        let log = &mut self.log;
        let (mut session, shift) =
            calibration::calibrated(self.checkpoint, self.device, &verbalizer, &clozes, |done| {
                log.progress(name, "calibrate", "rows", done, clozes.len())
            })?;
        draft.write_json(SHIFT, &shift)?;
        let measured = self.task.options.measures_all();
        let mut score = |split| self.score_rows(&mut session, name, pattern, &verbalizer, split);
        let train = score(Split::Train)?;
        let test = if measured { Some(score(Split::Test)?) } else { None };
        self.write_test_scores(draft, test.as_ref())?;
        self.summary(Some(&train), test.as_ref()).write(draft)
    }

    pub(super) fn probe(&mut self, draft: &Draft, name: &str) -> Result<()> {
        let options = &self.task.options;
        let (train, unlabeled) = (self.sequences(Split::Train), self.sequences(Split::Unlabeled));
        let around: Vec<Sequence> =
            spread(unlabeled.len(), probe::ROWS).map(|row| unlabeled[row].clone()).collect();
        let mut model = Model::masked_lm(self.checkpoint)?;
        model.freeze(options.freeze);
        let mut session = Session::new(model, self.device);
        // What it is worth is known of the pretrained model only: after training there are no labelled rows that it has not seen.
        let labels = gold(&self.data.train);
        let (zero_shot, accuracy) = self.fitted(&mut session, name, &train, &labels, &around)?;
        let learning_rate = options.learning_rate * contrast::LEARNING_RATE;
        let fine_tuning = self.fine_tuning(options.steps, learning_rate, options.accumulation);
        let seed = options.seeds.first().copied().unwrap_or(0);
        let training =
            contrast::Training { fine_tuning: &fine_tuning, pairs: options.batch_size.div_ceil(2), seed };
        let log = &mut self.log;
        let steps = contrast::fine_tune(&mut session, training, &train, &labels, zero_shot.mean(), |step| {
            log.progress(name, "train", "steps", step.step, fine_tuning.steps)
        })?;
        write_steps(draft, &steps)?;
        let (probe, _) = self.fitted(&mut session, name, &train, &labels, &around)?;
        let scores = probe.score(&self.states(&mut session, name, &unlabeled)?);
        self.write_scores(draft, Split::Unlabeled, &scores)?;
        let test = match self.task.options.measures_all() {
            true => {
                let test = self.sequences(Split::Test);
                Some(probe.score(&self.states(&mut session, name, &test)?))
            }
            false => None,
        };
        self.write_test_scores(draft, test.as_ref())?;
        if keeps_probe(self.task, self.data.unlabeled.len()) {
            draft.write_json(probe::FILE, &probe)?;
            session.into_model().save(&draft.dir().join(MODEL), &self.checkpoint.tokenizer)?;
        }
        Summary { train_accuracy: Some(accuracy), ..self.summary(None, test.as_ref()) }.write(draft)
    }

    /// A probe of the encoder as it is now, and its accuracy on rows that it has not seen.
    fn fitted(
        &mut self,
        session: &mut Session,
        name: &str,
        train: &[Sequence],
        labels: &[usize],
        around: &[Sequence],
    ) -> Result<(Probe, f64)> {
        let labelled = self.states(session, name, train)?;
        let around = self.states(session, name, around)?;
        Ok(Probe::fit(&labelled, labels, self.task.labels.len(), &around))
    }

    /// The mean-pooled states of rows, for a probe.
    fn states(&mut self, session: &mut Session, name: &str, sequences: &[Sequence]) -> Result<DMatrix<f64>> {
        let log = &mut self.log;
        probe::states(session, sequences, |done| log.progress(name, "encode", "rows", done, sequences.len()))
    }

    pub(super) fn primed(&mut self, draft: &Draft, name: &str, pattern: usize, seed: u64) -> Result<()> {
        let mut session = Session::new(Model::masked_lm(self.checkpoint)?, self.device);
        let verbalizer = self.verbalizer(pattern)?;
        let drawn = priming::draw(&self.data.train, self.task.options.priming, seed);
        let primer = Primer::of_task(self.task, pattern, self.checkpoint, &verbalizer, &drawn)?;
        let (clozes, examples) = primer.encode_all(&self.data.test)?;
        let test = self.score_clozes(&mut session, name, &verbalizer, &clozes)?;
        self.write_test_scores(draft, Some(&test))?;
        let notes = examples.note().into_iter().collect();
        Summary { examples: Some(examples), notes, ..self.summary(None, Some(&test)) }.write(draft)
    }

    pub(super) fn member(&mut self, draft: &Draft, name: &str, member: Member) -> Result<()> {
        let Member { generation, pattern, .. } = member;
        let verbalizer = self.verbalizer(pattern)?;
        let unlabeled = self.clozes(pattern, &verbalizer, Split::Unlabeled)?;
        let (mut session, steps) = self.fine_tuned(name, member, &verbalizer, &unlabeled)?;
        if self.starts_from(member) {
            self.mean.add(name, session.model());
        }
        write_steps(draft, &steps)?;
        let measured = self.measures_members();
        let scores = self.score_clozes(&mut session, name, &verbalizer, &unlabeled)?;
        let mut score = |split| self.score_rows(&mut session, name, pattern, &verbalizer, split);
        let train = score(Split::Train)?;
        let test = if measured { Some(score(Split::Test)?) } else { None };
        self.write_test_scores(draft, test.as_ref())?;
        self.write_scores(draft, Split::Unlabeled, &scores)?;
        self.write_predictions(draft, &scores, None)?;
        if keeps_members(self.task, generation, self.data.unlabeled.len()) {
            session.into_model().save(&draft.dir().join(MODEL), &self.checkpoint.tokenizer)?;
        }
        let mut summary = self.summary(Some(&train), test.as_ref());
        let is_cross_entropy = self.task.options.lm_weight == 0.0 || unlabeled.is_empty();
        if verbalizer.is_one_token() && is_cross_entropy {
            summary.notes.extend(unsettled(&steps, verbalizer.labels()));
        }
        summary.write(draft)
    }

    /// The model of a member after its training, which `job` tells of.
    pub(super) fn fine_tuned(
        &mut self,
        job: &str,
        member: Member,
        verbalizer: &Verbalizer,
        unlabeled: &[Encoded],
    ) -> Result<(Session, Vec<Step>)> {
        let Member { pattern, seed, .. } = member;
        let options = &self.task.options;
        let mut model = Model::masked_lm(self.checkpoint)?;
        let zero_shot = self.finished(&plan::zero_shot_name(pattern))?;
        calibration::apply(&mut model, verbalizer, &zero_shot.read_json::<Vec<f32>>(SHIFT)?);
        model.freeze(options.freeze);
        let mut session = Session::new(model, self.device);
        let (mut clozes, labels) = self.lessons(member, verbalizer, unlabeled)?;
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let masked_lm = (options.lm_weight > 0.0 && !unlabeled.is_empty()).then(|| MaskedLm {
            weight: options.lm_weight as f32,
            batch: options.batch_size,
            clozes: unlabeled,
            special: self.checkpoint.tokenizer.special(),
            vocabulary: self.checkpoint.tokenizer.vocab_size(),
        });
        let training = Training {
            fine_tuning: &fine_tuning,
            batch: options.batch_size,
            masked_lm,
            seed,
            stream: plan::stream(self.task, pattern),
        };
        // Without labelled rows the first generation has nothing to learn.
        if clozes.is_empty() {
            return Ok((session, Vec::new()));
        }
        if verbalizer.is_one_token() {
            let visits = options.steps * options.accumulation * options.batch_size;
            pattern::know_lower(&mut session, &mut clozes, visits);
        }
        let log = &mut self.log;
        let steps = pattern::fine_tune(&mut session, verbalizer, training, &clozes, &labels, |step| {
            log.progress(job, "train", "steps", step.step, fine_tuning.steps)
        })?;
        Ok((session, steps))
    }

    /// What a member learns from: the labelled rows and those drawn for it, with their labels.
    fn lessons(
        &self,
        member: Member,
        verbalizer: &Verbalizer,
        unlabeled: &[Encoded],
    ) -> Result<(Vec<Encoded>, Vec<u32>)> {
        const PURPOSE: u64 = 4;
        let mut random = Rng::stream(member.seed, &[plan::stream(self.task, member.pattern), PURPOSE]);
        let encoder = PatternEncoder::of_task(self.task, member.pattern, &self.checkpoint.tokenizer);
        let clozes = encoder.asking_for(verbalizer).encode_to_learn(&self.data.train, &mut random)?;
        let drawn = self.drawn(member)?;
        let drawn = drawn.iter().map(|drawn| (unlabeled[drawn.row - 1].clone(), drawn.label as u32));
        let lessons = clozes.into_iter().zip(label_ids(&self.data.train)).chain(drawn);
        // What a model is to write can be learnt only from rows where that is right.
        let wanted = verbalizer.free_text().map(|(label, _)| label as u32);
        Ok(lessons.filter(|(_, label)| wanted.is_none_or(|wanted| wanted == *label)).unzip())
    }

    pub(super) fn supervised(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let options = &self.task.options;
        let labels = label_ids(&self.data.train);
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let training = classifier::Training { fine_tuning: &fine_tuning, batch: options.batch_size, seed };
        let model = Model::new_classifier(self.checkpoint, &self.task.label_names(), seed)?;
        self.classifier(draft, name, model, training, Split::Train, Target::Labels(&labels))
    }

    pub(super) fn distil(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let distil = &self.task.options.distil;
        let teacher = self.read_scores(&self.finished(&self.last_ensemble())?, Split::Unlabeled)?;
        let fine_tuning = self.fine_tuning(distil.steps, distil.learning_rate, 1);
        let target = Target::Soft { teacher: &teacher, temperature: distil.temperature as f32 };
        let training = classifier::Training { fine_tuning: &fine_tuning, batch: distil.batch_size, seed };
        let mut model = Model::new_classifier(self.checkpoint, &self.task.label_names(), seed)?;
        model.freeze(self.task.options.freeze);
        if distil.start == Start::Members {
            let mean = self.mean_of_members(name)?;
            model.trained_encoder_mut().copy_from_slice(&mean);
            if teacher.labels() >= head::MANY {
                let (session, sequences) =
                    (Session::new(model, self.device), self.sequences(Split::Unlabeled));
                let log = &mut self.log;
                model = head::fit(session, &sequences, &teacher, |done, total| {
                    log.progress(name, "fit", "rows", done, total)
                })?;
            }
        }
        self.classifier(draft, name, model, training, Split::Unlabeled, target)
    }

    pub(super) fn measures_members(&self) -> bool {
        plan::measures_members(self.task, self.data.unlabeled.len())
    }

    fn last_generation(&self) -> usize {
        plan::generations(self.task, self.data.unlabeled.len()).saturating_sub(1)
    }

    fn last_ensemble(&self) -> String {
        plan::ensemble_name(self.last_generation())
    }

    /// Whether the final classifier starts from this member, among others.
    fn starts_from(&self, member: Member) -> bool {
        let starts = self.plan.has_classifier() && self.task.options.distil.start == Start::Members;
        starts && member.generation == self.last_generation()
    }

    /// The mean of what training has made of the members' encoders. Those that this process has not trained and that are not kept
    /// are trained once more.
    fn mean_of_members(&mut self, job: &str) -> Result<Vec<f32>> {
        let members = self.members(self.last_generation());
        if !self.mean.is_of(members.iter().map(|member| member.name())) {
            self.mean = Mean::default();
            for member in members {
                let kept = self.finished(&member.name())?;
                let mut model = if kept.has(&format!("{MODEL}/model.safetensors")) {
                    Model::masked_lm(&Checkpoint::open(&kept.dir().join(MODEL))?)?
                } else {
                    let verbalizer = self.verbalizer(member.pattern)?;
                    let unlabeled = self.clozes(member.pattern, &verbalizer, Split::Unlabeled)?;
                    self.fine_tuned(job, member, &verbalizer, &unlabeled)?.0.into_model()
                };
                model.freeze(self.task.options.freeze);
                self.mean.add(&member.name(), &model);
            }
        }
        Ok(std::mem::take(&mut self.mean).value())
    }

    /// Trains a classifier on the rows of `set` and scores the labelled ones.
    pub(super) fn classifier(
        &mut self,
        draft: &Draft,
        name: &str,
        model: Model<Classifier>,
        training: classifier::Training,
        split: Split,
        target: Target,
    ) -> Result<()> {
        let labels = self.task.label_names();
        let mut session = Session::new(model, self.device);
        let sequences = self.sequences(split);
        let (log, total) = (&mut self.log, training.fine_tuning.steps);
        let steps = classifier::fine_tune(&mut session, training, &sequences, target, |step| {
            log.progress(name, "train", "steps", step.step, total)
        });
        let steps = steps.map_err(|error| match (error, target) {
            (Error::Diverged { what, step, value, learning_rate, .. }, Target::Soft { .. }) => {
                Error::Diverged { what, step, value, learning_rate, section: "distil" }
            }
            (error, _) => error,
        })?;
        write_steps(draft, &steps)?;
        let mut score = |split| -> Result<Scores> {
            let sequences = self.sequences(split);
            let (total, log) = (sequences.len(), &mut self.log);
            classifier::score(&mut session, labels.len(), &sequences, SCORING_TOKENS, |done| {
                log.progress(name, "score", "rows", done, total)
            })
        };
        let (train, test) = (score(Split::Train)?, score(Split::Test)?);
        self.write_test_scores(draft, Some(&test))?;
        let summary = self.summary(Some(&train), Some(&test));
        summary.write(draft)?;
        if name == "final" && self.task.options.keep != Keep::None {
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

    pub(super) fn fine_tuning(&self, steps: usize, learning_rate: f64, accumulation: usize) -> FineTuning {
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

    pub(super) fn verbalizer(&self, pattern: usize) -> Result<Verbalizer> {
        Verbalizer::new(self.task, pattern, &self.checkpoint.tokenizer)
    }

    pub(super) fn clozes(
        &self,
        pattern: usize,
        verbalizer: &Verbalizer,
        split: Split,
    ) -> Result<Vec<Encoded>> {
        let encoder = PatternEncoder::of_task(self.task, pattern, &self.checkpoint.tokenizer);
        encoder.asking_for(verbalizer).encode_all(self.examples(split))
    }

    /// The rows as the classifier sees them.
    pub(super) fn sequences(&self, split: Split) -> Vec<Sequence> {
        let encoder = ClassifierEncoder::new(&self.checkpoint.tokenizer, self.task.options.max_length);
        self.examples(split).iter().map(|example| encoder.encode(&example.texts).0).collect()
    }

    fn score_rows(
        &mut self,
        session: &mut Session,
        name: &str,
        pattern: usize,
        verbalizer: &Verbalizer,
        split: Split,
    ) -> Result<Scores> {
        let clozes = self.clozes(pattern, verbalizer, split)?;
        self.score_clozes(session, name, verbalizer, &clozes)
    }

    pub(super) fn score_clozes(
        &mut self,
        session: &mut Session,
        name: &str,
        verbalizer: &Verbalizer,
        clozes: &[Encoded],
    ) -> Result<Scores> {
        let log = &mut self.log;
        scorer::score(session, verbalizer, clozes, SCORING_TOKENS, |done| {
            log.progress(name, "score", "rows", done, clozes.len())
        })
    }

    /// What a job has measured, with the scores of the labelled and of the test rows if it has any.
    pub(super) fn summary(&self, train: Option<&Scores>, test: Option<&Scores>) -> Summary {
        let train = train.filter(|scores| !scores.is_empty());
        let train_accuracy = train.map(|scores| accuracy(&gold(&self.data.train), &scores.predictions()));
        Summary {
            train_accuracy,
            test: test.and_then(|test| self.evaluation(test)),
            ..Summary::new(&self.task.label_names())
        }
    }
}

/// Says so if training ended with a loss far above that of guessing among `labels`, the sign of steps that are too large.
fn unsettled(steps: &[Step], labels: usize) -> Option<String> {
    const FAR: f32 = 5.0;
    let last = &steps[steps.len() - steps.len().div_ceil(4)..];
    let loss = last.iter().map(|step| step.loss).sum::<f32>() / last.len() as f32;
    let guessing = (labels as f32).ln();
    (loss > FAR * guessing).then(|| {
        format!(
            "training ended with a loss of {loss:.1}, where guessing has {guessing:.1}: the model has learned nothing; if \
             `learning_rate` under `[train]` is above 1e-3, lower it to 1e-4, and else look whether `max_length` leaves enough of the texts"
        )
    })
}

fn label_ids(examples: &[Example]) -> Vec<u32> {
    gold(examples).into_iter().map(|label| label as u32).collect()
}
