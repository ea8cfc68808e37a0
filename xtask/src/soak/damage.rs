//! Files of a finished run that are damaged: the command has to notice, or to answer as before.

use std::fs;
use std::path::{Path, PathBuf};

use super::Soak;
use super::command::Ending;
use super::tally::{ERROR, FAILED, SAME, Tally};
use super::tree::{self, Tree};

/// What reads a run: its name, and what is typed.
const READERS: [(&str, &[&str]); 4] = [
    ("predict", &["predict", RUN, "test.csv"]),
    ("predict (ensemble)", &["predict", RUN, "test.csv", "--with", "ensemble"]),
    ("report", &["report", RUN]),
    TRAIN,
];

/// The one that also mends.
const TRAIN: (&str, &[&str]) = ("train", &["train", "task.toml"]);

/// Stands for the run in what is typed.
const RUN: &str = "RUN";

/// A run as it was before anything happened to it.
struct Before {
    /// Where the run is.
    run: PathBuf,
    /// Where that is in the folder of its task.
    name: String,
    /// A copy of it.
    copy: PathBuf,
    tree: Tree,
    /// What each reader says.
    said: Vec<Vec<u8>>,
}

/// What is typed to read a run.
fn typed<'w>(words: &[&'w str], run: &'w str) -> Vec<&'w str> {
    words.iter().map(|word| if *word == RUN { run } else { *word }).collect()
}

/// A page without what the run has cost, which grows with every process that works in it.
fn without_cost(page: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&page);
    let cut = text
        .split_once("<h3>Cost</h3>")
        .and_then(|(before, rest)| Some((before, rest.split_once("</dl>")?.1)));
    match cut {
        Some((before, rest)) => format!("{before}{rest}").into_bytes(),
        None => page,
    }
}

/// Damages each file so many times, and reads the run with one of the commands each time.
pub(super) fn run(soak: &mut Soak, base: &Path, flips: u64) -> Result<Vec<(String, Tally)>, String> {
    let runs = fs::read_dir(base.join("runs")).ok().and_then(|mut runs| runs.next()?.ok());
    let run = runs.ok_or_else(|| format!("there is no run in `{}`", base.display()))?.path();
    let name = format!("runs/{}", run.file_name().unwrap_or_default().to_string_lossy());
    let copy = soak.folder.join("whole");
    tree::copy(&run, &copy)?;
    let mut said = Vec::new();
    for (reader, words) in READERS {
        let ending = soak.end(&mut soak.command(base, &typed(words, &name)))?;
        if !ending.status.success() {
            return Err(format!("{reader} fails undisturbed: {}", ending.shown()));
        }
        said.push(without_cost(ending.out));
    }
    let before = Before { tree: tree::read(&run)?, run, name, copy, said };
    // What is empty cannot be damaged, and what is said of events nobody reads.
    let files: Vec<String> =
        before.tree.keys().filter(|file| !before.tree[*file].is_empty()).cloned().collect();
    let mut tallies = READERS.map(|_| Tally::of(&["bits flipped", "cut short", "advice followed"]));
    let trials = flips as usize * files.len();
    soak.of += trials as u64;
    for file in files.iter().cycle().take(trials) {
        if soak.is_over() {
            break;
        }
        let reader = soak.random.usize(0..READERS.len());
        trial(soak, base, &before, file, reader, &mut tallies[reader])?;
        soak.count(1);
    }
    Ok(READERS.iter().zip(tallies).map(|((name, _), tally)| ((*name).to_owned(), tally)).collect())
}

/// Damages a file, has the run read, and makes it whole again.
fn trial(
    soak: &mut Soak,
    base: &Path,
    before: &Before,
    file: &str,
    reader: usize,
    tally: &mut Tally,
) -> Result<(), String> {
    let path = before.run.join(file);
    let failed = |error| format!("`{}`: {error}", path.display());
    let whole = fs::read(&path).map_err(failed)?;
    let mut damaged = whole.clone();
    let place = soak.random.usize(0..whole.len());
    let what = if soak.random.u8(0..4) == 0 {
        damaged.truncate(place);
        tally.add("cut short");
        format!("cut to {place} bytes")
    } else {
        let bit = soak.random.u8(0..8);
        damaged[place] ^= 1 << bit;
        tally.add("bits flipped");
        format!("bit {bit} of byte {place} flipped")
    };
    fs::write(&path, &damaged).map_err(failed)?;
    let (name, words) = (READERS[reader].0, typed(READERS[reader].1, &before.name));
    let ending = soak.end(&mut soak.command(base, &words))?;
    let mut verdict = match ending.status.success() {
        true if READERS[reader] == TRAIN => unchanged(before, Some(file)).map(|()| SAME),
        true if without_cost(ending.out.clone()) == before.said[reader] => Ok(SAME),
        true => Err("it says something else than before, and no error".to_owned()),
        false => named(&ending, before, file).map(|()| ERROR),
    };
    if READERS[reader] == TRAIN && verdict == Ok(ERROR) {
        verdict = mended(soak, base, before, &ending).map(|()| ERROR);
        tally.add("advice followed");
    }
    let verdict = verdict.unwrap_or_else(|problem| {
        let again = format!("cloze {} with `{file}` of the run {what}", words.join(" "));
        soak.fail(base, &format!("{name} with a damaged `{file}` ({what}): {problem}"), &again);
        FAILED
    });
    tally.add(verdict);
    if READERS[reader] == TRAIN {
        fs::remove_dir_all(&before.run).map_err(failed)?;
        return tree::copy(&before.copy, &before.run);
    }
    fs::write(&path, whole).map_err(failed)
}

/// Whether an error is one, and names the file. Of a job's record, which is about other files, it may name one of these.
fn named(ending: &Ending, before: &Before, file: &str) -> Result<(), String> {
    let Some((message, _)) = ending.error() else { return Err(ending.shown()) };
    let place = file.strip_suffix("job.json").unwrap_or(file);
    let is_named = message.contains(&format!("{}/{place}", before.name));
    if is_named { Ok(()) } else { Err(format!("the error does not name the file: {message}")) }
}

/// Whether the run is as it was, but for a file that was damaged, which nobody may have read.
fn unchanged(before: &Before, damaged: Option<&str>) -> Result<(), String> {
    let (mut expected, mut found) = (before.tree.clone(), tree::read(&before.run)?);
    if let Some(damaged) = damaged {
        expected.remove(damaged);
        found.remove(damaged);
    }
    tree::difference(&expected, &found).map_or(Ok(()), Err)
}

/// Does what an error of `train` advises, and compares the run.
fn mended(soak: &Soak, base: &Path, before: &Before, ending: &Ending) -> Result<(), String> {
    let (_, remedy) = ending.error().unwrap_or_default();
    let mut advice = remedy.split('`').skip(1).step_by(2);
    let failed = |error| format!("`{remedy}`: {error}");
    if remedy.starts_with("delete the directory") {
        let job = advice.next().unwrap_or_default();
        fs::remove_dir_all(base.join(job)).map_err(failed)?;
    } else if let Some(record) = advice.find(|path| path.ends_with("/run.toml")) {
        fs::remove_file(base.join(record)).map_err(failed)?;
    } else {
        return Err(format!("the advice cannot be followed: {remedy}"));
    }
    let ending = soak.end(&mut soak.command(base, TRAIN.1))?;
    if !ending.status.success() {
        return Err(format!("after the advice was followed: {}", ending.shown()));
    }
    unchanged(before, None)
}
