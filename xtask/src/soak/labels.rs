//! `cloze label` while people label: what the page has been told is kept has to be in the log, whenever the process was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Soak;
use super::command::LONGEST;
use super::folder::{self, right};
use super::moments::{MEASURED_FOR, Moments};
use super::tally::{FAILED, KILLED, SAME, Tally};

/// What is typed.
const WORDS: [&str; 10] = [
    "label",
    "days.csv",
    "--labels",
    "good,bad",
    "--sample",
    "8",
    "--train-every",
    "0",
    "--annotator",
    "ann",
];

/// Texts that are labelled.
const TEXTS: usize = 90;

/// Browsers that label at the same time.
const CLIENTS: usize = 3;

/// What a log says: the label of each text.
type Labels = BTreeMap<String, String>;

/// What happened while a process ran.
#[derive(Default)]
struct Session {
    /// Texts whose labels the page was told are kept.
    acknowledged: Mutex<BTreeSet<String>>,
    /// Browsers that found nothing left to be labelled. Others may still label what they were given.
    done: AtomicUsize,
}

impl Session {
    /// Whether everything is labelled.
    fn is_complete(&self) -> bool {
        self.done.load(Ordering::Relaxed) == CLIENTS
    }
}

/// Kills so many processes, and looks for every label that was acknowledged; all texts are labelled in the end.
pub(super) fn run(soak: &mut Soak, kills: u64) -> Result<Tally, String> {
    let folder = soak.folder.join("labelled");
    let mut tally = Tally::of(&[KILLED, "ended before", "logs", "labels acknowledged"]);
    if kills == 0 {
        return Ok(tally);
    }
    let mut lasted = undisturbed(soak, &folder)?;
    let mut measured = Instant::now();
    let whole = log(&folder)?;
    if whole.len() != TEXTS {
        return Err(format!("label: {} of {TEXTS} texts are labelled undisturbed", whole.len()));
    }
    while tally.get(KILLED) < kills && !soak.is_over() {
        if measured.elapsed() > MEASURED_FOR {
            lasted = undisturbed(soak, &folder)?;
            measured = Instant::now();
        }
        begin(&folder)?;
        let mut moments = Moments::new(soak, lasted, kills - tally.get(KILLED));
        let mut kept = BTreeSet::new();
        let mut problem = None;
        while problem.is_none() {
            let moment = moments.draw(soak);
            let session = label(soak, &folder, moment.unwrap_or(LONGEST))?;
            let is_complete = session.is_complete();
            // Nobody panics while it is held.
            kept.extend(session.acknowledged.into_inner().unwrap_or_default());
            problem = lost(&folder, &kept).err();
            match moment {
                Some(_) if is_complete => {
                    tally.add("ended before");
                    break;
                }
                Some(moment) => moments.killed(soak, &mut tally, moment),
                None => break,
            }
        }
        tally.add("logs");
        tally.add_many("labels acknowledged", kept.len() as u64);
        let problem = problem.or_else(|| match log(&folder) {
            Ok(found) if found == whole => None,
            Ok(found) => {
                Some(format!("{} texts are labelled, or labelled otherwise, in the end", found.len()))
            }
            Err(problem) => Some(problem),
        });
        let Some(problem) = problem else {
            tally.add(SAME);
            continue;
        };
        tally.add(FAILED);
        let moments: Vec<String> =
            moments.past().iter().map(|moment| format!("{:.4} s", moment.as_secs_f64())).collect();
        let words = WORDS.join(" ");
        let again = format!(
            "cloze {words}, labelled over HTTP by {CLIENTS} clients and killed after {}",
            moments.join(", ")
        );
        soak.fail(&folder, &format!("label: {problem}"), &again);
    }
    Ok(tally)
}

/// Labels all texts with one process, and says how long that takes.
fn undisturbed(soak: &Soak, folder: &Path) -> Result<Duration, String> {
    begin(folder)?;
    let began = Instant::now();
    label(soak, folder, LONGEST)?;
    Ok(began.elapsed())
}

fn begin(folder: &Path) -> Result<(), String> {
    folder::anew(folder)?;
    folder::write(folder, "days.csv", &folder::texts(0..TEXTS))
}

/// Starts a process, labels over HTTP until nothing is left or the time is over, and kills it.
fn label(soak: &Soak, folder: &Path, duration: Duration) -> Result<Session, String> {
    let mut command = soak.command(folder, &WORDS);
    command.arg("--no-open").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cannot run the command: {error}"))?;
    let Some(output) = child.stdout.take() else { return Err("the command has no output".into()) };
    let session = Session::default();
    let ending = thread::scope(|scope| {
        let clients = scope.spawn(|| clients(&session, output));
        wait(&mut child, duration, || clients.is_finished())
    });
    let ended = ending.map_err(|error| format!("cannot kill the command: {error}"))?;
    match (ended, session.is_complete()) {
        (true, _) => Err("`cloze label` has ended by itself".into()),
        (false, false) if duration == LONGEST => Err("`cloze label` no longer answers".into()),
        (false, _) => Ok(session),
    }
}

/// Waits until the time is over or everything is done, and kills the process. Whether it had ended before that.
fn wait(child: &mut Child, duration: Duration, done: impl Fn() -> bool) -> std::io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < duration && !done() {
        thread::sleep(Duration::from_millis(1).min(duration.saturating_sub(began.elapsed())));
    }
    let ended = child.try_wait()?.is_some();
    child.kill()?;
    child.wait()?;
    Ok(ended)
}

/// Opens the page and labels, several at the same time, until nothing is left or the process is gone.
fn clients(session: &Session, output: ChildStdout) -> Option<()> {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).ok()?;
    let said: Value = serde_json::from_str(&line).ok()?;
    let (address, path) = said["url"].as_str()?.strip_prefix("http://")?.split_once('/')?;
    let opened = ask(address, &format!("GET /{path}"), "", "")?;
    let cookie = opened.lines().find_map(|line| line.strip_prefix("set-cookie: "))?.split(';').next()?;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| client(session, address, cookie));
        }
    });
    Some(())
}

/// Labels one text after the other.
fn client(session: &Session, address: &str, cookie: &str) -> Option<()> {
    loop {
        let answer = ask(address, "POST /api/next", cookie, "{}")?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let body: Value = serde_json::from_str(body).ok()?;
        let next = &body["next"];
        let Some(row) = next["row"].as_str() else {
            session.done.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let label = right(next["values"][0].as_str()?);
        let action = json!({"action": "label", "row": row, "labels": [label], "blind": true});
        let answer = ask(address, "POST /api/act", cookie, &action.to_string())?;
        if answer.starts_with("HTTP/1.1 200 ") {
            session.acknowledged.lock().ok()?.insert(row.to_owned());
        }
    }
}

/// What a server on this machine answers, whole; `None` if it does not.
fn ask(address: &str, what: &str, cookie: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let length = body.len();
    write!(
        stream,
        "{what} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.contains("\r\n\r\n").then_some(answer)
}

/// Fails if a text that the page was told of is not in the log.
fn lost(folder: &Path, acknowledged: &BTreeSet<String>) -> Result<(), String> {
    let found = log(folder)?;
    match acknowledged.iter().filter(|row| !found.contains_key(*row)).count() {
        0 => Ok(()),
        lost => Err(format!("{lost} labels that were acknowledged are not in `labels.jsonl`")),
    }
}

/// What the log says. A last line that is not whole has been acknowledged to nobody.
fn log(folder: &Path) -> Result<Labels, String> {
    let path = folder.join("days-labels/labels.jsonl");
    // A process that was killed early has not begun it.
    let bytes = if path.exists() { fs::read(&path).map_err(|error| error.to_string())? } else { Vec::new() };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut labels = Labels::new();
    for (number, line) in
        bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate()
    {
        let event: Value = serde_json::from_slice(line)
            .map_err(|error| format!("`labels.jsonl`, line {}: {error}", number + 1))?;
        if event["seq"] != number + 1 {
            return Err(format!("`labels.jsonl`, line {}: `seq` is {}", number + 1, event["seq"]));
        }
        if let (Some(row), Some(label)) = (event["row"].as_str(), event["labels"][0].as_str()) {
            labels.insert(row.to_owned(), label.to_owned());
        }
    }
    Ok(labels)
}
