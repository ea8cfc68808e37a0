//! `/v1/classify`: examples by the names of their columns.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use cloze::{Prediction, Record, With};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Service;
use crate::refusal::Refusal;

/// Keys that an error names.
const SHOWN: usize = 10;

/// Examples to classify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassifyRequest {
    /// Each example has the columns that the run's patterns use; others are ignored.
    rows: Vec<Map<String, Value>>,
    /// Labels that are less probable than this are not given.
    #[serde(default)]
    abstain_below: f64,
}

/// What the examples were given, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassifyResponse {
    /// The run that has answered.
    run: String,
    /// Its models: `final`, the final classifier, or `ensemble`.
    answered_by: &'static str,
    predictions: Vec<Classified>,
}

/// What an example was given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Classified {
    /// Its label; null where the model abstains, and in tasks with several labels.
    label: Option<String>,
    /// Its labels, in tasks with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
    /// The probability of every label.
    #[schema(value_type = Object)]
    probabilities: Map<String, Value>,
    /// Whether it would have a label if less probable ones were given.
    abstains: bool,
}

/// Classify examples by the names of their columns.
#[utoipa::path(post, path = "/v1/classify", operation_id = "classify", responses((status = 200, body = ClassifyResponse)), security((), ("key" = [])))]
pub(crate) async fn first(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Json<ClassifyResponse>, Refusal> {
    answer(&service, 0, request).await
}

pub(crate) async fn named(
    State(service): State<Arc<Service>>,
    Path(run): Path<String>,
    request: Request,
) -> Result<Json<ClassifyResponse>, Refusal> {
    answer(&service, service.run(&run)?, request).await
}

async fn answer(service: &Service, run: usize, request: Request) -> Result<Json<ClassifyResponse>, Refusal> {
    let ClassifyRequest { rows, abstain_below } = service.body(request).await?;
    if !(0.0..=1.0).contains(&abstain_below) {
        return Err(Refusal::validation("`abstain_below` must be a probability from 0 to 1"));
    }
    let columns = service.runs[run].predictor.task().inputs();
    let rows = needed(rows, &columns)?;
    let length = |value: &Value| value.as_str().map_or(8, str::len);
    let bytes = rows.iter().flat_map(Map::values).map(length).sum();
    let records: Vec<Record> = rows.into_iter().map(Record::from).collect();
    let predictions = service.ask(run, records, bytes).await?;
    let served = &service.runs[run];
    let several = !served.predictor.task().classes().is_empty();
    let answered_by = match served.predictor.with {
        With::Classifier => "final",
        With::Ensemble | With::Member { .. } => "ensemble",
    };
    let predictions =
        predictions.into_iter().map(|prediction| classified(prediction, several, abstain_below)).collect();
    Ok(Json(ClassifyResponse { run: served.name.clone(), answered_by, predictions }))
}

type Row = Map<String, Value>;

/// What a run needs of the rows, each of which must have all of it. A column may be a path into a value, such as `question.text`; columns that no
/// row has may be derived from others, and then everything is needed.
fn needed(mut rows: Vec<Row>, columns: &[String]) -> Result<Vec<Row>, Refusal> {
    let leads_to = |key: &str, column: &str| {
        column.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let has = |row: &Row, column: &str| row.keys().any(|key| leads_to(key, column));
    if !columns.iter().all(|column| rows.iter().any(|row| has(row, column))) {
        return Ok(rows);
    }
    for (number, row) in rows.iter_mut().enumerate() {
        if let Some(missing) = columns.iter().find(|column| !has(row, column)) {
            let keys: Vec<String> =
                row.keys().take(SHOWN).map(|key| format!("`{}`", key.escape_debug())).collect();
            let has = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
            let remedy = format!("give every example a text for it, or null; it has {has}");
            return Err(Refusal::validation(format!("example {} has no `{missing}`; {remedy}", number + 1)));
        }
        row.retain(|key, _| columns.iter().any(|column| leads_to(key, column)));
    }
    Ok(rows)
}

fn classified(prediction: Prediction, several: bool, abstain_below: f64) -> Classified {
    let sure = |label: &String| {
        prediction.probability(label).is_some_and(|probability| probability >= abstain_below)
    };
    let given: Vec<String> = prediction.labels.iter().filter(|label| sure(label)).cloned().collect();
    let abstains = given.len() < prediction.labels.len();
    let probabilities = prediction
        .probabilities
        .into_iter()
        .map(|(label, probability)| (label, probability.into()))
        .collect();
    match several {
        true => Classified { label: None, labels: Some(given), probabilities, abstains },
        false => Classified { label: given.into_iter().next(), labels: None, probabilities, abstains },
    }
}
