//! What is in a folder, without what may differ between two runs of the same task.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The contents of files by their path in a folder.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// Reads a folder.
///
/// # Errors
/// When a file cannot be read, or a file of JSON is not as it should be.
pub(super) fn read(folder: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    for file in files(folder)? {
        let path = folder.join(&file);
        let bytes = fs::read(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        let name = file.rsplit('/').next().unwrap_or_default();
        // What happened differs, and the last line of a process that was killed may not be whole.
        if file.contains("/events/") || file.starts_with("events/") {
            continue;
        }
        // What a killed `predict` has written so far; it never gets the name of the output.
        if name.starts_with(".cloze-") && name.ends_with(".tmp") {
            continue;
        }
        // The page of a study says how long its settings took.
        let bytes =
            if file.starts_with("studies/") && name == "report.html" && !file.starts_with("studies/runs/") {
                Vec::new()
            } else {
                bytes
            };
        tree.insert(
            file.clone(),
            without_times(name, bytes).map_err(|problem| format!("`{file}`: {problem}"))?,
        );
    }
    Ok(tree)
}

/// The paths of all files in a folder, relative to it.
pub(super) fn files(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("cannot read `{}`: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())?.iter().map(|file| format!("{name}/{file}"))),
            false => found.push(name),
        }
    }
    found.sort();
    Ok(found)
}

/// The contents of a file, without what says when something was done, by whom, and what it took.
fn without_times(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|error| error.to_string());
    match name {
        "cost.json" | "energy.json" => parse(&bytes).map(|_| Vec::new()),
        "job.json" => {
            let mut record = parse(&bytes)?;
            for field in ["seconds", "worker"] {
                record[field].take();
            }
            record["files"]["cost.json"].take();
            Ok(record.to_string().into_bytes())
        }
        _ if bytes.starts_with(b"setting,") => {
            // The lines of a study end with seconds of the setting and of the run, its name and its job, which have no commas in them.
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            let cut = |line: &str| {
                let mut parts: Vec<&str> = line.rsplitn(5, ',').collect();
                if parts.len() == 5 {
                    parts.drain(2..4);
                }
                parts.join(",") + "\n"
            };
            Ok(text.lines().map(cut).collect::<String>().into_bytes())
        }
        _ => Ok(bytes),
    }
}

/// How a folder differs from what is expected; `None` if it does not.
pub(super) fn difference(expected: &Tree, found: &Tree) -> Option<String> {
    let mut problems = Vec::new();
    for (file, bytes) in expected {
        match found.get(file) {
            None => problems.push(format!("`{file}` is missing")),
            Some(other) if other != bytes => problems.push(format!("`{file}` has other bytes")),
            Some(_) => {}
        }
    }
    problems.extend(
        found
            .keys()
            .filter(|file| !expected.contains_key(*file))
            .map(|file| format!("`{file}` is left over")),
    );
    (!problems.is_empty()).then(|| problems.join(", "))
}

/// Copies a folder to one that is not there yet.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("cannot copy `{}` to `{}`: {error}", from.display(), to.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target).map_err(failed)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_differ_and_nothing_else() {
        let read = |records: [&str; 4]| {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("g0")).unwrap();
            fs::create_dir(folder.path().join("events")).unwrap();
            for (file, text) in
                ["g0/job.json", "events/a.jsonl", "merge.csv", "energy.json"].iter().zip(records)
            {
                fs::write(folder.path().join(file), text).unwrap();
            }
            read(folder.path())
        };
        let whole = [
            "{\"seconds\":1,\"id\":\"a\",\"worker\":\"x\"}",
            "{\"time\":1}\n",
            "setting,seconds,run_seconds,run,job\n\"a,b\",1,1.5,r,final\n",
            "{\"joules\":1}",
        ];
        let expected = read(whole).unwrap();
        let later = [
            "{\"seconds\":2,\"id\":\"a\",\"worker\":\"y\"}",
            "{\"time\":2}\n{\"ti",
            "setting,seconds,run_seconds,run,job\n\"a,b\",2,2,r,final\n",
            "{\"joules\":2}",
        ];
        assert_eq!(difference(&expected, &read(later).unwrap()), None);
        let other =
            ["{\"id\":\"b\"}", "", "setting,seconds,run_seconds,run,job\n\"a,c\",1,2,r,final\n", "{}"];
        let found = difference(&expected, &read(other).unwrap()).unwrap();
        assert_eq!(found, "`g0/job.json` has other bytes, `merge.csv` has other bytes");
        assert!(read([whole[0], whole[1], whole[2], "{"]).unwrap_err().contains("energy.json"));
        let mut more = expected.clone();
        more.insert("g0.tmp/x".into(), Vec::new());
        assert_eq!(difference(&expected, &more).unwrap(), "`g0.tmp/x` is left over");
        assert_eq!(difference(&more, &expected).unwrap(), "`g0.tmp/x` is missing");
    }
}
