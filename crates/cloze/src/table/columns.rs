//! The columns of a file, and the properties of its format.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use super::format::Format;
use super::options::ReadOptions;
use super::quoting::Quoting;
use crate::error::{list, nearest};
use crate::{Error, Place, Result};

/// The column names of a file, all different. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(super) file: Arc<str>,
    pub(super) names: Arc<[String]>,
    places: Arc<HashMap<String, usize>>,
    pub(super) dialect: Dialect,
    /// Whether the rows come from a program rather than a file.
    pub(super) in_memory: bool,
    /// The types of the columns, if the file is Parquet.
    pub(super) schema: Option<SchemaRef>,
}

/// Properties of a file's format that its rows do not show; output derived from the file uses the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) format: Format,
    /// The separator of values in this file.
    pub(super) between: u8,
    /// The separator of CSV output.
    pub(super) separator: u8,
    pub(super) quoting: Quoting,
    /// Whether the file begins with a byte order mark (BOM).
    pub(super) mark: bool,
    /// Whether lines end with a carriage return before the line feed.
    pub(super) crlf: bool,
    /// The options the reader was given.
    pub(super) options: ReadOptions,
}

impl Columns {
    /// Columns with these names, or as the error the first name that occurs twice.
    pub(super) fn new(
        file: &Arc<str>,
        names: Vec<String>,
        dialect: Dialect,
    ) -> std::result::Result<Columns, String> {
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.clone(), place).is_some() {
                return Err(name.clone());
            }
        }
        Ok(Columns {
            file: Arc::clone(file),
            names: names.into(),
            places: places.into(),
            dialect,
            in_memory: false,
            schema: None,
        })
    }

    /// The same columns with their types.
    pub(super) fn typed(self, schema: SchemaRef) -> Columns {
        Columns { schema: Some(schema), ..self }
    }

    /// The names in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The index of the column with this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The index of the column with this name, or an error that lists the columns.
    pub(crate) fn require(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            Error::data(Place::file(&*self.file), format!("there is no column `{name}`"), self.hint(name))
        })
    }

    /// The file these columns belong to.
    pub(crate) fn place(&self) -> Place {
        let place = Place::file(&*self.file);
        if self.in_memory { place.in_memory() } else { place }
    }

    /// Where their names are.
    pub(crate) fn header_place(&self) -> Place {
        let place = self.place();
        if self.dialect.format == Format::Parquet { place } else { place.line(1) }
    }

    /// The remedy to suggest when there is no column `name`.
    pub(crate) fn hint(&self, name: &str) -> String {
        let names = list(self.names.iter());
        match nearest(name, self.names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? The columns are {names}"),
            None if self.names.len() == 1
                && self.dialect.format != Format::Parquet
                && self.names[0].contains(['\t', '|', ';', ',']) =>
            {
                format!(
                    "the file seems to have one column, {names}; if its values are separated by something other than a comma or a \
                         semicolon, begin it with a line such as `sep=|` that names the separator"
                )
            }
            None if self.in_memory => {
                format!("the columns are {names}; give every example a value for `{name}`")
            }
            None if self.dialect.format == Format::Jsonl => {
                format!(
                    "the columns are {names}, the keys of the first object; add the key to it, with `null` if necessary"
                )
            }
            None if self.dialect.format == Format::Parquet => format!("the columns are {names}"),
            None => format!("the columns are {names}; if these are not names, add a header line to the file"),
        }
    }

    /// The same columns under other names, all different, for rows derived from this file.
    pub(crate) fn renamed(&self, names: &[String]) -> Columns {
        let places: HashMap<String, usize> =
            names.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Columns { names: names.into(), places: places.into(), schema: None, ..self.clone() }
    }

    /// `wanted`, with a number appended if it is already the name of a column or of one of the `others` that
    /// will be added.
    pub(crate) fn free_name(&self, wanted: &str, others: &[String]) -> String {
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        // The chain is infinite and the columns are finite, so a free name is always found.
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| !self.places.contains_key(name) && !others.contains(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::table::{ReadOptions, Reader, Table};

    fn table(text: &str) -> Table {
        Reader::new("t", std::io::Cursor::new(text.to_owned()), ReadOptions::default())
            .unwrap()
            .into_table()
            .unwrap()
    }

    #[test]
    fn a_missing_column_is_answered_with_the_nearest_one_or_all() {
        let columns = table("title,body\na,b\n").columns;
        let error = columns.require("titel").unwrap_err();
        assert_eq!(error.to_string(), "`t`: there is no column `titel`");
        assert_eq!(error.remedy().unwrap(), "did you mean `title`? The columns are `title`, `body`");
        assert!(columns.require("xyz").unwrap_err().remedy().unwrap().contains("header line"));
        assert_eq!(columns.require("body").unwrap(), 1);
    }

    #[test]
    fn a_new_column_never_takes_the_name_of_an_old_one() {
        let columns = table("prediction,prediction_2\na,b\n").columns;
        assert_eq!(columns.free_name("score", &[]), "score");
        assert_eq!(columns.free_name("prediction", &[]), "prediction_3");
        assert_eq!(columns.free_name("prediction", &["prediction_3".into()]), "prediction_4");
    }
}
