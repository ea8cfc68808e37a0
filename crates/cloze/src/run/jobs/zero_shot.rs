//! The job that scores the labelled examples with the pretrained model and a pattern.

use super::Workspace;
use crate::Result;
use crate::run::store::Draft;
use crate::scoring::calibration;
use crate::task::Split;

/// The file with the calibration shift of each label.
pub(super) const SHIFT: &str = "calibration.json";

impl Workspace<'_> {
    pub(super) fn zero_shot(&mut self, draft: &Draft, name: &str, pattern: usize) -> Result<()> {
        let verbalizer = self.verbalizer(pattern)?;
        let rows = calibration::rows(self.task, self.data);
        let clozes = self.encoder(pattern, &verbalizer).encode_all(&rows)?;
        let progress = self.log.rows(name, "calibrate", clozes.len());
        let (mut session, shift) =
            calibration::calibrated(self.checkpoint, self.device, &verbalizer, &clozes, progress)?;
        draft.write_json(SHIFT, &shift)?;
        let measured = self.task.options.measures_all();
        let mut score = |split| self.score_split(&mut session, name, pattern, &verbalizer, split);
        let train = score(Split::Train)?;
        let test = if measured { Some(score(Split::Test)?) } else { None };
        self.measured(draft, Some(&train), test.as_ref())?.write(draft)
    }
}
