//! `cloze serve` as programs meet it: over connections of its own, with what is right and with what is not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::support::Folder;

/// A server in a folder; it is killed with the test.
struct Server {
    child: Child,
    address: String,
    run: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Trains the task of the folder and serves its run.
    fn start(folder: &Folder, options: &[&str]) -> Server {
        let run = folder.train();
        Server::of(folder, &[&run], options)
    }

    fn of(folder: &Folder, runs: &[&str], options: &[&str]) -> Server {
        let words = [&["serve"], runs, &["--listen", "127.0.0.1:0", "--json"], options].concat();
        let mut command = folder.command(&words);
        if cfg!(unix) {
            // Fewer files than connections: the server has to ask for more.
            let mut limited = Command::new("sh");
            limited.args(["-c", "ulimit -Sn 256; exec \"$0\" \"$@\""]).arg(command.get_program());
            limited.args(command.get_args()).current_dir(folder.path("")).stdin(Stdio::null());
            limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = limited;
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["address"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Server { child, address, run: said["runs"][0].as_str().unwrap().to_owned() }
    }

    fn connect(&self) -> TcpStream {
        http::connect(&self.address)
    }

    fn raw(&self, bytes: &[u8]) -> Answer {
        http::raw(&self.address, bytes)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        http::ask(&self.address, "localhost", method, path, headers, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/json")], &body.to_string())
    }

    /// Asks the process to stop, as a supervisor does.
    fn terminate(&self) {
        assert!(
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success()
        );
    }
}

#[test]
fn answers_equal_those_of_predict() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let texts: Vec<String> = (0..40).map(|day| format!("the sun and the storm of day {day}")).collect();
    let rows: String = texts.iter().map(|text| format!("{}\n", json!({"text": text}))).collect();
    folder.write("new.jsonl", rows);
    let run = format!("runs/{}", server.run);
    folder.succeed(&["predict", &run, "new.jsonl", "-o", "predicted.jsonl"]);
    let predicted: Vec<Value> =
        folder.read("predicted.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    let rows: Vec<Value> = texts.iter().map(|text| json!({"text": text, "i\0d": 7})).collect();
    let together = server.post("/v1/classify", &json!({"rows": rows}));
    assert_eq!(together.status, 200, "{together:?}");
    let together = together.json();
    assert_eq!(together["answered_by"], "final");
    // Many small requests at once are computed together, in whatever company.
    let alone: Vec<Value> = thread::scope(|scope| {
        let ask = |row: &Value| {
            server.post("/v1/classify", &json!({"rows": [row]})).json()["predictions"][0].clone()
        };
        let threads: Vec<_> = rows.iter().map(|row| scope.spawn(move || ask(row))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for ((predicted, together), alone) in
        predicted.iter().zip(together["predictions"].as_array().unwrap()).zip(&alone)
    {
        assert_eq!(together, alone);
        assert_eq!(predicted["prediction"], together["label"]);
        for label in ["good", "bad"] {
            let written = predicted[format!("p_{label}")].as_f64().unwrap();
            assert!(
                (written - together["probabilities"][label].as_f64().unwrap()).abs() < 1e-6,
                "{predicted} {together}"
            );
        }
    }
}

#[test]
fn predict_has_the_shapes_of_text_embeddings_inference() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let text = server.post("/predict", &json!({"inputs": "the sun"})).json();
    let scores: Vec<f64> =
        text.as_array().unwrap().iter().map(|label| label["score"].as_f64().unwrap()).collect();
    assert!(scores[0] >= scores[1] && (scores[0] + scores[1] - 1.0).abs() < 1e-9, "{text}");
    assert_eq!(server.post("/predict", &json!({"inputs": ["the sun"]})).json(), text);
    let batch = server.post("/predict", &json!({"inputs": [["the sun"], ["the storm"]]})).json();
    assert_eq!((&batch[0], batch.as_array().unwrap().len()), (&text, 2));
    let raw = server.post("/predict", &json!({"inputs": "the sun", "raw_scores": true})).json();
    let odds = raw[0]["score"].as_f64().unwrap() - raw[1]["score"].as_f64().unwrap();
    assert!((odds - (scores[0] / scores[1]).ln()).abs() < 1e-4, "{raw} {text}");
    let named = format!("/runs/{}/predict", server.run);
    assert_eq!(server.post(&named, &json!({"inputs": "the sun"})).json(), text);

    let long = json!({"inputs": "sun ".repeat(600), "truncate": false});
    let refused = server.post("/predict", &long);
    assert_eq!((refused.status, refused.json()["error_type"].as_str()), (422, Some("Validation")));
    assert!(refused.body.contains("tokens more than the model reads"), "{}", refused.body);
    assert_eq!(server.post("/predict", &json!({"inputs": "sun ".repeat(600)})).status, 200);
}

#[test]
fn what_cannot_be_answered_is_refused_and_harms_nothing_else() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--max-rows", "3", "--max-body", "5000"]);
    let rows = |count: usize| json!({"rows": vec![json!({"text": "the sun"}); count]});
    for (path, body, status, part) in [
        ("/v1/classify", json!({"rows": [{"txt": "the sun"}]}), 422, "there is no column `text`"),
        (
            "/v1/classify",
            json!({"rows": [{"text": "the sun"}, {"txt": 1}]}),
            422,
            "example 2 has no `text`; give every example a text for it, or null; it has `txt`",
        ),
        ("/v1/classify", json!({"rows": "the sun"}), 422, "expected a sequence"),
        ("/v1/classify", json!({"rows": [], "wrong": 1}), 422, "unknown field `wrong`"),
        ("/v1/classify", json!({"rows": []}), 400, "no example"),
        ("/v1/classify", json!({"rows": [{"text": "x"}], "abstain_below": 2}), 422, "from 0 to 1"),
        ("/v1/classify", rows(4), 413, "at most 3"),
        ("/v1/classify", json!({"rows": [{"text": "x".repeat(6000)}]}), 413, "more than 5000 bytes"),
        ("/predict", json!({"inputs": 7}), 422, "must be a text"),
        ("/predict", json!({"inputs": ["a", "b"]}), 422, "column"),
        ("/runs/nobody/predict", json!({"inputs": "a"}), 404, "there is no run `nobody`"),
        ("/nothing", json!({}), 404, "/openapi.json"),
    ] {
        let answer = server.post(path, &body);
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(part), "{answer:?}");
    }
    assert_eq!(server.get("/predict").status, 405);
    let kind = ("Content-Type", "application/json");
    assert_eq!(server.ask("POST", "/predict", &[kind], "{\"inputs\": ").status, 400);
    assert_eq!(
        server.ask("POST", "/predict", &[("Content-Type", "text/plain")], "{\"inputs\": \"a\"}").status,
        415
    );
    assert_eq!(server.raw(b"no http at all\r\n\r\n").status, 400);
    assert_eq!(server.post("/v1/classify", &rows(3)).status, 200);
    let sure =
        server.post("/v1/classify", &json!({"rows": [{"text": "the sun"}], "abstain_below": 1.0})).json();
    assert_eq!(
        (&sure["predictions"][0]["label"], &sure["predictions"][0]["abstains"]),
        (&Value::Null, &true.into())
    );
}

#[test]
fn only_those_who_may_are_answered() {
    let folder = Folder::new();
    let run = folder.train();
    let server = Server::of(&folder, &[&run], &[]);
    let foreign = server.ask("GET", "/info", &[("Host", "evil.test")], "");
    assert_eq!(foreign.status, 403, "{foreign:?}");
    assert!(server.get("/").head.contains("content-security-policy: default-src 'none'"));
    drop(server);

    let key = "0123456789abcdef0123";
    let server = Server::of(&folder, &[&run], &["--api-key", key]);
    let bearer = format!("Bearer {key}");
    let ask =
        |value: &str| server.ask("GET", "/info", &[("Host", "cloze.test"), ("Authorization", value)], "");
    assert_eq!(ask(&bearer).status, 200);
    let refused = ask("Bearer wrong");
    assert_eq!(refused.status, 401);
    assert!(refused.head.contains("www-authenticate: bearer"), "{refused:?}");
    assert_eq!((server.get("/metrics").status, server.get("/health").status), (401, 200));

    let error = folder.fail(&["serve", &run, "--listen", "0.0.0.0:0"]);
    assert!(error.contains("other machines could ask, and there is no key"), "{error}");
    let error = folder.fail(&["serve", &run, "--api-key", "short"]);
    assert!(error.contains("the key is too short"), "{error}");
    let error = folder.fail(&["serve", &run, &run]);
    assert!(error.contains("two of the runs are called"), "{error}");
    let error = folder.fail(&["serve", &run, "--listen", &server.address]);
    assert!(error.contains("choose another port"), "{error}");
}

#[test]
fn what_is_served_is_described_and_counted() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let info = server.get("/info").json();
    assert_eq!(info["runs"][0]["columns"], json!(["text"]));
    assert_eq!(info["runs"][0]["labels"], json!(["good", "bad"]));
    let openapi = server.get("/openapi.json").json();
    let named = format!("/runs/{}/predict", server.run);
    for path in ["/predict", "/v1/classify", &named, "/info", "/health", "/ready", "/metrics"] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
    let body = &openapi["paths"]["/v1/classify"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["properties"]["rows"]["items"]["required"], json!(["text"]));
    assert_eq!(server.post("/predict", &json!({"inputs": [["the sun"], ["the storm"]]})).status, 200);
    assert_eq!(server.post("/predict", &json!({"inputs": 1})).status, 422);
    let metrics = server.get("/metrics").body;
    for line in [
        "cloze_requests_total{route=\"Predict\",status=\"200\"} 1",
        "cloze_requests_total{route=\"Predict\",status=\"422\"} 1",
        &format!("cloze_rows_total{{run=\"{}\"}} 2", server.run),
        "cloze_queued_tokens 0",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("the sun"));
}

/// So many connections, or as many as this process may have. It begins with as few files as the server does.
#[cfg(unix)]
fn connections(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    // Other tests have files open too.
    let needed = (wanted + 500).min(most);
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: Some(most) }).unwrap();
    wanted.min(needed.saturating_sub(500))
}

#[cfg(not(unix))]
fn connections(wanted: u64) -> u64 {
    wanted
}

#[test]
fn slow_clients_and_many_connections_keep_nobody_waiting() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--deadline", "1"]);
    let idle: Vec<TcpStream> = (0..connections(1000)).map(|_| server.connect()).collect();
    let mut slow = server.connect();
    slow.write_all(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let mut half = server.connect();
    half.write_all(b"POST /predict HTTP/1.1\r\nHost: loc").unwrap();
    let began = Instant::now();
    assert_eq!(server.post("/predict", &json!({"inputs": "the sun"})).status, 200);
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    drop((idle, half));
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--queue", "1"]);
    let rows = json!({"rows": vec![json!({"text": "the sun and the storm ".repeat(20)}); 1000]});
    let answers: Vec<Answer> = thread::scope(|scope| {
        let ask = || server.post("/v1/classify", &rows);
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused = answers.iter().find(|answer| answer.status == 429).expect("a request is refused");
    assert!(refused.head.contains("retry-after: 1"), "{refused:?}");
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status)));
}

#[test]
fn what_is_accepted_is_answered_before_the_end() {
    let folder = Folder::new();
    let mut server = Server::start(&folder, &["--queue", "9000000"]);
    let rows = json!({"rows": vec![json!({"text": "the sun and the storm ".repeat(20)}); 1000]});
    let queued = || {
        let metrics = server.get("/metrics").body;
        let tokens = metrics.lines().find_map(|line| line.strip_prefix("cloze_queued_tokens "));
        tokens.unwrap().parse::<usize>().unwrap()
    };
    let answers: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| server.post("/v1/classify", &rows).status)).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        while queued() == 0 {
            assert!(Instant::now() < deadline, "the requests never arrived");
        }
        server.terminate();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // What has come too late is told so.
    assert!(
        answers.contains(&200) && answers.iter().all(|status| [200, 503].contains(status)),
        "{answers:?}"
    );
    assert!(server.child.wait().unwrap().success());
    assert!(TcpStream::connect(&server.address).is_err());
}

/// Kilobytes that a process has in memory.
#[cfg(target_os = "linux")]
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Sends the same request so many times over one connection.
#[cfg(target_os = "linux")]
fn repeat(server: &Server, times: usize) {
    let body = json!({"inputs": "the sun and the storm"}).to_string();
    let head = format!(
        "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = format!("POST /predict HTTP/1.1\r\n{head}{body}");
    let mut stream = server.connect();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..times {
        stream.write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        answers.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
}

/// `CLOZE_REQUESTS` sets another number than 50,000.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_requests() {
    let requests = std::env::var("CLOZE_REQUESTS").map_or(50_000, |number| number.parse().unwrap());
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let all = |times: usize| {
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| repeat(&server, times / 8)))));
    };
    all(requests / 10);
    let before = resident(&server);
    all(requests - requests / 10);
    let after = resident(&server);
    println!("{requests} requests: {before} kB after a tenth of them, {after} kB after all");
    assert!(after < before + 8192, "{before} kB after a tenth of the requests, {after} kB after all");
}

#[test]
fn several_runs_are_told_apart_by_their_names() {
    let folder = Folder::new();
    let first = folder.train();
    folder.change_task("name = \"weather\"", "name = \"days\"");
    let second = folder.train();
    let server = Server::of(&folder, &[&first, &second], &[]);
    let name = |run: &str| run.rsplit('/').next().unwrap().to_owned();
    let runs: Vec<Value> = server.get("/info").json()["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["name"].clone())
        .collect();
    assert_eq!(runs, [Value::from(name(&first)), name(&second).into()]);
    let answer =
        server.post(&format!("/runs/{}/v1/classify", name(&second)), &json!({"rows": [{"text": "the sun"}]}));
    assert_eq!(answer.json()["run"], name(&second).as_str());
}
