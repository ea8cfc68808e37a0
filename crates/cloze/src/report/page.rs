//! The story of a run as a page.

use std::fmt::Write as _;

use super::chart::{Chart, Mark, legend};
use super::confusion::confusion;
use super::figures::{figures, listed, most_frequent, percent, with_interval};
use super::markup::{Column, escape, facts, opening, pattern, table, user};
use crate::metrics::{Evaluation, Measured};
use crate::results::{Results, Stage};

/// So many characters of a row are shown.
const LONGEST: usize = 240;

/// The page.
pub fn html(results: &Results) -> String {
    let title = format!("{}: cloze report", escape(&results.name));
    let mut page = opening(&title, &user(&results.name));
    head(&mut page, results);
    comparison(&mut page, results);
    patterns(&mut page, results);
    generations(&mut page, results);
    if let Some(Stage { test: Some(test), .. }) = results.outcome() {
        labels(&mut page, test);
        if !test.labels.is_empty() {
            confusion(&mut page, test);
        }
    }
    label_next(&mut page, results);
    making(&mut page, results);
    page.push_str("</body></html>\n");
    page
}

fn head(page: &mut String, results: &Results) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "<p class=\"sub\">{}, {} labelled and {} unlabelled rows, model <code>{}</code></p>",
        match results.label_count() {
            0 => "choices of each row's own".to_owned(),
            count => format!("{count} labels"),
        },
        results.rows("train"),
        results.rows("unlabeled"),
        escape(&results.model.name)
    );
    if let Some(test) = results.outcome().and_then(|stage| stage.test.as_ref()) {
        let Measured { value, low, high } = test.accuracy;
        let _ = writeln!(
            page,
            "<p><span class=\"big\">{}</span> of {} {} (95 % interval {} to {}{}).</p>",
            percent(value),
            test.rows,
            if test.topics.is_empty() {
                "test rows are labelled rightly"
            } else {
                "answers are right, one for every test row and label"
            },
            percent(low),
            percent(high),
            most_frequent(test).map_or(String::new(), |share| {
                let what = if test.topics.is_empty() { "label" } else { "answer" };
                format!("; always giving the most frequent {what} would reach {}", percent(share))
            })
        );
    } else {
        page.push_str(
            "<p>There are no labelled test rows, so that nothing here says how good the model is.</p>\n",
        );
    }
    for note in &results.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(note));
    }
}
/// Everything that was measured on the way, in its order.
fn steps(results: &Results) -> Vec<(String, &Stage)> {
    let pattern = |stage: &Stage| stage.pattern.map_or(String::new(), |pattern| format!("pattern {pattern}"));
    let seed = |stage: &Stage| stage.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let mut stages: Vec<(String, &Stage)> = Vec::new();
    for stage in &results.zero_shot {
        stages.push((format!("untouched model, {}", pattern(stage)), stage));
    }
    if let Some(stage) = &results.zero_shot_together {
        stages.push(("untouched model, all patterns".to_owned(), stage));
    }
    if let Some(stage) = &results.probe {
        stages.push(("linear probe".to_owned(), stage));
    }
    for stage in &results.primed {
        stages.push((format!("primed, {}{}", pattern(stage), seed(stage)), stage));
    }
    if let Some(stage) = &results.primed_together {
        stages.push(("primed, all together".to_owned(), stage));
    }
    for (number, generation) in results.generations.iter().enumerate() {
        stages.extend(
            generation.ensemble.iter().map(|stage| (format!("ensemble of generation {number}"), stage)),
        );
    }
    for stage in results.members.iter().filter(|_| results.members_are_trained()) {
        stages.push((format!("fine-tuned, {}{}", pattern(stage), seed(stage)), stage));
    }
    for (title, stage) in [
        ("ensemble", &results.ensemble),
        ("distilled classifier", &results.distilled),
        ("plain fine-tuning", &results.supervised),
    ] {
        if let Some(stage) = stage {
            stages.push((title.to_owned(), stage));
        }
    }
    stages
}

fn comparison(page: &mut String, results: &Results) {
    let steps = steps(results);
    let measured = || steps.iter().filter_map(|(title, stage)| Some((title, stage.test.as_ref()?)));
    let Some((_, first)) = measured().next() else { return };
    let chance = most_frequent(first);
    let mut chart = Chart::new("accuracy of every step", 0.0, 1.0);
    for (title, test) in measured() {
        let Measured { value, low, high } = test.accuracy;
        let marks = [Mark::Bar(value), Mark::Interval(low, high)].into_iter().chain(chance.map(Mark::Chance));
        chart.line(title, &marks.collect::<Vec<_>>(), &with_interval(test.accuracy));
    }
    let mut meanings = vec![
        (Mark::Bar(1.0), "accuracy".to_owned()),
        (Mark::Interval(0.0, 1.0), "its 95 % bootstrap interval over the test rows".to_owned()),
    ];
    if let Some(chance) = chance {
        let what = if first.topics.is_empty() { "label" } else { "answer" };
        let meaning = format!("always giving the most frequent {what}: {}", percent(chance));
        meanings.push((Mark::Chance(0.5), meaning));
    }
    let _ = write!(page, "<h2>Accuracy step by step</h2>\n{}{}", chart.finish(), legend(&meanings));
}

fn patterns(page: &mut String, results: &Results) {
    if results.patterns.is_empty() {
        return;
    }
    page.push_str("<h2>Patterns</h2>\n");
    let columns = [
        Column::Number("#"),
        Column::Text("pattern"),
        Column::Number("untouched, labelled rows"),
        Column::Number("share in the ensemble"),
    ];
    let heard = results.probe.as_ref().and_then(|stage| stage.weight).unwrap_or(0.0);
    let patterns = results.patterns.iter().enumerate().map(|(index, text)| {
        let zero_shot = results.zero_shot.iter().find(|stage| stage.pattern == Some(index));
        let untouched = zero_shot.and_then(|stage| stage.train_accuracy);
        let members = results.members.iter().filter(|stage| stage.pattern == Some(index));
        let weights: Vec<f64> = members.filter_map(|stage| stage.weight).collect();
        let weight = (!weights.is_empty()).then(|| weights.iter().sum::<f64>() * (1.0 - heard));
        vec![index.to_string(), pattern(text), or_dash(untouched), or_dash(weight)]
    });
    let probe = results.probe.as_ref().map(|stage| {
        let name = "<em>linear probe</em>: no pattern; labelled rows that it has not seen".to_owned();
        vec![String::new(), name, or_dash(stage.train_accuracy), percent(heard)]
    });
    table(page, &columns, patterns.chain(probe));
}

/// What every generation has learnt from, and how far its members then agreed. There are few generations and perhaps many labels:
/// generations are the columns.
fn generations(page: &mut String, results: &Results) {
    if results.generations.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Generations</h2>\n<p>Every generation learns from the labelled rows and from rows that others of the one before have \
         labelled; below, for every label a mean over its models.</p>\n",
    );
    let last = (&results.sets, &results.ensemble, results.agreement);
    let before = results.generations.iter().map(|g| (&g.sets, &g.ensemble, g.agreement));
    let all: Vec<_> = before.chain([last]).collect();
    let numbers: Vec<String> = (0..all.len()).map(|number| number.to_string()).collect();
    let mut columns = vec![Column::Text("generation")];
    columns.extend(numbers.iter().map(|number| Column::Number(number)));
    let mut rows = Vec::new();
    for label in &results.labels {
        let mean = all.iter().map(|(sets, ..)| {
            let rows: usize = sets.iter().filter_map(|set| set.labels.get(label)).sum();
            format!("{:.0}", rows as f64 / sets.len().max(1) as f64)
        });
        rows.push([format!("rows labelled {}", user(label))].into_iter().chain(mean).collect());
    }
    let agreement = all.iter().map(|&(.., agreement)| or_dash(agreement));
    rows.push(["agreement".to_owned()].into_iter().chain(agreement).collect());
    let test = all.iter().map(|(_, ensemble, _)| {
        or_dash(ensemble.as_ref().and_then(|stage| stage.test.as_ref()).map(|test| test.accuracy.value))
    });
    rows.push(["ensemble, test rows".to_owned()].into_iter().chain(test).collect());
    table(page, &columns, rows);
}

fn labels(page: &mut String, test: &Evaluation) {
    let _ = writeln!(page, "<h2>Labels</h2>\n<p>With 95 % intervals: {}.</p>", figures(test));
    if test.labels.is_empty() {
        return;
    }
    let columns = [
        Column::Text("label"),
        Column::Number("rows"),
        Column::Number("precision"),
        Column::Number("recall"),
        Column::Number("F1"),
    ];
    let rows = listed(test).iter().map(|label| {
        let name = user(&label.label);
        vec![name, label.gold.to_string(), percent(label.precision), percent(label.recall), percent(label.f1)]
    });
    table(page, &columns, rows);
}

fn label_next(page: &mut String, results: &Results) {
    if let Some(agreement) = results.agreement {
        let _ = writeln!(
            page,
            "<h2>Agreement</h2>\n<p>Two of the fine-tuned models give the same label to {} of the unlabelled rows.</p>",
            percent(agreement)
        );
    }
    if results.label_next.is_empty() {
        return;
    }
    page.push_str(
        "<h2>What to label next</h2>\n<p>The models disagree most on these rows; their labels would teach them most.</p>\n",
    );
    let columns = [Column::Number("where"), Column::Text("text"), Column::Text("votes")];
    let rows = results.label_next.iter().map(|disputed| {
        let text: Vec<&str> = disputed.fields.values().map(String::as_str).collect();
        let votes = disputed.votes.iter().map(|(label, votes)| format!("{} {votes}", user(label)));
        let text = escape(&shorten(&text.join(" · "), LONGEST));
        vec![user(&disputed.place()), text, votes.collect::<Vec<_>>().join(", ")]
    });
    table(page, &columns, rows);
}

fn making(page: &mut String, results: &Results) {
    let seeds: std::collections::BTreeSet<u64> =
        results.members.iter().filter_map(|stage| stage.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let mut known = vec![
        ("cloze".to_owned(), results.version.clone()),
        ("run".to_owned(), results.id.clone()),
        ("method".to_owned(), results.method.clone()),
        ("model".to_owned(), format!("{} ({})", results.model.name, results.model.fingerprint)),
        ("seeds".to_owned(), if seeds.is_empty() { "–".to_owned() } else { seeds.join(", ") }),
    ];
    for (part, source) in &results.data {
        known.push((format!("{part} rows"), format!("{} ({})", source.rows, source.fingerprint)));
    }
    page.push_str("<h2>How it was made</h2>\n");
    facts(page, &known);
    page.push_str(
        "<p class=\"sub\">The same task, data, seeds and version give the same numbers again.</p>\n",
    );
}

/// A share that is not always known.
fn or_dash(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), percent)
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
