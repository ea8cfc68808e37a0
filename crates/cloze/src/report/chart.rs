//! Chart geometry: positions as percentages of the available space. `templates/chart.html` renders them.
//!
//! Titles and figures are page text and keep their size, so that nothing is cut off on a phone. Unlike
//! backgrounds, SVG is always printed.

use std::fmt;

use crate::metrics::{Bin, Measured, Reliability};
use crate::results::calibration::Coverage;

/// A chart of shares as bars, intervals and points, on one line each.
pub(crate) struct Chart {
    /// What the chart shows.
    pub(crate) name: String,
    scale: Scale,
    /// The vertical grid lines, with their labels below.
    pub(crate) ticks: Vec<Tick>,
    /// The lines, from top to bottom.
    pub(crate) lines: Vec<Line>,
}

/// A line of a chart.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) marks: Vec<Drawn>,
    /// The same as text.
    pub(crate) figures: String,
    /// Whether to highlight it.
    pub(crate) best: bool,
}

/// The marks that a line can contain, positioned by shares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// A bar from the left.
    Bar(f64),
    /// The same in the highlight colour.
    Best(f64),
    /// A thin line from one share to another.
    Interval(f64, f64),
    /// A thick line from one share to another.
    Band(f64, f64),
    /// A vertical stroke.
    Mean(f64),
    /// A point.
    Point(f64),
    /// A dashed vertical line through the whole chart.
    Chance(f64),
}

/// A mark with its position in the drawing.
pub(crate) struct Drawn {
    pub(crate) kind: &'static str,
    pub(crate) x: At,
    pub(crate) end: At,
    pub(crate) width: At,
}

/// A vertical grid line of a chart.
pub(crate) struct Tick {
    pub(crate) at: At,
    /// The text anchor, which keeps the outermost labels within the drawing.
    pub(crate) anchor: &'static str,
    pub(crate) label: String,
}

/// The meaning of a mark, for the legend.
pub(crate) struct Meaning {
    pub(crate) sample: Vec<Drawn>,
    pub(crate) text: String,
}

/// A fraction of the drawing's width or height.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub(crate) f64);

/// The scale, from the share at the left edge to the share at the right edge.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", self.0 * 100.0)
    }
}

impl Scale {
    const WHOLE: Scale = Scale { low: 0.0, high: 1.0 };

    fn part(self, share: f64) -> f64 {
        ((share - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Ticks at every tenth, or at every fifth if tenths would overlap on a phone.
    fn ticks(self) -> Vec<Tick> {
        let [first, last] = [self.low, self.high].map(|share| (share * 10.0).round() as u32);
        let step = if last - first > 5 { 2 } else { 1 };
        let tick = |tenth: u32| Tick {
            at: At(self.part(f64::from(tenth) / 10.0)),
            anchor: match tenth {
                tenth if tenth == first => "start",
                tenth if tenth == last => "end",
                _ => "middle",
            },
            label: format!("{} %", tenth * 10),
        };
        (first..=last).step_by(step).map(tick).collect()
    }

    fn draw(self, mark: Mark) -> Drawn {
        let (kind, from, to) = match mark {
            Mark::Bar(share) => ("bar", self.low, share),
            Mark::Best(share) => ("bar best", self.low, share),
            Mark::Interval(low, high) => ("interval", low, high),
            Mark::Band(low, high) => ("band", low, high),
            Mark::Mean(share) => ("mean", share, share),
            Mark::Point(share) => ("point", share, share),
            Mark::Chance(share) => ("chance", share, share),
        };
        let [from, to] = [from, to].map(|share| self.part(share));
        Drawn { kind, x: At(from), end: At(to), width: At(to - from) }
    }
}

impl Chart {
    /// A chart from the share `low` to the share `high`.
    pub(crate) fn new(name: &str, low: f64, high: f64) -> Chart {
        let scale = Scale { low, high };
        Chart { name: name.to_owned(), scale, ticks: scale.ticks(), lines: Vec::new() }
    }

    /// Adds a line: its title, its marks, and the same as text.
    pub(crate) fn line(&mut self, title: &str, marks: impl IntoIterator<Item = Mark>, figures: String) {
        let marks: Vec<Mark> = marks.into_iter().collect();
        self.lines.push(Line {
            title: title.to_owned(),
            best: marks.iter().any(|mark| matches!(mark, Mark::Best(_))),
            marks: marks.into_iter().map(|mark| self.scale.draw(mark)).collect(),
            figures,
        });
    }
}

/// Marks in a separate drawing, on a scale from 0 to 1.
pub(crate) fn gauge(marks: impl IntoIterator<Item = Mark>) -> Vec<Drawn> {
    marks.into_iter().map(|mark| Scale::WHOLE.draw(mark)).collect()
}

impl Meaning {
    /// A sample of a mark, and its meaning.
    pub(crate) fn new(sample: Mark, text: impl Into<String>) -> Meaning {
        Meaning { sample: gauge([sample]), text: text.into() }
    }
}

/// A diagram of two shares: points with intervals, over bars or joined by a line.
pub(crate) struct Diagram {
    /// What the diagram shows.
    pub(crate) name: &'static str,
    pub(crate) across: Axis,
    pub(crate) up: Axis,
    pub(crate) bars: Vec<Column>,
    pub(crate) curve: Vec<Segment>,
    pub(crate) points: Vec<Spot>,
    /// Whether to mark where both shares are equal.
    pub(crate) has_diagonal: bool,
}

/// An axis of a diagram, with the positions of its grid lines and their labels.
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    pub(crate) ticks: Vec<(At, String)>,
}

/// A bar.
pub(crate) struct Column {
    pub(crate) x: At,
    pub(crate) width: At,
    pub(crate) top: At,
    pub(crate) height: At,
}

/// A piece of a line.
pub(crate) struct Segment {
    pub(crate) from: (At, At),
    pub(crate) to: (At, At),
}

/// A point with the ends of its interval.
pub(crate) struct Spot {
    pub(crate) x: At,
    pub(crate) y: At,
    pub(crate) low: At,
    pub(crate) high: At,
    pub(crate) radius: String,
}

impl Axis {
    /// An axis from 0 to `end`, with a grid line at every `step`.
    fn new(title: &'static str, end: f64, step: f64) -> Axis {
        let lines = (end / step).round() as u32;
        let tick = |line: u32| {
            (At(f64::from(line) / f64::from(lines)), format!("{:.0} %", f64::from(line) * step * 100.0))
        };
        Axis { title, ticks: (0..=lines).map(tick).collect() }
    }

    /// Counted from the top.
    fn down(self) -> Axis {
        let ticks = self.ticks.into_iter().map(|(At(at), label)| (At(1.0 - at), label)).collect();
        Axis { ticks, ..self }
    }
}

impl Diagram {
    /// Confidence on the horizontal axis, accuracy on the vertical axis. A bar for each bin reaches up to its
    /// accuracy, with a point there at its mean confidence, whose area shows the number of predictions.
    pub(crate) fn reliability(reliability: &Reliability) -> Diagram {
        let all: usize = reliability.bins.iter().map(|bin| bin.rows).sum();
        let bar = |bin: &Bin| Column {
            x: At(bin.from + 0.005),
            width: At(bin.to - bin.from - 0.01),
            top: At(1.0 - bin.accuracy),
            height: At(bin.accuracy),
        };
        let point = |bin: &Bin| {
            let right = (bin.accuracy * bin.rows as f64).round() as usize;
            let radius = 3.0 + 7.0 * (bin.rows as f64 / all.max(1) as f64).sqrt();
            Spot::new(bin.confidence, Measured::exact(right, bin.rows), 1.0, radius)
        };
        Diagram {
            name: "accuracy by confidence",
            across: Axis::new("confidence", 1.0, 0.2),
            up: Axis::new("share that is right", 1.0, 0.2).down(),
            bars: reliability.bins.iter().map(bar).collect(),
            curve: Vec::new(),
            points: reliability.bins.iter().map(point).collect(),
            has_diagonal: true,
        }
    }

    /// The share of answers that are given on the horizontal axis, the share of wrong ones among them on the
    /// vertical axis.
    pub(crate) fn risk(coverage: &[Coverage]) -> Diagram {
        let highest = coverage.iter().map(|point| point.error.high).fold(0.01, f64::max);
        let steps = [0.01, 0.02, 0.05, 0.1, 0.2];
        let step = steps.into_iter().find(|step| highest <= 5.0 * step).unwrap_or(0.2);
        let end = step * (highest / step).ceil();
        let point = |point: &Coverage| Spot::new(point.answered, point.error, end, 3.5);
        let points: Vec<Spot> = coverage.iter().map(point).collect();
        let segment = |pair: &[Spot]| Segment { from: (pair[0].x, pair[0].y), to: (pair[1].x, pair[1].y) };
        Diagram {
            name: "errors by share of answers given",
            across: Axis::new("share answered", 1.0, 0.2),
            up: Axis::new("share that is wrong", end, step).down(),
            bars: Vec::new(),
            curve: points.windows(2).map(segment).collect(),
            points,
            has_diagonal: false,
        }
    }
}

impl Spot {
    /// A figure above a share, on a scale that ends at `end`.
    fn new(x: f64, figure: Measured, end: f64, radius: f64) -> Spot {
        let down = |share: f64| At(1.0 - share / end);
        Spot {
            x: At(x),
            y: down(figure.value),
            low: down(figure.low),
            high: down(figure.high),
            radius: format!("{radius:.1}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_scale_is_drawn_at_its_end() {
        let mut chart = Chart::new("accuracy", 0.6, 0.8);
        chart.line("a", [Mark::Interval(0.5, 0.7), Mark::Point(0.9)], "70.0 %".into());
        let [interval, point] = &chart.lines[0].marks[..] else { panic!() };
        assert_eq!((interval.x.to_string(), interval.end.to_string()), ("0.00%".into(), "50.00%".into()));
        assert_eq!(point.x.to_string(), "100.00%");
    }

    #[test]
    fn the_scale_begins_and_ends_within_the_drawing() {
        let anchors = |chart: Chart| chart.ticks.iter().map(|tick| tick.anchor).collect::<Vec<_>>();
        let all = anchors(Chart::new("accuracy", 0.0, 1.0));
        assert_eq!(all, ["start", "middle", "middle", "middle", "middle", "end"]);
        assert_eq!(anchors(Chart::new("accuracy", 0.8, 1.0)), ["start", "middle", "end"]);
    }

    #[test]
    fn a_bin_stands_on_its_confidence_and_reaches_up_to_its_accuracy() {
        let diagram = Diagram::reliability(&Reliability::new([(0.95, true), (0.95, false), (0.55, true)]));
        let ([first, last], [_, point]) = (&diagram.bars[..], &diagram.points[..]) else { panic!() };
        assert_eq!((first.x.to_string(), first.top.to_string()), ("50.50%".into(), "0.00%".into()));
        assert_eq!((last.height.to_string(), point.x.to_string()), ("50.00%".into(), "95.00%".into()));
        // One of two: from 1.3 to 98.7 %.
        assert_eq!((point.low.to_string(), point.high.to_string()), ("98.74%".into(), "1.26%".into()));
    }

    #[test]
    fn the_scale_of_errors_ends_above_the_highest_interval() {
        let step = |answered, value, high| Coverage {
            probability: 0.5,
            answered,
            error: Measured { value, low: 0.0, high },
        };
        let diagram = Diagram::risk(&[step(0.5, 0.02, 0.08), step(1.0, 0.1, 0.13)]);
        let labels: Vec<&str> = diagram.up.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0 %", "5 %", "10 %", "15 %"]);
        assert_eq!((diagram.points.len(), diagram.curve.len()), (2, 1));
        assert_eq!(diagram.points[1].y.to_string(), "33.33%");
        assert_eq!(diagram.up.ticks[3].0.to_string(), "0.00%");
    }
}
