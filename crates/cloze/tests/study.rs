//! Studies on a tiny random model: every factor, sharing, resuming.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use cloze::study::{Factor, Finding, Findings, FinishedStudy, Study};
use cloze::{Error, Event, Model, Result};
use cloze_encoder::Device;
use common::{Folder, TASK, tiny};
use serde_json::{Value, json};

/// What `cloze study` varies unless it is told otherwise.
const CHEAP: &[Factor] = &[Factor::Patterns, Factor::Distillation, Factor::Merge, Factor::Method];
const SHORT: &[Factor] = &[Factor::Patterns, Factor::Distillation];

fn folder() -> Folder {
    let folder = Folder::new();
    let train: String = (0..20)
        .map(|row| format!("day {row} of the road,{}\n", if row % 4 == 0 { "down" } else { "up" }))
        .collect();
    folder.write("train.csv", &format!("text,mood\n{train}"));
    let unlabeled: String = (0..64).map(|row| format!("day {row} of the long road\n")).collect();
    folder.write("unlabeled.csv", &format!("text\n{unlabeled}"));
    folder
}

fn models(names: &[&str]) -> Vec<Model> {
    names.iter().map(|name| Model::new(*name, tiny())).collect()
}

fn studies(folder: &Folder) -> PathBuf {
    folder.0.path().join("studies")
}

/// Carries a study with two seeds out until `stop` says so.
fn study(
    folder: &Folder,
    task: &str,
    factors: &[Factor],
    mut stop: impl FnMut(&Event) -> bool,
) -> Result<FinishedStudy> {
    let (task, models) = (folder.task(task), models(&["tiny"]));
    let mut listener =
        |event: &Event| if stop(event) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    Study::new(&task, &models, factors, 2, &Device::new(2))?.carry_out(&studies(folder), &mut listener)
}

/// The outcome and the jobs that were done for it.
fn done(folder: &Folder, task: &str, factors: &[Factor]) -> (FinishedStudy, Vec<String>) {
    let (mut started, mut planned) = (Vec::new(), Vec::new());
    let outcome = study(folder, task, factors, |event| {
        match event {
            Event::JobStarted { job, .. } => started.push(job.clone()),
            Event::Planned { jobs } => planned.clone_from(jobs),
            _ => {}
        }
        false
    });
    assert!(started.iter().all(|job| planned.contains(job)), "{started:?} {planned:?}");
    (outcome.unwrap(), started)
}

/// The comparisons of a factor's settings, as the results of the study tell of them.
fn comparisons(finding: &Finding) -> Vec<Value> {
    serde_json::to_value(finding).unwrap()["comparisons"].as_array().unwrap().clone()
}

/// The tasks of all runs, as the results of the study tell of them.
fn tasks(findings: &Findings) -> Vec<String> {
    let written = serde_json::to_value(findings).unwrap();
    let runs = written["runs"].as_array().unwrap();
    runs.iter().map(|run| run["task"].as_str().unwrap().to_owned()).collect()
}

fn settings(findings: &Findings, factor: Factor) -> Vec<&str> {
    let finding = findings.factors.iter().find(|finding| finding.factor == factor).unwrap();
    finding.settings.iter().map(|setting| setting.setting.as_str()).collect()
}

#[test]
fn the_cheap_factors_share_the_jobs_of_one_run_for_each_seed() {
    let folder = folder();
    let (FinishedStudy { dir, findings, run_seconds }, jobs) = done(&folder, TASK, CHEAP);
    // Zero-shot: 2. For each seed: a probe, members 2, ensemble, classifier; another merge 2; supervised 1; two more generations 9.
    assert_eq!(jobs.len(), 2 + 2 * (5 + 2 + 1 + 9), "{jobs:?}");
    assert_eq!(run_seconds.len(), tasks(&findings).len());
    let alone = ["pretrained model", "pattern 0 alone", "pattern 1 alone", "all patterns"];
    assert_eq!(settings(&findings, Factor::Patterns), alone);
    assert_eq!(settings(&findings, Factor::Distillation), ["ensemble", "distilled classifier"]);
    assert_eq!(settings(&findings, Factor::Merge), ["mean", "wmean"]);
    assert_eq!(settings(&findings, Factor::Method), ["supervised", "pet", "ipet"]);
    let compared: usize = findings.factors.iter().map(|finding| comparisons(finding).len()).sum();
    assert_eq!((compared, findings.conclusions.len()), (3 + 1 + 1 + 3, compared));
    for finding in &findings.factors {
        for setting in &finding.settings {
            assert_eq!(setting.arms.iter().map(|arm| arm.seed).collect::<Vec<_>>(), [0, 1]);
            let mean: f64 = setting.arms.iter().map(|arm| arm.accuracy.value).sum::<f64>() / 2.0;
            assert!((setting.accuracy.value - mean).abs() < 1e-12, "{}", setting.setting);
        }
        let name = finding.factor;
        let csv = fs::read_to_string(dir.join(format!("{name}.csv"))).unwrap();
        assert_eq!(csv.lines().count(), 1 + 2 * finding.settings.len());
        let svg = fs::read_to_string(dir.join(format!("{name}.svg"))).unwrap();
        assert_eq!(svg.matches("<circle").count(), 2 * finding.settings.len());
    }
    let file = fs::read(dir.join("results.json")).unwrap();
    assert_eq!(file.trim_ascii_end(), serde_json::to_vec_pretty(&findings).unwrap());
    assert_eq!(tasks(&serde_json::from_slice(&file).unwrap()), tasks(&findings));
    assert_eq!(
        findings.command,
        "cloze study moods.toml --factors patterns,distillation,merge,method --seeds 2"
    );
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(findings.conclusions.iter().all(|line| page.contains(&line.replace('\'', "&#39;"))));
    // Whatever is wide scrolls in a frame of its own, and drawings are as wide as the page.
    assert_eq!(page.matches("<table").count(), page.matches("<div class=\"wide\"><table").count());
    assert!(page.contains("class=\"chart\"") && !page.contains("viewBox"));
    // A study keeps no model.
    let runs = fs::read_dir(studies(&folder).join("runs")).unwrap();
    assert!(runs.flatten().all(|run| !run.path().join("final/model.safetensors").exists()));
}

#[test]
fn a_second_study_does_only_what_the_first_has_not_done() {
    let folder = folder();
    let first = done(&folder, TASK, SHORT);
    assert_eq!(first.1.len(), 12);
    let again = done(&folder, TASK, SHORT);
    assert_eq!((again.0.findings, again.1.len()), (first.0.findings, 0));
    let (outcome, jobs) = done(&folder, TASK, &[Factor::Merge]);
    assert_eq!(jobs, ["1:g0/ensemble", "1:final", "2:g0/ensemble", "2:final"]);
    assert_ne!(outcome.dir, first.0.dir);
}

#[test]
fn fewer_rows_are_drawn_with_the_seed_and_samples_share_them() {
    let folder = folder();
    let (FinishedStudy { findings, .. }, jobs) = done(&folder, TASK, &[Factor::Labels, Factor::Samples]);
    let sizes = ["0 labelled rows", "8 labelled rows", "16 labelled rows", "20 labelled rows"];
    assert_eq!(settings(&findings, Factor::Labels), sizes);
    let samples = ["8 labelled rows, draw 0", "8 labelled rows, draw 1"];
    assert_eq!(settings(&findings, Factor::Samples), samples);
    // All rows: 2 zero-shot and 5 for each seed. Of 16 and of 8, two draws: 7 for each. The other seed on both draws of 8: 5 for each.
    assert_eq!(jobs.len(), 2 + 2 * 5 + 2 * 7 + 2 * 7 + 2 * 5);
    let tasks = tasks(&findings);
    assert_eq!(tasks.iter().filter(|task| task.contains("train_limit = 8\n")).count(), 4);
}

#[test]
fn unlabelled_rows_models_and_decoding_are_varied_where_that_means_something() {
    let folder = folder();
    let factors = [Factor::Unlabeled, Factor::Decoding, Factor::Models];
    let (FinishedStudy { findings, .. }, _) = done(&folder, TASK, &factors);
    assert_eq!(findings.factors.len(), 1);
    assert_eq!(settings(&findings, Factor::Unlabeled), ["16 unlabelled rows", "64 unlabelled rows"]);
    assert_eq!(
        findings.notes,
        [
            "`decoding` makes no difference on this task: every word is one token",
            "`models` makes no difference on this task: there is only one model; name others with `--models`",
        ]
    );
    let long = TASK.replace("\"bad\"", "\"very bad\"");
    let (FinishedStudy { findings, .. }, _) = done(&folder, &long, &[Factor::Decoding]);
    assert_eq!(settings(&findings, Factor::Decoding), ["max-first", "left-to-right", "parallel"]);

    let (task, models) = (folder.task(TASK), models(&["tiny", "the same again"]));
    let study = Study::new(&task, &models, &[Factor::Models], 2, &Device::new(2)).unwrap();
    let outcome = study.carry_out(&studies(&folder), &mut |_| ControlFlow::Continue(())).unwrap();
    let comparison = &comparisons(&outcome.findings.factors[0])[0];
    assert_eq!(
        (&comparison["difference"]["value"], &comparison["verdict"]),
        (&json!(0.0), &json!("undecided"))
    );
    let first = &outcome.findings.conclusions[0];
    assert!(first.contains("no clear difference") && first.contains(": +0.0 points"), "{first}");
}

#[test]
fn what_is_done_before_and_beside_training_is_varied() {
    let folder = folder();
    let factors = [Factor::Calibration, Factor::Freezing, Factor::Start, Factor::Probe];
    let (FinishedStudy { findings, .. }, _) = done(&folder, TASK, &factors);
    assert_eq!(settings(&findings, Factor::Calibration), ["as it is", "calibrated"]);
    assert_eq!(settings(&findings, Factor::Freezing), ["all layers trained", "1 layer frozen"]);
    assert_eq!(settings(&findings, Factor::Start), ["from the model", "from the members"]);
    assert_eq!(settings(&findings, Factor::Probe), ["without a probe", "with a probe"]);
    let text = TASK.replace("unlabeled = \"unlabeled.csv\"\n", "");
    let (FinishedStudy { findings, .. }, _) = done(&folder, &text, &factors);
    assert_eq!(
        findings.notes,
        [
            "`start` makes no difference on this task: there are no unlabelled rows to distil from",
            "`probe` makes no difference on this task: it has no linear probe",
        ]
    );
}

#[test]
fn priming_stands_between_the_pretrained_model_and_pet() {
    let folder = folder();
    // Long enough that not all rows fit into the model's 256 positions.
    let train: String = (0..20)
        .map(|row| {
            format!("{} {row},{}\n", "the long road ".repeat(8), if row % 2 == 0 { "up" } else { "down" })
        })
        .collect();
    folder.write("train.csv", &format!("text,mood\n{train}"));
    let ipet = TASK.replace("compare = true", "method = 'ipet'\npriming = 1");
    let (FinishedStudy { dir, findings, .. }, jobs) = done(&folder, &ipet, &[Factor::Priming]);
    let names = [
        "pretrained model",
        "primed with 2 examples",
        "primed with 8 examples",
        "primed with as many as fit",
        "pet",
    ];
    assert_eq!(settings(&findings, Factor::Priming), names);
    // Zero-shot: 2. For each seed: a probe, members 2, ensemble, classifier; two patterns primed three times.
    assert_eq!(jobs.len(), 2 + 2 * (5 + 3 * 2), "{jobs:?}");
    let finding = &findings.factors[0];
    assert_eq!(comparisons(finding).len(), 10);
    let examples: Vec<_> = finding.settings.iter().map(|setting| setting.arms[1].examples).collect();
    assert_eq!((examples[0], examples[4]), (None, None));
    let [two, eight, all] = [1, 2, 3].map(|setting| examples[setting].unwrap());
    assert_eq!([two.wanted, two.least, two.most], [2; 3]);
    assert_eq!((eight.wanted, eight.least, all.wanted), (8, all.least.min(8), 20));
    assert!(all.least >= 4 && all.most < 20, "{all:?}");
    let overview = finding.overview.as_ref().unwrap();
    assert!(overview.contains("room for 2 examples with `primed with 2 examples`, for "), "{overview}");
    assert!(overview.ends_with(" of 20 examples with `primed with as many as fit`."), "{overview}");
    assert_eq!(tasks(&findings).iter().filter(|task| task.contains("priming = 8\n")).count(), 2);
    let arm = &finding.settings[1].arms[0];
    for pattern in 0..2 {
        let job = dir.parent().unwrap().join(format!("runs/{}/primed/p{pattern}-s0", arm.run));
        assert!(job.join("test.csv").is_file(), "{}", job.display());
    }

    assert_eq!(done(&folder, &ipet, &[Factor::Priming]).1.len(), 0);
    // What follows is the same as that of a study that has done something else before.
    let (FinishedStudy { findings: again, .. }, _) =
        done(&folder, TASK, &[Factor::Patterns, Factor::Priming]);
    assert_eq!(again.factors[1].settings[3].accuracy, finding.settings[3].accuracy);
}

#[test]
fn a_study_stopped_anywhere_ends_with_the_same_bytes_and_does_nothing_twice() {
    let bytes = |outcome: &FinishedStudy| fs::read(outcome.dir.join("results.json")).unwrap();
    let whole = folder();
    let mut events = 0;
    let expected = study(&whole, TASK, SHORT, |_| {
        events += 1;
        false
    });
    let expected = bytes(&expected.unwrap());
    let folder = folder();
    let (mut finished, mut limit) = (0, 1);
    let outcome = loop {
        let mut seen = 0;
        let outcome = study(&folder, TASK, SHORT, |event| {
            finished += usize::from(matches!(event, Event::JobFinished { .. }));
            seen += 1;
            seen > limit
        });
        match outcome {
            Ok(outcome) => break outcome,
            Err(error) => assert!(matches!(error, Error::Stopped), "{error}"),
        }
        limit += events / 9;
    };
    assert_eq!(bytes(&outcome), expected);
    assert_eq!(finished, 12);
}

#[test]
fn the_estimate_counts_a_shared_job_once() {
    let folder = folder();
    let (task, models) = (folder.task(TASK), models(&["tiny"]));
    let study = Study::new(&task, &models, CHEAP, 2, &Device::new(2)).unwrap();
    let estimate = study.estimate().unwrap();
    assert_eq!(estimate.jobs.len(), 36);
    let mut names: Vec<_> = estimate.jobs.iter().map(|job| &job.job).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 36);
}

#[test]
fn a_study_needs_rows_to_learn_from_and_to_measure_on_and_a_factor_that_applies() {
    let folder = folder();
    let refuse = |task: &str, factors| study(&folder, task, factors, |_| false).unwrap_err();
    let error = refuse(&TASK.replace("test      = \"test.csv\"\n", ""), SHORT);
    assert!(error.to_string().ends_with("there are no labelled test rows to measure on"), "{error}");
    assert!(error.remedy().unwrap().contains("`test`"));
    let error = refuse(&TASK.replace("train     = \"train.csv\"\n", ""), SHORT);
    assert!(error.to_string().ends_with("there are no labelled rows to learn from"), "{error}");
    let error = refuse(TASK, &[Factor::Decoding]);
    assert!(error.to_string().contains("every word is one token"), "{error}");
    assert!(!studies(&folder).exists());
}
