//! iPET runs on a tiny random model: growing sets, and every corner where something is missing.

mod common;

use std::fs;

use cloze::task::Split;
use cloze::{Event, Predictor, Results, Run, With};
use cloze_encoder::Device;
use common::{Folder, TASK, written};

fn ipet() -> String {
    TASK.replace("[train]\n", "[train]\nmethod = \"ipet\"\n") + "[ipet]\ngenerations = 3\nscale = 2.0\n"
}

/// The rows and labels that a member has learnt from beside the labelled ones.
fn drawn(outcome: &Run, generation: usize, member: &str) -> Vec<(usize, String)> {
    let file = outcome.path.join(format!("g{generation}/sets/{member}.csv"));
    let text = fs::read_to_string(file).unwrap();
    let line = |line: &str| {
        let mut fields = line.split(',');
        (fields.next().unwrap().parse().unwrap(), fields.next().unwrap().to_owned())
    };
    text.lines().skip(1).map(line).collect()
}

fn counts(rows: &[(usize, String)]) -> (usize, usize) {
    let count = |label: &str| rows.iter().filter(|(_, name)| name == label).count();
    (count("up"), count("down"))
}

/// The ensemble that predicts is that of the last generation.
fn predicts(folder: &Folder, outcome: &Run) {
    let test = folder.task(TASK).examples(Split::Test).unwrap();
    let predictor = Predictor::open_with(&outcome.path, Some(With::Ensemble), &Device::new(1)).unwrap();
    let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
    let job = &outcome.results.ensemble.as_ref().unwrap().job;
    assert_eq!(
        written(["up", "down"], &scores),
        fs::read_to_string(outcome.path.join(job).join("test.csv")).unwrap()
    );
}

#[test]
fn generations_grow_and_keep_the_ratio_of_the_labels() {
    let folder = Folder::new();
    let outcome = folder.train(&ipet()).unwrap();
    let Results { generations, sets, members, ensemble, .. } = &outcome.results;
    assert_eq!((generations.len(), sets.len(), members.len()), (2, 2, 2));
    assert_eq!(ensemble.as_ref().unwrap().job, "g2/ensemble");
    assert_eq!(members[0].job, "g2/p0-s0");
    // Three labelled rows, two of them up: 3 new ones and then 9; who learns takes nothing from itself.
    for (generation, most) in [(1, (2, 1)), (2, (6, 3))] {
        for member in ["p0-s0", "p1-s0"] {
            let (up, down) = counts(&drawn(&outcome, generation, member));
            let fits = |got, want| got == want || got == 0;
            assert!(
                fits(up, most.0) && fits(down, most.1) && up + down > 0,
                "{generation} {member} {up} {down}"
            );
        }
    }
    for set in sets {
        assert_eq!(set.teachers.len(), 1);
        assert_ne!(set.teachers[0].replace("g1", "g2"), set.member);
    }
    assert!(outcome.path.join("final/model.safetensors").is_file());
    assert!(fs::read_to_string(outcome.path.join("report.html")).unwrap().contains("Generations"));
    // Nobody learns after the last generation, so that nothing is drawn for it.
    assert!(!outcome.path.join("g0/sets").exists() && !outcome.path.join("g3").exists());
    // Only the last generation predicts, and only it is kept.
    assert!(outcome.path.join("g2/p0-s0/model").is_dir() && !outcome.path.join("g1/p0-s0/model").exists());
    predicts(&folder, &outcome);
}

#[test]
fn the_seed_reaches_the_draws_and_a_run_goes_on_where_it_stopped() {
    // Enough rows that two draws are hardly ever the same by accident.
    let folder = || {
        let folder = Folder::new();
        let unlabeled: String = (0..60).map(|row| format!("day {row} of the long road\n")).collect();
        folder.write("unlabeled.csv", &format!("text\n{unlabeled}"));
        folder
    };
    let task = |seed: u64| ipet().replace("[train]\n", &format!("[train]\nseed = {seed}\n"));
    let bytes = |outcome: &Run| fs::read(outcome.path.join("results.json")).unwrap();
    let (one, two) = (folder(), folder());
    let whole = one.train(&task(0)).unwrap();
    let other = two.train(&task(1)).unwrap();
    assert_ne!(drawn(&whole, 2, "p0-s0"), drawn(&other, 2, "p0-s1"));

    let folder = folder();
    for job in ["g0/ensemble", "g1/sets", "g1/p1-s0", "g2/sets"] {
        let stopped = folder.train_until(
            &task(0),
            |event| matches!(event, Event::JobStarted { job: name, .. } if name == job),
        );
        assert!(stopped.is_err(), "{job}");
    }
    assert_eq!(bytes(&folder.train(&task(0)).unwrap()), bytes(&whole));
}

#[test]
fn without_labelled_rows_the_pretrained_model_begins() {
    let folder = Folder::new();
    let task = ipet().replace("train     = \"train.csv\"\n", "");
    let task = task.replace("[train]\n", "[train]\nrepetitions = 2\n") + "most_likely = 4\n";
    let outcome = folder.train(&task).unwrap();
    // One seed is as good as another for a model that learns nothing.
    assert_eq!(outcome.results.generations[0].members.len(), 2);
    assert_eq!(outcome.results.members.len(), 4);
    // 10 new rows, half of them of each label, from the four likeliest of each.
    let rows = drawn(&outcome, 1, "p0-s1");
    assert_eq!(counts(&rows), (5, 5));
    let set = &outcome.results.generations[1].sets[0];
    assert_eq!(
        (set.member.as_str(), set.teachers.as_slice()),
        ("g1/p0-s0", ["g0/p1-s0".to_owned()].as_slice())
    );
    let distinct: std::collections::BTreeSet<_> =
        rows.iter().filter(|(_, label)| label == "up").map(|(row, _)| row).collect();
    assert!(distinct.len() <= 4);
    assert!(outcome.results.notes.iter().any(|note| note.contains("plain fine-tuning")));
    assert!(outcome.results.members.iter().all(|stage| stage.train_accuracy.is_none()));
    predicts(&folder, &outcome);
}

#[test]
fn a_label_that_nobody_gives_takes_what_there_is_and_says_so() {
    let folder = Folder::new();
    // A word that the pretrained model never prefers, and no step to change that.
    let task = ipet()
        .replace("learning_rate = 1e-3", "learning_rate = 1e-30\ncalibrate = false")
        .replace("[\"good\", \"great\"]", "\"good\"");
    let outcome = folder.train(&task).unwrap();
    let said: Vec<_> = outcome.results.notes.iter().filter(|note| note.contains("was labelled")).collect();
    let missing =
        (1..3).flat_map(|generation| ["p0-s0", "p1-s0"].map(|member| drawn(&outcome, generation, member)));
    let missing = missing.filter(|rows| counts(rows).0 == 0 || counts(rows).1 == 0).count();
    assert_eq!(said.is_empty(), missing == 0, "{said:?}");
    assert!(missing > 0, "the example shows nothing");
}

#[test]
fn one_member_learns_from_itself_and_says_so() {
    let folder = Folder::new();
    let task = ipet().replace("\"It was {mask}. {text}\", ", "");
    let outcome = folder.train(&task).unwrap();
    assert_eq!(outcome.results.sets[0].teachers, ["g1/p0-s0"]);
    assert!(outcome.results.notes.iter().any(|note| note.contains("only one model")));
}

#[test]
fn without_unlabelled_rows_there_is_one_generation() {
    let folder = Folder::new();
    folder.write("unlabeled.csv", "text\n");
    let outcome = folder.train(&ipet()).unwrap();
    assert!(outcome.results.generations.is_empty() && outcome.results.distilled.is_none());
    assert!(outcome.results.notes.iter().any(|note| note.contains("one generation")));
    predicts(&folder, &outcome);

    let nothing = ipet().replace("train     = \"train.csv\"\n", "");
    let error = folder.train(&nothing).unwrap_err().to_string();
    assert!(error.contains("no labelled rows"), "{error}");
}

#[test]
fn patterns_that_label_nothing_rightly_count_the_same() {
    let folder = Folder::new();
    let task = ipet().replace("learning_rate = 1e-3", "learning_rate = 1e-3\ncalibrate = false");
    let up = folder.train(&task).unwrap();
    // What the pretrained model makes of each labelled row with either pattern; the label that it never gives.
    let labels = ["up", "down"].map(|label| {
        folder.write("train.csv", &format!("text,mood\nthe sun was warm,{label}\n"));
        let outcome = folder.train(&task).unwrap();
        let right: f64 = outcome.results.zero_shot.iter().filter_map(|stage| stage.train_accuracy).sum();
        let weights: f64 = outcome.results.members.iter().filter_map(|member| member.weight).sum();
        assert!((weights - 1.0).abs() < 1e-9, "{label}");
        let fell_back = outcome.results.notes.iter().any(|note| note.contains("count the same"));
        assert_eq!(fell_back, right == 0.0, "{label}");
        right
    });
    assert!(labels.contains(&0.0) && up.results.members.len() == 2, "{labels:?}");
}

#[test]
fn a_member_counts_by_the_labelled_rows_and_not_by_those_that_others_have_labelled() {
    let folder = Folder::new();
    // The second pattern asks for the opposite, so that one gets two of the three rows right and the other one.
    let text = "\"{text} All in all, {mask}.\"";
    let opposite =
        "{ pattern = \"It was {mask}. {text}\", words = { up = \"bad\", down = [\"good\", \"great\"] } }";
    let results = folder.train(&ipet().replace(text, opposite)).unwrap().results;
    let accuracies: Vec<f64> = results.zero_shot.iter().filter_map(|stage| stage.train_accuracy).collect();
    let [first, second] = accuracies[..] else { panic!("{accuracies:?}") };
    assert!((first + second - 1.0).abs() < 1e-9 && first != second, "{accuracies:?}");
    let generations = results.generations.iter().map(|generation| &generation.members);
    for members in generations.chain([&results.members]) {
        let weights: Vec<f64> = members.iter().filter_map(|member| member.weight).collect();
        assert_eq!(weights.len(), 2);
        let same = |(weight, accuracy): (&f64, &f64)| (weight - accuracy).abs() < 1e-9;
        assert!(weights.iter().zip(&accuracies).all(same), "{weights:?} {accuracies:?}");
    }
}
