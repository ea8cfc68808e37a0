//! `cloze calibrate`, and what `predict` and `serve` make of it.

use std::fmt::Write;

use serde_json::Value;

use crate::advice::{answer, trained};
use crate::support::Folder;

/// The answers of a run for rows of a file.
fn predicted(folder: &Folder, args: &[&str]) -> Vec<Value> {
    let lines = folder.succeed(args);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes `checked.csv`, with the run's own answers as labels but for the least confident ones, which get the other label.
fn check(folder: &Folder, run: &str, rows: usize, wrong: usize) {
    let things = ["sun", "night", "light", "storm", "day"];
    let text = |row: usize| format!("the {} and the {} of {row}", things[row % 5], things[row / 5 % 5]);
    folder.write("rows.csv", (0..rows).fold("text\n".to_owned(), |file, row| file + &text(row) + "\n"));
    let answers = predicted(folder, &["predict", run, "rows.csv", "--to", "jsonl", "--uncalibrated"]);
    let confidence = |row: &usize| {
        let share = |label: &str| answers[*row][format!("p_{label}")].as_f64().unwrap();
        share("good").max(share("bad"))
    };
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| confidence(a).total_cmp(&confidence(b)));
    let mut file = "text,label\n".to_owned();
    for (row, answer) in answers.iter().enumerate() {
        let given = answer["prediction"].as_str().unwrap();
        let other = if given == "good" { "bad" } else { "good" };
        let label = if order[..wrong].contains(&row) { other } else { given };
        writeln!(file, "{},{label}", text(row)).unwrap();
    }
    folder.write("checked.csv", file);
}

#[test]
fn a_run_is_calibrated_predicts_so_and_is_not_any_more() {
    let (folder, run) = trained();
    check(&folder, &run, 100, 20);
    let plain = folder.succeed(&["predict", &run, "rows.csv"]);
    let shown = folder.succeed(&["calibrate", &run, "checked.csv"]);
    for part in [
        "weather: temperature ",
        ", from 100 checked rows",
        "accuracy           80.0 % (",
        "the same labels",
        "NLL ",
        "Brier score ",
        "calibration error ",
        "if less probable answers are left out",
        "what can be promised",
        "--precision 0.99  these rows do not suffice",
        "now gives calibrated probabilities",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let output = folder.run(&["predict", &run, "rows.csv"]);
    let (calibrated, told) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(told.contains("probabilities are calibrated with 100 checked rows, at temperature "), "{told}");
    assert_ne!(calibrated, plain);
    let labels = |rows: &str| -> Vec<String> {
        rows.lines().map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(labels(&calibrated), labels(&plain));
    assert_eq!(folder.succeed(&["predict", &run, "rows.csv", "--uncalibrated"]), plain);
    let told =
        String::from_utf8(folder.run(&["predict", &run, "rows.csv", "--with", "ensemble"]).stderr).unwrap();
    assert!(
        told.contains("probabilities are not calibrated; the calibration of ")
            && told.contains("is for `final`"),
        "{told}"
    );

    // Once more, for scripts.
    let found = folder.json(&["calibrate", &run, "checked.csv"]);
    assert_eq!((&found["rows"], &found["answered_by"]), (&100.into(), &"final".into()));
    assert_eq!(found["passed_over"]["learned_from"], 0);
    assert!(found["temperature"].as_f64().unwrap() > 0.0 && found["nll"]["verdict"].is_string(), "{found}");
    assert_eq!(found["coverage"].as_array().unwrap().last().unwrap()["answered"], 1.0);

    assert!(folder.succeed(&["calibrate", &run, "--remove"]).contains("is no longer calibrated"));
    assert_eq!(folder.succeed(&["predict", &run, "rows.csv"]), plain);
    assert_eq!(folder.json(&["calibrate", &run, "--remove"])["removed"], false);
}

#[test]
fn a_promised_precision_leaves_rows_empty_and_says_how_many_are_not() {
    let (folder, run) = trained();
    check(&folder, &run, 100, 20);
    let found = answer(&folder, &["predict", &run, "rows.csv", "-o", "a.csv", "--precision", "0.8"]);
    found.says("is not calibrated, so no precision can be promised");
    assert!(!folder.path("a.csv").exists());
    // What is advised.
    folder.succeed(&["calibrate", &run, "checked.csv"]);
    assert_eq!(found.commands(), [format!("cloze calibrate {run} checked.csv")]);
    let shown = folder.succeed(&["predict", &run, "rows.csv", "-o", "a.csv", "--precision", "0.8"]);
    let told = folder.json(&["predict", &run, "rows.csv", "-o", "b.csv", "--precision", "0.8"]);
    let written = folder.read("a.csv");
    let empty = written.lines().filter(|line| line.split(',').nth(1) == Some("")).count();
    let answered = 100 - empty;
    assert!(empty > 0 && answered > 0, "{shown}");
    assert_eq!(told["answered"], answered);
    assert!(told["promise"]["thresholds"][0]["bound"].as_f64().unwrap() >= 0.8, "{told}");
    assert!(shown.contains(&format!("; {answered} answered ({answered}.0 %), ")), "{shown}");
    assert!(shown.contains("at least 80.0 % of them are right"), "{shown}");
    let unsure = written.lines().find(|line| line.split(',').nth(1) == Some("")).unwrap();
    let text = unsure.split(',').next().unwrap();
    let one = folder.json(&["predict", &run, "--text", text, "--precision", "0.8"]);
    assert!(one["label"].is_null() && one["probabilities"]["good"].is_number(), "{one}");
    // If no answer is wrong, each label has a threshold of its own for a lower precision, and the command says so: one because it has
    // many answers, the other because no third label is left to share one.
    check(&folder, &run, 300, 0);
    folder.succeed(&["calibrate", &run, "checked.csv"]);
    let by_label = folder.json(&["predict", &run, "rows.csv", "-o", "c.csv", "--precision", "0.5"]);
    let thresholds = by_label["promise"]["thresholds"].as_array().unwrap();
    assert_eq!(thresholds.len(), 2, "{by_label}");
    let [good, bad] = [0, 1].map(|at| thresholds[at]["probability"].as_f64().unwrap());
    let shown = folder.succeed(&["predict", &run, "rows.csv", "-o", "d.csv", "--precision", "0.5"]);
    let needed = format!(
        "those with a probability from {good:.3} for `good` and {bad:.3} for `bad`, so that at least"
    );
    assert!(shown.contains(&needed) && shown.contains(" right, and of those with each threshold"), "{shown}");
}

#[test]
fn what_cannot_be_calibrated_or_promised_is_told() {
    let (folder, run) = trained();
    check(&folder, &run, 60, 6);
    let good = folder.read("checked.csv");
    folder.write("few.csv", good.lines().take(50).fold(String::new(), |file, line| file + line + "\n"));
    let found = answer(&folder, &["calibrate", &run, "few.csv"]);
    found.says("49 labelled rows are too few to calibrate with").advises("label at least 50, ");
    folder.write("unknown.csv", good.replacen(",good", ",fine", 1).replacen(",bad", ",fine", 1));
    answer(&folder, &["calibrate", &run, "unknown.csv"]).says("the run does not know the label `fine`");
    folder.write("column.csv", good.replacen("label", "team", 1));
    let found = answer(&folder, &["calibrate", &run, "column.csv"]);
    found.says("there is no column `label`").advises("`--label COLUMN`");
    assert_eq!(folder.json(&["calibrate", &run, "column.csv", "--label", "team"])["rows"], 60);
    for precision in ["0", "1.5", "1"] {
        let found = answer(&folder, &["predict", &run, "rows.csv", &format!("--precision={precision}")]);
        found.says(&format!("a precision of {precision} cannot be promised")).advises("for example 0.95");
    }
    let found = answer(&folder, &["predict", &run, "rows.csv", "--precision", "0.99"]);
    found.says("the 60 checked rows of the calibration are not enough to promise a precision of 0.99");
    found.advises("ask for a precision of 0.");
    let found = answer(&folder, &["predict", &run, "rows.csv", "--to", "superglue", "--precision", "0.6"]);
    found.says("a submission needs a label for every row");
    let output = folder.run(&["predict", &run, "rows.csv", "--precision", "0.6", "--uncalibrated"]);
    assert_eq!(output.status.code(), Some(2));

    folder.write(&format!("{run}/temperature.json"), "{");
    let found = answer(&folder, &["predict", &run, "rows.csv"]);
    found.says("temperature.json`: it cannot be read").advises("--remove");
    let command =
        found.commands().into_iter().find(|command| command.ends_with("--remove")).unwrap().to_owned();
    crate::advice::typed(&folder, &command);
    folder.succeed(&["predict", &run, "rows.csv"]);
}

#[test]
fn rows_that_the_run_was_trained_on_are_left_out() {
    let (folder, run) = trained();
    check(&folder, &run, 60, 6);
    let trained_on: String =
        folder.read("labelled.csv").lines().skip(1).map(|line| format!("{line}\n")).collect();
    folder.write("checked.csv", folder.read("checked.csv") + &trained_on);
    let output = folder.run(&["calibrate", &run, "checked.csv"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("warning: 8 rows are left out, first `checked.csv`, line 62"), "{told}");
    let found = folder.json(&["calibrate", &run, "checked.csv"]);
    assert_eq!((&found["rows"], &found["passed_over"]["learned_from"]), (&60.into(), &8.into()));
    let found = answer(&folder, &["calibrate", &run, "labelled.csv"]);
    found.says("0 labelled rows are too few to calibrate with");
}
