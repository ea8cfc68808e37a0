//! Tests of the run directory's guarantees.

use std::fs;
use std::path::Path;

use miette::Diagnostic;

use super::{Claimed, Error, Id, LEASE, RunDir};
use crate::run::event::Event;

fn begin(runs: &Path, task: &str) -> RunDir {
    RunDir::begin(runs, "support", &Id::of(&task), "format = 1\n", LEASE).unwrap()
}

fn finish(run: &RunDir, name: &str, id: &Id, text: &str) {
    let draft = run.draft(name, id).unwrap();
    draft.write("logits.csv", text.as_bytes()).unwrap();
    draft.write("model/config.json", b"{}").unwrap();
    draft.finish(id, 1.0).unwrap();
}

#[test]
fn a_job_is_there_when_it_is_finished_and_not_before() {
    let runs = tempfile::tempdir().unwrap();
    let run = begin(runs.path(), "task");
    let id = Id::of(&"job");
    let draft = run.draft("g0/p0-s0", &id).unwrap();
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
    let id = Id::of(&"other");
    run.draft("g0/p1-s0", &id).unwrap().write("logits.csv", b"half").unwrap();
    run.draft("probe", &id).unwrap().write("probe.json", b"half").unwrap();
    let dir = run.dir().to_owned();
    fs::write(dir.join("results.json.1a2b3c4d.tmp"), "half").unwrap();
    // As earlier versions called them.
    fs::write(dir.join("insight.json.tmp"), "half").unwrap();
    fs::create_dir(dir.join("g0/p2-s0.tmp")).unwrap();
    fs::write(dir.join("notes.tmp"), "a person's").unwrap();
    let unfinished = |dir: &Path| {
        super::entries(dir)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "tmp"))
            .count()
    };
    assert_eq!((unfinished(&dir), unfinished(&dir.join("g0"))), (4, 2));
    drop(run);
    let run = begin(runs.path(), "task");
    assert_eq!(run.dir(), dir);
    assert_eq!((unfinished(&dir), unfinished(&dir.join("g0"))), (1, 0));
    assert!(run.job("g0/p0-s0").unwrap().is_some());
}

#[test]
fn of_two_processes_in_a_run_one_does_a_job() {
    let runs = tempfile::tempdir().unwrap();
    let (first, second) = (begin(runs.path(), "task"), begin(runs.path(), "task"));
    let id = Id::of(&"job");
    let Claimed::Mine(claim) = first.claim(&id).unwrap() else { panic!("nobody else has asked") };
    let Claimed::Theirs(worker) = second.claim(&id).unwrap() else { panic!("the first is at work") };
    let status = second.status().unwrap();
    assert_eq!(status.workers.iter().filter(|found| found.worker == worker && found.alive).count(), 1);
    assert_eq!(status.workers.len(), 2);
    assert!(matches!(second.claim(&Id::of(&"other")).unwrap(), Claimed::Mine(_)));
    drop(claim);
    assert!(matches!(second.claim(&id).unwrap(), Claimed::Mine(_)));
}

#[test]
fn what_a_process_does_not_finish_is_done_by_another() {
    let runs = tempfile::tempdir().unwrap();
    let (first, second) = (begin(runs.path(), "task"), begin(runs.path(), "task"));
    let id = Id::of(&"job");
    let claim = first.claim(&id).unwrap();
    // As if it were killed: neither the claim nor the draft is given back.
    let Claimed::Mine(claim) = claim else { panic!("nobody else has asked") };
    first.draft("g0/p0-s0", &id).unwrap().write("logits.csv", b"half").unwrap();
    std::mem::forget(claim);
    drop(first);
    let Claimed::Mine(_claim) = second.claim(&id).unwrap() else { panic!("the first is gone") };
    finish(&second, "g0/p0-s0", &id, "scores");
    assert_eq!(second.job("g0/p0-s0").unwrap().unwrap().read("logits.csv").unwrap(), b"scores");
    assert!(matches!(begin(runs.path(), "task").claim(&id).unwrap(), Claimed::Theirs(_)));
}

#[test]
fn of_many_that_ask_at_once_one_gets_the_job() {
    let runs = tempfile::tempdir().unwrap();
    let workers: Vec<RunDir> = (0..16).map(|_| begin(runs.path(), "task")).collect();
    for round in 0..20 {
        let id = Id::of(&round);
        let claims: Vec<Claimed> = std::thread::scope(|scope| {
            let asking: Vec<_> = workers.iter().map(|run| scope.spawn(|| run.claim(&id).unwrap())).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(claims.iter().filter(|claim| matches!(claim, Claimed::Mine(_))).count(), 1);
    }
}

#[test]
fn a_silent_process_loses_its_job_and_still_may_finish_it() {
    let runs = tempfile::tempdir().unwrap();
    let (paused, other) = (begin(runs.path(), "task"), begin(runs.path(), "task"));
    let id = Id::of(&"job");
    let Claimed::Mine(_held) = paused.claim(&id).unwrap() else { panic!("nobody else has asked") };
    let draft = paused.draft("probe", &id).unwrap();
    draft.write("logits.csv", b"scores").unwrap();
    // Its file as it would be were it not heard of for an hour.
    let worker = paused.worker().to_owned();
    let file = runs.path().join(".workers").join(format!("{worker}.worker"));
    let hour = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().write(true).open(&file).unwrap().set_modified(hour).unwrap();
    let Claimed::Mine(_claim) = other.claim(&id).unwrap() else {
        panic!("the first has been silent for long")
    };
    finish(&other, "probe", &id, "scores");
    let late = draft.finish(&id, 2.0).unwrap();
    assert_eq!(late.record().seconds, 1.0);
    assert_eq!(late.read("logits.csv").unwrap(), b"scores");
    assert!(super::entries(paused.dir()).iter().all(|path| path.extension().is_none_or(|end| end != "tmp")));
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
fn every_process_writes_its_events_to_a_file_of_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let mut run = begin(runs.path(), "task");
    run.log(&Event::warning("first")).unwrap();
    let folder = run.dir().join("events");
    drop(run);
    let mut run = begin(runs.path(), "task");
    run.log(&Event::warning("second")).unwrap();
    let mut messages: Vec<String> = super::entries(&folder)
        .iter()
        .map(|file| {
            let line: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
            line["message"].as_str().unwrap().to_owned()
        })
        .collect();
    messages.sort();
    assert_eq!(messages, ["first", "second"]);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs");
    fs::write(&file, "not a directory").unwrap();
    let error = RunDir::begin(&file, "support", &Id::of(&"task"), "", LEASE).unwrap_err().to_string();
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
