//! The share of the auxiliary masked-LM loss.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;

/// The shares that are compared, besides the task's own: none, that of the first PET paper, and a hundred
/// times as much.
const SHARES: [f64; 3] = [0.0, 1e-4, 1e-2];

pub(super) struct LmWeight;

impl Definition for LmWeight {
    fn question(&self) -> &'static str {
        "Does it help to go on predicting masked words of the unlabelled rows?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.unlabeled == 0 {
            return Ok(Levels::none("there are no unlabelled rows whose words could be predicted"));
        }
        Ok(shares(base.task.options.lm_weight).into_iter().map(level).collect())
    }
}

/// The shares to compare, the smallest first.
fn shares(own: f64) -> Vec<f64> {
    let mut shares = SHARES.to_vec();
    shares.push(own);
    shares.sort_by(f64::total_cmp);
    shares.dedup();
    shares
}

fn level(share: f64) -> Level {
    let setting = match share {
        0.0 => "no masked-LM loss".to_owned(),
        _ => format!("masked-LM loss {share}"),
    };
    Level::changed(setting, move |task, _| task.options.lm_weight = share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_task_is_one_of_those_compared() {
        assert_eq!(shares(0.0), SHARES);
        assert_eq!(shares(0.001), [0.0, 1e-4, 1e-3, 1e-2]);
    }
}
