//! The model card of a run's classifier (`README.md`).

use std::fmt::Write as _;

use super::figures::{figures, listed, percent, with_interval};
use crate::results::Results;
use crate::task::Topic;

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
    } else if !results.members_are_trained() {
        format!(
            "Distilled from what the untouched language model says of {} unlabelled rows with {} patterns. There were no labelled rows.",
            rows("unlabeled"),
            results.patterns.len()
        )
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
                "On {} test {}, with 95 % bootstrap intervals: accuracy {}, {}.\n\n\
                 | label | rows | precision | recall | F1 |\n| --- | ---: | ---: | ---: | ---: |\n",
                test.rows,
                if test.topics.is_empty() { "rows" } else { "answers, one for every row and label" },
                with_interval(test.accuracy),
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
