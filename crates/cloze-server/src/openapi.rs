//! What can be asked, for programs and for people: `/openapi.json`, and a page that tries it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::refusal::Kind;
use crate::{Service, routes};

/// Everything from here, nothing else, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

#[derive(OpenApi)]
#[openapi(
    info(title = "cloze serve", description = "Predictions of a classifier that cloze has trained."),
    paths(
        routes::predict::first,
        routes::predict::named,
        routes::classify::first,
        routes::classify::named,
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

pub(crate) async fn json() -> Response {
    axum::Json(Description::openapi()).into_response()
}

/// The page on which a run can be tried.
#[derive(Template)]
#[template(path = "try.html")]
struct Page<'a> {
    runs: Vec<Run<'a>>,
    has_key: bool,
}

struct Run<'a> {
    name: &'a str,
    columns: Vec<String>,
}

pub(crate) async fn page(State(service): State<Arc<Service>>) -> Response {
    let runs = service
        .runs
        .iter()
        .map(|run| Run { name: &run.name, columns: run.predictor.task().inputs() })
        .collect();
    let page = Page { runs, has_key: service.options.api_key.is_some() };
    match page.render() {
        Ok(text) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(text)).into_response(),
        Err(error) => (axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

pub(crate) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../assets/try.js"))
        .into_response()
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../assets/try.css")).into_response()
}
