//! What a server may be asked to do.

use std::net::SocketAddr;
use std::time::Duration;

/// The limits of a server, and who may use it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The key that requests must have; none where everybody on this machine may ask.
    pub api_key: Option<String>,
    /// The tokens of all requests that wait or are computed, at most; estimated from their bytes.
    pub queue_tokens: usize,
    /// The examples of a request, at most.
    pub max_rows: usize,
    /// The bytes of a request's body, at most.
    pub max_body: usize,
    /// How long a request may take.
    pub deadline: Duration,
    /// How long accepted requests may take once the server is asked to stop.
    pub drain: Duration,
    /// Connections that are open at a time, at most.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            api_key: None,
            queue_tokens: 200_000,
            max_rows: 1000,
            max_body: 8 << 20,
            deadline: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            connections: 4096,
        }
    }
}

/// Why options are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsafe {
    /// Other machines could ask without a key.
    OpenToOthers,
    /// The key could be guessed.
    ShortKey,
}

/// Characters of a key, at least.
const SHORTEST_KEY: usize = 16;

impl Options {
    /// Whether only those may ask who should.
    ///
    /// # Errors
    /// When other machines could ask without a key, or the key is short.
    pub fn check(&self) -> Result<(), Unsafe> {
        match &self.api_key {
            Some(key) if key.chars().count() < SHORTEST_KEY => Err(Unsafe::ShortKey),
            None if !self.listen.ip().is_loopback() => Err(Unsafe::OpenToOthers),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_a_key_that_cannot_be_guessed() {
        let on = |listen: &str, key: Option<&str>| {
            let options = Options {
                listen: listen.parse().unwrap(),
                api_key: key.map(Into::into),
                ..Options::default()
            };
            options.check()
        };
        assert_eq!(on("127.0.0.1:80", None), Ok(()));
        assert_eq!(on("[::1]:80", None), Ok(()));
        assert_eq!(on("0.0.0.0:80", None), Err(Unsafe::OpenToOthers));
        assert_eq!(on("0.0.0.0:80", Some("secret")), Err(Unsafe::ShortKey));
        assert_eq!(on("0.0.0.0:80", Some("0123456789abcdef")), Ok(()));
    }
}
