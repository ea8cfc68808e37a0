//! What a finished run leaves for the next time that the project is opened.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Predicted;
use crate::private;
use crate::rows::Rows;

const FILE: &str = "classifier.json";

/// The last run, and what it and those before it have predicted.
pub(super) struct Kept {
    /// The directory of the run.
    pub(super) run: String,
    pub(super) seconds: f64,
    pub(super) predicted: Predicted,
    /// What each run has predicted for the sample.
    pub(super) history: Vec<Predicted>,
}

#[derive(Serialize, Deserialize)]
struct File {
    run: String,
    seconds: f64,
    predicted: Predictions,
    history: Vec<Predictions>,
}

#[derive(Serialize, Deserialize)]
struct Predictions {
    labels: Vec<String>,
    lessons: usize,
    several: bool,
    /// Probabilities by the hash of the text.
    rows: BTreeMap<String, Vec<f32>>,
}

impl Predictions {
    fn of(rows: &Rows, predicted: &Predicted) -> Predictions {
        let Predicted { labels, lessons, several, rows: found } = predicted;
        let found = found.iter().map(|(row, probabilities)| (rows.hash(*row), probabilities.clone()));
        Predictions { labels: labels.clone(), lessons: *lessons, several: *several, rows: found.collect() }
    }

    /// Leaves out texts that are not in the table any more.
    fn read(self, rows: &Rows) -> Predicted {
        let Predictions { labels, lessons, several, rows: found } = self;
        let found = found
            .into_iter()
            .filter(|(_, probabilities)| probabilities.len() == labels.len())
            .filter_map(|(hash, probabilities)| Some((rows.find(&hash)?, probabilities)))
            .collect();
        Predicted { rows: found, labels, lessons, several }
    }
}

impl Kept {
    pub(super) fn write(&self, folder: &Path, rows: &Rows) -> cloze::Result<()> {
        let of = |predicted| Predictions::of(rows, predicted);
        let file = File {
            run: self.run.clone(),
            seconds: self.seconds,
            predicted: of(&self.predicted),
            history: self.history.iter().map(of).collect(),
        };
        private::write(&folder.join(FILE), &serde_json::to_vec(&file).unwrap_or_default())
    }

    /// `None` if there is no run yet, its directory is gone, or what was kept of it cannot be read: the next run writes it anew.
    pub(super) fn read(folder: &Path, rows: &Rows) -> Option<Kept> {
        let file: File = serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()?;
        let is_there = cloze::Run::is_in(Path::new(&file.run));
        is_there.then(|| Kept {
            predicted: file.predicted.read(rows),
            history: file.history.into_iter().map(|of| of.read(rows)).collect(),
            run: file.run,
            seconds: file.seconds,
        })
    }
}
