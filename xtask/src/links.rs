//! The links of the documents: files that they name are there, and so are the headings.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// Folders that hold no documents of the project.
const NOT_OURS: &[&str] = &["target", "runs", ".git", "corpus", "artifacts"];

pub(crate) fn check(root: &Path) -> Outcome {
    let mut documents = Vec::new();
    find(root, &mut documents);
    documents.sort();
    let mut failed = 0;
    for document in &documents {
        let text = fs::read_to_string(document).unwrap_or_default();
        for (line, target) in links(&text) {
            if let Err(problem) = follow(document, &text, &target) {
                let name = document.strip_prefix(root).unwrap_or(document).display();
                println!("{name}:{line}: {problem}");
                failed += 1;
            }
        }
    }
    println!("{} documents", documents.len());
    Outcome::Done { passed: documents.len(), failed }
}

/// All documents below a folder.
pub(crate) fn find(dir: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && !NOT_OURS.iter().any(|other| name == *other) {
            find(&path, documents);
        } else if path.extension().is_some_and(|extension| extension == "md") && !path.is_symlink() {
            // A link to a document is read where the document is.
            documents.push(path);
        }
    }
}

/// The targets of `[text](target)` outside code, each with its line.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line.as_str();
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let Some(end) = rest.find(')') else { break };
            links.push((number, rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    links
}

/// The lines that are not code, with what stands between backticks left out.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !line.starts_with("    ") {
            let plain: Vec<&str> = line.split('`').step_by(2).collect();
            lines.push((number + 1, plain.join("")));
        }
    }
    lines
}

fn follow(document: &Path, text: &str, target: &str) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = document.parent().unwrap_or(Path::new(".")).join(file);
    if !file.is_empty() && !path.exists() {
        return Err(format!("there is no `{file}`"));
    }
    let there = if file.is_empty() { text.to_owned() } else { fs::read_to_string(&path).unwrap_or_default() };
    if anchor.is_empty() || headings(&there).iter().any(|heading| heading == anchor) {
        Ok(())
    } else {
        Err(format!("`{target}`: there is no heading `{anchor}`"))
    }
}

/// The anchors of the headings, as the sites that show Markdown make them.
fn headings(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let title = line.trim_start_matches('#');
        if in_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        anchors.push(title.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-"));
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code_only() {
        let text = "a [b](c.md) `[x](y)` and [d](e#f)\n```\n[no](no)\n```\n    [no](no)\n";
        assert_eq!(links(text), [(1, "c.md".to_owned()), (1, "e#f".to_owned())]);
    }

    #[test]
    fn a_heading_is_addressed_without_its_punctuation() {
        assert_eq!(headings("## The `task` file, in full\n```\n# no\n```\n"), ["the-task-file-in-full"]);
    }

    #[test]
    fn missing_files_and_headings_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let document = dir.path().join("a.md");
        fs::write(dir.path().join("b.md"), "# Title\n").unwrap();
        let told = |target: &str| follow(&document, "# Own\n", target).err();
        assert_eq!(told("b.md#title"), None);
        assert_eq!(told("#own"), None);
        assert_eq!(told("https://example.org/#x"), None);
        assert_eq!(told("c.md"), Some("there is no `c.md`".into()));
        assert!(told("b.md#none").is_some());
    }
}
