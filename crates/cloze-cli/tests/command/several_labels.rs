//! Rows with several labels, as the command shows them.

use serde_json::{Value, json};

use crate::support::Folder;

/// A task whose rows can be about two things.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.change_task(
        "\"{text} It is {mask}.\", \"{mask}: {text}\"",
        "\"{text} Is it {topic}? {mask}.\", \"{topic}? {mask}: {text}\"",
    );
    folder.change_task(
        "[labels]\n",
        "[multi_label]\ntopics = { day = \"the day\", night = \"the night\", rain = \"rain\" }\n\n[labels]\n",
    );
    folder.write(
        "labelled.csv",
        "text,label\nthe sun,day\nthe dark,night\nthe evening,day;night\nthe sea,none\n",
    );
    folder.write("test.csv", "text,label\nthe light,day\nthe land,none\n");
    folder
}

#[test]
fn checking_measuring_and_predicting_tell_of_the_labels() {
    let folder = folder();
    let checked = folder.succeed(&["check", "task.toml"]);
    for line in [
        "weather: 3 labels, 2 patterns",
        "train      4 rows",
        "class  labelled  test  description",
        "day           2     1  the day",
    ] {
        assert!(checked.contains(line), "{line}: {checked}");
    }
    assert_eq!(folder.json(&["check", "task.toml"])["topics"][1]["train_rows"], 2);
    let zero_shot = folder.json(&["zero-shot", "task.toml"]);
    assert_eq!(zero_shot["result"]["together"]["evaluation"]["topics"][0]["label"], "day");

    let shown = folder.succeed(&["zero-shot", "task.toml"]);
    assert!(shown.starts_with("weather: 2 test rows") && shown.contains("  night "), "{shown}");

    let trained = folder.run(&["train", "task.toml"]);
    let told = String::from_utf8(trained.stdout).unwrap() + &String::from_utf8(trained.stderr).unwrap();
    assert!(told.contains("3 labels; 4 labelled, 40 unlabelled and 2 test rows"), "{told}");
    let run = folder.train();

    let measured = folder.succeed(&["eval", &run, "test.csv"]);
    assert!(measured.contains("of 6 answers right") && measured.contains("exact match"), "{measured}");
    assert!(measured.lines().any(|line| line.trim_start().starts_with("day ")), "{measured}");

    let rows = folder.succeed(&["predict", &run, "test.csv"]);
    assert_eq!(rows.lines().next(), Some("text,label,predictions,p_day,p_night,p_rain"));
    assert_eq!(rows.lines().count(), 3);
}

#[test]
fn a_text_on_the_command_line_is_asked_about_every_topic() {
    let folder = folder();
    let run = folder.train();
    let answers: Value = folder.json(&["predict", &run, "--text", "the sun"]);
    assert_eq!(answers["text"], json!(["the sun"]));
    let probabilities = answers["probabilities"].as_object().unwrap();
    let given: Vec<Value> = probabilities
        .iter()
        .filter(|(_, share)| share.as_f64().unwrap() >= 0.5)
        .map(|(name, _)| json!(name))
        .collect();
    assert_eq!((probabilities.len(), &answers["labels"]), (3, &json!(given)));
    assert_eq!(answers.get("label"), None);
    let shown = folder.succeed(&["predict", &run, "--text", "the sun", "--text", "the night"]);
    assert_eq!(shown.lines().filter(|line| line.contains("day")).count(), 2, "{shown}");

    folder.write("rows.jsonl", "{\"text\": \"the sun\"}\n");
    let row: Value = serde_json::from_str(&folder.succeed(&["predict", &run, "rows.jsonl"])).unwrap();
    assert_eq!(row["predictions"], answers["labels"]);
    let file = folder.json(&["predict", &run, "rows.jsonl", "-o", "out.tsv"]);
    assert_eq!(file["rows"], 1);
    let given: Vec<&str> = answers["labels"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let cell = if given.is_empty() { "none".to_owned() } else { given.join(";") };
    assert!(folder.read("out.tsv").lines().nth(1).unwrap().starts_with(&format!("the sun\t{cell}\t")));
}

#[test]
fn a_label_that_is_no_topic_is_pointed_at() {
    let folder = folder();
    folder.write("labelled.csv", "text,label\nthe sun,day\nthe dark,nigth\n");
    let told = folder.fail(&["train", "task.toml"]);
    assert!(
        told.contains("labelled.csv`, line 3, column `label`: the label `nigth` is not in `topics`"),
        "{told}"
    );
    assert!(told.contains("did you mean `night`?"), "{told}");
}
