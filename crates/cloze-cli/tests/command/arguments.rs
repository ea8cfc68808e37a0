//! Arguments of the wrong kind: what was given is named, and the advice, carried out as it stands, ends well.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::advice::{answer, follow, trained, typed};
use crate::support::{Folder, labelled};

#[test]
fn a_table_in_the_place_of_a_task_file_leads_to_init() {
    for (name, rows) in [
        ("my data/tickets.csv", labelled(8)),
        (
            "tickets.jsonl",
            "{\"text\": \"the sun\", \"label\": \"good\"}\n{\"text\": \"the war\", \"label\": \"bad\"}\n"
                .into(),
        ),
        ("tickets.txt", labelled(8).replace(',', "\t")),
        ("tickets.toml", labelled(8)),
        ("tickets", labelled(8).replace(',', ";")),
    ] {
        for verb in ["check", "train", "zero-shot", "study"] {
            let folder = Folder::empty();
            fs::create_dir_all(folder.path(name).parent().unwrap()).unwrap();
            folder.write(name, &rows);
            let found = answer(&folder, &[verb, name]);
            found
                .says(&format!("`{name}` is a table, not a task file"))
                .advises("its columns are `text`, `label`");
            typed(&folder, &found.commands()[0].replace("COLUMN", "label"));
            assert!(folder.succeed(&["check", "task.toml"]).contains("good"), "{name}");
        }
    }
    // With a task file there already, the advice must not run into it.
    let folder = Folder::new();
    let found = answer(&folder, &["train", "labelled.csv"]);
    typed(&folder, &found.commands()[0].replace("COLUMN", "label"));
    folder.succeed(&["check", "labelled.toml"]);
}

#[test]
fn a_spreadsheet_in_the_place_of_a_task_file_has_to_be_saved_as_csv() {
    let folder = Folder::empty();
    folder.write("tickets.xlsx", b"PK\x03\x04\xff\xfe");
    let found = answer(&folder, &["train", "tickets.xlsx"]);
    found.says("`tickets.xlsx` is a spreadsheet").advises("save it as CSV");
    folder.write("tickets.csv", labelled(8));
    typed(&folder, &found.commands()[0].replace("COLUMN", "label"));
    folder.succeed(&["check", "task.toml"]);
}

#[test]
fn mistakes_in_a_task_file_are_still_shown_as_such() {
    let folder = Folder::new();
    folder.change_task("{mask}: {text}", "{text}");
    assert!(answer(&folder, &["check", "task.toml"]).message.contains("the pattern has no `{mask}`"));
    folder.write("task.toml", "format = 1\nname = \"x\n");
    assert!(answer(&folder, &["check", "task.toml"]).message.contains("line 2"));
    folder.write("task.toml", "# a, b\n[data, x]\n1, 2\n");
    assert!(answer(&folder, &["check", "task.toml"]).message.contains("`task.toml`, line 2"));
}

#[test]
fn a_run_in_the_place_of_a_task_file_leads_to_the_file_that_it_was_made_from() {
    let (folder, run) = trained();
    for (given, what) in [
        (run.clone(), "is a run"),
        (format!("{run}/run.toml"), "is the record of the run"),
        (format!("{run}/results.json"), "is part of the run"),
        (format!("{run}/final"), "is part of the run"),
        (format!("{run}/g0/p0-s0/steps.csv"), "is part of the run"),
    ] {
        let found = answer(&folder, &["check", &given]);
        found.says(&format!("`{given}` {what}"));
        assert!(follow(&folder, &found).starts_with("{\"name\":\"weather\""), "{given}");
    }
    let found = answer(&folder, &["check", "runs"]);
    follow(&folder, found.says("`runs` is a directory of runs, not a task file"));
    // Where the task file is gone, a copy of the record does.
    fs::rename(folder.path("task.toml"), folder.path("moved.toml")).unwrap();
    let found = answer(&folder, &["train", &format!("{run}/run.toml")]);
    found.advises("task.toml`, is gone").advises("a copy of");
    fs::copy(folder.path(&format!("{run}/run.toml")), folder.path("copy.toml")).unwrap();
    folder.succeed(&["check", "copy.toml"]);
    assert_eq!(folder.json(&["train", "copy.toml"])["run"], *run);
}

#[test]
fn a_directory_in_the_place_of_a_task_file_is_answered_with_what_is_in_it() {
    let folder = Folder::new();
    let found = answer(&folder, &["check", "."]);
    found.says("`.` is a directory, not a task file");
    follow(&folder, &found);
    folder.write("Cargo.toml", "[package]\nname = \"other\"\n");
    follow(&folder, &answer(&folder, &["check", "."]));
    folder.write("other.toml", folder.read("task.toml"));
    answer(&folder, &["check", "."]).advises("give one of the task files in it: `other.toml`, `task.toml`");

    let folder = Folder::empty();
    fs::create_dir(folder.path("data")).unwrap();
    folder.write("data/tickets.csv", labelled(8));
    let found = answer(&folder, &["train", "data"]);
    typed(&folder, &found.advises("there is no task file in it").commands()[0].replace("COLUMN", "label"));
    folder.succeed(&["check", "task.toml"]);
    fs::create_dir(folder.path("empty")).unwrap();
    answer(&folder, &["train", "empty"])
        .advises("`cloze init tickets.csv --label COLUMN` writes a task file");
}

#[test]
fn a_task_file_that_is_not_there_is_answered_with_the_one_that_is() {
    let folder = Folder::new();
    for slip in ["taks.toml", "task", "Task.toml", "task.tml"] {
        let found = answer(&folder, &["check", slip]);
        found.says(&format!("there is no file `{slip}`")).advises("did you mean");
        follow(&folder, &found);
    }
    answer(&folder, &["check", "zebra.toml"]).advises("the task files there are `task.toml`");
    answer(&folder, &["check", "nowhere/task.toml"]).advises("there is no directory `nowhere`");
    answer(&folder, &["check", "-"]).says("standard input");
}

#[test]
fn a_directory_of_runs_is_answered_with_the_runs_in_it() {
    let (folder, run) = trained();
    let other = folder.json(&["train", "task.toml", "--seeds", "5"])["run"].as_str().unwrap().to_owned();
    for given in ["runs", "."] {
        let found = answer(&folder, &["predict", given, "test.csv", "-o", "out 1.csv"]);
        found.says(&format!("`{given}` is a directory of runs")).advises(" UTC");
        let order: Vec<_> =
            found.remedy.lines().skip(1).map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(order, [&other, &run], "{}", found.remedy);
        assert_eq!(found.commands(), [format!("cloze predict {other} test.csv -o \"out 1.csv\" --json")]);
        follow(&folder, &found);
        fs::remove_file(folder.path("out 1.csv")).unwrap();
        follow(&folder, &answer(&folder, &["eval", given, "test.csv"]));
    }
    let shown = folder.fail(&["eval", "runs", "test.csv"]);
    assert!(shown.contains("help: to use the newest, type `cloze eval runs/weather-"), "{shown}");
}

#[test]
fn a_directory_without_runs_is_answered_with_how_to_get_one() {
    let folder = Folder::new();
    for (given, runs) in [(".", "runs"), (".", "kept")] {
        let args = ["predict", given, "test.csv", "--runs", runs];
        let found = answer(&folder, &args);
        found.says("`.` is not a run directory").advises("train it with");
        for command in found.commands() {
            typed(&folder, command);
        }
        fs::rename(folder.path(runs), folder.path(&format!("away from {runs}"))).unwrap();
    }
    fs::create_dir(folder.path("empty")).unwrap();
    answer(&folder, &["predict", "empty", "test.csv"]).says("`empty` is not a run directory");
    let run = folder.train();
    let found = answer(&folder, &["predict", "empty", "test.csv"]);
    follow(&folder, found.says("`empty` is not a run directory").advises(&run));
}

#[test]
fn runs_that_cannot_predict_are_not_recommended() {
    let (folder, run) = trained();
    let none = folder.json(&["train", "task.toml", "--keep", "none"])["run"].as_str().unwrap().to_owned();
    let found = answer(&folder, &["predict", "runs", "test.csv"]);
    assert!(found.commands()[0].contains(&run), "{}", found.remedy);
    assert!(folder.run(&["predict", "task.toml", "test.csv"]).status.success());
    fs::remove_dir_all(folder.path(&run)).unwrap();
    answer(&folder, &["predict", "task.toml", "test.csv"]).says("has kept no model");
    fs::rename(folder.path("runs"), folder.path("kept")).unwrap();
    let found = answer(&folder, &["predict", "kept", "test.csv"]);
    follow(
        &folder,
        found.advises("none of the runs there can predict").advises(&none.replace("runs/", "kept/")),
    );
    follow(&folder, &answer(&folder, &["predict", "kept", "test.csv"]));
}

#[test]
fn a_run_that_is_not_there_is_answered_with_the_one_that_is() {
    let (folder, run) = trained();
    let name = run.strip_prefix("runs/").unwrap();
    let slip = run.replace("weather", "wether");
    for given in [name, "weather", &slip, "runs/weather", "taks.toml"] {
        let found = answer(&folder, &["predict", given, "test.csv"]);
        found.says(&format!("there is no run `{given}`")).advises("did you mean");
        follow(&folder, &found);
    }
    let found = answer(&folder, &["eval", "zebra", "test.csv"]);
    follow(&folder, found.advises("to use the newest, type"));
    answer(&Folder::empty(), &["eval", "zebra", "test.csv"]).advises("`cloze train task.toml` creates a run");
}

#[test]
fn arguments_in_the_wrong_order_are_told_from_other_mistakes() {
    let (folder, run) = trained();
    for other in [&run, "task.toml"] {
        let found = answer(&folder, &["predict", "test.csv", other]);
        found.says("is given where the rows belong").advises("the run comes first");
        follow(&folder, &found);
        follow(&folder, &answer(&folder, &["eval", "test.csv", other, "--with", "ensemble"]));
        let found = answer(&folder, &["predict", "the sun is up", other]);
        assert!(follow(&folder, &found).contains("\"text\":[\"the sun is up\"]"));
    }
    let found = answer(&folder, &["predict", "test.csv", "unlabeled.csv"]);
    follow(&folder, found.says("`test.csv` is a table, not a run"));
    let found = answer(&folder, &["predict", &format!("{run}/results.json"), "test.csv"]);
    follow(&folder, found.says("is part of the run"));
    let found = answer(&folder, &["predict", &format!("{run}/g0"), "test.csv"]);
    follow(&folder, found.says("is part of the run"));
    folder.write("notes.txt", "hello\n");
    let found = answer(&folder, &["predict", "notes.txt", "test.csv"]);
    follow(&folder, found.says("is neither a run nor a task file"));
}

#[test]
fn a_task_file_stands_for_the_newest_run_of_its_task() {
    let (folder, run) = trained();
    let other = folder.json(&["train", "task.toml", "--seeds", "5"])["run"].as_str().unwrap().to_owned();
    let output = folder.run(&["eval", "task.toml", "test.csv"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&format!("the newest run of `weather`: {other}, 20")), "{told}");
    assert!(!told.contains("warning"), "{told}");
    assert_eq!(output.stdout, folder.run(&["eval", &other, "test.csv"]).stdout);
    // Trained again, the first one is the newest, though nothing had to be done.
    assert_eq!(folder.train(), run);
    let text = folder.run(&["predict", "task.toml", "--text", "the sun"]);
    assert!(String::from_utf8(text.stderr).unwrap().contains(&run));
    // The runs are found from elsewhere too: beside the task file, or where `--runs` says.
    let elsewhere = Folder::empty();
    let task = folder.path("task.toml").display().to_string();
    elsewhere.succeed(&["predict", &task, "--text", "the sun"]);
    fs::rename(folder.path("runs"), elsewhere.path("kept")).unwrap();
    elsewhere.succeed(&["predict", &task, "--text", "the sun", "--runs", "kept"]);
}

#[test]
fn a_task_that_was_not_trained_or_has_changed_since_says_what_to_do() {
    let folder = Folder::new();
    for args in [["predict", "task.toml", "test.csv"], ["eval", "task.toml", "test.csv"]] {
        let found = answer(&folder, &args);
        found.says("there is no finished run of `weather` in `runs`");
        assert_eq!(found.commands(), ["cloze train task.toml"]);
    }
    let found = answer(&folder, &["predict", "task.toml", "test.csv", "--runs", "my runs"]);
    typed(&folder, found.commands()[0]);
    folder.succeed(&["predict", "task.toml", "test.csv", "--runs", "my runs"]);

    // A run that was begun goes on.
    let run = folder.train();
    for file in ["results.json", "report.html"] {
        fs::remove_file(folder.path(&run).join(file)).unwrap();
    }
    fs::remove_dir_all(folder.path(&run).join("final")).unwrap();
    let found = answer(&folder, &["predict", "task.toml", "test.csv"]);
    follow(&folder, found.advises("is not finished"));
    folder.succeed(&["predict", "task.toml", "test.csv"]);

    for (from, to, what) in
        [("[\"good\", \"great\"]", "\"great\"", "labels"), ("{mask}: {text}", "{mask} | {text}", "patterns")]
    {
        folder.change_task(from, to);
        let warned = || String::from_utf8(folder.run(&["predict", "task.toml", "test.csv"]).stderr).unwrap();
        let told = warned();
        assert!(
            told.contains(&format!("warning: the {what} in `task.toml` have changed since that run")),
            "{told}"
        );
        assert!(told.contains("`cloze train task.toml` starts a new one"), "{told}");
        typed(&folder, "cloze train task.toml");
        assert!(!warned().contains("warning"), "{}", warned());
    }
}

#[test]
fn a_task_of_the_same_name_elsewhere_lends_its_run_with_a_warning_only() {
    let (folder, run) = trained();
    folder.write("copy.toml", folder.read("task.toml"));
    let told = |task: &str| String::from_utf8(folder.run(&["predict", task, "test.csv"]).stderr).unwrap();
    assert!(told("copy.toml").contains("was made not from `copy.toml` but from"), "{}", told("copy.toml"));
    let own = folder.json(&["train", "copy.toml", "--seeds", "3"])["run"].as_str().unwrap().to_owned();
    assert!(told("copy.toml").contains(&own) && !told("copy.toml").contains("warning"));
    assert!(told("task.toml").contains(&run) && !told("task.toml").contains("warning"));
}

#[test]
fn rows_that_are_not_there_are_a_text_or_a_slip_of_the_pen() {
    let (folder, run) = trained();
    let long = "the sun and the light of day, ".repeat(20);
    for text in [&long, "my car", "refund", "it's $5, or \"so\"! (no)"] {
        let found = answer(
            &folder,
            &["predict", "task.toml", text, "-o", "out.csv", "--from=csv", "--with", "ensemble"],
        );
        found.says(&format!("there is no file `{text}`"));
        let label: Value = serde_json::from_str(&follow(&folder, &found)).unwrap();
        assert_eq!(label["text"][0], text);
    }
    let plain = folder.fail(&["predict", &run, "my car"]);
    assert!(plain.contains(&format!("`cloze predict {run} --text \"my car\"`")), "{plain}");
    for verb in ["predict", "eval"] {
        let found = answer(&folder, &[verb, &run, "tets.csv"]);
        follow(&folder, found.says("there is no file `tets.csv`").advises("did you mean"));
        answer(&folder, &[verb, &run, "zebra.csv"]).advises("`labelled.csv`, `test.csv`");
        answer(&folder, &[verb, &run, "nowhere/rows.csv"]).advises("there is no directory `nowhere`");
        answer(&folder, &[verb, &run, "task.toml"]).says("`task.toml` is a task file, not a table");
        answer(&folder, &[verb, &run, &run]).says("is a run, not a table");
    }
    assert!(!answer(&folder, &["eval", &run, "my car"]).remedy.contains("--text"));
}

#[test]
fn a_text_for_patterns_of_several_columns_is_given_a_place_for_each() {
    let folder = Folder::new();
    folder.change_task("{mask}: {text}", "{title}: {mask}. {text}");
    for file in ["labelled.csv", "test.csv", "unlabeled.csv"] {
        let rows = folder.read(file);
        let (header, rows) = rows.split_once('\n').unwrap();
        let rows = rows.lines().map(|row| format!("news,{row}\n")).collect::<String>();
        folder.write(file, format!("title,{header}\n{rows}"));
    }
    let run = folder.train();
    let found = answer(&folder, &["predict", &run, "my car"]);
    assert!(follow(&folder, &found).contains("[\"my car\",\"TITLE\"]"), "{}", found.remedy);
}

#[test]
fn a_directory_in_the_place_of_rows_is_answered_with_the_tables_in_it() {
    let (folder, run) = trained();
    fs::create_dir(folder.path("data")).unwrap();
    answer(&folder, &["predict", &run, "data"])
        .says("`data` is a directory")
        .advises("for example `labelled.csv`");
    folder.write("data/new.csv", labelled(4));
    for args in [
        &["predict", &run, "data"][..],
        &["eval", &run, "data"],
        &["init", "data", "--label", "label", "-o", "x.toml"],
    ] {
        follow(
            &folder,
            answer(&folder, args).says("`data` is a directory").advises("its table is `data/new.csv`"),
        );
    }
    folder.succeed(&["check", "x.toml"]);
    answer(&folder, &["init", ".", "--label", "label", "--force"])
        .says("`.` is a directory")
        .advises("give one of the tables in it: `labelled.csv`, `test.csv`, `unlabeled.csv`");
    let found = answer(&folder, &["init", "labeled.csv", "--label", "label", "--force"]);
    follow(&folder, found.says("there is no file `labeled.csv`"));
}

#[test]
fn a_run_that_nothing_was_measured_of_says_how_that_is_done() {
    let folder = Folder::new();
    folder.change_task("test = \"test.csv\"\n", "");
    let shown = folder.succeed(&["train", "task.toml"]);
    assert!(shown.contains("note: there are no labelled test rows, so the accuracy is unknown"), "{shown}");
    fs::rename(folder.path("test.csv"), folder.path("checked.csv")).unwrap();
    let command = shown.split('`').find(|part| part.starts_with("cloze eval ")).unwrap();
    assert!(typed(&folder, command).contains("of 20 rows right"));
    assert!(!folder.succeed(&["train", "task.toml", "--keep", "none"]).contains("cloze eval"));

    folder.change_task("[data]\n", "[data]\ntest = \"checked.csv\"\n");
    assert!(!folder.succeed(&["train", "task.toml"]).contains("no labelled test rows"));
}

#[test]
fn a_run_names_its_task_file_wherever_the_command_was_given() {
    let (folder, run) = trained();
    let record = folder.read(Path::new(&run).join("run.toml"));
    let path = fs::canonicalize(folder.path("task.toml")).unwrap();
    assert!(record.contains(&format!("\n# task: {}\n", path.display())), "{record}");
}
