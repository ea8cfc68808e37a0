//! The page, which is in the program.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const PAGE: &str = include_str!("../assets/label.html");
const STYLE: &str = include_str!("../assets/label.css");
const SCRIPT: &str = include_str!("../assets/label.js");
/// What somebody sees who has not opened the address that the terminal shows.
const STRANGER: &str = include_str!("../assets/stranger.html");

/// Where people sign in.
const SIGN_IN: &str = include_str!("../assets/sign-in.html");

fn of(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

pub(crate) async fn page() -> Response {
    of("text/html; charset=utf-8", PAGE)
}

pub(crate) async fn style() -> Response {
    of("text/css; charset=utf-8", STYLE)
}

pub(crate) async fn script() -> Response {
    of("text/javascript; charset=utf-8", SCRIPT)
}

pub(crate) fn stranger() -> Response {
    of("text/html; charset=utf-8", STRANGER)
}

/// The page to sign in; with `again` it says that name or password were wrong.
pub(crate) fn sign_in(again: bool) -> Response {
    match again {
        false => of("text/html; charset=utf-8", SIGN_IN),
        true => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (kind, SIGN_IN.replace(" hidden", "")).into_response()
        }
    }
}
