//! The command and the wheel, optimised, for every Linux with glibc 2.17 or newer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Release, TARGET};
use crate::command::{program, said, succeeds};
use crate::python::environment;
use crate::wheel::{PACKAGE, write_licences};

/// What links against an old glibc, and what makes wheels.
const REQUIREMENTS: &str = "scripts/release-requirements.txt";

/// The glibc that is linked against. Every distribution with support has it or a newer one.
const GLIBC: (u32, u32) = (2, 17);

/// Builds the command.
pub(super) fn binary(release: &Release) -> Result<PathBuf, String> {
    let tools = tools(release.root)?;
    let mut build = program(release.root, tools.join("cargo-zigbuild"));
    build.args(["zigbuild", "--release", "--locked", "--package", "cloze-cli", "--target"]);
    build.arg(format!("{TARGET}.{}.{}", GLIBC.0, GLIBC.1));
    if !succeeds(reproducible(&mut build, release, &tools)?) {
        return Err("the command cannot be built".into());
    }
    let binary = target(release.root).join(TARGET).join("release/cloze");
    let bytes = fs::read(&binary).map_err(|error| format!("cannot read `{}`: {error}", binary.display()))?;
    match fault(&bytes, &folders(release.root)) {
        Some(fault) => Err(format!("`{}` {fault}", binary.display())),
        None => Ok(binary),
    }
}

/// Builds the wheel into the folder of the release.
pub(super) fn wheel(release: &Release) -> Result<(), String> {
    let tools = tools(release.root)?;
    write_licences(release.root)?;
    let mut build = program(&release.root.join(PACKAGE), tools.join("python"));
    build
        .args([
            "-m",
            "maturin",
            "build",
            "--release",
            "--locked",
            "--zig",
            "--target",
            TARGET,
            "--compatibility",
        ])
        .arg(format!("manylinux_{}_{}", GLIBC.0, GLIBC.1))
        .arg("--out")
        .arg(&release.out);
    let built = succeeds(reproducible(&mut build, release, &tools)?);
    if built { Ok(()) } else { Err("the wheel cannot be built".into()) }
}

/// Where the programs are that build it.
fn tools(root: &Path) -> Result<PathBuf, String> {
    let python = environment(root, &root.join("target/tools/release"), REQUIREMENTS);
    let bin = python.as_deref().and_then(Path::parent).map(Path::to_owned);
    bin.ok_or_else(|| format!("what {REQUIREMENTS} names could not be installed"))
}

fn target(root: &Path) -> PathBuf {
    root.join("target")
}

/// Folders of the machine that builds, which nothing of the result is to name, and what they are called in it.
fn folders(root: &Path) -> [(PathBuf, &'static str); 2] {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    [(root.to_owned(), "cloze"), (cargo, "cargo")]
}

/// Leaves out of what is built where and when that is done.
fn reproducible<'c>(
    build: &'c mut Command,
    release: &Release,
    tools: &Path,
) -> Result<&'c mut Command, String> {
    let mut flags = Vec::new();
    for (folder, name) in folders(release.root) {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    // Where the sources of the standard library are installed too, it would be named after their folder.
    let rustc = |arguments: &[&str]| said(program(release.root, "rustc").args(arguments));
    let sysroot = String::from_utf8_lossy(&rustc(&["--print", "sysroot"])?).trim().to_owned();
    let version = String::from_utf8_lossy(&rustc(&["--version", "--verbose"])?).into_owned();
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    flags.push(format!("--remap-path-prefix={sysroot}/lib/rustlib/src/rust=/rustc/{commit}"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools.to_owned()].into_iter().chain(std::env::split_paths(&path)));
    Ok(build
        .env("PATH", path.map_err(|error| format!("cannot set PATH: {error}"))?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", target(release.root))
        .env("SOURCE_DATE_EPOCH", &release.time))
}

/// Why a binary would not run on every machine that it is for, or would differ with the one that built it.
fn fault(binary: &[u8], folders: &[(PathBuf, &str)]) -> Option<String> {
    let needed = newest_glibc(binary);
    if needed > GLIBC {
        return Some(format!("needs glibc {}.{}, and {}.{} is to do", needed.0, needed.1, GLIBC.0, GLIBC.1));
    }
    let names = |folder: &Path| {
        let name = folder.as_os_str().as_encoded_bytes();
        binary.windows(name.len().max(1)).any(|window| window == name)
    };
    let named = folders.iter().find(|(folder, _)| names(folder));
    named.map(|(folder, _)| format!("names the folder `{}`", folder.display()))
}

/// The newest version of glibc whose symbols are asked for, by names such as `GLIBC_2.17`.
fn newest_glibc(binary: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let version = |start: usize| {
        let rest = &binary[start + MARK.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(rest.len());
        let mut parts = std::str::from_utf8(&rest[..end]).ok()?.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let marks = binary.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    marks.filter_map(|(start, _)| version(start)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_old_system_lacks_and_what_names_a_folder_is_found() {
        let folders = [(PathBuf::from("/home/somebody/cloze"), "cloze")];
        assert_eq!(fault(b"\0GLIBC_2.2.5\0GLIBC_2.17\0GLIBC_PRIVATE\0", &folders), None);
        let newer = fault(b"GLIBC_2.9\0GLIBC_2.34", &folders).unwrap();
        assert!(newer.starts_with("needs glibc 2.34"), "{newer}");
        let named = fault(b"GLIBC_2.9\0/home/somebody/cloze/src/a.rs", &folders).unwrap();
        assert!(named.contains("`/home/somebody/cloze`"), "{named}");
    }
}
