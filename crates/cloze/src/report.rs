//! The story of a run as one page (`report.html`) and the model card of its classifier (`README.md`).
//!
//! The page carries its style and drawings with it and loads nothing.

use std::fmt::Write as _;

use crate::metrics::{Evaluation, LabelEvaluation, Measured};
use crate::results::{Results, Stage};
use crate::task::Topic;

const STYLE: &str = "
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c2530;background:#fff}
h1{margin-bottom:0}h2{margin-top:2.5rem;border-bottom:1px solid #d8dee6;padding-bottom:.2rem}
.sub{color:#5b6776;margin-top:.2rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .6rem;text-align:left;vertical-align:top}
th{font-weight:600;border-bottom:1px solid #d8dee6}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{background:#f2f4f7;padding:.1rem .3rem;border-radius:.2rem}
.big{font-size:2.2rem;font-weight:600}.note{background:#fff7e0;padding:.6rem 1rem;border-left:4px solid #e0b000}
svg text{font:13px system-ui,sans-serif;fill:#1c2530}
";

/// How a page begins, with its title and its heading, which are escaped already.
pub(crate) fn opening(title: &str, heading: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style></head><body>\n<h1>{heading}</h1>\n"
    )
}

/// The page.
pub fn html(results: &Results) -> String {
    let name = escape(&results.name);
    let mut page = opening(&format!("{name}: cloze report"), &name);
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

/// Share of the label that most test rows have.
fn most_frequent(test: &Evaluation) -> Option<f64> {
    let most = test.labels.iter().map(|label| label.gold).max()?;
    (test.rows > 0).then(|| most as f64 / test.rows as f64)
}

fn comparison(page: &mut String, results: &Results) {
    let pattern = |stage: &Stage| stage.pattern.map_or(String::new(), |pattern| format!("pattern {pattern}"));
    let seed = |stage: &Stage| stage.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let mut stages: Vec<(String, &Stage)> = Vec::new();
    for stage in &results.zero_shot {
        stages.push((format!("untouched model, {}", pattern(stage)), stage));
    }
    if let Some(stage) = &results.zero_shot_together {
        stages.push(("untouched model, all patterns".to_owned(), stage));
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
    for stage in &results.members {
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
    let bars: Vec<(String, &Evaluation)> =
        stages.into_iter().filter_map(|(title, stage)| Some((title, stage.test.as_ref()?))).collect();
    let Some((_, first)) = bars.first() else { return };
    let chance = most_frequent(first);
    page.push_str("<h2>Accuracy step by step</h2>\n");
    let (left, width, line) = (230.0, 480.0, 26.0);
    let height = bars.len() as f64 * line + 24.0;
    let _ = writeln!(
        page,
        "<svg role=\"img\" aria-label=\"accuracy of every step\" viewBox=\"0 0 {} {height}\" width=\"100%\">",
        left + width + 130.0
    );
    for (index, (title, test)) in bars.iter().enumerate() {
        let Measured { value, low, high } = test.accuracy;
        let (top, x) = (index as f64 * line, |share: f64| left + share * width);
        let middle = top + line / 2.0;
        let _ = writeln!(
            page,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{left}\" y=\"{}\" width=\"{:.1}\" height=\"16\" fill=\"#7aa6d8\"/>\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#1c2530\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\">{} ({} to {})</text>",
            left - 8.0,
            middle + 5.0,
            escape(title),
            top + 5.0,
            value * width,
            x(low),
            x(high),
            left + width + 8.0,
            middle + 5.0,
            percent(value),
            percent(low),
            percent(high)
        );
    }
    if let Some(chance) = chance {
        let x = left + chance * width;
        let bottom = height - 20.0;
        let _ = write!(
            page,
            "<path d=\"M{x:.1} 0V{bottom}\" stroke=\"#b04040\" stroke-dasharray=\"4 3\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">most frequent label</text>",
            height - 5.0
        );
    }
    page.push_str("</svg>\n");
    page.push_str("<p class=\"sub\">The black lines are 95 % bootstrap intervals over the test rows.</p>\n");
}

fn patterns(page: &mut String, results: &Results) {
    if results.patterns.is_empty() {
        return;
    }
    page.push_str("<h2>Patterns</h2>\n<table><tr><th class=\"n\">#</th><th>pattern</th><th class=\"n\">untouched, labelled rows</th><th class=\"n\">share in the ensemble</th></tr>\n");
    for (index, pattern) in results.patterns.iter().enumerate() {
        let zero_shot = results.zero_shot.iter().find(|stage| stage.pattern == Some(index));
        let weights: Vec<f64> = results
            .members
            .iter()
            .filter(|stage| stage.pattern == Some(index))
            .filter_map(|stage| stage.weight)
            .collect();
        let weight = if weights.is_empty() { "–".to_owned() } else { percent(weights.iter().sum()) };
        let _ = writeln!(
            page,
            "<tr><td class=\"n\">{index}</td><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{weight}</td></tr>",
            escape(pattern),
            zero_shot.and_then(|stage| stage.train_accuracy).map_or("–".to_owned(), percent),
        );
    }
    page.push_str("</table>\n");
}

/// What every generation has learnt from, and how far its members then agreed.
fn generations(page: &mut String, results: &Results) {
    if results.generations.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Generations</h2>\n<p>Every generation learns from the labelled rows and from rows that others of the one before have \
         labelled; below, a mean over its models.</p>\n<table><tr><th class=\"n\">#</th>",
    );
    for label in &results.labels {
        let _ = write!(page, "<th class=\"n\">{}</th>", escape(label));
    }
    page.push_str("<th class=\"n\">agreement</th><th class=\"n\">ensemble, test rows</th></tr>\n");
    let last = (&results.sets, &results.ensemble, results.agreement);
    let before = results.generations.iter().map(|g| (&g.sets, &g.ensemble, g.agreement));
    for (number, (sets, ensemble, agreement)) in before.chain([last]).enumerate() {
        let _ = write!(page, "<tr><td class=\"n\">{number}</td>");
        for label in &results.labels {
            let rows: usize = sets.iter().filter_map(|set| set.labels.get(label)).sum();
            let mean = rows as f64 / sets.len().max(1) as f64;
            let _ = write!(page, "<td class=\"n\">{mean:.0}</td>");
        }
        let test = ensemble.as_ref().and_then(|stage| stage.test.as_ref());
        let _ = writeln!(
            page,
            "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            agreement.map_or("–".to_owned(), percent),
            test.map_or("–".to_owned(), |test| percent(test.accuracy.value))
        );
    }
    page.push_str("</table>\n");
}

/// `macro F1 80.0 % (70.0 % to 90.0 %), exact match …`.
fn figures(test: &Evaluation) -> String {
    let figure = |(name, Measured { value, low, high }): (&str, Measured)| {
        format!("{name} {} ({} to {})", percent(value), percent(low), percent(high))
    };
    test.figures().into_iter().map(figure).collect::<Vec<_>>().join(", ")
}

/// The labels that a row can have.
fn listed(test: &Evaluation) -> &[LabelEvaluation] {
    if test.topics.is_empty() { &test.labels } else { &test.topics }
}

fn labels(page: &mut String, test: &Evaluation) {
    let _ = writeln!(page, "<h2>Labels</h2>\n<p>With 95 % intervals: {}.</p>", figures(test));
    if test.labels.is_empty() {
        return;
    }
    page.push_str(
        "<table><tr><th>label</th><th class=\"n\">rows</th><th class=\"n\">precision</th>\
         <th class=\"n\">recall</th><th class=\"n\">F1</th></tr>\n",
    );
    for label in listed(test) {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&label.label),
            label.gold,
            percent(label.precision),
            percent(label.recall),
            percent(label.f1)
        );
    }
    page.push_str("</table>\n");
}

fn confusion(page: &mut String, test: &Evaluation) {
    page.push_str("<h2>Confusion</h2>\n<p class=\"sub\">Rows: the right label. Columns: the label given.</p>\n<table><tr><th></th>");
    for label in &test.labels {
        let _ = write!(page, "<th class=\"n\">{}</th>", escape(&label.label));
    }
    page.push_str("</tr>\n");
    for (gold, (label, counts)) in test.labels.iter().zip(&test.confusion).enumerate() {
        let _ = write!(page, "<tr><th>{}</th>", escape(&label.label));
        for (predicted, &count) in counts.iter().enumerate() {
            let share = if label.gold == 0 { 0.0 } else { count as f64 / label.gold as f64 };
            let colour = if gold == predicted { "60,130,90" } else { "190,70,60" };
            let _ = write!(
                page,
                "<td class=\"n\" style=\"background:rgba({colour},{:.2})\">{count}</td>",
                share * 0.7
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
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
        "<h2>What to label next</h2>\n<p>The models disagree most on these rows; their labels would teach them most.</p>\n\
         <table><tr><th class=\"n\">row</th><th>text</th><th>votes</th></tr>\n",
    );
    for disputed in &results.label_next {
        let text: Vec<&str> = disputed.fields.values().map(String::as_str).collect();
        let votes: Vec<String> =
            disputed.votes.iter().map(|(label, votes)| format!("{label} {votes}")).collect();
        let _ = writeln!(
            page,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            escape(&disputed.place()),
            escape(&shorten(&text.join(" · "), 240)),
            escape(&votes.join(", "))
        );
    }
    page.push_str("</table>\n");
}

fn making(page: &mut String, results: &Results) {
    let seeds: std::collections::BTreeSet<u64> =
        results.members.iter().filter_map(|stage| stage.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let mut facts = vec![
        ("cloze".to_owned(), results.version.clone()),
        ("run".to_owned(), results.id.clone()),
        ("method".to_owned(), results.method.clone()),
        ("model".to_owned(), format!("{} ({})", results.model.name, results.model.fingerprint)),
        ("seeds".to_owned(), if seeds.is_empty() { "–".to_owned() } else { seeds.join(", ") }),
    ];
    for (part, source) in &results.data {
        facts.push((format!("{part} rows"), format!("{} ({})", source.rows, source.fingerprint)));
    }
    page.push_str("<h2>How it was made</h2>\n<table>\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", escape(&name), escape(&value));
    }
    page.push_str("</table>\n<p class=\"sub\">The same task, data, seeds and version give the same numbers again.</p>\n");
}

/// The model card: what the classifier does, how it was made, how good it is, what it is not good for. Nothing in it tells one run
/// from another that ends with the same classifier, for runs share finished jobs.
pub fn model_card(results: &Results) -> String {
    let mut card = String::new();
    let labels: Vec<String> = results.labels.iter().map(|label| format!("`{}`", line(label))).collect();
    let what = if results.topics.is_empty() {
        format!("Sorts text into {} labels: {}.", labels.len(), labels.join(", "))
    } else {
        let topic = |topic: &Topic| format!("`{}` ({})", line(&topic.name), line(&topic.text));
        format!(
            "Says of a text and the description of a label whether the text has it ({}). The labels are {}.",
            labels.join(" or "),
            results.topics.iter().map(topic).collect::<Vec<_>>().join(", ")
        )
    };
    let _ = write!(
        card,
        "---\npipeline_tag: text-classification\ntags:\n- cloze\n---\n\n# {}\n\n{what}\n\n",
        line(&results.name),
    );
    let rows = |part: &str| results.rows(part);
    let how = if results.method == "supervised" {
        format!("Fine-tuned on {} labelled rows.", rows("train"))
    } else {
        let grown = match results.generations.len() {
            0 => String::new(),
            before => format!(", in {} generations with growing training sets (iPET)", before + 1),
        };
        format!(
            "Distilled from {} models with {} patterns (pattern-exploiting training) that were fine-tuned on {} \
             labelled rows{grown} and labelled {} unlabelled rows softly.",
            results.members.len(),
            results.patterns.len(),
            rows("train"),
            rows("unlabeled")
        )
    };
    let _ = write!(
        card,
        "## How it was made\n\n{how}\n\n- starts from: `{}`, fingerprint `{}`\n- made with: cloze {}\n",
        line(&results.model.name),
        results.model.fingerprint,
        results.version
    );
    for (part, source) in &results.data {
        let _ = writeln!(card, "- {part}: {} rows, fingerprint `{}`", source.rows, source.fingerprint);
    }
    card.push_str("\n## How good it is\n\n");
    let classifier = results.distilled.as_ref().or(results.supervised.as_ref());
    match classifier.and_then(|stage| stage.test.as_ref()) {
        Some(test) => {
            let _ = write!(
                card,
                "On {} test {}, with 95 % bootstrap intervals: accuracy {} ({} to {}), {}.\n\n\
                 | label | rows | precision | recall | F1 |\n| --- | ---: | ---: | ---: | ---: |\n",
                test.rows,
                if test.topics.is_empty() { "rows" } else { "answers, one for every row and label" },
                percent(test.accuracy.value),
                percent(test.accuracy.low),
                percent(test.accuracy.high),
                figures(test)
            );
            for label in listed(test) {
                let _ = writeln!(
                    card,
                    "| {} | {} | {} | {} | {} |",
                    line(&label.label).replace('|', "\\|"),
                    label.gold,
                    percent(label.precision),
                    percent(label.recall),
                    percent(label.f1)
                );
            }
        }
        None => card.push_str("It was not measured: the task has no labelled test rows.\n"),
    }
    card.push_str(
        "\n## Limits\n\nIt gives one of its labels to every text, also to text that fits none of them. Few labelled rows \
         stand behind it; check it on your own rows before relying on it. Its probabilities are not calibrated.\n",
    );
    card
}

/// Text on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::results::{DataSource, Disputed, FORMAT, Generation, ModelSource, TrainingSet};

    fn stage(job: &str, pattern: Option<usize>, labels: &[String]) -> Stage {
        let test = Some(Evaluation::new(labels, &[0, 1, 1, 0], &[0, 1, 0, 0]));
        Stage {
            job: job.into(),
            pattern,
            seed: pattern.map(|_| 0),
            weight: None,
            examples: None,
            train_accuracy: Some(0.5),
            test,
        }
    }

    fn results() -> Results {
        let labels = vec!["<b>good</b>".to_owned(), "bad & \"worse\"".to_owned()];
        Results {
            format: FORMAT,
            name: "<script>alert(1)</script>".into(),
            id: "0123".into(),
            version: "0.1.0".into(),
            method: "pet".into(),
            patterns: vec!["{text} <i> {mask}.".into()],
            model: ModelSource { name: "m".into(), fingerprint: "f".into() },
            data: BTreeMap::from([("train".into(), DataSource { rows: 4, fingerprint: "f".into() })]),
            zero_shot: vec![stage("zero-shot/p0", Some(0), &labels)],
            zero_shot_together: None,
            primed: vec![stage("primed/p0-s0", Some(0), &labels)],
            primed_together: None,
            generations: vec![Generation {
                sets: Vec::new(),
                members: vec![stage("g0/p0-s0", Some(0), &labels)],
                ensemble: Some(stage("g0/ensemble", None, &labels)),
                agreement: Some(0.5),
            }],
            sets: vec![TrainingSet {
                member: "g1/p0-s0".into(),
                teachers: vec!["g0/p0-s0".into()],
                labels: BTreeMap::from([("<b>up".to_owned(), 7), ("down".to_owned(), 5)]),
            }],
            members: vec![stage("g1/p0-s0", Some(0), &labels)],
            ensemble: Some(stage("g1/ensemble", None, &labels)),
            distilled: Some(stage("final", None, &labels)),
            supervised: None,
            agreement: Some(0.75),
            label_next: vec![Disputed {
                row: 7,
                fields: BTreeMap::from([("text".into(), "<img src=x onerror=alert(1)>".into())]),
                votes: BTreeMap::from([(labels[0].clone(), 1)]),
                ..Disputed::default()
            }],
            notes: vec!["a <note>".into()],
            topics: Vec::new(),
            labels,
        }
    }

    #[test]
    fn nothing_from_the_user_becomes_markup() {
        let page = html(&results());
        for foreign in ["<script", "<img", "<b>", "<i>", "<note>", "http"] {
            assert!(!page.contains(foreign), "{foreign} is in the page");
        }
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }

    #[test]
    fn every_step_is_drawn_with_its_interval() {
        let page = html(&results());
        for step in [
            "untouched model, pattern 0",
            "primed, pattern 0, seed 0",
            "ensemble of generation 0",
            "fine-tuned, pattern 0, seed 0",
            "<td class=\"n\">7</td>",
            "ensemble</text>",
            "distilled classifier",
        ] {
            assert!(page.contains(step), "{step} is missing");
        }
        assert_eq!(page.matches("<rect").count(), 6);
    }

    #[test]
    fn a_run_without_test_rows_says_that_nothing_is_known() {
        let mut results = results();
        let Results { zero_shot, primed, members, .. } = &mut results;
        for stage in zero_shot.iter_mut().chain(primed).chain(members) {
            stage.test = None;
        }
        results.ensemble = None;
        results.distilled.as_mut().unwrap().test = None;
        assert!(html(&results).contains("no labelled test rows"));
        assert!(model_card(&results).contains("It was not measured"));
    }

    #[test]
    fn where_rows_have_several_labels_page_and_card_tell_of_these() {
        let mut results = results();
        let topic = |name: &str| Topic { name: name.into(), text: format!("about <{name}>") };
        results.topics = vec![topic("a"), topic("b")];
        let names = ["a".to_owned(), "b".to_owned()];
        let stage = results.distilled.as_mut().unwrap();
        stage.test =
            stage.test.take().map(|test| test.with_topics(&names, None, &[0, 1, 1, 0], &[0, 1, 0, 0]));
        let (page, card) = (html(&results), model_card(&results));
        assert!(page.contains("2 labels, 2 labelled"), "{page}");
        assert!(page.contains("of 4 answers are right"));
        assert!(page.contains("<tr><td>a</td><td class=\"n\">1</td>"));
        assert!(card.contains("The labels are `a` (about <a>), `b` (about <b>)."), "{card}");
        assert!(card.contains("| b | 1 | 100.0 % |"), "{card}");
        assert!(card.contains("fine-tuned on 2 labelled"));
    }

    #[test]
    fn the_card_names_labels_and_figures() {
        let card = model_card(&results());
        assert!(card.contains("accuracy 75.0 %"), "{card}");
        assert!(card.contains("`bad & \"worse\"`"));
    }
}
