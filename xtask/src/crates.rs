//! The crates that the programs are made of, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, said};

/// The programs: the command, and the Python package.
const PROGRAMS: [&str; 2] = ["cloze-cli", "cloze-python"];

/// A crate that becomes part of a program.
pub(crate) struct Crate {
    pub name: String,
    pub version: String,
    /// Its licence expression as one writes it today, or `none`.
    pub licence: String,
    /// Whether it is a crate of this repository.
    pub is_ours: bool,
    /// Where its source is.
    pub folder: PathBuf,
    /// The crates that it uses, by name and version.
    pub uses: Vec<(String, String)>,
}

/// Every crate that becomes part of a program on Linux, by name and version: those reached without going through dependencies of tests
/// and build scripts.
pub(crate) fn linked(root: &Path) -> Result<Vec<Crate>, String> {
    // One platform for all who look, so that the list is the same everywhere.
    let metadata =
        ["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu", "--locked"];
    let metadata: Value = serde_json::from_slice(&said(cargo(root).args(metadata))?)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut crates = reached(&metadata).ok_or("cargo metadata has another form than expected")?;
    crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(crates)
}

fn reached(metadata: &Value) -> Option<Vec<Crate>> {
    let packages: BTreeMap<&str, &Value> = (metadata["packages"].as_array()?.iter())
        .map(|package| Some((package["id"].as_str()?, package)))
        .collect::<Option<_>>()?;
    let nodes: BTreeMap<&str, &Value> = (metadata["resolve"]["nodes"].as_array()?.iter())
        .map(|node| Some((node["id"].as_str()?, node)))
        .collect::<Option<_>>()?;
    let is_program = |package: &Value| PROGRAMS.iter().any(|program| package["name"] == *program);
    let name = |id: &str| -> Option<(String, String)> {
        let package = packages.get(id)?;
        Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
    };
    let mut seen = BTreeSet::new();
    let mut crates = Vec::new();
    let mut next: Vec<&str> =
        packages.iter().filter(|(_, package)| is_program(package)).map(|(id, _)| *id).collect();
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        let package = packages.get(id)?;
        let mut uses = Vec::new();
        for dependency in nodes.get(id)?["deps"].as_array()? {
            if dependency["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"].is_null()) {
                let id = dependency["pkg"].as_str()?;
                next.push(id);
                uses.push(name(id)?);
            }
        }
        uses.sort();
        let (name, version) = name(id)?;
        crates.push(Crate {
            name,
            version,
            licence: normal(package["license"].as_str().unwrap_or("none")),
            is_ours: package["source"].is_null(),
            folder: Path::new(package["manifest_path"].as_str()?).parent()?.to_owned(),
            uses,
        });
    }
    Some(crates)
}

/// A licence expression as crates write it today: `MIT/Apache-2.0` and `Apache-2.0 OR MIT` are the same.
pub(crate) fn normal(expression: &str) -> String {
    let words = expression.replace('/', " OR ");
    let plain = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.contains(['(', ')']) || plain.contains(" AND ") {
        return plain;
    }
    let mut choices: Vec<&str> = plain.split(" OR ").collect();
    choices.sort_unstable();
    choices.join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_becomes_part_of_the_program_is_listed() {
        let package = |name: &str| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": "registry",
                "manifest_path": format!("/sources/{name}/Cargo.toml"),
            })
        };
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
        let crates = reached(&metadata).unwrap();
        let names: Vec<_> = crates.iter().map(|one| (one.name.as_str(), one.is_ours)).collect();
        assert_eq!(names, [(PROGRAMS[0], true), ("used", false), ("deep", false)]);
        assert_eq!(crates[0].uses, [("used".to_owned(), "1.0.0".to_owned())]);
        assert_eq!(crates[1].licence, "Apache-2.0 OR MIT");
        assert_eq!(crates[1].folder, Path::new("/sources/used"));
    }
}
