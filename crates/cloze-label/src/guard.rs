//! Who may look and who may change: checked before anything of a request is read.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::assets;
use crate::project::Service;

/// What the page may load and send: only what comes from here, and nothing inside markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The browsers that have opened an address of the terminal.
pub(crate) struct Sessions {
    /// The address that it listens on.
    address: SocketAddr,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The token that opens the next browser.
    token: String,
    /// Who labels, by cookie.
    annotators: HashMap<String, String>,
}

/// Who asks: in the extensions of every request that comes through.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) annotator: String,
}

/// 256 random bits in hexadecimal digits.
fn secret() -> String {
    let mut bytes = [0; 32];
    // Without random numbers of the system nothing here is safe.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Sessions {
    pub(crate) fn new(address: SocketAddr) -> Sessions {
        let inner = Inner { token: secret(), annotators: HashMap::new() };
        Sessions { address, inner: Mutex::new(inner) }
    }

    /// The address that opens the next browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/start?token={}", self.address, self.lock().token)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cookie_name(&self) -> String {
        format!("cloze-{}", self.address.port())
    }

    /// Lets a browser in that has the token, which is then used up; gives the cookie.
    fn open(&self, token: &str, annotator: &str) -> Option<String> {
        let mut inner = self.lock();
        // Hashes are compared in a time that tells nothing.
        if blake3::hash(token.as_bytes()) != blake3::hash(inner.token.as_bytes()) {
            return None;
        }
        inner.token = secret();
        let cookie = secret();
        inner.annotators.insert(cookie.clone(), annotator.to_owned());
        Some(cookie)
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, cookie) = pairs.find(|(key, _)| *key == name)?;
        let annotator = self.lock().annotators.get(cookie)?.clone();
        Some(Session { cookie: cookie.to_owned(), annotator })
    }

    /// Says who labels in a browser.
    pub(crate) fn rename(&self, session: &Session, annotator: String) {
        self.lock().annotators.insert(session.cookie.clone(), annotator);
    }

    /// Whether a request names this machine and port as its host: no page of somebody else can ask by a name of its own that leads here (DNS
    /// rebinding).
    fn is_own_host(&self, host: &str) -> bool {
        let own = |name: &str| host.eq_ignore_ascii_case(&format!("{name}:{}", self.address.port()));
        own("localhost") || own("127.0.0.1") || own("[::1]") || host == self.address.to_string()
    }

    /// Whether a request that changes something comes from the page itself.
    fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let site = value(HeaderName::from_static("sec-fetch-site"));
        let origin = value(header::ORIGIN)
            .map(|origin| origin.strip_prefix("http://").is_some_and(|host| self.is_own_host(host)));
        match (site, origin) {
            (Some(site), origin) => site == "same-origin" && origin.unwrap_or(true),
            (None, Some(own)) => own,
            // Every browser sends one of them.
            (None, None) => false,
        }
    }
}

/// Lets through what comes from a browser that was let in, and answers everything else itself.
pub(crate) async fn check(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let sessions = &service.sessions;
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = |status: StatusCode, text: &'static str| (status, text).into_response();
    let response = if !sessions.is_own_host(host) {
        plain(StatusCode::FORBIDDEN, "this address is not the one that the terminal shows\n")
    } else if request.uri().path() == "/start" {
        start(&service, request.uri().query().unwrap_or_default())
    } else if matches!(request.uri().path(), "/label.css") {
        next.run(request).await
    } else {
        match sessions.session(headers) {
            None if request.uri().path() == "/" => {
                (StatusCode::UNAUTHORIZED, assets::stranger()).into_response()
            }
            None => plain(StatusCode::UNAUTHORIZED, "open the address that the terminal shows\n"),
            Some(_) if request.method() != Method::GET && !sessions.is_own_origin(headers) => {
                plain(StatusCode::FORBIDDEN, "this request does not come from the page\n")
            }
            Some(session) => {
                request.extensions_mut().insert(session);
                next.run(request).await
            }
        }
    };
    protected(response)
}

fn start(service: &Service, query: &str) -> Response {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let Some(cookie) = service.sessions.open(token, &service.annotator) else {
        return (StatusCode::UNAUTHORIZED, assets::stranger()).into_response();
    };
    (service.opened)(&service.sessions.url());
    let name = service.sessions.cookie_name();
    let cookie = format!("{name}={cookie}; HttpOnly; SameSite=Strict; Path=/");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        Sessions::new("127.0.0.1:8642".parse().unwrap())
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_token_lets_in_once() {
        let sessions = sessions();
        let token = sessions.url().split_once("token=").unwrap().1.to_owned();
        assert_eq!(token.len(), 64);
        assert_eq!(sessions.open("", "ann"), None);
        let cookie = sessions.open(&token, "ann").unwrap();
        assert_eq!(sessions.open(&token, "ann"), None, "it is used up");
        let session =
            sessions.session(&headers(&[(header::COOKIE, &format!("a=b; cloze-8642={cookie}"))])).unwrap();
        assert_eq!(session.annotator, "ann");
        sessions.rename(&session, "bob".into());
        let again = sessions.session(&headers(&[(header::COOKIE, &format!("cloze-8642={cookie}"))])).unwrap();
        assert_eq!(again.annotator, "bob");
        assert!(sessions.session(&headers(&[(header::COOKIE, &format!("cloze-1={cookie}"))])).is_none());
        assert!(sessions.session(&headers(&[(header::COOKIE, "cloze-8642=")])).is_none());
    }

    #[test]
    fn only_the_own_host_and_port_are_answered_to() {
        let sessions = sessions();
        for host in ["localhost:8642", "127.0.0.1:8642", "[::1]:8642", "LOCALHOST:8642"] {
            assert!(sessions.is_own_host(host), "{host}");
        }
        for host in
            ["", "localhost", "localhost:80", "evil.test:8642", "localhost.evil.test:8642", "127.0.0.1"]
        {
            assert!(!sessions.is_own_host(host), "{host}");
        }
    }

    #[test]
    fn only_the_page_may_change_something() {
        let sessions = sessions();
        let site = || HeaderName::from_static("sec-fetch-site");
        let own = |pairs: &[(HeaderName, &str)]| sessions.is_own_origin(&headers(pairs));
        assert!(own(&[(site(), "same-origin"), (header::ORIGIN, "http://127.0.0.1:8642")]));
        assert!(own(&[(header::ORIGIN, "http://localhost:8642")]));
        assert!(!own(&[]));
        assert!(
            !own(&[(site(), "cross-site")]) && !own(&[(site(), "same-site")]) && !own(&[(site(), "none")])
        );
        assert!(!own(&[(site(), "same-origin"), (header::ORIGIN, "http://evil.test")]));
        assert!(!own(&[(header::ORIGIN, "http://127.0.0.1:1")]) && !own(&[(header::ORIGIN, "null")]));
    }
}
