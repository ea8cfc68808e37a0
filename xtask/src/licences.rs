//! The crates that the programs are made of, with their licences: listed in THIRD-PARTY.md, all of them permissive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::crates::{Crate, linked, normal};

const FILE: &str = "THIRD-PARTY.md";
const BEGIN: &str = "<!-- crates: written by `cargo xtask licences` -->\n";
const END: &str = "<!-- end of crates -->\n";

/// Licences that ask for no more than their notice.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn check(root: &Path) -> Outcome {
    let problem = match list(root).and_then(|list| Ok((list, parts(root)?))) {
        Ok((list, parts)) if parts[1] == list => {
            println!("{FILE} names the crates of the programs, and their licences are permissive");
            return Outcome::of(true);
        }
        Ok(_) => format!("the crates in {FILE} are not those of the programs; run `cargo xtask licences`"),
        Err(problem) => problem,
    };
    println!("{problem}");
    Outcome::of(false)
}

pub(crate) fn update(root: &Path) -> Result<(), String> {
    let [before, _, after] = parts(root)?;
    let text = [&before, BEGIN, &list(root)?, END, &after].concat();
    fs::write(root.join(FILE), text).map_err(|error| format!("cannot write {FILE}: {error}"))
}

/// What stands before, between and after the marks.
fn parts(root: &Path) -> Result<[String; 3], String> {
    let text = fs::read_to_string(root.join(FILE)).map_err(|error| format!("cannot read {FILE}: {error}"))?;
    let found = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (list, after) = rest.split_once(END)?;
        Some([before, list, after].map(str::to_owned))
    });
    found.ok_or_else(|| format!("{FILE} lacks the lines `{}` and `{}`", BEGIN.trim(), END.trim()))
}

/// A table of the crates, one line for each licence.
fn list(root: &Path) -> Result<String, String> {
    let mut by_licence: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Crate { name, version, licence, .. } in linked(root)?.into_iter().filter(|one| !one.is_ours) {
        if !is_permissive(&licence) {
            return Err(format!(
                "`{name}` {version} has the licence `{licence}`, which is not known to be permissive"
            ));
        }
        by_licence.entry(licence).or_default().insert(format!("{name} {version}"));
    }
    let mut list = String::from("\n| licence | crates |\n| --- | --- |\n");
    for (licence, crates) in by_licence {
        let crates: Vec<String> = crates.into_iter().collect();
        list.push_str(&format!("| {} | {} |\n", licence, crates.join(", ")));
    }
    list.push('\n');
    Ok(list)
}

/// Whether a licence expression can be met with permissive licences alone: `OR` lets one choose, `AND` does not. Brackets are
/// ignored, which asks for more than they do: a permissive choice in every part of every `AND`.
fn is_permissive(expression: &str) -> bool {
    let expression = normal(&expression.replace(['(', ')'], " "));
    expression.split(" AND ").all(|part| part.split(" OR ").any(|one| PERMISSIVE.contains(&one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_permissive_if_one_may_choose_it_to_be() {
        for fine in [
            "MIT",
            "MIT/Apache-2.0",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_permissive(fine), "{fine}");
        }
        for not in ["GPL-3.0", "MIT AND MPL-2.0", "none", "", "Apache-2.0 WITH other"] {
            assert!(!is_permissive(not), "{not}");
        }
    }
}
