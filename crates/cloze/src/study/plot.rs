//! A factor as a drawing: a line for every setting, a point for every seed, the mean with its interval.

use std::fmt::Write as _;

use super::findings::Finding;
use super::setting::Setting;
use crate::metrics::Measured;
use crate::report::{Chart, Mark, escape, percent};

/// The drawing in a page.
pub(super) fn chart(finding: &Finding) -> String {
    let (low, high) = scale(finding);
    let mut chart = Chart::new(&name(finding), low, high);
    for setting in &finding.settings {
        let Measured { value, low, high } = setting.accuracy;
        let points = setting.arms.iter().map(|arm| Mark::Point(arm.accuracy.value));
        let marks: Vec<Mark> = [Mark::Band(low, high), Mark::Mean(value)].into_iter().chain(points).collect();
        chart.line(&setting.setting, &marks, &figures(setting));
    }
    chart.finish()
}

/// The drawing as a file of its own, with a white ground, so that it can stand in any document.
pub(super) fn svg(finding: &Finding) -> String {
    let longest = |width: fn(&Setting) -> f64| finding.settings.iter().map(width).fold(0.0, f64::max);
    let left = f64::max(260.0, 20.0 + longest(|setting| wide(&setting.setting, 8.0)));
    let right = f64::max(150.0, 10.0 + longest(|setting| wide(&figures(setting), 5.4)));
    let (width, line) = (440.0, 28.0);
    let height = finding.settings.len() as f64 * line + 26.0;
    let (low, high) = scale(finding);
    let x = |share: f64| left + (share - low) / (high - low) * width;
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {height}\" \
         width=\"100%\" font-family=\"system-ui,sans-serif\" font-size=\"13\" fill=\"#1c2530\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        name(finding),
        left + width + right
    );
    let bottom = height - 22.0;
    for tick in (low * 10.0).round() as u32..=(high * 10.0).round() as u32 {
        let at = x(f64::from(tick) / 10.0);
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            drawing,
            "<path d=\"M{at:.1} 0V{bottom}\" stroke=\"#d8dee6\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{} %</text>",
            height - 6.0,
            tick * 10
        );
    }
    for (number, setting) in finding.settings.iter().enumerate() {
        let middle = number as f64 * line + line / 2.0;
        let figure = setting.accuracy;
        let _ = writeln!(
            drawing,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#7aa6d8\" stroke-width=\"6\"/>\
             <path d=\"M{:.1} {}v16\" stroke=\"#1c2530\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            left - 10.0,
            middle + 5.0,
            escape(&setting.setting),
            x(figure.low),
            x(figure.high),
            x(figure.value),
            middle - 8.0,
            left + width + 10.0,
            middle + 5.0,
            figures(setting)
        );
        for arm in &setting.arms {
            let _ = writeln!(
                drawing,
                "<circle cx=\"{:.1}\" cy=\"{middle}\" r=\"4\" fill=\"#b04040\" fill-opacity=\"0.7\"/>",
                x(arm.accuracy.value)
            );
        }
    }
    drawing.push_str("</svg>\n");
    drawing
}

/// The lowest and the highest share of the drawing.
fn scale(finding: &Finding) -> (f64, f64) {
    let figures = finding.settings.iter().map(|setting| &setting.accuracy);
    let points = finding.settings.iter().flat_map(|setting| &setting.arms).map(|arm| arm.accuracy.value);
    let low = figures.clone().map(|figure| figure.low).chain(points.clone()).fold(1.0, f64::min);
    let high = figures.map(|figure| figure.high).chain(points).fold(0.0, f64::max);
    // Whole steps of ten per cent, two of them at least.
    let low = ((low * 10.0).floor() / 10.0).min(0.8);
    (low, ((high * 10.0).ceil() / 10.0).max(low + 0.2))
}

fn name(finding: &Finding) -> String {
    format!("accuracy by {}", finding.factor.name())
}

/// `84.3 % (82.0 to 86.4)`.
fn figures(setting: &Setting) -> String {
    let Measured { value, low, high } = setting.accuracy;
    format!("{} ({:.1} to {:.1})", percent(value), low * 100.0, high * 100.0)
}

/// How wide a text may be, in whole units: the viewer's font decides, this is for a wide one, whose signs other than digits are as
/// wide as `sign` on average. Letters beyond ASCII may be twice as wide as others.
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

    fn finding(setting: &str, value: f64) -> Finding {
        let accuracy = Measured { value, low: value, high: value };
        let arm = Arm {
            seed: 0,
            accuracy,
            macro_f1: accuracy,
            examples: None,
            run: "moods-0".into(),
            job: "final".into(),
        };
        let setting = Setting { setting: setting.into(), accuracy, macro_f1: value, arms: vec![arm] };
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
        assert!(!drawn.contains("viewBox"));
        assert!(drawn.contains(">bert</span>") && drawn.contains(">75.0 % (75.0 to 75.0)</span>"), "{drawn}");
        assert_eq!(drawn.matches("<circle").count(), 2);
    }
}
