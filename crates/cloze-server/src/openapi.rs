//! What can be asked, for programs and for people: `/openapi.json`, and a page that tries it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::refusal::Kind;
use crate::{Served, Service, routes};

/// Everything from here, nothing else, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

#[derive(OpenApi)]
#[openapi(
    info(title = "cloze serve", description = "Predictions of a classifier that cloze has trained."),
    paths(
        routes::predict::first,
        routes::classify::first,
        routes::info::info,
        routes::health,
        routes::ready,
        routes::metrics
    ),
    components(schemas(Kind)),
    modifiers(&WithKey)
)]
struct Description;

/// The key, which a server may ask for.
struct WithKey;

impl Modify for WithKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("key", key);
    }
}

pub(crate) async fn json(State(service): State<Arc<Service>>) -> Response {
    match serde_json::to_value(Description::openapi()) {
        Ok(mut description) => {
            name_runs(&mut description, &service);
            axum::Json(description).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What else than an answer a request about examples can get.
const REFUSALS: [(&str, &str); 11] = [
    ("400", "The request is not JSON, or has no example"),
    ("401", "The key is missing or wrong"),
    ("403", "The server has no key and is asked by a name that is not this machine's"),
    ("408", "The request takes too long to arrive"),
    ("413", "Too many bytes or examples"),
    ("415", "The content is not said to be JSON"),
    ("422", "The request makes no sense for this run"),
    ("424", "The prediction failed"),
    ("429", "Too much is waiting; `Retry-After` says when to try again"),
    ("503", "The server is stopping"),
    ("504", "The answer took too long"),
];

/// Puts the runs into a description, each under its name with what its examples consist of; the first also without its name.
fn name_runs(description: &mut Value, service: &Service) {
    let bodies = [("/predict", predict_body as fn(&Served, usize) -> Value), ("/v1/classify", classify_body)];
    for (path, body) in bodies {
        let mut post = description["paths"][path]["post"].take();
        for (status, meaning) in REFUSALS {
            let schema = json!({"$ref": "#/components/schemas/ErrorResponse"});
            post["responses"][status] =
                json!({"description": meaning, "content": {"application/json": {"schema": schema}}});
        }
        post["responses"]["429"]["headers"] = json!({"Retry-After": {"schema": {"type": "integer"}}});
        for (number, run) in service.runs.iter().enumerate().rev() {
            let schema = body(run, service.options.max_rows);
            post["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
            let mut named = post.clone();
            let operation = post["operationId"].as_str().unwrap_or_default();
            named["operationId"] = format!("{operation}_{number}").into();
            description["paths"][format!("/runs/{}{path}", run.name)] = json!({"post": named});
        }
        // The first run is the last of the loop.
        description["paths"][path]["post"] = post;
    }
}

/// What `/predict` takes for a run.
fn predict_body(run: &Served, max_rows: usize) -> Value {
    let columns = run.predictor.task().inputs();
    let texts = json!({
        "type": "array", "items": {"type": "string"}, "minItems": columns.len(), "maxItems": columns.len(),
        "description": format!("The texts of an example: {}.", columns.join(", ")),
    });
    let batch = json!({"type": "array", "items": texts, "minItems": 1, "maxItems": max_rows, "description": "Several examples."});
    let mut forms = vec![texts, batch];
    if columns.len() == 1 {
        forms.insert(0, json!({"type": "string", "description": "The text of an example."}));
    }
    let switch = |default: bool, description: &str| json!({"type": "boolean", "default": default, "description": description});
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "inputs": {"anyOf": forms},
            "raw_scores": switch(false, "Whether scores are given as the model computes them, instead of as probabilities."),
            "truncate": switch(true, "Whether texts are cut that are longer than the model reads."),
        },
    })
}

/// What `/v1/classify` takes for a run.
fn classify_body(run: &Served, max_rows: usize) -> Value {
    let columns = run.predictor.task().inputs();
    let any = || json!({"description": "A text without zero bytes; other values are read as in JSON Lines."});
    let properties: Map<String, Value> = columns.iter().map(|column| (column.clone(), any())).collect();
    json!({
        "type": "object",
        "required": ["rows"],
        "additionalProperties": false,
        "properties": {
            "rows": {
                "type": "array", "minItems": 1, "maxItems": max_rows,
                "items": {"type": "object", "required": columns, "properties": properties},
            },
            "abstain_below": {
                "type": "number", "minimum": 0, "maximum": 1, "default": 0,
                "description": "Labels that are less probable than this are not given.",
            },
        },
    })
}

/// The page on which runs can be tried. What it shows of them it asks for, with the key if there is one.
pub(crate) async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("../assets/try.html"))).into_response()
}

pub(crate) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../assets/try.js"))
        .into_response()
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../assets/try.css")).into_response()
}
