//! Examples that may belong to several classes at once, which the task file calls topics.
//!
//! There is one question about an example for every class, with the class's description in a column of its
//! own and one of two answers, the task's labels, of which the first means yes. The questions about an
//! example are adjacent, in the order of the classes.

use super::Task;

/// Several labels per example: the section `[multi_label]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MultiLabel {
    /// The column that contains a class's description in patterns.
    pub column: String,
    /// The separator between the classes in a cell.
    pub separator: String,
    /// The value of a cell for an example without any class; empty if that is an empty cell.
    pub none: String,
    /// The classes, at least one, with different names and descriptions.
    pub classes: Vec<Class>,
}

/// A class that an example may belong to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Class {
    /// Its name in the data and in all output.
    pub name: String,
    /// Its description in patterns.
    pub text: String,
}

impl MultiLabel {
    /// The names of the classes, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }
}

impl Task {
    /// The names that can be predicted for an example: labels, or classes.
    pub(crate) fn answer_names(&self) -> Vec<String> {
        self.answers.several().map_or_else(|| self.label_names(), MultiLabel::names)
    }

    /// The classes of a multi-label task; otherwise empty.
    pub fn classes(&self) -> &[Class] {
        self.answers.several().map_or(&[], |several| &several.classes)
    }

    /// The columns that the patterns use and that belong to the example rather than to a class: each once, in
    /// order of first use.
    pub fn inputs(&self) -> Vec<String> {
        let mut fields = self.fields();
        fields.retain(|field| self.answers.several().is_none_or(|several| several.column != *field));
        fields
    }

    /// The questions about an example whose `texts` are those of [`Task::inputs`], each with a text for every
    /// one of [`Task::fields`].
    pub(crate) fn rows_of(&self, texts: &[String]) -> Vec<Vec<String>> {
        let Some(several) = self.answers.several() else { return vec![texts.to_vec()] };
        let fields = self.fields();
        let row = |class: &Class| {
            let mut texts = texts.iter().cloned();
            let text = |field| if field == &several.column { Some(class.text.clone()) } else { texts.next() };
            fields.iter().map(text).map(Option::unwrap_or_default).collect()
        };
        several.classes.iter().map(row).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::task::tests::{parse, refuse};

    pub(crate) const SEVERAL: &str = r#"
format   = 1
patterns = ["{text} Is this about {topic}? {mask}.", '{topic}: {text} {mask}']

[data]
train     = "a.csv"
unlabeled = "b.csv"
test      = "c.csv"
label     = "tags"

[multi_label]
topics = { billing = "invoices and payments", urgent = "a hurry" }

[labels]
yes = "yes"
no  = "no"
"#;

    fn one(text: &str) -> (u64, String, String) {
        let mut mistakes = refuse(text);
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        let (line, at, problem, _) = mistakes.remove(0);
        (line, at, problem)
    }

    fn is(text: &str, line: u64, at: &str, problem: &str) {
        assert_eq!(one(text), (line, at.to_owned(), problem.to_owned()));
    }

    #[test]
    fn classes_are_read_in_the_order_of_the_file_with_or_without_descriptions() {
        let task = parse(SEVERAL);
        let several = task.answers.several().unwrap();
        assert_eq!((several.column.as_str(), several.separator.as_str()), ("topic", ";"));
        assert_eq!(
            (several.none.as_str(), several.classes[0].text.as_str()),
            ("none", "invoices and payments")
        );
        assert_eq!(task.answer_names(), ["billing", "urgent"]);
        assert_eq!((task.answers.questions(), task.inputs()), (2, vec!["text".to_owned()]));
        let listed = parse(
            &SEVERAL.replace("{ billing = \"invoices and payments\", urgent = \"a hurry\" }", "['x', 'b']"),
        );
        let classes = &listed.answers.several().unwrap().classes;
        assert_eq!(
            (classes[0].name.as_str(), classes[0].text.as_str(), classes[1].name.as_str()),
            ("x", "x", "b")
        );
        assert_eq!(parse(crate::task::tests::EXAMPLE).answers.questions(), 1);
    }

    #[test]
    fn the_first_label_is_the_one_that_is_measured_unless_another_is_named() {
        assert_eq!(parse(SEVERAL).metrics.positive, Some(0));
        assert_eq!(parse(&format!("{SEVERAL}[metrics]\npositive = 'no'\n")).metrics.positive, Some(1));
    }

    #[test]
    fn several_labels_are_asked_for_with_yes_or_no() {
        is(
            &format!("{SEVERAL}maybe = 'maybe'\n"),
            11,
            "multi_label",
            "there are 3 labels, and whether a row belongs to a class has two answers",
        );
    }

    #[test]
    fn classes_that_cannot_be_told_apart_or_written_into_a_cell_are_refused() {
        let classes =
            |new: &str| SEVERAL.replace("{ billing = \"invoices and payments\", urgent = \"a hurry\" }", new);
        is(&classes("{}"), 12, "{}", "there is no class");
        is(&classes("[]"), 12, "[]", "there is no class");
        is(&classes("3"), 12, "3", "`topics` is an integer");
        is(&classes("{ a = 3 }"), 12, "3", "`a` is an integer");
        is(&classes("{ a = ' ' }"), 12, "' '", "the description of the class `a` is empty");
        is(&classes("{ a = 'x', b = 'x' }"), 12, "'x'", "the classes `a` and `b` have the same description");
        is(&classes("['a', 'a']"), 12, "'a'", "the class `a` is there twice");
        for name in ["a;b", "none", " a", "[a]", ""] {
            let problem = format!("a cell cannot name the class `{name}`");
            is(&classes(&format!("['x', '{name}']")), 12, &format!("'{name}'"), &problem);
        }
        is(
            &classes("3").replace("topics = 3", ""),
            11,
            "multi_label",
            "`topics` is missing in `[multi_label]`",
        );
    }

    #[test]
    fn every_pattern_asks_for_the_class_in_itself_or_in_its_words() {
        let without = SEVERAL.replace("'{topic}: {text} {mask}'", "'{text} {mask}'");
        is(
            &without,
            3,
            "'{text} {mask}'",
            "the pattern does not use `{topic}`, so that it asks the same of every class",
        );
        let words =
            without.replace("'{text} {mask}'", "{ pattern = '{text} {mask}', words = { yes = '{topic}' } }");
        assert_eq!(parse(&words).inputs(), ["text"]);
        let only = SEVERAL.replace("'{topic}: {text} {mask}'", "'{topic} {mask}'");
        is(
            &only,
            3,
            "'{topic} {mask}'",
            "the pattern uses no column of the data, so that it asks the same of every row",
        );
    }

    #[test]
    fn the_column_of_the_classes_is_no_other_column() {
        let column = |name: &str| {
            SEVERAL
                .replace("topics =", &format!("column = '{name}'\ntopics ="))
                .replace("{topic}", &format!("{{{name}}}"))
        };
        assert_eq!(parse(&column("of.what")).inputs(), ["text"]);
        let finds = |text: &str, at: &str, problem: &str| {
            refuse(text).iter().any(|mistake| mistake.1 == at && mistake.2 == problem)
        };
        assert!(finds(&column("tags"), "'tags'", "`tags` is the label column already"));
        assert!(finds(&column("mask"), "'mask'", "no pattern can name the column `mask`"));
        let made = format!("{}[columns]\nx = '{{text}}'\n", column("x"));
        is(&made, 19, "'{text}'", "the column `x` has the name of the classes' column");
        let made = format!("{SEVERAL}[columns]\nx = '{{topic}}'\n");
        is(&made, 18, "'{topic}'", "the column `x` is made of the classes' column");
        is(&SEVERAL.replace("topics =", "separator = ''\ntopics ="), 12, "''", "`separator` is empty");
    }

    #[test]
    fn a_task_with_several_labels_is_frozen_with_them() {
        let text = SEVERAL.replace("topics =", "separator = ' | '\nnone = ''\ntopics =");
        let task = parse(&text);
        let again = Task::parse("run.toml", &task.to_toml(), Path::new("/elsewhere")).unwrap();
        assert_eq!((again.to_toml(), &again.answers), (task.to_toml(), &task.answers));
        assert_eq!(again.metrics, task.metrics);
    }

    #[test]
    fn a_row_becomes_one_for_every_class_with_the_texts_where_the_fields_are() {
        let task = parse(&SEVERAL.replace("\"{text} Is", "\"{topic} {title}: {text} Is"));
        let rows = task.rows_of(&["t".into(), "x".into()]);
        assert_eq!(task.inputs(), ["title", "text"]);
        assert_eq!(rows, [["invoices and payments", "t", "x"], ["a hurry", "t", "x"]]);
    }
}
