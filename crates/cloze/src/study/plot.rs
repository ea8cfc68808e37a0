//! A factor as a drawing: a line for every setting, a point for every seed, the mean with its interval.

use std::fmt::Write as _;

use super::findings::Finding;
use crate::report::{escape, percent};

/// The drawing as a file of its own, which also stands in a page as it is.
pub(super) fn svg(finding: &Finding) -> String {
    let (left, width, line) = (260.0, 440.0, 28.0);
    let height = finding.settings.len() as f64 * line + 26.0;
    let figures = finding.settings.iter().map(|setting| &setting.accuracy);
    let points = finding.settings.iter().flat_map(|setting| &setting.arms).map(|arm| arm.accuracy.value);
    let low = figures.clone().map(|figure| figure.low).chain(points.clone()).fold(1.0, f64::min);
    let high = figures.map(|figure| figure.high).chain(points).fold(0.0, f64::max);
    // Whole steps of ten per cent, two of them at least.
    let low = ((low * 10.0).floor() / 10.0).min(0.8);
    let high = ((high * 10.0).ceil() / 10.0).max(low + 0.2);
    let x = |share: f64| left + (share - low) / (high - low) * width;
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"accuracy by {}\" viewBox=\"0 0 {} {height}\" \
         width=\"100%\" font-family=\"system-ui,sans-serif\" font-size=\"13\" fill=\"#1c2530\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        finding.factor.name(),
        left + width + 150.0
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
             <text x=\"{}\" y=\"{}\">{} ({:.1} to {:.1})</text>",
            left - 10.0,
            middle + 5.0,
            escape(&setting.setting),
            x(figure.low),
            x(figure.high),
            x(figure.value),
            middle - 8.0,
            left + width + 10.0,
            middle + 5.0,
            percent(figure.value),
            figure.low * 100.0,
            figure.high * 100.0
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
