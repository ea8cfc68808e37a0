//! What comes with the command: manual pages, completions, licences.

use std::path::Path;
use std::process::Command;

use super::{Release, copy, notices, write};
use crate::command::{program, said};

/// Files of the repository: the licences of the project and of what is in the command. They keep their places, by which they name
/// each other.
const NOTICES: [&str; 6] = [
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "THIRD-PARTY.md",
    "models/cloze-mini-en/README.md",
    "crates/cloze-cli/demo/README.md",
    "crates/cloze-cli/demo/LICENSE",
];

/// The shells that completions come for, and what they look for.
const COMPLETIONS: [(&str, &str); 3] = [("bash", "cloze.bash"), ("zsh", "_cloze"), ("fish", "cloze.fish")];

/// Puts everything into a folder; what the command can write about itself, this one does.
pub(super) fn gather(release: &Release, binary: &Path, folder: &Path) -> Result<(), String> {
    let root = release.root;
    copy(binary, &folder.join("cloze"))?;
    copy(&root.join("packaging/README.md"), &folder.join("README.md"))?;
    for file in NOTICES.iter().chain(&["CHANGELOG.md"]) {
        copy(&root.join(file), &folder.join(file))?;
    }
    write(&folder.join(notices::FILE), notices::of_crates(root)?)?;
    // A terminal's width and whoever builds are not to be seen in it.
    let cloze = || {
        let mut command = program(root, folder.join("cloze"));
        command.env_clear();
        command
    };
    for (shell, file) in COMPLETIONS {
        write(&folder.join("completions").join(file), said(cloze().args(["completions", shell]))?)?;
    }
    manual(&cloze, &[], &folder.join("man/man1"))
}

/// Writes the page of a command, and those of the commands that it names.
fn manual(cloze: &dyn Fn() -> Command, words: &[&str], folder: &Path) -> Result<(), String> {
    let page = said(cloze().arg("man").args(words))?;
    let name = [&["cloze"], words].concat().join("-");
    write(&folder.join(format!("{name}.1")), &page)?;
    let page = String::from_utf8_lossy(&page).replace('\\', "");
    for sub in named(&page, &name) {
        manual(cloze, &[words, &[sub]].concat(), folder)?;
    }
    Ok(())
}

/// The commands that the page of `name` refers to, which stand on lines of their own as `name-command(1)`.
fn named<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let command = |line: &'p str| line.strip_prefix(name)?.strip_prefix('-')?.strip_suffix("(1)");
    page.lines().filter_map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_commands_of_a_page_are_found() {
        let page = "cloze-train - trains\n.TP\ncloze-runs(1)\nlists\n.TP\ncloze-zero-shot(1)\n";
        assert_eq!(named(page, "cloze"), ["runs", "zero-shot"]);
        assert_eq!(named("cloze-runs-prune(1)", "cloze-runs"), ["prune"]);
    }
}
