//! What the page asks for.

mod lists;
mod trust;

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use cloze::Format;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::{NotDone, Wish};
use crate::guard::{self, Session};
use crate::log::Action;
use crate::project::Service;
use crate::queue::{Asked, Offer, Wanted, Why};
use crate::rows::Row;
use crate::state::Refused;
use crate::{assets, export};

/// The most bytes of a request.
const BODY: usize = 64 * 1024;

type Shared = State<Arc<Service>>;

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/label.css", get(assets::style))
        .route("/label.js", get(assets::script))
        .route("/sign-in", post(guard::sign_in))
        .route("/sign-out", post(guard::sign_out))
        .route("/api/project", get(project))
        .route("/api/annotator", post(annotator))
        .route("/api/next", post(next))
        .route("/api/act", post(act))
        .route("/api/undo", post(undo))
        .route("/api/suggestion", get(suggestion))
        .route("/api/rows", get(lists::rows))
        .route("/api/trust", get(trust::trust))
        .route("/api/train", post(train))
        .route("/api/export", post(write_files))
        .route("/api/download", get(download))
        .layer(axum::extract::DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), guard::check))
        .with_state(service)
}

/// Why a request is not answered.
pub(crate) struct Problem(StatusCode, Value);

impl Problem {
    fn new(status: StatusCode, error: impl Into<String>) -> Problem {
        Problem(status, json!({"error": error.into()}))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<NotDone> for Problem {
    fn from(why: NotDone) -> Problem {
        match why {
            NotDone::Refused(why) => Problem::new(StatusCode::CONFLICT, why),
            NotDone::Unsaved(why) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, why),
        }
    }
}

impl From<Refused> for Problem {
    fn from(Refused(why): Refused) -> Problem {
        Problem::new(StatusCode::CONFLICT, why)
    }
}

impl From<JsonRejection> for Problem {
    fn from(why: JsonRejection) -> Problem {
        Problem::new(why.status(), why.body_text())
    }
}

impl From<cloze::Error> for Problem {
    fn from(error: cloze::Error) -> Problem {
        let remedy = error.remedy();
        Problem(StatusCode::CONFLICT, json!({"error": error.to_string(), "remedy": remedy}))
    }
}

type Answer = Result<Json<Value>, Problem>;

/// Work on many texts, which must not hold up the threads that answer.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this failed; please report it");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

/// All that the page shows around a text.
fn overview(service: &Service, session: &Session) -> Value {
    let state = service.desk.state();
    let given = state.given();
    let measured = state.measured().len();
    // What was passed over, or is disputed, does not come again by itself.
    let left = state.sample.iter().filter(|row| !state.is_touched(**row)).count();
    let labels: Vec<Value> = state
        .labels
        .iter()
        .enumerate()
        .map(|(index, label)| json!({"name": label.name, "words": label.words, "texts": given[index]}))
        .collect();
    json!({
        "name": service.name, "columns": service.desk.rows.columns, "texts": service.desk.rows.len(),
        "several": state.several, "labels": labels, "edition": state.edition,
        "labelled": state.lesson_count(), "sample": {"labelled": measured, "of": state.sample.len(), "left": left},
        "annotator": session.annotator, "assumed": session.assumed, "signs_in": service.sessions.have_users(), "annotators": state.annotators(),
        "reading": service.engine.progress(), "failure": service.engine.failure(), "doubt": service.doubt,
        "training": service.trainer.status(), "predicted": service.trainer.predicted().is_some(), "train_every": service.train_every,
        "folder": service.folder.display().to_string(),
    })
}

async fn project(State(service): Shared, Extension(session): Extension<Session>) -> Json<Value> {
    Json(overview(&service, &session))
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn annotator(
    State(service): Shared,
    Extension(session): Extension<Session>,
    body: Result<Json<Name>, JsonRejection>,
) -> Answer {
    let name = body?.0.name.trim().to_owned();
    if service.sessions.have_users() {
        return Err(Refused("sign out, and let the other one sign in".into()).into());
    }
    if !crate::users::is_name(&name) {
        return Err(Refused("give a name of at most 60 letters".into()).into());
    }
    service.sessions.rename(&session, name.clone());
    Ok(Json(overview(&service, &Session { annotator: name, assumed: false, ..session })))
}

/// What is asked for next.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    order: Wanted,
    /// Texts that the page has already.
    #[serde(default)]
    ahead: Vec<String>,
    /// A text that is asked for by name.
    row: Option<String>,
    /// Whether the page has forgotten what it was given before.
    #[serde(default)]
    fresh: bool,
}

async fn next(
    State(service): Shared,
    Extension(session): Extension<Session>,
    body: Result<Json<Next>, JsonRejection>,
) -> Answer {
    let Json(asked) = body?;
    let service_again = Arc::clone(&service);
    aside(move || {
        let found = offer(&service_again, &session, &asked)?;
        Ok(Json(json!({"next": found, "project": overview(&service_again, &session)})))
    })
    .await?
}

fn offer(service: &Service, session: &Session, asked: &Next) -> Result<Option<Value>, Problem> {
    let rows = &service.desk.rows;
    if asked.fresh {
        service.queue().release_all(session);
    }
    if let Some(hash) = &asked.row {
        let row = rows.find(hash).ok_or_else(|| Refused("this text is not in the table".into()))?;
        service.queue().lease(row, session);
        service.engine.want(row);
        return Ok(Some(service.shown(&session.annotator, Offer { row, why: Why::Chosen })));
    }
    let ahead: Vec<Row> = asked.ahead.iter().filter_map(|hash| rows.find(hash)).collect();
    let opinions = service.engine.opinions();
    let offer = {
        let state = service.desk.state();
        let asked = Asked { session, wanted: &asked.order, ahead: &ahead };
        service.queue().next(rows, &state, &opinions, &asked)
    };
    Ok(offer.map(|offer| {
        service.engine.want(offer.row);
        service.shown(&session.annotator, offer)
    }))
}

/// A decision, and what is wanted next.
#[derive(Deserialize)]
struct Act {
    #[serde(flatten)]
    action: Action,
    then: Option<Next>,
}

async fn act(
    State(service): Shared,
    Extension(session): Extension<Session>,
    body: Result<Json<Act>, JsonRejection>,
) -> Answer {
    let Json(Act { action, then }) = body?;
    if matches!(action, Action::Sample { .. } | Action::Undo { .. }) {
        return Err(Refused("this is not for the page to decide".into()).into());
    }
    let done = service.desk.decide(&session.annotator, Wish::Act(action)).await?;
    if let Some(row) = done.row {
        service.queue().release(row, &session);
    }
    aside(move || {
        let next = then.map(|asked| offer(&service, &session, &asked)).transpose()?.flatten();
        Ok(Json(json!({"seq": done.seq, "next": next, "project": overview(&service, &session)})))
    })
    .await?
}

async fn undo(State(service): Shared, Extension(session): Extension<Session>) -> Answer {
    let done = service.desk.decide(&session.annotator, Wish::Undo).await?;
    let shown = done.row.map(|row| {
        service.queue().lease(row, &session);
        service.shown(&session.annotator, Offer { row, why: Why::Chosen })
    });
    Ok(Json(json!({"seq": done.seq, "next": shown, "project": overview(&service, &session)})))
}

#[derive(Deserialize)]
struct OfRow {
    row: String,
}

async fn suggestion(State(service): Shared, Query(asked): Query<OfRow>) -> Answer {
    let row = service.desk.rows.find(&asked.row);
    let row = row.ok_or_else(|| Refused("this text is not in the table".into()))?;
    let state = service.desk.state();
    let blind = state.is_sample(row);
    Ok(Json(json!({"suggestion": if blind { None } else { service.suggestion(&state, row) }})))
}

#[derive(Deserialize)]
struct Train {
    #[serde(default)]
    cancel: bool,
}

async fn train(State(service): Shared, body: Result<Json<Train>, JsonRejection>) -> Answer {
    match body?.0.cancel {
        true => service.trainer.cancel(),
        false => service.trainer.start(),
    }
    Ok(Json(json!({"training": service.trainer.status()})))
}

async fn write_files(State(service): Shared) -> Answer {
    aside(move || {
        let written = service.trainer.write()?;
        let files: Vec<String> = written.files.iter().map(|file| file.display().to_string()).collect();
        Ok(Json(json!({"files": files, "task": written.task.display().to_string()})))
    })
    .await?
}

#[derive(Deserialize)]
struct Download {
    what: String,
}

async fn download(State(service): Shared, Query(asked): Query<Download>) -> Result<Response, Problem> {
    aside(move || {
        let (rows, state) = (&service.desk.rows, service.desk.state());
        let predictions = |format| {
            let predicted = service.trainer.predicted();
            let predicted = predicted.ok_or_else(|| Refused("train a classifier first".into()))?;
            export::predictions(rows, &state, &predicted, format).map_err(Problem::from)
        };
        let name = asked.what.as_str();
        let format = match name.rsplit('.').next() {
            Some("jsonl") => Format::Jsonl,
            Some("parquet") => Format::Parquet,
            _ => Format::Csv,
        };
        let bytes = match name {
            "labels.csv" | "labels.jsonl" | "labels.parquet" => export::labels(rows, &state, format)?,
            "predictions.csv" | "predictions.parquet" => predictions(format)?,
            _ => return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such table")),
        };
        let kind = match format {
            Format::Jsonl => "application/jsonl",
            Format::Parquet => "application/vnd.apache.parquet",
            _ => "text/csv; charset=utf-8",
        };
        let disposition = format!("attachment; filename=\"{name}\"");
        Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes)
            .into_response())
    })
    .await?
}
