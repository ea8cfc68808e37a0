//! A chart of a factor: a line for every setting, with a point for every seed and the mean with its interval.

use askama::Template;

use super::findings::Finding;
use super::setting::Setting;
use crate::report::{Chart, Mark, with_interval};

/// The width of the plot area between titles and figures, and the height of a line.
const SIZE: (f64, f64) = (440.0, 28.0);

#[derive(Template)]
#[template(path = "drawing.svg")]
struct Drawing<'f> {
    name: String,
    width: f64,
    height: f64,
    /// The vertical position of the scale.
    bottom: f64,
    left: f64,
    /// The horizontal position of the figures.
    right: f64,
    ticks: Vec<Tick>,
    lines: Vec<Line<'f>>,
}

struct Tick {
    x: String,
    percent: u32,
}

struct Line<'f> {
    setting: &'f str,
    middle: f64,
    low: String,
    mean: String,
    high: String,
    points: Vec<String>,
    figures: String,
}

/// The chart as part of a page.
pub(super) fn chart(finding: &Finding) -> Chart {
    let (low, high) = scale(finding);
    let mut chart = Chart::new(&name(finding), low, high);
    for setting in &finding.settings {
        let figure = setting.accuracy;
        let points = setting.arms.iter().map(|arm| Mark::Point(arm.accuracy.value));
        let marks = [Mark::Band(figure.low, figure.high), Mark::Mean(figure.value)];
        chart.line(&setting.setting, marks.into_iter().chain(points), with_interval(figure));
    }
    chart
}

/// The chart as a file of its own, with a white background so that it can be used in any document.
pub(super) fn svg(finding: &Finding) -> String {
    let longest = |width: fn(&Setting) -> f64| finding.settings.iter().map(width).fold(0.0, f64::max);
    let left = f64::max(260.0, 20.0 + longest(|setting| wide(&setting.setting, 8.0)));
    let right = f64::max(150.0, 10.0 + longest(|setting| wide(&with_interval(setting.accuracy), 5.4)));
    let (width, line) = SIZE;
    let height = finding.settings.len() as f64 * line + 26.0;
    let (low, high) = scale(finding);
    let x = |share: f64| format!("{:.1}", left + (share - low) / (high - low) * width);
    let ticks = (low * 10.0).round() as u32..=(high * 10.0).round() as u32;
    let drawing = Drawing {
        name: name(finding),
        width: left + width + right,
        height,
        bottom: height - 22.0,
        left,
        right: left + width + 10.0,
        ticks: ticks.map(|tick| Tick { x: x(f64::from(tick) / 10.0), percent: tick * 10 }).collect(),
        lines: finding
            .settings
            .iter()
            .enumerate()
            .map(|(number, setting)| Line {
                setting: &setting.setting,
                middle: number as f64 * line + line / 2.0,
                low: x(setting.accuracy.low),
                mean: x(setting.accuracy.value),
                high: x(setting.accuracy.high),
                points: setting.arms.iter().map(|arm| x(arm.accuracy.value)).collect(),
                figures: with_interval(setting.accuracy),
            })
            .collect(),
    };
    // Rendering writes text to memory only, which cannot fail.
    drawing.render().unwrap_or_default()
}

/// The lowest and the highest share on the chart's scale.
fn scale(finding: &Finding) -> (f64, f64) {
    let figures = finding.settings.iter().map(|setting| &setting.accuracy);
    let points = finding.settings.iter().flat_map(|setting| &setting.arms).map(|arm| arm.accuracy.value);
    let low = figures.clone().map(|figure| figure.low).chain(points.clone()).fold(1.0, f64::min);
    let high = figures.map(|figure| figure.high).chain(points).fold(0.0, f64::max);
    // Whole steps of ten per cent, at least two.
    let low = ((low * 10.0).floor() / 10.0).min(0.8);
    (low, ((high * 10.0).ceil() / 10.0).max(low + 0.2))
}

fn name(finding: &Finding) -> String {
    format!("accuracy by {}", finding.factor.name())
}

/// An upper estimate of a text's width, in whole units. The actual width depends on the viewer's font; this
/// assumes a wide one, whose characters other than digits have an average width of `sign`. Characters beyond
/// ASCII may be twice as wide.
fn wide(text: &str, sign: f64) -> f64 {
    let width = |character: char| match character {
        '0'..='9' => 8.3,
        character if character.is_ascii() => sign,
        _ => 13.0,
    };
    text.chars().map(width).sum::<f64>().ceil()
}

#[cfg(test)]
mod tests {
    use super::super::Factor;
    use super::super::setting::Arm;
    use super::*;
    use crate::metrics::Measured;

    fn finding(setting: &str, value: f64) -> Finding {
        let accuracy = Measured { value, low: value, high: value };
        let arm = Arm {
            seed: 0,
            accuracy,
            macro_f1: accuracy,
            seconds: 0.0,
            examples: None,
            run: "moods-0".into(),
            job: "final".into(),
        };
        let setting =
            Setting { setting: setting.into(), accuracy, macro_f1: value, seconds: 0.0, arms: vec![arm] };
        Finding {
            factor: Factor::Models,
            question: "Which?".into(),
            settings: vec![setting.clone(), setting],
            comparisons: Vec::new(),
            overview: None,
        }
    }

    #[test]
    fn a_drawing_grows_with_names_and_figures_that_need_more_room() {
        assert!(svg(&finding("bert", 0.75)).contains("viewBox=\"0 0 850 "));
        assert!(svg(&finding("bert", 1.0)).contains("viewBox=\"0 0 875 "));
        let name = "an-organisation/a-model-with-a-name-of-many-letters";
        let width = 850 - 260 + 20 + 8 * name.len();
        assert!(svg(&finding(name, 0.75)).contains(&format!("viewBox=\"0 0 {width} ")));
    }

    #[test]
    fn in_a_page_names_are_text_beside_the_drawing() {
        let drawn = chart(&finding("bert", 0.75));
        let [line, _] = &drawn.lines[..] else { panic!() };
        assert_eq!((line.title.as_str(), line.figures.as_str()), ("bert", "75.0 % (75.0 to 75.0)"));
        assert_eq!(line.marks.iter().map(|mark| mark.kind).collect::<Vec<_>>(), ["band", "mean", "point"]);
    }
}
