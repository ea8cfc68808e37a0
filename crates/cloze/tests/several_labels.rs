//! Rows with several labels, from the files to predictions, on a tiny random model.

mod common;

use std::fs;

use cloze::inspect::zero_shot;
use cloze::task::Split;
use cloze::{
    Evaluation, Example, Format, Labelled, Prediction, Predictor, ReadOptions, Reader, Results, With,
};
use cloze_encoder::Device;
use common::{Folder, TASK, prepared};

/// The small task with three classes; its test rows are about one, several, or none.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write(
        "train.csv",
        "text,tags\nthe sun was warm,weather;home\nthe rain was cold,weather\na long road,none\nnot yet,\n",
    );
    folder.write("test.csv", "tags,text\nhome,a warm fire\nweather;home,a cold house\nnone,they laughed\n");
    folder
}

fn task() -> String {
    TASK.replace("It was {mask}. {text}", "Is it {topic}? {mask}. {text}")
        .replace("{text} All in all, {mask}.", "{text} It is about {topic}: {mask}.")
        .replace("\"mood\"", "\"tags\"")
        .replace(
            "[labels]\nup   = [\"good\", \"great\"]\ndown =",
            "[multi_label]\ntopics = { weather = \"the sky\", home = \"a house\", \
            work = \"work\" }\n[labels]\nyes = \"good\"\nno =",
        )
}

fn annotate(predictor: &Predictor, input: &str, format: Format) -> String {
    let reader =
        Reader::new("input", std::io::Cursor::new(input.to_owned()), ReadOptions::default()).unwrap();
    let mut output = Vec::new();
    predictor.annotate(reader, &mut output, "output", format, |_| Ok(())).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_run_learns_from_and_measures_a_row_for_every_class() {
    let folder = folder();
    let outcome = folder.train(&task()).unwrap();
    let results = outcome.results;
    let written = serde_json::to_value(&results).unwrap();
    let rows = |part: &str| (written["data"][part]["rows"].as_u64().unwrap(), results.rows(part));
    assert_eq!([rows("train"), rows("unlabeled"), rows("test")], [(9, 3), (36, 12), (9, 3)]);
    assert_eq!((results.classes.len(), results.labels.join(" ")), (3, "yes no".to_owned()));
    for stage in [&results.ensemble, &results.distilled, &results.supervised] {
        let test = stage.as_ref().unwrap().test.as_ref().unwrap();
        assert!(test.f1.is_some() && test.exact_match.is_some());
        let gold: Vec<_> = test.classes.iter().map(|class| (class.label.as_str(), class.gold)).collect();
        assert_eq!(gold, [("weather", 1), ("home", 2), ("work", 0)]);
        assert_eq!(test.classes.iter().map(|class| class.predicted).sum::<u64>(), test.labels[0].predicted);
    }
    let read: Results =
        serde_json::from_slice(&fs::read(outcome.path.join("results.json")).unwrap()).unwrap();
    assert_eq!(read, results);
}

#[test]
fn one_file_as_lines_and_as_objects_with_lists_gives_the_same_run() {
    let folder = folder();
    let first = folder.train(&task()).unwrap().results;
    folder.write(
        "train.jsonl",
        "{\"text\": \"the sun was warm\", \"tags\": [\"home\", \"weather\"]}\n\
         {\"text\": \"the rain was cold\", \"tags\": [\"weather\"]}\n\
         {\"text\": \"a long road\", \"tags\": []}\n{\"text\": \"not yet\", \"tags\": null}\n",
    );
    let second = folder.train(&task().replace("train.csv", "train.jsonl")).unwrap().results;
    assert_eq!((first.members, first.distilled), (second.members, second.distilled));
}

#[test]
fn other_names_for_the_same_classes_are_measured_anew() {
    let folder = folder();
    folder.train(&task()).unwrap();
    let renamed = task().replace("work = ", "office = ");
    let results = folder.train(&renamed).unwrap().results;
    let test = results.zero_shot[0].test.as_ref().unwrap();
    assert_eq!(test.classes[2].label, "office");
}

#[test]
fn a_row_comes_back_once_with_the_labels_that_it_has() {
    let folder = folder();
    let run = folder.train(&task()).unwrap().path;
    for with in [With::Classifier, With::Ensemble] {
        let predictor = Predictor::open_with(&run, Some(with), &Device::new(1)).unwrap();
        let texts = ["a warm fire", "a cold house", "they laughed"];
        let answers: Vec<Prediction> = predictor.classify_all(texts).map(Result::unwrap).collect();
        let csv =
            annotate(&predictor, "id,text\n7,a warm fire\n8,a cold house\n9,they laughed\n", Format::Csv);
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines[0], ["id", "text", "predictions", "p_weather", "p_home", "p_work"]);
        assert_eq!(lines.len(), 4);
        let json = annotate(&predictor, "{\"text\": \"a warm fire\"}\n", Format::Jsonl);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["predictions"], serde_json::json!(answers[0].labels), "{with:?}");
        assert_eq!(json["p_home"].to_string(), lines[1][4]);
        for (line, answer) in lines[1..].iter().zip(&answers) {
            let given = if answer.labels.is_empty() { "none".to_owned() } else { answer.labels.join(";") };
            assert_eq!(line[2], given);
            for ((class, share), written) in answer.probabilities.iter().zip(&line[3..]) {
                assert!((written.parse::<f64>().unwrap() - share).abs() < 1e-6);
                assert_eq!(answer.labels.contains(class), *share >= 0.5, "{class} {share}");
            }
        }
    }
}

#[test]
fn labels_that_were_predicted_are_read_as_labels() {
    let folder = folder();
    let run = folder.train(&task()).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(1)).unwrap();
    for (input, format) in
        [("text\na warm fire\nthey laughed\n", Format::Csv), ("{\"text\": \"a warm fire\"}\n", Format::Jsonl)]
    {
        let written = annotate(&predictor, input, format);
        let mut task = predictor.task().clone();
        task.data.label = Some("predictions".into());
        let reader = Reader::new("again", std::io::Cursor::new(written), ReadOptions::from(format)).unwrap();
        let rows = Labelled::read(&task, reader, false).unwrap().examples;
        let right = predictor.evaluate(&rows, |_, _| Ok(())).unwrap();
        assert_eq!((right.accuracy.value, right.exact_match.unwrap().value), (1.0, 1.0));
        assert_eq!(rows.len() % 3, 0);
    }
}

#[test]
fn more_rows_than_fit_in_a_chunk_keep_their_own_labels() {
    let folder = folder();
    let run = folder.train(&task()).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(2)).unwrap();
    let rows: String = (0..400).map(|row| format!("{row},day {} of the road\n", row % 200)).collect();
    let output = annotate(&predictor, &format!("id,text\n{rows}"), Format::Csv);
    let lines: Vec<&str> = output.lines().skip(1).collect();
    assert_eq!(lines.len(), 400);
    let answer = |row: usize| lines[row].split_once(',').unwrap().1;
    assert!((0..200).all(|row| answer(row) == answer(row + 200)));
    assert!(lines.iter().enumerate().all(|(row, line)| line.starts_with(&format!("{row},day"))));
}

#[test]
fn a_finished_run_is_measured_as_training_did() {
    let folder = folder();
    let outcome = folder.train(&task()).unwrap();
    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let reader = Reader::open(&folder.0.path().join("test.csv"), ReadOptions::default()).unwrap();
    let rows = Labelled::read(predictor.task(), reader, false).unwrap().examples;
    let again: Evaluation = predictor.evaluate(&rows, |_, _| Ok(())).unwrap();
    assert_eq!(again, outcome.results.distilled.unwrap().test.unwrap());
}

#[test]
fn rows_within_rows_can_have_several_labels_each() {
    let folder = folder();
    let row = |a: &str, b: &str| {
        format!(
            "{{\"of\": {{\"title\": \"day\", \"posts\": [{{\"text\": \"warm\", \"tags\": {a}}}, {{\"text\": \"cold\", \"tags\": {b}}}]}}}}\n"
        )
    };
    for file in ["train.jsonl", "unlabeled.jsonl", "test.jsonl"] {
        folder.write(file, &(row("[\"home\"]", "[]") + &row("[\"weather\", \"home\"]", "[\"work\"]")));
    }
    let task = task()
        .replace(".csv\"", ".jsonl\"")
        .replace("\"tags\"", "\"of.posts.tags\"\nrows = \"of.posts[]\"")
        .replace("{text}", "{of.title} {of.posts.text}");
    let outcome = folder.train(&task).unwrap();
    assert_eq!(outcome.results.rows("test"), 4);
    let measured = outcome.results.distilled.unwrap().test.unwrap();
    assert_eq!(measured.classes[1].gold, 2);
    let right = measured.exact_match.unwrap().value * 4.0;
    assert_eq!(right, right.round(), "a share of four rows");
    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let output = annotate(&predictor, &row("[]", "[]"), Format::Csv);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "of.title,of.posts.text,predictions,p_weather,p_home,p_work");
    assert!(
        lines[1].starts_with("day,warm,") && lines[2].starts_with("day,cold,") && lines.len() == 3,
        "{output}"
    );
}

#[test]
fn generations_and_plain_fine_tuning_and_the_pretrained_model_do_with_several_labels() {
    let folder = folder();
    let results = folder.train(&task().replace("[train]", "[train]\nmethod = \"ipet\"")).unwrap().results;
    assert!(!results.generations.is_empty());
    assert_eq!(results.distilled.unwrap().test.unwrap().classes.len(), 3);
    let results =
        folder.train(&task().replace("[train]", "[train]\nmethod = \"supervised\"")).unwrap().results;
    assert_eq!(results.supervised.unwrap().test.unwrap().classes.len(), 3);
    let found = zero_shot(&prepared(&folder.task(&task())), 0, |_, _| Ok(())).unwrap();
    let together = found.together.evaluation.unwrap();
    assert_eq!((together.rows, together.classes.len()), (9, 3));
}

#[test]
fn limits_count_rows_of_the_files() {
    let folder = folder();
    let text =
        task().replace("label     =", "train_limit = 2\nunlabeled_limit = 5\ntest_limit = 2\nlabel     =");
    let task = folder.task(&text);
    let classes = |rows: &[Example]| -> Vec<String> {
        // The patterns say what the class is before they say what the row is.
        rows.iter().map(|row| row.texts[0].clone()).collect()
    };
    for (set, rows) in [(Split::Train, 2), (Split::Unlabeled, 5), (Split::Test, 2)] {
        let examples = task.examples(set).unwrap();
        assert_eq!(classes(&examples), ["the sky", "a house", "work"].repeat(rows), "{set:?}");
        assert!(examples.chunks(3).all(|row| row.iter().all(|copy| copy.place == row[0].place)));
    }
}
