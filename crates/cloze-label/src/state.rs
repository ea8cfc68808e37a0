//! What follows from the log: the labels, and what each annotator says of each text.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use crate::log::{Action, Event, standing};
use crate::rows::{Row, Rows};

/// A set of labels by index.
pub(crate) type Labels = BTreeSet<usize>;

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Label {
    /// Its name.
    pub(crate) name: String,
    /// Words that say what it means; may be empty.
    pub(crate) words: String,
}

/// What an annotator says of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Labels(Labels),
    Skipped,
}

/// What is known of a text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    pub(crate) by: BTreeMap<String, Said>,
    pub(crate) settled: Option<Labels>,
    pub(crate) note: String,
    /// The number of the event that said the last of it.
    pub(crate) last: u64,
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) labels: Vec<Label>,
    marks: HashMap<Row, Marks>,
    /// The texts that accuracy is measured on.
    pub(crate) sample: Vec<Row>,
    sample_set: HashSet<Row>,
    pub(crate) several: bool,
    /// Increases whenever the labels themselves change.
    pub(crate) edition: u64,
}

/// Why something cannot be done, for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// The annotator of labels that were in the files already.
pub(crate) const IMPORTED: &str = "the file";

impl State {
    /// Before any event: what the files say.
    pub(crate) fn new(rows: &Rows, labels: Vec<Label>, several: bool) -> State {
        let mut state = State { labels, several, ..State::default() };
        for (row, text) in rows.texts.iter().enumerate() {
            if let [labels] = text.imported.as_slice() {
                let labels = labels.iter().filter_map(|name| state.find(name)).collect();
                state.marks.entry(row).or_default().by.insert(IMPORTED.into(), Said::Labels(labels));
            }
            if text.test {
                state.sample.push(row);
                state.sample_set.insert(row);
            }
        }
        state
    }

    /// Goes through events in order.
    pub(crate) fn replayed(mut self, rows: &Rows, events: &[Event]) -> State {
        standing(events).for_each(|event| self.apply(rows, event));
        self
    }

    /// Whether an action makes sense now.
    pub(crate) fn check(&self, rows: &Rows, action: &Action) -> Result<(), Refused> {
        let known = |name: &String| match self.find(name) {
            Some(_) => Ok(()),
            None => Err(Refused(format!("there is no label “{name}”"))),
        };
        let free = |name: &String| match self.labels.iter().find(|label| alike(&label.name, name)) {
            _ if name.trim().is_empty() => Err(Refused("a label needs a name".into())),
            _ if name.len() > 200 || name.contains(char::is_control) => {
                Err(Refused("a label's name is one line of at most 200 letters".into()))
            }
            Some(label) => Err(Refused(format!("there is a label “{}” already", label.name))),
            None => Ok(()),
        };
        if let Some(row) = action.row()
            && rows.find(row).is_none()
        {
            return Err(Refused("this text is not in the table".into()));
        }
        match action {
            Action::AddLabel { label, .. } => free(label),
            Action::RenameLabel { label, to } => {
                known(label)?;
                // Only other capitals are another name too.
                if alike(label, to) && label != to { Ok(()) } else { free(to) }
            }
            Action::MergeLabel { label, into } if label == into => {
                Err(Refused("a label cannot be merged with itself".into()))
            }
            Action::MergeLabel { label, into } => known(label).and_then(|()| known(into)),
            Action::DescribeLabel { label, .. } => known(label),
            Action::RemoveLabel { label } => {
                known(label)?;
                let index = self.find(label);
                let has = |said: &Said| matches!(said, Said::Labels(labels) if index.is_some_and(|index| labels.contains(&index)));
                let texts = self.marks.values().filter(|marks| marks.by.values().any(has)).count();
                match texts {
                    0 => Ok(()),
                    _ => Err(Refused(format!(
                        "{texts} text{} “{label}”; merge it with another label instead",
                        if texts == 1 { " has" } else { "s have" }
                    ))),
                }
            }
            Action::Label { labels, .. } | Action::Settle { labels, .. } => {
                labels.iter().try_for_each(known)?;
                match labels.len() {
                    1 => Ok(()),
                    _ if self.several => Ok(()),
                    _ => Err(Refused("a text has one label here".into())),
                }
            }
            Action::Note { note, .. } if note.len() > 10_000 => {
                Err(Refused("a note has at most 10,000 bytes".into()))
            }
            Action::Sample { .. }
            | Action::Skip { .. }
            | Action::Clear { .. }
            | Action::Note { .. }
            | Action::Undo { .. } => Ok(()),
        }
    }

    /// Takes in an event that is no undo.
    pub(crate) fn apply(&mut self, rows: &Rows, event: &Event) {
        let row = event.action.row().and_then(|row| rows.find(row));
        let labels = |names: &Vec<String>| names.iter().filter_map(|name| self.find(name)).collect();
        match &event.action {
            Action::Sample { rows: drawn } => {
                // What is no longer in the table cannot be measured on.
                self.sample = drawn.iter().filter_map(|hash| rows.find(hash)).collect();
                self.sample_set = self.sample.iter().copied().collect();
            }
            Action::AddLabel { label, words } if self.find(label).is_none() => {
                self.labels.push(Label { name: label.clone(), words: words.clone() });
                self.edition += 1;
            }
            Action::RenameLabel { label, to } => {
                if let Some(index) = self.find(label) {
                    self.labels[index].name.clone_from(to);
                    self.edition += 1;
                }
            }
            Action::DescribeLabel { label, words } => {
                if let Some(index) = self.find(label) {
                    self.labels[index].words.clone_from(words);
                    self.edition += 1;
                }
            }
            Action::MergeLabel { label, into } => {
                if let (Some(from), Some(into)) = (self.find(label), self.find(into)) {
                    self.drop_label(from, Some(into));
                }
            }
            Action::RemoveLabel { label } => {
                if let Some(index) = self.find(label) {
                    self.drop_label(index, None);
                }
            }
            Action::Label { labels: names, .. } => {
                let labels = labels(names);
                self.say(row, event, Some(Said::Labels(labels)));
            }
            Action::Skip { .. } => self.say(row, event, Some(Said::Skipped)),
            Action::Clear { .. } => self.say(row, event, None),
            Action::Settle { labels: names, .. } => {
                let labels = labels(names);
                if let Some(row) = row {
                    let marks = self.marks.entry(row).or_default();
                    (marks.settled, marks.last) = (Some(labels), event.seq);
                }
            }
            Action::Note { note, .. } => {
                if let Some(row) = row {
                    self.marks.entry(row).or_default().note.clone_from(note);
                }
            }
            Action::AddLabel { .. } | Action::Undo { .. } => {}
        }
    }

    fn say(&mut self, row: Option<Row>, event: &Event, said: Option<Said>) {
        let Some(row) = row else { return };
        let marks = self.marks.entry(row).or_default();
        marks.last = event.seq;
        // Whoever looks at a settled text again opens the question again.
        marks.settled = None;
        match said {
            Some(said) => _ = marks.by.insert(event.annotator.clone(), said),
            None => {
                marks.by.remove(&event.annotator);
                marks.by.remove(IMPORTED);
            }
        }
    }

    fn drop_label(&mut self, index: usize, into: Option<usize>) {
        let moved = |label: usize| match label == index {
            true => into.map(|into| into - usize::from(into > index)),
            false => Some(label - usize::from(label > index)),
        };
        let move_all =
            |labels: &mut Labels| *labels = labels.iter().filter_map(|label| moved(*label)).collect();
        for marks in self.marks.values_mut() {
            marks.settled.iter_mut().for_each(move_all);
            for said in marks.by.values_mut() {
                if let Said::Labels(labels) = said {
                    move_all(labels);
                }
            }
        }
        self.labels.remove(index);
        self.edition += 1;
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|label| label.name == name)
    }

    pub(crate) fn names(&self, labels: &Labels) -> Vec<String> {
        labels.iter().map(|label| self.labels[*label].name.clone()).collect()
    }

    pub(crate) fn marks(&self, row: Row) -> Option<&Marks> {
        self.marks.get(&row)
    }

    /// The labels of a text that everything else works with: what was settled, or what all people say who
    /// have labelled it, or what the file says; `None` if nobody has, or people disagree.
    pub(crate) fn label_of(&self, row: Row) -> Option<&Labels> {
        let marks = self.marks.get(&row)?;
        if marks.settled.is_some() {
            return marks.settled.as_ref();
        }
        let mut people = marks.people();
        match people.next() {
            Some((_, first)) => people.all(|(_, other)| other == first).then_some(first),
            None => match marks.by.get(IMPORTED) {
                Some(Said::Labels(labels)) if marks.by.len() == 1 => Some(labels),
                _ => None,
            },
        }
    }

    /// Whether people disagree about a text, and that is not settled.
    pub(crate) fn is_disputed(&self, row: Row) -> bool {
        self.marks.get(&row).is_some_and(|marks| {
            marks.settled.is_none() && marks.people().next().is_some() && self.label_of(row).is_none()
        })
    }

    /// Whether an annotator has said something of a text.
    pub(crate) fn has_said(&self, row: Row, annotator: &str) -> bool {
        self.marks.get(&row).is_some_and(|marks| marks.by.contains_key(annotator))
    }

    /// Whether somebody, or the file, has said something of a text.
    pub(crate) fn is_touched(&self, row: Row) -> bool {
        self.marks.get(&row).is_some_and(|marks| !marks.by.is_empty())
    }

    pub(crate) fn is_sample(&self, row: Row) -> bool {
        self.sample_set.contains(&row)
    }

    /// Every text of which something was said, in the order of the last word on it.
    pub(crate) fn touched(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.marks.keys().copied().collect();
        rows.sort_by_key(|row| (self.marks[row].last, *row));
        rows
    }

    /// The labelled texts that may be learned from, with their labels, in no order.
    fn learned(&self) -> impl Iterator<Item = (Row, &Labels)> {
        let rows = self.marks.keys().copied().filter(|row| !self.is_sample(*row));
        rows.filter_map(|row| Some((row, self.label_of(row)?)))
    }

    /// The same in the order in which they were labelled.
    pub(crate) fn lessons(&self) -> Vec<(Row, &Labels)> {
        let mut lessons: Vec<(Row, &Labels)> = self.learned().collect();
        lessons.sort_by_key(|(row, _)| (self.marks[row].last, *row));
        lessons
    }

    /// How many there are.
    pub(crate) fn lesson_count(&self) -> usize {
        self.learned().count()
    }

    /// How many texts have each label that may be learned from.
    pub(crate) fn given(&self) -> Vec<usize> {
        let mut given = vec![0; self.labels.len()];
        self.learned().flat_map(|(_, labels)| labels).for_each(|label| given[*label] += 1);
        given
    }

    /// The labelled texts of the sample.
    pub(crate) fn measured(&self) -> Vec<(Row, &Labels)> {
        self.sample.iter().filter_map(|row| Some((*row, self.label_of(*row)?))).collect()
    }

    /// The annotators who have labelled a text, in alphabetical order; the file is none.
    pub(crate) fn annotators(&self) -> Vec<String> {
        let names: BTreeSet<&String> =
            self.marks.values().flat_map(Marks::people).map(|(name, _)| name).collect();
        names.into_iter().cloned().collect()
    }
}

impl Marks {
    /// What each person says who gave labels.
    pub(crate) fn people(&self) -> impl Iterator<Item = (&String, &Labels)> {
        self.by.iter().filter(|(name, _)| *name != IMPORTED).filter_map(|(name, said)| match said {
            Said::Labels(labels) => Some((name, labels)),
            Said::Skipped => None,
        })
    }
}

/// Whether two names differ only in capitals and spaces around them.
fn alike(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::rows;

    struct Game {
        rows: Rows,
        events: Vec<Event>,
    }

    impl Game {
        fn new() -> Game {
            let rows = rows(&[("one", &[]), ("two", &[]), ("three", &["a"]), ("four", &[])]);
            Game { rows, events: Vec::new() }
        }

        fn act(&mut self, annotator: &str, action: Action) -> &mut Game {
            let seq = self.events.len() as u64 + 1;
            self.events.push(Event { seq, time: 0.0, annotator: annotator.into(), action });
            self
        }

        fn label(&mut self, annotator: &str, row: Row, label: &str) -> &mut Game {
            let row = self.rows.hash(row);
            let labels = vec![label.to_owned()];
            self.act(annotator, Action::Label { row, labels, suggested: None, model: None, blind: false })
        }

        fn state(&self) -> State {
            let names = ["a", "b", "c"];
            let labels = names.map(|name| Label { name: name.into(), words: String::new() }).to_vec();
            State::new(&self.rows, labels, false).replayed(&self.rows, &self.events)
        }

        fn of(&self, row: Row) -> Option<Vec<String>> {
            let state = self.state();
            state.label_of(row).map(|labels| state.names(labels))
        }
    }

    #[test]
    fn people_who_agree_are_believed_before_the_file() {
        let mut game = Game::new();
        assert_eq!(game.of(2), Some(vec!["a".to_owned()]));
        game.label("ann", 2, "b");
        assert_eq!(game.of(2), Some(vec!["b".to_owned()]));
        game.label("bob", 2, "b");
        assert_eq!(game.of(2), Some(vec!["b".to_owned()]));
        game.label("bob", 2, "c");
        assert_eq!(game.of(2), None);
        assert!(game.state().is_disputed(2));
        let row = game.rows.hash(2);
        game.act("ann", Action::Settle { row, labels: vec!["c".into()] });
        assert_eq!(game.of(2), Some(vec!["c".to_owned()]));
        assert!(!game.state().is_disputed(2));
        game.label("bob", 2, "a");
        assert!(game.state().is_disputed(2));
    }

    #[test]
    fn merged_labels_are_one_from_then_on_and_undoing_it_parts_them() {
        let mut game = Game::new();
        game.label("ann", 0, "a").label("ann", 1, "c");
        game.act("ann", Action::MergeLabel { label: "a".into(), into: "c".into() });
        assert_eq!((game.of(0), game.of(2)), (Some(vec!["c".into()]), Some(vec!["c".into()])));
        game.act("ann", Action::RenameLabel { label: "c".into(), to: "both".into() });
        assert_eq!(game.of(1), Some(vec!["both".to_owned()]));
        game.act("ann", Action::Undo { undoes: 3 });
        assert_eq!((game.of(0), game.of(1)), (Some(vec!["a".into()]), Some(vec!["both".into()])));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut game = Game::new();
        game.label("ann", 0, "a");
        let state = game.state();
        let check = |action: Action| state.check(&game.rows, &action).map_err(|refused| refused.0);
        let row = game.rows.hash(1);
        let label = |labels: &[&str]| Action::Label {
            row: row.clone(),
            labels: labels.iter().map(|name| (*name).to_owned()).collect(),
            suggested: None,
            model: None,
            blind: true,
        };
        assert_eq!(check(label(&["b"])), Ok(()));
        assert!(check(label(&["x"])).is_err());
        assert!(check(label(&[])).is_err());
        assert!(check(label(&["a", "b"])).is_err());
        assert!(check(Action::Skip { row: "0".repeat(32) }).is_err());
        let add = |name: &str| Action::AddLabel { label: name.into(), words: String::new() };
        assert_eq!(check(add("d")), Ok(()));
        assert!(check(add(" A ")).is_err() && check(add("")).is_err() && check(add("x\ny")).is_err());
        let rename = |label: &str, to: &str| Action::RenameLabel { label: label.into(), to: to.into() };
        assert_eq!(check(rename("a", "A")), Ok(()));
        assert!(check(rename("a", "b")).is_err() && check(rename("x", "y")).is_err());
        let remove = |label: &str| Action::RemoveLabel { label: label.into() };
        assert_eq!(check(remove("b")), Ok(()));
        assert_eq!(check(remove("a")), Err("2 texts have “a”; merge it with another label instead".into()));
    }

    #[test]
    fn only_texts_outside_the_sample_are_learned_from() {
        let mut game = Game::new();
        let hash = game.rows.hash(1);
        game.act("ann", Action::Sample { rows: vec![hash] }).label("ann", 1, "a").label("ann", 0, "b");
        let state = game.state();
        assert_eq!(state.lessons().iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(state.measured().iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1]);
    }
}
