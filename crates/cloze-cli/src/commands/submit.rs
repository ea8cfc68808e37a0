//! `cloze submit`: a run on a cluster.
//!
//! An array of tasks does the jobs that can be done side by side. When it has ended, well or not, a single job looks at the run: it does what has
//! to be done by one, submits the next array, or that of the jobs that are still missing, so many times.

use std::path::{Path, PathBuf};

use cloze::{Error, Part, Prepared, Run, inspect};
use serde_json::json;

use crate::args::{Cluster, Global, ModelArg, Submit, SubmitAction, SubmitRun};
use crate::failure::Result;
use crate::layout::counted;
use crate::printer::Printer;
use crate::retyped::{command_line, typed, typed_path};
use crate::runs::is_run;

use super::slurm::{Submission, most_tasks, name_of, tasks};
use super::{device, is_std, open_with, prepare, program, work};

/// Submits what is asked for.
pub(crate) fn run(args: &Submit, global: &Global, printer: &Printer) -> Result {
    match args {
        Submit::Run(args) => run_of_task(args, global, printer),
        Submit::Action(action) => match &**action {
            SubmitAction::Study(args) => {
                fan(&args.cluster, &args.study.task.task, |_| String::new(), printer)
            }
            SubmitAction::Predict(args) => {
                if args.predict.shard.is_some() || is_std(&args.predict.output) {
                    return Err(Error::usage(
                        "the tasks of an array write the parts of a folder",
                        "name a folder with `-o`, and leave out `--shard`, which every task is given",
                    )
                    .into());
                }
                let shard = |tasks: Option<u32>| match tasks {
                    Some(count) => format!(" --shard $SLURM_ARRAY_TASK_ID/{count}"),
                    None => " --shard 0/1".to_owned(),
                };
                fan(&args.cluster, &args.predict.run, shard, printer)
            }
        },
    }
}

/// Submits an array whose tasks run the command that was typed behind `submit`, and one that finishes what they have left; `rest` is what follows
/// that command for so many tasks, or for the last job.
fn fan(cluster: &Cluster, of: &Path, rest: impl Fn(Option<u32>) -> String, printer: &Printer) -> Result {
    const WORKERS: u32 = 8;
    let wide = cluster.workers.unwrap_or(WORKERS).min(most_tasks());
    let name = format!("cloze-{}", of.file_stem().unwrap_or_default().to_string_lossy());
    let command = typed_behind_submit();
    let submit = |tasks: Option<u32>, after| {
        let output = format!("{name}-{}.out", if tasks.is_some() { "%A_%a" } else { "%j" });
        let (name, options) = (name.clone(), &cluster.sbatch);
        let command = format!("{command}{}", rest(tasks));
        send(&Submission { name, tasks, after, output: output.into(), options, command }, cluster, printer)
    };
    let array = submit(Some(wide), None)?;
    let last = submit(None, Some(array.clone()))?;
    printer.json(&json!({"submitted": [array, last], "tasks": wide, "dry_run": cluster.dry_run}))?;
    if !cluster.dry_run {
        printer.show(format_args!(
            "submitted {} and one job that finishes what they leave\n",
            tasks(Some(wide))
        ))?;
    }
    Ok(())
}

/// The command behind `submit` on the command line, without what is meant for the cluster.
fn typed_behind_submit() -> String {
    let words = command_line().into_iter().map(|word| word.to_string_lossy().into_owned());
    let mut words = words.skip_while(|word| word != "submit").skip(1).take_while(|word| word != "--");
    let mut kept = vec![this_program()];
    while let Some(word) = words.next() {
        match word.as_str() {
            "--slurm" | "--dry-run" => {}
            "--workers" => drop(words.next()),
            _ if word.starts_with("--workers=") => {}
            _ => kept.push(typed(&word)),
        }
    }
    kept.join(" ")
}

/// This program as a job can start it.
fn this_program() -> String {
    typed_path(&std::env::current_exe().unwrap_or_else(|_| program().into()))
}

/// Submits one job, or prints how that would be done; its number.
fn send(submission: &Submission, cluster: &Cluster, printer: &Printer) -> Result<String> {
    if cluster.dry_run {
        printer.show(format_args!("{}\n", submission.line()))?;
        return Ok("ARRAY".to_owned());
    }
    submission.submit()
}

/// Begins a run and submits its jobs, or goes on with one.
fn run_of_task(args: &SubmitRun, global: &Global, printer: &Printer) -> Result {
    let given = &args.task.task;
    let (prepared, dir) = match is_run(given) {
        true => (work::open(given, &args.task.model, global)?, given.clone()),
        false => {
            let (task, model) = open_with(&args.task, args.overrides.settings()?)?;
            let prepared = prepare(&task, &model, &device(global.threads)?, printer)?;
            inspect::warnings(&prepared).iter().for_each(|warning| printer.warn(warning));
            let dir = match args.cluster.dry_run {
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
    args: &'a SubmitRun,
    global: &'a Global,
    dir: &'a Path,
}

impl Next<'_> {
    /// Inside a job of the cluster: does what one process has to do, and submits what several can.
    fn go_on(&self, prepared: &Prepared, left: u32, tries: u32, printer: &Printer) -> Result {
        let before = self.waiting(prepared)?.left;
        let tries = if before < left { 0 } else { tries + 1 };
        if self.waiting(prepared)?.wide < 2 {
            let part = Part { alone: true, ..Part::default() };
            if work::take_part(prepared, self.dir, &part, printer)?.is_some() {
                printer.json(&json!({"run": self.dir, "finished": true, "submitted": []}))?;
                return Ok(());
            }
        }
        let waiting = self.waiting(prepared)?;
        if waiting.left < before {
            return self.submit(&waiting, 0, printer);
        }
        if tries <= self.args.resubmit {
            return self.submit(&waiting, tries, printer);
        }
        Err(Error::usage(
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
        .into())
    }

    /// Submits an array for what can be done side by side, and the job that looks after it.
    fn submit(&self, waiting: &Waiting, tries: u32, printer: &Printer) -> Result {
        if waiting.left == 0 && self.dir.join("results.json").is_file() {
            printer.json(&json!({"run": self.dir, "finished": true, "submitted": []}))?;
            printer.show(format_args!("{} is finished\n", self.dir.display()))?;
            return Ok(());
        }
        let most = self.args.cluster.workers.unwrap_or(u32::MAX).min(most_tasks());
        let wide = (waiting.wide >= 2).then(|| waiting.wide.min(most));
        let mut submitted = Vec::new();
        if !self.args.cluster.dry_run {
            std::fs::create_dir_all(self.logs()).map_err(|error| Error::io("create", self.logs(), error))?;
        }
        if let Some(count) = wide {
            let command =
                format!("{} --index $SLURM_ARRAY_TASK_ID --of {count} --no-wait", self.command("work"));
            submitted.push(send(
                &self.job("%A_%a", Some(count), None, command),
                &self.args.cluster,
                printer,
            )?);
        }
        let after = submitted.first().cloned();
        let again = format!("--slurm --resubmit {} --again {} {tries}", self.args.resubmit, waiting.left);
        let workers =
            self.args.cluster.workers.map_or(String::new(), |workers| format!(" --workers {workers}"));
        let options: Vec<String> = self.args.cluster.sbatch.iter().map(|option| typed(option)).collect();
        let options = if options.is_empty() { String::new() } else { format!(" -- {}", options.join(" ")) };
        let command = format!("{} {again}{workers}{options}", self.command("submit"));
        submitted.push(send(&self.job("%j", None, after, command), &self.args.cluster, printer)?);
        printer.json(&json!({
            "run": self.dir, "finished": false, "submitted": submitted, "tasks": wide, "dry_run": self.args.cluster.dry_run,
        }))?;
        if !self.args.cluster.dry_run {
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

    fn job(
        &self,
        output: &str,
        tasks: Option<u32>,
        after: Option<String>,
        command: String,
    ) -> Submission<'_> {
        let output = self.logs().join(format!("{output}.out"));
        let options = &self.args.cluster.sbatch;
        Submission { name: name_of(self.dir), tasks, after, output, options, command }
    }

    /// The beginning of a command of this program on the run.
    fn command(&self, verb: &str) -> String {
        let mut words = vec![this_program(), verb.to_owned(), typed_path(self.dir), "--json".to_owned()];
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
