//! Errors of the library as exceptions.

use std::fmt::Display;

use cloze::{Error, StoreError};
use pyo3::create_exception;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::wording::for_python;

create_exception!(
    cloze,
    DataError,
    PyValueError,
    "Rows that cannot be used: a missing column, an unknown label, a text that is none.\n\nThe place is in `row` (counted from 1) and `column`, what to do in `remedy`."
);

/// The exception that says what an error says.
pub(crate) fn raised(error: Error) -> PyErr {
    let remedy = error.remedy().map(|remedy| for_python(&remedy));
    let mut message = error.to_string();
    match &error {
        Error::Task(task) if task.mistakes.len() > 1 => {
            for mistake in &task.mistakes {
                message += &format!("\n{mistake}\n  {}", for_python(&mistake.remedy));
            }
        }
        _ => message.extend(remedy.iter().map(|remedy| format!("\n  {remedy}"))),
    }
    let raised = match &error {
        Error::Data { .. } => DataError::new_err(message),
        Error::Task(_) | Error::Usage { .. } | Error::Model(_) => PyValueError::new_err(message),
        // With its number the exception is FileNotFoundError and so on.
        Error::Io { action, source, path } | Error::Store(StoreError::Io { action, path, source }) => {
            match source.raw_os_error() {
                Some(number) => {
                    let reason = source.to_string().replace(&format!(" (os error {number})"), "");
                    PyOSError::new_err((
                        number,
                        format!("cannot {action}: {reason}"),
                        path.display().to_string(),
                    ))
                }
                None => PyOSError::new_err(message),
            }
        }
        Error::Stopped => PyKeyboardInterrupt::new_err(message),
        _ => PyRuntimeError::new_err(message),
    };
    Python::attach(|py| {
        let value = raised.value(py);
        let known = value.setattr("remedy", remedy).and_then(|()| match &error {
            Error::Data { place, .. } => {
                value.setattr("row", place.line)?;
                value.setattr("column", place.field.as_deref())
            }
            _ => Ok(()),
        });
        // An exception takes attributes; should it not, that is what is raised.
        known.map_or_else(|failed| failed, |()| raised)
    })
}

/// What cannot happen, as an exception.
pub(crate) fn unexpected(problem: &dyn Display) -> PyErr {
    PyRuntimeError::new_err(format!("cloze has failed, which is a mistake in cloze: {problem}"))
}
