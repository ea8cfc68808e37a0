//! Who may look and who may change: checked before anything of a request is read.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::project::Service;
use crate::users::{Users, random};
use crate::{Options, assets};

/// What the page may load and send: only what comes from here, and nothing inside markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// How many passwords are looked at together: each takes 19 MiB, and whoever asks need not be somebody known.
const AT_ONCE: usize = 2;

/// The browsers that have opened an address of the terminal, or in which somebody has signed in.
pub(crate) struct Sessions {
    /// The address that it listens on.
    address: SocketAddr,
    /// Who may sign in; without them the terminal's address lets in.
    users: Option<Arc<Users>>,
    hosts: Vec<String>,
    signing_in: Semaphore,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The token that opens the next browser.
    token: String,
    /// Who labels, by cookie.
    annotators: HashMap<String, Annotator>,
}

/// Who labels in a browser.
#[derive(Clone)]
struct Annotator {
    name: String,
    /// Whether nobody has said so: another browser may be another person.
    assumed: bool,
}

/// Who asks: in the extensions of every request that comes through.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) annotator: String,
    /// Whether the annotator should be asked for: this is not the first browser, and nobody has said who uses it.
    pub(crate) assumed: bool,
}

/// 256 random bits in hexadecimal digits.
fn secret() -> String {
    random::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Sessions {
    pub(crate) fn new(address: SocketAddr, options: &Options) -> Sessions {
        let inner = Inner { token: secret(), annotators: HashMap::new() };
        Sessions {
            address,
            users: options.users.clone().map(Arc::new),
            hosts: options.hosts.clone(),
            signing_in: Semaphore::new(AT_ONCE),
            inner: Mutex::new(inner),
        }
    }

    /// Whether people sign in.
    pub(crate) fn have_users(&self) -> bool {
        self.users.is_some()
    }

    /// The address that opens the next browser; where people sign in, the address of the page.
    pub(crate) fn url(&self) -> String {
        match self.users {
            Some(_) => format!("http://{}/", self.address),
            None => format!("http://{}/start?token={}", self.address, self.lock().token),
        }
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
        if self.have_users() || blake3::hash(token.as_bytes()) != blake3::hash(inner.token.as_bytes()) {
            return None;
        }
        inner.token = secret();
        drop(inner);
        Some(self.let_in(annotator))
    }

    /// Gives the cookie of a new session.
    fn let_in(&self, annotator: &str) -> String {
        let cookie = secret();
        let mut inner = self.lock();
        let assumed = !self.have_users() && !inner.annotators.is_empty();
        inner.annotators.insert(cookie.clone(), Annotator { name: annotator.to_owned(), assumed });
        cookie
    }

    /// The header that gives a browser its cookie, or takes it away. Behind a server that encrypts, the cookie is for encrypted connections only.
    fn cookie_header(&self, cookie: &str, secure: bool) -> (HeaderName, String) {
        let name = self.cookie_name();
        let secure = if secure { "; Secure" } else { "" };
        let end = if cookie.is_empty() { "; Max-Age=0" } else { "" };
        (header::SET_COOKIE, format!("{name}={cookie}; HttpOnly; SameSite=Strict; Path=/{secure}{end}"))
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, cookie) = pairs.find(|(key, _)| *key == name)?;
        let Annotator { name, assumed } = self.lock().annotators.get(cookie)?.clone();
        Some(Session { cookie: cookie.to_owned(), annotator: name, assumed })
    }

    /// Says who labels in a browser.
    pub(crate) fn rename(&self, session: &Session, name: String) {
        self.lock().annotators.insert(session.cookie.clone(), Annotator { name, assumed: false });
    }

    /// Whether a request names this machine as its host: no page of somebody else can ask by a name of its own that leads here (DNS
    /// rebinding), which can be no address in numbers.
    fn is_own_host(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        let numbers = name.trim_matches(['[', ']']).parse::<IpAddr>();
        let here = numbers.is_ok_and(|ip| ip == self.address.ip() || ip.is_loopback() || self.have_users());
        let of_port = authority.port_u16().unwrap_or(80) == self.address.port() && (here || is("localhost"));
        // A server in front has a port of its own.
        of_port || self.hosts.iter().any(|host| is(host))
    }

    /// Whether a request that changes something comes from the page itself.
    fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let site = value(HeaderName::from_static("sec-fetch-site"));
        let origin = value(header::ORIGIN)
            .map(|origin| origin.split_once("://").is_some_and(|(_, host)| self.is_own_host(host)));
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
    let asked = (request.method().clone(), request.uri().path());
    let changes = request.method() != Method::GET;
    let response = if !sessions.is_own_host(host) {
        plain(StatusCode::FORBIDDEN, "this address is not the one that the terminal shows\n")
    } else if changes && !sessions.is_own_origin(headers) {
        plain(StatusCode::FORBIDDEN, "this request does not come from the page\n")
    } else {
        match (sessions.session(headers), asked) {
            // Whoever has opened an address may open it again.
            (Some(_), (Method::GET, "/start")) => Redirect::to("/").into_response(),
            (_, (Method::GET, "/start")) => start(&service, request.uri().query().unwrap_or_default()),
            (_, (Method::GET, "/label.css")) => next.run(request).await,
            (None, (Method::POST, "/sign-in")) if sessions.have_users() => next.run(request).await,
            (None, (_, "/" | "/sign-in")) => (StatusCode::UNAUTHORIZED, stranger(sessions)).into_response(),
            (None, _) if sessions.have_users() => {
                plain(StatusCode::UNAUTHORIZED, "sign in first: load the page again\n")
            }
            (None, _) => plain(StatusCode::UNAUTHORIZED, "open the address that the terminal shows\n"),
            (Some(_), (_, "/sign-in")) => Redirect::to("/").into_response(),
            (Some(session), _) => {
                request.extensions_mut().insert(session);
                next.run(request).await
            }
        }
    };
    protected(response)
}

fn stranger(sessions: &Sessions) -> Response {
    if sessions.have_users() { assets::sign_in(false) } else { assets::stranger() }
}

fn start(service: &Service, query: &str) -> Response {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let Some(cookie) = service.sessions.open(token, &service.annotator) else {
        return (StatusCode::UNAUTHORIZED, stranger(&service.sessions)).into_response();
    };
    (service.opened)(&service.sessions.url());
    ([service.sessions.cookie_header(&cookie, false)], Redirect::to("/")).into_response()
}

/// Who signs in.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

/// Gives a session to a user.
pub(crate) async fn sign_in(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let sessions = &service.sessions;
    let (Some(users), Ok(Form(Credentials { name, password }))) = (sessions.users.clone(), body) else {
        return (StatusCode::UNAUTHORIZED, stranger(sessions)).into_response();
    };
    // The semaphore is never closed.
    let _turn = sessions.signing_in.acquire().await;
    let known = name.clone();
    let right = tokio::task::spawn_blocking(move || users.verify(&known, password.trim())).await;
    if !right.unwrap_or(false) {
        return (StatusCode::UNAUTHORIZED, assets::sign_in(true)).into_response();
    }
    let secure = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    ([sessions.cookie_header(&sessions.let_in(&name), secure)], Redirect::to("/")).into_response()
}

/// Ends a session.
pub(crate) async fn sign_out(
    State(service): State<Arc<Service>>,
    Extension(session): Extension<Session>,
) -> Response {
    service.queue().release_all(&session);
    service.sessions.lock().annotators.remove(&session.cookie);
    ([service.sessions.cookie_header("", false)], StatusCode::NO_CONTENT).into_response()
}

fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without any, browsers do not say where a form comes from.
        (header::REFERRER_POLICY, "same-origin"),
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
        Sessions::new("127.0.0.1:8642".parse().unwrap(), &Options::default())
    }

    fn with_users(listen: &str) -> Sessions {
        let hosts = vec!["label.example.org".to_owned()];
        let options = Options { users: Some(Users::default()), hosts, ..Options::default() };
        Sessions::new(listen.parse().unwrap(), &options)
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
    fn where_people_sign_in_numbers_and_the_names_given_are_own_hosts() {
        let sessions = with_users("0.0.0.0:8642");
        for host in ["192.0.2.7:8642", "[2001:db8::1]:8642", "localhost:8642", "label.example.org"] {
            assert!(sessions.is_own_host(host), "{host}");
        }
        assert!(sessions.is_own_host("Label.example.org:8443"), "a server in front has its own port");
        for host in
            ["192.0.2.7:80", "192.0.2.7", "evil.test:8642", "label.example.org.evil.test", "a@localhost:1"]
        {
            assert!(!sessions.is_own_host(host), "{host}");
        }
        let own = |origin: &str| sessions.is_own_origin(&headers(&[(header::ORIGIN, origin)]));
        assert!(own("https://label.example.org") && own("http://192.0.2.7:8642"));
        assert!(!own("https://evil.test") && !own("null"));
        let token = sessions.lock().token.clone();
        assert_eq!(sessions.open(&token, "ann"), None, "no token lets in beside users");
        assert_eq!(sessions.url(), "http://0.0.0.0:8642/");
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
