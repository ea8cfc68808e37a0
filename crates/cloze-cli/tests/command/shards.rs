//! Many rows in parts: several processes, one folder, and nothing lost or done twice.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use serde_json::Value;

use crate::advice::{answer, trained};
use crate::parquet::{read, write_groups};
use crate::support::Folder;

/// A folder with a run and 57 rows in `data`: two files of Parquet, the first with three row groups, the second with one.
fn many() -> (Folder, String) {
    let (folder, run) = trained();
    fs::create_dir(folder.path("data")).unwrap();
    let note = |row| format!("note {row}");
    write_groups(&folder.path("data/a.parquet"), &[0..20, 20..35, 35..36], note);
    write_groups(&folder.path("data/b.parquet"), std::slice::from_ref(&(36..57)), note);
    // As programs leave them that write folders of tables.
    folder.write("data/_SUCCESS", "");
    folder.write("data/.a.parquet.crc", "x");
    (folder, run)
}

/// The names in a folder, hidden ones as well.
fn names(folder: &Folder, within: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(within)).unwrap().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All rows of files, one by one, in this order.
fn rows(folder: &Folder, files: &[String]) -> Vec<RecordBatch> {
    let batches = files.iter().flat_map(|file| read(&folder.path(file)));
    batches.flat_map(|batch| (0..batch.num_rows()).map(move |row| batch.slice(row, 1))).collect()
}

/// The parts in a folder.
fn parts(folder: &Folder, within: &str) -> Vec<String> {
    let parts = names(folder, within).into_iter().filter(|name| name.starts_with("part-"));
    parts.map(|name| format!("{within}/{name}")).collect()
}

/// The bytes of every part.
fn contents(folder: &Folder, within: &str) -> Vec<Vec<u8>> {
    parts(folder, within).iter().map(|part| folder.bytes(part)).collect()
}

#[test]
fn all_shards_together_are_the_rows_of_all_files() {
    let (folder, run) = many();
    let first = folder.run(&["predict", &run, "data", "-o", "out", "--shard", "0/2"]);
    let (said, noted) = (String::from_utf8(first.stdout).unwrap(), String::from_utf8(first.stderr).unwrap());
    assert!(first.status.success(), "{noted}");
    assert!(said.starts_with("out: 21 rows in "), "{said}");
    assert!(
        said.ends_with(
            "; shard 0/2 is complete (2 parts); other shards lack 2 of 4 parts: `part-00001.parquet`, `part-00003.parquet`\n"
        ),
        "{said}"
    );
    assert!(
        noted.contains("1/2 part-00000.parquet: 20 rows in ")
            && noted.contains("2/2 part-00002.parquet: 1 row in")
    );
    assert_eq!(names(&folder, "out"), ["_cloze.json", "part-00000.parquet", "part-00002.parquet"]);
    let second = folder.succeed(&["predict", &run, "data", "-o", "out", "--shard", "1/2"]);
    assert!(second.ends_with("; the folder is complete\n"), "{second}");
    for file in ["a.parquet", "b.parquet"] {
        folder.succeed(&["predict", &run, &format!("data/{file}"), "-o", file]);
    }
    let whole = rows(&folder, &["a.parquet".to_owned(), "b.parquet".to_owned()]);
    assert_eq!(rows(&folder, &parts(&folder, "out")), whole);
    assert_eq!(whole.len(), 57);
}

#[test]
fn what_is_written_is_an_event_and_what_is_missing_is_in_the_result() {
    let (folder, run) = many();
    let said = folder.succeed(&["predict", &run, "data", "-o", "out", "--shard", "1/3", "--json"]);
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["part"], "part-00001.parquet");
    assert_eq!((&lines[0]["input"], &lines[0]["row_group"]), (&"data/a.parquet".into(), &1.into()));
    assert_eq!((&lines[0]["rows"], &lines[1]["rows"]), (&15.into(), &15.into()));
    assert_eq!((&lines[1]["parts"], &lines[1]["parts_of_shard"]), (&4.into(), &1.into()));
    assert_eq!(lines[1]["missing"].as_array().unwrap().len(), 3);
    assert!(lines[1]["missing_of_shard"].as_array().unwrap().is_empty());
    // There are fewer parts than shards.
    let idle = folder.json(&["predict", &run, "data", "-o", "out", "--shard", "8/9"]);
    assert_eq!((&idle["rows"], &idle["parts_of_shard"]), (&0.into(), &0.into()));
}

#[test]
fn text_is_divided_by_file_and_a_file_with_nothing_in_it_keeps_its_place() {
    let (folder, run) = trained();
    folder.write("a.csv", "text;n\nthe sun;1\n\"the; night\";2\n");
    folder.write("b.csv", "");
    folder.write("c.csv", "text;n\n");
    let all = ["predict", &run, "b.csv", "a.csv", "c.csv", "-o"];
    folder.succeed(&[&all[..], &["out", "--shard", "0/1"]].concat());
    let header = "text;n;prediction;p_good;p_bad\n";
    assert_eq!(folder.read("out/part-00000.csv"), header);
    assert!(folder.read("out/part-00001.csv").starts_with(&format!("{header}the sun;1;")));
    assert_eq!(folder.read("out/part-00002.csv"), header);
    folder.succeed(&["predict", &run, "a.csv", "-o", "a-out.csv"]);
    assert_eq!(folder.bytes("out/part-00001.csv"), folder.bytes("a-out.csv"));
    folder.succeed(
        &[&all[..], &["lines", "--shard", "0/1", "--to", "jsonl", "--compression", "zstd"]].concat(),
    );
    let lines = |part: &str| zstd::decode_all(&folder.bytes(format!("lines/{part}.jsonl.zst"))[..]).unwrap();
    assert_eq!((lines("part-00000").len(), lines("part-00002").len()), (0, 0));
    assert!(
        String::from_utf8(lines("part-00001")).unwrap().contains("{\"text\": \"the; night\", \"n\": \"2\", ")
    );
    folder.succeed(&[&all[..], &["typed", "--shard", "0/1", "--to", "parquet"]].concat());
    let typed = parts(&folder, "typed");
    assert_eq!(typed.len(), 3);
    let counts: Vec<usize> =
        typed.iter().map(|part| read(&folder.path(part)).iter().map(RecordBatch::num_rows).sum()).collect();
    assert_eq!(counts, [0, 2, 0]);
    // What is compressed stays so.
    folder.succeed(&["predict", &run, "a.csv", "-o", "packed.csv.gz"]);
    folder.succeed(&["predict", &run, "packed.csv.gz", "-o", "again", "--shard", "0/1"]);
    assert_eq!(names(&folder, "again"), ["_cloze.json", "part-00000.csv.gz"]);
    let nothing = answer(&folder, &["predict", &run, "b.csv", "-o", "none", "--shard", "0/1"]);
    nothing.says("there is nothing in any of the files").advises("give files with rows");
}

#[test]
fn parts_that_are_there_stay_and_what_a_killed_process_has_left_goes() {
    let (folder, run) = many();
    let command = ["predict", &run, "data", "-o", "out", "--shard", "0/1"];
    folder.succeed(&command);
    let before = contents(&folder, "out");
    fs::remove_file(folder.path("out/part-00002.parquet")).unwrap();
    folder.write("out/part-00001.parquet", "not looked at");
    folder.write("out/.part-00002.parquet.host-1-abcdef.tmp", "half of it");
    folder.write("out/.part-00009.parquet.host-1-abcdef.tmp", "not of this folder");
    let said = folder.succeed(&command);
    assert!(said.starts_with("out: 1 row in "), "{said}");
    let mut after = contents(&folder, "out");
    assert_eq!(after[1], b"not looked at");
    after[1].clone_from(&before[1]);
    assert!(after == before);
    assert!(
        names(&folder, "out")
            .iter()
            .filter(|name| name.ends_with(".tmp"))
            .eq([".part-00009.parquet.host-1-abcdef.tmp"])
    );
}

#[test]
fn a_folder_is_for_one_run_one_input_and_the_same_options() {
    let (folder, run) = many();
    let command = |more: &[&'static str]| -> Vec<String> {
        let first = ["predict", &run, "data", "-o", "out", "--shard", "0/1"];
        first.iter().chain(more).map(|&word| word.to_owned()).collect()
    };
    let refused = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        answer(&folder, &words)
    };
    folder.succeed(&command(&[]).iter().map(String::as_str).collect::<Vec<_>>());
    let before = contents(&folder, "out");
    refused(&command(&["--to", "jsonl"]))
        .says("`out` was begun with `--to parquet`, and is continued with `--to jsonl`")
        .advises("give the same options as before");
    refused(&command(&["--with", "ensemble"]))
        .says("with `--with final`, and is continued with `--with ensemble`");
    refused(&command(&["--explain"])).says("without `--explain`");
    let mut one = command(&[]);
    one[2] = "data/b.parquet".to_owned();
    refused(&one)
        .says("`out` was begun with other input: file 1 was `a.parquet` in 3 parts, and is `b.parquet`");
    folder.change_task("steps = 2", "steps = 3");
    let mut other = command(&[]);
    other[1] = folder.train();
    refused(&other)
        .says(&format!("`out` was begun with the run `{run}` as it was then"))
        .advises("name another folder");
    // As advised.
    other[4] = "other".to_owned();
    folder.succeed(&other.iter().map(String::as_str).collect::<Vec<_>>());
    // A copy of the run is the same run, and the input may be called otherwise from elsewhere.
    fs::create_dir(folder.path("copy")).unwrap();
    fs::rename(folder.path("data"), folder.path("copy/data")).unwrap();
    fs::rename(folder.path(&run), folder.path("copy/run")).unwrap();
    folder.succeed(&["predict", "copy/run", "copy/data", "-o", "out", "--shard", "1/3"]);
    assert!(contents(&folder, "out") == before);
    folder.write("out/_cloze.json", "{");
    answer(&folder, &["predict", "copy/run", "copy/data", "-o", "out", "--shard", "1/3"])
        .says("`out/_cloze.json` cannot be understood");
}

#[test]
fn a_part_that_cannot_be_read_is_left_out_until_its_file_is_corrected() {
    let (folder, run) = trained();
    folder.write("a.csv", "text,n\nthe sun,1\n");
    folder.write("b.csv", "text,n\nthe night,2,3\n");
    folder.write("c.csv", "text,n\nthe storm,3\n");
    let command = ["predict", &run, "a.csv", "b.csv", "c.csv", "-o", "out", "--shard", "0/1"];
    let output = folder.run(&command);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("`part-00001.csv` is left out: `b.csv`, line 2: the row has 3 fields"), "{told}");
    assert!(told.contains("shard 0/1 lacks 1 part: `part-00001.csv`"), "{told}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("; shard 0/1 lacks 1 of 3 parts; no other shard lacks any")
    );
    // As advised.
    folder.write("b.csv", "text,n\nthe night,2\n");
    let said = folder.succeed(&command);
    assert!(said.starts_with("out: 1 row in ") && said.ends_with("the folder is complete\n"), "{said}");
    // From then on it is what was read.
    folder.write("b.csv", "text,n\nthe night,4\n");
    answer(&folder, &command)
        .says("`b.csv` has changed since `out/part-00001.csv` was written from it")
        .advises("put the file back as it was");
}

#[test]
fn a_folder_that_is_used_for_something_else_is_refused() {
    let (folder, run) = many();
    let command =
        |out: &'static str| ["predict", &run, "data", "-o", out, "--shard", "0/1"].map(str::to_owned);
    let refused = |out| {
        let words = command(out);
        answer(&folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    fs::create_dir(folder.path("mine")).unwrap();
    folder.write("mine/thesis.tex", "hours of work");
    refused("mine").says("`mine` has `thesis.tex` in it").advises("is not there yet, or is empty");
    refused("data").says("was not made by `cloze predict --shard`");
    refused("-").says("none is named").advises("`-o FOLDER`");
    let inside: &'static str = Box::leak(format!("{run}/out").into_boxed_str());
    refused(inside).says("must not be overwritten");
    assert_eq!(names(&folder, "mine"), ["thesis.tex"]);
    assert!(!folder.path(inside).exists());
    let mut words = command("out").to_vec();
    words[2] = "mine".to_owned();
    answer(&folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
        .says("`mine/thesis.tex` is in the folder")
        .advises("`mine/*.parquet`");
    words[2] = "-".to_owned();
    answer(&folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
        .says("standard input can be read only once");
    let several = ["predict", &run, "test.csv", "unlabeled.csv", "-o", "out.csv"];
    answer(&folder, &several).says("there are 2 input files").advises("`--shard 0/1 -o FOLDER`");
    // As advised.
    folder.succeed(&["predict", &run, "test.csv", "unlabeled.csv", "--shard", "0/1", "-o", "out"]);
    folder.write("lines.jsonl", "{\"text\": \"the sun\"}\n");
    let mixed = ["predict", &run, "test.csv", "lines.jsonl", "--shard", "0/1", "-o", "mixed"];
    answer(&folder, &mixed).says("`test.csv` is csv and `lines.jsonl` is jsonl").advises("`--to jsonl`");
    folder.succeed(&[&mixed[..], &["--to", "jsonl"]].concat());
}

#[test]
fn a_shard_that_cannot_be_is_explained() {
    let (folder, run) = many();
    for (shard, told) in [
        ("8/8", "shards are counted from 0, so the last of 8 is `7/8`"),
        ("0/0", "there is at least one shard"),
        ("3", "for example `0/8`"),
        ("a/b", "for example `0/8`"),
    ] {
        let output = folder.run(&["predict", &run, "data", "-o", "out", "--shard", shard]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn processes_that_work_on_the_same_parts_do_no_damage() {
    let (folder, run) = many();
    folder.succeed(&["predict", &run, "data", "-o", "alone", "--shard", "0/1"]);
    let shards = ["0/1", "0/1", "0/1", "0/2", "1/2", "2/3"];
    let started = shards.map(|shard| {
        let mut command =
            folder.command(&["predict", &run, "data", "-o", "out", "--shard", shard, "--threads", "1"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(contents(&folder, "out") == contents(&folder, "alone"));
    assert_eq!(names(&folder, "out").len(), 5);
}

#[cfg(unix)]
#[test]
fn after_a_kill_the_same_command_ends_with_the_same_bytes() {
    let (folder, run) = trained();
    fs::create_dir(folder.path("data")).unwrap();
    let groups: Vec<_> = (0..12).map(|group| group * 1500..(group + 1) * 1500).collect();
    write_groups(&folder.path("data/a.parquet"), &groups, |row| format!("note {row}"));
    let words = |out| ["predict", &run, "data", "-o", out, "--shard", "0/1"];
    let mut kills = 0;
    for (after, signal) in [(1, "-KILL"), (3, "-INT"), (6, "-KILL")] {
        let mut command = folder.command(&words("killed"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while !folder.path(&format!("killed/part-{after:05}.parquet")).exists()
            && child.try_wait().unwrap().is_none()
        {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(2));
        }
        if child.try_wait().unwrap().is_none() {
            let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            let ended = child.wait().unwrap();
            assert!(ended.success() || signal == "-KILL" || ended.code() == Some(130), "{ended}");
            kills += usize::from(kill.success() && !ended.success());
        }
    }
    assert!(kills > 0, "it was faster than the kills");
    for out in ["killed", "alone"] {
        folder.succeed(&words(out));
    }
    assert!(contents(&folder, "killed") == contents(&folder, "alone"));
    assert!(
        names(&folder, "killed").iter().all(|name| !name.ends_with(".tmp")),
        "{:?}",
        names(&folder, "killed")
    );
}

/// The lines of a kind of code block in the guide that begin so, with the names of this test.
#[cfg(unix)]
fn recipes(begin: &str, run: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/many-rows.md");
    let guide = fs::read_to_string(guide).unwrap();
    let lines = guide.lines().filter(|line| line.starts_with(begin));
    lines.map(|line| line.replace("runs/support-1a2b3c4d", run).replace("archive", "data")).collect()
}

#[cfg(unix)]
#[test]
fn the_guides_commands_for_one_machine_work_as_they_stand() {
    let (folder, run) = many();
    folder.succeed(&["predict", &run, "data", "-o", "alone", "--shard", "0/1"]);
    let bin = Path::new(env!("CARGO_BIN_EXE_cloze")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut lines = recipes("seq 0 7 | xargs", &run);
    assert_eq!(lines.len(), 1);
    if Command::new("parallel").arg("--version").output().is_ok_and(|output| output.status.success()) {
        lines.extend(recipes("seq 0 7 | parallel", &run));
    }
    for line in lines {
        let _ = fs::remove_dir_all(folder.path("labelled"));
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(folder.path(""))
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(contents(&folder, "labelled") == contents(&folder, "alone"), "{line}");
    }
}
