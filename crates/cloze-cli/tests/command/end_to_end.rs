//! From a table to predictions.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Folder, labelled};

#[test]
fn a_table_becomes_a_task_a_run_and_predictions() {
    let folder = Folder::new();
    let args =
        ["init", "labelled.csv", "--label", "label", "--unlabeled", "unlabeled.csv", "--test", "test.csv"];
    let drafted = folder.json(&[&args[..], &["-o", "drafted.toml"]].concat());
    assert_eq!(drafted["text"], serde_json::json!(["text"]));
    assert_eq!(drafted["labels"], serde_json::json!({"good": 4, "bad": 4}));

    let checked = folder.json(&["check", "drafted.toml"]);
    assert_eq!(checked["sets"][1]["rows"], 40);
    assert_eq!(checked["warnings"], serde_json::json!([]));
    assert!(checked["estimate"]["seconds"].as_f64().unwrap() > 0.0);

    let zero_shot = folder.json(&["zero-shot", "task.toml"]);
    assert_eq!(zero_shot["result"]["rows"], "test");
    assert_eq!(zero_shot["result"]["patterns"].as_array().unwrap().len(), 2);

    assert!(zero_shot["result"].get("examples").is_none());
    let primed = folder.json(&["zero-shot", "task.toml", "--priming", "4"]);
    assert_eq!(primed["result"]["examples"], serde_json::json!({"wanted": 4, "least": 4, "most": 4}));
    let shown = folder.succeed(&["zero-shot", "task.toml", "--priming", "4"]);
    assert!(shown.contains("primed with 4 examples"), "{shown}");

    let trained = folder.json(&["train", "task.toml"]);
    let results = &trained["results"];
    assert_eq!(results["members"].as_array().unwrap().len(), 2);
    let accuracy = &results["distilled"]["test"]["accuracy"];
    assert!(accuracy["low"].as_f64() <= accuracy["value"].as_f64());
    let run = trained["run"].as_str().unwrap();
    for file in ["run.toml", "events", "results.json", "report.html", "final/README.md"] {
        assert!(folder.path(run).join(file).exists(), "{file}");
    }

    let evaluated = folder.json(&["eval", run, "test.csv"]);
    assert_eq!(evaluated["accuracy"]["value"], accuracy["value"]);
    let text = folder.succeed(&["predict", run, "--text", "the sun"]);
    assert!(text.starts_with("the sun\n") && text.contains(" %"), "{text}");
}

#[test]
fn words_that_a_task_file_does_not_say_are_found_and_stay_in_the_run() {
    let folder = Folder::new();
    let task = folder.read("task.toml").replace("name = \"weather\"", "name = \"weather\"\nwords = \"auto\"");
    let (head, tail) = (task.split("[labels]").next().unwrap(), task.split("bad = \"bad\"").nth(1).unwrap());
    folder.write("task.toml", format!("{head}[labels]\ngood = \"sun\"\nbad = \"\"\n{tail}"));
    let report = folder.json(&["check", "task.toml"]);
    let words = |label: usize| report["labels"][label]["words"].to_string();
    assert!(words(0).contains("\"sun\"") && words(1).contains("\"bad\""), "{} {}", words(0), words(1));
    assert!(report["labels"][0]["told_apart"].is_f64());
    let said = String::from_utf8(folder.run(&["zero-shot", "task.toml"]).stderr).unwrap();
    assert!(said.contains("words for `bad`: bad"), "{said}");
    let run = folder.train();
    let record = folder.read(format!("{run}/run.toml"));
    assert!(!record.contains("words =") && record.contains("\"sun\""), "{record}");
    assert_eq!(folder.json(&["predict", "task.toml", "--text", "the sun"])["answered_by"], "final");
}

#[test]
fn the_same_command_again_does_nothing_and_says_the_same() {
    let folder = Folder::new();
    let run = folder.train();
    let (results, model) =
        (folder.read(format!("{run}/results.json")), folder.bytes(format!("{run}/final/model.safetensors")));
    let again = folder.run(&["train", "task.toml"]);
    let told = String::from_utf8(again.stderr).unwrap();
    assert_eq!(told.matches("done before").count(), 7, "{told}");
    assert_eq!(folder.read(format!("{run}/results.json")), results);
    assert_eq!(folder.bytes(format!("{run}/final/model.safetensors")), model);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let [one, two] = ["1", "2"].map(|threads| {
        let folder = Folder::new();
        let run =
            folder.json(&["train", "task.toml", "--threads", threads])["run"].as_str().unwrap().to_owned();
        (folder.read(format!("{run}/results.json")), folder.bytes(format!("{run}/final/model.safetensors")))
    });
    assert!(one == two);
}

#[test]
fn every_format_goes_in_and_out_with_its_columns_kept() {
    let folder = Folder::new();
    let run = folder.train();
    for (from, input) in [
        ("csv", "id,text\n1,\"the sun, and more\"\n2,\n"),
        ("csv", "\u{feff}id,text\r\n1,\"the sun, and more\"\r\n2,\r\n"),
        ("tsv", "id\ttext\n1\tthe sun, and more\n2\t\n"),
        ("jsonl", "{\"id\": 1, \"text\": \"the sun, and more\"}\n{\"id\": 2, \"text\": \"\"}\n"),
    ] {
        for (to, header) in [
            ("csv", "id,text,prediction,p_good,p_bad"),
            ("tsv", "id\ttext\tprediction\tp_good\tp_bad"),
            ("jsonl", ""),
        ] {
            let mut child = folder
                .command(&["predict", &run, "-", "--from", from, "--to", to])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            let output = String::from_utf8(output.stdout).unwrap();
            let lines: Vec<&str> = output.lines().collect();
            if to == "jsonl" {
                let rows: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert_eq!(rows.len(), 2);
                assert_eq!(rows[0]["text"], "the sun, and more");
                let sum = rows[1]["p_good"].as_f64().unwrap() + rows[1]["p_bad"].as_f64().unwrap();
                assert!((sum - 1.0).abs() < 1e-5);
            } else {
                // The mark of the input stays.
                let mark = if input.starts_with('\u{feff}') { "\u{feff}" } else { "" };
                assert_eq!((lines[0], lines.len()), (format!("{mark}{header}").as_str(), 3), "{output}");
                assert!(lines[1].contains("the sun, and more"), "{output}");
            }
        }
    }
}

#[test]
fn a_column_called_label_stays_beside_the_prediction() {
    let folder = Folder::new();
    let run = folder.train();
    folder.succeed(&["predict", &run, "test.csv", "-o", "out.tsv", "--with", "ensemble"]);
    let written = folder.read("out.tsv");
    assert!(written.starts_with("text\tlabel\tprediction\tp_good\tp_bad\n"), "{written}");
    assert_eq!(written.lines().count(), 21);
    assert!(!folder.path("out.tsv.tmp").exists());
    // The `final` directory stands for its run.
    folder.succeed(&["predict", &format!("{run}/final"), "test.csv", "-o", "out.csv"]);
    assert!(folder.read("out.csv").starts_with("text,label,prediction,"));
}

#[test]
fn predictions_become_a_submission_to_superglue() {
    let folder = Folder::new();
    let run = folder.train();
    folder
        .write("rows.jsonl", "{\"text\": \"the sun\", \"idx\": 5}\n{\"text\": \"the night\", \"idx\": 6}\n");
    let shown =
        folder.succeed(&["predict", &run, "rows.jsonl", "--format", "superglue", "-o", "BoolQ.jsonl"]);
    assert!(shown.starts_with("BoolQ.jsonl: 2 rows"), "{shown}");
    let lines: Vec<Value> =
        folder.read("BoolQ.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["idx"], &lines[1]["idx"]), (&5.into(), &6.into()));
    assert!(lines.iter().all(|line| line["label"] == "good" || line["label"] == "bad"));
    let error = folder.fail(&["predict", &run, "test.csv", "--to", "superglue", "-o", "no.jsonl"]);
    assert!(error.contains("there is no `idx` in the file"), "{error}");
    assert!(!folder.path("no.jsonl").exists() && !folder.path("no.jsonl.tmp").exists());
}

#[test]
fn a_text_on_the_command_line_gets_a_label_with_probabilities() {
    let folder = Folder::new();
    let run = folder.train();
    let output = folder.succeed(&["predict", &run, "--text", "the sun", "--text", "", "--json"]);
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["text"], serde_json::json!(["the sun"]));
    assert!(lines[0]["probabilities"]["good"].as_f64().unwrap() > 0.0);
    assert_eq!(lines.len(), 2);
}

#[test]
fn without_unlabelled_rows_the_ensemble_is_the_result() {
    let folder = Folder::new();
    folder.change_task("unlabeled = \"unlabeled.csv\"\n", "");
    folder.change_task("keep = \"all\"\n", "");
    let trained = folder.json(&["train", "task.toml"]);
    assert!(trained["results"]["distilled"].is_null());
    assert_eq!(trained["results"]["notes"].as_array().unwrap().len(), 1);
    let run = trained["run"].as_str().unwrap();
    assert!(folder.succeed(&["predict", run, "test.csv"]).starts_with("text,label,prediction"));
    assert!(
        folder.fail(&["predict", run, "test.csv", "--with", "final"]).contains("has no final classifier")
    );
    folder.succeed(&["eval", run, "test.csv"]);
}

#[test]
fn one_pattern_no_test_rows_and_a_label_without_rows_are_enough() {
    let folder = Folder::new();
    folder.change_task(", \"{mask}: {text}\"", "");
    folder.change_task("test = \"test.csv\"\n", "");
    folder.change_task("bad = \"bad\"", "bad = \"bad\"\nnever = \"maybe\"");
    let checked = folder.json(&["check", "task.toml"]);
    let warnings: Vec<&str> = checked["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["problem"].as_str().unwrap())
        .collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    folder.succeed(&["check", "task.toml"]);
    let zero_shot = folder.succeed(&["zero-shot", "task.toml"]);
    assert!(zero_shot.contains("8 labelled rows"), "{zero_shot}");
    let shown = folder.succeed(&["train", "task.toml"]);
    assert!(shown.contains("distilled classifier"), "{shown}");
    let run = folder.train();
    let row: Value =
        serde_json::from_str(folder.succeed(&["predict", &run, "--text", "the sun", "--json"]).trim())
            .unwrap();
    assert!(row["probabilities"]["never"].is_number());
}

#[test]
fn without_labelled_rows_there_is_still_zero_shot() {
    let folder = Folder::new();
    folder.change_task("train = \"labelled.csv\"\n", "");
    folder.change_task("test = \"test.csv\"\n", "");
    let shown = folder.succeed(&["zero-shot", "task.toml"]);
    assert!(shown.contains("No row has a label"), "{shown}");
    folder.succeed(&["check", "task.toml"]);
    let trained = folder.json(&["train", "task.toml"]);
    assert!(trained["results"]["distilled"].is_object());
    folder.change_task("unlabeled = \"unlabeled.csv\"\n", "");
    assert!(folder.fail(&["train", "task.toml"]).contains("there are no labelled rows to learn from"));
}

#[test]
fn the_baseline_is_a_run_of_its_own() {
    let folder = Folder::new();
    let trained = folder.json(&["train", "task.toml", "--method", "supervised", "--seed", "3"]);
    assert_eq!(trained["results"]["method"], "supervised");
    assert!(trained["results"]["supervised"]["test"]["accuracy"]["value"].is_number());
    folder.succeed(&["predict", trained["run"].as_str().unwrap(), "test.csv"]);
    let shown = folder.succeed(&["train", "task.toml", "--method", "supervised", "--seed", "3"]);
    assert!(shown.contains("plain fine-tuning"), "{shown}");
}

#[test]
fn very_long_and_empty_texts_are_rows_like_any_other() {
    let folder = Folder::new();
    let long = "the sun and the sea ".repeat(2500);
    folder.write("unlabeled.csv", format!("text\n{long}\n\"\"\n\"  \"\nthe sun\n"));
    folder.write("labelled.csv", labelled(4) + &format!("{long},good\n,bad\n"));
    let checked = folder.succeed(&["check", "task.toml"]);
    assert!(checked.contains("[cut, "), "{checked}");
    let run = folder.train();
    folder.succeed(&["predict", &run, "unlabeled.csv"]);
}

#[test]
fn quiet_says_nothing_but_the_result_and_json_nothing_else_on_standard_output() {
    let folder = Folder::new();
    let quiet = folder.run(&["train", "task.toml", "--quiet"]);
    assert!(quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
    assert!(String::from_utf8(quiet.stdout).unwrap().contains("distilled classifier"));
    let json = folder.succeed(&["train", "task.toml", "--json"]);
    assert_eq!(json.lines().count(), 1);
    let failed = folder.run(&["check", "nothing.toml", "--json"]);
    assert!(failed.stdout.is_empty());
    let error: Value = serde_json::from_slice(&failed.stderr).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("nothing.toml"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    let run = folder.train();
    folder.write("many.csv", labelled(20_000));
    let mut child = folder.command(&["predict", &run, "many.csv"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
