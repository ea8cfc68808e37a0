//! How much the members of an ensemble disagree about examples.

use cloze_encoder::Device;

use super::{Predictor, With};
use crate::run::Run;
use crate::table::Record;
use crate::{Error, Result};

/// For each example the share of the run's members that do not give the answer that most of them give: 0 where all agree. Examples
/// with a high share are worth labelling next.
///
/// # Errors
/// When the run has not kept its members; or as [`Predictor::classify`].
pub fn disagreement(run: &Run, examples: &[Record], device: &Device) -> Result<Vec<f64>> {
    let mut answers: Vec<Vec<Vec<String>>> = vec![Vec::new(); examples.len()];
    let mut members = 0;
    for member in &run.results.members {
        let (Some(pattern), Some(seed)) = (member.pattern, member.seed) else { continue };
        let predictor = Predictor::open_with(&run.path, Some(With::Member { pattern, seed }), device)?;
        for (answers, prediction) in answers.iter_mut().zip(predictor.classify_all(examples.iter().cloned()))
        {
            answers.push(prediction?.labels);
        }
        members += 1;
    }
    if members == 0 {
        return Err(Error::usage(
            format!("`{}` has no members that could disagree", run.path.display()),
            "train with patterns: `method = \"pet\"` or `method = \"ipet\"`",
        ));
    }
    let share = |answers: Vec<Vec<String>>| {
        let votes = |answer: &Vec<String>| answers.iter().filter(|other| *other == answer).count();
        1.0 - answers.iter().map(votes).max().unwrap_or(0) as f64 / members as f64
    };
    Ok(answers.into_iter().map(share).collect())
}
