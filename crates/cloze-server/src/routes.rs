//! What can be asked.

pub(crate) mod classify;
pub(crate) mod info;
pub(crate) mod predict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cloze::{Prediction, Record};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use crate::metrics::Route;
use crate::queue::Job;
use crate::refusal::{ErrorResponse, Kind, Refusal};
use crate::{Service, guard, openapi};

/// Bytes of a token, about.
const BYTES_A_TOKEN: usize = 4;

/// All routes. A run is asked under its name, and the first without it as well.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(openapi::page))
        .route("/try.js", get(openapi::script))
        .route("/try.css", get(openapi::style))
        .route("/predict", post(predict::first))
        .route("/v1/classify", post(classify::first))
        .route("/runs/{run}/predict", post(predict::named))
        .route("/runs/{run}/v1/classify", post(classify::named))
        .route("/info", get(info::info))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::json))
        .fallback(async || {
            Refusal::new(
                StatusCode::NOT_FOUND,
                Kind::Validation,
                "there is nothing here; `/openapi.json` says what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Kind::Validation,
                "this path takes another method; `/openapi.json` says which",
            )
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&service), guard::check))
        .layer(from_fn_with_state(Arc::clone(&service), observed))
        .with_state(service)
}

/// Counts a request, and adds what every answer has.
async fn observed(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path =
        request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let route = match path.as_str() {
        path if path.ends_with("/predict") => Route::Predict,
        path if path.ends_with("/v1/classify") => Route::Classify,
        _ => Route::Other,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    service.metrics.answered(route, response.status().as_u16(), began.elapsed());
    response
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health", responses((status = 200)))]
async fn health() -> StatusCode {
    StatusCode::OK
}

/// Whether requests are taken.
#[utoipa::path(get, path = "/ready", responses((status = 200), (status = 503, body = ErrorResponse, description = "The server is stopping")))]
async fn ready(State(service): State<Arc<Service>>) -> Response {
    match service.stopping.load(Ordering::Relaxed) {
        false => StatusCode::OK.into_response(),
        true => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Unhealthy, "the server is stopping")
            .into_response(),
    }
}

/// Counts and times in the format of Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "application/openmetrics-text")), security((), ("key" = [])))]
async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], service.metrics.text()).into_response()
}

impl Service {
    /// The index of the run with this name.
    fn run(&self, name: &str) -> Result<usize, Refusal> {
        self.runs.iter().position(|run| run.name == name).ok_or_else(|| {
            let names: Vec<String> = self.runs.iter().map(|run| format!("`{}`", run.name)).collect();
            let error = format!("there is no run `{name}`; there is {}", names.join(", "));
            Refusal::new(StatusCode::NOT_FOUND, Kind::Validation, error)
        })
    }

    /// The body of a request, which must be JSON and of a certain size, and may not take forever.
    async fn body<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refusal> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        // Pages of other sites cannot send this type unasked.
        if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            let error = "send JSON with the header `Content-Type: application/json`";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::Validation, error));
        }
        let most = self.options.max_body;
        let read = timeout(self.options.deadline, to_bytes(request.into_body(), most)).await;
        let bytes: Bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if is_length(&error) => {
                let error = format!("the request has more than {most} bytes; send fewer examples at a time");
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::Validation, error));
            }
            Ok(Err(_)) => {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    Kind::Validation,
                    "the request breaks off",
                ));
            }
            Err(_) => {
                return Err(Refusal::new(
                    StatusCode::REQUEST_TIMEOUT,
                    Kind::Validation,
                    "the request takes too long to arrive",
                ));
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Refusal::validation(error.to_string()),
            _ => Refusal::new(
                StatusCode::BAD_REQUEST,
                Kind::Validation,
                format!("the request is not JSON: {error}"),
            ),
        })
    }

    /// The predictions for examples.
    async fn ask(&self, run: usize, examples: Vec<Record>, bytes: usize) -> Result<Vec<Prediction>, Refusal> {
        let (rows, most) = (examples.len(), self.options.max_rows);
        if rows == 0 {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                Kind::Empty,
                "there is no example in the request",
            ));
        }
        if rows > most {
            let error = format!("the request has {rows} examples, and at most {most} are taken at a time");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::Validation, error));
        }
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Kind::Unhealthy,
                "the server is stopping",
            ));
        }
        let longest = self.runs[run].predictor.task().options.max_length;
        let tokens = (bytes / BYTES_A_TOKEN + 2 * rows).min(longest * rows);
        let (since, (answer, answered)) = (Instant::now(), oneshot::channel());
        let deadline = since + self.options.deadline;
        if !self.queue.push(Job { run, examples, tokens, since, deadline, answer }) {
            return Err(Refusal::overloaded("too much is waiting already; try again later", 1));
        }
        self.metrics.queued(self.queue.tokens());
        match timeout_at(deadline.into(), answered).await {
            Ok(Ok(Ok(predictions))) => Ok(predictions),
            Ok(Ok(Err(error))) => Err(Refusal::of_library(&error)),
            // The worker lets go of what is too late, and of everything if it has died.
            Ok(Err(_)) | Err(_) if Instant::now() >= deadline => {
                let error =
                    format!("the answer took longer than {} seconds", self.options.deadline.as_secs_f64());
                Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, Kind::Overloaded, error))
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Kind::Unhealthy,
                "the server cannot compute any more",
            )),
        }
    }
}

/// Whether reading has ended since there was too much.
fn is_length(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.to_string().contains("length limit exceeded") {
            return true;
        }
        source = inner.source();
    }
    false
}
