//! `cloze label` without a browser: what a page asks for, what is kept, and what is refused. `cargo xtask test browser` has the page itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::support::{Folder, labelled};

/// A server and a browser that it has let in.
struct Page {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: String,
    cookie: String,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page {
    fn open(folder: &Folder, options: &[&str]) -> Page {
        let words = [&["label"], options, &["--no-open", "--json", "--annotator", "ann"]].concat();
        Page::of(folder.command(&words))
    }

    fn of(mut command: Command) -> Page {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let said = line(&mut lines);
        let mut page = Page { child, lines, address: String::new(), cookie: String::new() };
        page.cookie = page.enter(&said);
        page
    }

    /// Opens an address of the terminal, and gives the cookie.
    fn enter(&mut self, said: &Value) -> String {
        let url = said["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        let (address, path) = url.split_once('/').unwrap();
        self.address = address.to_owned();
        let opened = http::ask(address, address, "GET", &format!("/{path}"), &[], "");
        assert_eq!(opened.status, 303, "{opened:?}");
        let cookie = opened.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(cookie.contains("httponly") && cookie.contains("samesite=strict"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    fn get(&self, path: &str) -> Answer {
        http::ask(&self.address, &self.address, "GET", path, &[("Cookie", &self.cookie)], "")
    }

    fn post_as(&self, cookie: &str, path: &str, body: &Value) -> Answer {
        let origin = format!("http://{}", self.address);
        let headers = [("Cookie", cookie), ("Origin", origin.as_str()), ("Content-Type", "application/json")];
        http::ask(&self.address, &self.address, "POST", path, &headers, &body.to_string())
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&self.cookie, path, body)
    }

    fn act(&self, body: &Value) -> Value {
        let answer = self.post("/api/act", body);
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        answer.json()
    }

    fn next(&self) -> Value {
        self.post("/api/next", &json!({})).json()["next"].clone()
    }

    /// Labels texts by whether they speak of the sun, until there are so many.
    fn label(&self, count: usize) {
        for _ in 0..count {
            let next = self.next();
            self.act(
                &json!({"action": "label", "row": next["row"], "labels": [right(&next)], "blind": true}),
            );
        }
    }

    fn project(&self) -> Value {
        self.get("/api/project").json()
    }

    /// Waits until the project is as it should be.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let project = self.project();
            if holds(&project) {
                return project;
            }
            assert!(Instant::now() < deadline, "{what}: {project}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn line(lines: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fn right(shown: &Value) -> &'static str {
    if shown["values"][0].as_str().unwrap().contains("sun") { "good" } else { "bad" }
}

/// A folder with a table of texts without labels.
fn texts() -> Folder {
    let folder = Folder::empty();
    let table = labelled(60);
    let lines: Vec<&str> = table.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
    folder.write("days.csv", lines.join("\n") + "\n");
    folder
}

#[test]
fn from_a_table_to_a_classifier() {
    let folder = texts();
    let page =
        Page::open(&folder, &["days.csv", "--sample", "8", "--train-every", "0", "--labels", "good,bad"]);
    page.label(24);
    let project = page.project();
    assert_eq!(project["labelled"].as_u64().unwrap() + project["sample"]["labelled"].as_u64().unwrap(), 24);
    assert_eq!(project["sample"], json!({"labelled": 8, "of": 8, "left": 0}));
    page.until("all texts are read", |project| {
        let reading = &project["reading"];
        reading["read"] == reading["of"] && reading["of"].as_u64() > Some(0)
    });
    let mut suggestion = Value::Null;
    for _ in 0..200 {
        let row = page.next()["row"].clone();
        suggestion = page.get(&format!("/api/suggestion?row={}", row.as_str().unwrap())).json();
        if !suggestion["suggestion"].is_null() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let probabilities = suggestion["suggestion"]["probabilities"].as_array().unwrap();
    let sum: f64 = probabilities.iter().map(|pair| pair[1].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5 && probabilities.len() == 2, "{suggestion}");
    let trust = page.get("/api/trust").json();
    assert_eq!(trust["measured"]["accuracy"]["of"], 8, "{trust}");

    assert_eq!(page.post("/api/train", &json!({})).status, 200);
    let trained = page.until("a run ends", |project| project["training"]["is"] != "running");
    assert_eq!(trained["training"]["is"], "finished", "{trained}");
    let runs: Vec<_> = std::fs::read_dir(folder.path("days-labels/runs")).unwrap().flatten().collect();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].path().join("final").is_dir() && !runs[0].path().join("g0").exists());
    let exported = page.post("/api/export", &json!({}));
    assert_eq!(exported.status, 200, "{exported:?}");
    let table = page.get("/api/download?what=labels.csv");
    assert_eq!(table.body.lines().count(), 25);
    assert!(table.body.starts_with("text,label,split,annotators,note\n"), "{table:?}");
    for name in ["labels.parquet", "predictions.parquet"] {
        let table = page.get(&format!("/api/download?what={name}"));
        assert!(table.status == 200 && table.body.starts_with("PAR1"), "{table:?}");
    }
    assert_eq!(page.get("/api/download?what=labels.xlsx").status, 404);
    let predictions = page.get("/api/download?what=predictions.csv").body;
    assert_eq!(predictions.lines().count(), 61);
    // What was trained is there when the project is opened again.
    drop(page);
    let page = Page::open(&folder, &["days.csv", "--train-every", "0"]);
    let project = page.project();
    assert_eq!((&project["training"], &project["predicted"]), (&trained["training"], &json!(true)));
    assert_eq!(page.get("/api/download?what=predictions.csv").body, predictions);
    assert_eq!(page.get("/api/trust").json()["runs"].as_array().unwrap().len(), 1);
    // The command goes on with what was written.
    drop(page);
    folder.succeed(&["check", "days-labels/task.toml"]);
    assert_eq!(folder.read("days-labels/test.csv").lines().count(), 9);
}

#[test]
fn every_row_comes_out_with_all_its_columns() {
    let folder = Folder::empty();
    folder.write(
        "days.csv",
        "id,text,note,kind\n1,a day with sun all day long,x,\n2,a day with rain all day long,y,bad\n\
         3,a day with sun all day long,z,\n4,a day with fog all day long,,\n5, ,,\n",
    );
    let words = ["days.csv", "--label", "kind", "--text", "text", "--labels", "good,bad", "--sample", "0"];
    let page = Page::open(&folder, &words);
    let sun = page.get("/api/rows?q=sun").json()["rows"][0]["row"].clone();
    page.act(&json!({"action": "label", "row": sun, "labels": ["good"], "blind": true}));
    let table = page.get("/api/download?what=labels.csv").body;
    let wanted = "id,text,note,kind,split,annotators,note_\n1,a day with sun all day long,x,good,train,ann,\n\
                  2,a day with rain all day long,y,bad,train,,\n3,a day with sun all day long,z,good,train,ann,\n";
    assert_eq!(table, wanted);
    let lines = page.get("/api/download?what=labels.jsonl").body;
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["id"], &last["kind"], &last["note"]), (&json!("3"), &json!("good"), &json!("z")));
}

#[test]
fn a_sample_grows_when_a_larger_one_is_asked_for() {
    let folder = texts();
    let page = Page::open(&folder, &["days.csv", "--labels", "good,bad", "--sample", "4"]);
    let first = page.get("/api/rows?view=sample").json();
    page.label(12);
    drop(page);
    let sample = |options: &[&str]| {
        let page = Page::open(&folder, &[&["days.csv"], options].concat());
        page.get("/api/rows?view=sample").json()
    };
    assert_eq!(sample(&[])["total"], 4);
    assert_eq!(sample(&["--sample", "3"])["total"], 4);
    let grown = sample(&["--sample", "100"]);
    assert_eq!(grown["total"], 15, "a quarter of all");
    let rows = |found: &Value| -> Vec<String> {
        found["rows"].as_array().unwrap().iter().map(|row| row["row"].to_string()).collect()
    };
    assert!(rows(&first).iter().all(|row| rows(&grown).contains(row)));
    let labelled = grown["rows"].as_array().unwrap().iter().filter(|row| !row["labels"].is_null()).count();
    assert_eq!(labelled, 4, "no text that was learned from is measured on");
}

#[test]
fn a_label_of_the_sample_alone_cannot_be_learned() {
    let folder = texts();
    let page = Page::open(&folder, &["days.csv", "--labels", "good,bad,odd", "--sample", "4"]);
    let sample = page.get("/api/rows?view=sample").json()["rows"][0]["row"].clone();
    page.act(&json!({"action": "label", "row": sample, "labels": ["odd"], "blind": true}));
    page.label(12);
    let refused = page.post("/api/export", &json!({}));
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("`odd` is the label of a text in the test sample"), "{refused:?}");
    let other = page.next()["row"].clone();
    page.act(&json!({"action": "label", "row": other, "labels": ["odd"], "blind": true}));
    assert_eq!(page.post("/api/export", &json!({})).status, 200, "the remedy helps");
}

#[test]
fn what_was_acknowledged_outlives_the_process() {
    let folder = texts();
    let page = Page::open(&folder, &["days.csv", "--labels", "good,bad"]);
    page.label(10);
    let noted = page.next();
    page.act(&json!({"action": "note", "row": noted["row"], "note": "hm"}));
    let busy = folder.fail(&["label", "days.csv", "--no-open"]);
    assert!(busy.contains("another process is labelling in `days-labels`"), "{busy}");
    // Dropping it kills it.
    drop(page);
    let page = Page::open(&folder, &["days.csv"]);
    let project = page.project();
    assert_eq!(project["labels"].as_array().unwrap().len(), 2);
    let known = project["labelled"].as_u64().unwrap() + project["sample"]["labelled"].as_u64().unwrap();
    assert_eq!(known, 10);
    let notes = page.get("/api/rows?view=notes").json();
    assert_eq!((&notes["total"], &notes["rows"][0]["note"]), (&json!(1), &json!("hm")));
    let undone = page.post("/api/undo", &json!({})).json();
    assert_eq!(undone["next"]["row"], noted["row"], "the note was last");
    // Ctrl-C is an end like any other.
    let pid = page.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut page = page;
    assert_eq!(page.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = texts();
    let cloze = folder.command(&[]);
    // No file may grow beyond some kilobytes: writing fails as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" label days.csv --labels good,bad --no-open --json --annotator ann";
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(script).arg(cloze.get_program()).stdin(Stdio::null());
    limited.current_dir(folder.path("")).env("CLOZE_MODEL", crate::support::tiny_model());
    let page = Page::of(limited);
    let mut acknowledged = 0;
    let mut told = None;
    for _ in 0..60 {
        let next = page.next();
        let answer = page.post(
            "/api/act",
            &json!({"action": "label", "row": next["row"], "labels": ["good"], "model": "m".repeat(200), "blind": true}),
        );
        match answer.status {
            200 => acknowledged += 1,
            507 => told = Some(answer),
            other => panic!("{other}: {answer:?}"),
        }
    }
    let told = told.expect("the disk is full at some time");
    assert!(told.body.contains("cannot be written"), "{told:?}");
    drop(page);
    let log = folder.read("days-labels/labels.jsonl");
    assert!(log.ends_with('\n') && acknowledged > 3);
    assert_eq!(log.lines().filter(|line| line.contains("\"action\":\"label\"")).count(), acknowledged);
    // With room again, everything that was acknowledged is there.
    let page = Page::open(&folder, &["days.csv"]);
    let project = page.project();
    let known = project["labelled"].as_u64().unwrap() + project["sample"]["labelled"].as_u64().unwrap();
    assert_eq!(known as usize, acknowledged);
}

#[test]
fn what_a_table_said_is_known_when_options_or_columns_change() {
    let folder = Folder::empty();
    let table = labelled(60);
    let some: Vec<String> = table
        .lines()
        .enumerate()
        .map(
            |(number, line)| {
                if number > 30 { format!("{},", line.rsplit_once(',').unwrap().0) } else { line.to_owned() }
            },
        )
        .collect();
    folder.write("days.csv", some.join("\n") + "\n");
    let page = Page::open(&folder, &["days.csv", "--label", "label", "--text", "text", "--sample", "4"]);
    page.label(8);
    drop(page);
    // Without the option its labels are still there.
    let page = Page::open(&folder, &["days.csv", "--text", "text"]);
    let project = page.project();
    assert_eq!(project["labels"].as_array().unwrap().len(), 2, "{project}");
    assert_eq!(project["sample"]["of"], 4);
    drop(page);
    // A column more that counts as text would make other texts of all.
    let wider: Vec<String> = table.lines().map(|line| line.replace(" day ", " another day ")).collect();
    folder.write("days.csv", wider.join("\n") + "\n");
    let refused = folder.fail(&["label", "days.csv", "--text", "text", "--no-open"]);
    assert!(refused.contains("is there any more") && refused.contains("--text"), "{refused}");
}

#[test]
fn two_people_label_beside_each_other() {
    let folder = texts();
    let mut page = Page::open(&folder, &["days.csv", "--labels", "good,bad", "--sample", "0"]);
    let said = line(&mut page.lines);
    let second = page.enter(&said);
    let named = page.post_as(&second, "/api/annotator", &json!({"name": "bob"}));
    assert_eq!(named.json()["annotator"], "bob");
    let mut mine = Vec::new();
    for _ in 0..20 {
        mine.push(page.next()["row"].clone());
        let theirs = page.post_as(&second, "/api/next", &json!({})).json()["next"]["row"].clone();
        assert!(!mine.contains(&theirs));
    }
    let row = &mine[0];
    let label = |name: &str| json!({"action": "label", "row": row, "labels": [name], "blind": true});
    page.act(&label("good"));
    assert_eq!(page.post_as(&second, "/api/act", &label("bad")).status, 200);
    let disputed = page.get("/api/rows?view=disputed").json();
    assert_eq!(disputed["total"], 1, "{disputed}");
    assert_eq!(page.project()["labelled"], 0);
    let agreement = page.get("/api/trust").json()["agreement"].clone();
    assert_eq!((&agreement["texts"], &agreement["pairs"][0]["same"]), (&json!(1), &json!(0)));
    page.act(&json!({"action": "settle", "row": row, "labels": ["bad"]}));
    assert_eq!(page.project()["labelled"], 1);
}

#[test]
fn labels_suggestions_and_figures_are_asked_for_at_once() {
    let folder = texts();
    let page =
        Page::open(&folder, &["days.csv", "--labels", "good,bad", "--sample", "6", "--train-every", "0"]);
    // Each of these takes other locks while texts are still being read.
    std::thread::scope(|scope| {
        for number in 0..4 {
            let page = &page;
            scope.spawn(move || {
                for _ in 0..12 {
                    let next = page.next();
                    if next.is_null() {
                        return;
                    }
                    let row = next["row"].as_str().unwrap();
                    page.act(
                        &json!({"action": "label", "row": row, "labels": [right(&next)], "blind": true}),
                    );
                    assert_eq!(page.get(&format!("/api/suggestion?row={row}")).status, 200);
                    let path =
                        ["/api/trust", "/api/project", "/api/rows?view=suspicious", "/api/rows?view=wrong"]
                            [number];
                    assert_eq!(page.get(path).status, 200, "{path}");
                    if number == 0 {
                        page.act(&json!({"action": "describe-label", "label": "good", "words": row}));
                    }
                }
            });
        }
    });
    let project = page.project();
    let known = project["labelled"].as_u64().unwrap() + project["sample"]["labelled"].as_u64().unwrap();
    assert_eq!(known, 48);
}

#[test]
fn a_task_begins_with_its_labels() {
    let folder = Folder::new();
    let page = Page::open(&folder, &["task.toml"]);
    let project = page.project();
    assert_eq!(project["labelled"], 8);
    assert_eq!(
        project["sample"],
        json!({"labelled": 20, "of": 20, "left": 0}),
        "its test rows are the sample"
    );
    let names: Vec<&str> =
        project["labels"].as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["good", "bad"]);
    let next = page.next();
    page.act(&json!({"action": "label", "row": next["row"], "labels": ["good"], "blind": true}));
    let written = page.post("/api/export", &json!({}));
    assert_eq!(written.status, 200, "{written:?}");
    assert_eq!(folder.read("task-labels/labelled.csv").lines().count(), 10);
    let task = folder.read("task-labels/task.toml");
    assert!(task.contains("great") && task.contains("steps = 6"), "{task}");
    folder.succeed(&["check", "task-labels/task.toml"]);
    // What a person has changed stays.
    folder.write("task-labels/task.toml", task.replace("steps = 6", "steps = 7"));
    let refused = page.post("/api/export", &json!({}));
    assert!(refused.status == 409 && refused.body.contains("was changed by somebody"), "{refused:?}");
    assert!(folder.read("task-labels/task.toml").contains("steps = 7"));
}

#[test]
fn several_labels_are_a_set() {
    let folder = texts();
    let page =
        Page::open(&folder, &["days.csv", "--multi-label", "--labels", "warm,wet,dark", "--sample", "0"]);
    for number in 0..16 {
        let row = page.next()["row"].clone();
        let labels: &[&str] = [&["warm"][..], &["wet", "dark"], &[], &["warm", "wet"]][number % 4];
        page.act(&json!({"action": "label", "row": row, "labels": labels, "blind": false}));
    }
    let written = page.post("/api/export", &json!({}));
    assert_eq!(written.status, 200, "{written:?}");
    let table = folder.read("days-labels/labelled.csv");
    assert!(table.contains("[\"\"wet\"\",\"\"dark\"\"]") && table.contains(",[]\n"), "{table}");
    let checked = folder.json(&["check", "days-labels/task.toml"]);
    assert!(checked.to_string().contains("warm"), "{checked}");
}

#[test]
fn others_get_nothing_and_change_nothing() {
    let folder = texts();
    let page = Page::open(&folder, &["days.csv", "--labels", "good,bad"]);
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        http::ask(&page.address, &page.address, method, path, headers, body).status
    };
    let cookie = ("Cookie", page.cookie.as_str());
    let json = ("Content-Type", "application/json");
    let own = format!("http://{}", page.address);
    let add = r#"{"action":"add-label","label":"x","words":""}"#;
    assert_eq!(ask("GET", "/", &[], ""), 401);
    assert_eq!(ask("GET", "/api/project", &[], ""), 401);
    assert_eq!(ask("GET", "/api/download?what=labels.csv", &[("Cookie", "cloze=1")], ""), 401);
    assert_eq!(ask("GET", "/start?token=0123", &[], ""), 401);
    assert_eq!(ask("GET", "/", &[cookie, ("Host", "evil.test")], ""), 403);
    assert_eq!(ask("GET", "/", &[cookie, ("Host", "localhost:1")], ""), 403);
    assert_eq!(ask("POST", "/api/act", &[cookie, json], add), 403);
    assert_eq!(ask("POST", "/api/act", &[cookie, json, ("Origin", "http://evil.test")], add), 403);
    let cross = [cookie, json, ("Origin", own.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(ask("POST", "/api/act", &cross, add), 403);
    // What comes from the page and is wrong is refused with words.
    let from_page = [cookie, json, ("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let refused = |path: &str, body: &str| ask("POST", path, &from_page, body);
    assert_eq!(refused("/api/act", "{"), 400);
    assert_eq!(refused("/api/act", r#"{"action":"fly"}"#), 422);
    assert_eq!(refused("/api/act", r#"{"action":"sample","rows":[]}"#), 409);
    assert_eq!(refused("/api/act", r#"{"action":"undo","undoes":1}"#), 409);
    assert_eq!(refused("/api/act", r#"{"action":"skip","row":"../../etc/passwd"}"#), 409);
    assert_eq!(refused("/api/act", &format!(r#"{{"action":"skip","row":"{}"}}"#, "0".repeat(70_000))), 413);
    assert_eq!(refused("/api/annotator", r#"{"name":" "}"#), 409);
    assert_eq!(ask("GET", "/api/download?what=../task.toml", &from_page, ""), 404);
    assert_eq!(ask("GET", "/api/suggestion?row=zz", &from_page, ""), 409);
    assert_eq!(ask("GET", "/%2e%2e/etc/passwd", &from_page, ""), 404);
    let page_itself = page.get("/");
    assert_eq!(page_itself.status, 200);
    assert!(page_itself.head.contains("content-security-policy: default-src 'none'"), "{page_itself:?}");
    assert_eq!(page.project()["labels"].as_array().unwrap().len(), 2, "nothing was changed");
}

#[test]
fn people_sign_in_and_label_as_themselves() {
    let folder = texts();
    let added = folder.json(&["users", "people", "ann", "bob"]);
    let password = |user: usize| added["users"][user]["password"].as_str().unwrap().to_owned();
    assert!(folder.fail(&["users", "people", "ann"]).contains("`ann` is in `people` already"));
    let words = [
        "label",
        "days.csv",
        "--labels",
        "good,bad",
        "--sample",
        "0",
        "--no-open",
        "--json",
        "--users",
        "people",
    ];
    let more = ["--listen", "0.0.0.0:0", "--host", "label.example.org"];
    let mut child = folder
        .command(&[&words[..], &more[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let url = line(&mut lines)["url"].as_str().unwrap().to_owned();
    let port = url.trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    let address = format!("127.0.0.1:{port}");
    let page = Page { child, lines, address: address.clone(), cookie: String::new() };

    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        http::ask(&address, &address, method, path, headers, body)
    };
    let own = format!("http://{address}");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let sign_in = |origin: &str, name: &str, password: &str| {
        ask("POST", "/sign-in", &[form, ("Origin", origin)], &format!("name={name}&password={password}"))
    };
    let asked = ask("GET", "/", &[], "");
    assert!(asked.status == 401 && asked.body.contains("Sign in to label"), "{asked:?}");
    assert_eq!(ask("GET", "/api/project", &[], "").status, 401);
    assert_eq!(ask("GET", "/", &[("Host", "evil.test")], "").status, 403);
    assert_eq!(ask("GET", "/", &[("Host", "label.example.org")], "").status, 401);
    assert_eq!(sign_in("http://evil.test", "ann", &password(0)).status, 403);
    for (name, word) in [("ann", password(1)), ("eve", password(0)), ("ann", String::new())] {
        let refused = sign_in(&own, name, &word);
        assert!(refused.status == 401 && refused.body.contains("alert\" class=\"wrong\">"), "{refused:?}");
    }
    assert_eq!(ask("POST", "/sign-in", &[form, ("Origin", &own)], "name=ann").status, 401);

    let let_in = sign_in(&own, "ann", &password(0));
    assert_eq!(let_in.status, 303, "{let_in:?}");
    assert!(!let_in.head.contains("secure"), "{let_in:?}");
    let cookie_of = |answer: &Answer| {
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let ann = cookie_of(&let_in);
    let encrypted = sign_in("https://label.example.org", "bob", &password(1));
    assert!(encrypted.head.contains("; secure"), "{encrypted:?}");
    let bob = cookie_of(&encrypted);
    let project = |cookie: &str| ask("GET", "/api/project", &[("Cookie", cookie)], "");
    assert_eq!(project(&ann).json()["annotator"], "ann");
    assert_eq!(
        (project(&bob).json()["annotator"].clone(), project(&bob).json()["signs_in"].clone()),
        (json!("bob"), json!(true))
    );
    let renamed = page.post_as(&bob, "/api/annotator", &json!({"name": "ann"}));
    assert_eq!(renamed.status, 409, "nobody labels as somebody else: {renamed:?}");
    let next = page.post_as(&bob, "/api/next", &json!({})).json()["next"].clone();
    let labelled = json!({"action": "label", "row": next["row"], "labels": ["good"], "blind": true});
    assert_eq!(page.post_as(&bob, "/api/act", &labelled).status, 200);
    let log = folder.read("days-labels/labels.jsonl");
    assert!(log.lines().last().unwrap().contains(r#""annotator":"bob""#), "{log}");
    assert_eq!(page.post_as(&ann, "/sign-out", &json!({})).status, 204);
    assert_eq!(project(&ann).status, 401);
    assert_eq!(project(&bob).status, 200);
}

#[test]
fn what_cannot_be_labelled_is_told() {
    let folder = texts();
    folder.write("empty.csv", "text\n");
    folder.write("numbers.csv", "a,b\n1,2\n");
    let fail = |words: &[&str]| folder.fail(&[&["label"], words, &["--no-open"]].concat());
    assert!(fail(&["gone.csv"]).contains("gone.csv"));
    assert!(fail(&["empty.csv"]).contains("there is no text to label"));
    assert!(fail(&["days.csv", "--label", "team"]).contains("there is no column `team`"));
    assert!(fail(&["days.csv", "--text", "body"]).contains("there is no column `body`"));
    assert!(fail(&["-"]).contains("cannot be read from standard input"));
    let open = fail(&["days.csv", "--listen", "0.0.0.0:0"]);
    assert!(open.contains("other machines could read the texts") && open.contains("ssh -L"), "{open}");
    folder.write("people", "ann:secret\n");
    assert!(fail(&["days.csv", "--users", "people"]).contains("line 1 of `people`"));
    assert!(fail(&["days.csv", "--users", "nobody"]).contains("nobody"));
    assert!(fail(&["days.csv", "--labels", "a,A"]).contains("cannot be a label"));
    let file = fail(&["days.csv", "-o", "people"]);
    assert!(file.contains("`people` is a file") && file.contains("-o days-labels"), "{file}");
    let output = folder.run(&["label", "days.csv", "--listen", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`8642` or `127.0.0.1:8642`"), "{output:?}");
    folder.write("days.xlsx", b"PK\x03\x04....[Content_Types].xml");
    let sheet = fail(&["days.xlsx"]);
    assert!(sheet.contains("Excel workbook") && sheet.contains("CSV") && !sheet.contains("init"), "{sheet}");
}

#[test]
fn what_may_surprise_is_said_at_the_beginning() {
    let folder = Folder::empty();
    let row = "the bus was late again today,complaint\n";
    folder.write("rows.csv", format!("thank you for your help with it,complaint\n{row}{row} ,praise\n"));
    let mut page = Page::open(&folder, &["rows.csv", "--labels", "good,bad"]);
    let _ = page.child.kill();
    let mut said = String::new();
    std::io::Read::read_to_string(page.child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert!(said.contains("the first line was taken for the names of the columns"), "{said}");
    assert!(said.contains("1 row with the text of another"), "{said}");
    assert!(said.contains("1 row without text, left out"), "{said}");
}
