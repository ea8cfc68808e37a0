//! Studies on a tiny random model: every factor, sharing, resuming.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use cloze::adapt::Adaptation;
use cloze::study::{Alternatives, Factor, Finding, Findings, FinishedStudy, Study};
use cloze::{Error, Event, Model, Prepared, Result};
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

fn model() -> Model {
    Model::new("tiny", tiny())
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
    let mut listener =
        |event: &Event| if stop(event) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    planned(folder, task, &Alternatives::default(), factors)?.carry_out(&studies(folder), &mut listener)
}

/// A study with two seeds.
fn planned(folder: &Folder, task: &str, others: &Alternatives, factors: &[Factor]) -> Result<Study> {
    Study::new(&folder.task(task), &model(), others, factors, 2, &Device::new(2))
}

/// The outcome of a study that compares the task with others.
fn compared(folder: &Folder, task: &str, others: &Alternatives, factors: &[Factor]) -> FinishedStudy {
    let study = planned(folder, task, others, factors).unwrap();
    study.carry_out(&studies(folder), &mut |_| ControlFlow::Continue(())).unwrap()
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
    assert_eq!(settings(&findings, Factor::Unlabeled), ["0 unlabelled rows", "64 unlabelled rows"]);
    let jobs = findings.factors[0].settings.iter().map(|setting| setting.arms[1].job.as_str());
    assert_eq!(jobs.collect::<Vec<_>>(), ["g0/ensemble", "final"]);
    assert_eq!(tasks(&findings).iter().filter(|task| task.contains("unlabeled_limit = 0\n")).count(), 2);
    assert_eq!(
        findings.notes,
        [
            "`decoding` makes no difference on this task: every word is one token",
            "`models` makes no difference on this task: there is only one model; name others with `--models`",
        ]
    );
    let long = TASK.replace("\"bad\"", "\"very bad\"");
    let (FinishedStudy { findings, .. }, jobs) = done(&folder, &long, &[Factor::Decoding]);
    let orders = ["max-first", "left-to-right", "parallel"];
    let each = |what: &str| orders.map(|order| format!("{what}, {order}"));
    let names = [each("pretrained model"), each("trained ensemble")].concat();
    assert_eq!(settings(&findings, Factor::Decoding), names);
    assert_eq!(comparisons(&findings.factors[0]).len(), 9);
    // Each order, before training and after it, in one run for each seed: zero-shot 2, and for each seed members 2, ensemble, classifier.
    // The probe has been there before.
    assert_eq!(jobs.len(), 3 * 2 + 2 * 3 * 4, "{jobs:?}");

    let others =
        Alternatives { models: vec![Model::new("the same again", tiny())], ..Alternatives::default() };
    let outcome = compared(&folder, TASK, &others, &[Factor::Models]);
    assert!(outcome.findings.command.ends_with(" --models the same again"), "{}", outcome.findings.command);
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
fn the_generations_of_ipet_are_read_from_one_run_for_each_seed() {
    let folder = folder();
    let (FinishedStudy { dir, findings, run_seconds }, jobs) =
        done(&folder, TASK, &[Factor::Generations, Factor::Patterns]);
    let generations = ["generation 0", "generation 1", "generation 2", "distilled classifier"];
    assert_eq!(settings(&findings, Factor::Generations), generations);
    let ladder = &findings.factors[0];
    let arms: Vec<_> = ladder.settings.iter().map(|setting| &setting.arms[0]).collect();
    let measured: Vec<_> = arms.iter().map(|arm| (arm.run.as_str(), arm.job.as_str())).collect();
    let run = arms[0].run.as_str();
    assert_eq!(measured, ["g0/ensemble", "g1/ensemble", "g2/ensemble", "final"].map(|job| (run, job)));
    let against: Vec<_> =
        comparisons(ladder).iter().map(|found| found["against"].as_str().unwrap().to_owned()).collect();
    assert_eq!(against, generations[..3]);
    // Zero-shot: 2. For each seed: a probe, members 2, ensemble; two more generations 8 and their classifier, and that of PET.
    assert_eq!(jobs.len(), 2 + 2 * (4 + 8 + 1 + 1), "{jobs:?}");

    // What a setting costs is what all its jobs have taken: the whole run for the last one, and ever less for those before.
    let seconds: Vec<f64> = arms.iter().map(|arm| arm.seconds).collect();
    assert!((seconds[3] - run_seconds[run]).abs() < 1e-9, "{seconds:?} {run_seconds:?}");
    assert!(seconds[0] > 0.0 && seconds.is_sorted() && seconds[0] < seconds[3], "{seconds:?}");
    let of_jobs = |names: &[&str]| -> f64 {
        let seconds = |name: &&str| {
            let file = studies(&folder).join("runs").join(run).join(name).join("job.json");
            let record: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
            record["seconds"].as_f64().unwrap()
        };
        names.iter().map(seconds).sum()
    };
    let first = ["zero-shot/p0", "zero-shot/p1", "probe", "g0/p0-s0", "g0/p1-s0", "g0/ensemble"];
    assert!((seconds[0] - of_jobs(&first)).abs() < 1e-9);
    let alone = &findings.factors[1].settings[1];
    assert_eq!(alone.setting, "pattern 0 alone");
    assert!((alone.arms[0].seconds - of_jobs(&["zero-shot/p0", "g0/p0-s0"])).abs() < 1e-9);
    assert!((alone.seconds - (alone.arms[0].seconds + alone.arms[1].seconds) / 2.0).abs() < 1e-9);
    let csv = fs::read_to_string(dir.join("generations.csv")).unwrap();
    let mut lines = csv.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "seconds").unwrap();
    let written = lines.next().unwrap().split(',').nth(column).unwrap();
    assert_eq!(written, format!("{:.6}", seconds[0]));
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains(&format!("<td class=\"n\">{:.1}</td>", ladder.settings[3].seconds)));
    // The findings are the same on every machine.
    assert!(!fs::read_to_string(dir.join("results.json")).unwrap().contains("seconds"));
}

#[test]
fn shares_of_the_masked_lm_loss_are_compared() {
    let folder = folder();
    let own = TASK.replace("steps = 4", "steps = 4\nlm_weight = 0.5");
    let (FinishedStudy { findings, .. }, _) = done(&folder, &own, &[Factor::LmWeight]);
    let names = ["no masked-LM loss", "masked-LM loss 0.0001", "masked-LM loss 0.01", "masked-LM loss 0.5"];
    assert_eq!(settings(&findings, Factor::LmWeight), names);
    for weight in ["0", "0.0001", "0.01", "0.5"] {
        let line = format!("lm_weight = {weight}\n");
        assert_eq!(tasks(&findings).iter().filter(|task| task.contains(&line)).count(), 2, "{weight}");
    }
    let none = TASK.replace("unlabeled = \"unlabeled.csv\"\n", "");
    for factor in [Factor::LmWeight, Factor::Unlabeled, Factor::Generations] {
        let error = study(&folder, &none, &[factor], |_| false).unwrap_err().to_string();
        assert!(
            error.contains(&format!(
                "`{factor}` makes no difference on this task: there are no unlabelled rows"
            ))
        );
    }
}

#[test]
fn an_adapted_model_is_compared_and_its_adaptation_counts_as_time() {
    let folder = folder();
    let prepared = Prepared::new(&folder.task(TASK), &model(), &Device::new(2)).unwrap();
    let adaptation = Adaptation { length: 32, batch: 4, steps: Some(2), ..Adaptation::default() };
    let (adapted, seconds) =
        adaptation.to_rows(&prepared, &studies(&folder), &mut |_| ControlFlow::Continue(())).unwrap();
    let another = Model::new("another", tiny());
    let others = Alternatives {
        models: vec![another],
        adapted: Some((adapted.clone(), seconds)),
        ..Alternatives::default()
    };
    let FinishedStudy { findings, run_seconds, .. } =
        compared(&folder, TASK, &others, &[Factor::Adaptation, Factor::Models]);
    assert_eq!(settings(&findings, Factor::Adaptation), ["model as it is", "adapted model"]);
    assert_eq!(settings(&findings, Factor::Models), ["tiny", "another"]);
    let [as_it_is, of_adapted] = &findings.factors[0].settings[..] else { panic!() };
    let [plain, arm] = [as_it_is, of_adapted].map(|setting| &setting.arms[0]);
    assert!((plain.seconds - run_seconds[&plain.run]).abs() < 1e-9);
    assert!((arm.seconds - run_seconds[&arm.run] - seconds).abs() < 1e-9);
    let written = serde_json::to_value(&findings).unwrap();
    let run = written["runs"].as_array().unwrap().iter().find(|run| run["run"] == arm.run.as_str()).unwrap();
    assert_eq!((&run["model"], &run["title"]), (&json!(adapted.name), &json!("adapted, seed 0")));

    let error = study(&folder, TASK, &[Factor::Adaptation], |_| false).unwrap_err().to_string();
    assert!(error.contains("no adapted model is given"), "{error}");
}

#[test]
fn words_of_the_task_are_compared_with_fewer_and_with_those_of_other_tasks() {
    let folder = folder();
    // The labels stand in another order, and nothing but their words counts.
    let other = "format = 1\nname = 'o'\npatterns = ['{title} {mask}']\n[data]\ntrain = 'none.csv'\nlabel = 'x'\n\
                 [labels]\ndown = ['cold', 'sad']\nup = 'warm'\n";
    let read = |text: &str| cloze::Task::parse("other.toml", text, folder.0.path()).unwrap();
    let others = Alternatives { words: vec![read(other)], ..Alternatives::default() };
    let FinishedStudy { findings, .. } = compared(&folder, TASK, &others, &[Factor::Words]);
    let names = settings(&findings, Factor::Words);
    assert_eq!((names[0], names[1]), ("words of the task", "one word for a label"));
    assert_eq!(*names.last().unwrap(), "words of other.toml");
    let with = |words: &str| tasks(&findings).iter().filter(|task| task.contains(words)).count();
    assert_eq!(with("\"up\" = [\"good\", \"great\"]\n\"down\" = [\"bad\"]"), 2);
    assert_eq!(with("\"up\" = [\"good\"]\n\"down\" = [\"bad\"]"), 2);
    assert_eq!(with("\"up\" = [\"warm\"]\n\"down\" = [\"cold\", \"sad\"]"), 2);
    assert!(
        findings.command.ends_with(" --factors words --seeds 2 --words other.toml"),
        "{}",
        findings.command
    );

    let refuse = |text: &str| {
        let others = Alternatives { words: vec![read(text)], ..Alternatives::default() };
        planned(&folder, TASK, &others, &[Factor::Words]).err().unwrap()
    };
    let error = refuse(&other.replace("up = 'warm'", "sideways = 'warm'"));
    let message = error.to_string();
    assert_eq!(message, "`other.toml`, line 9: the task to study has no label `sideways`");
    let error =
        refuse(&TASK.replace("\"up\"", "\"down\"").replace("\"good\", \"great\"", "\"zzqzz\u{4e00}\""));
    assert!(error.to_string().starts_with("`other.toml`, line "), "{error}");
}

#[test]
fn sets_of_patterns_are_ensembles_of_members_that_are_trained_once() {
    let folder = folder();
    let three = TASK.replace("patterns = [", "patterns = [\"{mask}: {text}\", ");
    let others = Alternatives { pattern_sets: vec![vec![0, 2], vec![1]], ..Alternatives::default() };
    let mut started = Vec::new();
    let study = planned(&folder, &three, &others, &[Factor::Patterns]).unwrap();
    let outcome = study.carry_out(&studies(&folder), &mut |event| {
        if let Event::JobStarted { job, .. } = event {
            started.push(job.clone());
        }
        ControlFlow::Continue(())
    });
    let findings = outcome.unwrap().findings;
    let names = [
        "pretrained model",
        "pattern 0 alone",
        "pattern 1 alone",
        "pattern 2 alone",
        "patterns 0+2",
        "patterns 1",
        "all patterns",
    ];
    assert_eq!(settings(&findings, Factor::Patterns), names);
    assert_eq!(comparisons(&findings.factors[0]).len(), 6);
    // Zero-shot: 3. For each seed: a probe, members 3; and for all and each of the two sets an ensemble and a classifier.
    assert_eq!(started.len(), 3 + 2 * (1 + 3 + 3 * 2), "{started:?}");
    let overview = findings.factors[0].overview.as_ref().unwrap();
    assert!(!overview.contains("patterns 0+2"), "{overview}");
    assert!(findings.command.ends_with(" --pattern-sets 0+2,1"), "{}", findings.command);

    let others = Alternatives { pattern_sets: vec![vec![0, 3]], ..Alternatives::default() };
    let error = planned(&folder, &three, &others, &[Factor::Patterns]).err().unwrap();
    assert_eq!(error.to_string(), "the task has no pattern 3");
    assert_eq!(error.remedy().unwrap(), "choose from the patterns 0 to 2, in the order of the task file");
    let within = Alternatives { pattern_sets: vec![vec![0, 2]], ..Alternatives::default() };
    assert!(planned(&folder, &three, &within, &[Factor::Patterns]).is_ok());
}

#[test]
fn a_set_of_patterns_that_needs_fewer_columns_reads_them_in_its_own_order() {
    let folder = Folder::new();
    let rows = |part: &str, with_label: bool| {
        let row = |row: usize| {
            let (title, mood) = [("warm sun", "up"), ("cold rain", "down")][row % 2];
            let label = if with_label { format!(",{mood}") } else { String::new() };
            format!("{title} {part},day {row}{label}\n")
        };
        let header = if with_label { "title,text,mood\n" } else { "title,text\n" };
        header.to_owned() + &(0..12).map(row).collect::<String>()
    };
    for (file, with_label) in [("train.csv", true), ("unlabeled.csv", false), ("test.csv", true)] {
        folder.write(file, &rows(file, with_label));
    }
    let patterns = "patterns = [\"It was {mask}. {text} {title}\", \"{title} All in all, {mask}.\"]";
    let old = TASK.lines().find(|line| line.starts_with("patterns")).unwrap();
    let others = Alternatives { pattern_sets: vec![vec![1]], ..Alternatives::default() };
    let FinishedStudy { findings, .. } =
        compared(&folder, &TASK.replace(old, patterns), &others, &[Factor::Patterns]);
    let alone = compared(
        &folder,
        &TASK.replace(old, "patterns = [\"{title} All in all, {mask}.\"]"),
        &Alternatives::default(),
        &[Factor::Patterns],
    );
    let of_set = &findings.factors[0].settings[3];
    assert_eq!(of_set.setting, "patterns 1");
    assert_eq!(of_set.accuracy, alone.findings.factors[0].settings[1].accuracy);
    assert_eq!(of_set.arms[0].run, alone.findings.factors[0].settings[1].arms[0].run);
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
    let study = planned(&folder, TASK, &Alternatives::default(), CHEAP).unwrap();
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
