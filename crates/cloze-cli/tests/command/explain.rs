//! What the model used, on the screen and in files.

use serde_json::Value;

use crate::advice::{answer, trained};

#[test]
fn a_text_is_shown_with_the_strongest_words_and_without_colours_in_a_pipe() {
    let (folder, run) = trained();
    let plain = folder.succeed(&["predict", &run, "--text", "the sun of day 3"]);
    let shown = folder.succeed(&["predict", &run, "--text", "the sun of day 3", "--explain"]);
    let used =
        shown.strip_prefix(&plain).unwrap_or_else(|| panic!("{plain} is not the beginning of {shown}"));
    let label =
        folder.json(&["predict", &run, "--text", "the sun of day 3"])["label"].as_str().unwrap().to_owned();
    assert!(used.starts_with(&format!("  used for {label}:  ")) && used.lines().count() == 1, "{used}");
    for word in ["the", "sun", "of", "day", "3"] {
        assert!(used.contains(&format!(" {word} +0.")) || used.contains(&format!(" {word} -0.")), "{used}");
    }
    assert!(!shown.contains('\u{1b}'));
    let gradients = folder.succeed(&["predict", &run, "--text", "the sun", "--explain=gradients"]);
    assert!(
        gradients.contains("  with every word masked: ") && gradients.contains("miss the difference by 0.00")
    );
    let long = "the sun of day 3 ".repeat(60);
    let shown = folder.succeed(&["predict", &run, "--text", &long, "--explain"]);
    assert!(shown.contains("  292 other words of at most 0."), "{shown}");
    assert!(shown.contains("  not read, since the text is too long: "), "{shown}");
}

#[test]
fn a_script_gets_every_word_with_its_place() {
    let (folder, run) = trained();
    let found = folder.json(&["predict", &run, "--text", "the sun", "--explain"]);
    let explanation = &found["explanation"];
    assert_eq!(explanation["label"], found["label"]);
    assert_eq!(explanation["words"][1]["word"], "sun");
    assert_eq!((&explanation["words"][1]["start"], &explanation["words"][1]["end"]), (&4.into(), &7.into()));
    let few =
        folder.json(&["predict", &run, "--text", "the sun", "--explain=gradients", "--explain-steps", "1"]);
    let many = folder.json(&["predict", &run, "--text", "the sun", "--explain=gradients"]);
    assert!(few["explanation"]["gap"].is_f64() && few != many);
    folder.succeed(&["predict", &run, "test.csv", "--explain", "-o", "explained.jsonl"]);
    let row: Value = serde_json::from_str(folder.read("explained.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(row["explanation"]["label"], row["prediction"]);
    let table = folder.succeed(&["predict", &run, "test.csv", "--explain"]);
    assert!(table.starts_with("text,label,prediction,p_good,p_bad,explanation\n"), "{table}");
    folder.succeed(&["predict", &run, "test.csv", "--explain", "-o", "explained.parquet"]);
    let again = folder.succeed(&["predict", &run, "explained.parquet"]);
    let row: Value = serde_json::from_str(again.lines().next().unwrap()).unwrap();
    let kept: Value = serde_json::from_str(row["explanation"].as_str().unwrap()).unwrap();
    assert_eq!(kept["label"], row["prediction"]);
}

#[test]
fn what_cannot_be_explained_is_said_with_what_can() {
    let (folder, run) = trained();
    let with = |more: &[&'static str]| -> Vec<&str> { [&["predict", &run, "test.csv"], more].concat() };
    let found = answer(&folder, &with(&["--explain=gradients", "--with", "ensemble"]));
    found.says("and the ensemble predicts").advises("leave one word out at a time instead");
    folder.succeed(&with(&["--explain", "--with", "ensemble"]));
    folder.succeed(&with(&["--explain=gradients", "--with", "final"]));
    let found = answer(&folder, &with(&["--explain", "--explain-steps", "9"]));
    found.says("`--explain-steps` is for integrated gradients").advises("`--explain=gradients`");
    folder.succeed(&with(&["--explain=gradients", "--explain-steps", "9"]));
    let found = answer(&folder, &with(&["--explain", "--to", "superglue"]));
    found.says("a submission to SuperGLUE").advises("`--to jsonl`");
    folder.succeed(&with(&["--explain", "--to", "jsonl"]));
}
