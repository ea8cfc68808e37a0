//! Models, runs and disks that are not as they should be.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Folder, tiny_model};

/// A copy of the tiny model to be spoilt.
fn model(folder: &Folder) -> PathBuf {
    let dir = folder.path("model");
    fs::create_dir(&dir).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(tiny_model().join(file), dir.join(file)).unwrap();
    }
    dir
}

fn spoil(file: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    fs::write(file, change(fs::read(file).unwrap())).unwrap();
}

fn refused(folder: &Folder) -> String {
    for verb in ["check", "zero-shot"] {
        folder.fail(&[verb, "task.toml", "--model", "model"]);
    }
    folder.fail(&["train", "task.toml", "--model", "model"])
}

#[test]
fn a_truncated_model_file_is_named() {
    let folder = Folder::new();
    spoil(&model(&folder).join("model.safetensors"), |bytes| bytes[..bytes.len() / 2].to_vec());
    let error = refused(&folder);
    assert!(
        error.contains("`model/model.safetensors` is not usable") && error.contains("cut short"),
        "{error}"
    );
}

#[test]
fn a_config_that_lies_about_shapes_is_confronted_with_the_weights() {
    let folder = Folder::new();
    spoil(&model(&folder).join("config.json"), |bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace("\"intermediate_size\": 96", "\"intermediate_size\": 128")
            .into()
    });
    let error = refused(&folder);
    assert!(error.contains("has the shape"), "{error}");
    assert!(error.contains("`config.json` asks for"), "{error}");
}

#[test]
fn a_model_that_is_not_there_is_an_error_with_what_belongs_there() {
    let folder = Folder::new();
    let error = refused(&folder);
    assert!(error.contains("there is no directory `model`") && error.contains("`tokenizer.json`"), "{error}");
    model(&folder);
    fs::remove_file(folder.path("model/tokenizer.json")).unwrap();
    assert!(
        refused(&folder).contains("`model` is not usable: it has neither `tokenizer.json` nor `vocab.txt`")
    );
}

#[test]
fn a_damaged_file_of_a_run_is_named_and_nothing_else_is_lost() {
    let folder = Folder::new();
    let run = folder.train();
    let results = folder.read(format!("{run}/results.json"));
    spoil(&folder.path(&run).join("g0/ensemble/logits.csv"), |mut bytes| {
        bytes[30] ^= 1;
        bytes
    });
    let last = folder.path(&run).join("final");
    fs::remove_dir_all(&last).unwrap();
    let error = folder.fail(&["train", "task.toml"]);
    assert!(error.contains("logits.csv` is damaged") && error.contains("delete the directory"), "{error}");
    fs::remove_dir_all(folder.path(&run).join("g0/ensemble")).unwrap();
    folder.train();
    assert_eq!(folder.read(format!("{run}/results.json")), results);
}

#[test]
fn a_damaged_classifier_does_not_predict() {
    let folder = Folder::new();
    let run = folder.train();
    spoil(&folder.path(&run).join("final/model.safetensors"), |bytes| bytes[..1000].to_vec());
    let error = folder.fail(&["predict", &run, "test.csv"]);
    assert!(error.contains("final/model.safetensors` is damaged"), "{error}");
}

#[test]
fn a_directory_that_is_no_run_is_refused() {
    let folder = Folder::new();
    assert!(folder.fail(&["predict", ".", "test.csv"]).contains("is not a run directory"));
    assert!(folder.fail(&["eval", "nowhere", "test.csv"]).contains("there is no run `nowhere`"));
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let folder = Folder::new();
    folder.write("runs", "a file");
    let error = folder.fail(&["train", "task.toml"]);
    assert!(error.contains("cannot create `runs/weather-"), "{error}");
    let run = folder.json(&["train", "task.toml", "--runs", "elsewhere"])["run"].as_str().unwrap().to_owned();
    let error = folder.fail(&["predict", &run, "test.csv", "-o", "nowhere/out.csv"]);
    assert!(
        error.contains("there is no directory `nowhere`") && error.contains("`mkdir -p nowhere`"),
        "{error}"
    );
    fs::create_dir(folder.path("nowhere")).unwrap();
    folder.succeed(&["predict", &run, "test.csv", "-o", "nowhere/out.csv"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_directory_is_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let runs = folder.path("runs");
    fs::create_dir(&runs).unwrap();
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(runs.join("probe"), "").is_ok() {
        eprintln!("not run: this user may write everywhere");
        return;
    }
    let error = folder.fail(&["train", "task.toml"]);
    assert!(error.contains("choose a directory that you may write to"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_short_file() {
    let folder = Folder::new();
    let run = folder.train();
    let error = folder.fail(&["predict", &run, "test.csv", "-o", "/dev/full"]);
    assert!(error.contains("cannot write `/dev/full`"), "{error}");
}

#[test]
fn a_run_that_somebody_holds_alone_is_left_to_them() {
    let folder = Folder::new();
    let run = folder.train();
    let lock = fs::File::open(folder.path(&run).join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(folder.fail(&["train", "task.toml"]).contains("another process is working"));
}

#[test]
fn a_damaged_file_of_the_run_itself_is_not_shown_and_training_again_writes_it_anew() {
    let folder = Folder::new();
    let run = folder.train();
    // All but what it has cost, which grows with every process.
    let report = || {
        let page = folder.succeed(&["report", &run]);
        let (before, rest) = page.split_once("<h3>Cost</h3>").unwrap();
        (before.to_owned(), rest.split_once("</dl>").unwrap().1.to_owned())
    };
    let before = report();
    for (file, from, to) in [
        ("results.json", "\"value\": 0.", "\"value\": 0.0"),
        ("insight.json", "\"confidence\": 0.", "\"confidence\": 0.0"),
    ] {
        spoil(&folder.path(&run).join(file), |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{text}");
            text.replacen(from, to, 1).into_bytes()
        });
        let error = folder.fail(&["report", &run]);
        let said = format!("{file}: it is not what was written, as its checksum shows");
        assert!(
            error.replace('`', "").contains(&said) && error.contains("train the same task again"),
            "{error}"
        );
        assert_eq!(folder.train(), run);
        assert!(report() == before);
    }
    for byte in [b' ', 0xe9] {
        let record = folder.path(&run).join("run.toml");
        spoil(&record, |mut bytes| {
            *bytes.last_mut().unwrap() = byte;
            bytes
        });
        for verb in [["report", &run], ["train", "task.toml"]] {
            let error = folder.fail(&verb);
            assert!(error.contains("run.toml` has been changed since the run began"), "{error}");
            assert!(error.contains("move `") && error.contains("away and run `cloze train"), "{error}");
        }
        fs::remove_file(record).unwrap();
        assert_eq!(folder.train(), run);
        assert!(report() == before);
    }
}
