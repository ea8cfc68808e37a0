//! What the documents say of options is what the code does.

use std::path::Path;

use cloze::task::Task;

const LEAST: &str = "format = 1\nname = 'a'\npatterns = '{text} {mask}'\n[labels]\na = 'a'\nb = 'b'\n";

/// The cells of the rows of all tables in a section, without their backticks.
fn rows(text: &str, section: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("{section}"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    let cells =
        |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
    section.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_option_is_in_the_reference_with_its_default() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/task-file.md");
    let text = std::fs::read_to_string(page).unwrap();
    let task = Task::parse("t.toml", LEAST, Path::new(".")).unwrap().to_toml();
    let mut section = "";
    let mut found = 0;
    for line in task.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let (Some((key, value)), "[train]" | "[distil]") = (line.split_once(" = "), section) {
            let rows = rows(&text, &format!("`{section}`"));
            let row =
                rows.iter().find(|row| row[0] == key).unwrap_or_else(|| panic!("no row for {section} {key}"));
            assert_eq!(row.last().unwrap(), value, "{section} {key}");
            found += 1;
        }
    }
    assert!(found > 12, "{found}");
}
