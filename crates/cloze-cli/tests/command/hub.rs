//! A hub on the loopback address, with one small model and the ways in which hubs misbehave.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::support::{Folder, tiny_model};

/// The name of the model.
pub(crate) const NAME: &str = "tests/tiny";

/// What is asked of the hub, and what it answers.
pub(crate) struct Hub {
    address: String,
    state: Arc<Mutex<State>>,
}

/// A model and a mood.
#[derive(Default)]
pub(crate) struct State {
    /// Files by name, for every revision.
    pub(crate) revisions: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// The connection ends after so many bytes of the weights; afterwards the hub is out of order.
    pub(crate) cut: Option<usize>,
    /// Every request is answered so.
    pub(crate) refuses: Option<(u16, &'static str)>,
    /// So many requests are answered with 503 first.
    pub(crate) busy: usize,
    /// The token without which nothing is given.
    pub(crate) token: Option<&'static str>,
    /// Weights arrive with another byte at their end than they have.
    pub(crate) tampers: bool,
    /// Ranges are not understood.
    pub(crate) whole: bool,
    /// Everything that was asked for, with the range.
    pub(crate) asked: Vec<String>,
}

/// The commit of a revision: the hash of its name.
pub(crate) fn commit(revision: &str) -> String {
    hex(&Sha1::digest(revision))
}

/// The hash of contents, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Whether a file is one of Git LFS.
fn is_large(name: &str) -> bool {
    [".safetensors", ".bin", ".h5"].iter().any(|ending| name.ends_with(ending))
}

impl Hub {
    /// A hub with the tiny model, and other files beside it.
    pub(crate) fn start() -> Hub {
        let mut files: BTreeMap<String, Vec<u8>> = [
            "config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "vocab.txt",
            "model.safetensors",
        ]
        .map(|name| (name.to_owned(), fs::read(tiny_model().join(name)).unwrap()))
        .into();
        for other in ["README.md", ".gitattributes", "tf_model.h5", "pytorch_model.bin", "onnx/model.onnx"] {
            files.insert(other.to_owned(), b"not wanted".to_vec());
        }
        let state = State { revisions: [("main".to_owned(), files)].into(), ..State::default() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hub = Hub { address: address.clone(), state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&hub.state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that has gone away is no failure of the hub.
                let _ = answer(&stream.unwrap(), &address, &mut state.lock().unwrap());
            }
        });
        hub
    }

    /// Changes what it has or how it behaves.
    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Changes a file of `main`.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.set(|state| state.revisions.get_mut("main").unwrap().insert(name.to_owned(), bytes.to_vec()));
    }

    /// Takes a file out of `main`.
    pub(crate) fn remove(&self, name: &str) -> Vec<u8> {
        self.set(|state| state.revisions.get_mut("main").unwrap().remove(name).unwrap())
    }

    /// What was asked for since this was called last.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.set(|state| std::mem::take(&mut state.asked))
    }

    /// `cloze fetch ARGS` in the folder, with the cache in its `hf`.
    pub(crate) fn command(&self, folder: &Folder, args: &[&str]) -> Command {
        let mut command = folder.command(&[&["fetch"], args].concat());
        command.env("HF_ENDPOINT", &self.address).env("HF_HOME", folder.path("hf"));
        let others = ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE"];
        let proxies = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy"];
        for name in others.iter().chain(&proxies) {
            command.env_remove(name);
        }
        command
    }

    /// `cloze fetch ARGS`, which must succeed, and its standard output.
    pub(crate) fn fetch(&self, folder: &Folder, args: &[&str]) -> String {
        let output = self.command(folder, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `cloze fetch ARGS --json`.
    pub(crate) fn json(&self, folder: &Folder, args: &[&str]) -> Value {
        serde_json::from_str(&self.fetch(folder, &[args, &["--json"]].concat())).unwrap()
    }

    /// `cloze fetch ARGS`, which must fail, and its standard error as words with single blanks.
    pub(crate) fn fail(&self, folder: &Folder, args: &[&str]) -> String {
        refusal(&mut self.command(folder, args))
    }
}

/// Runs a command that must fail with exit code 1, and gives its standard error as words with single blanks.
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn answer(mut stream: &TcpStream, address: &str, state: &mut State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut from, mut token) = (0, None);
    for line in lines {
        let line = line?;
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_lowercase().as_str() {
            "" => break,
            "range" => from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap(),
            "authorization" => token = Some(value.trim_start_matches("Bearer ").to_owned()),
            _ => {}
        }
    }
    state.asked.push(if from > 0 { format!("{path} from {from}") } else { path.clone() });
    let mut plain = |status: u16, header: &str, body: &str| {
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n{header}\r\n{body}",
            body.len()
        )
    };
    if let Some((status, code)) = state.refuses {
        return plain(status, &format!("X-Error-Code: {code}\r\n"), "");
    }
    if state.busy > 0 {
        state.busy -= 1;
        return plain(503, "", "");
    }
    // A store of contents is another machine, which must never see the token.
    if let Some(hash) = path.strip_prefix("/cdn/") {
        assert_eq!(token, None);
        let body = state.revisions.values().flat_map(BTreeMap::values).find(|bytes| sha256(bytes) == hash);
        let mut body = body.unwrap().clone();
        if state.tampers {
            *body.last_mut().unwrap() ^= 1;
        }
        return send(stream, &body, from, state);
    }
    if state.token.is_some() && token.as_deref() != state.token {
        return plain(401, "X-Error-Code: RepoNotFound\r\n", "");
    }
    if let Some(revision) = path.strip_prefix(&format!("/api/models/{NAME}/revision/")) {
        let revision = revision.trim_end_matches("?blobs=true").replace("%2F", "/");
        let Some((revision, files)) = find(state, &revision) else {
            return plain(404, "X-Error-Code: RevisionNotFound\r\n", "");
        };
        let siblings = files.iter().map(|(name, bytes)| {
            let git =
                hex(&Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize());
            let mut file = json!({"rfilename": name, "size": bytes.len(), "blobId": git});
            if is_large(name) {
                file["lfs"] = json!({"sha256": sha256(bytes), "size": bytes.len(), "pointerSize": 134});
            }
            file
        });
        let siblings: Value = siblings.collect();
        return plain(
            200,
            "",
            &json!({"id": NAME, "sha": commit(revision), "siblings": siblings}).to_string(),
        );
    }
    let file = path.strip_prefix(&format!("/{NAME}/resolve/")).and_then(|rest| rest.split_once('/'));
    match file.and_then(|(revision, name)| Some((name, find(state, revision)?.1.get(name)?))) {
        Some((name, bytes)) if is_large(name) => {
            // By another name of this machine, so that it counts as another one.
            let elsewhere = address.replace("127.0.0.1", "localhost");
            plain(302, &format!("Location: {elsewhere}/cdn/{}\r\n", sha256(bytes)), "")
        }
        Some((_, bytes)) => send(stream, &bytes.clone(), from, state),
        None => plain(404, "X-Error-Code: RepoNotFound\r\n", ""),
    }
}

/// The files of a revision or commit.
fn find<'s>(state: &'s State, wanted: &str) -> Option<(&'s str, &'s BTreeMap<String, Vec<u8>>)> {
    let mut all = state.revisions.iter();
    all.find(|(revision, _)| *revision == wanted || commit(revision) == wanted)
        .map(|(name, files)| (name.as_str(), files))
}

fn send(mut stream: &TcpStream, body: &[u8], from: usize, state: &mut State) -> std::io::Result<()> {
    let from = if state.whole { 0 } else { from };
    let rest = &body[from..];
    let status = if from > 0 { "206 X" } else { "200 X" };
    let range = format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
    let range = if from > 0 { range } else { String::new() };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n{range}Content-Length: {}\r\n\r\n",
        rest.len()
    )?;
    match state.cut.take_if(|cut| *cut < rest.len()) {
        Some(cut) => {
            state.busy = usize::MAX;
            stream.write_all(&rest[..cut])
        }
        None => stream.write_all(rest),
    }
}
