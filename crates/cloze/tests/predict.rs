//! Predictions of finished runs and of the pretrained model.

mod common;

use std::fs;
use std::path::Path;

use cloze::inspect::zero_shot;
use cloze::task::Split;
use cloze::{Format, Predictor, ReadOptions, Reader, Run, With};
use cloze_encoder::Device;
use common::{Folder, TASK, prepared, with_rows_for_a_probe, written};

fn annotate(predictor: &Predictor, input: &str) -> String {
    let reader =
        Reader::new("input", std::io::Cursor::new(input.to_owned()), ReadOptions::default()).unwrap();
    let mut output = Vec::new();
    predictor.annotate(reader, &mut output, "output", Format::Csv, |_| Ok(())).unwrap();
    String::from_utf8(output).unwrap()
}

/// Predicts the test rows, which gives the bits that the job has measured. Returns who has predicted.
fn predictor_and_measured(folder: &Folder, run: &Path, with: Option<With>, job: &str) -> Predictor {
    let test = folder.task(TASK).examples(Split::Test).unwrap();
    let predictor = Predictor::open_with(run, with, &Device::new(1)).unwrap();
    let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
    assert_eq!(
        written(["up", "down"], &scores),
        fs::read_to_string(run.join(job).join("test.csv")).unwrap(),
        "{job}"
    );
    predictor
}

#[test]
fn classifier_and_ensemble_give_the_scores_that_training_has_measured() {
    let folder = Folder::new();
    let outcome = folder.train(TASK).unwrap();
    let test = folder.task(TASK).examples(Split::Test).unwrap();
    for (with, job) in
        [(None, "final"), (Some(With::Classifier), "final"), (Some(With::Ensemble), "g0/ensemble")]
    {
        assert_eq!(
            predictor_and_measured(&folder, &outcome.path, with, job).models,
            if job == "final" { 1 } else { 2 }
        );
    }
    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let measured = outcome.results.distilled.unwrap().test.unwrap();
    assert_eq!(predictor.evaluate(&test, |_, _| Ok(())).unwrap(), measured);
}

#[test]
fn the_fingerprint_is_that_of_what_predicts() {
    let folder = Folder::new();
    let path = folder.train(TASK).unwrap().path;
    let other = folder.train(&TASK.replace("steps = 5", "steps = 6")).unwrap().path;
    let of = |run: &Path, with| {
        let predictor = Predictor::open_with(run, with, &Device::new(1)).unwrap();
        predictor.fingerprint().unwrap()
    };
    let known = of(&path, None);
    assert_eq!(of(&path, Some(With::Classifier)), known);
    assert_ne!(of(&path, Some(With::Ensemble)), known);
    assert_ne!(of(&path, Some(With::Member { pattern: 0, seed: 0 })), of(&path, Some(With::Ensemble)));
    assert_ne!(of(&other, None), known);
    let moved = path.with_file_name("moved");
    fs::rename(path, &moved).unwrap();
    assert_eq!(of(&moved, None), known);
}

#[test]
fn an_ensemble_with_a_probe_gives_the_scores_that_training_has_measured() {
    let folder = with_rows_for_a_probe();
    let Run { path: run, results, .. } = folder.train(TASK).unwrap();
    let probe = results.probe.as_ref().unwrap();
    assert_eq!((probe.train_accuracy, probe.weight), (Some(1.0), Some(0.5)));
    assert!(probe.test.is_some() && run.join("probe/probe.json").is_file());
    assert_eq!(predictor_and_measured(&folder, &run, Some(With::Ensemble), "g0/ensemble").models, 3);
    // The members alone say something else.
    let without = folder.train(&TASK.replace("[train]", "[train]\nprobe = false")).unwrap();
    assert!(without.results.probe.is_none());
    let scores = |run: &Path| fs::read_to_string(run.join("g0/ensemble/logits.csv")).unwrap();
    assert_ne!(scores(&run), scores(&without.path));
}

#[test]
fn rows_keep_their_columns_and_get_a_label_and_probabilities() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(1)).unwrap();
    let output = annotate(&predictor, "id,text\n7,a fine day\n8,\n");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "id,text,prediction,p_up,p_down");
    assert!(lines[1].starts_with("7,a fine day,"));
    let values: Vec<&str> = lines[1].split(',').collect();
    let sum: f64 = values[3..].iter().map(|value| value.parse::<f64>().unwrap()).sum();
    assert!((sum - 1.0).abs() < 2e-6, "{output}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn rows_within_rows_are_learnt_from_measured_by_question_and_written_one_by_one() {
    let folder = Folder::new();
    let row = |id: u8, text: &str| {
        let answers = r#"[{"text": "warm", "right": 1}, {"text": "cold", "right": false}]"#;
        format!(r#"{{"of": {{"text": "{text}", "questions": [{{"id": {id}, "answers": {answers}}}]}}}}"#)
            + "\n"
    };
    for file in ["train.jsonl", "unlabeled.jsonl", "test.jsonl"] {
        folder.write(file, &(row(1, "the sun was warm") + &row(2, "a fine day") + &row(3, "they laughed")));
    }
    let task = TASK
        .replace(".csv\"", ".jsonl\"")
        .replace("label     = \"mood\"", "label = 'right'\nrows = 'of.questions[].answers[]'")
        .replace("\n[labels]\nup   =", "[columns]\nright = '{of.questions.answers.right}'\nid = 'q{of.questions.id}'\n\
            text = '{of.text} {of.questions.answers.text}'\n[metrics]\ngroup = 'id'\npositive = '1'\n[labels]\n1 =")
        .replace("down =", "false =");
    let outcome = folder.train(&task).unwrap();
    let test = outcome.results.distilled.as_ref().unwrap().test.clone().unwrap();
    assert_eq!((test.rows, test.f1.is_some(), test.exact_match.is_some()), (6, true, true));
    assert_eq!(outcome.results.rows("unlabeled"), 6);
    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let examples = folder.task(&task).examples(Split::Test).unwrap();
    let again = predictor.evaluate(&examples, |_, _| Ok(())).unwrap();
    assert_eq!((again.confusion, again.exact_match), (test.confusion, test.exact_match));
    let output = annotate(&predictor, &(row(1, "a fine day") + &row(2, "rain")));
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "id,text,prediction,p_1,p_false");
    let starts = ["q1,a fine day warm,", "q1,a fine day cold,", "q2,rain warm,", "q2,rain cold,"];
    assert!(lines[1..].iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{output}");
    assert_eq!(lines.len(), 5);

    let file = r#"{"idx": 3, "of": {"text": "a fine day", "questions": [
        {"idx": 8, "id": 1, "answers": [{"idx": 20, "text": "warm"}, {"idx": 21, "text": "cold"}]},
        {"idx": 9, "id": 2, "answers": [{"idx": 22, "text": "he wept"}]}]}}"#
        .replace('\n', "");
    let table = annotate(&predictor, &file);
    let label = |row: usize| labels(&table, 2)[row].replace("false", "\"false\"");
    let want = format!(
        "{{\"idx\": 3, \"of\": {{\"questions\": [{{\"idx\": 8, \"answers\": [{{\"idx\": 20, \"label\": {}}}, \
         {{\"idx\": 21, \"label\": {}}}]}}, {{\"idx\": 9, \"answers\": [{{\"idx\": 22, \"label\": {}}}]}}]}}}}\n",
        label(0),
        label(1),
        label(2)
    );
    assert_eq!(submit(&predictor, &file).unwrap(), want);
}

/// What a submission says of rows that are answers, or that are rows of the file.
fn submit(predictor: &Predictor, input: &str) -> cloze::Result<String> {
    let reader =
        Reader::new("test.jsonl", std::io::Cursor::new(input.to_owned()), ReadOptions::default()).unwrap();
    let mut output = Vec::new();
    predictor.submit(reader, &mut output, "output", |_| Ok(()))?;
    Ok(String::from_utf8(output).unwrap())
}

/// The labels in a column of what `annotate` has written.
fn labels(written: &str, column: usize) -> Vec<&str> {
    written.lines().skip(1).map(|line| line.split(',').nth(column).unwrap()).collect()
}

#[test]
fn a_submission_has_the_idx_of_every_row_and_the_label_that_is_predicted_for_it() {
    let folder = Folder::new();
    let run = folder
        .train(&TASK.replace("[distil]", "[distil]\nstart = 'model'\nlearning_rate = 1e-4"))
        .unwrap()
        .path;
    let predictor = Predictor::open_with(&run, None, &Device::new(2)).unwrap();
    let text = |row: usize| ["the sun was warm", "the rain was cold", "a fine day", "he wept"][row % 4];
    let rows: String = (0..600)
        .map(|row| format!("{{\"text\": \"{} {row}\", \"idx\": {}}}\n", text(row), row + 7))
        .collect();
    let table = annotate(&predictor, &rows);
    let predicted = labels(&table, 2);
    let want: String = (0..600)
        .map(|row| format!("{{\"idx\": {}, \"label\": \"{}\"}}\n", row + 7, predicted[row]))
        .collect();
    assert_eq!(submit(&predictor, &rows).unwrap(), want);
    assert!(predicted.contains(&"up") && predicted.contains(&"down"), "{predicted:?}");
    let error = submit(&predictor, "{\"text\": \"a fine day\"}\n").unwrap_err();
    assert_eq!(error.to_string(), "`test.jsonl`: there is no `idx` in the file");
}

#[test]
fn columns_of_the_input_are_never_overwritten() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(1)).unwrap();
    let output = annotate(&predictor, "label,text,p_up\nmine,a fine day,1\n");
    assert_eq!(output.lines().next().unwrap(), "label,text,p_up,prediction,p_up_2,p_down");
}

#[test]
fn more_rows_than_fit_in_a_chunk_come_out_in_order() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(2)).unwrap();
    let rows: String = (0..1200).map(|row| format!("{row},day {row} of the road\n")).collect();
    let output = annotate(&predictor, &format!("id,text\n{rows}"));
    let ids: Vec<usize> =
        output.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (0..1200).collect::<Vec<_>>());
}

#[test]
fn an_ensemble_that_was_not_kept_cannot_predict() {
    let folder = Folder::new();
    let run = folder.train(&TASK.replace("[train]", "[train]\nkeep = \"final\"")).unwrap().path;
    let error = Predictor::open_with(&run, Some(With::Ensemble), &Device::new(1)).err().unwrap();
    assert!(error.to_string().ends_with("has not kept the models of its ensemble"), "{error}");
    assert!(error.remedy().unwrap().contains("keep = \"final\""));
}

#[test]
fn without_a_classifier_the_ensemble_predicts() {
    let folder = Folder::new();
    let run = folder.train(&TASK.replace("unlabeled = \"unlabeled.csv\"\n", "")).unwrap().path;
    let predictor = Predictor::open_with(&run, None, &Device::new(1)).unwrap();
    assert_eq!(annotate(&predictor, "text\na fine day\n").lines().count(), 2);
    assert!(Predictor::open_with(&run, Some(With::Classifier), &Device::new(1)).is_err());
}

#[test]
fn a_damaged_model_is_named() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let file = run.join("final/model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = Predictor::open_with(&run, None, &Device::new(1)).err().unwrap().to_string();
    assert!(error.ends_with("model.safetensors` is damaged: its content is not what was written"), "{error}");
}

#[test]
fn an_unfinished_run_says_what_is_missing() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    for file in ["final", "g0/ensemble"] {
        fs::remove_dir_all(run.join(file)).unwrap();
    }
    fs::remove_file(run.join("results.json")).unwrap();
    let refusal = |with| Predictor::open_with(&run, with, &Device::new(1)).err().unwrap().to_string();
    assert!(refusal(None).ends_with("is not finished"));
    assert!(refusal(Some(With::Ensemble)).ends_with("has no ensemble"));
}

#[test]
fn the_pretrained_model_is_measured_on_the_best_rows_there_are() {
    let folder = Folder::new();
    let measure = |text: &str| zero_shot(&prepared(&folder.task(text)), 0, |_, _| Ok(())).unwrap();
    let found = measure(TASK);
    assert_eq!((found.rows, found.patterns.len()), ("test", 2));
    let trained = folder.train(TASK).unwrap().results;
    assert_eq!(found.patterns[0].evaluation, trained.zero_shot[0].test);
    assert_eq!(found.together.evaluation, trained.zero_shot_together.unwrap().test);
    let without = TASK.replace("test      = \"test.csv\"\n", "");
    assert_eq!(measure(&without).rows, "train");
    let found = measure(&without.replace("train     = \"train.csv\"\n", ""));
    assert_eq!((found.rows, found.together.evaluation), ("unlabeled", None));
    assert_eq!(found.together.predicted.values().sum::<usize>(), 12);
}

#[test]
fn a_primed_model_is_never_measured_on_what_it_is_primed_with() {
    let folder = Folder::new();
    let prime = |text: &str| zero_shot(&prepared(&folder.task(text)), 2, |_, _| Ok(()));
    let found = prime(TASK).unwrap();
    assert_eq!(found.examples.map(|examples| (examples.wanted, examples.least)), Some((2, 2)));
    let trained = folder.train(&TASK.replace("compare = true", "priming = 2")).unwrap().results;
    for (pattern, stage) in found.patterns.iter().zip(&trained.primed) {
        assert_eq!(pattern.evaluation, stage.test);
    }
    assert_eq!(found.together.evaluation, trained.primed_together.unwrap().test);
    let without = TASK.replace("test      = \"test.csv\"\n", "");
    assert_eq!(prime(&without).unwrap().rows, "unlabeled");
    let error = prime(&TASK.replace("train     = \"train.csv\"\n", "")).unwrap_err();
    assert_eq!(error.to_string(), "there are no labelled rows to prime with");
    let error = prime(&without.replace("unlabeled = \"unlabeled.csv\"\n", "")).unwrap_err();
    assert!(error.to_string().starts_with("there are no rows besides the labelled ones"), "{error}");
}
