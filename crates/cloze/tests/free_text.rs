//! Masks that are filled freely: whole runs on a tiny random model.

mod common;

use cloze::inspect::zero_shot;
use cloze::task::Split;
use cloze::{Error, Predictor, With};
use cloze_encoder::Device;
use common::{Folder, TASK, prepared};

/// The task of the other tests, where the model is to write a word of the row.
fn task(method: &str) -> String {
    TASK.replace("[\"good\", \"great\"]", "\"{text}\"")
        .replace("down = \"bad\"", "down = []")
        .replace("[train]\n", &format!("[train]\nmethod = \"{method}\"\n"))
}

#[test]
fn a_run_goes_all_the_way() {
    for method in ["pet", "ipet"] {
        let (folder, task) = (Folder::new(), task(method));
        let outcome = folder.train(&task).unwrap();
        assert!(outcome.results.distilled.is_some());
        let test = folder.task(&task).examples(Split::Test).unwrap();
        let predictor = Predictor::open_with(&outcome.path, Some(With::Ensemble), &Device::new(1)).unwrap();
        let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
        // Votes for one label or the other.
        assert!(scores.iter().all(|row| (row[0] + row[1] - 1.0).abs() < 1e-6));
    }
}

#[test]
fn rows_to_learn_from_have_a_text_or_there_is_an_error() {
    let (folder, task) = (Folder::new(), task("pet"));
    folder.write("none.csv", "text,mood\nthe sun,down\nthe house,down\n");
    let task = task.replace("train.csv", "none.csv");
    let error = folder.train(&task).unwrap_err();
    assert!(matches!(error, Error::Data { .. }), "{error:?}");
    assert!(error.to_string().contains("no labelled row is `up`"), "{error}");
}

#[test]
fn only_rows_with_a_text_prime() {
    let (folder, task) = (Folder::new(), task("pet"));
    let found = zero_shot(&prepared(&folder.task(&task)), 3, |_, _| Ok(())).unwrap();
    // Two of the three labelled rows are `up`.
    assert_eq!(found.examples.map(|examples| (examples.least, examples.most)), Some((2, 2)));
}
