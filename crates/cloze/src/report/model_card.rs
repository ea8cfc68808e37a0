//! The model card of a run's classifier (`README.md`), rendered from `templates/model_card.md`.

use askama::Template;

use super::cost::Spent;
use super::figures::{counted, figures, grouped, percent, tested, with_interval};
use super::front_matter::{origin, quoted};
use super::making::Fact;
use crate::metrics::{Evaluation, LabelEvaluation};
use crate::results::Results;
use crate::task::Class;

#[derive(Template)]
#[template(path = "model_card.md")]
struct Card<'r> {
    origin: String,
    name: String,
    /// The name as a string of YAML.
    quoted_name: String,
    what: String,
    test: Option<Measurement>,
    how: String,
    model: String,
    fingerprint: &'r str,
    version: &'r str,
    data: Vec<Fact>,
    /// The emissions, in YAML.
    emissions: String,
    cost: Option<String>,
}

/// A metric of the classifier.
struct Measurement {
    counted: String,
    /// Accuracy and macro F1, as shares.
    shares: (f64, f64),
    accuracy: String,
    figures: String,
    most_frequent: Option<MostFrequent>,
    labels: Vec<LabelLine>,
}

struct MostFrequent {
    label: String,
    share: String,
}

struct LabelLine {
    name: String,
    rows: String,
    precision: String,
    recall: String,
    f1: String,
}

/// The model card: what the classifier does, how good it is, how it was made, and its limitations; and what
/// that has cost, if it is to be said. Otherwise it contains nothing that differs between runs that end with
/// the same classifier, because runs share finished jobs.
pub(crate) fn model_card(results: &Results, spent: Option<Spent>) -> String {
    let classifier = results.distilled.as_ref().or(results.supervised.as_ref());
    let part = |(part, source): (&String, &crate::dataset::DataSource)| Fact {
        what: part.clone(),
        is: format!("{}, fingerprint `{}`", counted(source.rows, "row"), source.fingerprint),
    };
    let name = line(&results.name);
    let card = Card {
        origin: origin(&results.model),
        quoted_name: quoted(&name),
        name,
        what: what(results),
        test: classifier.and_then(|stage| stage.test.as_ref()).map(measurement),
        how: how(results),
        model: line(&results.model.name),
        fingerprint: &results.model.fingerprint,
        version: &results.version,
        data: results.data.iter().map(part).collect(),
        emissions: spent.map_or(String::new(), |spent| spent.front_matter()),
        cost: spent.map(|spent| spent.sentence()),
    };
    // Rendering writes text to memory only, which cannot fail.
    card.render().unwrap_or_default()
}

fn what(results: &Results) -> String {
    let labels: Vec<String> = results.labels.iter().map(|label| format!("`{}`", line(label))).collect();
    if results.classes.is_empty() {
        return format!("Classifies text into {}: {}.", counted(labels.len(), "label"), labels.join(", "));
    }
    let class = |class: &Class| format!("`{}` ({})", line(&class.name), line(&class.text));
    format!(
        "Given a text and the description of a label, predicts whether the text has the label ({}). The labels are {}.",
        labels.join(" or "),
        results.classes.iter().map(class).collect::<Vec<_>>().join(", ")
    )
}

fn how(results: &Results) -> String {
    let rows = |part: &str| grouped(results.rows(part));
    if results.method == "supervised" {
        return format!("Fine-tuned on {} labelled rows.", rows("train"));
    }
    let patterns = counted(results.patterns.len(), "pattern");
    if !results.members_are_trained() {
        return format!(
            "Distilled from the pretrained language model's predictions for {} unlabelled rows with {patterns}. There were no labelled \
             rows.",
            rows("unlabeled"),
        );
    }
    let grown = match results.generations.len() {
        0 => String::new(),
        before => format!(", in {} generations with growing training sets (iPET)", before + 1),
    };
    format!(
        "Distilled from {} with {patterns} (pattern-exploiting training) that were fine-tuned on {} \
         labelled rows{grown} and gave {} unlabelled rows soft labels.",
        counted(results.members.len(), "model"),
        rows("train"),
        rows("unlabeled")
    )
}

fn measurement(test: &Evaluation) -> Measurement {
    let label = |label: &LabelEvaluation| LabelLine {
        name: line(&label.label).replace('|', "\\|"),
        rows: grouped(label.gold as usize),
        precision: percent(label.precision),
        recall: percent(label.recall),
        f1: percent(label.f1),
    };
    let most_frequent = |(label, share): (&str, f64)| MostFrequent {
        label: format!("`{}`", line(label)),
        share: percent(share),
    };
    Measurement {
        counted: tested(test),
        shares: (test.accuracy.value, test.macro_f1.value),
        accuracy: with_interval(test.accuracy),
        figures: figures(test),
        most_frequent: test.most_frequent().map(most_frequent),
        labels: test.per_label().iter().map(label).collect(),
    }
}

/// Text on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
