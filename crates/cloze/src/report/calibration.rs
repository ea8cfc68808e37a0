//! The section about calibration: the texts and figures for `templates/calibration.html`.

use super::chart::Diagram;
use super::figures::{counted, percent, with_interval};
use crate::metrics::{Change, Measured, Reliability};
use crate::results::calibration::{Calibration, Checked, Promise};

/// How good the probabilities of a calibrated run were and are.
pub(super) struct Calibrated {
    pub(super) said: String,
    pub(super) figures: Vec<Figure>,
    pub(super) before: Diagram,
    pub(super) after: Diagram,
    pub(super) risk: Diagram,
    pub(super) promises: Vec<Promised>,
}

/// A figure before and after.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) verdict: &'static str,
}

/// A precision, and what of the rows can be answered with it.
pub(super) struct Promised {
    pub(super) precision: String,
    pub(super) answered: String,
    pub(super) needed: String,
}

impl Calibrated {
    pub(super) fn new(calibration: &Calibration) -> Calibrated {
        let number =
            |figure: Measured| format!("{:.3} ({:.3} to {:.3})", figure.value, figure.low, figure.high);
        let figure = |name, change: &Change, shown: &dyn Fn(Measured) -> String| Figure {
            name,
            before: shown(change.before),
            after: shown(change.after),
            verdict: change.verdict(),
        };
        let reliability = |confidence: fn(&Checked) -> f64| {
            let answers = calibration.answers.iter().map(|answer| (confidence(answer), answer.right));
            Diagram::reliability(&Reliability::new(answers))
        };
        let promised = |(precision, promise): (f64, Option<Promise>)| Promised {
            precision: format!("{:.0} %", precision * 100.0),
            answered: promise.as_ref().map_or("none".to_owned(), |promise| percent(promise.answered)),
            // A page needs no marks around literal text.
            needed: promise.map_or("–".to_owned(), |promise| promise.to_string().replace('`', "")),
        };
        Calibrated {
            said: said(calibration),
            figures: vec![
                figure("NLL", &calibration.nll, &number),
                figure("Brier score", &calibration.brier, &number),
                figure("calibration error (ECE)", &calibration.ece, &with_interval),
            ],
            before: reliability(|answer| answer.before),
            after: reliability(|answer| answer.after),
            risk: Diagram::risk(&calibration.coverage()),
            promises: calibration.promises().into_iter().map(promised).collect(),
        }
    }
}

fn said(calibration: &Calibration) -> String {
    let rows = counted(calibration.rows(), "checked row");
    let by = match calibration.answered_by.as_str() {
        "final" => "the classifier".to_owned(),
        "ensemble" => "the ensemble".to_owned(),
        member => format!("the member {member}"),
    };
    let temperature = calibration.temperature;
    if calibration.accuracy.value == 1.0 {
        return format!(
            "{rows} have been checked, and all answers of {by} are right, so there is nothing to fit: probabilities stay as they are."
        );
    }
    format!(
        "A temperature of {temperature:.2}, fitted to {rows}, {} the confidence of {by}. Labels stay the same, and {} of them are right.",
        if temperature > 1.0 { "lowers" } else { "raises" },
        with_interval(calibration.accuracy)
    )
}
