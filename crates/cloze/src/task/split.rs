//! Where the examples of each split come from: files, or a program that hands them over.

use std::path::PathBuf;

use super::{Data, Task};
use crate::error::Hint;
use crate::table::{Record, Records, expand};
use crate::{Error, Place, Result};

/// What examples are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Labelled, to learn from.
    Train,
    /// To be labelled by the ensemble.
    Unlabeled,
    /// Labelled, to measure on.
    Test,
}

impl Split {
    /// Its key in `[data]`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Unlabeled => "unlabeled",
            Split::Test => "test",
        }
    }

    /// Its key with the section.
    fn full_key(self) -> &'static str {
        match self {
            Split::Train => "data.train",
            Split::Unlabeled => "data.unlabeled",
            Split::Test => "data.test",
        }
    }
}

/// The rows that a program has handed over.
#[derive(Debug, Clone, Default)]
pub(super) struct InMemory {
    train: Option<Records>,
    unlabeled: Option<Records>,
    test: Option<Records>,
}

impl InMemory {
    fn of(&self, split: Split) -> Option<&Records> {
        match split {
            Split::Train => self.train.as_ref(),
            Split::Unlabeled => self.unlabeled.as_ref(),
            Split::Test => self.test.as_ref(),
        }
    }
}

impl Task {
    /// The files of all splits, as far as they are there.
    pub fn data_files(&self) -> Vec<PathBuf> {
        let Data { dir, train, unlabeled, test, .. } = &self.data;
        let names = train.iter().chain(unlabeled).chain(test);
        names.flat_map(|name| expand(name, dir).unwrap_or_default()).collect()
    }

    /// The files of a split; none if the task has no such split.
    ///
    /// # Errors
    /// When a file is not there or a pattern of names matches none.
    pub(crate) fn files(&self, split: Split) -> Result<Vec<PathBuf>> {
        let names = match split {
            Split::Train => &self.data.train,
            Split::Unlabeled => &self.data.unlabeled,
            Split::Test => &self.data.test,
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for name in names {
            let found = expand(name, &self.data.dir).map_err(|error| self.missing_file(split, error))?;
            files.extend(found.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>());
        }
        Ok(files)
    }

    /// The task with these examples in the place of a split's files. A row that has texts without names has them in the columns that the
    /// patterns use, in this order; its label is in the column that the task names, or else in `label`.
    ///
    /// # Errors
    /// When a row has more or fewer texts than the patterns use columns, or two labels, or no row to train on has a label. Everything
    /// else is found when the rows are read.
    pub fn with_rows<R: Into<Record>>(
        mut self,
        split: Split,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Task> {
        let rows: Vec<Record> = rows.into_iter().map(Into::into).collect();
        if split != Split::Unlabeled {
            self.data.label.get_or_insert_with(|| "label".to_owned());
        }
        let label = self.data.label.as_deref().filter(|_| split != Split::Unlabeled);
        let name = match split {
            Split::Train => "the labelled examples",
            Split::Unlabeled => "the unlabelled examples",
            Split::Test => "the test examples",
        };
        let has_label = |row: &Record| row.has_label(label.unwrap_or_default());
        if split == Split::Train && !rows.is_empty() && !rows.iter().any(has_label) {
            return Err(Error::data(
                Place::file(name).in_memory(),
                "none of them has a label",
                "give every example with its label, or give them as unlabelled ones",
            ));
        }
        let records =
            Some(Records::new(name, &rows, &self.inputs(), label)?).filter(|records| !records.is_empty());
        let Data { train, unlabeled, test, .. } = &mut self.data;
        let (files, place) = match split {
            Split::Train => (train, &mut self.in_memory.train),
            Split::Unlabeled => (unlabeled, &mut self.in_memory.unlabeled),
            Split::Test => (test, &mut self.in_memory.test),
        };
        files.clear();
        *place = records;
        Ok(self)
    }

    /// Points at the line that names the file, as far as the file not being there is the trouble.
    fn missing_file(&self, split: Split, error: Error) -> Error {
        let key = split.full_key();
        match &error {
            Error::Io { path, source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                let problem = format!("there is no file `{}`", path.display());
                let remedy = format!(
                    "relative names start at `{}`; `dir` under `[data]` names another folder",
                    self.data.dir.display()
                );
                self.mistake_in_key(key, problem, remedy).with_hint(Hint::DataFolder).into()
            }
            Error::Usage { problem, remedy, .. } => {
                self.mistake_in_key(key, problem.clone(), remedy.to_string()).into()
            }
            _ => error,
        }
    }

    /// The examples of a split that a program has handed over.
    pub(crate) fn records(&self, split: Split) -> Option<&Records> {
        self.in_memory.of(split)
    }
}
