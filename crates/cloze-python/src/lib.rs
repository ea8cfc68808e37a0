//! The Python package's side in Rust: tasks, training and predictors over columns of text.
//!
//! Python turns whatever it is given into columns of strings (`rows`) and results into what Python programs expect; nothing is computed
//! there. All work is done on a thread of its own, without the interpreter (`work`), so that Ctrl-C is heard and other threads run.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod device;
mod failure;
mod predictor;
mod rows;
mod task;
mod wording;
mod work;

use std::ffi::OsString;

use pyo3::prelude::*;

use crate::failure::DataError;
use crate::predictor::Predictor;
use crate::task::Task;

/// Does what the command `cloze` does with these arguments, the first of which is its name; gives the exit code.
#[pyfunction]
fn command(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| cloze_cli::run(args))
}

/// The results of the finished run in a directory, as JSON.
#[pyfunction]
fn results(dir: std::path::PathBuf) -> PyResult<String> {
    let run = cloze::Run::open(dir).map_err(failure::raised)?;
    serde_json::to_string(&run.results).map_err(|error| failure::unexpected(&error))
}

/// The page `report.html` of the finished run in a directory.
#[pyfunction]
fn report(dir: std::path::PathBuf) -> PyResult<String> {
    cloze::Run::open(dir).and_then(|run| run.report()).map_err(failure::raised)
}

/// Removes the calibration of the run in a directory, and says whether it had one.
#[pyfunction]
fn uncalibrate(dir: std::path::PathBuf) -> PyResult<bool> {
    cloze::Calibration::remove(dir).map_err(failure::raised)
}

/// The module `cloze._cloze`.
#[pymodule]
fn _cloze(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Errors come as exceptions, and nothing of the library is printed.
    cloze::quieten_parquet();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("DataError", module.py().get_type::<DataError>())?;
    module.add_class::<Task>()?;
    module.add_class::<Predictor>()?;
    module.add_function(wrap_pyfunction!(command, module)?)?;
    module.add_function(wrap_pyfunction!(results, module)?)?;
    module.add_function(wrap_pyfunction!(report, module)?)?;
    module.add_function(wrap_pyfunction!(uncalibrate, module)?)?;
    Ok(())
}
