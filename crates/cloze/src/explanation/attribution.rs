//! How contributions are computed.

use crate::{Error, Result};

/// How the contribution of a word is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attribution {
    /// The probability of the label for the example, minus that for the same example without the word. It costs
    /// a prediction for every word, and every model can be asked.
    #[default]
    LeaveOneOut,
    /// Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv 1703.01365): the gradient of the label's
    /// probability with respect to the word embeddings, integrated from an example of which every word is masked
    /// to the example itself by the midpoint rule, times the difference of the two. The contributions add up to
    /// the difference of the two probabilities, but for a gap that shrinks with more steps. It costs a forward and a
    /// backward pass for every step, and only the final classifier can be asked.
    Gradients {
        /// The number of points between the two, at least 1; [`Attribution::STEPS`] if nothing else is wanted.
        steps: usize,
    },
}

impl Attribution {
    /// The usual number of steps of integrated gradients.
    pub const STEPS: usize = 50;

    /// Its name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Attribution::LeaveOneOut => "leave-one-out",
            Attribution::Gradients { .. } => "gradients",
        }
    }

    /// Checks the number of steps.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Attribution::Gradients { steps: 0 } => Err(Error::usage(
                "integrated gradients in 0 steps are no sum",
                format!("take at least 1 step; {} is usual", Attribution::STEPS),
            )),
            Attribution::Gradients { .. } | Attribution::LeaveOneOut => Ok(()),
        }
    }
}
