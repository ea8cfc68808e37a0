//! What is to be known of a task before anything is trained: a first draft, a check, the time it will take.

mod check;
pub(crate) mod estimate;
mod init;
pub(crate) mod vocabulary;

pub use crate::{
    dataset::SplitReport,
    inspect::{
        check::report::{
            CheckReport, ClassReport, FilledReport, LabelReport, Lengths, PatternReport, WordReport,
        },
        check::{check, preview},
        estimate::{Estimate, JobEstimate},
        init::{DraftedTask, Request, draft},
    },
    predict::zero_shot::{Outcome, ZeroShot, zero_shot},
    pvp::encode::preview::{Piece, PieceKind},
};

use crate::Warning;
use crate::run::prepare::Prepared;

/// What is probably not meant by a task that is ready to be trained: doubts about its rows, and about the model's knowing their language.
pub fn warnings(prepared: &Prepared) -> Vec<Warning> {
    let language = vocabulary::warning(&prepared.task, &prepared.data, &prepared.model);
    prepared.data.warnings.iter().cloned().chain(language).collect()
}
