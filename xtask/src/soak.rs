//! Reliability in numbers. Small runs of the command are killed, kept short of disk space and damaged, at moments and places that are drawn at
//! random, over and over. Each has to end with the same bytes as a run that was left alone, or with an error that says what is wrong.

mod command;
mod damage;
mod folder;
mod kills;
mod labels;
mod moments;
mod space;
mod tally;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::command::{cargo, cloze, program, said, say_again, succeeds};

use self::folder::Work;
use self::tally::Tally;

pub(crate) const USAGE: &str =
    "soak [--kills N] [--fills N] [--flips N] [--minutes M] [--seed S] [--command FILE] [--out FILE] [PART…]";

/// How much is done, and how it is drawn.
struct Amount {
    /// Processes that are killed.
    kills: u64,
    /// Disks that are full for a while.
    fills: u64,
    /// Times that each file of a run is damaged.
    flips: u64,
    /// When to stop, whatever has been done by then.
    minutes: Option<u64>,
    seed: u64,
    /// Those of [`PARTS`] that are done; all if there are none.
    parts: Vec<String>,
}

/// Less than a minute of it.
const SHORT: Amount = Amount { kills: 15, fills: 4, flips: 1, minutes: None, seed: 1, parts: Vec::new() };

const LONG: Amount = Amount { kills: 1000, fills: 100, flips: 40, minutes: None, seed: 1, parts: Vec::new() };

/// What can be done alone: processes of a verb are killed, disks are full, or files are damaged.
const PARTS: [&str; 6] = ["train", "study", "predict", "label", "space", "damage"];

/// What is going on: where, what is drawn next, and how far it has come.
struct Soak<'s> {
    root: &'s Path,
    /// The command that has to hold.
    command: PathBuf,
    /// Everything happens in here, and it is made anew.
    folder: PathBuf,
    random: fastrand::Rng,
    failures: Vec<String>,
    /// How long everything may take.
    budget: Option<Duration>,
    /// When the part that goes on is over.
    end: Option<Instant>,
    began: Instant,
    told: Instant,
    done: u64,
    of: u64,
}

pub(crate) fn check(root: &Path) -> Outcome {
    if !cfg!(unix) {
        return Outcome::NotRun("killing without a chance to clean up is set up for Unix".into());
    }
    match built(root).and_then(|command| soak(root, command, &SHORT)) {
        Ok((counts, failures)) => {
            failures.iter().for_each(|failure| say_again(failure.clone()));
            let passed = counts.iter().flat_map(|(_, kinds)| kinds).map(|(_, tally)| tally.good()).sum();
            Outcome::Done { passed, failed: failures.len() }
        }
        Err(problem) => {
            println!("{problem}");
            say_again(problem);
            Outcome::of(false)
        }
    }
}

/// The long one, with what is typed behind `soak`.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<(), String> {
    let (mut amount, mut command, mut out) = (LONG, None, root.join("target/soak-counts.json"));
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if PARTS.contains(word) {
            amount.parts.push((*word).to_owned());
            continue;
        }
        let value =
            words.next().ok_or_else(|| format!("`{word}` is no part of it, or has no value; use {USAGE}"))?;
        let number = || value.parse().map_err(|_| format!("`{word} {value}` is no number; use {USAGE}"));
        match *word {
            "--kills" => amount.kills = number()?,
            "--fills" => amount.fills = number()?,
            "--flips" => amount.flips = number()?,
            "--minutes" => amount.minutes = Some(number()?),
            "--seed" => amount.seed = number()?,
            "--command" => command = Some(root.join(value)),
            "--out" => out = root.join(value),
            _ => return Err(format!("there is no option `{word}`; use {USAGE}")),
        }
    }
    let began = Instant::now();
    let commit = said(program(root, "git").args(["describe", "--always", "--dirty"]))?;
    let command = command.map_or_else(|| built(root), Ok)?;
    let (counts, failures) = soak(root, command, &amount)?;
    let Amount { kills, fills, flips, minutes, seed, parts } = amount;
    let limit = minutes.map_or(String::new(), |minutes| format!(" --minutes {minutes}"));
    let command =
        format!("cargo xtask soak --kills {kills} --fills {fills} --flips {flips}{limit} --seed {seed}");
    let command = [&[command], &parts[..]].concat().join(" ");
    let mut object = json!({
        "command": command,
        "commit": String::from_utf8_lossy(&commit).trim(),
        "seconds": began.elapsed().as_secs(),
    });
    for (part, kinds) in &counts {
        let kinds: Map<String, Value> =
            kinds.iter().map(|(kind, tally)| (kind.clone(), tally.json())).collect();
        object[*part] = kinds.into();
    }
    object["failures"] = json!(failures);
    fs::write(&out, format!("{object:#}\n"))
        .map_err(|error| format!("cannot write `{}`: {error}", out.display()))?;
    println!("{}", out.display());
    if failures.is_empty() { Ok(()) } else { Err(format!("{} failed", failures.len())) }
}

/// What was counted: by what was done, and to which command.
type Counts = Vec<(&'static str, Vec<(String, Tally)>)>;

/// The command as it is now.
fn built(root: &Path) -> Result<PathBuf, String> {
    match succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"])) {
        true => Ok(cloze(root).get_program().into()),
        false => Err("the command cannot be built".into()),
    }
}

/// Does all of it, and prints a table of the counts.
fn soak(root: &Path, command: PathBuf, amount: &Amount) -> Result<(Counts, Vec<String>), String> {
    let mut soak = Soak::new(root, command, amount)?;
    let base = folder::base(&mut soak)?;
    let is_wanted = |part: &str| amount.parts.is_empty() || amount.parts.iter().any(|wanted| wanted == part);
    let works: Vec<Work> = Work::ALL.into_iter().filter(|work| is_wanted(work.verb())).collect();
    let kinds = (works.len() + usize::from(is_wanted("label"))) as u64;
    let share = amount.kills / kinds.max(1);
    let fills = if is_wanted("space") { amount.fills } else { 0 };
    soak.of = share * kinds + fills;
    let mut killed = Vec::new();
    for work in works {
        soak.allot(0.14);
        killed.push((work.name().to_owned(), kills::run(&mut soak, work, share)?));
    }
    if is_wanted("label") {
        soak.allot(0.14);
        killed.push(("label".to_owned(), labels::run(&mut soak, share)?));
    }
    let mut counts = vec![("kills", killed)];
    if is_wanted("space") {
        counts.push(("space", space::run(&mut soak, fills)?));
    }
    if is_wanted("damage") {
        soak.allot(0.2);
        counts.push(("damage", damage::run(&mut soak, &base, amount.flips)?));
    }
    println!();
    for (part, kinds) in &counts {
        kinds.iter().for_each(|(kind, tally)| println!("{part:<7} {kind:<20} {tally}"));
    }
    Ok((counts, soak.failures))
}

impl Soak<'_> {
    fn new<'s>(root: &'s Path, command: PathBuf, amount: &Amount) -> Result<Soak<'s>, String> {
        let folder = root.join("target/soak");
        space::release(&folder);
        folder::anew(&folder)?;
        let now = Instant::now();
        Ok(Soak {
            root,
            command,
            folder,
            random: fastrand::Rng::with_seed(amount.seed),
            failures: Vec::new(),
            budget: amount.minutes.map(|minutes| Duration::from_secs(minutes * 60)),
            end: None,
            began: now,
            told: now,
            done: 0,
            of: 0,
        })
    }

    /// The part that begins may take this share of the time, if that is limited.
    fn allot(&mut self, share: f64) {
        self.end = self.budget.map(|budget| Instant::now() + budget.mul_f64(share));
    }

    /// Whether the part that goes on has taken its time.
    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() > end)
    }

    /// So many more things have been done. Every minute it says how far it has come.
    fn count(&mut self, done: u64) {
        self.done += done;
        if self.told.elapsed() < Duration::from_secs(60) {
            return;
        }
        self.told = Instant::now();
        let taken = self.began.elapsed();
        let left = taken.mul_f64(self.of.saturating_sub(self.done) as f64 / self.done.max(1) as f64);
        let left = self.budget.map_or(left, |budget| left.min(budget.saturating_sub(taken)));
        let failed = self.failures.len();
        println!(
            "{} of {} done, {failed} failed, about {} min left",
            self.done,
            self.of,
            left.as_secs().div_ceil(60)
        );
    }

    /// Something did not end as it should: says so, keeps a copy of the folder in which it happened, and says how to do the same again.
    fn fail(&mut self, folder: &Path, what: &str, again: &str) {
        let number = self.failures.len() + 1;
        let kept = self.folder.join(format!("failed-{number}"));
        let kept = match tree::copy(folder, &kept) {
            Ok(()) => format!("the folder as it is now: {}", kept.display()),
            Err(problem) => problem,
        };
        let failure = format!("{what}\n{kept}\nto repeat it, in {}:\n{again}", folder.display());
        println!("FAILED: {failure}");
        self.failures.push(failure);
    }
}
