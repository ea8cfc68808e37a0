//! `/predict`, as text-embeddings-inference has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use cloze::{Prediction, Record};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Service;
use crate::refusal::Refusal;

/// Examples to classify.
#[derive(Debug, Deserialize)]
pub(crate) struct PredictRequest {
    inputs: Inputs,
    /// Whether scores are given as the model computes them, instead of as probabilities.
    #[serde(default)]
    raw_scores: bool,
    /// Whether texts are cut that are longer than the model reads.
    #[serde(default = "yes")]
    truncate: bool,
}

fn yes() -> bool {
    true
}

/// One example or several.
#[derive(Debug)]
pub(crate) enum Inputs {
    /// An example that is one text.
    Text(String),
    /// An example with a text for every column that the patterns use, in their order.
    Texts(Vec<String>),
    /// Several examples, each with its texts.
    Batch(Vec<Vec<String>>),
}

/// Written by hand, since what is derived says only that nothing fits.
impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inputs, D::Error> {
        let error = || {
            serde::de::Error::custom(
                "`inputs` must be a text, a list of the texts of one example, or a list of such lists, such as `[[\"first\"], [\"second\"]]`",
            )
        };
        let texts = |values: Vec<Value>| -> Option<Vec<String>> {
            values
                .into_iter()
                .map(|value| if let Value::String(text) = value { Some(text) } else { None })
                .collect()
        };
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Inputs::Text(text)),
            Value::Array(values) if values.iter().all(Value::is_array) => {
                let lists = values
                    .into_iter()
                    .map(|value| if let Value::Array(list) = value { texts(list) } else { None });
                lists.collect::<Option<_>>().map(Inputs::Batch).ok_or_else(error)
            }
            Value::Array(values) => texts(values).map(Inputs::Texts).ok_or_else(error),
            _ => Err(error()),
        }
    }
}

/// The labels of an example, the likeliest first; of several examples a list of these.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PredictResponse {
    /// Of one example.
    One(Vec<Scored>),
    /// Of several.
    Batch(Vec<Vec<Scored>>),
}

/// A label with its score.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Scored {
    score: f64,
    label: String,
}

/// Classify examples, as text-embeddings-inference does.
#[utoipa::path(post, path = "/predict", operation_id = "predict", responses((status = 200, body = PredictResponse)), security((), ("key" = [])))]
pub(crate) async fn first(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Json<PredictResponse>, Refusal> {
    answer(&service, 0, request).await
}

pub(crate) async fn named(
    State(service): State<Arc<Service>>,
    Path(run): Path<String>,
    request: Request,
) -> Result<Json<PredictResponse>, Refusal> {
    answer(&service, service.run(&run)?, request).await
}

async fn answer(service: &Service, run: usize, request: Request) -> Result<Json<PredictResponse>, Refusal> {
    let PredictRequest { inputs, raw_scores, truncate } = service.body(request).await?;
    let (examples, is_batch) = match inputs {
        Inputs::Text(text) => (vec![vec![text]], false),
        Inputs::Texts(texts) => (vec![texts], false),
        Inputs::Batch(batch) => (batch, true),
    };
    let bytes = examples.iter().flatten().map(String::len).sum();
    let records: Vec<Record> = examples.into_iter().map(Record::from).collect();
    let predictions = service.ask(run, records, bytes).await?;
    if let Some((number, prediction)) =
        predictions.iter().enumerate().find(|(_, prediction)| !truncate && prediction.cut > 0)
    {
        let error = format!(
            "example {} has {} tokens more than the model reads; shorten it, or send `\"truncate\": true`",
            number + 1,
            prediction.cut
        );
        return Err(Refusal::validation(error));
    }
    let mut scored = predictions.into_iter().map(|prediction| sorted(prediction, raw_scores));
    Ok(Json(match is_batch {
        true => PredictResponse::Batch(scored.collect()),
        false => PredictResponse::One(scored.next().unwrap_or_default()),
    }))
}

/// The labels of a prediction, the likeliest first.
fn sorted(prediction: Prediction, raw_scores: bool) -> Vec<Scored> {
    let Prediction { probabilities, scores, .. } = prediction;
    let raw = scores.into_iter().map(f64::from);
    let mut scored: Vec<Scored> = probabilities
        .into_iter()
        .zip(raw)
        .map(|((label, probability), raw)| Scored {
            score: if raw_scores { raw } else { probability },
            label,
        })
        .collect();
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    scored
}
