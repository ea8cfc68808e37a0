//! Options with values that cannot be meant, and what is JSON where JSON is asked for.

use std::fs;

use serde_json::Value;

use crate::advice::{answer, trained};
use crate::support::{Folder, tiny_model};

#[test]
fn an_output_that_promises_another_format_is_refused_before_anything_is_computed() {
    let (folder, run) = trained();
    for (name, instead) in
        [("x.xlsx", "x.csv"), ("x.jsonl.bz2", "x.jsonl"), ("x.feather", "x.csv"), ("x.pdf", "x.csv")]
    {
        let found = answer(&folder, &["predict", &run, "test.csv", "-o", name]);
        found.says("cannot write .").advises(&format!("write `{instead}`"));
        assert!(!folder.path(name).exists());
        folder.succeed(&["predict", &run, "test.csv", "-o", instead]);
        fs::remove_file(folder.path(instead)).unwrap();
    }
}

#[test]
fn what_is_repeated_is_refused_or_counts_once() {
    let folder = Folder::new();
    let found = answer(&folder, &["train", "task.toml", "--seeds", "0,7,0"]);
    found.says("the seed 0 is in `seeds` twice").advises("list every seed once");
    let (model, again) = (tiny_model(), tiny_model().join("..").join("bert"));
    let models = format!("{},{}", model.display(), again.display());
    let args = ["study", "task.toml", "--seeds", "1", "--factors", "models,models", "--models", &models];
    let factors = &folder.json(&args)["results"]["factors"];
    assert_eq!(factors.as_array().unwrap().len(), 1);
    assert_eq!(factors[0]["settings"].as_array().unwrap().len(), 2, "the task's and one other: {factors}");
}

#[test]
fn rows_with_choices_of_their_own_have_no_classifier_to_compare_with() {
    let folder = Folder::empty();
    let row = |day| format!("{{\"story\":\"day {day}\",\"people\":[\"sun\",\"storm\"],\"who\":\"sun\"}}\n");
    folder.write("rows.jsonl", (0..4).map(row).collect::<String>());
    let data = "[data]\ntrain = \"rows.jsonl\"\ntest = \"rows.jsonl\"\nlabel = \"who\"\n";
    let task = format!("patterns = \"{{story}} It was {{mask}}.\"\n{data}[choices]\nfrom = \"people\"\n");
    folder.write("task.toml", format!("format = 1\n{task}[train]\nsteps = 2\n"));
    for option in [&["--compare"][..], &["--method", "ipet"], &["--set", "method=supervised"]] {
        let found = answer(&folder, &[&["train", "task.toml"][..], option].concat());
        found.says("rows with `[choices]` of their own can have no classifier");
        found.advises("leave `method` and `compare` as they are");
    }
    folder.succeed(&["train", "task.toml"]);
}

#[test]
fn any_option_of_the_task_file_can_be_set_on_the_command_line() {
    let folder = Folder::new();
    let set = ["train", "task.toml", "--set", "steps=2", "--set", "distil.steps=3", "--set", "keep=final"];
    let run = folder.json(&set)["run"].as_str().unwrap().to_owned();
    let record = fs::read_to_string(folder.path(&run).join("run.toml")).unwrap();
    for line in
        ["[train]\nmethod = \"pet\"", "\nsteps = 2\n", "[distil]\nsteps = 3\n", "\nkeep = \"final\"\n"]
    {
        assert!(record.contains(line), "{line}: {record}");
    }
    // What has a name of its own is the same option.
    let named = ["train", "task.toml", "--keep", "final", "--set", "steps=2", "--set", "distil.steps=3"];
    assert_eq!(folder.json(&named)["run"], run.as_str());
    let twice = answer(&folder, &["train", "task.toml", "--seeds", "3", "--set", "seeds=4"]);
    twice.says("`seeds` is set twice").advises("set `seeds` once");
    let members = &folder.json(&["check", "task.toml", "--set", "seeds=1,2,3"])["members"];
    let usual = &folder.json(&["check", "task.toml"])["members"];
    assert_eq!(members.as_u64().unwrap(), 3 * usual.as_u64().unwrap());
}

#[test]
fn what_cannot_be_set_is_refused_like_a_mistake_in_a_task_file() {
    let folder = Folder::empty();
    for (set, message) in [
        ("stpes=3", "there is no option `stpes`; did you mean `steps`?"),
        ("steps=0", "`steps = 0` is out of range; `steps` must be from 1 to 1000000"),
        ("merge=max", "`max` is not a value of `merge`; the values are `mean`, `wmean`"),
        ("preset=quick", "give a preset with `--preset`"),
        ("repetitions=3", "list the seeds, for example `seeds=1,2,3`"),
    ] {
        for verb in ["check", "zero-shot", "train", "study"] {
            let output = folder.run(&[verb, "task.toml", "--set", set, "--json"]);
            assert_eq!(output.status.code(), Some(2), "{verb} {set}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains(message), "{told}");
        }
    }
}

#[test]
fn the_options_that_can_be_set_are_listed() {
    let folder = Folder::empty();
    let listed = folder.succeed(&["train", "task.toml", "--set", "help"]);
    assert!(listed.starts_with("method=\"pet\"\n    Train with patterns"), "{listed}");
    let options = folder.json(&["check", "task.toml", "--preset", "paper", "--set", "help"]);
    let steps = options.as_array().unwrap().iter().find(|option| option["option"] == "distil.steps").unwrap();
    assert_eq!((&steps["default"], &steps["values"]), (&"5000".into(), &"from 1 to 1000000".into()));
}

#[test]
fn a_task_file_on_standard_output_can_be_json() {
    let folder = Folder::new();
    let drafted = folder.json(&["init", "labelled.csv", "--label", "label", "-o", "-"]);
    assert!(drafted["task"].is_null());
    assert_eq!(drafted["text"][0], "text");
    assert_eq!(drafted["labels"]["good"], 4);
    let plain = folder.succeed(&["init", "labelled.csv", "--label", "label", "-o", "-"]);
    assert_eq!(drafted["toml"], plain.as_str());
}

#[test]
fn usage_errors_are_json_where_json_is_asked_for() {
    let folder = Folder::empty();
    for (args, message, usage) in [
        (&["--json", "predict", "x"][..], "required arguments were not provided: <INPUT>", "cloze predict"),
        (&["train", "t.toml", "--stesp", "3", "--json"], "unexpected argument '--stesp'", "cloze train"),
        (&["train", "t.toml", "--threads", "100000", "--json"], "give a number from 1 to 1024", ""),
        (&["--json"], "subcommand", "cloze"),
    ] {
        let output = folder.run(args);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.lines().count(), 1, "{told}");
        let error: Value = serde_json::from_str(&told).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(message), "{told}");
        assert!(error["error"]["usage"].as_str().unwrap_or_default().starts_with(usage), "{told}");
    }
    for args in [["--version", "--json"], ["--help", "--json"]] {
        let output = folder.run(&args);
        assert!(
            output.status.success()
                && output.stdout.starts_with(b"cloze ") | output.stdout.starts_with(b"Train a")
        );
    }
}
