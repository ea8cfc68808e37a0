//! Finds words for labels and measures how good they are.
//!
//! A task file with `words = "auto"` names its labels and may describe them; [`find`] turns it into a task
//! with words like those that `cloze init` writes. Everything else works with that task, and its words are
//! recorded in the run.

pub(crate) mod choice;
mod lexicon;
mod likelihood;
pub(crate) mod trial;

use cloze_encoder::{Checkpoint, Device};

use self::trial::{Rows, Trial};
use crate::Result;
use crate::dataset::Data;
use crate::pvp::verbalizer::Verbalizer;
use crate::task::Task;

/// The task with words for its labels; unchanged if it already has some. The words are derived from the
/// labels' names and descriptions, the labelled examples in `data`, and the pretrained model of `checkpoint`.
///
/// # Errors
/// When the data or the model cannot be used, or there is no indication of what a label means.
pub(crate) fn find(task: &Task, data: &Data, checkpoint: &Checkpoint, device: &Device) -> Result<Task> {
    let Some(described) = &task.described else { return Ok(task.clone()) };
    let mut found = task.clone();
    found.described = None;
    let rows = Rows::of(data, task.labels.len());
    let names: Vec<(&str, Option<&str>)> =
        task.labels.iter().zip(described).map(|(label, said)| (&*label.name, said.as_deref())).collect();
    let chosen = Trial::new(checkpoint, device)?.words(&found, &rows, &names)?;
    let counts = data.label_counts(task);
    for (number, (label, chosen)) in found.labels.iter_mut().zip(chosen).enumerate() {
        if chosen.words.is_empty() || !chosen.sure && counts[number] == 0 {
            let problem =
                format!("nothing says what `{}` means, so no words can be found for it", label.name);
            let remedy = "describe it in words that the model knows, for example `[labels]` with `2 = \"slow delivery\"`, or label a row with it";
            return Err(task.mistake_in_label(number, problem, remedy).into());
        }
        label.words = chosen.words;
    }
    Ok(found)
}

/// The separation of every label: how often the pretrained model, with all patterns together, gives the label
/// a higher probability for an example of that label than for an example of another label, measured on some
/// examples of each label. `None` for a label without examples; `None` for all labels if a word is not a
/// single token that is the same for all examples, or if examples have choices or several labels.
///
/// # Errors
/// When the model cannot be used.
pub(crate) fn apart(
    task: &Task,
    data: &Data,
    checkpoint: &Checkpoint,
    device: &Device,
) -> Result<Vec<Option<f64>>> {
    let counts = data.label_counts(task);
    let mut plain = task.answers.is_one_label();
    for pattern in 0..task.patterns.len() {
        plain &= Verbalizer::new(task, pattern, &checkpoint.tokenizer)?.is_one_token();
    }
    if !plain || data.train.is_empty() {
        return Ok(vec![None; counts.len()]);
    }
    let (_, apart) = Trial::new(checkpoint, device)?.marks(task, &Rows::of(data, counts.len()))?;
    Ok(apart.into_iter().zip(counts).map(|(apart, rows)| (rows > 0).then_some(apart)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Error;

    const ROWS: &str = "text,team\nthe invoice is wrong,billing\nmy card was charged twice,billing\nthe app crashes at once,2\n\
                        it crashes when I start the app,2\n";

    fn task(labels: &str, rows: &str) -> (tempfile::TempDir, Task) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
        let text = format!(
            "format = 1\nname = 't'\nwords = 'auto'\npatterns = ['{{text}} This is about {{mask}}.']\n{labels}\n\
             [data]\ntrain = 'rows.csv'\nlabel = 'team'\n"
        );
        let task = Task::parse("t.toml", &text, folder.path()).unwrap();
        (folder, task)
    }

    fn found(task: &Task) -> Result<Task> {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cloze-mini-en");
        find(task, &Data::read(task)?, &Checkpoint::open(&model).unwrap(), &Device::new(2))
    }

    #[test]
    fn names_descriptions_and_rows_say_what_labels_mean() {
        let (_folder, task) = task("labels = ['billing', '2']", ROWS);
        let named = found(&task).unwrap();
        assert!(named.labels[0].words.contains(&"bill".to_owned()), "{:?}", named.labels);
        assert!(!named.labels[1].words.is_empty());
        let (_folder, task) = self::task("[labels]\nbilling = ''\n2 = 'broken software'", ROWS);
        let described = found(&task).unwrap();
        assert!(described.labels[1].words.contains(&"software".to_owned()), "{:?}", described.labels);
        // Once found, the words are the same as if they had been written in the task.
        assert_eq!(found(&described).unwrap().labels, described.labels);
    }

    #[test]
    fn a_label_of_which_nothing_is_known_is_pointed_at() {
        let rows = ROWS.lines().take(3).collect::<Vec<_>>().join("\n");
        let (_folder, task) = task("labels = ['billing', '2']", &rows);
        let Error::Task(error) = found(&task).unwrap_err() else { panic!("a mistake in the task file") };
        assert_eq!(error.mistakes[0].problem, "nothing says what `2` means, so no words can be found for it");
        assert_eq!(error.mistakes[0].place.line, Some(5));
    }
}
