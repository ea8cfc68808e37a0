//! Models from a hub that runs on this machine.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::hub::{Hub, NAME, commit, refusal, sha256};
use crate::support::{Folder, tiny_model};

/// What a model needs of the files that the hub has.
const WANTED: [&str; 6] = [
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
];

/// The names in a directory.
fn names(dir: impl Into<PathBuf>) -> Vec<String> {
    let entries = fs::read_dir(dir.into()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Where the tiny model is in the cache.
fn kept(folder: &Folder) -> PathBuf {
    folder.path("hf/hub/models--tests--tiny")
}

#[test]
fn what_a_model_needs_is_fetched_and_nothing_else() {
    let (folder, hub) = (Folder::new(), Hub::start());
    let fetched = hub.json(&folder, &[NAME]);
    let snapshot = kept(&folder).join("snapshots").join(commit("main"));
    assert_eq!(fetched["name"], NAME);
    assert_eq!(fetched["revision"], commit("main"));
    assert_eq!(fetched["directory"], snapshot.to_str().unwrap());
    assert_eq!(names(&snapshot), WANTED);
    assert_eq!(fetched["files"].as_array().unwrap().len(), WANTED.len());
    for file in fetched["files"].as_array().unwrap() {
        let bytes = fs::read(tiny_model().join(file["file"].as_str().unwrap())).unwrap();
        assert_eq!(fs::read(snapshot.join(file["file"].as_str().unwrap())).unwrap(), bytes);
        assert_eq!(
            (file["size"].clone(), file["sha256"].clone()),
            (bytes.len().into(), sha256(&bytes).into())
        );
    }
    // Under the names that other tools look for.
    assert_eq!(fs::read_to_string(kept(&folder).join("refs/main")).unwrap(), commit("main"));
    let weights = sha256(&fs::read(tiny_model().join("model.safetensors")).unwrap());
    assert!(kept(&folder).join("blobs").join(weights).is_file());
    assert!(
        !hub.asked()
            .iter()
            .any(|path| path.contains(".h5") || path.contains(".bin") || path.contains("onnx"))
    );
}

#[test]
fn a_fetched_model_is_used_by_its_name_without_a_hub() {
    let (folder, hub) = (Folder::new(), Hub::start());
    let printed = hub.fetch(&folder, &[NAME]);
    let dir = printed.lines().last().unwrap();
    assert_eq!(folder.json(&["zero-shot", "task.toml", "--model", dir])["result"]["rows"], "test");
    hub.asked();
    for model in [NAME.to_owned(), format!("{NAME}@main"), format!("{NAME}@{}", commit("main"))] {
        let mut command = folder.command(&["check", "task.toml", "--model", &model]);
        let output = command.env("HF_HOME", folder.path("hf")).env_remove("HF_HUB_CACHE").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(&format!("model {model}")), "{text}");
    }
    assert!(hub.asked().is_empty());
}

#[test]
fn a_name_that_was_not_fetched_says_how_to_fetch_it() {
    let folder = Folder::new();
    let mut command = folder.command(&["check", "task.toml", "--model", "google-bert/none"]);
    let error = refusal(command.env("HF_HOME", folder.path("hf")).env_remove("HF_HUB_CACHE"));
    assert!(error.contains("no model of that name has been fetched"), "{error}");
    assert!(error.contains("`cloze fetch google-bert/none`"), "{error}");
}

#[test]
fn with_to_the_files_are_put_into_a_directory() {
    let (folder, hub) = (Folder::new(), Hub::start());
    let printed = hub.fetch(&folder, &[NAME, "--to", "models/tiny", "--quiet"]);
    assert_eq!(printed, "models/tiny\n");
    assert_eq!(names(folder.path("models/tiny")), WANTED);
    assert!(!folder.path("models/tiny/model.safetensors").is_symlink());
    assert!(!folder.path("hf").exists());
    folder.succeed(&["check", "task.toml", "--model", "models/tiny"]);

    // Nothing is fetched twice, and nothing of the user's is lost.
    hub.asked();
    hub.fetch(&folder, &[NAME, "--to", "models/tiny"]);
    assert_eq!(hub.asked().len(), 1);
    folder.write("models/tiny/vocab.txt", "mine");
    let error = hub.fail(&folder, &[NAME, "--to", "models/tiny"]);
    assert!(
        error.contains("`models/tiny/vocab.txt` already exists") && error.contains("`--force`"),
        "{error}"
    );
    assert_eq!(folder.read("models/tiny/vocab.txt"), "mine");
    hub.fetch(&folder, &[NAME, "--to", "models/tiny", "--force"]);
    assert_eq!(folder.bytes("models/tiny/vocab.txt"), fs::read(tiny_model().join("vocab.txt")).unwrap());
}

#[test]
fn what_is_in_the_cache_is_copied_from_there() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.fetch(&folder, &[NAME]);
    hub.asked();
    hub.fetch(&folder, &[NAME, "--to", "copy"]);
    assert_eq!(hub.asked().len(), 1);
    assert_eq!(names(folder.path("copy")), WANTED);
}

#[test]
fn a_cut_download_goes_on_from_where_it_was() {
    for args in [[NAME].as_slice(), &[NAME, "--to", "model"]] {
        let (folder, hub) = (Folder::new(), Hub::start());
        hub.set(|state| state.cut = Some(300_000));
        let error = hub.fail(&folder, args);
        assert!(error.contains("trying again") && error.contains("returned 503"), "{error}");
        assert!(error.contains("the same command resumes"), "{error}");

        hub.set(|state| state.busy = 0);
        hub.asked();
        let fetched = hub.json(&folder, args);
        let asked = hub.asked();
        assert!(asked.iter().any(|path| path.ends_with("model.safetensors from 300000")), "{asked:?}");
        assert!(!asked.iter().any(|path| path.contains("config.json")), "{asked:?}");
        let dir = folder.path(fetched["directory"].as_str().unwrap());
        assert_eq!(
            fs::read(dir.join("model.safetensors")).unwrap(),
            fs::read(tiny_model().join("model.safetensors")).unwrap()
        );
        assert_eq!(names(dir), WANTED);
    }
}

#[test]
fn a_hub_without_ranges_gives_the_whole_file_again() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| state.cut = Some(300_000));
    hub.fail(&folder, &[NAME]);
    hub.set(|state| (state.busy, state.whole) = (0, true));
    hub.fetch(&folder, &[NAME]);
}

#[test]
fn a_hub_that_is_busy_is_asked_again() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| state.busy = 2);
    hub.fetch(&folder, &[NAME]);
}

#[test]
fn contents_that_the_hub_has_not_announced_are_deleted() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| state.tampers = true);
    let error = hub.fail(&folder, &[NAME]);
    assert!(error.contains("`model.safetensors` of `tests/tiny` arrived with the wrong contents"), "{error}");
    let weights = sha256(&fs::read(tiny_model().join("model.safetensors")).unwrap());
    assert!(!names(kept(&folder).join("blobs")).iter().any(|name| name.starts_with(&weights)));
    assert!(!kept(&folder).join("refs").exists());
    hub.set(|state| state.tampers = false);
    hub.fetch(&folder, &[NAME]);
}

#[test]
fn a_file_that_was_damaged_in_the_cache_is_fetched_again() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.fetch(&folder, &[NAME]);
    let bytes = fs::read(tiny_model().join("model.safetensors")).unwrap();
    let blob = kept(&folder).join("blobs").join(sha256(&bytes));
    fs::write(&blob, "damaged").unwrap();
    let output = hub.command(&folder, &[NAME]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("has unexpected contents"));
    assert_eq!(fs::read(blob).unwrap(), bytes);
}

#[test]
fn a_revision_is_a_branch_or_a_commit() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| {
        let mut files = state.revisions["main"].clone();
        files.insert("vocab.txt".to_owned(), b"other".to_vec());
        state.revisions.insert("refs/pr/1".to_owned(), files)
    });
    let other = hub.json(&folder, &[NAME, "--revision", "refs/pr/1"]);
    assert_eq!(other["revision"], commit("refs/pr/1"));
    assert_eq!(
        fs::read(kept(&folder).join("snapshots").join(commit("refs/pr/1")).join("vocab.txt")).unwrap(),
        b"other"
    );
    assert_eq!(hub.json(&folder, &[NAME, "--revision", &commit("main")])["revision"], commit("main"));
    let error = hub.fail(&folder, &[NAME, "--revision", "v9"]);
    assert!(
        error.contains("`tests/tiny` has no revision `v9`") && error.contains("/tests/tiny/commits/main"),
        "{error}"
    );
}

#[test]
fn a_model_that_may_not_be_seen_needs_a_token() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| state.token = Some("hf_secret"));
    let error = hub.fail(&folder, &[NAME]);
    assert!(error.contains("there is no model `tests/tiny`") && error.contains("set HF_TOKEN"), "{error}");
    let error = refusal(hub.command(&folder, &[NAME]).env("HF_TOKEN", "hf_wrong"));
    assert!(error.contains("does not let your token read") && !error.contains("hf_wrong"), "{error}");
    assert!(hub.command(&folder, &[NAME]).env("HF_TOKEN", "hf_secret").status().unwrap().success());

    // As `hf auth login` leaves it.
    let folder = Folder::new();
    fs::create_dir(folder.path("hf")).unwrap();
    folder.write("hf/token", "hf_secret\n");
    hub.fetch(&folder, &[NAME]);
}

#[test]
fn refusals_say_what_to_do() {
    let (folder, hub) = (Folder::new(), Hub::start());
    for (status, code, said) in [
        (403, "GatedRepo", "must be requested"),
        (404, "RepoNotFound", "there is no model `tests/tiny`"),
        (404, "", "there is no model `tests/tiny`"),
        (410, "", "returned 410"),
    ] {
        hub.set(|state| state.refuses = Some((status, code)));
        let error = hub.fail(&folder, &[NAME]);
        assert!(error.contains(said) && error.contains("help:"), "{error}");
    }
    assert!(hub.fail(&folder, &[NAME, "--json"]).starts_with(r#"{"error":{"message":"#));
    let error = refusal(hub.command(&folder, &[NAME]).env("HF_ENDPOINT", "http://127.0.0.1:1"));
    assert!(
        error.contains("cannot download from http://127.0.0.1:1") && error.contains("HTTPS_PROXY"),
        "{error}"
    );
    let error = refusal(hub.command(&folder, &[NAME]).env("HF_ENDPOINT", "hub"));
    assert!(error.contains("HF_ENDPOINT is `hub`"), "{error}");
    let error = refusal(hub.command(&folder, &[NAME]).env("HF_HUB_OFFLINE", "1"));
    assert!(error.contains("HF_HUB_OFFLINE is set"), "{error}");
    assert_eq!(hub.command(&folder, &["../etc"]).output().unwrap().status.code(), Some(2));
    assert!(!folder.path("hf/hub").exists());
}

#[test]
fn a_model_that_cloze_cannot_run_is_refused_before_its_weights() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.put("config.json", br#"{"model_type": "t5"}"#);
    let error = hub.fail(&folder, &[NAME, "--to", "model"]);
    assert!(error.contains("`tests/tiny` cannot be used: model type `t5` is not supported"), "{error}");
    assert!(!hub.asked().iter().any(|path| path.contains("model.safetensors")));
    assert!(names(folder.path("model")).is_empty());
    // What was there before is the user's.
    folder.write("model/config.json", br#"{"model_type": "t5"}"#);
    hub.fail(&folder, &[NAME, "--to", "model"]);
    assert_eq!(names(folder.path("model")), ["config.json"]);
    hub.remove("config.json");
    assert!(hub.fail(&folder, &[NAME]).contains("there is no `config.json`"));
}

#[test]
fn a_repository_without_weights_or_tokens_is_refused_at_once() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.remove("model.safetensors");
    hub.remove("pytorch_model.bin");
    let error = hub.fail(&folder, &[NAME]);
    assert!(
        error.contains("neither `model.safetensors` nor `pytorch_model.bin`, but tf_model.h5"),
        "{error}"
    );
    hub.remove("tokenizer.json");
    hub.remove("vocab.txt");
    assert!(hub.fail(&folder, &[NAME]).contains("neither `tokenizer.json` nor `vocab.txt`"));
}

#[test]
fn shards_are_fetched_by_their_index() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.remove("model.safetensors");
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let index = json!({"weight_map": {"a": shards[0], "b": shards[1], "c": shards[0]}});
    hub.put("model.safetensors.index.json", index.to_string().as_bytes());
    hub.put(shards[0], b"one");
    let error = hub.fail(&folder, &[NAME]);
    assert!(error.contains("it names `model-00002-of-00002.safetensors`, which is not there"), "{error}");
    hub.put(shards[1], b"two");
    let fetched = hub.json(&folder, &[NAME, "--to", "model"]);
    let files: Vec<&str> =
        fetched["files"].as_array().unwrap().iter().map(|file| file["file"].as_str().unwrap()).collect();
    assert_eq!(files[files.len() - 3..], ["model.safetensors.index.json", shards[0], shards[1]]);
    assert_eq!(folder.read(format!("model/{}", shards[1])), "two");
}

#[test]
fn two_processes_do_not_fetch_the_same_file() {
    let (folder, hub) = (Folder::new(), Hub::start());
    hub.set(|state| state.cut = Some(1000));
    hub.fail(&folder, &[NAME, "--to", "model"]);
    hub.set(|state| state.busy = 0);
    let part = names(folder.path("model")).into_iter().find(|name| name.ends_with(".incomplete")).unwrap();
    let held = fs::File::open(folder.path("model").join(part)).unwrap();
    held.lock().unwrap();
    let error = hub.fail(&folder, &[NAME, "--to", "model"]);
    assert!(error.contains("another process is fetching"), "{error}");
}
