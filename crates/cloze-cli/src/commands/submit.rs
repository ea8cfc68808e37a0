//! `cloze submit`: a run on a cluster.
//!
//! An array of tasks does the jobs that can be done side by side. When it has ended, well or not, a single job looks at the run: it does what has
//! to be done by one, submits the next array, or that of the jobs that are still missing, so many times.

use std::path::{Path, PathBuf};

use cloze::{Error, Part, Prepared, Run, inspect};
use serde_json::json;

use crate::args::{Global, ModelArg, Submit};
use crate::failure::Result;
use crate::layout::counted;
use crate::printer::Printer;
use crate::retyped::typed_path;
use crate::runs::is_run;

use super::slurm::{Submission, most_tasks, name_of, tasks};
use super::{device, open_with, prepare, program, work};

/// Begins a run and submits its jobs, or goes on with one.
pub(crate) fn run(args: &Submit, global: &Global, printer: &Printer) -> Result {
    let given = &args.task.task;
    let (prepared, dir) = match is_run(given) {
        true => (work::open(given, &args.task.model, global)?, given.clone()),
        false => {
            let (task, model) = open_with(&args.task, args.overrides.settings()?)?;
            let prepared = prepare(&task, &model, &device(global.threads)?, printer)?;
            inspect::warnings(&prepared).iter().for_each(|warning| printer.warn(warning));
            let dir = match args.dry_run {
                true => prepared.run_in(&args.runs),
                false => prepared.begin(&args.runs)?,
            };
            (prepared, dir)
        }
    };
    // A job starts in a folder that may be called otherwise there.
    let dir = std::path::absolute(&dir).map_err(|error| Error::io("find", &dir, error))?;
    let next = Next { args, global, dir: &dir };
    match &args.again {
        Some(before) => next.go_on(&prepared, before[0], before[1], printer),
        None => next.submit(&next.waiting(&prepared)?, 0, printer),
    }
}

/// The run, and how it is submitted.
struct Next<'a> {
    args: &'a Submit,
    global: &'a Global,
    dir: &'a Path,
}

impl Next<'_> {
    /// Inside a job of the cluster: does what one process has to do, and submits what several can.
    fn go_on(&self, prepared: &Prepared, left: u32, tries: u32, printer: &Printer) -> Result {
        let before = self.waiting(prepared)?.left;
        let tries = if before < left { 0 } else { tries + 1 };
        let part = Part { most: 1, ..Part::default() };
        loop {
            let waiting = self.waiting(prepared)?;
            if waiting.wide < 2 {
                if work::take_part(prepared, self.dir, &part, printer)?.is_some() {
                    printer.json(&json!({"run": self.dir, "finished": true, "submitted": []}))?;
                    return Ok(());
                }
                continue;
            }
            if waiting.left == before && tries > self.args.resubmit {
                return Err(Error::usage(
                    format!(
                        "{} left in `{}` after {}: {}",
                        counted(waiting.left as usize, "job"),
                        self.dir.display(),
                        counted(tries as usize, "try").replace("trys", "tries"),
                        waiting.names.join(", ")
                    ),
                    format!(
                        "read what they said in `{}`; then submit the run again: `{} submit {} --slurm`",
                        self.logs().display(),
                        program(),
                        typed_path(self.dir)
                    ),
                )
                .into());
            }
            let tries = if waiting.left == before { tries } else { 0 };
            return self.submit(&waiting, tries, printer);
        }
    }

    /// Submits an array for what can be done side by side, and the job that looks after it.
    fn submit(&self, waiting: &Waiting, tries: u32, printer: &Printer) -> Result {
        if waiting.left == 0 && self.dir.join("results.json").is_file() {
            printer.json(&json!({"run": self.dir, "finished": true, "submitted": []}))?;
            printer.show(format_args!("{} is finished\n", self.dir.display()))?;
            return Ok(());
        }
        let most = self.args.workers.unwrap_or(u32::MAX).min(most_tasks());
        let wide = (waiting.wide >= 2).then(|| waiting.wide.min(most));
        let mut submitted = Vec::new();
        if !self.args.dry_run {
            std::fs::create_dir_all(self.logs()).map_err(|error| Error::io("create", self.logs(), error))?;
        }
        if let Some(count) = wide {
            let command =
                format!("{} --index $SLURM_ARRAY_TASK_ID --of {count} --no-wait", self.command("work"));
            submitted.push(self.send("%A_%a", Some(count), None, command, printer)?);
        }
        let after = submitted.first().cloned();
        let again = format!("--slurm --resubmit {} --again {} {tries}", self.args.resubmit, waiting.left);
        let workers = self.args.workers.map_or(String::new(), |workers| format!(" --workers {workers}"));
        let options: Vec<String> =
            self.args.sbatch.iter().map(|option| crate::retyped::typed(option)).collect();
        let options = if options.is_empty() { String::new() } else { format!(" -- {}", options.join(" ")) };
        let command = format!("{} {again}{workers}{options}", self.command("submit"));
        submitted.push(self.send("%j", None, after, command, printer)?);
        printer.json(&json!({
            "run": self.dir, "finished": false, "submitted": submitted, "tasks": wide, "dry_run": self.args.dry_run,
        }))?;
        if !self.args.dry_run {
            printer.show(format_args!(
                "{}: {} submitted, as {} and one job that goes on from there\n\nnext:\n  {} status {}\n",
                self.dir.display(),
                counted(waiting.left as usize, "job"),
                tasks(wide),
                program(),
                typed_path(self.dir)
            ))?;
        }
        Ok(())
    }

    /// Submits one job, or prints how that would be done; its number.
    fn send(
        &self,
        output: &str,
        tasks: Option<u32>,
        after: Option<String>,
        command: String,
        printer: &Printer,
    ) -> Result<String> {
        let submission = Submission {
            name: name_of(self.dir),
            tasks,
            after,
            output: self.logs().join(format!("{output}.out")),
            options: &self.args.sbatch,
            command,
        };
        if self.args.dry_run {
            printer.show(format_args!("{}\n", submission.line()))?;
            return Ok("ARRAY".to_owned());
        }
        submission.submit()
    }

    /// The beginning of a command of this program on the run.
    fn command(&self, verb: &str) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| program().into());
        let mut words =
            vec![typed_path(&program), verb.to_owned(), typed_path(self.dir), "--json".to_owned()];
        if let Some(threads) = self.global.threads {
            words.push(format!("--threads {threads}"));
        }
        if let ModelArg { model: Some(model) } = &self.args.task.model {
            let model =
                std::path::absolute(model).ok().filter(|path| path.is_dir()).unwrap_or_else(|| model.clone());
            words.push(format!("--model {}", typed_path(&model)));
        }
        words.join(" ")
    }

    fn logs(&self) -> PathBuf {
        self.dir.join("slurm")
    }

    fn waiting(&self, prepared: &Prepared) -> Result<Waiting> {
        Waiting::of(prepared, self.dir)
    }
}

/// Jobs that need no other's result, besides those of the members.
const SIDE: [&str; 2] = ["probe", "supervised"];

/// What is left to do in a run.
struct Waiting {
    /// The jobs that are not finished.
    names: Vec<String>,
    /// Their number.
    left: u32,
    /// How many of them processes could soon do side by side.
    wide: u32,
}

impl Waiting {
    fn of(prepared: &Prepared, dir: &Path) -> Result<Waiting> {
        let names: Vec<String> = match is_run(dir) {
            true => Run::status(dir)?
                .jobs
                .into_iter()
                .filter(|job| job.seconds.is_none())
                .map(|job| job.job)
                .collect(),
            false => prepared.jobs(),
        };
        let wide = match names.iter().any(|name| name.starts_with("zero-shot/")) {
            // The members of the first generation are next, as soon as the pretrained model has scored.
            true => {
                names.iter().filter(|name| name.starts_with("g0/p") || SIDE.contains(&name.as_str())).count()
            }
            false => prepared.ready(&work::folder(dir))?.len(),
        };
        Ok(Waiting { left: names.len() as u32, wide: wide as u32, names })
    }
}
