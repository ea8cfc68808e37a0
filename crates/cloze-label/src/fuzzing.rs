//! What fuzz targets try on code that is not public. No part of the library's promise.

use std::path::Path;

use cloze::labelling::{TextRow, Texts};

use crate::log::read;
use crate::rows::Rows;
use crate::state::{Label, State};

/// Whether bytes are the lines of a log. If they are, they can be gone through: every label that a text has exists then.
///
/// # Panics
/// When that is not so.
pub fn log(bytes: &[u8]) -> bool {
    let Ok(events) = read(Path::new("labels.jsonl"), bytes) else { return false };
    let row =
        |text: &str| TextRow { texts: vec![text.to_owned()], others: Vec::new(), labels: None, test: false };
    let rows = ["a", "b"].map(row).to_vec();
    let rows = Rows::new(Texts { columns: vec!["text".to_owned()], rows, ..Texts::default() });
    let label = |name: &str| Label { name: name.to_owned(), words: String::new() };
    let state = State::new(&rows, vec![label("x"), label("y")], false).replayed(&rows, &events);
    for row in 0..rows.len() {
        let labels = state.label_of(row).cloned().unwrap_or_default();
        assert_eq!(state.names(&labels).len(), labels.len());
    }
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_of_a_log_are_told_from_others() {
        let line = r#"{"seq":1,"time":0,"annotator":"a","action":"add-label","label":"z","words":""}"#;
        assert!(super::log(format!("{line}\n").as_bytes()));
        assert!(super::log(b"") && !super::log(b"{}\n") && !super::log(b"\xff\n"));
    }
}
