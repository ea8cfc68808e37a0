//! Tests of the run directory's guarantees.

use std::fs;
use std::path::Path;

use miette::Diagnostic;

use super::{Error, Id, RunDir};
use crate::run::event::Event;

fn begin(runs: &Path, task: &str) -> RunDir {
    RunDir::begin(runs, "support", &Id::of(&task), "format = 1\n").unwrap()
}

fn finish(run: &RunDir, name: &str, id: &Id, text: &str) {
    let draft = run.draft(name).unwrap();
    draft.write("logits.csv", text.as_bytes()).unwrap();
    draft.write("model/config.json", b"{}").unwrap();
    draft.finish(id, 1.0).unwrap();
}

#[test]
fn a_job_is_there_when_it_is_finished_and_not_before() {
    let runs = tempfile::tempdir().unwrap();
    let run = begin(runs.path(), "task");
    let id = Id::of(&"job");
    let draft = run.draft("g0/p0-s0").unwrap();
    draft.write("logits.csv", b"a,b\n").unwrap();
    assert!(run.finished("g0/p0-s0", &id).unwrap().is_none());
    draft.finish(&id, 1.0).unwrap();
    let job = run.finished("g0/p0-s0", &id).unwrap().unwrap();
    assert_eq!(job.read("logits.csv").unwrap(), b"a,b\n");
}

#[test]
fn what_a_killed_process_has_left_unfinished_is_removed() {
    let runs = tempfile::tempdir().unwrap();
    let run = begin(runs.path(), "task");
    finish(&run, "g0/p0-s0", &Id::of(&"job"), "kept");
    run.draft("g0/p1-s0").unwrap().write("logits.csv", b"half").unwrap();
    run.draft("probe").unwrap().write("probe.json", b"half").unwrap();
    fs::write(run.dir().join("results.json.tmp"), "half").unwrap();
    let dir = run.dir().to_owned();
    drop(run);
    let run = begin(runs.path(), "task");
    assert_eq!(run.dir(), dir);
    assert!(!dir.join("g0/p1-s0.tmp").exists() && !dir.join("probe.tmp").exists());
    assert!(!dir.join("results.json.tmp").exists());
    assert!(run.job("g0/p0-s0").unwrap().is_some());
}

#[test]
fn two_processes_do_not_work_in_the_same_run() {
    let runs = tempfile::tempdir().unwrap();
    let first = begin(runs.path(), "task");
    let second = RunDir::begin(runs.path(), "support", &Id::of(&"task"), "");
    assert!(matches!(second, Err(Error::Busy { .. })));
    drop(first);
    begin(runs.path(), "task");
}

#[test]
fn a_changed_file_of_a_finished_job_is_noticed_when_it_is_read() {
    let runs = tempfile::tempdir().unwrap();
    let run = begin(runs.path(), "task");
    let id = Id::of(&"job");
    finish(&run, "g0/p0-s0", &id, "a,b\n1,2\n");
    let file = run.dir().join("g0/p0-s0/logits.csv");

    fs::write(&file, "a,b\n1,").unwrap();
    let error = run.finished("g0/p0-s0", &id).unwrap().unwrap().read("logits.csv").unwrap_err();
    assert!(error.to_string().contains("logits.csv` is damaged: it has 6 bytes, 8 were written"), "{error}");
    assert!(error.help().unwrap().to_string().starts_with("delete the directory"));

    fs::write(&file, "a,b\n1,3\n").unwrap();
    let error = run.finished("g0/p0-s0", &id).unwrap().unwrap().verify().unwrap_err().to_string();
    assert!(error.contains("its content is not what was written"), "{error}");

    fs::remove_file(&file).unwrap();
    let error = run.finished("g0/p0-s0", &id).unwrap().unwrap().verify().unwrap_err().to_string();
    assert!(error.contains("it is missing"), "{error}");

    fs::write(run.dir().join("g0/p0-s0/job.json"), "{").unwrap();
    assert!(matches!(run.finished("g0/p0-s0", &id), Err(Error::Damaged { .. })));
}

#[test]
fn a_job_is_taken_over_from_an_earlier_run_of_the_same_name() {
    let runs = tempfile::tempdir().unwrap();
    let earlier = begin(runs.path(), "task");
    let id = Id::of(&"job");
    finish(&earlier, "g0/p0-s0", &id, "scores");
    let run = begin(runs.path(), "changed task");
    assert!(run.adopt("g0/p0-s0", &Id::of(&"changed job")).unwrap().is_none());
    let (job, from) = run.adopt("g0/p1-s0", &id).unwrap().unwrap();
    assert_eq!(earlier.dir().file_name().unwrap().to_str().unwrap(), from);
    assert_eq!(job.record().job, "g0/p1-s0");
    assert_eq!(job.read("logits.csv").unwrap(), b"scores");
    assert_eq!(job.read("model/config.json").unwrap(), b"{}");
    fs::remove_dir_all(earlier.dir()).unwrap();
    job.verify().unwrap();
}

#[test]
fn a_damaged_job_of_an_earlier_run_is_not_taken_over() {
    let runs = tempfile::tempdir().unwrap();
    let earlier = begin(runs.path(), "task");
    let id = Id::of(&"job");
    finish(&earlier, "g0/p0-s0", &id, "scores");
    fs::write(earlier.dir().join("g0/p0-s0/logits.csv"), "score5").unwrap();
    assert!(begin(runs.path(), "changed task").adopt("g0/p0-s0", &id).unwrap().is_none());
}

#[test]
fn a_torn_last_event_is_cut_off() {
    let runs = tempfile::tempdir().unwrap();
    let mut run = begin(runs.path(), "task");
    run.log(&Event::warning("first")).unwrap();
    let file = run.dir().join("events.jsonl");
    drop(run);
    fs::write(&file, [fs::read(&file).unwrap(), b"{\"format\":1,\"ti".to_vec()].concat()).unwrap();
    let mut run = begin(runs.path(), "task");
    run.log(&Event::warning("second")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["message"], "second");
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs");
    fs::write(&file, "not a directory").unwrap();
    let error = RunDir::begin(&file, "support", &Id::of(&"task"), "").unwrap_err().to_string();
    assert!(error.starts_with("cannot create `"), "{error}");
}

#[test]
fn a_full_disk_tells_what_to_do() {
    let source = std::io::ErrorKind::StorageFull.into();
    let error = Error::Io { action: "write", path: "runs/a/results.json".into(), source };
    assert_eq!(
        error.help().unwrap().to_string(),
        "free some space and run the same command again; finished jobs are kept"
    );
}

#[test]
fn a_directory_that_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(RunDir::open(folder.path()), Err(Error::NotARun { .. })));
}
