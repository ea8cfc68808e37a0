//! From files of text to packed sequences.

use std::path::{Path, PathBuf};

use cloze_encoder::Tokenizer;

use super::events::{Listener, progress, say};
use super::files::{Files, Kind};
use super::packing::{Packed, Packer};
use super::threads::on_threads;
use crate::error::{counted, list, nearest};
use crate::table::plain::{Documents, Piece};
use crate::table::{ReadOptions, Reader};
use crate::{Error, Place, Result};

/// The column that is read where none is named.
const COLUMN: &str = "text";

/// Bytes of text that are tokenised at a time.
const CHUNK: usize = 1 << 20;

/// Where the text is.
#[derive(Clone, Copy)]
pub(super) enum Texts<'a> {
    /// In files and folders, in tables in these columns.
    Files { paths: &'a [PathBuf], columns: &'a [String], reading: ReadOptions },
    /// In memory, a document each.
    Rows(&'a [String]),
}

/// What is read, and how.
pub(super) struct Source<'a> {
    pub(super) texts: Texts<'a>,
    pub(super) tokenizer: &'a Tokenizer,
    /// Tokens of a sequence, special tokens included.
    pub(super) length: usize,
    pub(super) threads: usize,
}

/// What has been read.
pub(super) struct Corpus {
    pub(super) packed: Packed,
    pub(super) files: usize,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
}

impl Source<'_> {
    /// Reads all files in their order.
    ///
    /// # Errors
    /// When a file cannot be read, has not the columns, or there is no text in it or no token in any; [`Error::Stopped`] when the
    /// listener breaks.
    pub(super) fn read(&self, listener: &mut Listener) -> Result<Corpus> {
        let room = self.length - self.tokenizer.special_count(false);
        let mut reading = Reading {
            source: self,
            packer: Packer::new(room, self.tokenizer.special().sep),
            waiting: Vec::new(),
            bytes: 0,
            documents: 0,
            empty: 0,
            lost: 0,
            listener,
        };
        let (files, mut warnings) = match self.texts {
            Texts::Files { paths, columns, reading: options } => reading.files(paths, columns, options)?,
            Texts::Rows(rows) => reading.rows(rows)?,
        };
        if reading.empty > 0 {
            let verb = if reading.empty == 1 { "is" } else { "are" };
            warnings.push(format!("{} without text {verb} passed over", counted(reading.empty, "row")));
        }
        if reading.lost > 0 {
            let verb = if reading.lost == 1 { "has" } else { "have" };
            warnings
                .push(format!("{} {verb} no token and cannot be used", counted(reading.lost, "document")));
        }
        let packed = reading.packer.finish();
        Ok(Corpus { packed, files, warnings })
    }
}

/// The reading of files that is under way.
struct Reading<'a, 'l> {
    source: &'a Source<'a>,
    packer: Packer,
    /// Text that has not been tokenised.
    waiting: Vec<Piece>,
    bytes: usize,
    /// Documents with a token.
    documents: usize,
    /// Rows without text.
    empty: usize,
    /// Documents whose characters the tokenizer drops, such as zero-width ones.
    lost: usize,
    listener: &'l mut Listener<'l>,
}

impl Reading<'_, '_> {
    /// Reads files; gives their number and what the user should know.
    fn files(
        &mut self,
        paths: &[PathBuf],
        columns: &[String],
        options: ReadOptions,
    ) -> Result<(usize, Vec<String>)> {
        let Files { found, warnings } = Files::find(paths)?;
        for (path, kind) in &found {
            let before = self.documents;
            match kind {
                Kind::Plain => self.plain(path, options)?,
                Kind::Table => self.table(path, columns, options)?,
            }
            self.tokenize()?;
            if self.documents == before {
                let place = Place::file(path.display().to_string());
                return Err(Error::data(place, "there is no text in it", "fill it or leave it out"));
            }
        }
        Ok((found.len(), warnings))
    }

    /// Reads rows that are in memory.
    fn rows(&mut self, rows: &[String]) -> Result<(usize, Vec<String>)> {
        for row in rows {
            match row.trim() {
                "" => self.empty += 1,
                text => self.add(Piece { text: text.to_owned(), is_last: true })?,
            }
        }
        self.tokenize()?;
        match self.documents {
            0 => Err(Error::usage(
                "the rows have no text to adapt to",
                "give rows with text, or train without adapting",
            )),
            _ => Ok((0, Vec::new())),
        }
    }

    fn plain(&mut self, path: &Path, options: ReadOptions) -> Result<()> {
        let mut documents = Documents::open(path, options)?;
        while let Some(piece) = documents.next()? {
            self.add(piece)?;
        }
        // The file ends its last document, whatever was its last piece.
        self.add(Piece { text: String::new(), is_last: true })
    }

    fn table(&mut self, path: &Path, columns: &[String], options: ReadOptions) -> Result<()> {
        let mut reader = Reader::open(path, options)?;
        let columns = positions(&reader, path, columns)?;
        for row in reader.rows() {
            let row = row?;
            for (column, name) in &columns {
                row.check_key(*column, name)?;
            }
            let values = columns.iter().map(|(column, _)| row.value(*column).trim());
            let texts: Vec<&str> = values.filter(|text| !text.is_empty()).collect();
            if texts.is_empty() {
                self.empty += 1;
                continue;
            }
            self.add(Piece { text: texts.join(" "), is_last: true })?;
        }
        Ok(())
    }

    fn add(&mut self, piece: Piece) -> Result<()> {
        self.bytes += piece.text.len();
        self.waiting.push(piece);
        if self.bytes < CHUNK { Ok(()) } else { self.tokenize() }
    }

    /// Tokenises what waits, on several threads, and packs it in its order.
    fn tokenize(&mut self) -> Result<()> {
        let pieces = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let Source { tokenizer, threads, .. } = *self.source;
        let tokens = on_threads(&pieces, threads, |piece| tokenizer.tokenize(&piece.text));
        for (piece, ids) in pieces.iter().zip(tokens) {
            self.packer.push(&ids);
            if piece.is_last {
                let has_tokens = self.packer.end_document();
                self.documents += usize::from(has_tokens);
                self.lost += usize::from(!has_tokens && !piece.text.trim().is_empty());
            }
        }
        say(self.listener, &progress("read", self.documents, 0, "documents"))
    }
}

/// Where the columns with text are in a table, with their names.
fn positions(reader: &Reader, path: &Path, columns: &[String]) -> Result<Vec<(usize, String)>> {
    let names = reader.columns();
    let default = [COLUMN.to_owned()];
    let wanted = if columns.is_empty() { &default } else { columns };
    wanted
        .iter()
        .map(|name| {
            let position = names.iter().position(|column| column == name);
            position.map(|position| (position, name.clone())).ok_or_else(|| {
                let there = format!("the columns are {}", list(names));
                let remedy = match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => format!(
                        "did you mean `--column {near}`? {}{}",
                        there[..1].to_uppercase(),
                        &there[1..]
                    ),
                    None => format!("name those with text with `--column NAME`; {there}"),
                };
                let place = Place::file(path.display().to_string());
                Error::data(place, format!("there is no column `{name}`"), remedy)
            })
        })
        .collect()
}
