//! The Python package: built as a wheel, alone, with everything that it works with, and with its types.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::command::{exists, program, succeeds};
use crate::python::environment;
use crate::release::{LICENCES_OF_CRATES, licences_of_crates};

/// What its tests need in Python.
const REQUIREMENTS: &str = "scripts/python-requirements.txt";

/// Where it is.
pub(crate) const PACKAGE: &str = "crates/cloze-python";

/// What a wheel is to hold of licences: of the project, and of all that it is made of.
const LICENCES: [&str; 7] = [
    LICENCES_OF_CRATES,
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "THIRD-PARTY.md",
    "models/cloze-mini-en/README.md",
    "crates/cloze-cli/demo/README.md",
    "crates/cloze-cli/demo/LICENSE",
];

/// What a Python without any other package does with it: a run predicts, and the command is there.
const ALONE: &str = "
import cloze, cloze._command, sys
assert cloze.Run.load('fixtures/runs/be76878/moods-7961bc81').predict(['a warm day']) == ['up']
sys.argv = ['cloze', '--version']
sys.exit(cloze._command.main())
";

pub(crate) fn check(root: &Path, notes: &mut Vec<String>) -> Outcome {
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3` to build and test the Python package with".into());
    }
    let folder = root.join("target/python");
    let Some(python) = python(root) else {
        return Outcome::NotRun(format!("what {REQUIREMENTS} names could not be installed"));
    };
    let Some(wheel) = built(root, &folder.join("wheels"), &python) else {
        return Outcome::of(false);
    };
    let alone = folder.join("alone");
    let steps: [(&str, &dyn Fn() -> bool); 5] = [
        ("without any other package", &|| works_alone(root, &alone, &python, &wheel)),
        ("licences", &|| has_licences(&alone).inspect_err(|problem| println!("{problem}")).is_ok()),
        ("tests", &|| {
            installed(root, &python, &wheel)
                && succeeds(program(&root.join(PACKAGE), &python).args([
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                ]))
        }),
        ("stubs are those of the native side", &|| {
            succeeds(program(&root.join(PACKAGE), &python).args(["-m", "mypy.stubtest", "cloze._cloze"]))
        }),
        ("types, as mypy reads them", &|| {
            succeeds(
                program(&root.join(PACKAGE), &python)
                    .args(["-m", "mypy", "--cache-dir"])
                    .arg(folder.join("mypy"))
                    .arg("python/cloze"),
            )
        }),
    ];
    let mut outcome = Outcome::Done { passed: 0, failed: 0 };
    for (what, step) in steps {
        println!("-- {what}");
        outcome = outcome.and(Outcome::of(step()));
    }
    // Its package on PyPI would fetch a Node of its own.
    if !exists("node") {
        notes.push("pyright did not read the types of the Python package: there is no `node`".into());
        return outcome;
    }
    println!("-- types, as pyright reads them");
    outcome.and(Outcome::of(succeeds(
        program(&root.join(PACKAGE), &python)
            .args(["-m", "pyright", "--pythonpath"])
            .arg(&python)
            .arg("python/cloze"),
    )))
}

/// The wheel for checks of others, built in the same way.
pub(crate) fn made(root: &Path) -> Option<PathBuf> {
    built(root, &root.join("target/python/wheels"), &python(root)?)
}

/// A Python that has what the package's tests need.
fn python(root: &Path) -> Option<PathBuf> {
    environment(root, &root.join("target/python/venv"), REQUIREMENTS)
}

/// The wheel, built as quickly as the tests of the rest are.
fn built(root: &Path, wheels: &Path, python: &Path) -> Option<PathBuf> {
    // Made anew each time.
    let _ = fs::remove_dir_all(wheels);
    if let Err(problem) = write_licences(root) {
        println!("{problem}");
        return None;
    }
    let mut build = program(&root.join(PACKAGE), python);
    build.args([
        "-m",
        "maturin",
        "build",
        "--quiet",
        "--profile",
        "dev",
        "--compatibility",
        "off",
        "--interpreter",
    ]);
    if !succeeds(build.arg(python).arg("--out").arg(wheels)) {
        return None;
    }
    let mut files = fs::read_dir(wheels).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// Installs the wheel.
pub(crate) fn installed(root: &Path, python: &Path, wheel: &Path) -> bool {
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall"];
    succeeds(program(root, python).args(install).arg(wheel))
}

/// Whether the package works where nothing else is installed.
fn works_alone(root: &Path, folder: &Path, python: &Path, wheel: &Path) -> bool {
    let _ = fs::remove_dir_all(folder);
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"];
    succeeds(program(root, python).args(install).arg(folder).arg(wheel))
        // `-S` leaves out all that is installed.
        && succeeds(program(root, python).args(["-S", "-c", ALONE]).env("PYTHONPATH", folder))
}

/// Writes the licences of crates to where the metadata of the package name them.
pub(crate) fn write_licences(root: &Path) -> Result<(), String> {
    let file = root.join(PACKAGE).join(LICENCES_OF_CRATES);
    let texts = licences_of_crates(root)?;
    fs::write(&file, texts).map_err(|error| format!("cannot write `{}`: {error}", file.display()))
}

/// Whether all licences came along with the package that is installed in a folder.
pub(crate) fn has_licences(packages: &Path) -> Result<(), String> {
    let found = fs::read_dir(packages).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut infos = found.filter(|path| path.extension().is_some_and(|extension| extension == "dist-info"));
    let is_ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cloze_pet-"))
    };
    let info = infos.find(is_ours).ok_or_else(|| format!("no `cloze_pet` is in `{}`", packages.display()))?;
    let read = |file: &str| fs::read_to_string(info.join("licenses").join(file)).unwrap_or_default();
    if let Some(missing) = LICENCES.iter().find(|file| read(file).is_empty()) {
        return Err(format!("the wheel lacks the licence `{missing}`"));
    }
    // One that only the package uses.
    match read(LICENCES_OF_CRATES).contains("pyo3 ") {
        true => Ok(()),
        false => Err(format!("`{LICENCES_OF_CRATES}` in the wheel names no crate of the package alone")),
    }
}
