//! A run that several processes share, with and without a cluster.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Folder;

/// A task of three generations with two patterns and several seeds.
fn task(seeds: &str) -> Folder {
    let folder = Folder::new();
    folder.change_task("[train]\n", &format!("[train]\nmethod = \"ipet\"\nseeds = [{seeds}]\n"));
    folder.change_task("keep = \"all\"", "keep = \"final\"");
    folder
}

/// What must not depend on who has done it.
fn outcome(folder: &Folder, run: &str) -> Vec<Vec<u8>> {
    let files = ["results.json", "insight.json", "final/model.safetensors", "g1/ensemble/logits.csv"];
    files.map(|file| folder.bytes(Path::new(run).join(file))).to_vec()
}

/// What the processes of a run have logged.
fn events(run: &Path) -> Vec<Value> {
    let files = fs::read_dir(run.join("events")).into_iter().flatten().flatten();
    let text: String = files.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    // The last line of a process that is at work may be half written.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// How often each job was finished, not counting those that were found finished.
fn done(run: &Path) -> BTreeMap<String, usize> {
    let mut done = BTreeMap::new();
    for event in events(run).iter().filter(|event| event["event"] == "job_finished") {
        *done.entry(event["job"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    done
}

fn start(folder: &Folder, args: &[&str]) -> Child {
    folder.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn succeeds(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Begins the run of the folder's task, with nothing done.
fn begin(folder: &Folder) -> String {
    sbatch(folder);
    let submitted = slurm(folder, &["submit", "task.toml", "--slurm", "--json"]);
    let run = Path::new(submitted["run"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
    format!("runs/{run}")
}

/// A stand-in for Slurm's command: it writes down what it is to run.
fn sbatch(folder: &Folder) {
    let script = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done > \"$SUBMITTED/$(ls \"$SUBMITTED\" | wc -l)\"\necho 7\n";
    fs::create_dir_all(folder.path("submitted")).unwrap();
    fs::create_dir_all(folder.path("bin")).unwrap();
    folder.write("bin/sbatch", script);
    fs::set_permissions(folder.path("bin/sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the command with the stand-in.
fn slurm(folder: &Folder, args: &[&str]) -> Value {
    let output = with_sbatch(folder, folder.command(args)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn with_sbatch(folder: &Folder, mut command: Command) -> Command {
    let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).env("SUBMITTED", folder.path("submitted"));
    command
}

/// What was submitted as number `number`: its options and its command.
fn submitted(folder: &Folder, number: usize) -> Option<(Vec<String>, String)> {
    let text = fs::read_to_string(folder.path(&format!("submitted/{number}"))).ok()?;
    let mut words: Vec<String> = text.lines().map(str::to_owned).collect();
    let command = words.pop()?.strip_prefix("--wrap=")?.to_owned();
    Some((words, command))
}

/// Runs a submitted command as Slurm would.
fn shell(folder: &Folder, command: &str, task: usize) -> Child {
    let mut shell = folder.command(&[]);
    let program = shell.get_program().to_owned();
    let mut sh = Command::new("sh");
    sh.args(["-c", command]).current_dir(folder.path("."));
    sh.env("SLURM_ARRAY_TASK_ID", task.to_string()).env("CLOZE", program);
    for (name, value) in shell.env("HOME", "/").get_envs() {
        value.map(|value| sh.env(name, value));
    }
    with_sbatch(folder, sh).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn processes_that_train_the_same_task_share_its_jobs() {
    let alone = task("0, 1");
    let run = alone.train();
    let folder = task("0, 1");
    let processes: Vec<Child> =
        (0..4).map(|_| start(&folder, &["train", "task.toml", "--threads", "1"])).collect();
    processes.into_iter().for_each(succeeds);
    assert!(outcome(&folder, &run) == outcome(&alone, &run));
    let (expected, found) = (done(&alone.path(&run)), done(&folder.path(&run)));
    assert_eq!(found, expected, "every job is done once");
    assert!(!folder.path("runs/.workers").exists(), "nobody is left");
    assert!(!folder.path(&run).join("shared").exists());
    let status = folder.json(&["status", &run]);
    assert_eq!(status["finished"], true);
    assert!(status["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "done"), "{status}");
}

#[test]
fn many_processes_lose_no_job_and_do_none_twice() {
    let seeds: Vec<String> = (0..10).map(|seed| seed.to_string()).collect();
    let alone = task(&seeds.join(", "));
    let run = alone.train();
    let folder = task(&seeds.join(", "));
    assert_eq!(begin(&folder), run);
    let count = 24;
    let processes: Vec<Child> = (0..count)
        .map(|index| {
            let (index, of) = (index.to_string(), count.to_string());
            start(&folder, &["work", &run, "--index", &index, "--of", &of, "--threads", "1"])
        })
        .collect();
    processes.into_iter().for_each(succeeds);
    assert!(outcome(&folder, &run) == outcome(&alone, &run));
    assert_eq!(done(&folder.path(&run)), done(&alone.path(&run)));
}

#[test]
fn a_process_that_is_paused_for_longer_than_its_lease_loses_nothing() {
    let alone = task("0");
    let run = alone.train();
    let folder = task("0");
    assert_eq!(begin(&folder), run);
    let paused = start(&folder, &["work", &run, "--lease", "1", "--threads", "1"]);
    let signal = |name: &str| {
        let pid = paused.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    until("a member is trained", || {
        events(&folder.path(&run))
            .iter()
            .any(|event| event["event"] == "job_started" && event["job"] == "g0/p0-s0")
    });
    signal("-STOP");
    let status = folder.json(&["status", &run]);
    assert_eq!(status["workers"].as_array().unwrap().len(), 1, "{status}");
    succeeds(start(&folder, &["work", &run, "--threads", "1"]));
    assert!(outcome(&folder, &run) == outcome(&alone, &run));
    signal("-CONT");
    succeeds(paused);
    assert!(outcome(&folder, &run) == outcome(&alone, &run), "its late work changes nothing");
    succeeds(start(&folder, &["train", "task.toml"]));
    let left = |dir: &Path| {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".tmp")).count()
    };
    assert_eq!((left(&folder.path(&run)), left(&folder.path(&run).join("g0"))), (0, 0));
}

#[test]
fn the_jobs_of_a_killed_process_are_done_by_the_others() {
    let alone = task("0, 1");
    let run = alone.train();
    let folder = task("0, 1");
    assert_eq!(begin(&folder), run);
    let mut killed = start(&folder, &["work", &run, "--threads", "1"]);
    let started = || {
        events(&folder.path(&run))
            .iter()
            .any(|event| event["event"] == "job_started" && event["job"] == "g0/p0-s1")
    };
    until("a member is trained", started);
    killed.kill().unwrap();
    killed.wait().unwrap();
    // It is on this machine, so that nobody has to wait for its lease.
    let began = Instant::now();
    succeeds(start(&folder, &["work", &run, "--threads", "1"]));
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    assert!(outcome(&folder, &run) == outcome(&alone, &run));
}

#[test]
fn what_is_submitted_ends_with_the_same_bytes_although_half_of_it_is_lost() {
    let alone = task("0, 1");
    let run = alone.train();
    let folder = task("0, 1");
    sbatch(&folder);
    let shown = folder.succeed(&["submit", "task.toml", "--slurm", "--dry-run", "--", "--partition=main"]);
    assert!(shown.contains("--array=0-4") && shown.contains("--dependency=afterany:ARRAY"), "{shown}");
    assert!(!folder.path("runs").exists(), "a dry run writes nothing");
    let first = slurm(
        &folder,
        &["submit", "task.toml", "--slurm", "--json", "--", "--partition=main", "--comment=two words"],
    );
    assert_eq!(first["tasks"], 5, "{first}");
    let mut lost = false;
    let mut number = 0;
    while let Some((options, command)) = submitted(&folder, number) {
        assert!(
            options.contains(&"--partition=main".to_owned())
                && options.contains(&"--comment=two words".to_owned())
        );
        match options.iter().find_map(|option| option.strip_prefix("--array=0-")) {
            // Of the first array only one task is ever started.
            Some(_) if !lost => {
                lost = true;
                succeeds(shell(&folder, &command, 1));
            }
            Some(last) => {
                let tasks: Vec<Child> =
                    (0..=last.parse().unwrap()).map(|task| shell(&folder, &command, task)).collect();
                tasks.into_iter().for_each(succeeds);
            }
            None => succeeds(shell(&folder, &command, 0)),
        }
        number += 1;
        assert!(number < 40, "it goes on for ever");
    }
    assert!(outcome(&folder, &run) == outcome(&alone, &run));
    assert_eq!(done(&folder.path(&run)), done(&alone.path(&run)));
    assert_eq!(slurm(&folder, &["submit", &run, "--slurm", "--json"])["finished"], true);
}

#[test]
fn jobs_that_are_never_finished_are_submitted_so_many_times() {
    let folder = task("0, 1");
    let run = begin(&folder);
    let mut number = 0;
    // No task of an array is ever started.
    let error = loop {
        let (options, command) = submitted(&folder, number).expect("it goes on until it gives up");
        number += 1;
        if options.iter().any(|option| option.starts_with("--array")) {
            continue;
        }
        let output = shell(&folder, &command, 0).wait_with_output().unwrap();
        if !output.status.success() {
            break String::from_utf8_lossy(&output.stderr).into_owned();
        }
    };
    let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("after 3 tries") && words.contains("zero-shot/p0") && words.contains("--slurm"),
        "{words}"
    );
    assert_eq!(number, 6, "it is submitted once, and twice again");
    assert!(folder.json(&["status", &run])["jobs"][0]["state"] == "open");
}

#[test]
fn a_study_is_shared_by_whoever_carries_it_out() {
    let findings = |folder: &Folder| {
        let study = fs::read_dir(folder.path("studies")).unwrap().map(|entry| entry.unwrap().path());
        let study = study.into_iter().find(|path| path.join("results.json").is_file()).unwrap();
        fs::read(study.join("results.json")).unwrap()
    };
    let words = ["study", "task.toml", "--factors", "patterns,start", "--seeds", "2", "--threads", "1"];
    let (alone, folder) = (Folder::new(), Folder::new());
    succeeds(start(&alone, &words));
    sbatch(&folder);
    let submit =
        [&["submit"], &words[..], &["--slurm", "--workers", "3", "--json", "--", "--partition=main"]]
            .concat();
    assert_eq!(slurm(&folder, &submit)["tasks"], 3);
    let (options, command) = submitted(&folder, 0).unwrap();
    assert!(
        options.contains(&"--array=0-2".to_owned()) && !command.contains("--slurm"),
        "{options:?} {command}"
    );
    let tasks: Vec<Child> = (0..3).map(|task| shell(&folder, &command, task)).collect();
    tasks.into_iter().for_each(succeeds);
    assert!(findings(&folder) == findings(&alone));
    let all = |folder: &Folder| {
        let runs = fs::read_dir(folder.path("studies/runs")).unwrap().map(|entry| entry.unwrap().path());
        runs.map(|run| done(&run).values().sum::<usize>()).sum::<usize>()
    };
    assert_eq!(all(&folder), all(&alone), "what several runs have in common is done once too");
    succeeds(shell(&folder, &submitted(&folder, 1).unwrap().1, 0));
}

#[test]
fn the_shards_of_many_rows_are_submitted() {
    let folder = Folder::new();
    let run = folder.train();
    sbatch(&folder);
    let words = [
        "submit",
        "predict",
        &run,
        "test.csv",
        "unlabeled.csv",
        "-o",
        "labelled",
        "--slurm",
        "--workers",
        "2",
        "--json",
    ];
    assert_eq!(slurm(&folder, &words)["tasks"], 2);
    let (options, command) = submitted(&folder, 0).unwrap();
    assert!(
        options.contains(&"--array=0-1".to_owned()) && command.ends_with("--shard $SLURM_ARRAY_TASK_ID/2"),
        "{command}"
    );
    // The first task never starts.
    succeeds(shell(&folder, &command, 1));
    let parts =
        || ["part-00000.csv", "part-00001.csv"].map(|part| folder.path("labelled").join(part).is_file());
    assert_eq!(parts(), [false, true]);
    succeeds(shell(&folder, &submitted(&folder, 1).unwrap().1, 0));
    assert_eq!(parts(), [true, true]);
    folder.succeed(&["predict", &run, "test.csv", "-o", "alone.csv"]);
    assert_eq!(folder.read("alone.csv"), folder.read("labelled/part-00000.csv"));
    let output = folder.fail(&["submit", "predict", &run, "test.csv", "--slurm"]);
    assert!(output.contains("name a folder with `-o`"), "{output}");
}

#[test]
fn what_is_no_run_or_no_longer_the_same_is_told() {
    let folder = task("0");
    let missing = folder.fail(&["work", "runs/nothing"]);
    assert!(missing.contains("there is no `runs/nothing`") && missing.contains("cloze runs"), "{missing}");
    let file = folder.fail(&["status", "task.toml"]);
    assert!(file.contains("is not the directory of a run"), "{file}");
    let run = begin(&folder);
    folder.write("labelled.csv", folder.read("labelled.csv").replace("the sun", "a sun"));
    let changed = folder.fail(&["work", &run]);
    assert!(changed.contains("with the data, the model and the cloze of today"), "{changed}");
    let refused = {
        folder.write("bin/sbatch", "#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n");
        let output =
            with_sbatch(&folder, folder.command(&["submit", "task.toml", "--slurm"])).output().unwrap();
        String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(refused.contains("Slurm has refused the job: invalid partition"), "{refused}");
}
