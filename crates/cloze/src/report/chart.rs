//! A chart: shares as bars, intervals and points, a line for each.
//!
//! Titles and figures are text of the page and keep their size. Only the drawing between them is SVG, placed in per cent of
//! whatever width is left for it, so that nothing is cut on a phone. Unlike backgrounds, SVG is always printed.

use std::fmt::Write as _;

use super::markup::escape;

/// A chart that is being drawn.
pub(crate) struct Chart {
    low: f64,
    high: f64,
    lines: String,
}

/// What can be drawn in a line, by shares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// A bar from the left.
    Bar(f64),
    /// A thin line from one share to another.
    Interval(f64, f64),
    /// A thick line from one share to another.
    Band(f64, f64),
    /// An upright stroke.
    Mean(f64),
    /// A point.
    Point(f64),
    /// A dashed line upright through the whole chart.
    Chance(f64),
}

impl Chart {
    /// A chart from the share `low` to the share `high`, called `name`.
    pub(crate) fn new(name: &str, low: f64, high: f64) -> Chart {
        let lines = format!("<ul class=\"chart\" role=\"list\" aria-label=\"{}\">\n", escape(name));
        Chart { low, high, lines }
    }

    /// Adds a line: its title, which is plain text, what is drawn, and the same in figures.
    pub(crate) fn line(&mut self, title: &str, marks: &[Mark], figures: &str) {
        let mut drawing = String::new();
        for tick in self.ticks() {
            let at = self.at(tick);
            let _ = write!(drawing, "<line class=\"tick\" x1=\"{at}\" x2=\"{at}\" y2=\"100%\"/>");
        }
        marks.iter().for_each(|mark| self.draw(&mut drawing, *mark));
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            self.lines,
            "<li><span class=\"title\" dir=\"auto\">{}</span><span class=\"track\"><svg aria-hidden=\"true\">{drawing}</svg></span>\
             <span class=\"figures\">{figures}</span></li>",
            escape(title)
        );
    }

    /// The chart, with a scale below its lines.
    pub(crate) fn finish(mut self) -> String {
        self.lines.push_str(
            "<li aria-hidden=\"true\"><span class=\"title\"></span><span class=\"track\"><svg><svg y=\"50%\" overflow=\"visible\">",
        );
        for tick in self.ticks() {
            // The outermost stay within the drawing.
            let anchor = match tick {
                tick if tick <= self.low + 0.01 => "start",
                tick if tick >= self.high - 0.01 => "end",
                _ => "middle",
            };
            let (at, percent) = (self.at(tick), tick * 100.0);
            let _ =
                write!(self.lines, "<text x=\"{at}\" y=\"5\" text-anchor=\"{anchor}\">{percent:.0} %</text>");
        }
        self.lines.push_str("</svg></svg></span><span class=\"figures\"></span></li>\n</ul>\n");
        self.lines
    }

    /// Every tenth, or every fifth where the others would touch on a phone.
    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (first, last) = ((self.low * 10.0).round() as u32, (self.high * 10.0).round() as u32);
        let step = if last - first > 5 { 2 } else { 1 };
        (first..=last).step_by(step).map(|tick| f64::from(tick) / 10.0)
    }

    fn at(&self, share: f64) -> String {
        format!("{:.2}%", self.part(share) * 100.0)
    }

    fn part(&self, share: f64) -> f64 {
        ((share - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn draw(&self, drawing: &mut String, mark: Mark) {
        // The drawing within has its origin in the middle of the line, however high the line is.
        const MIDDLE: &str = "<svg y=\"50%\" overflow=\"visible\">";
        let at = |share| self.at(share);
        let between = |low, high| format!("{:.2}%", (self.part(high) - self.part(low)) * 100.0);
        let _ = match mark {
            Mark::Bar(share) => {
                let width = between(self.low, share);
                write!(
                    drawing,
                    "{MIDDLE}<rect class=\"bar\" y=\"-8\" width=\"{width}\" height=\"16\"/></svg>"
                )
            }
            Mark::Band(low, high) => {
                let (x, width) = (at(low), between(low, high));
                write!(
                    drawing,
                    "{MIDDLE}<rect class=\"band\" x=\"{x}\" y=\"-3\" width=\"{width}\" height=\"6\"/></svg>"
                )
            }
            Mark::Interval(low, high) => {
                let (from, to) = (at(low), at(high));
                write!(drawing, "{MIDDLE}<line class=\"interval\" x1=\"{from}\" x2=\"{to}\"/></svg>")
            }
            Mark::Mean(share) => {
                let x = at(share);
                write!(
                    drawing,
                    "{MIDDLE}<line class=\"mean\" x1=\"{x}\" x2=\"{x}\" y1=\"-8\" y2=\"8\"/></svg>"
                )
            }
            Mark::Point(share) => {
                write!(drawing, "{MIDDLE}<circle class=\"point\" cx=\"{}\" r=\"4\"/></svg>", at(share))
            }
            Mark::Chance(share) => {
                let x = at(share);
                write!(drawing, "<line class=\"chance\" x1=\"{x}\" x2=\"{x}\" y2=\"100%\"/>")
            }
        };
    }
}

/// What the marks of a chart mean, each with a sample.
pub(crate) fn legend(meanings: &[(Mark, String)]) -> String {
    let mut legend = "<ul class=\"legend\" role=\"list\">\n".to_owned();
    let sample = Chart { low: 0.0, high: 1.0, lines: String::new() };
    for (mark, meaning) in meanings {
        let mut drawing = String::new();
        sample.draw(&mut drawing, *mark);
        let _ = writeln!(legend, "<li><svg aria-hidden=\"true\">{drawing}</svg>{meaning}</li>");
    }
    legend.push_str("</ul>\n");
    legend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_scale_is_drawn_at_its_end() {
        let mut chart = Chart::new("accuracy", 0.6, 0.8);
        chart.line("a", &[Mark::Interval(0.5, 0.7), Mark::Point(0.9)], "70.0 %");
        let drawn = chart.finish();
        assert!(drawn.contains("x1=\"0.00%\" x2=\"50.00%\""), "{drawn}");
        assert!(drawn.contains("cx=\"100.00%\""), "{drawn}");
    }

    #[test]
    fn the_scale_begins_and_ends_within_the_drawing() {
        let drawn = Chart::new("accuracy", 0.0, 1.0).finish();
        assert!(drawn.contains("text-anchor=\"start\">0 %<"), "{drawn}");
        assert!(drawn.contains("text-anchor=\"end\">100 %<"), "{drawn}");
        assert_eq!(drawn.matches("<text").count(), 6);
    }
}
