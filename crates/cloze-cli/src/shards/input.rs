//! Files of rows, divided into parts: a row group of Parquet is one, and any other file as a whole.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cloze::{Error, Format, Hint, ReadOptions, Reader};
use sha2::{Digest, Sha256};

/// Bytes at either end of a file that it is known by.
const END: u64 = 4096;

/// A file of rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub path: PathBuf,
    /// None if there is nothing in it.
    pub format: Option<Format>,
    pub bytes: u64,
    /// SHA-256 of its first and last bytes. Those of Parquet tell where everything in it is.
    pub ends: String,
    /// The number of rows of its row groups; none if it has none.
    groups: Vec<u64>,
    /// The number of its first part.
    pub first: usize,
}

impl Source {
    /// The number of its parts.
    pub(crate) fn parts(&self) -> usize {
        self.groups.len().max(1)
    }

    fn divided(&self) -> Vec<Part<'_>> {
        let part = |group: Option<usize>, rows| {
            let number = self.first + group.unwrap_or(0);
            Part { number, source: self, group, rows }
        };
        if self.groups.is_empty() {
            return vec![part(None, None)];
        }
        self.groups.iter().enumerate().map(|(group, rows)| part(Some(group), Some(*rows))).collect()
    }
}

/// What is annotated at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// Its number among all, counted from 0.
    pub number: usize,
    pub source: &'a Source,
    /// The number of its row group, counted from 0; none if it is a whole file.
    pub group: Option<usize>,
    /// The number of its rows, where that is known before they are read.
    pub rows: Option<u64>,
}

impl Part<'_> {
    /// About as many bytes as it has in its file.
    pub(crate) fn bytes(&self) -> u64 {
        self.source.bytes / self.source.parts() as u64
    }
}

/// All files in their order.
#[derive(Debug)]
pub(crate) struct Input {
    sources: Vec<Source>,
    options: ReadOptions,
}

impl Input {
    /// Looks at the beginning and the end of each file.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn read(files: &[PathBuf], options: ReadOptions) -> cloze::Result<Input> {
        let mut sources: Vec<Source> = Vec::with_capacity(files.len());
        for path in files {
            let first = sources.last().map_or(0, |last| last.first + last.parts());
            sources.push(source(path, options, first)?);
        }
        Ok(Input { sources, options })
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// All parts in their order.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        self.sources.iter().flat_map(Source::divided).collect()
    }

    /// The rows of a part. A file without anything in it has no rows, and the columns of the first one that has any.
    ///
    /// # Errors
    /// When it cannot be read, or no file has columns.
    pub(crate) fn open(&self, part: &Part) -> cloze::Result<Reader> {
        let path = &part.source.path;
        match (part.group, part.source.format) {
            (Some(group), _) => Reader::open_row_group(path, group, self.options),
            (None, Some(_)) => Reader::open(path, self.options),
            (None, None) => match self.sources.iter().find(|source| source.format.is_some()) {
                Some(other) => Ok(Reader::open(&other.path, self.options)?.without_rows()),
                None => Reader::open(path, self.options),
            },
        }
    }
}

/// What there is to know of a file before its rows are read.
fn source(path: &Path, options: ReadOptions, first: usize) -> cloze::Result<Source> {
    let failed = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(Error::usage(
            format!("`{}` can be read only once, so it cannot be divided", path.display()),
            "write its rows to a file first, or leave `--shard` away",
        ));
    }
    let ends = ends(&mut file, found.len()).map_err(failed)?;
    let (format, groups) = match Reader::open(path, options) {
        Ok(reader) => (Some(reader.format()), reader.row_groups().unwrap_or_default()),
        Err(Error::Data { hint: Some(Hint::EmptyFile), .. }) => (None, Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(Source { path: path.to_owned(), format, bytes: found.len(), ends, groups, first })
}

fn ends(file: &mut File, bytes: u64) -> io::Result<String> {
    let mut both = Vec::new();
    (&mut *file).take(END).read_to_end(&mut both)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(END)))?;
    file.take(END).read_to_end(&mut both)?;
    Ok(Sha256::digest(&both).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_part_and_an_empty_one_has_the_columns_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a.csv"), "").unwrap();
        std::fs::write(at("b.csv"), "text;n\nx;1\n").unwrap();
        let input = Input::read(&[at("a.csv"), at("b.csv")], ReadOptions::default()).unwrap();
        let parts = input.parts();
        assert_eq!(parts.iter().map(|part| part.number).collect::<Vec<_>>(), [0, 1]);
        let mut empty = input.open(&parts[0]).unwrap();
        assert_eq!(empty.columns(), ["text", "n"]);
        assert!(empty.next().is_none());
        assert_eq!(input.open(&parts[1]).unwrap().count(), 1);
        let nothing = Input::read(&[at("a.csv")], ReadOptions::default()).unwrap();
        assert!(nothing.open(&nothing.parts()[0]).is_err());
    }

    #[test]
    fn a_file_is_known_by_its_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            source(&path, ReadOptions::default(), 0).unwrap().ends
        };
        let long = "x\n".repeat(10_000);
        let ends = [
            write("text\nx\n"),
            write("text\ny\n"),
            write(&format!("text\n{long}")),
            write(&format!("text\n{long}y\n")),
        ];
        for (number, one) in ends.iter().enumerate() {
            assert!(ends[number + 1..].iter().all(|other| other != one));
        }
    }
}
