//! Whole runs on a tiny random model: resuming, reuse, damage, and the corners of the data.

mod common;

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use cloze::inspect::Estimate;
use cloze::{Error, Event, Predictor, Results, Run};
use cloze_encoder::{Checkpoint, Device};
use common::{Folder, TASK, prepared, tiny, train, with_rows_for_a_probe};

/// Everything in a run that must not depend on how it came about.
fn bytes(run: &Path) -> Vec<Vec<u8>> {
    [
        "results.json",
        "report.html",
        "final/model.safetensors",
        "final/config.json",
        "final/README.md",
        "g0/ensemble/logits.csv",
    ]
    .map(|file| fs::read(run.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")))
    .into()
}

#[test]
fn a_run_holds_what_it_promises() {
    let folder = Folder::new();
    let Run { path: run, results, .. } = folder.train(TASK).unwrap();
    let jobs = ["zero-shot/p0", "zero-shot/p1", "g0/p0-s0", "g0/p1-s0", "g0/ensemble", "supervised", "final"];
    for job in jobs {
        for file in ["job.json", "scores.json", "test.csv"] {
            assert!(run.join(job).join(file).is_file(), "{job}/{file}");
        }
    }
    for file in ["run.toml", "results.json", "report.html", "g0/p0-s0/steps.csv", "g0/p0-s0/logits.csv"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_dir(run.join("events")).unwrap().count(), 1, "one process has worked in it");
    let read: Results = serde_json::from_slice(&fs::read(run.join("results.json")).unwrap()).unwrap();
    assert_eq!(read, results);
    assert_eq!((results.zero_shot.len(), results.members.len()), (2, 2));
    assert_eq!(results.distilled.as_ref().unwrap().test.as_ref().unwrap().rows, 4);
    let weights: f64 = results.members.iter().filter_map(|member| member.weight).sum();
    assert!((weights - 1.0).abs() < 1e-12);
    let logits = fs::read_to_string(run.join("g0/ensemble/logits.csv")).unwrap();
    assert_eq!((logits.lines().next(), logits.lines().count()), (Some("up,down"), 13));
    Checkpoint::open(&run.join("final")).unwrap();
    assert_eq!(fs::read_dir(&run).unwrap().filter(|entry| is_unfinished(entry.as_ref().unwrap())).count(), 0);
}

fn is_unfinished(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().ends_with(".tmp")
}

/// Trains again and again, stopped at every `nth` event, in folders that `make` makes, and compares with what a run that was never stopped ends with.
fn stopped_at_every(nth: usize, text: &str, make: fn() -> Folder) {
    let count = Cell::new(0);
    let whole = make();
    let outcome = whole.train_until(text, |_| {
        count.set(count.get() + 1);
        false
    });
    let expected = bytes(&outcome.unwrap().path);
    // Every event is a place to stop at; the tasks' data are the same in every folder, and folders are no part of a result.
    let mut stops = 0;
    for stop in (1..count.get()).step_by(nth) {
        let folder = make();
        let seen = Cell::new(0);
        let stopped = folder.train_until(text, |_| {
            seen.set(seen.get() + 1);
            seen.get() == stop
        });
        assert!(matches!(stopped, Err(Error::Stopped)), "{stop}");
        stops += 1;
        assert_eq!(bytes(&folder.train(text).unwrap().path), expected, "stopped at event {stop}");
    }
    assert!(stops > 10);

    // One run that is stopped again and again, a bit later every time, gets to the same end.
    let folder = make();
    let mut limit = 1;
    let outcome = loop {
        let seen = Cell::new(0);
        match folder.train_until(text, |_| {
            seen.set(seen.get() + 1);
            seen.get() > limit
        }) {
            Ok(outcome) => break outcome,
            Err(error) => assert!(matches!(error, Error::Stopped), "{error}"),
        }
        limit += 4;
    };
    assert_eq!(bytes(&outcome.path), expected);
}

#[test]
fn a_run_stopped_anywhere_ends_with_the_same_bytes() {
    stopped_at_every(3, TASK, Folder::new);
}

#[test]
fn a_run_with_a_probe_stopped_anywhere_ends_with_the_same_bytes() {
    stopped_at_every(3, &TASK.replace("compare = true", ""), with_rows_for_a_probe);
}

#[test]
fn members_that_are_not_kept_are_trained_again_where_the_classifier_starts_from_them() {
    stopped_at_every(3, &TASK.replace("compare = true", "keep = 'final'"), Folder::new);
}

#[test]
fn only_what_a_run_ends_with_is_measured_unless_more_is_asked_for() {
    let folder = Folder::new();
    let only = folder.train(&TASK.replace("compare = true", "")).unwrap();
    let all = folder.train(&TASK.replace("compare = true", "measure = 'all'")).unwrap();
    let measured = |outcome: &Run| {
        let Results { zero_shot, members, ensemble, distilled, .. } = &outcome.results;
        let stages = zero_shot.iter().chain(members).chain(ensemble).chain(distilled);
        stages.map(|stage| stage.test.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(measured(&only), [false, false, false, false, false, true]);
    assert_eq!(measured(&all), [true; 6]);
    assert!(only.results.zero_shot_together.is_none() && all.results.supervised.is_none());
    // What is measured on the way changes nothing of where it leads.
    let classifier = |outcome: &Run| fs::read(outcome.path.join("final/model.safetensors")).unwrap();
    assert!(classifier(&only) == classifier(&all));
}

#[test]
fn what_is_frozen_and_where_the_classifier_starts_change_the_result() {
    let folder = Folder::new();
    let text = TASK.replace("compare = true", "");
    let classifier =
        |text: &str| fs::read(folder.train(text).unwrap().path.join("final/model.safetensors")).unwrap();
    let usual = classifier(&text);
    let whole = classifier(&text.replace("steps = 4", "steps = 4\nfreeze = 0"));
    let anew = classifier(&text.replace("[distil]", "[distil]\nstart = 'model'"));
    assert!(usual != whole && usual != anew && whole != anew);
    // Of three layers one is the third that can be spared.
    assert!(usual == classifier(&text.replace("steps = 4", "steps = 4\nfreeze = 1")));
}

#[test]
fn a_row_to_label_next_is_found_by_file_and_line() {
    let folder = Folder::new();
    // Few updates at a high rate, and the members agree on little.
    let task = TASK.replace("1e-3", "3e-2\nseeds = [0, 1, 2, 3]");
    let Run { path: run, results, .. } = folder.train(&task).unwrap();
    let file = fs::read_to_string(folder.0.path().join("unlabeled.csv")).unwrap();
    assert!(!results.label_next.is_empty());
    for disputed in &results.label_next {
        let line = file.lines().nth(disputed.line.unwrap() as usize - 1).unwrap();
        assert_eq!((disputed.file.as_deref(), line), (Some("unlabeled.csv"), &*disputed.fields["text"]));
    }
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    let place = format!("unlabeled.csv:{}", results.label_next[0].line.unwrap());
    assert!(report.contains(&format!(">{place}<")));
    // A job is shared by runs whose files have other names, so it does not say where a row is.
    let own = fs::read_to_string(run.join("g0/ensemble/label_next.json")).unwrap();
    assert!(own.contains("\"row\"") && !own.contains("\"line\""), "{own}");
}

#[test]
fn a_primed_model_is_measured_beside_the_others() {
    let folder = Folder::new();
    let plain = done(&folder, &TASK.replace("compare = true", ""));
    let task = TASK.replace("compare = true", "seeds = [0, 1]\npriming = 2");
    let primed = ["primed/p0-s0", "primed/p0-s1", "primed/p1-s0", "primed/p1-s1"];
    let jobs = done(&folder, &task);
    assert_eq!(jobs.iter().filter(|job| plain.contains(job)).count(), 2, "merged and distilled anew");
    assert_eq!(jobs[jobs.len() - 5..jobs.len() - 1], primed);
    let results = folder.train(&task).unwrap().results;
    let stages = results.primed.iter().map(|stage| (stage.job.as_str(), stage.pattern, stage.seed));
    let expected = [(Some(0), Some(0)), (Some(0), Some(1)), (Some(1), Some(0)), (Some(1), Some(1))];
    assert!(stages.eq(primed.iter().zip(expected).map(|(job, (pattern, seed))| (*job, pattern, seed))));
    let together = results.primed_together.unwrap();
    assert_eq!(together.test.unwrap().rows, 4);
    assert_eq!(together.examples.map(|examples| (examples.wanted, examples.least)), Some((2, 2)));
    assert_eq!(results.notes, [] as [String; 0]);
    // Another number of examples is other work, and more than there are is the same as all.
    let count = |number: &str| done(&folder, &task.replace("priming = 2", number)).len();
    assert_eq!((count("priming = 3"), count("priming = 400"), count("priming = 0")), (4, 0, 0));
}

#[test]
fn what_does_not_fit_in_front_or_cannot_be_measured_is_told() {
    let folder = Folder::new();
    let long = "the long road ".repeat(100);
    folder.write("train.csv", &format!("text,mood\n{long},up\n{long},down\n"));
    let mut told = Vec::new();
    let mut notes = |max_length: usize| {
        told.clear();
        let task = TASK.replace("compare = true", &format!("max_length = {max_length}\npriming = 9"));
        let outcome = folder.train_until(&task, |event| {
            if let Event::Warning { message } = event {
                told.push(message.clone());
            }
            false
        });
        let notes = outcome.unwrap().results.notes;
        assert!(
            told.iter().all(|told| notes.contains(told)) && told.is_empty() == notes.is_empty(),
            "{told:?}"
        );
        notes
    };
    let room = |examples: &str| [format!("in front of a row to classify there is room for {examples}")];
    // The model takes 256 tokens, and the examples have as many as one may have.
    assert_eq!(notes(100), [] as [String; 0]);
    assert_eq!(notes(200), room("1 of 2 examples"));
    assert_eq!(notes(256), room("0 of 2 examples"));
    let task = TASK.replace("compare = true", "priming = 1");
    let untested = task.replace("test      = \"test.csv\"\n", "");
    let notes = folder.train(&untested).unwrap().results.notes;
    assert_eq!(notes, ["there are no test rows to measure priming on"]);
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let folder = Folder::new();
    let run = |threads, runs| {
        let runs = folder.0.path().join(runs);
        let task = folder.task(TASK);
        bytes(
            &train(&task, &cloze::Model::new("tiny", tiny()), &Device::new(threads), &runs, &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap()
            .path,
        )
    };
    assert_eq!(run(1, "one"), run(2, "two"));
}

/// The jobs that a run has done itself.
fn done(folder: &Folder, text: &str) -> Vec<String> {
    let mut jobs = Vec::new();
    let outcome = folder.train_until(text, |event| {
        if let Event::JobStarted { job, .. } = event {
            jobs.push(job.clone());
        }
        false
    });
    outcome.unwrap();
    jobs
}

#[test]
fn a_changed_task_runs_only_what_depends_on_the_change() {
    let folder = Folder::new();
    assert_eq!(done(&folder, TASK).len(), 7);
    assert_eq!(done(&folder, TASK), [""; 0]);
    assert_eq!(done(&folder, &TASK.replace("steps = 5", "steps = 6")), ["final"]);
    let another = TASK.replace("patterns = [", "patterns = [\"{mask}: {text}\", ");
    assert_eq!(done(&folder, &another), ["zero-shot/p0", "g0/p0-s0", "g0/ensemble", "final"]);
    let seeds = TASK.replace("compare = true", "compare = true\nseeds = [0, 1]");
    assert_eq!(done(&folder, &seeds), ["g0/p0-s1", "g0/p1-s1", "g0/ensemble", "final"]);
    // What was reused is the same as what would have been computed.
    let afresh = Folder::new();
    assert_eq!(bytes(&afresh.train(&another).unwrap().path), bytes(&folder.train(&another).unwrap().path));
}

#[test]
fn a_damaged_file_is_named_and_deleting_its_job_is_enough() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let expected = bytes(&run);
    let file = run.join("g0/p1-s0/logits.csv");
    let text = fs::read(&file).unwrap();
    fs::write(&file, &text[..text.len() / 2]).unwrap();
    fs::remove_dir_all(run.join("g0/ensemble")).unwrap();
    let error = folder.train(TASK).unwrap_err();
    assert!(error.to_string().contains("logits.csv` is damaged"), "{error}");
    assert!(error.remedy().unwrap().contains("delete the directory"));
    fs::remove_dir_all(run.join("g0/p1-s0")).unwrap();
    assert_eq!(done(&folder, TASK), ["g0/p1-s0", "g0/ensemble"]);
    assert_eq!(bytes(&run), expected);
}

#[test]
fn without_unlabelled_rows_the_ensemble_predicts_and_the_run_says_so() {
    let folder = Folder::new();
    let text =
        TASK.replace("unlabeled = \"unlabeled.csv\"\n", "").replace("[train]", "[train]\nkeep = \"final\"");
    let Run { path: run, results, .. } = folder.train(&text).unwrap();
    assert!(results.distilled.is_none() && !run.join("final").exists());
    assert!(results.notes.iter().any(|note| note.contains("no unlabelled rows")), "{:?}", results.notes);
    assert!(run.join("g0/p0-s0/model/model.safetensors").is_file());
    assert_eq!(results.agreement, None);
}

#[test]
fn one_pattern_and_no_test_rows_are_enough() {
    let folder = Folder::new();
    let text = TASK.replace(", \"{text} All in all, {mask}.\"", "").replace("test      = \"test.csv\"\n", "");
    let results = folder.train(&text).unwrap().results;
    assert_eq!((results.members.len(), results.agreement), (1, Some(1.0)));
    assert!(results.distilled.unwrap().test.is_none());
    assert!(results.label_next.is_empty());
}

#[test]
fn a_label_without_a_training_row_is_pointed_out() {
    let folder = Folder::new();
    folder.write("train.csv", "text,mood\nthe sun was warm,up\n");
    let results = folder.train(TASK).unwrap().results;
    assert_eq!(results.notes[0], "the label `down` has no labelled row to learn from");
}

#[test]
fn without_labelled_rows_a_classifier_learns_the_pretrained_models_guesses() {
    let folder = Folder::new();
    let text = TASK.replace("train     = \"train.csv\"\n", "");
    let Run { path: run, results, .. } = folder.train(&text).unwrap();
    assert!(results.notes[0].starts_with("there are no labelled rows, so that"), "{:?}", results.notes);
    assert!(results.distilled.is_some() && results.supervised.is_none());
    let card = fs::read_to_string(run.join("final/README.md")).unwrap();
    assert!(card.contains("There were no labelled rows.") && !card.contains("fine-tuned on"), "{card}");
    assert!(!fs::read_to_string(run.join("report.html")).unwrap().contains("fine-tuned, pattern"));
    // Nothing is trained before the classifier.
    let test = |stage: &str| fs::read_to_string(run.join(stage).join("test.csv")).unwrap();
    assert_eq!(test("zero-shot/p1"), test("g0/p1-s0"));
    assert!(!run.join("g0/p1-s0/steps.csv").exists() || steps(&run, "g0/p1-s0").is_empty());

    let folder = Folder::new();
    let error = folder.train(&text.replace("unlabeled = \"unlabeled.csv\"\n", "")).unwrap_err();
    assert_eq!(error.to_string(), "there are no labelled rows to learn from");
    assert!(!folder.runs().exists());
}

#[test]
fn a_row_that_cannot_be_cut_enough_is_found_before_anything_is_trained() {
    let folder = Folder::new();
    let whole = TASK.replace("{text} All", "{text!} All").replace("[train]", "[train]\nmax_length = 16");
    folder.write("unlabeled.csv", &format!("text\nshort\n{}\n", "long ".repeat(40)));
    let error = folder.train(&whole).unwrap_err();
    assert!(error.to_string().contains("unlabeled.csv`, line 3"), "{error}");
    assert!(!folder.runs().exists());
}

#[test]
fn the_auxiliary_loss_and_plain_fine_tuning_run_too() {
    let folder = Folder::new();
    let lm = TASK.replace("compare = true", "lm_weight = 0.01");
    assert!(folder.train(&lm).unwrap().results.supervised.is_none());
    let supervised = TASK.replace("compare = true", "method = \"supervised\"");
    let Run { path: run, results, .. } = folder.train(&supervised).unwrap();
    assert!(results.members.is_empty() && results.supervised.is_some());
    Checkpoint::open(&run.join("final")).unwrap();
}

#[test]
fn a_run_that_only_measures_keeps_no_model_and_says_so() {
    let folder = Folder::new();
    let kept = folder.train(TASK).unwrap().results;
    let none = TASK.replace("[train]", "[train]\nkeep = \"none\"");
    let Run { path: run, results, .. } = folder.train(&none).unwrap();
    assert_eq!(results.distilled, kept.distilled);
    assert!(!run.join("final/model.safetensors").exists() && !run.join("g0/p0-s0/model").exists());
    let error = Predictor::open_with(&run, None, &Device::new(1)).err().unwrap();
    assert!(error.to_string().contains("has kept no model"), "{error}");
}

#[test]
fn another_precision_is_another_result_and_nothing_is_reused() {
    let folder = Folder::new();
    let all = done(&folder, TASK);
    let bfloat16 = TASK.replace("precision = \"float32\"", "precision = \"bfloat16\"");
    // Where the processor has none, it is the same.
    let is_another = Device::new(1).bf16().kernels().is_bf16();
    assert_eq!(done(&folder, &bfloat16), if is_another { all } else { Vec::new() });
    let by_default = TASK.replace("precision = \"float32\"\n", "");
    assert_eq!(done(&folder, &by_default), [""; 0]);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_before_anything_is_computed() {
    let folder = Folder::new();
    folder.write("runs", "a file where a directory should be");
    let error = folder.train(TASK).unwrap_err();
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
}

#[test]
fn the_estimate_names_every_job_of_the_run() {
    let folder = Folder::new();
    let prepared = prepared(&folder.task(TASK));
    let estimate = Estimate::measured(&prepared).unwrap();
    let jobs: Vec<&str> = estimate.jobs.iter().map(|job| job.job.as_str()).collect();
    let expected =
        ["zero-shot/p0", "zero-shot/p1", "g0/p0-s0", "g0/p1-s0", "g0/ensemble", "supervised", "final"];
    assert_eq!(jobs, expected);
    assert!(estimate.seconds > 0.0 && estimate.seconds < 60.0, "{}", estimate.seconds);
    // Three models of 150,000 weights.
    assert!((1_600_000..2_600_000).contains(&estimate.disk), "{}", estimate.disk);
}

#[cfg(unix)]
#[test]
fn a_read_only_run_gives_an_error_and_loses_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let expected = bytes(&run);
    fs::remove_dir_all(run.join("g0/ensemble")).unwrap();
    let members = run.join("g0");
    let allow = |mode| fs::set_permissions(&members, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    if fs::create_dir(members.join("try")).is_ok() {
        println!("not run: this user may write to read-only directories");
        return;
    }
    let error = folder.train(TASK).unwrap_err();
    allow(0o755);
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
    assert_eq!(error.remedy().unwrap(), "choose a directory that you may write to");
    assert_eq!(bytes(&folder.train(TASK).unwrap().path), expected);
}

/// The columns of a member's `steps.csv` as numbers: step, loss, learning rate, norm.
fn steps(run: &Path, job: &str) -> Vec<[f64; 4]> {
    let text = fs::read_to_string(run.join(job).join("steps.csv")).unwrap();
    let numbers = |line: &str| {
        let numbers: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    };
    text.lines().skip(1).map(numbers).collect()
}

#[test]
fn there_are_as_many_updates_as_steps_and_the_last_one_still_learns() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    for (job, wanted) in [("g0/p0-s0", 4), ("supervised", 4), ("final", 5)] {
        let steps = steps(&run, job);
        assert_eq!(steps.iter().map(|step| step[0] as usize).collect::<Vec<_>>(), Vec::from_iter(1..=wanted));
        assert!(steps.last().unwrap()[2] > 0.0, "{job}: {steps:?}");
    }
}

#[test]
fn the_weight_of_the_auxiliary_loss_is_the_share_that_the_paper_calls_alpha() {
    // With one token, and with several, where the hinge loss takes the place of the cross-entropy.
    for up in ["[\"good\", \"great\"]", "\"very good\""] {
        let first = |weight: f64| {
            let task = TASK
                .replace("[\"good\", \"great\"]", up)
                .replace("compare = true", &format!("lm_weight = {weight:?}"));
            steps(&Folder::new().train(&task).unwrap().path, "g0/p0-s0")[0][1]
        };
        // (1 - α) CE + α LM: a straight line, and the same draws for every α.
        let (ce, quarter, half) = (first(0.0), first(0.25), first(0.5));
        let lm = (half - 0.5 * ce) / 0.5;
        assert!((quarter - (0.75 * ce + 0.25 * lm)).abs() < 1e-4, "{up}: {ce} {quarter} {half}");
        assert!((lm - ce).abs() > 0.1, "{up}: the example shows nothing: {ce} {lm}");
        assert!((first(1e-4) - ce).abs() < 1e-2 && (first(0.9999) - lm).abs() < 1e-2, "{up}");
    }
}

#[test]
fn what_else_lies_in_a_run_is_not_merged() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let expected = bytes(&run);
    // Members of nobody: one of a pattern that the task no longer has, one without a generation.
    for stray in ["g0/p7-s0", "p0-s0"] {
        fs::create_dir(run.join(stray)).unwrap();
        for file in ["job.json", "scores.json", "logits.csv", "test.csv"] {
            fs::copy(run.join("g0/p1-s0").join(file), run.join(stray).join(file)).unwrap();
        }
    }
    for job in ["g0/ensemble", "final"] {
        fs::remove_dir_all(run.join(job)).unwrap();
    }
    assert_eq!(done(&folder, TASK), ["g0/ensemble", "final"]);
    assert_eq!(bytes(&run), expected);
}

#[test]
fn the_pretrained_model_is_asked_once_for_a_pattern_whatever_the_seeds() {
    let folder = Folder::new();
    let text = TASK.replace("[train]", "[train]\nseeds = [0, 1, 2]");
    let jobs = done(&folder, &text);
    let count = |prefix: &str| jobs.iter().filter(|job| job.starts_with(prefix)).count();
    assert_eq!((count("zero-shot/"), count("g0/p")), (2, 6));
}
