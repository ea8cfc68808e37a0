//! The conversation with the hub. Nothing else in the program opens a connection.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use cloze::Error;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::listing::Listing;
use super::{Name, Revision};

/// The hub, if `HF_ENDPOINT` does not name another one.
const ENDPOINT: &str = "https://huggingface.co";

/// A connection that sends nothing for this long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// More bytes than any listing has.
const LONGEST_LISTING: u64 = 64 << 20;

/// The hub as this user sees it.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
}

/// Why something has not arrived.
pub(super) enum Trouble {
    /// It may arrive at the next try; what happened.
    Passing(String),
    /// It will not.
    Lasting(Error),
}

/// A file being written.
pub(super) struct Arriving {
    /// The byte that it begins with: the one that was asked for, or 0 if the hub gives files as a whole only.
    pub(super) start: u64,
    /// The rest of the file.
    pub(super) body: Box<dyn Read>,
}

impl Client {
    /// The hub that `HF_ENDPOINT` names, with the token of `HF_TOKEN` or of a file that `hf auth login` has written.
    ///
    /// # Errors
    /// If `HF_HUB_OFFLINE` is set, or `HF_ENDPOINT` is no address.
    pub(super) fn from_env(token_file: &Path) -> Result<Client, Error> {
        let set = |name| {
            std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        if set("HF_HUB_OFFLINE")
            .is_some_and(|value| ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str()))
        {
            return Err(Error::usage(
                "HF_HUB_OFFLINE is set, so nothing can be downloaded",
                "unset it; models that were fetched before need no network",
            ));
        }
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            let problem = format!("HF_ENDPOINT is `{endpoint}`, which is not an address");
            return Err(Error::usage(problem, format!("set it to one like `{ENDPOINT}`, or unset it")));
        }
        let in_file = || std::fs::read_to_string(token_file).ok().map(|token| token.trim().to_owned());
        let token = set("HF_TOKEN").or_else(in_file).filter(|token| !token.is_empty());
        // The process has no other TLS, so there is none to get into the way of; and a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Hospitals and offices have certificates of their own, which the system knows.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("cloze/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE));
        Ok(Client {
            agent: config.build().into(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The files of a model.
    pub(super) fn listing(&self, name: &Name, revision: &Revision) -> Result<Listing, Trouble> {
        let address =
            format!("{}/api/models/{name}/revision/{}?blobs=true", self.endpoint, escaped(revision));
        let mut response = self.get(&address, 0)?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(&response, name, revision, None));
        }
        let json = response.body_mut().with_config().limit(LONGEST_LISTING).read_to_vec();
        let json = json.map_err(|error| self.trouble(error))?;
        Listing::from_json(&json).map_err(|reason| {
            let problem =
                format!("the answer of {} about `{name}` cannot be understood: {reason}", self.endpoint);
            Trouble::Lasting(Error::usage(
                problem,
                "check that HF_ENDPOINT is the address of a Hugging Face hub, with no login page in front of it",
            ))
        })
    }

    /// A file of a commit from its byte `from` on.
    pub(super) fn file(
        &self,
        name: &Name,
        commit: &Revision,
        file: &str,
        from: u64,
    ) -> Result<Arriving, Trouble> {
        let address = format!("{}/{name}/resolve/{commit}/{}", self.endpoint, percent(file));
        let response = self.get(&address, from)?;
        let start = match response.status() {
            StatusCode::OK => 0,
            // A range that is not the one asked for would be put to a wrong place.
            StatusCode::PARTIAL_CONTENT if begins_at(&response, from) => from,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                return self.file(name, commit, file, 0);
            }
            _ => return Err(self.refusal(&response, name, commit, Some(file))),
        };
        Ok(Arriving { start, body: Box::new(response.into_body().into_reader()) })
    }

    /// What to say when a connection has failed again and again.
    pub(super) fn unreachable(&self, what: &str) -> Error {
        Error::usage(
            format!("cannot download from {}: {what}", self.endpoint),
            "check the network and, behind a proxy, HTTPS_PROXY; the same command resumes. Models that were \
             fetched before need no network",
        )
    }

    fn get(&self, address: &str, from: u64) -> Result<Response<Body>, Trouble> {
        let mut request = self.agent.get(address);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.call().map_err(|error| self.trouble(error))
    }

    fn trouble(&self, error: ureq::Error) -> Trouble {
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Trouble::Lasting(self.unreachable("it refuses the connection"))
            }
            ureq::Error::Io(error) => Trouble::Passing(error.to_string()),
            error @ (ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed) => {
                Trouble::Passing(error.to_string())
            }
            ureq::Error::HostNotFound => Trouble::Lasting(self.unreachable("the host is unknown")),
            error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_)) => Trouble::Lasting(Error::usage(
                format!("cannot connect securely to {}: {error}", self.endpoint),
                "if your organisation's proxy inspects connections, install its certificate on this machine, or set \
                 SSL_CERT_FILE to the file with it",
            )),
            error => Trouble::Lasting(self.unreachable(&error.to_string())),
        }
    }

    /// What an answer without a file means.
    fn refusal(
        &self,
        response: &Response<Body>,
        name: &Name,
        revision: &Revision,
        file: Option<&str>,
    ) -> Trouble {
        let endpoint = &self.endpoint;
        let status = response.status();
        let code =
            response.headers().get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
        if status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
        {
            return Trouble::Passing(format!("it returned {status}"));
        }
        let token = format!("set HF_TOKEN to one of your tokens ({endpoint}/settings/tokens)");
        Trouble::Lasting(match (status, code) {
            (_, "GatedRepo") => Error::usage(
                format!("access to `{name}` must be requested"),
                format!("request it at {endpoint}/{name}, then {token}"),
            ),
            (_, "RevisionNotFound") => unknown_revision(endpoint, name, revision),
            (StatusCode::UNAUTHORIZED, _) if self.token.is_none() => Error::usage(
                format!("there is no model `{name}` at {endpoint}, or it is private"),
                format!("look for its name at {endpoint}/models; if it is private, {token}"),
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Error::usage(
                format!("{endpoint} does not let your token read `{name}`"),
                format!("check the name; {token} with access to it, or unset it for public models"),
            ),
            (StatusCode::NOT_FOUND, _) if file.is_some() => Error::usage(
                format!("`{}` is no longer in `{name}`", file.unwrap_or_default()),
                "run the command again; the model may just be changing",
            ),
            (StatusCode::NOT_FOUND, "RepoNotFound") => unknown_model(endpoint, name),
            (StatusCode::NOT_FOUND, _) if *revision == Revision::default() => unknown_model(endpoint, name),
            (StatusCode::NOT_FOUND, _) => unknown_revision(endpoint, name, revision),
            _ => Error::usage(
                format!("{endpoint} returned {status} for `{name}`"),
                "check that HF_ENDPOINT is the address of a Hugging Face hub",
            ),
        })
    }
}

fn unknown_model(endpoint: &str, name: &Name) -> Error {
    Error::usage(
        format!("there is no model `{name}` at {endpoint}"),
        format!("look for its name at {endpoint}/models"),
    )
}

fn unknown_revision(endpoint: &str, name: &Name, revision: &Revision) -> Error {
    Error::usage(
        format!("`{name}` has no revision `{revision}`"),
        format!("{endpoint}/{name}/commits/main shows its branches, tags and commits; the default is `main`"),
    )
}

/// Whether the answer begins at this byte: `Content-Range: bytes 100-199/200`.
fn begins_at(response: &Response<Body>, byte: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    first == Some(byte)
}

/// A revision as one part of an address.
fn escaped(revision: &Revision) -> String {
    revision.as_str().replace('/', "%2F")
}

/// A file's name in an address.
fn percent(name: &str) -> String {
    name.bytes().fold(String::new(), |address, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            address + &char::from(byte).to_string()
        }
        _ => address + &format!("%{byte:02X}"),
    })
}
