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
fn only_the_owner_can_look_into_a_run() {
    let folder = Folder::new();
    let run = folder.train();
    let mode = std::fs::metadata(folder.path(&run)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
