//! Processes that are killed, and started again by the same command.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Soak;
use super::folder::Work;
use super::moments::{MEASURED_FOR, Moments};
use super::tally::{ERROR, FAILED, KILLED, SAME, Tally};
use super::tree::{self, Tree};

/// Kills so many processes, several in the same run, and compares what is there at the end with what a run leaves that nobody disturbs.
pub(super) fn run(soak: &mut Soak, work: Work, kills: u64) -> Result<Tally, String> {
    let folder = soak.folder.join("killed");
    let (whole, mut lasted) = undisturbed(soak, work, &folder)?;
    let mut measured = Instant::now();
    let mut tally = Tally::of(&[KILLED, "ended before", "runs"]);
    while tally.get(KILLED) < kills && !soak.is_over() {
        if measured.elapsed() > MEASURED_FOR {
            lasted = undisturbed(soak, work, &folder)?.1;
            measured = Instant::now();
        }
        work.prepare(&folder)?;
        let mut moments = Moments::new(soak, lasted, kills - tally.get(KILLED));
        while let Some(moment) = moments.draw(soak) {
            if soak.end_or_kill(&mut work.command(soak, &folder), moment)?.is_some() {
                tally.add("ended before");
                break;
            }
            moments.killed(soak, &mut tally, moment);
        }
        tally.add("runs");
        tally.add(finish(soak, work, &folder, &whole, &script(work, moments.past()))?);
    }
    Ok(tally)
}

/// What the work leaves that nobody disturbs, and how long it takes.
pub(super) fn undisturbed(soak: &Soak, work: Work, folder: &Path) -> Result<(Tree, Duration), String> {
    work.prepare(folder)?;
    let began = Instant::now();
    let ending = soak.end(&mut work.command(soak, folder))?;
    match ending.status.success() {
        true => Ok((tree::read(folder)?, began.elapsed())),
        false => Err(format!("{} fails undisturbed: {}", work.name(), ending.shown())),
    }
}

/// Runs the command to its end, and says how it ended compared with one that was not disturbed.
pub(super) fn finish(
    soak: &mut Soak,
    work: Work,
    folder: &Path,
    whole: &Tree,
    again: &str,
) -> Result<&'static str, String> {
    let ending = soak.end(&mut work.command(soak, folder))?;
    let problem = match ending.status.success() {
        true => match tree::read(folder) {
            Ok(found) => tree::difference(whole, &found),
            Err(problem) => Some(problem),
        },
        // The output was finished when the process was killed.
        false
            if work == Work::Predict
                && ending.error().is_some_and(|(message, _)| message.ends_with("already exists")) =>
        {
            tree::difference(whole, &tree::read(folder)?)
        }
        false if ending.error().is_some() => return Ok(ERROR),
        false => Some(ending.shown()),
    };
    let Some(problem) = problem else { return Ok(SAME) };
    soak.fail(folder, &format!("{}: {problem}", work.name()), again);
    Ok(FAILED)
}

/// The commands that kill at these moments, and the one that goes on.
fn script(work: Work, moments: &[Duration]) -> String {
    let words = work.words().join(" ");
    let killed =
        moments.iter().map(|moment| format!("timeout -s KILL {:.4} cloze {words}\n", moment.as_secs_f64()));
    killed.collect::<String>() + &format!("cloze {words}")
}
