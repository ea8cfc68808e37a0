//! Accuracy, the curve, and how people agree.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Answer, Shared, aside};
use crate::project::Service;
use crate::rows::Row;
use crate::state;
use crate::trust::{agreement, measure};

/// Texts of the sample that have to be labelled before the curve says whether labels still help.
const ENOUGH: usize = 30;

pub(super) async fn trust(State(service): Shared) -> Answer {
    aside(move || Ok(Json(found(&service)))).await?
}

fn found(service: &Arc<Service>) -> Value {
    let state = service.desk.state();
    let (model, predicted) = predicted_sample(service, &state);
    let curve: Vec<(usize, f64)> = service
        .engine
        .curve()
        .into_iter()
        .filter(|point| point.edition == state.edition)
        .filter_map(|point| {
            let found = measure(&state, &point.predicted).accuracy;
            (found.of > 0).then(|| (point.labels, found.right as f64 / found.of as f64))
        })
        .collect();
    let runs: Vec<Value> = service
        .trainer
        .history(&state)
        .into_iter()
        .filter_map(|(labels, predicted)| {
            let found = measure(&state, &predicted).accuracy;
            (found.of > 0).then(|| json!([labels, found.right as f64 / found.of as f64]))
        })
        .collect();
    let measured = measure(&state, &predicted);
    let gain = gain(&curve, measured.accuracy.of);
    json!({"model": model, "measured": measured, "curve": curve, "runs": runs, "gain": gain, "agreement": agreement(&state)})
}

/// What is predicted for the sample, and by what.
pub(super) fn predicted_sample(
    service: &Service,
    state: &state::State,
) -> (&'static str, HashMap<Row, Vec<usize>>) {
    match service.classifier(state) {
        Some(predicted) => ("classifier", predicted.of_sample(state)),
        None => ("committee", service.committee(state)),
    }
}

/// What the last third of the labels has gained, in accuracy, and the standard error of accuracy on so many texts.
fn gain(curve: &[(usize, f64)], texts: usize) -> Option<Value> {
    let last = curve.last()?.0;
    let mean = |from: f64, to: f64| {
        let inside = curve.iter().filter(|(labels, _)| {
            let share = *labels as f64 / last as f64;
            share > from && share <= to
        });
        let (sum, count) = inside.fold((0.0, 0), |(sum, count), (_, accuracy)| (sum + accuracy, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let (now, before) = (mean(0.8, 1.0)?, mean(0.5, 0.7)?);
    let error = (now * (1.0 - now) / texts.max(1) as f64).sqrt();
    let clear = texts >= ENOUGH && last >= 30;
    clear.then(|| json!({"labels": last / 3, "gain": now - before, "error": error, "helps": now - before > error / 2.0}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_change_nothing_are_told_from_those_that_help() {
        let flat: Vec<(usize, f64)> = (0..=20).map(|point| (5 * point, 0.8)).collect();
        let rising: Vec<(usize, f64)> =
            (0..=20).map(|point| (5 * point, 0.4 + 0.02 * point as f64)).collect();
        assert_eq!(gain(&flat, 50).unwrap()["helps"], false);
        assert_eq!(gain(&rising, 50).unwrap()["helps"], true);
        assert_eq!(gain(&flat, 10), None);
        assert_eq!(gain(&[], 50), None);
    }
}
