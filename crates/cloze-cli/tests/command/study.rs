//! A study as it is typed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Folder, labelled, tiny_model};

#[test]
fn a_study_says_what_it_will_take_shows_every_factor_and_ends_in_words() {
    let folder = Folder::new();
    folder.write("labelled.csv", labelled(16));
    let args = ["study", "task.toml", "--factors", "patterns,labels,models", "--seeds", "2"];
    let model = tiny_model().display().to_string();
    let output = folder.run(&[&args[..], &["--models", &model]].concat());
    let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{told}");
    // Of 16 rows 2 zero-shot and 5 for each seed; of 8, another draw for each seed, 7. The same model again is the same job.
    assert!(told.starts_with("4 runs, 26 jobs: about "), "{told}");
    assert!(told.contains("[26/26]") && told.contains("8 labelled rows, seed 1: fine-tuning"), "{told}");
    for part in ["patterns: Does the", "pattern 1 alone", "16 labelled rows", "what helped", "  labels: "] {
        assert!(out.contains(part), "{part}: {out}");
    }

    let again = folder.json(&["study", "task.toml", "--factors", "labels,patterns", "--seeds", "2"]);
    assert_eq!(again["results"]["factors"][0]["factor"], "labels");
    assert_eq!(again["run_seconds"].as_object().unwrap().len(), 4);
    let seconds = &again["setting_seconds"]["labels"];
    assert!(seconds["16 labelled rows"].as_f64() > seconds["0 labelled rows"].as_f64(), "{seconds}");
    let dir = again["study"].as_str().unwrap();
    for file in ["results.json", "report.html", "labels.csv", "labels.svg", "patterns.csv", "patterns.svg"] {
        assert!(folder.path(dir).join(file).is_file(), "{file}");
    }
}

#[test]
fn what_a_study_compares_can_be_named_and_the_model_is_adapted_first() {
    let folder = Folder::new();
    folder.write("labelled.csv", labelled(16));
    folder.write("words.toml", folder.read("task.toml").replace("bad = \"bad\"", "bad = \"cold\""));
    let args = ["study", "task.toml", "--seeds", "1", "--factors", "adaptation", "--words", "words.toml"];
    let output = folder.run(&[&args[..], &["--pattern-sets", "1+0"]].concat());
    let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the model is adapted to the task's rows: studies/adapted/"), "{told}");
    for part in ["adapted model", "words of words.toml", "patterns 0+1", " time "] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let output = folder.run(&["study", "task.toml", "--pattern-sets", "0+7"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("the task has no pattern 7"), "{told}");
    let output = folder.run(&["study", "task.toml", "--pattern-sets", "first"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("for example `0+2`"));
}

#[test]
fn a_study_that_is_killed_goes_on_and_ends_with_the_same_bytes() {
    let args = ["study", "task.toml", "--seeds", "2", "--factors", "patterns,merge", "--json"];
    let whole = Folder::new();
    let dir = whole.json(&args[..6])["study"].as_str().unwrap().to_owned();
    let expected = whole.bytes(format!("{dir}/results.json"));

    let folder = Folder::new();
    let done = || {
        let runs = std::fs::read_dir(folder.path("studies/runs")).into_iter().flatten().flatten();
        runs.filter(|run| run.path().join("g0/ensemble/job.json").is_file()).count()
    };
    for wanted in [1, 3] {
        let mut child = folder.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while done() < wanted && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{wanted} ensembles were never merged");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!folder.path(&dir).join("results.json").exists(), "the last process was killed too late");
    assert_eq!(folder.json(&args[..6])["study"], dir);
    assert!(folder.bytes(format!("{dir}/results.json")) == expected);
}
