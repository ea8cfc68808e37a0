//! The texts of the crates' licences, which whoever passes on the program passes on with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::entries;
use crate::crates::{Crate, linked};

const HEAD: &str = "\
The command and the Python package are made of the crates below. Every text is that of the package of the crates
above it; THIRD-PARTY.md names the licence of each.
";

/// What the file with these texts is called.
pub(crate) const FILE: &str = "LICENCES-OF-CRATES.txt";

/// What files with licences are called, however it is written.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Every text once, below the names of the crates that it came with.
pub(crate) fn of_crates(root: &Path) -> Result<String, String> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for one in linked(root)?.iter().filter(|one| !one.is_ours) {
        let texts = texts(one)?;
        if texts.is_empty() {
            without.push(format!("{} {}: {}", one.name, one.version, one.licence));
        }
        for text in texts {
            let crates = by_text.entry(text).or_default();
            let name = format!("{} {}", one.name, one.version);
            if crates.last() != Some(&name) {
                crates.push(name);
            }
        }
    }
    let mut by_crates: Vec<(String, String)> =
        by_text.into_iter().map(|(text, crates)| (crates.join(", "), text)).collect();
    by_crates.sort();
    let rule = "-".repeat(80);
    let mut all = String::from(HEAD);
    for (crates, text) in by_crates {
        all.push_str(&format!("\n{rule}\n{crates}\n{rule}\n\n{text}\n"));
    }
    all.push_str(&format!(
        "\n{rule}\nThe packages of these crates have no text, only the name of their licence:\n{rule}\n\n{}\n",
        without.join("\n")
    ));
    Ok(all)
}

/// The texts in a crate's folder.
fn texts(one: &Crate) -> Result<Vec<String>, String> {
    let is_licence = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        path.is_file() && NAMES.iter().any(|start| name.starts_with(start))
    };
    let read = |path: &Path| {
        let bytes = fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim_matches('\n').to_owned())
    };
    entries(&one.folder)?.iter().filter(|path| is_licence(path)).map(|path| read(path)).collect()
}
