//! No file that somebody has made is replaced unless asked, and some not even then.

use std::fs;

use proptest::prelude::*;

use crate::advice::{Answer, answer, trained};
use crate::support::Folder;

#[test]
fn a_file_that_is_there_is_replaced_only_if_asked() {
    let (folder, run) = trained();
    folder.write("mine.csv", "hours of work\n");
    let found = answer(&folder, &["predict", &run, "unlabeled.csv", "-o", "mine.csv"]);
    found.says("`mine.csv` already exists").advises("`--force`");
    assert_eq!(folder.read("mine.csv"), "hours of work\n");
    folder.succeed(&["predict", &run, "unlabeled.csv", "-o", "mine.csv", "--force"]);
    assert!(folder.read("mine.csv").starts_with("text,prediction,p_good,p_bad\n"));
    folder.succeed(&["predict", &run, "unlabeled.csv", "-o", "other.csv"]);
    // Drafts have names that nobody else has.
    folder.write("third.csv.tmp", "hours of work\n");
    folder.succeed(&["predict", &run, "unlabeled.csv", "-o", "third.csv"]);
    assert_eq!(folder.read("third.csv.tmp"), "hours of work\n");
    let left = fs::read_dir(folder.path("")).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".cloze-")));
}

#[test]
fn the_input_the_data_and_the_run_are_never_written_to() {
    let (folder, run) = trained();
    folder.write("in.csv", "text\nthe sun\n");
    fs::create_dir(folder.path("sub")).unwrap();
    let mut names: Vec<String> =
        ["in.csv", "./in.csv", "sub/../in.csv", "labelled.csv", "unlabeled.csv", "test.csv", "task.toml"]
            .map(str::to_owned)
            .into();
    for inside in [
        "run.toml",
        "results.json",
        "report.html",
        "events/new.csv",
        "final/model.safetensors",
        "final/new.csv",
        "new.csv",
    ] {
        names.push(format!("{run}/{inside}"));
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("in.csv", folder.path("link.csv")).unwrap();
        fs::hard_link(folder.path("labelled.csv"), folder.path("hard.csv")).unwrap();
        fs::hard_link(folder.path("task.toml"), folder.path("task.csv")).unwrap();
        std::os::unix::fs::symlink(&run, folder.path("linked-run")).unwrap();
        names.extend(
            ["link.csv", "hard.csv", "task.csv", "linked-run/run.toml", "linked-run/new.csv"]
                .map(str::to_owned),
        );
    }
    let before: Vec<Option<Vec<u8>>> = names.iter().map(|name| fs::read(folder.path(name)).ok()).collect();
    for name in &names {
        for args in [
            vec!["predict", &run, "in.csv", "-o", name],
            vec!["predict", &run, "in.csv", "-o", name, "--force"],
        ] {
            let Answer { message, .. } = answer(&folder, &args);
            // Some names promise what is not written anyway.
            assert!(
                message.contains("must not be overwritten") || message.contains("cannot write ."),
                "{message}"
            );
        }
    }
    let after: Vec<Option<Vec<u8>>> = names.iter().map(|name| fs::read(folder.path(name)).ok()).collect();
    assert!(before == after);
    for name in ["in.csv", "./in.csv"] {
        let args = ["init", "in.csv", "--label", "text", "-o", name, "--force"];
        answer(&folder, &args).says("a task file is TOML, but `");
    }
    folder.write("in", "text\nthe sun\n");
    answer(&folder, &["init", "in", "--label", "text", "-o", "./in", "--force"])
        .says("must not be overwritten");
    assert_eq!(folder.read("in"), "text\nthe sun\n");
    answer(&folder, &["predict", &run, "in.csv", "-o", "sub"]).says("`sub` is a directory");
}

#[test]
fn the_file_behind_standard_input_is_the_input() {
    let (folder, run) = trained();
    folder.write("in.csv", "text\nthe sun\n");
    let stdin = || fs::File::open(folder.path("in.csv")).unwrap();
    let args = ["predict", &run, "-", "-o", "in.csv", "--force"];
    let output = folder.command(&args).stdin(stdin()).output().unwrap();
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().contains("is the input"));
    let out = fs::File::options().append(true).open(folder.path("in.csv")).unwrap();
    let output = folder.command(&["predict", &run, "-"]).stdin(stdin()).stdout(out).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(folder.read("in.csv"), "text\nthe sun\n");
}

#[test]
fn the_task_that_was_typed_and_the_data_beside_a_moved_run_are_not_written_to() {
    let (folder, run) = trained();
    folder.write("in.csv", "text\nthe sun\n");
    folder.write("more.csv", "text,label\nthe light,good\n");
    folder.write(
        "mytask",
        folder.read("task.toml").replace("\"labelled.csv\"", "[\"labelled.csv\", \"more.csv\"]"),
    );
    for name in ["more.csv", "mytask"] {
        let before = folder.read(name);
        answer(&folder, &["predict", "mytask", "in.csv", "-o", name, "--force"])
            .says("must not be overwritten");
        assert_eq!(folder.read(name), before);
    }
    let project = folder.path("moved");
    fs::create_dir(&project).unwrap();
    for name in ["task.toml", "labelled.csv", "unlabeled.csv", "test.csv", "runs"] {
        fs::rename(folder.path(name), project.join(name)).unwrap();
    }
    for name in ["labelled.csv", "unlabeled.csv", "test.csv", "task.toml"] {
        let name = format!("moved/{name}");
        let before = folder.read(&name);
        for run in [format!("moved/{run}"), "moved/task.toml".to_owned()] {
            let found = answer(&folder, &["predict", &run, "in.csv", "-o", &name, "--force"]);
            assert!(
                found.message.contains("must not be overwritten") || found.message.contains("cannot write ."),
                "{}",
                found.message
            );
        }
        assert_eq!(folder.read(&name), before);
    }
}

#[test]
fn training_removes_nothing_that_it_has_not_made() {
    let (folder, run) = trained();
    for name in [
        "notes.tmp",
        "g0/todo.tmp",
        "p1 keep.tmp/x",
        "backup/final.tmp/x",
        "final.tmp/x",
        "g0/p1-s7.tmp/half",
    ] {
        let path = folder.path(&run).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    folder.train();
    let there = |name: &str| folder.path(&run).join(name).exists();
    assert!(
        there("notes.tmp") && there("g0/todo.tmp") && there("p1 keep.tmp/x") && there("backup/final.tmp/x")
    );
    assert!(!there("final.tmp") && !there("g0/p1-s7.tmp"), "what an interrupted job has left is removed");
    // A job that is not this run's is made anew, but not over somebody's notes.
    let record = folder.path(&run).join("final/job.json");
    let job = fs::read_to_string(&record).unwrap();
    let id = job.split("\"id\": \"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(&record, job.replace(id, &"0".repeat(32))).unwrap();
    fs::write(folder.path(&run).join("final/my-notes.txt"), "x").unwrap();
    let found = answer(&folder, &["predict", &run, "test.csv"]);
    found.says("final/job.json` is damaged: it belongs to another run");
    let found = answer(&folder, &["train", "task.toml"]);
    found.says("final/my-notes.txt` does not belong to the run").advises("move it out of the run");
    fs::rename(folder.path(&run).join("final/my-notes.txt"), folder.path("my-notes.txt")).unwrap();
    folder.train();
    folder.succeed(&["predict", &run, "test.csv"]);
}

#[test]
fn standard_output_that_is_the_input_is_refused() {
    let (folder, run) = trained();
    folder.write("in.csv", "text\nthe sun\n");
    let file = fs::File::options().append(true).open(folder.path("in.csv")).unwrap();
    let output = folder.command(&["predict", &run, "in.csv"]).stdout(file).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("is the input and must not be overwritten"), "{told}");
    let record = folder.path(&run).join("run.toml");
    let before = fs::read(&record).unwrap();
    let file = fs::File::options().append(true).open(&record).unwrap();
    let output = folder.command(&["predict", &run, "test.csv"]).stdout(file).output().unwrap();
    assert!(!output.status.success() && fs::read(&record).unwrap() == before);
    assert_eq!(folder.read("in.csv"), "text\nthe sun\n");
}

#[test]
fn a_task_file_is_replaced_only_if_asked_and_nothing_beside_it() {
    let folder = Folder::new();
    folder.write("task.toml.tmp", "mine");
    let before = folder.read("task.toml");
    answer(&folder, &["init", "labelled.csv", "--label", "label"])
        .says("`task.toml` already exists")
        .advises("`--force`");
    assert_eq!(folder.read("task.toml"), before);
    folder.succeed(&["init", "labelled.csv", "--label", "label", "--force"]);
    assert_ne!(folder.read("task.toml"), before);
    assert_eq!(folder.read("task.toml.tmp"), "mine");
}

#[test]
fn whatever_the_path_what_is_there_stays_or_is_the_output() {
    let (folder, run) = trained();
    folder.write("in.csv", "text\nthe sun\n");
    fs::create_dir(folder.path("sub")).unwrap();
    let files = || -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = walk(&folder.path(""))
            .into_iter()
            .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
            .collect();
        all.sort();
        all
    };
    let part = prop_oneof![
        Just("sub".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(run.clone()),
        "[a-c]{1,2}"
    ];
    let name = prop::sample::select(vec![
        "in.csv",
        "labelled.csv",
        "task.toml",
        "run.toml",
        "a.csv",
        "b c.tsv",
        "é.jsonl",
    ]);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 24, ..ProptestConfig::default() });
    runner
        .run(&(prop::collection::vec(part, 0..3), name), |(parts, name)| {
            // Nothing outside of the folder.
            let steps = parts.iter().map(|part| match part.as_str() {
                ".." => -1,
                "." => 0,
                part => part.split('/').count() as i32,
            });
            let depths = steps.scan(0, |depth, step| {
                *depth += step;
                Some(*depth)
            });
            prop_assume!(depths.min().unwrap_or(0) >= 0);
            let path = parts.iter().chain([&name.to_owned()]).cloned().collect::<Vec<_>>().join("/");
            let before = files();
            let output = folder.run(&["predict", &run, "in.csv", "-o", &path]);
            let after = files();
            for (name, bytes) in &before {
                prop_assert_eq!(
                    after.iter().find(|(other, _)| other == name).map(|(_, bytes)| bytes),
                    Some(bytes),
                    "{} by {}",
                    name,
                    path
                );
            }
            prop_assert_eq!(after.len() - before.len(), usize::from(output.status.success()), "{}", path);
            if output.status.success() {
                fs::remove_file(folder.path(&path)).unwrap();
            }
            Ok(())
        })
        .unwrap();
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] })
        .collect()
}
