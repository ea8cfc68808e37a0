//! The jobs of a run, with one file for each kind, and the code they share.

mod classifier;
mod distillation;
mod ensemble;
mod member;
mod priming;
mod probe;
mod sets;
mod supervised;
mod weight_average;
mod zero_shot;

use cloze_encoder::{Checkpoint, Device, Sequence, Session};

use self::weight_average::WeightAverage;
use crate::Result;
use crate::dataset::Data;
use crate::dataset::{Example, gold};
use crate::error::counted;
use crate::metrics::accuracy;
use crate::pvp::encode::{ClassifierEncoder, Encoded, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::results::ModelSource;
use crate::run::collect::Finished;
use crate::run::job_files::write_scores;
use crate::run::log::Log;
use crate::run::plan::{self, Plan, Work};
use crate::run::prepare::Prepared;
use crate::run::store::Draft;
use crate::run::summary::Summary;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scorer::Scorer;
use crate::scoring::scores::Scores;
use crate::task::{Method, Split, Task};
use crate::training::training_loop::FineTuning;

/// The directory of a job's model.
const MODEL: &str = "model";

/// A member of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    generation: usize,
    pattern: usize,
    seed: u64,
}

impl Member {
    /// Its directory in the run.
    fn name(self) -> String {
        plan::member_name(self.generation, self.pattern, self.seed)
    }
}

/// The data that every job works with.
pub(super) struct Workspace<'a> {
    pub(super) task: &'a Task,
    checkpoint: &'a Checkpoint,
    pub(super) device: &'a Device,
    data: &'a Data,
    pub(super) plan: &'a Plan,
    model: &'a ModelSource,
    /// The average of the last generation's members that this process has trained.
    average: WeightAverage,
    /// Whether other processes work in the run, of which one may train the final classifier.
    pub(super) shares: bool,
    pub(super) log: Log<'a>,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(
        prepared: &'a Prepared,
        model: &'a ModelSource,
        device: &'a Device,
        shares: bool,
        log: Log<'a>,
    ) -> Workspace<'a> {
        let Prepared { task, data, plan, .. } = prepared;
        let (checkpoint, average) = (prepared.checkpoint(), WeightAverage::default());
        Workspace { task, checkpoint, device, data, plan, model, average, shares, log }
    }

    /// Carries out a job and writes its files to `draft`.
    pub(super) fn work(&mut self, draft: &Draft, planned: &plan::Job) -> Result<()> {
        let name = &planned.name;
        match planned.work {
            Work::ZeroShot { pattern } => self.zero_shot(draft, name, pattern),
            Work::Probe => self.probe(draft, name),
            Work::Sets { generation } => self.sets(draft, generation),
            Work::Member { generation, pattern, seed } => {
                self.member(draft, name, Member { generation, pattern, seed })
            }
            Work::Ensemble { generation } => self.ensemble(draft, generation),
            Work::Supervised { seed } => self.supervised(draft, name, seed),
            Work::Primed { pattern, seed } => self.primed(draft, name, pattern, seed),
            Work::Final { seed } => match self.task.options.method {
                Method::Supervised => self.supervised(draft, name, seed),
                Method::Pet | Method::Ipet => self.distil(draft, name, seed),
            },
        }
    }

    /// A short description of a job.
    pub(super) fn what(&self, work: Work) -> String {
        let pattern_text = |pattern: usize| self.task.pattern_text(pattern);
        match work {
            Work::ZeroShot { pattern } => {
                format!("pretrained model with pattern {pattern}: {}", pattern_text(pattern))
            }
            Work::Probe => "contrastive fine-tuning and a linear probe, without patterns".to_owned(),
            Work::Sets { generation } => {
                format!(
                    "drawing what generation {generation} learns from among the labelled by the one before"
                )
            }
            Work::Member { generation: 0, pattern, .. } if self.data.train.is_empty() => {
                format!("pretrained model with pattern {pattern}: {}", pattern_text(pattern))
            }
            Work::Member { pattern, seed, .. } => {
                format!("fine-tuning with pattern {pattern}, seed {seed}: {}", pattern_text(pattern))
            }
            Work::Ensemble { generation: 0 } if self.data.train.is_empty() => {
                "merging the zero-shot patterns' scores".to_owned()
            }
            Work::Ensemble { .. } => "merging the fine-tuned models' scores".to_owned(),
            Work::Supervised { .. } => "plain fine-tuning on the labelled rows, to compare".to_owned(),
            Work::Primed { pattern, seed } => {
                let examples = counted(self.task.options.priming.min(self.data.train.len()), "example");
                let text = pattern_text(pattern);
                format!("pretrained model primed with {examples}, pattern {pattern}, seed {seed}: {text}")
            }
            Work::Final { .. } if self.task.options.method == Method::Supervised => {
                "plain fine-tuning on the labelled rows".to_owned()
            }
            Work::Final { .. } => "distilling the ensemble into a classifier".to_owned(),
        }
    }

    /// The finished jobs.
    pub(super) fn finished(&self) -> Finished<'_> {
        let Workspace { task, data, plan, model, .. } = *self;
        Finished { task, data, plan, model, run: &self.log.run }
    }

    fn examples(&self, split: Split) -> &'a [Example] {
        match split {
            Split::Train => &self.data.train,
            Split::Unlabeled => &self.data.unlabeled,
            Split::Test => &self.data.test,
        }
    }

    /// The members of a generation.
    fn members(&self, wanted: usize) -> Vec<Member> {
        let member = |job: &plan::Job| match job.work {
            Work::Member { generation, pattern, seed } if generation == wanted => {
                Some(Member { generation, pattern, seed })
            }
            _ => None,
        };
        self.plan.jobs.iter().filter_map(member).collect()
    }

    fn last_generation(&self) -> usize {
        plan::generations(self.task, self.data.unlabeled.len()).saturating_sub(1)
    }

    /// Whether members and ensembles are evaluated on the test examples.
    fn measures_members(&self) -> bool {
        plan::measures_members(self.task, self.data.unlabeled.len())
    }

    /// The settings of the training loop, including those common to all training in a task.
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

    /// The encoder of a pattern.
    fn encoder<'v>(&self, pattern: usize, verbalizer: &'v Verbalizer) -> PatternEncoder<'v>
    where
        'a: 'v,
    {
        PatternEncoder::of_task(self.task, pattern, &self.checkpoint.tokenizer).asking_for(verbalizer)
    }

    fn verbalizer(&self, pattern: usize) -> Result<Verbalizer> {
        Verbalizer::new(self.task, pattern, &self.checkpoint.tokenizer)
    }

    /// The examples of a split, encoded with a pattern.
    fn clozes(&self, pattern: usize, verbalizer: &Verbalizer, split: Split) -> Result<Vec<Encoded>> {
        self.encoder(pattern, verbalizer).encode_all(self.examples(split))
    }

    /// The examples of a split, encoded for the classifier.
    fn sequences(&self, split: Split) -> Vec<Sequence> {
        let encoder = ClassifierEncoder::new(&self.checkpoint.tokenizer, self.task.options.max_length);
        self.examples(split).iter().map(|example| encoder.encode(&example.texts).0).collect()
    }

    fn score_split(
        &mut self,
        session: &mut Session,
        name: &str,
        pattern: usize,
        verbalizer: &Verbalizer,
        split: Split,
    ) -> Result<Scores> {
        let clozes = self.clozes(pattern, verbalizer, split)?;
        self.score(session, name, verbalizer, &clozes)
    }

    fn score(
        &mut self,
        session: &mut Session,
        name: &str,
        verbalizer: &Verbalizer,
        clozes: &[Encoded],
    ) -> Result<Scores> {
        let progress = self.log.rows(name, "score", clozes.len());
        Scorer::new(verbalizer).score(session, clozes, SCORING_TOKENS, progress)
    }

    /// The metrics of a job on its scores for the labelled and test examples, if any; the test scores are
    /// written to a file.
    fn measured(&self, draft: &Draft, train: Option<&Scores>, test: Option<&Scores>) -> Result<Summary> {
        let labels = self.task.label_names();
        if let Some(test) = test {
            write_scores(draft, &labels, Split::Test, test)?;
        }
        let train = train.filter(|scores| !scores.is_empty());
        Ok(Summary {
            train_accuracy: train.map(|scores| accuracy(&gold(&self.data.train), &scores.predictions())),
            test: test.and_then(|test| self.finished().evaluation(test)),
            ..Summary::new(&labels)
        })
    }
}
