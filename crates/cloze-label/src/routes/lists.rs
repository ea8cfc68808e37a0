//! Lists of texts.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Shared, aside, trust::predicted_sample};
use crate::project::Service;
use crate::queue::Words;
use crate::rows::Row;
use crate::state;
use crate::trust;

/// The most texts of a page.
const PAGE: usize = 100;

/// How sure the committee has to be of another label.
const SURE: f32 = 0.6;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    view: View,
    /// Words that a text has.
    #[serde(default)]
    q: String,
    /// A label that a text has.
    label: Option<String>,
    #[serde(default)]
    from: usize,
    count: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum View {
    #[default]
    All,
    Labelled,
    Unlabelled,
    Sample,
    Skipped,
    Notes,
    /// People disagree.
    Disputed,
    /// The committee is sure of another label.
    Suspicious,
    /// Nearly the same text has another label.
    Conflicts,
    /// The sample's label is predicted wrongly.
    Wrong,
}

pub(super) async fn rows(State(service): Shared, Query(asked): Query<Asked>) -> Answer {
    aside(move || Ok(Json(list(&service, &asked)))).await?
}

fn list(service: &Arc<Service>, asked: &Asked) -> Value {
    let (rows, state) = (&service.desk.rows, service.desk.state());
    let touched = || state.touched().into_iter().rev();
    // What a model says instead, where that is what the view is about.
    let mut instead: HashMap<Row, Value> = HashMap::new();
    let all: Vec<Row> = match asked.view {
        View::All => (0..rows.len()).collect(),
        View::Labelled => touched().filter(|row| state.label_of(*row).is_some()).collect(),
        View::Unlabelled => (0..rows.len()).filter(|row| !state.is_touched(*row)).collect(),
        View::Sample => state.sample.clone(),
        View::Skipped => touched().filter(|row| trust::is_skipped(&state, *row)).collect(),
        View::Notes => {
            touched().filter(|row| state.marks(*row).is_some_and(|marks| !marks.note.is_empty())).collect()
        }
        View::Disputed => touched().filter(|row| state.is_disputed(*row)).collect(),
        View::Conflicts => trust::conflicts(rows, &state),
        View::Suspicious => {
            let mut found: Vec<(Row, f32)> = Vec::new();
            for (row, opinion) in service.engine.left_out() {
                let Some(right) = state.label_of(row) else { continue };
                let said = opinion.labels();
                let of = |label: &usize| opinion.probabilities.get(*label).copied().unwrap_or_default();
                let (believed, given) =
                    (said.iter().map(of).fold(0.0, f32::max), right.iter().map(of).fold(1.0, f32::min));
                if !said.iter().eq(right.iter()) && (believed >= SURE || state.several) {
                    found.push((row, believed - given));
                    let labels = state.names(&said.into_iter().collect());
                    instead.insert(row, json!({"labels": labels, "probability": believed}));
                }
            }
            found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            found.into_iter().map(|(row, _)| row).collect()
        }
        View::Wrong => {
            let predicted = predicted_sample(service, &state).1;
            let wrong = state.measured().into_iter().filter_map(|(row, right)| {
                let said: state::Labels = predicted.get(&row)?.iter().copied().collect();
                if said == *right {
                    return None;
                }
                instead.insert(row, json!({"labels": state.names(&said)}));
                Some(row)
            });
            wrong.collect()
        }
    };
    let words = Words::new(&asked.q);
    let label = asked.label.as_ref().map(|label| state.find(label));
    let fits = |row: &&Row| {
        let has = |label: Option<usize>| {
            label.is_some_and(|label| state.label_of(**row).is_some_and(|labels| labels.contains(&label)))
        };
        label.is_none_or(has) && (asked.q.trim().is_empty() || words.are_in(&rows.texts[**row].values))
    };
    let found: Vec<Row> = all.iter().filter(fits).copied().collect();
    let shown = found.iter().skip(asked.from).take(asked.count.unwrap_or(50).min(PAGE)).map(|&row| {
        let marks = state.marks(row);
        let people: Vec<(&String, Vec<String>)> = marks
            .into_iter()
            .flat_map(|marks| marks.people())
            .map(|(name, labels)| (name, state.names(labels)))
            .collect();
        json!({
            "row": rows.hash(row), "values": rows.texts[row].values, "copies": rows.texts[row].copies,
            "labels": state.label_of(row).map(|labels| state.names(labels)), "people": people,
            "imported": rows.texts[row].imported, "sample": state.is_sample(row),
            "note": marks.map_or("", |marks| marks.note.as_str()), "instead": instead.get(&row),
        })
    });
    json!({"total": found.len(), "rows": shown.collect::<Vec<_>>()})
}
