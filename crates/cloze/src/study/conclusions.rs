//! The conclusions of a study, as sentences.

use super::findings::{Comparison, Finding, Verdict};

impl Comparison {
    /// The comparison as a sentence.
    fn sentence(&self) -> String {
        let Comparison { setting, against, difference, verdict } = self;
        let points = |share: f64| format!("{:+.1}", share * 100.0).replace('-', "−");
        let value = points(difference.value);
        let low = points(difference.low);
        let high = points(difference.high);
        let within = format!("{value} points (95 % interval {low} to {high})");
        match verdict {
            Verdict::Better => format!("`{setting}` is better than `{against}`: {within}"),
            Verdict::Worse => format!("`{setting}` is worse than `{against}`: {within}"),
            Verdict::Undecided => {
                format!("no clear difference between `{setting}` and `{against}`: {within}")
            }
        }
    }
}

/// All comparisons as sentences: decided ones first, and larger differences before smaller ones.
pub(super) fn conclusions(findings: &[Finding]) -> Vec<String> {
    let mut all: Vec<(&Finding, &Comparison)> = findings
        .iter()
        .flat_map(|finding| finding.comparisons.iter().map(move |comparison| (finding, comparison)))
        .collect();
    all.sort_by(|(_, a), (_, b)| {
        let unsure = |comparison: &Comparison| comparison.verdict == Verdict::Undecided;
        let size = |comparison: &Comparison| comparison.difference.value.abs();
        unsure(a).cmp(&unsure(b)).then(size(b).total_cmp(&size(a)))
    });
    all.iter()
        .map(|(finding, comparison)| format!("{}: {}", finding.factor.name(), comparison.sentence()))
        .collect()
}
