//! Files as written by spreadsheets and scripts, in `fixtures/tables`.

mod parquet;

use std::path::{Path, PathBuf};

use super::writer::Added;
use super::{Format, ReadOptions, Reader, Table, Writer};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables").join(name)
}

fn rows(name: &str) -> Vec<(u64, Vec<String>)> {
    let table = Table::read(&file(name), ReadOptions::default()).unwrap();
    table.rows.iter().map(|row| (row.line, row.values().to_vec())).collect()
}

fn refuse(name: &str) -> (String, String) {
    let error = Table::read(&file(name), ReadOptions::default()).unwrap_err();
    let folder = file("").display().to_string();
    (error.to_string().replace(&folder, ""), error.remedy().unwrap())
}

fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn a_file_saved_by_a_spreadsheet_is_read() {
    let expected = [
        (2, owned(["Where is my invoice, please?", "billing"])),
        (3, owned(["It says \"error 12\"\r\nand stops.", "technical"])),
        (6, owned(["", "billing"])),
    ];
    assert_eq!(rows("excel.csv"), expected);
}

#[test]
fn tabs_and_json_lines_are_read() {
    assert_eq!(rows("tabs.tsv")[1], (3, owned(["2", "with a\ttab", "technical"])));
    assert_eq!(rows("lines.jsonl")[1], (3, owned(["café \"closed\"", "technical", ""])));
}

#[test]
fn a_ragged_row_names_its_line_and_the_remedy() {
    let (problem, remedy) = refuse("ragged.csv");
    assert_eq!(problem, "`ragged.csv`, line 3: the row has 3 fields, the header has 2 fields");
    assert_eq!(remedy, "put fields that contain a comma in double quotes, or complete the row");
}

#[test]
fn text_in_another_encoding_names_its_line_and_the_remedy() {
    let (problem, remedy) = refuse("latin1.csv");
    assert_eq!(problem, "`latin1.csv`, line 3: the text is not UTF-8: byte 0xe4");
    assert!(remedy.contains("`--encoding windows-1252`"), "{remedy}");
}

#[test]
fn an_empty_file_is_refused_and_a_header_alone_is_no_rows() {
    assert_eq!(refuse("empty.csv").0, "`empty.csv`: the file is empty");
    assert!(rows("header-only.csv").is_empty());
}

#[test]
fn predictions_can_be_added_to_every_format_from_every_format() {
    for name in ["excel.csv", "tabs.tsv", "lines.jsonl"] {
        for format in [Format::Csv, Format::Tsv, Format::Jsonl] {
            let mut reader = Reader::open(&file(name), ReadOptions::default()).unwrap();
            let columns = reader.header().clone();
            let added = [
                Added::like(&columns.free_name("prediction", &[]), &"billing".into()),
                Added::like("probability", &0.75.into()),
            ];
            let mut writer = Writer::new("out", Vec::new(), format, &columns, &added).unwrap();
            let before: Vec<_> = reader.rows().map(Result::unwrap).collect();
            for row in &before {
                writer.write(row, &["billing".into(), 0.75.into()]).unwrap();
            }
            let written = std::io::Cursor::new(writer.finish().unwrap());
            let after = Reader::new("out", written, ReadOptions::from(format)).unwrap().into_table().unwrap();
            assert_eq!(after.rows.len(), before.len());
            for (after_row, before) in after.rows.iter().zip(&before) {
                let mut expected = before.values().to_vec();
                // A key that is missing from a JSON object is not added.
                let label = after.columns.find("prediction").unwrap();
                assert_eq!(after_row.values()[label], "billing");
                expected.retain(|value| !value.is_empty());
                for value in expected {
                    assert!(after_row.values().contains(&value), "{value:?} is missing");
                }
            }
        }
    }
}
