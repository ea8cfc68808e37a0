//! The packages that a registry would get: small, with their licences, with nothing that is not needed, and whole without the rest of
//! the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::command::{cargo, exists, program, said, succeeds};
use crate::links::links;

/// Packages that stay in the repository.
const OURS_ALONE: &[&str] = &["xtask", "cloze-bench", "cloze-python"];

/// What crates.io takes at most.
const MOST_BYTES: u64 = 10 << 20;

/// What every package has.
const REQUIRED: &[&str] = &["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "src/"];

/// What a package may have beside that. Cargo adds the first three.
const ALLOWED: &[&str] = &[
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
    "build.rs",
    "templates/",
    "examples/",
    "demo/",
    "assets/",
];

/// What to do without the model that no package carries; a part of the message of `crates/cloze/build.rs`.
const REMEDY: &str = "cargo install cloze-cli --no-default-features";

pub(crate) fn check(root: &Path) -> Outcome {
    if !exists("tar") {
        return Outcome::NotRun("there is no `tar` to unpack the packages with".into());
    }
    let folder = root.join("target/package-check");
    match packages(root, &folder).and_then(|packages| Ok((unpack(root, &folder, &packages)?, packages))) {
        Ok((unpacked, packages)) => {
            let problems: Vec<String> = packages.iter().flat_map(problems).collect();
            problems.iter().for_each(|problem| println!("{problem}"));
            let built = builds(root, &unpacked) && says_what_to_do(root, &unpacked);
            Outcome::Done { passed: packages.len(), failed: problems.len() + usize::from(!built) }
        }
        Err(problem) => {
            println!("{problem}");
            Outcome::of(false)
        }
    }
}

/// A package as it would be uploaded.
struct Package {
    /// Name and version, which is also the folder that all its files are in.
    name: String,
    bytes: u64,
    /// Paths below the folder.
    files: Vec<String>,
    readme: String,
}

/// Makes the packages anew and looks into them.
fn packages(root: &Path, folder: &Path) -> Result<Vec<Package>, String> {
    let made = folder.join("package");
    remove(&made)?;
    let mut package = cargo(root);
    // What it takes from the network it has, or it could not have built this program.
    package.args(["package", "--quiet", "--workspace", "--no-verify", "--allow-dirty", "--offline"]);
    for name in OURS_ALONE {
        package.args(["--exclude", name]);
    }
    if !succeeds(package.arg("--target-dir").arg(folder)) {
        return Err("the packages cannot be made".into());
    }
    let entries =
        fs::read_dir(&made).map_err(|error| format!("cannot read `{}`: {error}", made.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "crate"));
    paths.sort();
    paths.iter().map(|path| look(root, path)).collect()
}

fn look(root: &Path, path: &Path) -> Result<Package, String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let list = tar(root, &["-tzf".as_ref(), path.as_ref()])?;
    let inside = format!("{name}/");
    let files =
        list.lines().map(|line| line.trim().strip_prefix(&inside).unwrap_or(line).to_owned()).collect();
    let readme = tar(root, &["-xzOf".as_ref(), path.as_ref(), format!("{inside}README.md").as_ref()])?;
    let bytes =
        fs::metadata(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?.len();
    Ok(Package { name, bytes, files, readme })
}

/// What `tar` with these arguments writes.
fn tar(root: &Path, arguments: &[&std::ffi::OsStr]) -> Result<String, String> {
    Ok(String::from_utf8_lossy(&said(program(root, "tar").args(arguments))?).into_owned())
}

/// What is wrong with a package.
fn problems(package: &Package) -> Vec<String> {
    let Package { name, bytes, files, readme } = package;
    let is = |file: &str, one: &str| if one.ends_with('/') { file.starts_with(one) } else { file == one };
    let mut problems = Vec::new();
    if *bytes > MOST_BYTES {
        problems.push(format!("{name} has {bytes} bytes, and a registry takes {MOST_BYTES}"));
    }
    for required in REQUIRED {
        if !files.iter().any(|file| is(file, required)) {
            problems.push(format!("{name} lacks `{required}`"));
        }
    }
    for file in files {
        if !REQUIRED.iter().chain(ALLOWED).any(|known| is(file, known)) {
            problems
                .push(format!("{name} has `{file}`, which nobody needs; see `include` in its Cargo.toml"));
        }
    }
    for (line, target) in links(readme) {
        if !target.contains("://") && !target.starts_with('#') {
            problems
                .push(format!("{name}: README.md:{line} leads to `{target}`, which is not in the package"));
        }
    }
    problems
}

/// Unpacks the packages beside each other, as a workspace that takes each of them in the place of the registry's.
fn unpack(root: &Path, folder: &Path, packages: &[Package]) -> Result<PathBuf, String> {
    let unpacked = folder.join("unpacked");
    remove(&unpacked)?;
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", unpacked.display());
    fs::create_dir_all(&unpacked).map_err(cannot)?;
    for package in packages {
        let archive = folder.join("package").join(format!("{}.crate", package.name));
        // `m`: files in packages all have the same date, by which cargo would take what it compiled of an earlier version for this one.
        tar(root, &["-xzmf".as_ref(), archive.as_ref(), "-C".as_ref(), unpacked.as_ref()])?;
    }
    let manifest =
        fs::read_to_string(root.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    fs::write(unpacked.join("Cargo.toml"), workspace(&manifest, packages)).map_err(cannot)?;
    fs::copy(root.join("Cargo.lock"), unpacked.join("Cargo.lock")).map_err(cannot)?;
    Ok(unpacked)
}

/// The manifest of such a workspace. With the project's own profiles what the packages need is compiled already.
fn workspace(manifest: &str, packages: &[Package]) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n");
    for Package { name, .. } in packages {
        let bare = name.rsplit_once('-').map_or(name.as_str(), |(bare, _)| bare);
        text.push_str(&format!("{bare} = {{ path = \"{name}\" }}\n"));
    }
    for section in manifest.split("\n[").filter(|section| section.starts_with("profile.dev")) {
        text.push_str(&format!("\n[{}\n", section.trim_end()));
    }
    text
}

/// Whether what was unpacked compiles without the rest of the repository.
fn builds(root: &Path, unpacked: &Path) -> bool {
    let check = ["check", "--quiet", "--offline", "--workspace", "--no-default-features"];
    succeeds(cargo(unpacked).args(check).arg("--target-dir").arg(root.join("target")))
}

/// Whether the default features, which need the model, are refused with what to do about it.
fn says_what_to_do(root: &Path, unpacked: &Path) -> bool {
    let mut check = cargo(unpacked);
    check.args(["check", "--quiet", "--offline", "--package", "cloze-cli", "--target-dir"]);
    let Ok(output) = check.arg(root.join("target")).output() else { return false };
    let error = String::from_utf8_lossy(&output.stderr);
    let right = !output.status.success() && error.contains(REMEDY);
    if !right {
        println!("a package with the default features does not say `{REMEDY}`, but:\n{error}");
    }
    right
}

fn remove(dir: &Path) -> Result<(), String> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove `{}`: {error}", dir.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let files = ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs", "demo/a.csv"];
        Package {
            name: "a-b-1.0.0".into(),
            bytes: 1000,
            files: files.map(str::to_owned).to_vec(),
            readme: "[a](https://example.org) [b](#b)\n".into(),
        }
    }

    #[test]
    fn what_is_wrong_with_a_package_is_found() {
        let mut package = package();
        assert_eq!(problems(&package), [""; 0]);
        package.bytes = MOST_BYTES + 1;
        package.files.retain(|file| file != "LICENSE-MIT");
        package.files.push("tests/golden.json".into());
        package.readme += "[guide](docs/guide.md)";
        let found = problems(&package).join("\n");
        for part in [
            "bytes",
            "lacks `LICENSE-MIT`",
            "has `tests/golden.json`",
            "README.md:2 leads to `docs/guide.md`",
        ] {
            assert!(found.contains(part), "{part}: {found}");
        }
        assert_eq!(found.lines().count(), 4);
    }

    #[test]
    fn the_workspace_of_packages_has_the_profiles_of_the_project() {
        let manifest = "[workspace]\nmembers = []\n\n# Why.\n[profile.dev]\ndebug = 1\n[profile.dev.package.\"*\"]\nopt-level = 2\n\n[profile.release]\nlto = true\n";
        let text = workspace(manifest, &[package()]);
        assert!(text.contains("a-b = { path = \"a-b-1.0.0\" }"), "{text}");
        assert!(text.contains("[profile.dev.package.\"*\"]\nopt-level = 2"), "{text}");
        assert!(text.contains("[profile.dev]") && !text.contains("lto") && !text.contains("Why"), "{text}");
    }
}
