//! What the documents say of task files is what the code does.

use std::fs;
use std::path::{Path, PathBuf};

use cloze::Task;

const LEAST: &str = "format = 1\nname = 'a'\npatterns = '{text} {mask}'\n[labels]\na = 'a'\nb = 'b'\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cells of the rows of all tables in a section, without their backticks.
fn rows(text: &str, section: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("{section}"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    let cells =
        |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
    section.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_option_is_in_the_reference_with_its_default() {
    let text = fs::read_to_string(root().join("docs/reference/task-file.md")).unwrap();
    let task = Task::parse("t.toml", LEAST, Path::new(".")).unwrap().to_toml();
    let mut section = "";
    let mut found = 0;
    for line in task.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let (Some((key, value)), "[train]" | "[distil]") = (line.split_once(" = "), section) {
            let rows = rows(&text, &format!("`{section}`"));
            let row =
                rows.iter().find(|row| row[0] == key).unwrap_or_else(|| panic!("no row for {section} {key}"));
            assert_eq!(row.last().unwrap(), value, "{section} {key}");
            found += 1;
        }
    }
    assert!(found > 12, "{found}");
}

#[test]
fn every_task_in_the_documents_can_be_read() {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs/guides", "docs/concepts", "docs/reference"] {
        pages.extend(fs::read_dir(root().join(folder)).unwrap().map(|page| page.unwrap().path()));
    }
    let (mut whole, mut parts) = (0, 0);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            // A part of a task stands for itself; what it lacks is missed, but nothing in it is wrong.
            match Task::parse(&page.display().to_string(), block, Path::new(".")) {
                Ok(_) => whole += 1,
                Err(cloze::Error::Task(error)) => {
                    parts += 1;
                    let lacks = |problem: &str| {
                        problem.ends_with("is missing")
                            || problem.ends_with("is missing in `[data]`")
                            || problem == "there are no labels"
                    };
                    let wrong: Vec<_> =
                        error.mistakes.iter().filter(|mistake| !lacks(&mistake.problem)).collect();
                    assert!(wrong.is_empty() && !block.contains("format"), "{}: {wrong:?}", page.display());
                }
                Err(error) => panic!("{}: {error}", page.display()),
            }
        }
    }
    assert!(whole >= 2 && parts >= 3, "{whole} {parts}");
}

#[test]
fn the_citation_names_this_version() {
    let citation = fs::read_to_string(root().join("CITATION.cff")).unwrap();
    assert!(citation.contains(&format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"))), "{citation}");
}

/// The lines of the page on reproducing that make a task file of another one, run as they stand.
#[cfg(unix)]
#[test]
fn the_recipes_for_the_papers_make_the_task_files_that_they_promise() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("tasks").canonicalize().unwrap(), folder.path().join("tasks"))
        .unwrap();
    let text = fs::read_to_string(root().join("docs/reproducing.md")).unwrap();
    for line in text.lines().filter(|line| line.starts_with('(') && line.ends_with(".toml")) {
        let run =
            std::process::Command::new("sh").args(["-c", line]).current_dir(folder.path()).status().unwrap();
        assert!(run.success(), "{line}");
    }
    let open = |name: &str| Task::open(&folder.path().join(name)).unwrap_or_else(|error| panic!("{error:?}"));
    for (name, patterns) in
        [("rte", 4), ("cb", 4), ("multirc", 3), ("copa", 2), ("wsc", 3), ("boolq", 6), ("wic", 3)]
    {
        let task = open(&format!("{name}.toml"));
        assert_eq!((task.name.as_str(), task.patterns.len()), (name, patterns));
        let alone = ["copa", "wsc"].contains(&name);
        let batches = if alone { (4, 4, 250) } else { (2, 8, 250) };
        assert_eq!((task.options.batch_size, task.options.accumulation, task.options.steps), batches);
        assert_eq!(task.data.unlabeled.is_empty(), alone);
    }
    assert!(open("copa.toml").to_toml().contains("\nhinge = \"batch\"\n"));
    let options = open("agnews.toml").options;
    assert_eq!((options.steps, options.lm_weight, options.seeds.len()), (1000, 1e-4, 3));
    assert_eq!(open("agnews-ipet.toml").options.ipet.generations, 4);
}
