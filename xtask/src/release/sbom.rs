//! The bill of materials in the format of CycloneDX 1.6: every crate that is linked, and the model and data that are compiled in.
//!
//! It is written here and not by `cargo cyclonedx`, which names crates of the workspace by the folder of whoever builds, knows nothing
//! of the model, and writes beside every `Cargo.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Release, write as write_file};
use crate::command::{program, said};
use crate::crates::{Crate, linked};

/// The program that everything is a part of.
const COMMAND: &str = "cloze-cli";

const MODEL: &str = "models/cloze-mini-en/model.safetensors";

pub(super) fn write(release: &Release) -> Result<(), String> {
    let crates = linked(release.root)?;
    let sums = checksums(release.root)?;
    let rustc = String::from_utf8_lossy(&said(program(release.root, "rustc").arg("--version"))?).into_owned();
    let rustc = rustc.split_whitespace().nth(1).ok_or("`rustc --version` names no version")?;
    let model = sha256(&release.root.join(MODEL))?;
    let (command, others): (Vec<&Crate>, Vec<&Crate>) = crates.iter().partition(|one| one.name == COMMAND);
    let command = command.first().ok_or_else(|| format!("there is no crate `{COMMAND}`"))?;
    let mut components: Vec<Value> = others.into_iter().map(|one| component(one, "library", &sums)).collect();
    components.push(json!({
        "type": "machine-learning-model", "bom-ref": "cloze-mini-en", "name": "cloze-mini-en",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "hashes": [{"alg": "SHA-256", "content": model}],
    }));
    components.push(json!({
        "type": "data", "bom-ref": "clinc150", "name": "CLINC150, the rows of `cloze demo`",
        "licenses": [{"license": {"id": "CC-BY-3.0"}}],
    }));
    let mut dependencies: Vec<Value> = crates.iter().map(uses).collect();
    dependencies.iter_mut().filter(|one| one["ref"] == reference(&command.name, &command.version)).for_each(
        |one| {
            let parts = one["dependsOn"].as_array_mut();
            parts.into_iter().for_each(|parts| parts.extend(["cloze-mini-en".into(), "clinc150".into()]));
        },
    );
    let bom = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": release.date("+%Y-%m-%dT%H:%M:%SZ")?,
            // With another compiler other bytes come out.
            "tools": {"components": [{"type": "application", "name": "rustc", "version": rustc}]},
            "component": component(command, "application", &sums),
        },
        "components": components,
        "dependencies": dependencies,
    });
    write_file(&release.out.join(format!("cloze-{}.cdx.json", release.version)), format!("{bom:#}\n"))
}

fn component(one: &Crate, kind: &str, sums: &BTreeMap<(String, String), String>) -> Value {
    let reference = reference(&one.name, &one.version);
    let mut component = json!({
        "type": kind, "bom-ref": reference, "name": one.name, "version": one.version,
        "licenses": [{"expression": one.licence}], "purl": reference,
    });
    if let Some(sum) = sums.get(&(one.name.clone(), one.version.clone())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
    }
    component
}

fn uses(one: &Crate) -> Value {
    let used: Vec<String> = one.uses.iter().map(|(name, version)| reference(name, version)).collect();
    json!({"ref": reference(&one.name, &one.version), "dependsOn": used})
}

/// A crate's package URL, which also names it within the file.
fn reference(name: &str, version: &str) -> String {
    // The only character of a version that has to be escaped there.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// The checksums of packages by name and version, as `Cargo.lock` has them.
fn checksums(root: &Path) -> Result<BTreeMap<(String, String), String>, String> {
    let text = fs::read_to_string(root.join("Cargo.lock"))
        .map_err(|error| format!("cannot read Cargo.lock: {error}"))?;
    Ok(locked(&text))
}

fn locked(text: &str) -> BTreeMap<(String, String), String> {
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let sum = |package: &str| {
        Some(((value(package, "name")?, value(package, "version")?), value(package, "checksum")?))
    };
    text.split("[[package]]").filter_map(sum).collect()
}

fn sha256(path: &Path) -> Result<String, String> {
    let line = said(program(Path::new("."), "sha256sum").arg(path))?;
    let line = String::from_utf8_lossy(&line);
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_from_the_lock_file() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"0f\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(locked(text), BTreeMap::from([(("a".into(), "1.0.0".into()), "0f".into())]));
    }

    #[test]
    fn a_version_with_a_plus_is_escaped() {
        assert_eq!(reference("toml", "1.2.1+spec-1.1.0"), "pkg:cargo/toml@1.2.1%2Bspec-1.1.0");
    }
}
