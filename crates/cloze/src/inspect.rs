//! Inspecting a task before training: drafting a task file, checking it, and estimating the training time.

mod check;
pub(crate) mod estimate;
mod init;
pub(crate) mod vocabulary;

pub use crate::{
    dataset::SplitReport,
    inspect::vocabulary::doubt,
    inspect::{
        check::report::{
            CheckReport, ClassReport, FilledReport, LabelReport, Lengths, PatternReport, WordReport,
        },
        check::{check, preview},
        estimate::{Estimate, JobEstimate},
        init::in_memory::{DraftRows, draft_in_memory},
        init::{DraftedTask, Request, draft},
    },
    predict::zero_shot::{Outcome, ZeroShot, zero_shot},
    pvp::encode::preview::{Piece, PieceKind},
};

pub(crate) use self::init::{Kind, LabelColumn, text_columns};
use crate::Warning;
use crate::run::prepare::Prepared;

/// Likely mistakes in a task that is ready for training: problems with its data, and whether the model knows
/// the language of its texts.
pub fn warnings(prepared: &Prepared) -> Vec<Warning> {
    let language = vocabulary::warning(&prepared.task, &prepared.data, &prepared.model);
    prepared.data.warnings.iter().cloned().chain(language).collect()
}
