//! The texts, each once.

use std::collections::HashMap;

use cloze::labelling::Texts;

use crate::log::Hash;

/// The index of a text.
pub(crate) type Row = usize;

/// All texts of a project.
pub(crate) struct Rows {
    /// The names of the columns with text.
    pub(crate) columns: Vec<String>,
    /// The column of the labels, where the table has none a name that is free.
    pub(crate) label: String,
    /// Every text once, in the order of the files.
    pub(crate) texts: Vec<Text>,
    by_hash: HashMap<u128, Row>,
    /// The names of all columns but that of the labels, and which of them is which text.
    table: Vec<(String, Option<usize>)>,
    /// The rows of the table that have a text.
    sources: Vec<Source>,
}

/// A row of the table.
struct Source {
    text: Row,
    /// The values of the columns without text.
    others: Vec<String>,
}

/// A text.
pub(crate) struct Text {
    /// A text for every column.
    pub(crate) values: Vec<String>,
    hash: u128,
    /// How often it is in the files.
    pub(crate) copies: usize,
    /// The labels that it came with; where copies have different ones, each.
    pub(crate) imported: Vec<Vec<String>>,
    /// Whether it is one of the task's own test rows.
    pub(crate) test: bool,
}

impl Rows {
    /// Finds the texts that are there more than once.
    pub(crate) fn new(texts: Texts) -> Rows {
        let place = |name: String| {
            let text = texts.columns.iter().position(|column| *column == name);
            (name, text)
        };
        let mut rows = Rows {
            label: texts.label.unwrap_or_else(|| free("label", &texts.table)),
            table: texts.table.into_iter().map(place).collect(),
            columns: texts.columns,
            texts: Vec::with_capacity(texts.rows.len()),
            by_hash: HashMap::with_capacity(texts.rows.len()),
            sources: Vec::with_capacity(texts.rows.len()),
        };
        for row in texts.rows {
            // Nothing can be said of nothing.
            if row.texts.iter().all(|text| text.trim().is_empty()) {
                continue;
            }
            let hash = hash_of(&row.texts);
            let next = rows.texts.len();
            let at = *rows.by_hash.entry(hash).or_insert(next);
            if at == next {
                rows.texts.push(Text {
                    values: row.texts,
                    hash,
                    copies: 0,
                    imported: Vec::new(),
                    test: false,
                });
            }
            rows.sources.push(Source { text: at, others: row.others });
            let text = &mut rows.texts[at];
            text.copies += 1;
            text.test |= row.test;
            if let Some(mut labels) = row.labels {
                labels.sort();
                if !text.imported.contains(&labels) {
                    text.imported.push(labels);
                }
            }
        }
        rows
    }

    /// The names of all columns of the table but that of the labels, in its order.
    pub(crate) fn header(&self) -> Vec<String> {
        self.table.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The rows of the table, copies of a text among them: the text, and a value for each of [`Rows::header`].
    pub(crate) fn table(&self) -> impl Iterator<Item = (Row, Vec<String>)> {
        self.sources.iter().map(|source| {
            let mut others = source.others.iter();
            let value = |(_, text): &(String, Option<usize>)| match text {
                Some(text) => self.texts[source.text].values[*text].clone(),
                None => others.next().cloned().unwrap_or_default(),
            };
            (source.text, self.table.iter().map(value).collect())
        })
    }

    /// How many rows of the table have a text.
    pub(crate) fn with_text(&self) -> usize {
        self.sources.len()
    }

    /// How many different texts there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// What identifies a text in the log.
    pub(crate) fn hash(&self, row: Row) -> Hash {
        format!("{:032x}", self.texts[row].hash)
    }

    /// The text that the log calls so.
    pub(crate) fn find(&self, hash: &str) -> Option<Row> {
        let hash = u128::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 32)?;
        self.by_hash.get(&hash).copied()
    }

    /// The texts in an order that is as good as random and the same every time.
    pub(crate) fn shuffled(&self) -> Vec<Row> {
        let mut order: Vec<Row> = (0..self.len()).collect();
        order.sort_by_key(|row| self.texts[*row].hash);
        order
    }
}

/// A name that no other column has.
pub(crate) fn free(wanted: &str, others: &[String]) -> String {
    let mut name = wanted.to_owned();
    while others.contains(&name) {
        name.push('_');
    }
    name
}

fn hash_of(texts: &[String]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    u128::from_be_bytes(hasher.finalize().as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}

/// What is left of a text without capitals, punctuation and numbers of spaces: texts that agree in it are nearly the same.
pub(crate) fn core(values: &[String]) -> String {
    let mut core = String::new();
    for letter in values.iter().flat_map(|text| text.chars().chain([' '])) {
        if letter.is_alphanumeric() {
            core.extend(letter.to_lowercase());
        } else if !core.ends_with(' ') {
            core.push(' ');
        }
    }
    core.trim().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use cloze::labelling::TextRow;

    use super::*;

    pub(crate) fn rows(texts: &[(&str, &[&str])]) -> Rows {
        let row = |(text, labels): &(&str, &[&str])| TextRow {
            texts: vec![(*text).to_owned()],
            others: Vec::new(),
            labels: (!labels.is_empty()).then(|| labels.iter().map(|label| (*label).to_owned()).collect()),
            test: false,
        };
        let rows = texts.iter().map(row).collect();
        let columns = vec!["text".to_owned()];
        Rows::new(Texts { table: columns.clone(), columns, rows, ..Texts::default() })
    }

    #[test]
    fn duplicates_are_there_once_with_all_the_labels_they_came_with() {
        let rows = rows(&[("a", &["x"]), ("b", &[]), ("a", &["y"]), (" ", &[]), ("a", &["x"])]);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows.texts[0].copies, rows.texts[1].copies), (3, 1));
        assert_eq!(rows.texts[0].imported, [["x"], ["y"]]);
        assert_eq!(rows.find(&rows.hash(1)), Some(1));
        assert_eq!(rows.find("xyz"), None);
    }

    #[test]
    fn every_row_comes_out_with_all_that_it_had() {
        let row = |id: &str, text: &str, day: &str| TextRow {
            texts: vec![text.to_owned()],
            others: vec![id.to_owned(), day.to_owned()],
            labels: None,
            test: false,
        };
        let texts = Texts {
            columns: vec!["text".into()],
            table: ["label", "text", "day"].map(String::from).to_vec(),
            rows: vec![row("1", "a", "Mon"), row("2", "b", "Tue"), row("3", "a", "Wed")],
            ..Texts::default()
        };
        let rows = Rows::new(texts);
        assert_eq!(rows.label, "label_");
        assert_eq!(rows.header(), ["label", "text", "day"]);
        let found: Vec<(Row, Vec<String>)> = rows.table().collect();
        assert_eq!(found[2], (0, ["3", "a", "Wed"].map(String::from).to_vec()));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn columns_do_not_run_together() {
        let hash = |texts: [&str; 2]| hash_of(&texts.map(String::from));
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
    }

    #[test]
    fn near_duplicates_have_the_same_core() {
        assert_eq!(core(&["It's  BROKEN!!".into()]), core(&["it s broken".into()]));
        assert_ne!(core(&["a".into()]), core(&["b".into()]));
    }
}
