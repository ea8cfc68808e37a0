//! What decides the predictions of a run, in one hash.

use std::sync::PoisonError;

use super::Predictor;
use super::models::Models;
use crate::run::store::{Job, RunDir};
use crate::run::{costs, plan};
use crate::{Error, Result};

impl Predictor {
    /// A hash of everything that decides what it predicts: the record of the run, the files of the models with their weights in the
    /// ensemble, the temperature, and the lowest probabilities of labels that are given. Copies of a run have the same.
    ///
    /// # Errors
    /// When the run is no longer there, or its record was changed.
    pub fn fingerprint(&self) -> Result<String> {
        let run = RunDir::open(&self.dir)?;
        let mut hasher = blake3::Hasher::new();
        // Line ends may change when a run is copied.
        hasher.update(run.manifest()?.replace("\r\n", "\n").as_bytes());
        let models = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match &*models {
            Models::Classifier(_) => {
                let gone =
                    || Error::io("read", self.dir.join(plan::FINAL), std::io::ErrorKind::NotFound.into());
                add(&mut hasher, &run.job(plan::FINAL)?.ok_or_else(gone)?, 1.0);
            }
            Models::Patterns { members, probe, .. } => {
                members.iter().for_each(|member| add(&mut hasher, &member.job, member.weight));
                probe.iter().for_each(|probe| add(&mut hasher, &probe.job, 1.0));
            }
        }
        let temperature = self.calibration.as_ref().map(|calibration| calibration.temperature);
        hasher.update(format!("{temperature:?}").as_bytes());
        for found in self.promise.iter().flat_map(|promise| &promise.thresholds) {
            hasher.update(format!("{:?} {:?}", found.labels, found.probability).as_bytes());
        }
        Ok(hasher.finalize().to_hex()[..32].to_owned())
    }
}

/// Adds a model that takes part with this weight.
fn add(hasher: &mut blake3::Hasher, job: &Job, weight: f64) {
    // What it has cost to train changes nothing.
    for (name, file) in job.record().files.iter().filter(|(name, _)| *name != costs::FILE) {
        hasher.update(format!("{name} {} {}\n", file.bytes, file.blake3).as_bytes());
    }
    hasher.update(&weight.to_bits().to_le_bytes());
}
