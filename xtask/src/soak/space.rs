//! Disks that are full for a while: the command has to say so, and to do the rest once there is room again.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Soak;
use super::folder::{self, Work};
use super::kills::{finish, undisturbed};
use super::tally::{FAILED, Tally};
use super::tree;

/// Where a disk in memory is mounted, or what stands for it.
const FOLDER: &str = "disk";

/// Plenty of room for anything that is done here.
const ROOM: u64 = 1 << 30;

/// A page of memory, in which such a disk counts.
const PAGE: u64 = 4096;

/// How space is kept short.
#[derive(Clone, Copy, PartialEq)]
enum Scarcity {
    /// A small disk in memory, which only root may mount.
    Disk,
    /// A limit on the size of each file.
    Limit,
}

/// Gives each command so many disks that are too small by a random amount.
pub(super) fn run(soak: &mut Soak, fills: u64) -> Result<Vec<(String, Tally)>, String> {
    let folder = soak.folder.join(FOLDER);
    folder::anew(&folder)?;
    let (how, named) = match mount(&folder, &["-t", "tmpfs", "-o", "size=1g", "tmpfs"]) {
        true => (Scarcity::Disk, "a small disk"),
        false => (Scarcity::Limit, "a limit on the size of files"),
    };
    println!("full disks: {named}");
    let mut kinds = Vec::new();
    let mut left = fills;
    for (number, work) in Work::ALL.into_iter().enumerate() {
        let share = left / (Work::ALL.len() - number) as u64;
        left -= share;
        kinds.push((format!("{}, {named}", work.name()), fill(soak, work, how, &folder, share)?));
    }
    release(&soak.folder);
    Ok(kinds)
}

fn fill(soak: &mut Soak, work: Work, how: Scarcity, folder: &Path, fills: u64) -> Result<Tally, String> {
    let mut tally = Tally::of(&["full", "room enough"]);
    let (whole, _) = undisturbed(soak, work, folder)?;
    let sizes = sizes(folder)?;
    work.prepare(folder)?;
    let (given, most) = match how {
        Scarcity::Disk => (self::sizes(folder)?.iter().sum(), sizes.iter().sum()),
        // What the command says has to fit as well.
        Scarcity::Limit => (PAGE, sizes.iter().max().copied().unwrap_or(PAGE)),
    };
    soak.allot(0.025);
    while tally.get("full") + tally.get("room enough") < fills && !soak.is_over() {
        work.prepare(folder)?;
        let room = soak.random.u64(given..=most) / PAGE * PAGE;
        let mut command = work.command(soak, folder);
        if how == Scarcity::Limit {
            command = limited(&command, room);
        } else if !resized(folder, room) {
            return Err(format!("the disk at `{}` cannot be made smaller", folder.display()));
        }
        let ending = soak.end(&mut command)?;
        let told = ["No space left", "File too large"];
        let is_told =
            ending.error().is_some_and(|(message, _)| told.iter().any(|part| message.contains(part)));
        if how == Scarcity::Disk && !resized(folder, ROOM) {
            return Err(format!("the disk at `{}` cannot be made larger", folder.display()));
        }
        let again =
            format!("cloze {} with room for {room} bytes, and again with more", work.words().join(" "));
        soak.count(1);
        tally.add(if ending.status.success() { "room enough" } else { "full" });
        if !is_told && !ending.status.success() {
            soak.fail(folder, &format!("{} on a full disk: {}", work.name(), ending.shown()), &again);
            tally.add(FAILED);
            continue;
        }
        // An output that is complete is not written a second time.
        tally.add(finish(soak, work, folder, &whole, &again)?);
    }
    Ok(tally)
}

/// The room that each file in a folder takes.
fn sizes(folder: &Path) -> Result<Vec<u64>, String> {
    let size = |file: &String| folder.join(file).metadata().map(|found| found.len().next_multiple_of(PAGE));
    let files = tree::files(folder)?;
    files.iter().map(|file| size(file).map_err(|error| format!("`{file}`: {error}"))).collect()
}

/// The same command, no file of which may grow beyond this size.
fn limited(command: &Command, bytes: u64) -> Command {
    let mut limited = Command::new("sh");
    // Writing fails instead of ending the process. The unit is 512 bytes.
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512));
    limited.arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

fn resized(folder: &Path, bytes: u64) -> bool {
    mount(folder, &["-o", &format!("remount,size={bytes}")])
}

fn mount(folder: &Path, options: &[&str]) -> bool {
    let mut mount = Command::new("mount");
    mount.args(options).arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    cfg!(target_os = "linux") && mount.status().is_ok_and(|status| status.success())
}

/// Takes the disk away, if one is there.
pub(super) fn release(folder: &Path) {
    let mut unmount = Command::new("umount");
    unmount.arg(folder.join(FOLDER)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Where none is mounted, there is none to take away.
    let _ = unmount.status();
}
