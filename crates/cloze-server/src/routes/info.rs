//! `/info`: what is served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Served, Service};

/// What is served, and its limits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Info {
    version: &'static str,
    runs: Vec<RunInfo>,
    /// Examples of a request, at most.
    max_rows: usize,
    /// Bytes of a request, at most.
    max_body: usize,
    /// Seconds that a request may take.
    deadline: f64,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunInfo {
    name: String,
    /// The columns of an example.
    columns: Vec<String>,
    labels: Vec<String>,
    /// Whether an example can have several labels, or none.
    several_labels: bool,
    /// Tokens that are read of an example.
    max_length: usize,
    /// How many models answer together.
    models: usize,
    /// Whether probabilities are calibrated.
    calibrated: bool,
}

/// What is served, and its limits.
#[utoipa::path(get, path = "/info", responses((status = 200, body = Info)), security((), ("key" = [])))]
pub(crate) async fn info(State(service): State<Arc<Service>>) -> Json<Info> {
    let options = &service.options;
    Json(Info {
        version: env!("CARGO_PKG_VERSION"),
        runs: service.runs.iter().map(of_run).collect(),
        max_rows: options.max_rows,
        max_body: options.max_body,
        deadline: options.deadline.as_secs_f64(),
    })
}

fn of_run(served: &Served) -> RunInfo {
    let task = served.predictor.task();
    let classes = task.classes();
    let labels = match classes {
        [] => task.labels.iter().map(|label| label.name.clone()).collect(),
        classes => classes.iter().map(|class| class.name.clone()).collect(),
    };
    RunInfo {
        name: served.name.clone(),
        columns: task.inputs(),
        labels,
        several_labels: !classes.is_empty(),
        max_length: task.options.max_length,
        models: served.predictor.models,
        calibrated: served.predictor.calibration().is_some(),
    }
}
