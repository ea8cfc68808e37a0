//! How a run was made: its patterns, words, generations, data and options.

use std::collections::BTreeSet;

use super::figures::{counted, grouped, percent};
use crate::results::Results;
use crate::task::{Label, Method, Task};

/// A pattern; the linear probe has no text.
pub(super) struct Pattern<'r> {
    pub(super) number: String,
    pub(super) text: &'r str,
    pub(super) zero_shot: String,
    pub(super) share: String,
}

/// The words of a label, for all patterns or for a single one.
pub(super) struct Words<'r> {
    pub(super) label: &'r str,
    pub(super) only: String,
    pub(super) words: &'r [String],
}

/// The training data of every generation, and the agreement of its members after training. Generations are
/// the columns, because there are few of them and possibly many labels.
pub(super) struct Generations<'r> {
    pub(super) count: usize,
    pub(super) lines: Vec<GenerationLine<'r>>,
}

pub(super) struct GenerationLine<'r> {
    pub(super) what: &'static str,
    pub(super) label: Option<&'r str>,
    pub(super) figures: Vec<String>,
}

/// A property of the run.
pub(super) struct Fact {
    pub(super) what: String,
    pub(super) is: String,
}

pub(super) fn patterns<'r>(results: &'r Results) -> Vec<Pattern<'r>> {
    let heard = results.probe.as_ref().and_then(|stage| stage.weight).unwrap_or(0.0);
    let pattern = |(number, text): (usize, &'r String)| {
        let zero_shot = results.zero_shot.iter().find(|stage| stage.pattern == Some(number));
        let members = results.members.iter().filter(|stage| stage.pattern == Some(number));
        let weights: Vec<f64> = members.filter_map(|stage| stage.weight).collect();
        let share = (!weights.is_empty()).then(|| weights.iter().sum::<f64>() * (1.0 - heard));
        Pattern {
            number: number.to_string(),
            text,
            zero_shot: or_dash(zero_shot.and_then(|stage| stage.train_accuracy)),
            share: or_dash(share),
        }
    };
    let mut patterns: Vec<Pattern> = results.patterns.iter().enumerate().map(pattern).collect();
    patterns.extend(results.probe.as_ref().map(|stage| Pattern {
        number: String::new(),
        text: "",
        zero_shot: or_dash(stage.train_accuracy),
        share: percent(heard),
    }));
    patterns
}

pub(super) fn words<'t>(task: &'t Task) -> Vec<Words<'t>> {
    let all = task.labels.iter().map(|label| (label, None));
    let own = task.own_words.iter().enumerate();
    let own =
        own.flat_map(|(number, labels)| labels.iter().flatten().map(move |label| (label, Some(number))));
    // If every pattern has its own words, the general ones are never used.
    let is_read = task.own_words.is_empty() || task.own_words.iter().any(Option::is_none);
    let line = |(label, only): (&'t Label, Option<usize>)| Words {
        label: &label.name,
        only: only.map_or(String::new(), |number| format!("in pattern {number}")),
        words: &label.words,
    };
    all.filter(|_| is_read).chain(own).filter(|(label, _)| !label.words.is_empty()).map(line).collect()
}

pub(super) fn generations(results: &Results) -> Option<Generations<'_>> {
    if results.generations.is_empty() {
        return None;
    }
    let last = (&results.sets, &results.ensemble, results.agreement);
    let before = results.generations.iter().map(|one| (&one.sets, &one.ensemble, one.agreement));
    let all: Vec<_> = before.chain([last]).collect();
    let mut lines = Vec::new();
    for label in &results.labels {
        let mean = all.iter().map(|(sets, ..)| {
            let rows: usize = sets.iter().filter_map(|set| set.labels.get(label)).sum();
            format!("{:.0}", rows as f64 / sets.len().max(1) as f64)
        });
        lines.push(GenerationLine { what: "rows labelled", label: Some(label), figures: mean.collect() });
    }
    let agreement = all.iter().map(|&(.., agreement)| or_dash(agreement)).collect();
    lines.push(GenerationLine { what: "agreement", label: None, figures: agreement });
    let test = all.iter().map(|(_, ensemble, _)| {
        or_dash(ensemble.as_ref().and_then(|stage| stage.test.as_ref()).map(|test| test.accuracy.value))
    });
    lines.push(GenerationLine { what: "ensemble, test rows", label: None, figures: test.collect() });
    Some(Generations { count: all.len(), lines })
}

pub(super) fn facts(results: &Results, task: Option<&Task>) -> Vec<Fact> {
    let fact = |what: &str, is: String| Fact { what: what.to_owned(), is };
    let mut facts: Vec<Fact> = ["train", "unlabeled", "test"]
        .iter()
        .filter_map(|part| Some((part, results.data.get(*part)?)))
        .map(|(part, source)| {
            let rows = counted(results.rows(part), "row");
            fact(part, if source.rows == 0 { rows } else { format!("{rows} ({})", source.fingerprint) })
        })
        .collect();
    let seeds: BTreeSet<u64> = results.members.iter().filter_map(|stage| stage.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    facts.push(fact("model", format!("{} ({})", results.model.name, results.model.fingerprint)));
    facts.push(fact("method", results.method.clone()));
    if let Some(Task { options, .. }) = task {
        let training = |steps: usize, batch: usize, rate: f64| {
            format!("{} of {}, learning rate {rate}", counted(steps, "step"), counted(batch, "row"))
        };
        facts.push(fact(
            "fine-tuning",
            training(options.steps, options.batch_size * options.accumulation.max(1), options.learning_rate),
        ));
        if options.method != Method::Supervised {
            let distil = &options.distil;
            facts.push(fact(
                "distillation",
                format!(
                    "{}, temperature {}",
                    training(distil.steps, distil.batch_size, distil.learning_rate),
                    distil.temperature
                ),
            ));
        }
        facts.push(fact("longest input", format!("{} tokens", grouped(options.max_length))));
        facts.push(fact("precision", format!("{:?}", options.precision).to_lowercase()));
    }
    if !seeds.is_empty() {
        facts.push(fact("seeds", seeds.join(", ")));
    }
    facts.push(fact("cloze", results.version.clone()));
    facts.push(fact("run", results.id.clone()));
    facts
}

/// A share that may be unknown.
fn or_dash(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), percent)
}
