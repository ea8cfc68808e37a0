//! Metrics for multi-label data: for every row and class, a decision between yes (label 0) and no.

use cloze_encoder::Rng;

use super::bootstrap::{Measured, RESAMPLES, interval};
use super::confusion::{Confusion, LabelScore};
use super::evaluation::{Evaluation, LabelEvaluation};

/// The confusion matrix of every class.
struct Classes(Vec<Confusion>);

impl Classes {
    /// Counts rows; each row has, for every class, an index into that class's confusion matrix.
    fn count<'r>(classes: usize, labels: usize, rows: impl Iterator<Item = &'r Vec<usize>>) -> Classes {
        let mut counted: Vec<Confusion> = (0..classes).map(|_| Confusion::new(labels, &[], &[])).collect();
        for row in rows {
            counted.iter_mut().zip(row).for_each(|(class, &place)| class.counts[place] += 1);
        }
        Classes(counted)
    }

    /// The sum over all classes.
    fn together(&self) -> Confusion {
        let labels = self.0.first().map_or(0, |class| class.labels);
        let mut sum = Confusion::new(labels, &[], &[]);
        for class in &self.0 {
            sum.counts.iter_mut().zip(&class.counts).for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    /// Mean F1 over the classes that occur in the gold labels or in the predictions.
    fn macro_f1(&self) -> f64 {
        let occurring = self.0.iter().filter(|class| class.gold(0) + class.predicted(0) > 0);
        let (count, sum) =
            occurring.fold((0, 0.0), |(count, sum), class| (count + 1, sum + class.label(0).f1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }
}

impl Evaluation {
    /// The evaluation of rows that have an answer for each of `classes`: `gold` and `predicted` hold the
    /// answers row by row. Macro F1 is then a mean over the classes. For the intervals of all figures,
    /// including F1 of the label `positive`, rows are resampled with all their answers, because the errors
    /// within a row are not independent.
    #[must_use]
    pub(crate) fn with_classes(
        mut self,
        classes: &[String],
        positive: Option<usize>,
        gold: &[usize],
        predicted: &[usize],
    ) -> Self {
        let labels = self.labels.len();
        let count = classes.len();
        let rows: Vec<Vec<usize>> = gold
            .chunks(count)
            .zip(predicted.chunks(count))
            .map(|(gold, predicted)| {
                gold.iter().zip(predicted).map(|(gold, given)| gold * labels + given).collect()
            })
            .collect();
        let figures = |classes: &Classes| {
            let together = classes.together();
            [together.accuracy(), classes.macro_f1(), positive.map_or(0.0, |label| together.label(label).f1)]
        };
        let measured = Classes::count(count, labels, rows.iter());
        let mut random = Rng::new(0);
        let mut draws = [const { Vec::new() }; 3];
        for _ in 0..if rows.is_empty() { 0 } else { RESAMPLES } {
            let drawn = rows.iter().map(|_| &rows[random.gen_range(0..rows.len())]);
            for (draws, figure) in draws.iter_mut().zip(figures(&Classes::count(count, labels, drawn))) {
                draws.push(figure);
            }
        }
        let values = figures(&measured);
        let [accuracy, macro_f1, f1]: [Measured; 3] =
            std::array::from_fn(|figure| interval(values[figure], &mut draws[figure]));
        self.accuracy = accuracy.widened(rows.len());
        self.macro_f1 = macro_f1;
        self.f1 = positive.map(|_| f1);
        let class = |(name, confusion): (&String, &Confusion)| {
            let LabelScore { precision, recall, f1 } = confusion.label(0);
            let gold = confusion.gold(0);
            let predicted = confusion.predicted(0);
            LabelEvaluation { label: name.clone(), gold, predicted, precision, recall, f1 }
        };
        self.classes = classes.iter().zip(&measured.0).map(class).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn measured(classes: &[&str], gold: &[usize], predicted: &[usize]) -> Evaluation {
        let labels = names(&["yes", "no"]);
        Evaluation::new(&labels, gold, predicted).with_classes(&names(classes), Some(0), gold, predicted)
    }

    #[test]
    fn every_class_is_measured_and_macro_f1_is_their_mean() {
        // Three rows: a and b, a only, none; b is never found, and a is predicted once too often.
        let gold = [0, 0, 0, 1, 1, 1];
        let predicted = [0, 1, 0, 1, 0, 1];
        let got = measured(&["a", "b"], &gold, &predicted);
        let classes: Vec<_> = got
            .classes
            .iter()
            .map(|class| (class.label.as_str(), class.gold, class.predicted, class.precision, class.recall))
            .collect();
        assert_eq!(classes, [("a", 2, 3, 2.0 / 3.0, 1.0), ("b", 1, 0, 0.0, 0.0)]);
        assert!((got.macro_f1.value - 0.4).abs() < 1e-12, "{:?}", got.macro_f1);
        assert_eq!((got.accuracy.value, got.f1.unwrap().value), (4.0 / 6.0, 4.0 / 6.0));
        assert_eq!(got.labels[0].f1, 4.0 / 6.0);
    }

    #[test]
    fn a_class_that_occurs_nowhere_does_not_lower_the_macro_f1() {
        assert_eq!(measured(&["a", "b"], &[0, 1, 1, 1], &[0, 1, 1, 1]).macro_f1.value, 1.0);
        assert_eq!(measured(&["a"], &[1], &[1]).macro_f1.value, 0.0);
    }

    #[test]
    fn answers_that_err_together_have_wider_intervals_than_single_rows() {
        // The answers of a row are either all right or all wrong, so 50 rows carry as much information as 50
        // answers.
        let gold = vec![0; 200];
        let predicted: Vec<usize> = (0..200).map(|answer| usize::from(answer >= 160)).collect();
        let alone = Evaluation::new(&names(&["yes", "no"]), &gold, &predicted).accuracy;
        let together = measured(&["a", "b", "c", "d"], &gold, &predicted).accuracy;
        let half = 1.96 * (0.8_f64 * 0.2 / 50.0).sqrt();
        assert_eq!((alone.value, together.value), (0.8, 0.8));
        assert!((together.low - (0.8 - half)).abs() < 0.03, "{together:?}");
        assert!(together.low < alone.low && together.high > alone.high);
    }

    #[test]
    fn no_rows_give_zero() {
        let nothing = measured(&["a"], &[], &[]);
        assert_eq!((nothing.accuracy.value, nothing.macro_f1.value, nothing.classes[0].gold), (0.0, 0.0, 0));
    }
}
