//! How numbers and tables look: aligned, in plain words, readable without colour.

use std::fmt;
use std::time::SystemTime;

use cloze::Measured;
use console::measure_text_width;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells in aligned columns, two blanks before each. Cells may hold colours.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new(columns: impl Into<Vec<Align>>) -> Table {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row; cells that are not given stay empty.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Table {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| measure_text_width(cell)).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), &width) in row.iter().zip(&self.columns).zip(&widths) {
                let blanks = " ".repeat(width - measure_text_width(cell));
                match align {
                    Align::Left => line.extend(["  ", cell, &blanks]),
                    Align::Right => line.extend(["  ", &blanks, cell]),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `84.3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `82.0 to 86.4`, the 95 % interval in per cent.
pub(crate) fn interval(figure: &Measured) -> String {
    format!("{:.1} to {:.1}", figure.low * 100.0, figure.high * 100.0)
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `812 B`, `46 MB`, `1.3 GB`: powers of 1,000, as disks and memory are sold.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} kB", (count + 500) / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", (count + 500_000) / 1_000_000),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// `2,000`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2024-05-01 12:30 UTC`.
pub(crate) fn moment(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, minutes) = (seconds / 86_400, seconds % 86_400 / 60);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// Year, month and day so many days after 1970-01-01. Years are counted from March, so that the leap day is their last, and in
/// periods of 400, after which the calendar repeats itself: <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (period, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (period * 400 + year + u64::from(month <= 2), month, day)
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// At most about `most` characters of a text, the middle left out, on one line.
pub(crate) fn abridged(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let letters = line.chars().count();
    if letters <= most {
        return line;
    }
    let head: String = line.chars().take(most * 2 / 3).collect();
    let tail: String = line.chars().skip(letters - most / 3).collect();
    format!("{} [...] {}", head.trim_end(), tail.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_alphabet_fills_them() {
        let mut table = Table::new([Align::Left, Align::Right, Align::Left]);
        table.row(["label", "rows", "words"]).row(["数学", "7", "math"]).row(["a", "1,024"]);
        assert_eq!(table.to_string(), "  label   rows  words\n  数学       7  math\n  a      1,024\n");
    }

    #[test]
    fn a_long_text_is_abridged_in_its_middle_and_stays_on_its_line() {
        assert_eq!(abridged("two\nlines", 20), "two lines");
        assert_eq!(abridged("123456789012345", 9), "123456 [...] 345");
    }

    #[test]
    fn days_become_dates_over_leap_years_and_the_ends_of_centuries() {
        let days = [0, 58, 59, 364, 365, 11_016, 11_017, 19_782, 19_783, 47_540, 47_541];
        let dates = [
            (1970, 1, 1),
            (1970, 2, 28),
            (1970, 3, 1),
            (1970, 12, 31),
            (1971, 1, 1),
            (2000, 2, 29),
            (2000, 3, 1),
            (2024, 2, 29),
            (2024, 3, 1),
            (2100, 2, 28),
            (2100, 3, 1),
        ];
        assert_eq!(days.map(civil), dates);
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_714_566_659);
        assert_eq!(moment(time), "2024-05-01 12:30 UTC");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(percent(0.8434), "84.3 %");
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.04, 9.96, 59.6, 125.0, 7500.0].map(duration),
            ["0.0 s", "10 s", "1 min 00 s", "2 min 05 s", "2 h 05 min"]
        );
        assert_eq!([7, 46_320_999, 1_310_000_000].map(bytes), ["7 B", "46 MB", "1.3 GB"]);
        assert_eq!([1, 2].map(|rows| counted(rows, "row")), ["1 row", "2 rows"]);
    }
}
