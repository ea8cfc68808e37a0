//! The page of `cloze label` in a real browser, driven by Playwright and looked at by axe.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::command::{cargo, cloze, exists, installed, program, succeeds};

/// The check itself, and the packages that it needs.
const SCRIPTS: &str = "scripts/browser";

/// What the browser is called on different systems.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join("target/browser");
    let Some(browser) = BROWSERS.into_iter().find(|name| exists(name)).or_else(|| {
        // The name that Debian has for it.
        installed(BROWSERS[0]).then_some(BROWSERS[0])
    }) else {
        return Outcome::NotRun("there is no `chromium`, and only root can install it".into());
    };
    if !exists("node") || !exists("npm") {
        return Outcome::NotRun("there is no `node` with `npm` to run Playwright with".into());
    }
    if !packages(root, &folder) {
        return Outcome::of(false);
    }
    let built = succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"]));
    let command = cloze(root);
    let drive = || {
        let script = root.join(SCRIPTS).join("label.mjs");
        let texts = root.join("crates/cloze-cli/demo/test.csv");
        let mut node = program(&folder, "node");
        node.arg(script)
            .arg(command.get_program())
            .arg(path_of(browser))
            .arg(texts)
            .arg(folder.join("label"));
        succeeds(&mut node)
    };
    Outcome::of(built && drive())
}

/// Where a program is: Playwright wants its path.
fn path_of(name: &str) -> String {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

/// Installs the packages, unless they are there and `package.json` is as it was.
fn packages(root: &Path, folder: &Path) -> bool {
    let Ok(wanted) = fs::read(root.join(SCRIPTS).join("package.json")) else { return false };
    let (list, done) = (folder.join("package.json"), folder.join("installed.json"));
    if fs::read(&done).is_ok_and(|found| found == wanted) {
        return true;
    }
    fs::create_dir_all(folder).is_ok()
        && fs::write(list, &wanted).is_ok()
        && succeeds(program(folder, "npm").args(["install", "--no-audit", "--no-fund", "--silent"]))
        && fs::write(done, wanted).is_ok()
}
