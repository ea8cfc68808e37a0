//! Predictors of finished runs.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use cloze::task::Split;
use cloze::{Attribution, Error, Explained, Record, Run, With};
use pyo3::prelude::*;

use crate::device::{OfProcess, device};
use crate::failure::{raised, unexpected};
use crate::rows::Rows;
use crate::work::work;

/// A label or several, and all labels with their probabilities.
type Answer = (Vec<String>, Vec<(String, f64)>);

/// Texts by column, and explanations as JSON.
type Used = (Vec<(String, String)>, String);

/// Which of a run's models answer.
#[derive(FromPyObject)]
enum Using {
    /// `final` or `ensemble`.
    Name(String),
    /// A pattern's number and a seed.
    Member(usize, u64),
}

impl Using {
    fn models(self) -> cloze::Result<With> {
        match self {
            Using::Member(pattern, seed) => Ok(With::Member { pattern, seed }),
            Using::Name(name) if name == "final" => Ok(With::Classifier),
            Using::Name(name) if name == "ensemble" => Ok(With::Ensemble),
            Using::Name(name) => Err(Error::usage(
                format!("no model of a run is called `{name}`"),
                "say `\"final\"`, `\"ensemble\"`, or a pattern's number and a seed as `(0, 0)`",
            )),
        }
    }
}

/// How contributions are computed.
fn attribution(method: &str, steps: Option<usize>) -> cloze::Result<Attribution> {
    match (method, steps) {
        ("leave-one-out", None) => Ok(Attribution::LeaveOneOut),
        ("gradients", steps) => Ok(Attribution::Gradients { steps: steps.unwrap_or(Attribution::STEPS) }),
        ("leave-one-out", Some(_)) => Err(Error::usage(
            "`steps` is for integrated gradients, and words are left out",
            "leave it away, or say `method=\"gradients\"`",
        )),
        _ => Err(Error::usage(
            format!("no method is called `{method}`"),
            "say `\"leave-one-out\"` or `\"gradients\"`",
        )),
    }
}

/// The models of a run that answer. They are read at the first question, and again in a forked process.
#[pyclass(frozen, module = "cloze._cloze")]
pub(crate) struct Predictor {
    dir: PathBuf,
    with: Option<With>,
    threads: Option<NonZeroUsize>,
    precision: Option<f64>,
    open: OfProcess<Arc<cloze::Predictor>>,
}

#[pymethods]
impl Predictor {
    /// Without `using` it is the classifier, or the ensemble of a run that has none. With a precision, labels are given only where it is
    /// promised.
    #[new]
    #[pyo3(signature = (dir, using, threads, precision=None))]
    fn new(
        dir: PathBuf,
        using: Option<Using>,
        threads: Option<NonZeroUsize>,
        precision: Option<f64>,
    ) -> PyResult<Predictor> {
        let with = using.map(Using::models).transpose().map_err(raised)?;
        Ok(Predictor { dir, with, threads, precision, open: OfProcess::new() })
    }

    /// The answer for each row.
    fn classify(&self, py: Python<'_>, rows: Rows) -> PyResult<Vec<Answer>> {
        let predictor = self.opened(py)?;
        work(py, None, move |caller| {
            let mut answers = Vec::new();
            for prediction in predictor.classify_all(rows.into_records()) {
                let prediction = prediction?;
                answers.push((prediction.labels, prediction.probabilities));
                caller.go_on()?;
            }
            Ok(answers)
        })
    }

    /// For each row its texts by column and, as JSON, what was used for each of its labels.
    fn explain(&self, py: Python<'_>, rows: Rows, method: &str, steps: Option<usize>) -> PyResult<Vec<Used>> {
        let how = attribution(method, steps).map_err(raised)?;
        let predictor = self.opened(py)?;
        let all = work(py, None, move |caller| {
            let mut all = Vec::new();
            for explained in predictor.explain_all(rows.into_records(), how) {
                all.push(explained?);
                caller.go_on()?;
            }
            Ok(all)
        })?;
        let used = |Explained { texts, explanations, .. }| {
            let json = serde_json::to_string(&explanations).map_err(|error| unexpected(&error))?;
            Ok((texts, json))
        };
        all.into_iter().map(used).collect()
    }

    /// How good the answers for labelled rows are, as JSON.
    fn evaluate(&self, py: Python<'_>, rows: Rows) -> PyResult<String> {
        let predictor = self.opened(py)?;
        let evaluation = work(py, None, move |caller| {
            let task = predictor.task().clone().with_rows(Split::Test, rows.into_records())?;
            predictor.evaluate(&task.examples(Split::Test)?, |_, _| caller.go_on())
        })?;
        serde_json::to_string(&evaluation).map_err(|error| unexpected(&error))
    }

    /// Calibrates the run with labelled rows that it was not trained on; gives the number of rows that it was trained on, which are left out.
    fn calibrate(&self, py: Python<'_>, rows: Rows) -> PyResult<usize> {
        let predictor = self.opened(py)?;
        let dir = self.dir.clone();
        work(py, None, move |caller| {
            let task = predictor.task().clone().with_rows(Split::Test, rows.into_records())?;
            let all = task.examples(Split::Test)?;
            // Rows that came from memory are not kept.
            let (examples, left_out) = match predictor.task().examples(Split::Train) {
                Ok(trained) => (all.not_in(&trained), all.also_in(&trained).len()),
                Err(_) => (all, 0),
            };
            let calibration = predictor.calibrate(&examples, |_, _| caller.go_on())?;
            caller.bind()?;
            calibration.save(dir)?;
            Ok(left_out)
        })
    }

    /// For each row the share of members that do not give the most frequent answer.
    fn disagreement(&self, py: Python<'_>, rows: Rows) -> PyResult<Vec<f64>> {
        let device = device(self.threads).map_err(raised)?;
        let dir = self.dir.clone();
        work(py, None, move |_| {
            let records: Vec<Record> = rows.into_records();
            cloze::disagreement(&Run::open(dir)?, &records, &device)
        })
    }

    /// Which models answer, and whether they do so only because the run's classifier is gone.
    fn answers(&self, py: Python<'_>) -> PyResult<(&'static str, bool)> {
        let predictor = self.opened(py)?;
        let with = match predictor.with {
            With::Classifier => "final",
            With::Ensemble => "ensemble",
            With::Member { .. } => "member",
        };
        Ok((with, predictor.stands_in))
    }

    /// The columns that an example needs.
    fn inputs(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.opened(py)?.task().inputs())
    }
}

impl Predictor {
    fn opened(&self, py: Python<'_>) -> PyResult<Arc<cloze::Predictor>> {
        if let Some(predictor) = self.open.get(|_| true) {
            return Ok(predictor);
        }
        let device = device(self.threads).map_err(raised)?;
        let (dir, with, precision) = (self.dir.clone(), self.with, self.precision);
        let predictor = Arc::new(work(py, None, move |_| {
            let predictor = cloze::Predictor::open_with(dir, with, &device)?;
            match precision {
                Some(precision) => predictor.with_precision(precision),
                None => Ok(predictor),
            }
        })?);
        self.open.put(Arc::clone(&predictor));
        Ok(predictor)
    }
}
