//! A study as a single page (`report.html`), rendered from `templates/study.html`.

use askama::Template;

use super::findings::{Finding, Findings};
use super::plot;
use super::setting::Setting;
use crate::report::{Chart, Mark, Meaning, counted, interval, percent};

#[derive(Template)]
#[template(path = "study.html")]
struct Page<'f> {
    findings: &'f Findings,
    inputs: String,
    model: &'f str,
    seeds: String,
    factors: Vec<FactorView<'f>>,
    legend: Vec<Meaning>,
}

/// What the page shows of a factor.
struct FactorView<'f> {
    name: &'static str,
    question: &'f str,
    chart: Chart,
    /// The patterns with their numbers, if they are the factor that was varied.
    patterns: Vec<(usize, &'f String)>,
    settings: Vec<SettingLine<'f>>,
    overview: &'f Option<String>,
}

struct SettingLine<'f> {
    name: &'f str,
    accuracy: String,
    interval: String,
    macro_f1: String,
    seconds: String,
    by_seed: Vec<String>,
}

/// The page.
pub(super) fn html(findings: &Findings) -> String {
    let rows = |part: &str| findings.data.get(part).map_or(0, |source| source.rows);
    let seeds: Vec<String> = findings.seeds.iter().map(u64::to_string).collect();
    let page = Page {
        findings,
        inputs: format!(
            "{} labelled, {} unlabelled and {}",
            rows("train"),
            rows("unlabeled"),
            counted(rows("test"), "test row")
        ),
        model: findings.models.first().map_or("", |model| &model.name),
        seeds: seeds.join(", "),
        factors: findings.factors.iter().map(|finding| factor(finding, findings)).collect(),
        legend: vec![
            Meaning::new(Mark::Point(0.5), "accuracy with each seed"),
            Meaning::new(Mark::Mean(0.5), "their mean"),
            Meaning::new(
                Mark::Band(0.0, 1.0),
                "its 95 % interval, which covers the luck of the seeds and of the test rows",
            ),
        ],
    };
    // Rendering writes text to memory only, which cannot fail.
    page.render().unwrap_or_default()
}

fn factor<'f>(finding: &'f Finding, findings: &'f Findings) -> FactorView<'f> {
    let are_varied = finding.factor == super::Factor::Patterns;
    let setting = |setting: &'f Setting| SettingLine {
        name: &setting.setting,
        accuracy: percent(setting.accuracy.value),
        interval: interval(setting.accuracy),
        macro_f1: percent(setting.macro_f1),
        seconds: format!("{:.1}", setting.seconds),
        by_seed: setting.arms.iter().map(|arm| percent(arm.accuracy.value)).collect(),
    };
    FactorView {
        name: finding.factor.name(),
        question: &finding.question,
        chart: plot::chart(finding),
        patterns: findings.patterns.iter().enumerate().filter(|_| are_varied).collect(),
        settings: finding.settings.iter().map(setting).collect(),
        overview: &finding.overview,
    }
}
