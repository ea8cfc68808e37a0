//! Label words of several tokens: whole runs on a tiny random model.

mod common;

use cloze::task::Split;
use cloze::{Predictor, With};
use cloze_encoder::Device;
use common::{Folder, TASK, written};

#[test]
fn a_run_with_such_words_goes_all_the_way() {
    for (method, up) in [("pet", "\"very good\""), ("ipet", "[\"good\", \"{text}\"]")] {
        let task = TASK
            .replace("[\"good\", \"great\"]", up)
            .replace("[train]\n", &format!("[train]\nmethod = \"{method}\"\n"));
        let folder = Folder::new();
        let outcome = folder.train(&task).unwrap();
        assert!(outcome.results.distilled.is_some());
        let test = folder.task(&task).examples(Split::Test).unwrap();
        let predictor = Predictor::open_with(&outcome.path, Some(With::Ensemble), &Device::new(1)).unwrap();
        let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
        let job = &outcome.results.ensemble.as_ref().unwrap().job;
        let measured = std::fs::read_to_string(outcome.path.join(job).join("test.csv")).unwrap();
        assert_eq!(written(["up", "down"], &scores), measured, "{method}");
    }
}
