//! The book that mdBook makes of `docs/`: it has every page once, and no page leads out of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::Outcome;
use crate::command::{cargo, exists, program, succeeds};
use crate::links::{find, links};

/// Where the pages are, and what lists them.
const PAGES: &str = "docs";
const SUMMARY: &str = "docs/SUMMARY.md";

/// The renderer, and how it is installed: without what serves and watches a book.
const MDBOOK: &str = "mdbook@0.5.4";
const INSTALL: [&str; 6] = ["install", MDBOOK, "--locked", "--no-default-features", "--root", "target/tools"];

pub(crate) fn check(root: &Path, notes: &mut Vec<String>) -> Outcome {
    let mut pages = Vec::new();
    find(&root.join(PAGES), &mut pages);
    let (listed, mut problems) = listed(root);
    pages.retain(|page| *page != root.join(SUMMARY));
    pages.sort();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap_or_default();
        let name = page.strip_prefix(root).unwrap_or(page);
        match listed.get(name).copied().unwrap_or(0) {
            1 => {}
            0 => problems.push(format!("{SUMMARY}: `{}` is missing", name.display())),
            _ => problems.push(format!("{SUMMARY}: `{}` is there several times", name.display())),
        }
        problems.extend(links(&text).into_iter().filter_map(|(line, target)| {
            leaves(name, &target).then(|| {
                format!(
                    "{}:{line}: `{target}` leads out of the book, which holds `{PAGES}/` only; name the file between backticks",
                    name.display()
                )
            })
        }));
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    println!("{} pages", pages.len());
    let mut failed = problems.len();
    match mdbook(root) {
        Some(mdbook) => failed += usize::from(!succeeds(program(root, mdbook).arg("build"))),
        None => notes.push(format!(
            "not run: the book is not rendered, for there is no mdbook and it cannot be installed; `cargo {}`",
            INSTALL.join(" ")
        )),
    }
    Outcome::Done { passed: pages.len(), failed }
}

/// How often the summary names each page, and which of its pages are not there.
fn listed(root: &Path) -> (BTreeMap<PathBuf, usize>, Vec<String>) {
    let text = fs::read_to_string(root.join(SUMMARY)).unwrap_or_default();
    let (mut listed, mut problems) = (BTreeMap::new(), Vec::new());
    for (line, target) in links(&text) {
        let page = Path::new(PAGES).join(&target);
        if !root.join(&page).is_file() {
            problems.push(format!("{SUMMARY}:{line}: there is no `{target}`"));
        }
        *listed.entry(page).or_insert(0) += 1;
    }
    (listed, problems)
}

/// Whether a link on this page leads to a file that is not in the book.
fn leaves(page: &Path, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return false;
    }
    let file = target.split('#').next().unwrap_or_default();
    let mut place: Vec<&std::ffi::OsStr> = page.parent().into_iter().flat_map(Path::iter).collect();
    for component in Path::new(file).components() {
        match component {
            Component::ParentDir => {
                place.pop();
            }
            Component::Normal(name) => place.push(name),
            _ => {}
        }
    }
    place.first().is_none_or(|first| *first != PAGES)
}

/// The renderer: the project's own one, else that of the machine, else one that is installed now.
fn mdbook(root: &Path) -> Option<PathBuf> {
    let own = root.join("target/tools/bin").join(format!("mdbook{}", std::env::consts::EXE_SUFFIX));
    if let Some(there) = [own.clone(), PathBuf::from("mdbook")].into_iter().find(|path| exists(path)) {
        return Some(there);
    }
    (succeeds(cargo(root).args(INSTALL).arg("--quiet")) && exists(&own)).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_book_are_found() {
        let page = Path::new("docs/guides/pairs.md");
        for within in
            ["../faq.md#how", "predicting.md", "#here", "https://example.org/x.md", "../studies/rte.toml"]
        {
            assert!(!leaves(page, within), "{within}");
        }
        for out in ["../../README.md", "../../benches/README.md#speed", "../../../x"] {
            assert!(leaves(page, out), "{out}");
        }
    }

    #[test]
    fn a_page_that_the_summary_lacks_or_repeats_or_invents_is_found() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("docs")).unwrap();
        for (name, text) in [
            ("SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n- [Again](two.md)\n- [Gone](gone.md)\n"),
            ("one.md", "[fine](two.md) [out](../README.md)"),
            ("two.md", ""),
            ("three.md", ""),
        ] {
            fs::write(root.path().join("docs").join(name), text).unwrap();
        }
        let (listed, problems) = listed(root.path());
        assert_eq!(problems, ["docs/SUMMARY.md:4: there is no `gone.md`"]);
        assert_eq!(listed[Path::new("docs/two.md")], 2);
        fs::write(root.path().join("book.toml"), "[book]\nsrc = \"docs\"\n").unwrap();
        let Outcome::Done { passed, failed } = check(root.path(), &mut Vec::new()) else { panic!() };
        assert_eq!(passed, 3);
        // gone.md, three.md, two.md twice, the link out of one.md; with a renderer, which does not find gone.md, one more.
        assert!((4..=5).contains(&failed), "{failed}");
    }
}
