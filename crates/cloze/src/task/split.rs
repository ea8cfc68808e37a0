//! The sources of each split's examples: files, or in-memory examples from a program.

use std::path::PathBuf;

use super::{Data, Task};
use crate::error::Hint;
use crate::table::{Record, Records, expand};
use crate::{Error, Place, Result};

/// The purpose of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Labelled examples for training.
    Train,
    /// Examples for the ensemble to annotate.
    Unlabeled,
    /// Labelled examples for evaluation.
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

    /// Its key with the section name.
    fn full_key(self) -> &'static str {
        match self {
            Split::Train => "data.train",
            Split::Unlabeled => "data.unlabeled",
            Split::Test => "data.test",
        }
    }
}

/// In-memory examples from a program.
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
    /// The files of all splits, as far as they exist.
    pub fn data_files(&self) -> Vec<PathBuf> {
        let Data { dir, train, unlabeled, test, .. } = &self.data;
        let names = train.iter().chain(unlabeled).chain(test);
        names.flat_map(|name| expand(name, dir).unwrap_or_default()).collect()
    }

    /// The files of a split; empty if the task does not have the split.
    ///
    /// # Errors
    /// When a file does not exist or a file name pattern matches nothing.
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

    /// The task with these examples instead of a split's files. Texts without names go into the columns that
    /// the patterns use, in order; a label goes into the label column that the task names, or else into
    /// `label`.
    ///
    /// # Errors
    /// When the number of an example's texts differs from the number of columns that the patterns use, an
    /// example has two different labels, or no training example has a label. Everything else is checked when
    /// the examples are read.
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

    /// If the file does not exist, reports the error at the line that names it.
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

    /// The in-memory examples of a split.
    pub(crate) fn records(&self, split: Split) -> Option<&Records> {
        self.in_memory.of(split)
    }
}
