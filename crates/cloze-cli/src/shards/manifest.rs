//! `_cloze.json`: what a folder of parts was begun with, so that nothing else is mixed into it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::Source;

/// Its name in the folder. Programs that read folders of tables pass over names that begin so.
pub(crate) const NAME: &str = "_cloze.json";

/// Version of the file.
const FORMAT: u32 = 1;

/// What a folder was begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub format: u32,
    /// The version of cloze.
    pub version: String,
    /// The fingerprint of what predicts.
    pub run: String,
    /// Where the run was, for people.
    pub directory: String,
    /// The kernels of the process that began; those of others may differ.
    pub kernels: String,
    /// Options that change what is written.
    pub options: BTreeMap<String, Value>,
    /// The files of the input in their order.
    pub files: Vec<Record>,
}

/// A file of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its name without its folder, which may be called otherwise elsewhere.
    pub name: String,
    pub bytes: u64,
    /// SHA-256 of its first and last 4,096 bytes.
    pub ends: String,
    /// The number of its first part.
    pub first: usize,
    /// The number of its parts.
    pub parts: usize,
}

impl Record {
    fn of(source: &Source) -> Record {
        Record {
            name: source.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: source.bytes,
            ends: source.ends.clone(),
            first: source.first,
            parts: source.parts(),
        }
    }

    /// Whether the other one has its place, whatever is in it.
    fn is_in_place_of(&self, other: &Record) -> bool {
        (&self.name, self.first, self.parts) == (&other.name, other.first, other.parts)
    }
}

impl Manifest {
    /// For these files, a run, and the options that change what is written.
    pub(crate) fn new(
        (fingerprint, directory): (String, String),
        kernels: &str,
        options: BTreeMap<String, Value>,
        sources: &[Source],
    ) -> Manifest {
        Manifest {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: fingerprint,
            directory,
            kernels: kernels.to_owned(),
            options,
            files: sources.iter().map(Record::of).collect(),
        }
    }

    /// What a folder that was begun with `self` lacks to be continued with `other`: what is different, and what to do. Files whose
    /// contents alone are different are left to [`Manifest::changed`].
    pub(crate) fn difference(&self, other: &Manifest) -> Option<(String, String)> {
        let elsewhere = "name another folder with `-o`";
        if (self.format, &self.version) != (other.format, &other.version) {
            let problem = format!("by cloze {}, and this is cloze {}", self.version, other.version);
            return Some((problem, format!("use that version, or {elsewhere}")));
        }
        let names = self.options.keys().chain(other.options.keys());
        let shown = |options: &BTreeMap<String, Value>, name: &str| match options.get(name) {
            None | Some(Value::Null) => format!("without `--{name}`"),
            Some(Value::Bool(_)) => format!("with `--{name}`"),
            Some(Value::String(value)) => format!("with `--{name} {value}`"),
            Some(value) => format!("with `--{name} {value}`"),
        };
        let option = |name: &&String| self.options.get(*name) != other.options.get(*name);
        if let Some(name) = names.into_iter().find(option) {
            let (before, now) = (shown(&self.options, name), shown(&other.options, name));
            return Some((
                format!("{before}, and is continued {now}"),
                format!("give the same options as before, or {elsewhere}"),
            ));
        }
        if self.run != other.run {
            let problem = format!("with the run `{}` as it was then, and this is another", self.directory);
            return Some((
                problem,
                format!("give that run with the calibration that it had, or {elsewhere}"),
            ));
        }
        let same = self.files.iter().zip(&other.files).take_while(|(before, now)| now.is_in_place_of(before));
        let same = same.count();
        if same == self.files.len() && same == other.files.len() {
            return None;
        }
        let file = |files: &[Record]| match files.get(same) {
            None => "none".to_owned(),
            Some(file) if file.parts == 1 => format!("`{}`", file.name),
            Some(file) => format!("`{}` in {} parts", file.name, file.parts),
        };
        let (before, now) = (file(&self.files), file(&other.files));
        Some((
            format!("with other input: file {} was {before}, and is {now}", same + 1),
            format!("give the same files in the same order, or {elsewhere}"),
        ))
    }

    /// The files that have other contents now, as they are in `other`, which has the same files.
    pub(crate) fn changed<'a>(&'a self, other: &'a Manifest) -> impl Iterator<Item = &'a Record> {
        self.files.iter().zip(&other.files).filter(|(before, now)| before != now).map(|(_, now)| now)
    }

    /// The file that a part is in.
    pub(crate) fn file_of(&self, part: usize) -> Option<&Record> {
        self.files.iter().find(|file| (file.first..file.first + file.parts).contains(&part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let record =
            |name: &str, first, parts| Record { name: name.into(), bytes: 1, ends: "a".into(), first, parts };
        Manifest {
            format: FORMAT,
            version: "1".into(),
            run: "r".into(),
            directory: "runs/r".into(),
            kernels: "avx2".into(),
            options: BTreeMap::from([("to".to_owned(), "csv".into()), ("precision".to_owned(), Value::Null)]),
            files: vec![record("a.parquet", 0, 3), record("b.parquet", 3, 1)],
        }
    }

    fn problem(change: impl FnOnce(&mut Manifest)) -> String {
        let mut other = manifest();
        change(&mut other);
        manifest().difference(&other).unwrap().0
    }

    #[test]
    fn what_is_different_is_named() {
        assert_eq!(problem(|other| other.version = "2".into()), "by cloze 1, and this is cloze 2");
        assert!(problem(|other| other.run = "s".into()).contains("the run `runs/r`"));
        assert_eq!(
            problem(|other| drop(other.options.insert("precision".into(), 0.9.into()))),
            "without `--precision`, and is continued with `--precision 0.9`"
        );
        assert_eq!(
            problem(|other| drop(other.options.remove("to"))),
            "with `--to csv`, and is continued without `--to`"
        );
        assert_eq!(
            problem(|other| other.files[1].name = "c.parquet".into()),
            "with other input: file 2 was `b.parquet`, and is `c.parquet`"
        );
        assert_eq!(
            problem(|other| other.files.truncate(1)),
            "with other input: file 2 was `b.parquet`, and is none"
        );
        assert_eq!(
            problem(|other| other.files[0].parts = 2),
            "with other input: file 1 was `a.parquet` in 3 parts, and is `a.parquet` in 2 parts"
        );
    }

    #[test]
    fn other_kernels_and_another_place_are_no_difference_and_other_contents_are_listed() {
        let mut other = manifest();
        (other.kernels, other.directory) = ("avx512".into(), "elsewhere".into());
        other.files[0].ends = "b".into();
        assert_eq!(manifest().difference(&other), None);
        assert_eq!(manifest().changed(&other).map(|file| file.first).collect::<Vec<_>>(), [0]);
        assert_eq!(manifest().file_of(2).unwrap().name, "a.parquet");
        assert_eq!(manifest().file_of(4), None);
    }
}
