//! Temperatures, figures of probabilities and exact bounds, as scikit-learn, netcal and SciPy compute them.

use serde_json::Value;

use super::{folders, json, list};
use crate::ensemble::soft_labels;
use crate::metrics::{Comparison, DOUBT, Judged, Measured, lower_bound};
use crate::scoring::scores::best;
use crate::scoring::temperature::{self, Temperature};

fn goldens() -> impl Iterator<Item = Value> {
    let files = folders().into_iter().map(|folder| folder.join("calibration.json"));
    files.filter(|file| file.exists()).map(|file| json(&file))
}

/// The scores of a case's rows, and their right labels.
fn answers(case: &Value) -> (Vec<Vec<f32>>, Vec<usize>) {
    let read = |name: &str| case[name].clone();
    (serde_json::from_value(read("scores")).unwrap(), serde_json::from_value(read("gold")).unwrap())
}

fn judged(scores: &[Vec<f32>], gold: &[usize], temperature: f64) -> Vec<Judged> {
    let judge = |(scores, &gold): (&Vec<f32>, &usize)| {
        let nll = temperature::nll(scores, gold, temperature);
        Judged::new(&soft_labels(scores, temperature), best(scores), gold, nll)
    };
    scores.iter().zip(gold).map(judge).collect()
}

#[track_caller]
fn near(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
}

#[test]
fn the_temperature_is_that_of_scikit_learn() {
    for golden in goldens() {
        for case in list(&golden["cases"]) {
            let (scores, gold) = answers(case);
            let rows = scores.iter().map(Vec::as_slice).zip(gold);
            let Temperature::At(found) = temperature::fit(rows) else { panic!("{}", case["temperature"]) };
            near(found / case["temperature"].as_f64().unwrap(), &Value::from(1.0), 1e-6);
        }
    }
}

#[test]
fn the_figures_are_those_of_scikit_learn_and_netcal() {
    for golden in goldens() {
        for case in list(&golden["cases"]) {
            let (scores, gold) = answers(case);
            let temperature = case["temperature"].as_f64().unwrap();
            let [before, after] = [1.0, temperature].map(|temperature| judged(&scores, &gold, temperature));
            let found = Comparison::new(&before, &after, 1);
            near(found.accuracy.value, &case["accuracy"], 1e-12);
            for (name, change) in [("nll", found.nll), ("brier", found.brier), ("ece", found.ece)] {
                near(change.before.value, &case["before"][name], 1e-9);
                near(change.after.value, &case["after"][name], 1e-9);
            }
        }
    }
}

#[test]
fn exact_bounds_are_those_of_scipy() {
    for golden in goldens() {
        for bounds in list(&golden["bounds"]) {
            let [right, of] = ["right", "of"].map(|name| bounds[name].as_u64().unwrap() as usize);
            let Measured { low, high, .. } = Measured::exact(right, of);
            near(low, &bounds["low"], 1e-9);
            near(high, &bounds["high"], 1e-9);
            near(lower_bound(right, of, DOUBT), &bounds["lower_bound"], 1e-9);
        }
    }
}
