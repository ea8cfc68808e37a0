//! Formats figures as text, for both the page and the model card.

use crate::metrics::{Evaluation, Measured};

/// `macro F1 80.0 % (70.0 to 90.0), exact match …`.
pub(super) fn figures(test: &Evaluation) -> String {
    let figure = |(name, figure): (&str, Measured)| format!("{name} {}", with_interval(figure));
    test.figures().into_iter().map(figure).collect::<Vec<_>>().join(", ")
}

/// `80.0 % (70.0 to 90.0)`.
pub(crate) fn with_interval(figure: Measured) -> String {
    format!("{} ({})", percent(figure.value), interval(figure))
}

/// `70.0 to 90.0`.
pub(crate) fn interval(Measured { low, high, .. }: Measured) -> String {
    format!("{:.1} to {:.1}", low * 100.0, high * 100.0)
}

/// `80.0 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `1,000`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `1,000 rows`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1,000 test rows`, or the number of answers if every example has one for each of several classes.
pub(super) fn tested(test: &Evaluation) -> String {
    match test.classes.len() {
        0 => counted(test.rows, "test row"),
        classes => format!(
            "{}, one for each of {} and {}",
            counted(test.rows, "answer"),
            counted(test.rows / classes, "test row"),
            counted(classes, "label")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|number| counted(number, "row")), ["1 row", "2 rows"]);
    }
}
