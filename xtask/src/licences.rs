//! The crates that the programs are made of, with their licences: listed in THIRD-PARTY.md, all of them permissive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Outcome;
use crate::command::cargo;

const FILE: &str = "THIRD-PARTY.md";
const BEGIN: &str = "<!-- crates: written by `cargo xtask licences` -->\n";
const END: &str = "<!-- end of crates -->\n";

/// The programs whose crates are listed: the command, and the Python package.
const PROGRAMS: [&str; 2] = ["cloze-cli", "cloze-python"];

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
    // One platform for all who look, so that the list is the same everywhere.
    let metadata =
        ["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu", "--locked"];
    let output = cargo(root).args(metadata).output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let crates = linked(&metadata).ok_or("cargo metadata has another form than expected")?;
    let mut by_licence: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, licence) in crates {
        if !is_permissive(licence) {
            return Err(format!(
                "`{name}` {version} has the licence `{licence}`, which is not known to be permissive"
            ));
        }
        by_licence.entry(normal(licence)).or_default().insert(format!("{name} {version}"));
    }
    let mut list = String::from("\n| licence | crates |\n| --- | --- |\n");
    for (licence, crates) in by_licence {
        let crates: Vec<String> = crates.into_iter().collect();
        list.push_str(&format!("| {} | {} |\n", licence, crates.join(", ")));
    }
    list.push('\n');
    Ok(list)
}

/// Name, version and licence of every foreign crate that becomes part of the program: those reached without going through
/// dependencies of tests and build scripts.
fn linked(metadata: &Value) -> Option<Vec<(&str, &str, &str)>> {
    let packages: BTreeMap<&str, &Value> = (metadata["packages"].as_array()?.iter())
        .map(|package| Some((package["id"].as_str()?, package)))
        .collect::<Option<_>>()?;
    let nodes: BTreeMap<&str, &Value> = (metadata["resolve"]["nodes"].as_array()?.iter())
        .map(|node| Some((node["id"].as_str()?, node)))
        .collect::<Option<_>>()?;
    let is_program = |package: &Value| PROGRAMS.iter().any(|program| package["name"] == *program);
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> =
        packages.iter().filter(|(_, package)| is_program(package)).map(|(id, _)| *id).collect();
    while let Some(id) = next.pop() {
        if !reached.insert(id) {
            continue;
        }
        for dependency in nodes.get(id)?["deps"].as_array()? {
            if dependency["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"].is_null()) {
                next.push(dependency["pkg"].as_str()?);
            }
        }
    }
    let foreign =
        reached.into_iter().filter_map(|id| packages.get(id)).filter(|package| !package["source"].is_null());
    foreign
        .map(|package| {
            Some((
                package["name"].as_str()?,
                package["version"].as_str()?,
                package["license"].as_str().unwrap_or("none"),
            ))
        })
        .collect()
}

/// A licence expression as crates write it today: `MIT/Apache-2.0` and `Apache-2.0 OR MIT` are the same.
fn normal(expression: &str) -> String {
    let words = expression.replace('/', " OR ");
    let plain = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.contains(['(', ')']) || plain.contains(" AND ") {
        return plain;
    }
    let mut choices: Vec<&str> = plain.split(" OR ").collect();
    choices.sort_unstable();
    choices.join(" OR ")
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

    #[test]
    fn only_what_becomes_part_of_the_program_is_listed() {
        let package = |name: &str| serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": "registry"});
        let dependency =
            |name: &str, kind: Value| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let mut own = package(PROGRAMS[0]);
        own["source"] = Value::Null;
        let metadata = serde_json::json!({
            "packages": [own, package("used"), package("deep"), package("tested")],
            "resolve": {"nodes": [
                {"id": PROGRAMS[0], "deps": [dependency("used", Value::Null), dependency("tested", "dev".into())]},
                {"id": "used", "deps": [dependency("deep", Value::Null)]},
                {"id": "deep", "deps": []},
                {"id": "tested", "deps": []},
            ]},
        });
        let names: Vec<_> = linked(&metadata).unwrap().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["deep", "used"]);
    }
}
