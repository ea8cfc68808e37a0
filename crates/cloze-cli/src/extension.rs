//! What the name of a file promises, if that is not a format of rows.

use std::path::{Path, PathBuf};

use cloze::{Error, Format};

use crate::failure::Result;

/// The kind of a file without plain text, judged by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// A spreadsheet.
    Spreadsheet,
    /// A file that was compressed, or several in one.
    Compressed,
    /// Text with a layout, for people.
    Document,
    /// Data or settings of other programs.
    Other,
}

const EXTENSIONS: &[(Foreign, &[&str])] = &[
    (Foreign::Spreadsheet, &["xlsx", "xls", "xlsm", "xlsb", "xlt", "xltx", "ods", "fods", "numbers"]),
    (
        Foreign::Compressed,
        &["gz", "tgz", "zst", "zip", "bz2", "xz", "lz4", "lzma", "br", "7z", "rar", "tar", "z", "sz"],
    ),
    (Foreign::Document, &["pdf", "doc", "docx", "odt", "rtf", "ppt", "pptx", "html", "htm", "md", "tex"]),
    (
        Foreign::Other,
        &[
            "feather", "arrow", "avro", "orc", "db", "sqlite", "sqlite3", "duckdb", "sql", "pkl", "pickle",
            "npy", "npz", "h5", "hdf5", "mat", "sav", "dta", "rds", "rdata", "xml", "yaml", "yml", "toml",
        ],
    ),
];

impl Foreign {
    /// What a file of this name is; none if it may hold rows.
    pub(crate) fn of_path(path: &Path) -> Option<Foreign> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        EXTENSIONS.iter().find(|(_, names)| names.contains(&&*extension)).map(|(kind, _)| *kind)
    }
}

/// The name that rows of a foreign file would have as CSV, or in what form they had before they were compressed.
pub(crate) fn as_rows(path: &Path) -> PathBuf {
    let inner = path.with_extension("");
    if Format::of_path(&inner).is_some() { inner } else { path.with_extension("csv") }
}

/// Refuses an output whose name promises another format.
pub(crate) fn writable_format(path: &Path) -> Result {
    let Some(kind) = Foreign::of_path(path) else { return Ok(()) };
    let format = Format::of_path(path);
    if matches!(format, Some(Format::Csv | Format::Tsv | Format::Jsonl)) {
        // Compressed while it is written.
        return Ok(());
    }
    let (extension, rows) = (path.extension().unwrap_or_default().to_string_lossy(), as_rows(path));
    let rows = rows.display();
    let remedy = match kind {
        Foreign::Spreadsheet => format!("write `{rows}`, which a spreadsheet opens"),
        Foreign::Compressed if format.is_some() => format!("write `{rows}`, which is compressed within"),
        Foreign::Compressed => format!("write `{rows}`, and compress that"),
        Foreign::Document | Foreign::Other => {
            format!("write `{rows}`; the output formats are CSV, TSV, JSON Lines and Parquet")
        }
    };
    Err(Error::usage(format!("cannot write .{extension}: `{}`", path.display()), remedy).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    fn refusal(path: &str) -> (String, String) {
        match writable_format(Path::new(path)) {
            Err(Failure::Cloze(error)) => (error.to_string(), error.remedy().unwrap()),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn a_name_that_promises_another_format_is_refused_with_a_name_that_does_not() {
        let (problem, remedy) = refusal("out/labelled v1.2.XLSX");
        assert_eq!(problem, "cannot write .XLSX: `out/labelled v1.2.XLSX`");
        assert_eq!(remedy, "write `out/labelled v1.2.csv`, which a spreadsheet opens");
        assert_eq!(refusal("x.jsonl.bz2").1, "write `x.jsonl`, and compress that");
        assert_eq!(refusal("x.parquet.zst").1, "write `x.parquet`, which is compressed within");
        assert_eq!(refusal("x.tar.gz").1, "write `x.tar.csv`, and compress that");
        for (_, names) in EXTENSIONS {
            for name in *names {
                let path = format!("x.{name}");
                refusal(&path);
                writable_format(&as_rows(Path::new(&path))).unwrap();
            }
        }
    }

    #[test]
    fn rows_and_names_that_promise_nothing_are_written() {
        for path in [
            "-",
            "x",
            "x.csv",
            "x.csv.gz",
            "x.jsonl.ZST",
            "x.parquet",
            "x.pq",
            "x.tsv",
            "x.TAB",
            "x.jsonl",
            "x.json",
            "x.ndjson",
            "x.txt",
            "/dev/stdout",
        ] {
            writable_format(Path::new(path)).unwrap();
        }
    }
}
