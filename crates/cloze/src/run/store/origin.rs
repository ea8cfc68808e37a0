//! The task file that a run was made from: a comment in the header of `run.toml`.

use std::path::{Path, PathBuf};

use super::Id;

/// The text before the path.
const KEY: &str = "# task: ";

/// The comment for a task that was read from `file`, with its line feed; empty if there is no such file.
pub(crate) fn task_line(file: &str) -> String {
    let path = Path::new(file);
    // A run may be read much later, from any folder.
    match std::path::absolute(path).ok().filter(|_| path.is_file()).as_deref().and_then(Path::to_str) {
        Some(path) => format!("{KEY}{}\n", path.escape_debug()),
        None => String::new(),
    }
}

/// The task file of the run in `dir`, if `dir` is a run and its record names the file.
pub(super) fn of_run(dir: &Path) -> Option<PathBuf> {
    task_file(&std::fs::read_to_string(dir.join(super::MANIFEST)).ok()?)
}

/// The path in the header of a manifest, which consists of all lines before the first one that is not a
/// comment.
fn task_file(manifest: &str) -> Option<PathBuf> {
    let mut head = manifest.lines().take_while(|line| line.starts_with('#'));
    head.find_map(|line| unescaped(line.strip_prefix(KEY)?)).map(PathBuf::from)
}

/// Reverses [`str::escape_debug`].
fn unescaped(escaped: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = escaped.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        text.push(match letters.next()? {
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            '0' => '\0',
            'u' => {
                let number: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                char::from_u32(u32::from_str_radix(number.strip_prefix('{')?, 16).ok()?)?
            }
            itself => itself,
        });
    }
    Some(text)
}

/// The text before the names of the kernels.
const KERNELS: &str = "# kernels: ";

/// The comment for the kernels that every job of a run is computed with, with its line feed.
pub(crate) fn kernels_line(kernels: &str) -> String {
    format!("{KERNELS}{kernels}\n")
}

/// The kernels that a run is bound to; `None` if there is no such run, or an earlier version made it.
pub(crate) fn kernels(dir: &Path) -> Option<String> {
    let manifest = std::fs::read_to_string(dir.join(super::MANIFEST)).ok()?;
    let mut head = manifest.lines().take_while(|line| line.starts_with('#'));
    head.find_map(|line| line.strip_prefix(KERNELS)).map(str::to_owned)
}

/// The text before the name and the id of a job.
const JOB: &str = "# job: ";

/// The comment for a job, with its line feed.
pub(crate) fn job_line(name: &str, id: &Id) -> String {
    format!("{JOB}{name} {id}\n")
}

/// The jobs of the run in `dir` with their ids, in order; none if its record does not name them.
pub(super) fn jobs(dir: &Path) -> Vec<(String, String)> {
    let manifest = std::fs::read_to_string(dir.join(super::MANIFEST)).unwrap_or_default();
    let head = manifest.lines().take_while(|line| line.starts_with('#'));
    let named = head.filter_map(|line| line.strip_prefix(JOB)?.rsplit_once(' '));
    named.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}

/// The id of the job of this name in the run in `dir`, if the run's record has it.
pub(super) fn job_id(dir: &Path, wanted: &str) -> Option<String> {
    jobs(dir).into_iter().find_map(|(name, id)| (name == wanted).then_some(id))
}

/// Whether a record is from a version that wrote neither checksums nor job ids. A record whose checksum was
/// removed still names its jobs.
pub(super) fn is_before_seals(manifest: &str) -> bool {
    let mut head = manifest.lines().take_while(|line| line.starts_with('#'));
    manifest.starts_with(super::MADE_BY) && !head.any(|line| line.starts_with(JOB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_task_file_is_found_again_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["task.toml", "o'ne \"two\" \\three\n# task: etc\t\u{301}ä\u{200b}.toml"] {
            let path = dir.path().join(name);
            std::fs::write(&path, "").unwrap();
            let line = task_line(path.to_str().unwrap());
            assert_eq!(line.lines().count(), 1);
            assert_eq!(task_file(&format!("# Made by cloze\n{line}\nformat = 1\n")), Some(path));
        }
    }

    #[test]
    fn a_task_without_a_file_leaves_no_line_and_only_the_head_is_read() {
        assert_eq!(task_line("no such file.toml"), "");
        assert_eq!(task_file("# Made by cloze\n\n# task: /a.toml\n"), None);
    }
}
