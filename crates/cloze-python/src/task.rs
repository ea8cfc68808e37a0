//! Tasks: made, drafted, looked at and trained.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use cloze::inspect::{self, DraftRows, Request};
use cloze::task::{Preset, Setting, Split};
use cloze::{Event, Model, Prepared, Result};
use pyo3::prelude::*;

use crate::device::device;
use crate::failure::{raised, unexpected};
use crate::rows::Rows;
use crate::wording::for_python;
use crate::work::{Caller, work};

/// A task, which never changes.
#[pyclass(frozen, module = "cloze._cloze")]
pub(crate) struct Task {
    task: cloze::Task,
}

/// The examples of a task by split.
#[derive(FromPyObject)]
struct Splits {
    train: Option<Rows>,
    unlabeled: Option<Rows>,
    test: Option<Rows>,
}

/// What may be answered.
#[derive(FromPyObject)]
struct Answers {
    labels: Vec<(String, Vec<String>)>,
    descriptions: Vec<(String, String)>,
    topics: Vec<(String, String)>,
    choices: Option<String>,
}

/// What a draft is asked for beside its examples.
#[derive(FromPyObject)]
struct Wishes {
    name: String,
    label: String,
    missing: Option<Vec<String>>,
    text: Vec<String>,
    descriptions: Vec<(String, String)>,
}

#[pymethods]
impl Task {
    /// Reads a task file.
    #[staticmethod]
    fn open(path: PathBuf, preset: Option<String>) -> PyResult<Task> {
        let task = self::preset(preset.as_deref()).and_then(|preset| cloze::Task::open_with(&path, preset));
        Ok(Task { task: task.map_err(raised)? })
    }

    /// A task of patterns and what may be answered; words of labels without any are found when it is trained.
    #[staticmethod]
    fn build(
        name: String,
        patterns: Vec<String>,
        answers: Answers,
        label_column: String,
        preset: Option<String>,
        splits: Splits,
    ) -> PyResult<Task> {
        let build = || {
            let mut builder = cloze::Task::builder().name(name).label_column(label_column);
            for pattern in patterns {
                builder = builder.pattern(pattern);
            }
            let Answers { labels, descriptions, topics, choices } = answers;
            for (label, words) in labels {
                builder = builder.label(label, words);
            }
            for (label, meaning) in descriptions {
                builder = builder.describe(label, meaning);
            }
            for (topic, description) in topics {
                builder = builder.class(topic, description);
            }
            if let Some(column) = choices {
                builder = builder.choices(column);
            }
            if let Some(preset) = self::preset(preset.as_deref())? {
                builder = builder.preset(preset);
            }
            let rows = |rows: Option<Rows>| rows.map(Rows::into_records).unwrap_or_default();
            builder
                .train(rows(splits.train))
                .unlabeled(rows(splits.unlabeled))
                .test(rows(splits.test))
                .build()
        };
        Ok(Task { task: build().map_err(raised)? })
    }

    /// Finds words and patterns for labelled examples.
    #[staticmethod]
    fn draft(
        py: Python<'_>,
        wishes: Wishes,
        splits: Splits,
        preset: Option<String>,
        model: Option<PathBuf>,
        threads: Option<NonZeroUsize>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let device = device(threads).map_err(raised)?;
        let task = work(py, listener, move |caller| {
            let records = |rows: Option<Rows>| rows.map(Rows::into_records).unwrap_or_default();
            let rows = DraftRows {
                train: records(splits.train),
                unlabeled: records(splits.unlabeled),
                test: records(splits.test),
            };
            let request = Request {
                name: &wishes.name,
                train: "",
                reading: Default::default(),
                label: &wishes.label,
                missing: wishes.missing.as_deref(),
                text: &wishes.text,
                descriptions: &wishes.descriptions,
                unlabeled: None,
                test: None,
            };
            let model = cloze_cli::model(model.as_deref())?;
            let preset = self::preset(preset.as_deref())?;
            let (drafted, task) = inspect::draft_in_memory(rows, &request, preset, &model, &device)?;
            // Whether the model suits the texts is said when they are trained on.
            for message in drafted.warnings {
                let _ = caller.tell(&Event::Warning { message });
            }
            Ok(task)
        })?;
        Ok(Task { task })
    }

    /// The same with other examples in some splits, and with options as `KEY=VALUE`.
    fn with_changes(&self, splits: Splits, settings: Vec<String>) -> PyResult<Task> {
        let change = || {
            let mut task = self.task.clone();
            let Splits { train, unlabeled, test } = splits;
            for (split, rows) in [(Split::Train, train), (Split::Unlabeled, unlabeled), (Split::Test, test)] {
                if let Some(rows) = rows {
                    task = task.with_rows(split, rows.into_records())?;
                }
            }
            let settings: Vec<Setting> =
                settings.iter().map(|setting| setting.parse()).collect::<Result<_>>()?;
            task.set(&settings)?;
            Ok(task)
        };
        Ok(Task { task: change().map_err(raised)? })
    }

    /// The same patterns and options with other words, and without examples.
    fn with_words(&self, words: Vec<(String, Vec<String>)>) -> PyResult<Task> {
        let options = self.task.options.clone();
        let mut builder = cloze::Task::builder().name(&self.task.name);
        builder = builder.label_column(self.task.data.label.as_deref().unwrap_or("label"));
        for pattern in &self.task.patterns {
            builder = builder.pattern(pattern.to_string());
        }
        for (label, words) in words {
            builder = builder.label(label, words);
        }
        let task = builder.options(move |all| *all = options).build();
        Ok(Task { task: task.map_err(raised)? })
    }

    /// The text of a task file that says all of it but its examples.
    fn to_toml(&self) -> String {
        self.task.to_toml()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.task.name
    }

    #[getter]
    fn patterns(&self) -> Vec<String> {
        self.task.patterns.iter().map(ToString::to_string).collect()
    }

    /// The labels with their words.
    #[getter]
    fn labels(&self) -> Vec<(String, Vec<String>)> {
        self.task.labels.iter().map(|label| (label.name.clone(), label.words.clone())).collect()
    }

    /// The columns that an example needs.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.task.inputs()
    }

    /// What `cloze check` finds, as JSON.
    fn check(
        &self,
        py: Python<'_>,
        model: Option<PathBuf>,
        threads: Option<NonZeroUsize>,
    ) -> PyResult<String> {
        let device = device(threads).map_err(raised)?;
        let task = self.task.clone();
        let mut report =
            work(py, None, move |_| inspect::check(&task, &self::model(model, &task)?, &device))?;
        report.warnings.iter_mut().for_each(|warning| warning.remedy = for_python(&warning.remedy));
        serde_json::to_string(&report).map_err(|error| unexpected(&error))
    }

    /// Trains in a directory under `runs`, and gives the run's.
    fn train(
        &self,
        py: Python<'_>,
        model: Option<PathBuf>,
        runs: PathBuf,
        threads: Option<NonZeroUsize>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<PathBuf> {
        let device = device(threads).map_err(raised)?;
        let task = self.task.clone();
        work(py, listener, move |caller: &Caller| {
            let prepared = Prepared::new(&task, &self::model(model, &task)?, &device)?;
            for warning in inspect::warnings(&prepared) {
                let _ = caller.tell(&Event::Warning { message: warning.to_string() });
            }
            caller.bind()?;
            Ok(prepared.train(&runs, &mut |event| caller.tell(event))?.path)
        })
    }
}

/// The preset of this name.
fn preset(name: Option<&str>) -> Result<Option<Preset>> {
    name.map(str::parse).transpose()
}

/// The model that is named, or that of the task.
fn model(named: Option<PathBuf>, task: &cloze::Task) -> Result<Model> {
    cloze_cli::model(named.as_deref().or(task.model.as_deref()))
}
