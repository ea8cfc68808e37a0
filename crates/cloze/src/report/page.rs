//! A run as a page: the texts and figures for `templates/run.html`.

use askama::Template;

use super::Later;
use super::calibration::Calibrated;
use super::chart::{At, Chart, Diagram, Drawn, Mark, Meaning, gauge};
use super::confusion::Confusion;
use super::figures::{counted, figures, grouped, interval, percent, tested, with_interval};
use super::making::{Fact, Generations, Pattern, Words, facts, generations, patterns, words};
use super::rows::Rows;
use crate::metrics::{Evaluation, LabelEvaluation, Reliability};
use crate::results::Results;
use crate::results::insight::Insight;
use crate::task::{Class, Task};

/// A mean confidence and an accuracy that differ by no more than this count as equal.
const ABOUT_THE_SAME: f64 = 0.02;

#[derive(Template)]
#[template(path = "run.html")]
struct Page<'r> {
    name: &'r str,
    inputs: String,
    model: &'r str,
    headline: Option<Headline>,
    /// The unit counted in the test data: rows or answers.
    unit: &'static str,
    notes: &'r [String],
    /// The sections, by anchor and title.
    contents: Vec<(&'static str, &'static str)>,
    ladder: Option<Ladder>,
    reliability: Option<Confidence>,
    calibration: Option<Calibrated>,
    labels: Option<Labels>,
    confusion: Option<Confusion>,
    errors: Option<Rows>,
    uncertain: Option<Rows>,
    agreement: Option<String>,
    next: Option<Rows>,
    patterns: Vec<Pattern<'r>>,
    words: Vec<Words<'r>>,
    classes: &'r [Class],
    generations: Option<Generations<'r>>,
    facts: Vec<Fact>,
    costs: Vec<Fact>,
    task: Option<String>,
}

/// The quality of the final model at a glance.
struct Headline {
    outcome: String,
    accuracy: String,
    interval: String,
    counted: String,
    gauge: Vec<Drawn>,
    tiles: Vec<Tile>,
}

/// A figure next to the headline.
struct Tile {
    figure: String,
    what: String,
    more: String,
}

/// The accuracy of every model that was evaluated.
struct Ladder {
    chart: Chart,
    legend: Vec<Meaning>,
    /// Whether there are models that were not evaluated.
    has_more: bool,
}

/// Whether the final model's confidence matches its accuracy.
struct Confidence {
    verdict: String,
    ece: String,
    diagram: Diagram,
    bins: Vec<BinLine>,
}

struct BinLine {
    range: String,
    rows: String,
    accuracy: String,
}

/// The metrics besides accuracy, and those of each label.
struct Labels {
    figures: String,
    lines: Vec<LabelLine>,
}

struct LabelLine {
    name: String,
    rows: String,
    precision: String,
    recall: String,
    f1: String,
    bar: At,
}

/// The page.
pub(super) fn html(
    results: &Results,
    insight: Option<&Insight>,
    task: Option<&Task>,
    later: Later,
) -> String {
    let stages = results.stages();
    let outcome = results.outcome();
    let title = outcome.and_then(|outcome| stages.iter().find(|(_, stage)| stage.job == outcome.job));
    let test = outcome.and_then(|stage| stage.test.as_ref());
    // Predictions of another job say nothing about this one.
    let insight =
        insight.filter(|insight| test.is_some() && outcome.is_some_and(|stage| stage.job == insight.job));
    let mut page = Page {
        name: &results.name,
        inputs: inputs(results),
        model: &results.model.name,
        headline: title.zip(test).map(|((title, _), test)| headline(title, test, insight)),
        unit: test.map_or("row", Evaluation::unit),
        notes: &results.notes,
        contents: Vec::new(),
        ladder: ladder(results),
        reliability: test.zip(insight).map(|(test, insight)| confidence(test, &insight.reliability)),
        calibration: later.calibration.map(Calibrated::new),
        labels: test.map(labels),
        confusion: test.and_then(Confusion::new),
        errors: insight.and_then(|insight| Rows::answered(&insight.errors)),
        uncertain: insight.and_then(|insight| Rows::answered(&insight.uncertain)),
        agreement: results.agreement.map(percent),
        next: Rows::disputed(&results.label_next),
        patterns: patterns(results),
        words: task.map(words).unwrap_or_default(),
        classes: &results.classes,
        generations: generations(results),
        facts: facts(results, task),
        costs: later.spent.map(|spent| spent.facts()).unwrap_or_default(),
        task: task.map(Task::canonical),
    };
    page.contents = contents(&page);
    // Rendering writes text to memory only, which cannot fail.
    page.render().unwrap_or_default()
}

fn contents(page: &Page) -> Vec<(&'static str, &'static str)> {
    let sections = [
        (page.ladder.is_some(), "accuracy", "Accuracy"),
        (page.reliability.is_some(), "confidence", "Confidence"),
        (page.calibration.is_some(), "calibration", "Calibration"),
        (page.labels.is_some(), "labels", "Labels"),
        (page.confusion.is_some(), "confusion", "Confusions"),
        (page.errors.is_some(), "errors", "Errors"),
        (page.uncertain.is_some(), "uncertain", "Least confident"),
        (page.next.is_some() || page.agreement.is_some(), "next", "What to label next"),
        (true, "making", "How it was made"),
    ];
    sections.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, id, title)| (id, title)).collect()
}

fn inputs(results: &Results) -> String {
    let labels = match results.label_count() {
        0 => "each row has its own choices".to_owned(),
        count => counted(count, "label"),
    };
    let [train, unlabeled] = ["train", "unlabeled"].map(|part| grouped(results.rows(part)));
    format!("{labels}, {train} labelled and {unlabeled} unlabelled rows")
}

/// What is predicted: a label or an answer.
fn given(test: &Evaluation) -> &'static str {
    if test.classes.is_empty() { "label" } else { "answer" }
}

fn headline(title: &str, test: &Evaluation, insight: Option<&Insight>) -> Headline {
    let most_frequent = test.most_frequent();
    let accuracy = test.accuracy;
    let mut tiles = Vec::new();
    if let Some((label, share)) = most_frequent {
        let what = format!("always predicting the most frequent {}", given(test));
        tiles.push(Tile { figure: percent(share), what, more: label.to_owned() });
    }
    for (name, figure) in test.figures() {
        let more = format!("95 % interval {}", interval(figure));
        tiles.push(Tile { figure: percent(figure.value), what: name.to_owned(), more });
    }
    if let Some(insight) = insight {
        let figure = percent(insight.reliability.ece);
        let more = "confidence compared with accuracy".to_owned();
        tiles.push(Tile { figure, what: "calibration error (ECE)".to_owned(), more });
    }
    let marks = [Mark::Best(accuracy.value), Mark::Interval(accuracy.low, accuracy.high)];
    Headline {
        outcome: title.to_owned(),
        accuracy: percent(accuracy.value),
        interval: interval(accuracy),
        counted: tested(test),
        gauge: gauge(marks.into_iter().chain(most_frequent.map(|(_, share)| Mark::Chance(share)))),
        tiles,
    }
}

fn ladder(results: &Results) -> Option<Ladder> {
    let stages = results.stages();
    let measured = || stages.iter().filter_map(|(title, stage)| Some((title, stage, stage.test.as_ref()?)));
    let (.., first) = measured().next()?;
    let most_frequent = first.most_frequent();
    let outcome = results.outcome().map(|stage| &stage.job);
    let mut chart = Chart::new("accuracy of every step", 0.0, 1.0);
    for (title, stage, test) in measured() {
        let figure = test.accuracy;
        let bar = if outcome == Some(&stage.job) { Mark::Best } else { Mark::Bar };
        let marks = [bar(figure.value), Mark::Interval(figure.low, figure.high)];
        let chance = most_frequent.map(|(_, share)| Mark::Chance(share));
        chart.line(title, marks.into_iter().chain(chance), with_interval(figure));
    }
    let mut legend = vec![
        Meaning::new(Mark::Best(1.0), "accuracy of the final model, which predicts"),
        Meaning::new(Mark::Interval(0.0, 1.0), "95 % bootstrap interval over the test rows"),
    ];
    if let Some((_, share)) = most_frequent {
        let meaning = format!("always predicting the most frequent {}: {}", given(first), percent(share));
        legend.push(Meaning::new(Mark::Chance(0.5), meaning));
    }
    Some(Ladder { has_more: chart.lines.len() < stages.len(), chart, legend })
}

fn confidence(test: &Evaluation, reliability: &Reliability) -> Confidence {
    let all: usize = reliability.bins.iter().map(|bin| bin.rows).sum();
    let sum: f64 = reliability.bins.iter().map(|bin| bin.confidence * bin.rows as f64).sum();
    let (mean, accuracy) = (sum / all.max(1) as f64, test.accuracy.value);
    let verdict = match mean - accuracy {
        distance if distance > ABOUT_THE_SAME => "The model is overconfident",
        distance if distance < -ABOUT_THE_SAME => "The model is underconfident",
        _ => "The model's confidence matches its accuracy",
    };
    let bin = |bin: &crate::metrics::Bin| BinLine {
        range: format!("{:.0} to {:.0} %", bin.from * 100.0, bin.to * 100.0),
        rows: grouped(bin.rows),
        accuracy: percent(bin.accuracy),
    };
    Confidence {
        verdict: format!(
            "{verdict}: its answers have a mean probability of {}, and {} of them are right.",
            percent(mean),
            percent(accuracy)
        ),
        ece: percent(reliability.ece),
        diagram: Diagram::reliability(reliability),
        bins: reliability.bins.iter().map(bin).collect(),
    }
}

fn labels(test: &Evaluation) -> Labels {
    let mut labels: Vec<&LabelEvaluation> = test.per_label().iter().collect();
    // Labels that do not occur do not count as weak.
    let occurs = |label: &LabelEvaluation| label.gold + label.predicted > 0;
    labels.sort_by(|a, b| occurs(b).cmp(&occurs(a)).then(a.f1.total_cmp(&b.f1)));
    let line = |label: &&LabelEvaluation| {
        let figure = |is_known: bool, share| if is_known { percent(share) } else { "–".to_owned() };
        LabelLine {
            name: label.label.clone(),
            rows: grouped(label.gold as usize),
            precision: figure(label.predicted > 0, label.precision),
            recall: figure(label.gold > 0, label.recall),
            f1: figure(occurs(label), label.f1),
            bar: At(label.f1),
        }
    };
    Labels { figures: figures(test), lines: labels.iter().map(line).collect() }
}
