//! What would be released, made of the command as the other checks have built it, and tried where nothing else is: every file in a place
//! of its own, without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Release, SUMS, anew, archive, copy, create, debian, entries, notices};
use crate::Outcome;
use crate::command::{cargo, cloze, exists, program, said, say_again, succeeds};
use crate::python::environment;
use crate::wheel;

/// What reads the bill of materials, the model cards and what a run has cost.
const REQUIREMENTS: &str = "scripts/release-check-requirements.txt";

/// What the archive is to hold beside the command; with the first of these, what was linked or embedded is named with its licence.
const IN_ARCHIVE: [&str; 12] = [
    notices::FILE,
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "THIRD-PARTY.md",
    "models/cloze-mini-en/README.md",
    "crates/cloze-cli/demo/LICENSE",
    "README.md",
    "man/man1/cloze.1",
    "man/man1/cloze-runs-prune.1",
    "completions/cloze.bash",
    "completions/_cloze",
    "completions/cloze.fish",
];

/// The same for the Debian package.
const IN_DEB: [&str; 8] = [
    "usr/share/doc/cloze/copyright",
    "usr/share/doc/cloze/LICENCES-OF-CRATES.txt",
    "usr/share/doc/cloze/THIRD-PARTY.md",
    "usr/share/doc/cloze/changelog.gz",
    "usr/share/man/man1/cloze-predict.1.gz",
    "usr/share/bash-completion/completions/cloze",
    "usr/share/zsh/vendor-completions/_cloze",
    "usr/share/fish/vendor_completions.d/cloze.fish",
];

/// Completes `cloze zer` and `cloze runs pr` as a bash does in which somebody presses the tabulator.
const COMPLETE: &str = r#"
set -eu
source "$1"
complete -p cloze >/dev/null
asked() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _cloze cloze "${COMP_WORDS[COMP_CWORD]}" "" || true; echo "${COMPREPLY[*]}"; }
[ "$(asked cloze zer)" = zero-shot ]
[ "$(asked cloze runs pr)" = prune ]
"#;

pub(crate) fn check(root: &Path, notes: &mut Vec<String>) -> Outcome {
    if let Some(missing) = ["tar", "dpkg", "python3", "man"].into_iter().find(|name| !exists(name)) {
        return Outcome::NotRun(format!("there is no `{missing}`"));
    }
    let made = match Made::new(root) {
        Ok(made) => made,
        Err(problem) => {
            println!("{problem}");
            return Outcome::of(false);
        }
    };
    if made.cut.is_empty() {
        notes.push(
            "release: the network was there while `cloze demo` ran, for `unshare` may not cut it off".into(),
        );
    }
    if !made.is_root {
        notes.push("release: the Debian package was not installed, which only root may do".into());
    }
    let steps: [(&str, Step); 5] = [
        ("checksums", |made| made.sums_are_right()),
        ("archive", |made| made.archive_works()),
        ("Debian package", |made| made.deb_works()),
        ("wheel", |made| made.wheel_works()),
        ("bill of materials, model cards and costs", |made| made.others_read_it()),
    ];
    let mut outcome = Outcome::Done { passed: 0, failed: 0 };
    for (what, step) in steps {
        println!("-- {what}");
        let done = step(&made);
        if let Err(problem) = &done {
            println!("{problem}");
            say_again(format!("release, {what}: {problem}"));
        }
        outcome = outcome.and(Outcome::of(done.is_ok()));
    }
    outcome
}

/// One thing that is tried, and why it does not work.
type Step = fn(&Made) -> Result<(), String>;

/// What was made, and where it is tried.
struct Made<'r> {
    release: Release<'r>,
    wheel: PathBuf,
    /// For everything that is unpacked.
    folder: PathBuf,
    is_root: bool,
    /// The words before a command that take the network away from it; none, if that is not allowed.
    cut: Vec<&'static str>,
}

impl Made<'_> {
    /// Makes everything of a development build: how it is optimised changes nothing that is tried here.
    fn new(root: &Path) -> Result<Made<'_>, String> {
        let folder = anew(root.join("target/release-check"))?;
        let files = folder.join("files");
        create(&files)?;
        run(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"]))?;
        let binary = folder.join("cloze");
        run(program(root, "strip").arg("-o").arg(&binary).arg(cloze(root).get_program()))?;
        let release = Release::new(root, files)?;
        release.pack(&binary)?;
        let built = wheel::made(root).ok_or("the wheel cannot be built")?;
        let wheel = release.out.join(built.file_name().unwrap_or_default());
        copy(&built, &wheel)?;
        release.sum()?;
        let user = said(program(root, "id").arg("-u"))?;
        Ok(Made { release, wheel, folder, is_root: user == b"0\n", cut: cut(root) })
    }

    fn sums_are_right(&self) -> Result<(), String> {
        let out = &self.release.out;
        run(program(out, "sha256sum").args(["--check", "--strict", "--quiet", SUMS]))?;
        let sums = read(&out.join(SUMS))?;
        let files = entries(out)?.len() - 1;
        // archive, Debian package, bill of materials, wheel
        if sums.lines().count() == files && files == 4 {
            Ok(())
        } else {
            Err(format!("{SUMS} lacks a file of {files}:\n{sums}"))
        }
    }

    fn archive_works(&self) -> Result<(), String> {
        let name = archive::name(self.release.version);
        let file = self.release.out.join(format!("{name}.tar.gz"));
        run(program(&self.folder, "tar").arg("-xzf").arg(file))?;
        let unpacked = self.unpacked();
        all_there(&unpacked, &IN_ARCHIVE)?;
        for page in entries(&unpacked.join("man/man1"))? {
            let mut man = program(&self.folder, "man");
            man.args(["--warnings", "--encoding=UTF-8", "--local-file"]).arg(&page);
            let output = man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "100").output();
            let output = output.map_err(|error| format!("cannot run `man`: {error}"))?;
            let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
            if !complaints.is_empty() || !String::from_utf8_lossy(&output.stdout).contains("SYNOPSIS") {
                return Err(format!("`{}` is no manual page: {complaints}", page.display()));
            }
        }
        run(program(&unpacked, "bash").args(["-c", COMPLETE, "bash", "completions/cloze.bash"]))?;
        self.demo(&[unpacked.join("cloze").as_os_str()], &self.runs())
    }

    /// Where the archive is unpacked.
    fn unpacked(&self) -> PathBuf {
        self.folder.join(archive::name(self.release.version))
    }

    /// The runs of the command in the archive.
    fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// Installs the package where there is nothing else but the libraries that it says it needs, and makes that the whole world.
    fn deb_works(&self) -> Result<(), String> {
        let deb = self.release.out.join(debian::name(self.release.version));
        run(program(&self.folder, "dpkg-deb").arg("--info").arg(&deb))?;
        if !self.is_root {
            return Ok(());
        }
        let world = self.folder.join("world");
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "tmp"] {
            create(&world.join(folder))?;
        }
        super::write(&world.join("var/lib/dpkg/status"), "")?;
        // There is no package of libc in that world, only its files.
        let mut install = program(&self.folder, "dpkg");
        install.arg("--root").arg(&world).args(["--force-depends", "--install"]).arg(&deb);
        run(install.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))?;
        all_there(&world, &IN_DEB)?;
        let installed = world.join("usr/bin/cloze");
        if fs::read(&installed).ok() != fs::read(self.unpacked().join("cloze")).ok() {
            return Err("the commands in the archive and the Debian package differ".into());
        }
        let libraries = said(program(&self.folder, "ldd").arg(&installed))?;
        for library in
            String::from_utf8_lossy(&libraries).split_whitespace().filter(|word| word.starts_with('/'))
        {
            copy(Path::new(library), &world.join(library.trim_start_matches('/')))?;
        }
        let inside = ["chroot".as_ref(), world.as_os_str(), "/usr/bin/cloze".as_ref()];
        self.demo(&inside, Path::new("/tmp/runs"))
    }

    fn wheel_works(&self) -> Result<(), String> {
        let venv = self.folder.join("venv");
        run(program(&self.folder, "python3").args(["-m", "venv"]).arg(&venv))?;
        let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"];
        let python = venv.join("bin/python");
        run(program(&self.folder, &python).args(install).arg(&self.wheel))?;
        let packages = "import sysconfig; print(sysconfig.get_path('platlib'))";
        let packages = said(program(&self.folder, &python).args(["-c", packages]))?;
        wheel::has_licences(Path::new(String::from_utf8_lossy(&packages).trim()))?;
        self.demo(&[venv.join("bin/cloze").as_os_str()], &self.folder.join("runs-of-the-wheel"))
    }

    /// The bill of materials, the model cards and what a run has cost, as programs of others read them.
    fn others_read_it(&self) -> Result<(), String> {
        let root = self.release.root;
        let python = environment(root, &root.join("target/tools/release-check"), REQUIREMENTS);
        let python = python.ok_or_else(|| format!("what {REQUIREMENTS} names could not be installed"))?;
        let bill = entries(&self.release.out)?
            .into_iter()
            .find(|path| path.extension().is_some_and(|end| end == "json"));
        let run_of_demo = entries(&self.runs())?.into_iter().find(|path| path.join("run.toml").is_file());
        let run_of_demo = run_of_demo.unwrap_or_default();
        let cards = [root.join("models/cloze-mini-en"), run_of_demo.join("final")];
        let mut script = program(root, python);
        script.arg("scripts/release.py").arg(bill.unwrap_or_default());
        script.arg(self.unpacked().join("cloze")).arg(run_of_demo);
        run(script.args(cards.map(|folder| folder.join("README.md"))))
    }

    /// Runs the demo of a command without a network and without anything of this environment.
    fn demo(&self, command: &[&std::ffi::OsStr], runs: &Path) -> Result<(), String> {
        let words: Vec<&std::ffi::OsStr> =
            self.cut.iter().map(|word| (*word).as_ref()).chain(command.iter().copied()).collect();
        let mut demo = program(&self.folder, words[0]);
        run(demo.args(&words[1..]).args(["demo", "--quiet", "--runs"]).arg(runs).env_remove("CLOZE_MODEL"))
    }
}

/// The words that take the network from a command, if this user may do that: root, or whoever may be root in a world of its own.
fn cut(root: &Path) -> Vec<&'static str> {
    // The first line is a heading.
    let no_route = ["sh", "-c", "test $(wc -l < /proc/net/route) -le 1"];
    let ways = [&["unshare", "--net"][..], &["unshare", "--user", "--map-root-user", "--net"]];
    let works = |way: &&&[&str]| said(program(root, way[0]).args(&way[1..]).args(no_route)).is_ok();
    ways.iter().find(works).map(|way| way.to_vec()).unwrap_or_default()
}

fn run(command: &mut Command) -> Result<(), String> {
    if succeeds(command) { Ok(()) } else { Err("it failed".into()) }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn all_there(folder: &Path, files: &[&str]) -> Result<(), String> {
    let is_there = |file: &&&str| fs::metadata(folder.join(file)).is_ok_and(|found| found.len() > 0);
    match files.iter().find(|file| !is_there(file)) {
        Some(missing) => Err(format!("`{missing}` is missing in `{}`", folder.display())),
        None => Ok(()),
    }
}
