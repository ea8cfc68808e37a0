//! A run answers with the labels of its models, says who answers, and gives no number that is none.

use std::fs;

use crate::advice::{answer, trained};
use crate::support::{Folder, labelled, tiny_model};

fn told(folder: &Folder, args: &[&str]) -> (String, String) {
    let output = folder.run(args);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{args:?}: {err}");
    (out, err)
}

#[test]
fn a_run_whose_record_was_changed_answers_nothing() {
    let (folder, run) = trained();
    let manifest = format!("{run}/run.toml");
    let record = folder.read(&manifest);
    let labels = "\"good\" = [\"good\", \"great\"]\n\"bad\" = [\"bad\"]\n";
    assert!(record.contains(labels), "{record}");
    let swapped = "\"bad\" = [\"bad\"]\n\"good\" = [\"good\", \"great\"]\n";
    for changed in [
        record.replace(labels, &format!("{labels}\"maybe\" = [\"maybe\"]\n")),
        record.replace(labels, swapped),
        record.replace("\"bad\" = ", "\"poor\" = "),
        record.replace("\"great\"", "\"the\""),
        record.replace("It is {mask}", "It was {mask}"),
        record.replace("max_length = 256", "max_length = 8"),
    ] {
        assert_ne!(changed, record);
        folder.write(&manifest, &changed);
        for args in [
            vec!["predict", &run, "test.csv"],
            vec!["predict", &run, "--text", "the sun"],
            vec!["eval", &run, "test.csv"],
        ] {
            for with in [&[][..], &["--with", "ensemble"]] {
                let found = answer(&folder, &[&args[..], with].concat());
                found.says("run.toml` has been changed").advises("undo the change; or move `");
            }
        }
        answer(&folder, &["train", "task.toml"]).says("run.toml` has been changed");
    }
    // Both remedies: the change undone, and the file deleted and made again.
    folder.write(&manifest, &record);
    let (before, _) = told(&folder, &["predict", &run, "test.csv"]);
    fs::remove_file(folder.path(&manifest)).unwrap();
    folder.train();
    assert_eq!(folder.read(&manifest), record);
    assert_eq!(told(&folder, &["predict", &run, "test.csv"]).0, before);
    // Another system's line ends are no change.
    folder.write(&manifest, record.replace('\n', "\r\n"));
    assert_eq!(told(&folder, &["predict", &run, "test.csv"]).0, before);
    // Without its checksum it is no record.
    let (_, unsealed) = record.split_once('\n').unwrap();
    let (none, broken) = ("does not begin with its checksum", "has been changed");
    for (text, what) in [(unsealed, none), ("", none), (&record[..record.len() / 2], broken)] {
        folder.write(&manifest, text);
        for args in [["predict", &run, "test.csv"].as_slice(), &["train", "task.toml"]] {
            answer(&folder, args).says(&format!("run.toml` {what}")).advises("run `cloze train");
        }
    }
    folder.write(&manifest, &record);
    assert_eq!(told(&folder, &["predict", &run, "test.csv"]).0, before);
}

#[test]
fn eval_goes_on_past_labels_that_the_run_does_not_know_if_asked() {
    let (folder, run) = trained();
    folder.write(
        "checked.csv",
        "text,label\nthe sun is up,good\nwhere is it,police\nno label,\nthe night falls,bad\n",
    );
    let found = answer(&folder, &["eval", &run, "checked.csv"]);
    found.says("`checked.csv`, line 3, column `label`: the run does not know the label `police`");
    found.advises("`--skip-unknown`");
    assert!(!found.remedy.contains("run.toml"), "{}", found.remedy);
    let result = folder.json(&["eval", &run, "checked.csv", "--skip-unknown"]);
    assert_eq!(result["rows"], 2);
    assert_eq!(result["passed_over"], serde_json::json!({"unlabelled": 1, "unknown": {"police": 1}}));
    assert_eq!((&result["learned_from"], &result["answered_by"]), (&0.into(), &"final".into()));
    let shown = folder.succeed(&["eval", &run, "checked.csv", "--skip-unknown"]);
    let passed = "skipped: 1 row without a label, 1 row with a label that the run does not know (`police` 1)";
    assert!(shown.contains(passed), "{shown}");
}

#[test]
fn eval_without_a_label_is_an_error_and_known_rows_are_told() {
    let (folder, run) = trained();
    folder.write("empty.csv", "text,label\nthe sun,\nthe night,\n");
    let found = answer(&folder, &["eval", &run, "empty.csv"]);
    found.says("`empty.csv`, column `label`: no row has a label, of 2 rows").advises("`--label COLUMN`");
    folder.write("empty.csv", "text,label,checked\nthe sun,,good\nthe night,,bad\n");
    assert_eq!(folder.json(&["eval", &run, "empty.csv", "--label", "checked"])["rows"], 2);
    folder.write("unknown.csv", "text,label\nthe sun,police\n");
    answer(&folder, &["eval", &run, "unknown.csv", "--skip-unknown"])
        .says("no row has a label that this run knows");
    folder.write("header.csv", "text,label\n");
    answer(&folder, &["eval", &run, "header.csv"]).says("there are no rows in it");

    let (_, err) = told(&folder, &["eval", &run, "labelled.csv"]);
    assert!(
        err.contains(
            "warning: 8 rows are among the rows that the run was trained on, first `labelled.csv`, line 2"
        ),
        "{err}"
    );
    assert_eq!(folder.json(&["eval", &run, "labelled.csv"])["learned_from"], 8);
    assert_eq!(folder.json(&["eval", &run, "test.csv"])["learned_from"], 0);
    fs::remove_file(folder.path("labelled.csv")).unwrap();
    let (_, err) = told(&folder, &["eval", &run, "test.csv"]);
    assert!(err.contains("cannot tell whether"), "{err}");
    assert!(folder.json(&["eval", &run, "test.csv"])["learned_from"].is_null());
}

#[test]
fn who_answers_is_always_said() {
    let (folder, run) = trained();
    for (args, by, words) in [
        (&["predict", &run, "test.csv", "-o", "a.csv"][..], "final", "predicting with the classifier"),
        (&["predict", &run, "--text", "the sun"], "final", "predicting with the classifier"),
        (&["eval", &run, "test.csv"], "final", "predicting with the classifier"),
        (
            &["predict", &run, "test.csv", "-o", "b.csv", "--with", "ensemble"],
            "ensemble",
            "the ensemble of 3 models",
        ),
        (&["eval", &run, "test.csv", "--with", "ensemble"], "ensemble", "the ensemble of 3 models"),
    ] {
        let (_, err) = told(&folder, args);
        assert!(err.contains(words), "{args:?}: {err}");
        let args: Vec<&str> = args
            .iter()
            .map(|arg| {
                if *arg == "a.csv" {
                    "c.csv"
                } else if *arg == "b.csv" {
                    "d.csv"
                } else {
                    arg
                }
            })
            .collect();
        assert_eq!(folder.json(&args)["answered_by"], by, "{args:?}");
    }
}

#[test]
fn a_damaged_classifier_is_made_again_as_advised_and_nobody_answers_for_it_unsaid() {
    let (folder, run) = trained();
    let model = format!("{run}/final/model.safetensors");
    let whole = folder.bytes(&model);
    let mut bytes = whole.clone();
    bytes[5000] ^= 1;
    folder.write(&model, bytes);
    let found = answer(&folder, &["predict", &run, "--text", "the sun"]);
    found.says("is damaged").advises("delete the directory").advises("`cloze train /").advises("task.toml`");
    fs::remove_dir_all(folder.path(&run).join("final")).unwrap();
    for quiet in [&[][..], &["--quiet"]] {
        let (_, err) = told(&folder, &[&["predict", &run, "--text", "the sun"], quiet].concat());
        assert!(err.contains("is gone, so the ensemble of 3 models predicts instead"), "{err}");
    }
    assert_eq!(folder.json(&["predict", &run, "--text", "the sun"])["answered_by"], "ensemble");
    let command = found.remedy.split('`').find(|part| part.starts_with("cloze train")).unwrap();
    crate::advice::typed(&folder, command);
    assert!(folder.bytes(&model) == whole);
    assert!(!told(&folder, &["predict", &run, "--text", "the sun"]).1.contains("ensemble"));
}

#[test]
fn training_that_diverges_stops_and_ends_well_with_what_is_advised() {
    for (section, stage) in [("[train]", "g0/p0-s0"), ("[distil]", "final")] {
        let folder = Folder::new();
        folder.change_task(section, &format!("{section}\nlearning_rate = 1e30"));
        let found = answer(&folder, &["train", "task.toml"]);
        let run = fs::read_dir(folder.path("runs")).unwrap().next().unwrap().unwrap().path();
        assert!(!run.join(stage).exists() && !run.join("results.json").exists());
        found.advises("lower `learning_rate`").advises("1e-4");
        if found.message.starts_with("training has diverged") {
            found.says(" of step ").says("at a learning rate of").advises(section);
        }
        folder.change_task("learning_rate = 1e30", "learning_rate = 1e-4");
        let run = folder.train();
        let (out, _) = told(&folder, &["predict", &run, "test.csv"]);
        assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
    }
}

#[test]
fn a_model_with_weights_that_are_no_numbers_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.path("model")).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(tiny_model().join(file), folder.path("model").join(file)).unwrap();
    }
    let mut bytes = folder.bytes("model/model.safetensors");
    let end = bytes.len();
    bytes[end - 8..end - 4].copy_from_slice(&f32::NAN.to_le_bytes());
    folder.write("model/model.safetensors", bytes);
    for verb in ["train", "zero-shot"] {
        let found = answer(&folder, &[verb, "task.toml", "--model", "model"]);
        found.says("holds NaN, and weights are finite numbers");
    }
}

#[test]
fn an_encoder_without_a_head_for_masks_is_called_so() {
    let folder = Folder::new();
    let run = folder.train();
    // A classifier has another head.
    let found = answer(&folder, &["train", "task.toml", "--model", &format!("{run}/final")]);
    found.says(&format!("`{run}/final` is not usable: it is an encoder with another head")).advises("");
    // A sentence encoder has none.
    fs::create_dir(folder.path("model")).unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(tiny_model().join(file), folder.path("model").join(file)).unwrap();
    }
    let bytes = fs::read(tiny_model().join("model.safetensors")).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let body: Vec<_> = all.tensors().into_iter().filter(|(name, _)| !name.starts_with("cls.")).collect();
    folder.write("model/model.safetensors", safetensors::serialize(body, None).unwrap());
    for verb in ["check", "train", "zero-shot"] {
        let found = answer(&folder, &[verb, "task.toml", "--model", "model"]);
        found.says(
            "`model` is not usable: it is an encoder without its masked-LM head, as sentence encoders are",
        );
    }
    // What is advised: leave `--model` out.
    let output = folder.command(&["check", "task.toml"]).env_remove("CLOZE_MODEL").output().unwrap();
    assert!(output.status.success());
}

#[test]
fn names_that_differ_in_capital_letters_get_words_that_are_called_guesses() {
    let folder = Folder::empty();
    folder.write("case.csv", "text,team\na text here,Sun\na text there,sun\nmore text,SUN\nother text,war\n");
    let drafted = folder.json(&["init", "case.csv", "--label", "team"]);
    assert_eq!(drafted["doubtful"].as_array().unwrap().len(), 2, "{drafted}");
    assert!(drafted["warnings"][0].as_str().unwrap().contains("differ only in capital letters"));
    let guesses = folder.read("task.toml").matches("a guess from the rows").count();
    assert_eq!(guesses, 2);
    folder.succeed(&["check", "task.toml"]);
}

#[test]
fn every_file_name_can_be_drafted_from() {
    let folder = Folder::empty();
    for name in [
        "-x.csv",
        "Anfragen_März.csv",
        "TICKETS.CSV",
        "a.b.csv",
        "tickets",
        "tickets (1).csv",
        "tickets 2024.csv",
        "工单.csv",
        ".hidden.csv",
        "it's \"quoted\".csv",
        "[a]*.csv",
        "back\\slash.csv",
        "{x}.csv",
        "#1.csv",
        "two\nlines.csv",
        "..csv",
    ] {
        folder.write(name, labelled(8));
        folder.succeed(&["init", "--label", "label", "-o", "t.toml", "--force", "--", name]);
        let checked = folder.json(&["check", "t.toml"]);
        assert_eq!(checked["sets"][0]["rows"], 8, "{name:?}");
        assert!(!checked["name"].as_str().unwrap().is_empty());
    }
}
