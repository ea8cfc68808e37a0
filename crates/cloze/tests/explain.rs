//! What a run's models use of examples.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use cloze::{Attribution, Explained, Explanation, Format, Predictor, ReadOptions, Reader, Record, Run, With};
use cloze_encoder::Device;
use common::{Folder, TASK};
use serde_json::Value;

const MEMBER: With = With::Member { pattern: 1, seed: 0 };

fn open(run: &Path, with: Option<With>) -> Predictor {
    Predictor::open_with(run, with, &Device::new(1)).unwrap()
}

/// A run whose models have learnt something.
fn trained() -> (Folder, Run) {
    let folder = Folder::new();
    let run = folder.train(&learning(TASK)).unwrap();
    (folder, run)
}

fn learning(task: &str) -> String {
    task.replace("steps = 4", "steps = 20").replace("steps = 5", "steps = 20\nlearning_rate = 1e-3")
}

fn explain(predictor: &Predictor, text: &str, how: Attribution) -> Explanation {
    let Explained { prediction, mut explanations, texts } = predictor.explain(text, how).unwrap();
    let explanation = explanations.remove(0);
    assert_eq!(explanations, []);
    assert_eq!(texts, [("text".to_owned(), text.to_owned())]);
    assert_eq!(prediction.label(), Some(explanation.label.as_str()));
    assert_eq!(prediction.probability(&explanation.label), Some(explanation.probability));
    for word in &explanation.words {
        let shown: String = text.chars().skip(word.start).take(word.end - word.start).collect();
        assert_eq!((word.text.as_str(), word.column.as_str()), (shown.as_str(), "text"));
    }
    explanation
}

fn annotate(predictor: &Predictor, how: Attribution, input: &str, format: Format) -> String {
    let reader = Reader::new("input", Cursor::new(input.to_owned()), ReadOptions::default()).unwrap();
    let mut output = Vec::new();
    predictor.annotate_explained(how, reader, &mut output, "output", format, |_| Ok(())).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_word_contributes_what_the_text_without_it_lacks() {
    let (_folder, run) = trained();
    for with in [None, Some(With::Ensemble), Some(MEMBER)] {
        let predictor = open(&run.path, with);
        let found = explain(&predictor, "a cold, old house", Attribution::LeaveOneOut);
        let words: Vec<&str> = found.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["a", "cold", ",", "old", "house"]);
        let without =
            ["cold, old house", "a , old house", "a cold old house", "a cold, house", "a cold, old"];
        for (word, text) in found.words.iter().zip(without) {
            let other = predictor.classify(text).unwrap().probability(&found.label).unwrap();
            assert_eq!(word.contribution, found.probability - other, "{with:?}: {text}");
        }
        assert!(found.words.iter().any(|word| word.contribution.abs() > 1e-4), "{found:?}");
        assert_eq!((found.completeness, found.cut), (None, 0));
    }
}

#[test]
fn an_explanation_is_the_same_every_time_and_whatever_is_explained_beside_it() {
    let (_folder, run) = trained();
    let texts: Vec<String> =
        (0..80).map(|row| format!("day {row} was {} and fine", "so ".repeat(row % 7))).collect();
    for how in [Attribution::LeaveOneOut, Attribution::Gradients { steps: 5 }] {
        let predictor = open(&run.path, None);
        let all: Vec<Explained> = predictor.explain_all(&texts, how).collect::<Result<_, _>>().unwrap();
        let two = Predictor::open_with(&run.path, None, &Device::new(2)).unwrap();
        for (text, explained) in texts.iter().zip(&all) {
            assert_eq!(&two.explain(text, how).unwrap(), explained);
        }
    }
}

#[test]
fn integrated_gradients_add_up_the_better_the_more_steps_they_take() {
    let (_folder, run) = trained();
    let predictor = open(&run.path, None);
    let gap = |steps| {
        let found =
            explain(&predictor, "the rain was cold and the house was old", Attribution::Gradients { steps });
        let sum: f64 = found.words.iter().map(|word| word.contribution).sum();
        let complete = found.completeness.unwrap();
        assert!((sum - (found.probability - complete.baseline) - complete.gap).abs() < 1e-12);
        assert!((found.probability - complete.baseline).abs() > 0.01, "{found:?}");
        complete.gap.abs()
    };
    let gaps = [1, 4, 16, 64].map(gap);
    assert!(gaps.is_sorted_by(|few, many| many < few), "{gaps:?}");
    assert!(gaps[3] < 1e-4, "{gaps:?}");
}

#[test]
fn only_a_classifier_has_gradients_and_there_is_a_step() {
    let (_folder, run) = trained();
    let gradients = Attribution::Gradients { steps: 8 };
    for (with, who) in [(With::Ensemble, "the ensemble"), (MEMBER, "a member of the ensemble")] {
        let predictor = open(&run.path, Some(with));
        let error = predictor.explain("a fine day", gradients).unwrap_err();
        assert!(error.to_string().ends_with(&format!("and {who} predicts")), "{error}");
        assert!(error.remedy().unwrap().starts_with("leave one word out at a time instead"));
        assert!(predictor.explain("a fine day", Attribution::LeaveOneOut).is_ok());
    }
    let predictor = open(&run.path, None);
    assert!(predictor.explain("a fine day", gradients).is_ok());
    let error = predictor.explain("a fine day", Attribution::Gradients { steps: 0 }).unwrap_err();
    assert_eq!(error.remedy().unwrap(), "take at least 1 step; 50 is usual");
    assert!(predictor.explain("a fine day", Attribution::Gradients { steps: 1 }).is_ok());
}

#[test]
fn words_that_are_not_read_contribute_nothing() {
    let folder = Folder::new();
    let run = folder.train(&learning(TASK).replace("[train]", "[train]\nmax_length = 16")).unwrap();
    let text = format!("the rain was cold {}", "and the house was old ".repeat(400));
    for how in [Attribution::LeaveOneOut, Attribution::Gradients { steps: 8 }] {
        let found = explain(&open(&run.path, None), &text, how);
        assert!(found.cut > 1000 && found.words.len() == 2004, "{}", found.cut);
        let last = found.words.iter().rposition(|word| word.contribution != 0.0).unwrap();
        assert!((8..14).contains(&last), "{last}");
    }
    // Without a word the model reads one more.
    let predictor = open(&run.path, None);
    let found = explain(&predictor, &text, Attribution::LeaveOneOut);
    let other = predictor.classify(text.replacen("rain ", "", 1)).unwrap().probability(&found.label).unwrap();
    assert_eq!(found.words[1].contribution, found.probability - other);
}

#[test]
fn texts_without_words_have_an_explanation_without_words() {
    let (_folder, run) = trained();
    for how in [Attribution::LeaveOneOut, Attribution::Gradients { steps: 2 }] {
        assert_eq!(explain(&open(&run.path, None), " \n", how).words, []);
    }
    let csv = annotate(&open(&run.path, None), Attribution::LeaveOneOut, "text,n\n,1\n", Format::Csv);
    assert!(csv.lines().nth(1).unwrap().ends_with(','), "{csv}");
}

#[test]
fn rows_get_a_column_that_people_read_in_tables_and_programs_in_json() {
    let (_folder, run) = trained();
    let predictor = open(&run.path, None);
    let input = "id,text\n7,\"a cold, old house\"\n8,they laughed\n";
    let csv = annotate(&predictor, Attribution::LeaveOneOut, input, Format::Csv);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,text,prediction,p_up,p_down,explanation", 3));
    let explanation = explain(&predictor, "they laughed", Attribution::LeaveOneOut);
    let said: Vec<String> = (explanation.strongest().iter())
        .map(|word| format!("{}:{:+.3}", word.text, word.contribution))
        .collect();
    assert!(lines[2].ends_with(&format!(",{}", said.join(" "))), "{}", lines[2]);

    let json = annotate(&predictor, Attribution::LeaveOneOut, input, Format::Jsonl);
    let row: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let explanation = &row["explanation"];
    assert_eq!(
        (&explanation["label"], &explanation["method"]),
        (&row["prediction"], &"leave-one-out".into())
    );
    let words = explanation["words"].as_array().unwrap();
    assert_eq!(words.len(), 5);
    assert_eq!(words[4]["word"], "house");
    assert_eq!(
        (&words[4]["column"], &words[4]["start"], &words[4]["end"]),
        (&"text".into(), &12.into(), &17.into())
    );
    assert!(words[4]["contribution"].is_f64() && explanation.get("gap").is_none(), "{explanation}");

    let gradients = Attribution::Gradients { steps: 3 };
    let json = annotate(&predictor, gradients, input, Format::Jsonl);
    let row: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert!(row["explanation"]["gap"].is_f64() && row["explanation"]["baseline"].is_f64(), "{row}");
    let csv = annotate(&predictor, gradients, input, Format::Csv);
    assert!(csv.lines().nth(1).unwrap().contains(" (gap "), "{csv}");
    // A column that is there already stays.
    let csv = annotate(&predictor, Attribution::LeaveOneOut, "explanation,text\nmine,a day\n", Format::Csv);
    assert!(csv.starts_with("explanation,text,prediction,p_up,p_down,explanation_2\nmine,"), "{csv}");
}

#[test]
fn rows_are_explained_one_by_one() {
    let (_folder, run) = trained();
    let predictor = open(&run.path, None);
    let rows: String = (0..70).map(|row| format!("a fine day {row}\n")).collect();
    let reader = Reader::new("input", Cursor::new(format!("text\n{rows}")), ReadOptions::default()).unwrap();
    let (mut shown, mut done) = (Vec::new(), 0);
    let keep = |explained: Explained| {
        shown.push(explained);
        Ok(())
    };
    let progress = |rows| {
        done = rows;
        Ok(())
    };
    let written = predictor.explain_rows(Attribution::LeaveOneOut, reader, progress, keep).unwrap();
    assert_eq!((written.rows, done, shown.len()), (70, 70, 70));
    assert_eq!(shown[69], predictor.explain("a fine day 69", Attribution::LeaveOneOut).unwrap());
}

#[test]
fn each_of_several_labels_has_an_explanation() {
    let folder = Folder::new();
    folder.write("train.csv", "text,mood\nthe sun was warm,up\nthe rain was cold,down\na fine day,up;down\n");
    folder.write("test.csv", "mood,text\nup,a warm fire\ndown,a cold house\n");
    let task = TASK
        .replace("It was {mask}. {text}", "Is it {topic}? {mask}. {text}")
        .replace("{text} All in all, {mask}.", "{text} It is about {topic}: {mask}.")
        .replace(
            "[labels]\nup   = [\"good\", \"great\"]\ndown =",
            "[multi_label]\ntopics = { up = \"the sun\", down = \"the rain\" }\n[labels]\nyes = \"good\"\nno =",
        );
    let run = folder.train(&learning(&task)).unwrap();
    let predictor = open(&run.path, None);
    let texts = ["a warm fire", "a cold house", "they laughed", "the rain"];
    let mut labels = 0;
    for explained in predictor.explain_all(texts, Attribution::LeaveOneOut) {
        let Explained { texts, prediction, explanations } = explained.unwrap();
        let of: Vec<&str> = explanations.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(of, prediction.labels);
        labels += of.len();
        // The description of a topic is no part of the example.
        assert_eq!(texts.len(), 1);
        for one in &explanations {
            assert_eq!(prediction.probability(&one.label), Some(one.probability));
            assert!(one.words.iter().all(|word| word.column == "text"));
        }
    }
    assert!(labels > 0);
    let json = annotate(&predictor, Attribution::LeaveOneOut, "text\na warm fire\n", Format::Jsonl);
    let row: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(row["explanations"].as_array().unwrap().len(), row["predictions"].as_array().unwrap().len());
    let gradients = predictor.explain("a warm fire", Attribution::Gradients { steps: 64 }).unwrap();
    assert!(gradients.explanations.iter().all(|one| one.completeness.unwrap().gap.abs() < 1e-3));
}

#[test]
fn every_column_of_an_example_is_explained() {
    let folder = Folder::new();
    for (file, rows) in [
        ("train.csv", "a,b,mood\nwarm sun,é fine,up\ncold,rain fell,down\n"),
        ("unlabeled.csv", "a,b\nold,house\nthe,fire\n"),
    ] {
        folder.write(file, rows);
    }
    let task = TASK
        .replace("It was {mask}. {text}", "It was {mask}. {a} {b}")
        .replace("{text} All in all", "{b} All in all")
        .replace("test      = \"test.csv\"\n", "");
    let run = folder.train(&learning(&task)).unwrap();
    let predictor = open(&run.path, None);
    let example = Record::from(["the rain", "é fine day"]);
    for how in [Attribution::LeaveOneOut, Attribution::Gradients { steps: 4 }] {
        let found = &predictor.explain(example.clone(), how).unwrap().explanations[0];
        let words: Vec<(&str, &str, usize)> =
            found.words.iter().map(|word| (word.column.as_str(), word.text.as_str(), word.start)).collect();
        let want = [("a", "the", 0), ("a", "rain", 4), ("b", "é", 0), ("b", "fine", 2), ("b", "day", 7)];
        assert_eq!(words, want);
        assert!(found.words.iter().all(|word| word.contribution != 0.0), "{found:?}");
    }
    let found = &predictor.explain(example, Attribution::LeaveOneOut).unwrap().explanations[0];
    let other = predictor.classify(["the rain", "é day"]).unwrap().probability(&found.label).unwrap();
    assert_eq!(found.words[3].contribution, found.probability - other);
}

#[test]
fn the_report_colours_what_the_classifier_used_of_the_rows_that_it_shows() {
    let (folder, run) = trained();
    let insight: Value = serde_json::from_slice(&fs::read(run.path.join("insight.json")).unwrap()).unwrap();
    let predictor = open(&run.path, None);
    for row in insight["uncertain"].as_array().unwrap() {
        let found = explain(&predictor, row["fields"]["text"].as_str().unwrap(), Attribution::LeaveOneOut);
        let words = row["words"].as_array().unwrap();
        assert_eq!(words.len(), found.words.len());
        for (kept, word) in words.iter().zip(&found.words) {
            assert_eq!((&kept["start"], &kept["end"]), (&word.start.into(), &word.end.into()));
            assert!((kept["contribution"].as_f64().unwrap() - word.contribution).abs() < 5.1e-5);
        }
    }
    let page = run.report().unwrap();
    assert!(page.contains("<mark class=\"for\"") && page.contains("what the model used, not why"));
    // What differs from run to run is left out of what training writes.
    fs::remove_file(run.path.join("energy.json")).unwrap();
    assert_eq!(run.report().unwrap(), fs::read_to_string(run.path.join("report.html")).unwrap());
    assert!(!run.report_without_texts().unwrap().contains("<mark"));
    // Without the model nothing can be asked.
    let bare = folder.train(&learning(TASK).replace("[train]", "[train]\nkeep = 'none'")).unwrap();
    assert!(!bare.report().unwrap().contains("<mark"));
}
