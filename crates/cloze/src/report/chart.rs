//! Drawings: where things stand in them, in per cent of whatever room there is. How they are drawn is in `templates/chart.html`.
//!
//! Titles and figures are text of the page and keep their size, so that nothing is cut on a phone. Unlike backgrounds, SVG is always
//! printed.

use std::fmt;

use crate::metrics::Reliability;

/// Shares as bars, intervals and points, a line for each.
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) name: String,
    scale: Scale,
    /// The upright lines, with their labels below.
    pub(crate) ticks: Vec<Tick>,
    /// From top to bottom.
    pub(crate) lines: Vec<Line>,
}

/// A line of a chart.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) marks: Vec<Drawn>,
    /// The same in figures.
    pub(crate) figures: String,
    /// Whether it is the one to look at.
    pub(crate) best: bool,
}

/// What can be drawn in a line, by shares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// A bar from the left.
    Bar(f64),
    /// The same in the colour of what is to be looked at.
    Best(f64),
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

/// A mark with its place in the drawing.
pub(crate) struct Drawn {
    pub(crate) kind: &'static str,
    pub(crate) x: At,
    pub(crate) end: At,
    pub(crate) width: At,
}

/// An upright line of a chart.
pub(crate) struct Tick {
    pub(crate) at: At,
    /// The outermost labels stay within the drawing.
    pub(crate) anchor: &'static str,
    pub(crate) label: String,
}

/// What a mark means.
pub(crate) struct Meaning {
    pub(crate) sample: Vec<Drawn>,
    pub(crate) text: String,
}

/// A part of the drawing's width or height.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub(crate) f64);

/// From the share at the left to the share at the right.
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

    /// Every tenth, or every fifth where the others would touch on a phone.
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

    /// Adds a line: its title, what is drawn, and the same in figures.
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

/// Marks in a drawing of their own, from nothing to everything.
pub(crate) fn gauge(marks: impl IntoIterator<Item = Mark>) -> Vec<Drawn> {
    marks.into_iter().map(|mark| Scale::WHOLE.draw(mark)).collect()
}

impl Meaning {
    /// A mark, drawn as a sample, and what it stands for.
    pub(crate) fn new(sample: Mark, text: impl Into<String>) -> Meaning {
        Meaning { sample: gauge([sample]), text: text.into() }
    }
}

/// A reliability diagram: confidence to the right, accuracy upwards.
pub(crate) struct Diagram {
    pub(crate) ticks: Vec<Crossing>,
    pub(crate) bins: Vec<Column>,
}

/// A share on both axes.
pub(crate) struct Crossing {
    pub(crate) across: At,
    pub(crate) down: At,
    pub(crate) label: String,
}

/// A bin: a bar up to its accuracy, and a point there at its mean confidence.
pub(crate) struct Column {
    pub(crate) x: At,
    pub(crate) width: At,
    pub(crate) top: At,
    pub(crate) height: At,
    pub(crate) confidence: At,
    /// By the square root of its share of all answers, so that the point's area tells how many there are.
    pub(crate) radius: String,
}

impl Diagram {
    pub(crate) fn new(reliability: &Reliability) -> Diagram {
        let crossing = |fifth: u32| {
            let share = f64::from(fifth) / 5.0;
            Crossing { across: At(share), down: At(1.0 - share), label: format!("{} %", fifth * 20) }
        };
        let all: usize = reliability.bins.iter().map(|bin| bin.rows).sum();
        let column = |bin: &crate::metrics::Bin| Column {
            x: At(bin.from + 0.005),
            width: At(bin.to - bin.from - 0.01),
            top: At(1.0 - bin.accuracy),
            height: At(bin.accuracy),
            confidence: At(bin.confidence),
            radius: format!("{:.1}", 3.0 + 7.0 * (bin.rows as f64 / all.max(1) as f64).sqrt()),
        };
        Diagram {
            ticks: (0..=5).map(crossing).collect(),
            bins: reliability.bins.iter().map(column).collect(),
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
        let diagram = Diagram::new(&Reliability::new([(0.95, true), (0.95, false), (0.55, true)]));
        let [first, last] = &diagram.bins[..] else { panic!() };
        assert_eq!((first.x.to_string(), first.top.to_string()), ("50.50%".into(), "0.00%".into()));
        assert_eq!(
            (last.height.to_string(), last.confidence.to_string()),
            ("50.00%".into(), "95.00%".into())
        );
    }
}
