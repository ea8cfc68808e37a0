//! `cloze runs` and `cloze report`: what runs keep, and what can be shown of them.

use std::os::unix::fs::PermissionsExt;

use crate::support::Folder;

#[test]
fn older_runs_are_shown_and_then_removed() {
    let folder = Folder::new();
    let first = folder.train();
    folder.change_task("steps = 6", "steps = 5");
    let second = folder.train();
    let listed = folder.json(&["runs"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2, "{listed}");
    assert!(listed["runs"][0]["accuracy"].is_number() && listed["bytes"].as_u64() > Some(1_000_000));
    let shown = folder.succeed(&["runs", "prune"]);
    assert!(shown.contains(&first) && !shown.contains(&second) && shown.contains("--yes"), "{shown}");
    assert!(folder.path(&first).join("run.toml").exists(), "nothing was removed");
    folder.write(&format!("{first}/notes.txt"), "mine");
    folder.succeed(&["runs", "prune", "--members", "--yes"]);
    assert!(!folder.path(&first).join("run.toml").exists());
    assert_eq!(folder.read(format!("{first}/notes.txt")), "mine", "what is not the run's own stays");
    assert!(!folder.path(&second).join("g0").exists());
    let answered = folder.succeed(&["predict", &second, "--text", "the sun"]);
    assert!(answered.contains("good") || answered.contains("bad"), "{answered}");
    assert!(folder.succeed(&["runs", "prune"]).contains("nothing to remove"));
    let gone = folder.fail(&["runs", "nowhere"]);
    assert!(gone.contains("there is no directory `nowhere`"), "{gone}");
    // The same command makes again what is gone.
    assert_eq!(folder.train(), second);
}

#[test]
fn a_report_can_be_shown_without_the_texts() {
    let folder = Folder::new();
    let run = folder.train();
    // Words that the model used are marked.
    let text = |page: &str| -> String {
        page.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
    };
    let whole = text(&folder.succeed(&["report", &run]));
    assert!(whole.contains("of day 2"), "the report shows test rows");
    folder.succeed(&["report", &run, "--without-texts", "-o", "shared.html"]);
    let shared = folder.read("shared.html");
    assert!(!shared.contains("<mark"));
    let shared = text(&shared);
    assert!(!shared.contains("of day ") && shared.contains("accuracy"), "no text of the data is in it");
    let again = folder.fail(&["report", &run, "-o", "shared.html"]);
    assert!(again.contains("shared.html"), "{again}");
}

#[test]
fn what_a_run_has_cost_is_told_of_runs_that_were_measured() {
    let folder = Folder::new();
    let trained = folder.json(&["train", "task.toml"]);
    let run = trained["run"].as_str().unwrap();
    assert!(trained["cost"]["wall_seconds"].as_f64() > Some(0.0), "{}", trained["cost"]);
    let file = format!("{run}/energy.json");
    let mut energy: serde_json::Value = serde_json::from_str(&folder.read(&file)).unwrap();
    // A file without a checksum is taken as it is.
    energy.as_object_mut().unwrap().remove("checksum");
    energy["joules"] = serde_json::Value::Null;
    folder.write(&file, energy.to_string());
    let refused = folder.fail(&["report", run, "--carbon-intensity", "380"]);
    assert!(refused.contains("was not measured") && refused.contains("ask for a report without emissions"));
    folder.fail(&["report", run, "--to", "codecarbon"]);
    let told = folder.succeed(&["report", run, "--to", "card", "-o", "README.md"]);
    assert_eq!(told, format!("README.md: the model card of {run}, without any text of the data\n"));
    assert!(folder.read("README.md").contains("\n- cost: ") && !folder.read("README.md").contains("co2"));

    energy["joules"] = 7200.into();
    folder.write(&file, energy.to_string());
    let report = |form| folder.succeed(&["report", run, "--to", form, "--carbon-intensity", "250"]);
    assert!(report("html").contains("0.500 g CO2 equivalent"));
    assert!(report("card").contains("\n  emissions: 0.5\n"));
    let table = report("codecarbon");
    assert!(table.starts_with("timestamp,project_name,") && table.lines().count() == 2, "{table}");
    let refused = folder.fail(&["report", run, "--carbon-intensity=-1"]);
    assert!(refused.contains("not -1") && refused.contains("for example 380"), "{refused}");
}

#[test]
fn predictions_tell_what_a_thousand_cost_if_there_are_enough() {
    let folder = Folder::new();
    let run = folder.train();
    let rows = |count: usize| format!("text\n{}", "the sun\n".repeat(count));
    folder.write("few.csv", rows(99));
    folder.write("many.csv", rows(200));
    let few = folder.json(&["predict", &run, "few.csv", "-o", "1.csv"]);
    assert!(few["cost"]["wall_seconds"].is_number(), "{few}");
    assert!(few["cost_per_1000_rows"].is_null(), "{few}");
    let many = folder.json(&["predict", &run, "many.csv", "-o", "2.csv"]);
    let seconds = |cost: &str| many[cost]["cpu_seconds"].as_f64().unwrap();
    assert!((seconds("cost_per_1000_rows") - 5.0 * seconds("cost")).abs() < 0.01, "{many}");
    let told = folder.succeed(&["predict", &run, "many.csv", "-o", "3.csv"]);
    assert!(told.contains("; per 1,000 rows ") && told.contains(" of processor time"), "{told}");
    assert!(!folder.succeed(&["predict", &run, "few.csv", "-o", "4.csv"]).contains("per 1,000"));
}

#[test]
fn only_the_owner_can_look_into_a_run() {
    let folder = Folder::new();
    let run = folder.train();
    let mode = std::fs::metadata(folder.path(&run)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
