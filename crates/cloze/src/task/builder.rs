//! Builds tasks in a program, without a file.

use std::fmt::Write;
use std::path::Path;

use super::serialize::{list, quoted};
use super::{Options, Preset, Split, Task};
use crate::table::Record;
use crate::{Error, Result};

/// The name used in errors for a task that has no file; errors show what was built as it would be written in
/// one.
const NAME: &str = "the task";

/// Builds a [`Task`] from patterns, labels and in-memory examples; see [`Task::builder`].
///
/// Anything that has no method here can be written as the text of a task file and read with [`Task::parse`];
/// in-memory examples are then added with [`Task::with_rows`].
#[derive(Default)]
#[must_use]
pub struct TaskBuilder {
    name: Option<String>,
    patterns: Vec<String>,
    labels: Vec<(String, Vec<String>)>,
    descriptions: Vec<(String, String)>,
    classes: Vec<(String, String)>,
    choices: Option<String>,
    label_column: Option<String>,
    preset: Option<Preset>,
    change: Vec<Change>,
    train: Vec<Record>,
    unlabeled: Vec<Record>,
    test: Vec<Record>,
}

type Change = Box<dyn FnOnce(&mut Options)>;

impl TaskBuilder {
    /// The name used in run directories: letters, digits, `-`, `_` and `.`. The default is `task`.
    pub fn name(mut self, name: impl Into<String>) -> TaskBuilder {
        self.name = Some(name.into());
        self
    }

    /// Adds a pattern, in the syntax of [`Pattern`](crate::Pattern): `{text} This is about {mask}.`
    pub fn pattern(mut self, pattern: impl Into<String>) -> TaskBuilder {
        self.patterns.push(pattern.into());
        self
    }

    /// Adds a label and the words that represent it at the mask. If no label has words, they are found with
    /// the model from the labels' names, the descriptions given with [`TaskBuilder::describe`], and the
    /// labelled examples.
    pub fn label<W: Into<String>>(
        mut self,
        name: impl Into<String>,
        words: impl IntoIterator<Item = W>,
    ) -> TaskBuilder {
        self.labels.push((name.into(), words.into_iter().map(Into::into).collect()));
        self
    }

    /// Describes the meaning of a label without words.
    pub fn describe(mut self, label: impl Into<String>, meaning: impl Into<String>) -> TaskBuilder {
        self.descriptions.push((label.into(), meaning.into()));
        self
    }

    /// Adds a class of a multi-label task, with the description that patterns insert for `{topic}`. The
    /// labels are then the two answers, yes first; by default, they are the words `yes` and `no`.
    pub fn class(mut self, name: impl Into<String>, description: impl Into<String>) -> TaskBuilder {
        self.classes.push((name.into(), description.into()));
        self
    }

    /// The column that holds each example's own list of texts to choose from; the task then has no labels.
    pub fn choices(mut self, column: impl Into<String>) -> TaskBuilder {
        self.choices = Some(column.into());
        self
    }

    /// The column with the labels, for examples that include it among their values. The default is `label`.
    pub fn label_column(mut self, column: impl Into<String>) -> TaskBuilder {
        self.label_column = Some(column.into());
        self
    }

    /// Adds labelled examples for training.
    pub fn train<R: Into<Record>>(mut self, examples: impl IntoIterator<Item = R>) -> TaskBuilder {
        self.train.extend(examples.into_iter().map(Into::into));
        self
    }

    /// Adds unlabelled examples, which the ensemble annotates for training the classifier.
    pub fn unlabeled<R: Into<Record>>(mut self, examples: impl IntoIterator<Item = R>) -> TaskBuilder {
        self.unlabeled.extend(examples.into_iter().map(Into::into));
        self
    }

    /// Adds labelled examples for evaluation.
    pub fn test<R: Into<Record>>(mut self, examples: impl IntoIterator<Item = R>) -> TaskBuilder {
        self.test.extend(examples.into_iter().map(Into::into));
        self
    }

    /// The preset for all options that [`TaskBuilder::options`] does not change.
    pub fn preset(mut self, preset: Preset) -> TaskBuilder {
        self.preset = Some(preset);
        self
    }

    /// Changes options: `.options(|options| options.steps = 100)`.
    pub fn options(mut self, change: impl FnOnce(&mut Options) + 'static) -> TaskBuilder {
        self.change.push(Box::new(change));
        self
    }

    /// Builds the task.
    ///
    /// # Errors
    /// All mistakes in patterns and labels; an option out of range; an example whose number of texts differs
    /// from the number of columns that the patterns use. Mistakes in the labels of examples are found when
    /// the examples are read.
    pub fn build(self) -> Result<Task> {
        no_twins("label", &self.labels)?;
        no_twins("class", &self.classes)?;
        let mut task =
            Task::parse_with(NAME, &self.text(), Path::new("."), self.preset)?.into_task_of_program();
        self.change.into_iter().for_each(|change| change(&mut task.options));
        task.check_options()?;
        task.with_rows(Split::Train, self.train)?
            .with_rows(Split::Unlabeled, self.unlabeled)?
            .with_rows(Split::Test, self.test)
    }

    /// The text of an equivalent task file.
    fn text(&self) -> String {
        let mut text = String::from("format = 1\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "name = {}", quoted(self.name.as_deref().unwrap_or("task")));
        let by_itself = !self.labels.is_empty() && self.labels.iter().all(|(_, words)| words.is_empty());
        if by_itself {
            text.push_str("words = \"auto\"\n");
        }
        let _ = writeln!(text, "patterns = {}", list(&self.patterns));
        let _ = writeln!(text, "[data]\nlabel = {}", quoted(self.label_column.as_deref().unwrap_or("label")));
        if let Some(column) = &self.choices {
            let _ = writeln!(text, "[choices]\nfrom = {}", quoted(column));
        }
        if !self.classes.is_empty() {
            text.push_str("[multi_label.topics]\n");
            for (name, description) in &self.classes {
                let _ = writeln!(text, "{} = {}", quoted(name), quoted(description));
            }
        }
        if !self.labels.is_empty() || !self.classes.is_empty() {
            text.push_str("[labels]\n");
        }
        for (name, words) in &self.labels {
            let described = self.descriptions.iter().find(|(label, _)| label == name);
            let value = match described {
                Some((_, meaning)) if by_itself => quoted(meaning),
                _ if by_itself => quoted(""),
                _ => list(words),
            };
            let _ = writeln!(text, "{} = {value}", quoted(name));
        }
        if self.labels.is_empty() && !self.classes.is_empty() {
            text.push_str("yes = \"yes\"\nno = \"no\"\n");
        }
        text
    }
}

/// Checks that no label or class was given twice.
fn no_twins<T>(what: &str, given: &[(String, T)]) -> Result<()> {
    for (number, (name, _)) in given.iter().enumerate() {
        if given[..number].iter().any(|(earlier, _)| earlier == name) {
            let remedy = format!("give each {what} once, with everything that belongs to it");
            return Err(Error::usage(format!("the {what} `{name}` is there twice"), remedy));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Method;

    fn support() -> TaskBuilder {
        Task::builder()
            .pattern("{text} This is about {mask}.")
            .label("billing", ["invoice", "payment"])
            .label("technical", ["bug"])
    }

    #[test]
    fn a_task_is_what_a_file_that_says_the_same_would_be() {
        let built = support()
            .name("support")
            .pattern("{mask}: {text}")
            .options(|options| (options.method, options.steps) = (Method::Ipet, 7))
            .build()
            .unwrap();
        let text = "format = 1\nname = 'support'\npatterns = ['{text} This is about {mask}.', '{mask}: {text}']\n\
                    [data]\nlabel = 'label'\n[labels]\nbilling = ['invoice', 'payment']\ntechnical = ['bug']\n\
                    [train]\nmethod = 'ipet'\nsteps = 7\n";
        let read = Task::parse("x", text, Path::new(".")).unwrap();
        assert_eq!(built.canonical(), read.canonical());
    }

    #[test]
    fn examples_from_memory_are_read_like_those_of_files() {
        let task = support()
            .train([("my invoice is wrong", "billing"), ("it crashes", "technical")])
            .unlabeled(["no sound", "two bills"])
            .test([("a crash", "technical")])
            .build()
            .unwrap();
        let train = task.examples(Split::Train).unwrap();
        assert_eq!((train[0].texts[0].as_str(), train[0].label), ("my invoice is wrong", Some(0)));
        assert_eq!(train[1].place.to_string(), "example 2 of the labelled examples");
        let unlabeled = task.examples(Split::Unlabeled).unwrap();
        assert_eq!((unlabeled.len(), unlabeled[1].label), (2, None));
        assert_eq!(task.examples(Split::Test).unwrap().len(), 1);
    }

    #[test]
    fn mistakes_speak_of_the_examples() {
        let task = support().train([("a", "billing"), ("b", "biling")]).build().unwrap();
        let error = task.examples(Split::Train).unwrap_err();
        assert_eq!(
            error.to_string(),
            "example 2 of the labelled examples, column `label`: the label `biling` is not in `[labels]` of `the task`"
        );
        let error = support().train([(["a", "b"], "billing")]).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "example 1 of the labelled examples: there are 2 texts, and the patterns use the columns `text`"
        );
        let Error::Task(error) = support().pattern("{text}").build().map(|_| ()).unwrap_err() else {
            panic!()
        };
        assert!(error.mistakes[0].problem.contains("{mask}"), "{}", error.mistakes[0].problem);
        let error = support().label("billing", ["bill"]).build().map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the label `billing` is there twice");
        let error = support().options(|options| options.steps = 0).build().map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("steps"), "{error}");
    }

    #[test]
    fn labels_without_words_get_some_and_topics_are_answered_with_yes_or_no() {
        let auto = Task::builder()
            .pattern("{text} {mask}")
            .label("billing", [""; 0])
            .label("2", [""; 0])
            .describe("2", "broken software");
        let task = auto.build().unwrap();
        assert_eq!(task.described.unwrap()[1].as_deref(), Some("broken software"));
        let task = Task::builder()
            .pattern("{text} About {topic}? {mask}.")
            .class("billing", "invoices")
            .class("urgent", "a hurry")
            .train([("pay at once", vec!["billing", "urgent"]), ("hello", Vec::new())])
            .build()
            .unwrap();
        let labels: Vec<_> = task.examples(Split::Train).unwrap().iter().map(|row| row.label).collect();
        assert_eq!(labels, [Some(0), Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn choices_come_from_a_column() {
        let task = Task::builder()
            .pattern("{text} It was {mask}.")
            .choices("people")
            .train([(
                [("text", "it barked".into()), ("people", serde_json::json!(["the cat", "the dog"]))],
                "the cat",
            )])
            .build()
            .unwrap();
        assert_eq!(task.examples(Split::Train).unwrap()[0].label, Some(0));
    }
}
