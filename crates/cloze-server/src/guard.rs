//! Who may ask, and from where: checked before anything of a request is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Service;
use crate::refusal::{Kind, Refusal};

/// What needs no key: what those ask who watch over the server, and a page that shows nothing without the key.
const OPEN: [&str; 5] = ["/health", "/ready", "/", "/try.js", "/try.css"];

/// Lets a request through that has the key; or, where there is none, one that names this machine as its host, so that no page of somebody else
/// can ask by a name of its own that leads here (DNS rebinding).
pub(crate) async fn check(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let allowed = match &service.options.api_key {
        Some(_) if OPEN.contains(&request.uri().path()) => Ok(()),
        Some(key) => has_key(request.headers(), key),
        None => names_this_machine(request.headers()),
    };
    match allowed {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn has_key(headers: &HeaderMap, key: &str) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    // Hashes are compared in a time that tells nothing.
    match given {
        Some((_, given)) if blake3::hash(given.trim().as_bytes()) == blake3::hash(key.as_bytes()) => Ok(()),
        _ => {
            let error = "send the server's key with the header `Authorization: Bearer KEY`";
            Err(Refusal::new(StatusCode::UNAUTHORIZED, Kind::Unauthorized, error))
        }
    }
}

fn names_this_machine(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    let error = "without a key the server answers to `localhost`, `127.0.0.1` and `[::1]` only; start it with `--api-key` to use other names";
    Err(Refusal::new(StatusCode::FORBIDDEN, Kind::Unauthorized, error))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
            assert!(names_this_machine(&headers(header::HOST, host)).is_ok(), "{host}");
        }
        for host in [
            "",
            "evil.test",
            "evil.test:8080",
            "localhost.evil.test",
            "127.0.0.1.evil.test:80",
            "[::1",
            "::1",
        ] {
            assert!(names_this_machine(&headers(header::HOST, host)).is_err(), "{host}");
        }
    }

    #[test]
    fn a_key_is_needed_whole() {
        let given = |value: &str| has_key(&headers(header::AUTHORIZATION, value), "0123456789abcdef").is_ok();
        assert!(given("Bearer 0123456789abcdef") && given("bearer 0123456789abcdef"));
        assert!(
            !given("0123456789abcdef")
                && !given("Bearer 0123456789abcde")
                && !given("Basic 0123456789abcdef")
        );
        assert!(has_key(&HeaderMap::new(), "0123456789abcdef").is_err());
    }
}
