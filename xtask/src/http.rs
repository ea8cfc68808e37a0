//! `cloze serve` with programs that others have written: Schemathesis makes requests of its OpenAPI description that are right and wrong in every way,
//! wrk asks as fast as it can over many connections, and Prometheus reads the metrics.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::command::{cloze, exists, installed, program, succeeds};
use crate::demo;
use crate::python::environment;

/// What it needs in Python.
const REQUIREMENTS: &str = "scripts/http-requirements.txt";

/// Requests of every kind and route.
const EXAMPLES: &str = "100";

pub(crate) fn check(root: &Path, notes: &mut Vec<String>) -> Outcome {
    let folder = root.join("target/http");
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3` to run Schemathesis with".into());
    }
    let Some(python) = environment(root, &folder.join("venv"), REQUIREMENTS) else {
        return Outcome::of(false);
    };
    let served = demo::run(root, &folder.join("runs"));
    let Some(mut server) = served.and_then(|run| Server::start(root, &run)) else {
        return Outcome::of(false);
    };
    let description = format!("{}/openapi.json", server.address);
    let options = [
        "-m",
        "schemathesis.cli",
        "run",
        &description,
        "--checks",
        "all",
        "--max-examples",
        EXAMPLES,
        "--continue-on-failure",
    ];
    // What Schemathesis keeps it puts where it is run.
    let passed = succeeds(program(&folder, python).args(options).args([
        "--generation-allow-x00",
        "false",
        "--generation-deterministic",
        "--no-color",
    ]));
    let mut described = Outcome::of(passed && server.is_alive());
    match installed("wrk") {
        true => {
            described =
                described.and(Outcome::of(all_answered(&folder, &server.address) && server.is_alive()))
        }
        false => notes.push(
            "wrk did not put load on `cloze serve`: there is no `wrk`, and only root can install it".into(),
        ),
    }
    match installed("prometheus") {
        true => described.and(Outcome::of(scraped(&folder.join("prometheus"), &server.address))),
        false => {
            notes.push("Prometheus did not read the metrics of `cloze serve`: there is no `prometheus`, and only root can install it".into());
            described
        }
    }
}

/// Whether every request is answered with a prediction while 64 connections ask all the time.
fn all_answered(folder: &Path, address: &str) -> bool {
    let script = folder.join("predict.lua");
    let request = "wrk.method = 'POST'\nwrk.body = '{\"inputs\": \"remind me to call my sister at five\"}'\n\
                   wrk.headers['Content-Type'] = 'application/json'\n";
    if let Err(error) = fs::write(&script, request) {
        println!("cannot write `{}`: {error}", script.display());
        return false;
    }
    let mut load = program(folder, "wrk");
    load.args(["-t1", "-c64", "-d3s", "--timeout", "30s", "-s"])
        .arg(&script)
        .arg(format!("{address}/predict"));
    let Ok(output) = load.output() else { return false };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    // Both lines are there only if there were such.
    let is_right = output.status.success() && !said.contains("Non-2xx") && !said.contains("Socket errors");
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse::<f64>().ok());
    is_right && rate.is_some_and(|rate| rate > 0.0)
}

/// Whether Prometheus understands the metrics of a server, and has those of the requests that were made before.
fn scraped(folder: &Path, address: &str) -> bool {
    let target = address.trim_start_matches("http://");
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: cloze\n    static_configs:\n      - targets: ['{target}']\n"
    );
    let file = folder.join("prometheus.yml");
    let made = fs::remove_dir_all(folder)
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) });
    if let Err(error) = made.and_then(|()| fs::create_dir_all(folder)).and_then(|()| fs::write(&file, config))
    {
        println!("cannot write `{}`: {error}", file.display());
        return false;
    }
    let Ok(own) = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()) else {
        return false;
    };
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={own}"))
        .args(["--log.level=error"])
        .stdin(Stdio::null())
        .spawn();
    let Ok(child) = child else { return false };
    let _server = Server { child, address: String::new() };
    let wanted = "cloze_requests_total";
    for _ in 0..60 {
        thread::sleep(Duration::from_millis(500));
        let answer = get(&own.to_string(), &format!("/api/v1/query?query={wanted}")).unwrap_or_default();
        if answer.contains("\"route\":\"Predict\"") {
            println!("Prometheus has read `{wanted}`");
            return true;
        }
    }
    println!("Prometheus has not read `{wanted}` in half a minute");
    false
}

/// What a server on this machine answers.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A server of a run; it ends with this.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(root: &Path, run: &Path) -> Option<Server> {
        let mut command = cloze(root);
        command.arg("serve").arg(run);
        let mut child =
            command.args(["--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let mut server = Server { child, address: String::new() };
        let said: serde_json::Value = serde_json::from_str(&line).ok()?;
        server.address = said["address"].as_str()?.to_owned();
        Some(server)
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
