//! Requests that are not answered, and how that is said.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is not answered. The kinds are those of text-embeddings-inference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: Kind,
    pub(crate) error: String,
    /// Seconds after which it may be tried again.
    pub(crate) retry_after: Option<u64>,
}

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) enum Kind {
    /// The request makes no sense.
    Validation,
    /// The request has no example.
    Empty,
    /// There is no room for the request at the moment.
    Overloaded,
    /// The prediction failed.
    Backend,
    /// The server is about to stop.
    Unhealthy,
    /// Only those with the key may ask.
    Unauthorized,
}

/// What an error looks like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorResponse {
    /// What is wrong, and what helps.
    error: String,
    /// Its kind.
    error_type: Kind,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: Kind, error: impl Into<String>) -> Refusal {
        Refusal { status, kind, error: error.into(), retry_after: None }
    }

    /// A request that makes no sense.
    pub(crate) fn validation(error: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, Kind::Validation, error)
    }

    /// A request that must wait outside.
    pub(crate) fn overloaded(error: impl Into<String>, seconds: u64) -> Refusal {
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, Kind::Overloaded, error);
        Refusal { retry_after: Some(seconds), ..refusal }
    }

    /// What the library found wrong with an example, or with its models.
    pub(crate) fn of_library(error: &cloze::Error) -> Refusal {
        match error {
            cloze::Error::Data { .. } | cloze::Error::Usage { .. } => Refusal::validation(described(error)),
            _ => Refusal::new(StatusCode::FAILED_DEPENDENCY, Kind::Backend, error.to_string()),
        }
    }
}

/// An error with its remedy.
fn described(error: &cloze::Error) -> String {
    match error {
        cloze::Error::Data { remedy, .. } | cloze::Error::Usage { remedy, .. } => {
            format!("{error}; {remedy}")
        }
        _ => error.to_string(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal { status, kind, error, retry_after } = self;
        let mut response = (status, Json(ErrorResponse { error, error_type: kind })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
