//! Zero-shot classification with the pretrained model: every pattern alone, and all together.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::{self, evaluation, gold};
use crate::ensemble::{Weights, merge};
use crate::metrics::Evaluation;
use crate::pvp::encode::PatternEncoder;
use crate::pvp::priming::{self, Demonstrations, Primer};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::prepare::Prepared;
use crate::scoring::calibration;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scorer::Scorer;
use crate::scoring::scores::Scores;
use crate::task::{Reduction, Task};
use crate::{Error, Result};

/// Maximum number of unlabelled examples that are scored if there are no labelled ones.
const SAMPLE: usize = 1000;

/// The zero-shot results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZeroShot {
    /// The split that was scored: `test`, `train` or `unlabeled`.
    pub rows: &'static str,
    /// With priming: the labelled examples in front of each example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<Demonstrations>,
    /// Every pattern alone.
    pub patterns: Vec<Outcome>,
    /// The mean of all patterns' scores.
    pub together: Outcome,
}

/// The result of one pattern, or of all together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The pattern, or `None` for all together.
    pub pattern: Option<String>,
    /// The metrics, if the examples have labels.
    pub evaluation: Option<Evaluation>,
    /// The number of examples scored.
    pub count: usize,
    /// The number of examples predicted as each label; empty if examples have their own choices.
    pub predicted: BTreeMap<String, usize>,
}

/// Scores the test examples of a task, or the labelled ones if there are none, or otherwise some of the
/// unlabelled ones. With `priming` above 0, up to that many labelled examples, drawn with the task's first
/// seed, are put in front of each example, as many as fit; the labelled examples themselves are then not
/// scored. `progress` receives the number of passes over examples done and their total.
///
/// # Errors
/// When the data or the model cannot be used, an example cannot be truncated to the model's maximum length,
/// there are no examples to prime with or none to score, or `progress` fails.
pub fn zero_shot(
    prepared: &Prepared,
    priming: usize,
    mut progress: impl FnMut(usize, usize) -> Result<()>,
) -> Result<ZeroShot> {
    let Prepared { task, data, device, .. } = prepared;
    let checkpoint = prepared.checkpoint();
    let sample;
    let (rows, examples) = if !data.test.is_empty() {
        ("test", &data.test)
    } else if !data.train.is_empty() && priming == 0 {
        ("train", &data.train)
    } else {
        sample = data.unlabeled.first_with(SAMPLE);
        ("unlabeled", &sample)
    };
    let missing = match (priming, data.train.is_empty(), examples.is_empty()) {
        (0, _, _) | (_, false, false) => None,
        (_, true, _) => {
            Some(("no labelled rows to prime with", "name a file of labelled rows under `[data]` as `train`"))
        }
        (_, _, true) => Some((
            "no rows besides the labelled ones, which prime the model",
            "name a file of rows under `[data]` as `test` or `unlabeled`",
        )),
    };
    if let Some((what, remedy)) = missing {
        return Err(Error::usage(format!("there are {what}"), remedy));
    }
    let seed = task.options.seeds.first().copied().unwrap_or(0);
    let drawn = priming::draw(&data.train, priming, seed);
    let mut in_front: Option<Demonstrations> = None;
    let calibrating = if priming == 0 { calibration::rows(task, data) } else { Vec::new() };
    let mut all = Vec::new();
    let total = task.patterns.len() * examples.len();
    for pattern in 0..task.patterns.len() {
        let tokenizer = &checkpoint.tokenizer;
        let verbalizer = Verbalizer::new(task, pattern, tokenizer)?;
        let encoder = PatternEncoder::of_task(task, pattern, tokenizer).asking_for(&verbalizer);
        let first = encoder.encode_all(&calibrating)?;
        let (mut session, _) = calibration::calibrated(checkpoint, device, &verbalizer, &first, |_| Ok(()))?;
        let clozes = if drawn.is_empty() {
            encoder.encode_all(examples)?
        } else {
            let primer = Primer::of_task(task, pattern, checkpoint, &verbalizer, &drawn)?;
            let (clozes, used) = primer.encode_all(examples)?;
            in_front = Some(in_front.map_or(used, |before| before.and(used)));
            clozes
        };
        let report = |done| progress(pattern * examples.len() + done, total);
        all.push(Scorer::new(&verbalizer).score(&mut session, &clozes, SCORING_TOKENS, report)?);
    }
    let together = merge(&all, &Weights::new(Reduction::Mean, &vec![1.0; all.len()]));
    Ok(ZeroShot {
        rows,
        examples: in_front,
        patterns: (all.iter().enumerate())
            .map(|(pattern, scores)| outcome(task, Some(task.pattern_text(pattern)), examples, scores))
            .collect(),
        together: outcome(task, None, examples, &together),
    })
}

fn outcome(task: &Task, pattern: Option<String>, examples: &dataset::Examples, scores: &Scores) -> Outcome {
    let (names, gold, predictions) = (task.common_labels(), gold(examples), scores.predictions());
    let mut predicted: BTreeMap<String, usize> = names.iter().map(|name| (name.clone(), 0)).collect();
    for name in predictions.iter().filter_map(|label| names.get(*label)) {
        *predicted.entry(name.clone()).or_default() += 1;
    }
    let evaluation = (!gold.is_empty()).then(|| evaluation(task, examples, &predictions));
    Outcome { pattern, count: examples.count(), evaluation, predicted }
}
