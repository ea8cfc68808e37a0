//! The words of the labels.

use super::{Base, Definition, Levels};
use crate::error::Error;
use crate::pvp::verbalizer::Verbalizer;
use crate::study::level::Level;
use crate::task::{Label, Task};
use crate::{Result, words};

pub(super) struct Words;

impl Definition for Words {
    fn question(&self) -> &'static str {
        "How much do the words of the labels matter?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let own = if base.has_found_words { "words found" } else { "words of the task" };
        let mut levels = vec![Level::unchanged(own)];
        let several = |labels: &[Label]| labels.iter().any(|label| label.words.len() > 1);
        if several(&base.task.labels) || base.task.own_words.iter().flatten().any(|labels| several(labels)) {
            levels.push(Level::changed("one word for a label", |task, _| {
                let labels = task.labels.iter_mut().chain(task.own_words.iter_mut().flatten().flatten());
                labels.for_each(|label| label.words.truncate(1));
            }));
        }
        if let Some(found) = found(base) {
            levels.push(level("words found".to_owned(), found));
        }
        for other in &base.alternatives.words {
            levels.push(level(format!("words of {}", other.file()), given(base, other)?));
        }
        let reason = "every label has one word, and no other words are given with `--words` or can be found";
        Ok(Levels { levels, reason })
    }
}

/// The task with other words for its labels. Patterns with words of their own keep them.
fn level(setting: String, labels: Vec<Label>) -> Level {
    Level::changed(setting, move |task, _| task.labels.clone_from(&labels))
}

/// The words that the program finds for the labels, if they differ from those of the task; `None` also if
/// there is no indication of what a label means, and where words are not the same for all rows.
fn found(base: &Base) -> Option<Vec<Label>> {
    let is_plain =
        |label: &Label| !label.words.is_empty() && !label.words.iter().any(|word| word.contains('{'));
    let applies = base.task.answers.is_one_label() && base.task.labels.iter().all(is_plain);
    if base.has_found_words || !applies {
        return None;
    }
    let described = vec![None; base.task.labels.len()];
    let labels = look_for(base, described).ok()?;
    (labels != base.task.labels).then_some(labels)
}

/// The words that another task gives to the labels of this one, in the order of this one.
///
/// # Errors
/// When the labels differ, or words cannot be used.
fn given(base: &Base, other: &Task) -> Result<Vec<Label>> {
    let own = &base.task.labels;
    if let Some(number) = (0..other.labels.len())
        .find(|&number| !own.iter().any(|label| label.name == other.labels[number].name))
    {
        let problem = format!("the task to study has no label `{}`", other.labels[number].name);
        return Err(other.mistake_in_label(number, problem, "give words for the labels of that task").into());
    }
    let mut labels = Vec::new();
    let mut described = Vec::new();
    for label in own {
        let Some(number) = other.labels.iter().position(|theirs| theirs.name == label.name) else {
            let problem = format!("`{}` has no words for the label `{}`", other.file(), label.name);
            return Err(Error::usage(problem, "give words for every label under `[labels]`"));
        };
        labels.push(other.labels[number].clone());
        described.extend(other.described.as_ref().map(|described| described[number].clone()));
    }
    if !described.is_empty() {
        labels = look_for(base, described)?;
    }
    // Mistakes are reported where the words stand.
    let mut theirs = other.clone();
    theirs.patterns.clone_from(&base.task.patterns);
    theirs.own_words = vec![None; theirs.patterns.len()];
    for pattern in (0..theirs.patterns.len()).filter(|_| theirs.described.is_none()) {
        Verbalizer::new(&theirs, pattern, &base.models[0].checkpoint().tokenizer)?;
    }
    Ok(labels)
}

/// The words that the program finds for the labels with these descriptions.
fn look_for(base: &Base, described: Vec<Option<String>>) -> Result<Vec<Label>> {
    let mut task = base.task.clone();
    task.described = Some(described);
    Ok(words::find(&task, &base.data, base.models[0].checkpoint(), &base.device)?.labels)
}
