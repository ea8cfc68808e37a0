//! Models adapted on the fixtures' text, and what must not depend on how often that was interrupted.

use std::collections::BTreeMap;
use std::fs;

use super::*;

const FAMILIES: [&str; 7] =
    ["bert", "distilbert", "electra", "roberta", "xlm-roberta", "albert", "albert-groups2"];

fn model(family: &str) -> Model {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder").join(family);
    Model::open(dir).unwrap()
}

/// Documents in which the same words come again and again.
fn text() -> String {
    let line = |number: usize| {
        let day = ["sun", "storm", "light", "night"][number % 4];
        format!("the {day} and the water of the old house in the morning were good for the people\n")
    };
    (0..120).map(|number| line(number) + if number % 3 == 2 { "\n" } else { "" }).collect()
}

fn small() -> Adaptation {
    Adaptation {
        length: 32,
        batch: 4,
        steps: Some(12),
        learning_rate: 3e-3,
        measure: Some(5),
        precision: Precision::Float32,
        ..Adaptation::default()
    }
}

/// A folder with text, and where a model is written.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), text()).unwrap();
        Bench { dir }
    }

    fn texts(&self) -> Vec<PathBuf> {
        vec![self.dir.path().join("notes.txt")]
    }

    fn output(&self) -> PathBuf {
        self.dir.path().join("adapted")
    }

    /// Adapts until the listener, which hears of every event, breaks.
    fn adapt(
        &self,
        adaptation: &Adaptation,
        family: &str,
        mut listener: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Adapted> {
        let device = Device::new(2);
        adaptation.run(&model(family), &self.texts(), &self.output(), &device, &mut listener)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.output()).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
            // It says how long it took.
            .filter(|(name, _)| name != "adapt.json")
            .collect()
    }
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn remedied(error: &Error) -> String {
    format!("{error}; {}", error.remedy().unwrap_or_default())
}

#[test]
fn the_held_out_loss_falls_and_the_result_is_a_model_to_start_from() {
    let bench = Bench::new();
    let adaptation = Adaptation { steps: Some(40), ..small() };
    let done = bench.adapt(&adaptation, "bert", go_on).unwrap();
    let (before, after) = (done.before.unwrap(), done.after.unwrap());
    assert!(after.loss < before.loss - 1.0, "{before:?} {after:?}");
    assert!(after.accuracy > before.accuracy && done.whole_words);
    assert_eq!((done.documents, done.files, done.steps), (40, 1, 40));
    let mut names: Vec<String> = bench.files().into_keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "README.md",
            "adapt.jsonl",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    let card = fs::read_to_string(bench.output().join("README.md")).unwrap();
    assert!(card.starts_with("---\npipeline_tag: fill-mask\n"), "{card}");
    assert!(card.contains(&format!("before and is {:.3} now", after.loss)), "{card}");
    assert!(!bench.dir.path().join("adapted.unfinished").exists());
    let about: Value = serde_json::from_slice(&fs::read(bench.output().join("adapt.json")).unwrap()).unwrap();
    assert_eq!(about["result"]["tokens"], done.tokens);
    let again = Model::open(bench.output()).unwrap();
    assert!(cloze_encoder::Model::masked_lm(again.checkpoint()).is_ok());
    let original = model("bert");
    assert_eq!(again.checkpoint().tokenizer.json(), original.checkpoint().tokenizer.json());
}

#[test]
fn an_adaptation_that_is_stopped_anywhere_ends_with_the_same_bytes() {
    // Tied word embeddings and others, with and without an anchor.
    for (family, anchor) in [("bert", 0.0), ("roberta", 0.5)] {
        let whole = Bench::new();
        let adaptation = Adaptation { anchor, ..small() };
        whole.adapt(&adaptation, family, go_on).unwrap();
        let expected = whole.files();

        let bench = Bench::new();
        // Stopped after so many events, each time from where it was.
        let mut stops = [1, 3, 4, 5, 7, 9, 12, 15, 8].into_iter();
        let mut stopped = 0;
        loop {
            let mut left = stops.next().unwrap_or(usize::MAX);
            let listener = |_: &Event| {
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            match bench.adapt(&adaptation, family, listener) {
                Err(Error::Stopped) => stopped += 1,
                Ok(_) => break,
                Err(error) => panic!("{error}"),
            }
            assert!(!bench.output().exists());
        }
        assert!(stopped >= 6, "{stopped}");
        assert!(bench.files() == expected, "{family}");
    }
}

#[test]
fn the_number_of_threads_and_when_checkpoints_are_written_change_nothing() {
    let whole = Bench::new();
    whole.adapt(&small(), "bert", go_on).unwrap();
    let other = Bench::new();
    let adaptation = Adaptation { checkpoint: Some(2), ..small() };
    adaptation.run(&model("bert"), &other.texts(), &other.output(), &Device::new(1), &mut go_on).unwrap();
    assert!(other.files() == whole.files());
}

#[test]
fn every_family_is_adapted() {
    for family in FAMILIES {
        let bench = Bench::new();
        let adaptation = Adaptation { steps: Some(1), anchor: 0.1, warmup: 0.0, ..small() };
        let done =
            bench.adapt(&adaptation, family, go_on).unwrap_or_else(|error| panic!("{family}: {error}"));
        assert!(done.before.unwrap() != done.after.unwrap(), "{family}");
        assert_eq!(
            Model::open(bench.output()).unwrap().checkpoint().parameter_count(),
            model(family).checkpoint().parameter_count()
        );
    }
}

/// The mean cosine between the mean states of the text before and after.
fn similarity(family: &str, bench: &Bench) -> f64 {
    let states = |model: &Model| {
        let checkpoint = model.checkpoint();
        let network = cloze_encoder::Model::masked_lm(checkpoint).unwrap();
        let mut session = Session::new(network, &Device::new(2));
        let lines = text();
        let sequences: Vec<_> = lines
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| checkpoint.tokenizer.assemble(&checkpoint.tokenizer.tokenize(line), None))
            .collect();
        (anchor::states(&mut session, &sequences), checkpoint.config.hidden_size)
    };
    let (before, hidden) = states(&model(family));
    let (after, _) = states(&Model::open(bench.output()).unwrap());
    let cosine = |(a, b): (&[f32], &[f32])| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let pairs = before.chunks(hidden).zip(after.chunks(hidden));
    let cosines: Vec<f64> = pairs.map(cosine).collect();
    cosines.iter().sum::<f64>() / cosines.len() as f64
}

#[test]
fn an_anchor_keeps_the_states_of_text_near_what_they_were() {
    let of = |anchor: f32| {
        let bench = Bench::new();
        let adaptation = Adaptation { steps: Some(30), anchor, ..small() };
        bench.adapt(&adaptation, "bert", go_on).unwrap();
        similarity("bert", &bench)
    };
    let (free, anchored) = (of(0.0), of(5.0));
    assert!(anchored > free + 0.02, "{anchored} {free}");
}

/// Tasks whose answer follows from their text.
fn tasks(rows: usize) -> String {
    let row = |number: usize| {
        let (day, answer) = [("sun", "good"), ("storm", "bad")][number % 2];
        format!("the {day} and the water are {{mask}} .,good bad old,{answer}\n")
    };
    "text,words,answer\n".to_owned() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn cloze_tasks_are_learned_beside_the_text_and_go_on_where_they_stopped() {
    for family in ["bert", "roberta"] {
        let bench = Bench::new();
        let path = bench.dir.path().join("tasks.csv");
        fs::write(&path, tasks(40)).unwrap();
        let adaptation = Adaptation { tasks: vec![path.clone()], task_batch: 8, steps: Some(40), ..small() };
        let done = bench.adapt(&adaptation, family, go_on).unwrap();
        let (before, after) = (done.before.unwrap().tasks.unwrap(), done.after.unwrap().tasks.unwrap());
        assert!(after == 1.0 && before < 1.0, "{family}: {before} {after}");
        let expected = bench.files();

        fs::remove_dir_all(bench.output()).unwrap();
        let mut updates = 0;
        let stop = |event: &Event| match event {
            Event::Progress { stage, .. } if stage == "train" => {
                updates += 1;
                if updates == 17 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        };
        assert!(matches!(bench.adapt(&adaptation, family, stop), Err(Error::Stopped)));
        fs::write(&path, tasks(38)).unwrap();
        let error = remedied(&bench.adapt(&adaptation, family, go_on).unwrap_err());
        assert!(error.contains("another tasks"), "{error}");
        fs::write(&path, tasks(40)).unwrap();
        bench.adapt(&adaptation, family, go_on).unwrap();
        assert!(bench.files() == expected, "{family}");
    }
}

#[test]
fn rows_that_are_no_tasks_are_refused_and_those_that_the_model_cannot_use_are_counted() {
    let bench = Bench::new();
    let path = bench.dir.path().join("tasks.csv");
    let adaptation = Adaptation { tasks: vec![path.clone()], ..small() };
    for (row, part) in [
        ("the sun is good,good bad,good", "line 42: the text has 0 masks; write `{mask}` once"),
        ("{mask} is {mask},good bad,good", "the text has 2 masks"),
        ("the sun is {mask},good bad,old", "`old` is none of the words"),
        ("the sun is {mask},good,good", "`good` is the only word"),
    ] {
        fs::write(&path, tasks(40) + row + "\n").unwrap();
        let error = remedied(&bench.adapt(&adaptation, "bert", go_on).unwrap_err());
        assert!(error.contains(part), "{error}");
    }
    let lines = "{\"text\": \"the sun is {mask}\", \"words\": [\"good\", \"bad\"], \"answer\": \"good\"}\n"
        .repeat(20);
    let listed = bench.dir.path().join("tasks.jsonl");
    fs::write(&listed, lines).unwrap();
    let from_lines = Adaptation { tasks: vec![listed], steps: Some(1), ..small() };
    assert!(bench.adapt(&from_lines, "bert", go_on).unwrap().after.unwrap().tasks.is_some());
    fs::remove_dir_all(bench.output()).unwrap();
    fs::write(&path, "text,word,answer\nthe {mask},good bad,good\n").unwrap();
    let error = remedied(&bench.adapt(&adaptation, "bert", go_on).unwrap_err());
    assert!(error.contains("there is no column `words`; did you mean `word`?"), "{error}");

    let long = "the sun ".repeat(40);
    let odd = format!("{}{long}{{mask}},good bad,good\nthe {{mask}},good xylophonist,good\n", tasks(40));
    fs::write(&path, odd).unwrap();
    let mut told = String::new();
    let adaptation = Adaptation { steps: Some(1), ..adaptation };
    let done = bench.adapt(&adaptation, "bert", |event| {
        if let Event::Warning { message } = event {
            told += message;
        }
        ControlFlow::Continue(())
    });
    assert!(done.unwrap().after.unwrap().tasks.is_some());
    assert!(told.contains("1 task longer than a sequence is left out"), "{told}");
    assert!(
        told.contains("1 task with a word that is not a token of its own, such as `xylophonist`"),
        "{told}"
    );
}

#[test]
fn an_unfinished_adaptation_goes_on_only_as_it_was_begun() {
    let bench = Bench::new();
    let stop = |event: &Event| match event {
        Event::Progress { stage, .. } if stage == "train" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(matches!(bench.adapt(&small(), "bert", stop), Err(Error::Stopped)));
    let other = Adaptation { seed: 7, learning_rate: 1e-4, ..small() };
    let error = remedied(&bench.adapt(&other, "bert", go_on).unwrap_err());
    assert!(error.contains("adapted.unfinished` is unfinished and was begun with"), "{error}");
    assert!(error.contains("learning rate 0.003 instead of 0.0001, seed 0 instead of 7"), "{error}");
    assert!(error.contains("to begin anew, remove `"), "{error}");
    fs::write(&bench.texts()[0], "another text\n").unwrap();
    let error =
        remedied(&bench.adapt(&Adaptation { held_out: Some(0.0), ..small() }, "bert", go_on).unwrap_err());
    assert!(error.contains("another text"), "{error}");
    // The remedy helps.
    fs::remove_dir_all(bench.dir.path().join("adapted.unfinished")).unwrap();
    bench.adapt(&small(), "bert", go_on).unwrap();
    let error = remedied(&bench.adapt(&small(), "bert", go_on).unwrap_err());
    assert!(
        error.contains("adapted` already exists, and nothing is overwritten; choose another name"),
        "{error}"
    );
}

#[test]
fn a_damaged_checkpoint_is_noticed() {
    let bench = Bench::new();
    let stop = |event: &Event| match event {
        Event::Progress { stage, .. } if stage == "train" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(bench.adapt(&small(), "bert", stop).is_err());
    let state = bench.dir.path().join("adapted.unfinished/state.bin");
    let mut bytes = fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&state, bytes).unwrap();
    let error = remedied(&bench.adapt(&small(), "bert", go_on).unwrap_err());
    assert!(error.contains("state.bin`: it is damaged: it is not what was written; remove `"), "{error}");
}

#[test]
fn tables_are_read_by_their_columns_and_rows_without_text_are_counted() {
    let bench = Bench::new();
    let path = bench.dir.path().join("rows.csv");
    let rows: String = (0..40).map(|row| format!("{row},the sun {row},and the light of the day\n")).collect();
    fs::write(&path, format!("id,title,body\n{rows}40,,\n")).unwrap();
    let device = Device::new(2);
    let run = |adaptation: &Adaptation, listener: &mut dyn FnMut(&Event) -> ControlFlow<()>| {
        adaptation.run(&model("bert"), std::slice::from_ref(&path), &bench.output(), &device, listener)
    };
    let error = remedied(&run(&small(), &mut go_on).unwrap_err());
    assert!(error.contains("rows.csv`: there is no column `text`; name those with text with"), "{error}");
    assert!(error.contains("`--column NAME`; the columns are `id`, `title`, `body`"), "{error}");
    let near = Adaptation { columns: vec!["titel".into()], ..small() };
    assert!(remedied(&run(&near, &mut go_on).unwrap_err()).contains("did you mean `--column title`?"));
    let both = Adaptation { columns: vec!["title".into(), "body".into()], steps: Some(1), ..small() };
    let mut warned = Vec::new();
    let mut listen = |event: &Event| {
        if let Event::Warning { message } = event {
            warned.push(message.clone());
        }
        ControlFlow::Continue(())
    };
    assert_eq!(run(&both, &mut listen).unwrap().documents, 40);
    assert_eq!(warned, ["1 row without text is passed over"]);
}

#[test]
fn the_rows_of_a_task_are_adapted_to_once_and_its_test_rows_never() {
    let dir = tempfile::tempdir().unwrap();
    let rows = |count: usize| {
        (0..count).map(|row| format!("the sun and the water {row},good\n")).collect::<String>()
    };
    fs::write(dir.path().join("train.csv"), format!("text,label\n{}", rows(8))).unwrap();
    fs::write(dir.path().join("more.csv"), format!("text,label\n{}", rows(60))).unwrap();
    fs::write(dir.path().join("test.csv"), format!("text,label\n{}", rows(30))).unwrap();
    let file = "format = 1\nname = \"days\"\npatterns = [\"It is {mask}. {text}\"]\n[data]\ntrain = \"train.csv\"\n\
                unlabeled = \"more.csv\"\ntest = \"test.csv\"\nlabel = \"label\"\n[labels]\ngood = \"good\"\nbad = \"bad\"\n";
    let task = crate::Task::parse("task.toml", file, dir.path()).unwrap();
    let prepared = Prepared::new(&task, &model("bert"), &Device::new(2)).unwrap();
    let runs = dir.path().join("runs");
    let mut read = Vec::new();
    let mut listener = |event: &Event| {
        if let Event::Packed { documents, .. } = event {
            read.push(*documents);
        }
        ControlFlow::Continue(())
    };
    let adaptation = Adaptation { length: 32, batch: 4, steps: Some(2), ..Adaptation::default() };
    let (first, seconds) = adaptation.to_rows(&prepared, &runs, &mut listener).unwrap();
    let (again, the_same) = adaptation.to_rows(&prepared, &runs, &mut listener).unwrap();
    assert_eq!(read, [68]);
    assert!(seconds > 0.0 && seconds == the_same, "{seconds} {the_same}");
    assert!(first.name.contains("adapted/days-") && first.name == again.name, "{}", first.name);
    assert_ne!(first.checkpoint().fingerprint(), prepared.model.checkpoint().fingerprint());
    let other = Adaptation { seed: 1, ..adaptation };
    assert_ne!(other.to_rows(&prepared, &runs, &mut go_on).unwrap().0.name, first.name);
}

#[test]
fn text_and_options_that_cannot_be_used_are_refused_with_a_remedy() {
    let bench = Bench::new();
    let refused = |adaptation: Adaptation| remedied(&bench.adapt(&adaptation, "bert", go_on).unwrap_err());
    assert!(refused(Adaptation { length: 4, ..small() }).contains("give one from 8 to 256"));
    assert!(refused(Adaptation { length: 512, ..small() }).contains("give one from 8 to 256"));
    assert!(refused(Adaptation { mask_rate: (0.2, 0.0), ..small() }).contains("masking rate of 0 is not"));
    assert!(refused(Adaptation { steps: Some(0), ..small() }).contains("at least one step"));
    assert!(refused(Adaptation { learning_rate: 0.0, ..small() }).contains("learning rate of 0"));
    assert!(refused(Adaptation { held_out: Some(5000.0), ..small() }).contains("none left to train on"));
    assert!(refused(Adaptation { anchor: -1.0, ..small() }).contains("anchor of -1"));
    assert!(refused(Adaptation { warmup: 1.5, ..small() }).contains("warm-up of 1.5"));
    let wild = refused(Adaptation { anchor: 3e38, ..small() });
    assert!(wild.contains("diverged") && wild.contains("lower `--learning-rate`"), "{wild}");
    fs::remove_dir_all(bench.dir.path().join("adapted.unfinished")).unwrap();
    fs::write(&bench.texts()[0], "\n \n").unwrap();
    let empty = refused(small());
    assert!(empty.contains("notes.txt`: there is no text in it; fill it or leave it out"), "{empty}");
}

#[test]
fn text_of_which_the_vocabulary_knows_no_word_is_refused_or_left_out() {
    let bench = Bench::new();
    let notes = &bench.texts()[0];
    fs::write(notes, "ሀለሐ መሠረ\n\n".repeat(60)).unwrap();
    let error = bench.adapt(&small(), "bert", go_on).unwrap_err();
    assert!(remedied(&error).contains("knows no word of the text"), "{}", remedied(&error));
    assert!(remedied(&error).contains("language and script"), "{}", remedied(&error));

    fs::write(notes, text() + &"ሀለሐ መሠረ\n\n".repeat(90)).unwrap();
    let mut told = String::new();
    let done = bench.adapt(&Adaptation { batch: 1, ..small() }, "bert", |event| {
        if let Event::Warning { message } = event {
            told += message;
        }
        ControlFlow::Continue(())
    });
    assert!(done.unwrap().after.is_some());
    assert!(told.contains("no word that the model's vocabulary knows"), "{told}");
}

#[test]
fn documents_without_a_token_are_counted() {
    let bench = Bench::new();
    let table = bench.dir.path().join("rows.csv");
    let rows: String = (0..80).map(|_| "the water of the old house was good\n").collect();
    fs::write(&table, format!("text\n{rows}\u{200b}\n\u{200d}\n")).unwrap();
    let mut told = String::new();
    let mut listener = |event: &Event| {
        if let Event::Warning { message } = event {
            told += message;
        }
        ControlFlow::Continue(())
    };
    let done =
        small().run(&model("bert"), &[table], &bench.output(), &Device::new(1), &mut listener).unwrap();
    assert_eq!(done.documents, 80);
    assert!(told.contains("2 documents have no token"), "{told}");
}

#[test]
fn a_folder_that_is_not_its_own_is_left_alone() {
    let bench = Bench::new();
    let theirs = bench.dir.path().join("adapted.unfinished");
    fs::create_dir_all(theirs.join("chapters")).unwrap();
    fs::write(theirs.join("chapters/1.txt"), "words").unwrap();
    let error = bench.adapt(&small(), "bert", go_on).unwrap_err();
    assert!(remedied(&error).contains("not the unfinished work"), "{}", remedied(&error));
    assert!(theirs.join("chapters/1.txt").is_file() && !bench.output().exists());

    // Something laid into an adaptation's folder survives its end.
    fs::remove_dir_all(&theirs).unwrap();
    bench
        .adapt(&small(), "bert", |event| {
            if let Event::Packed { .. } = event {
                fs::write(theirs.join("note.md"), "mine").unwrap();
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(bench.output().is_dir() && theirs.join("note.md").is_file());
    assert!(!theirs.join("state.bin").exists() && !theirs.join("adapt.json").exists());
}

#[test]
fn models_in_a_folder_of_text_are_no_text() {
    let bench = Bench::new();
    let folder = bench.dir.path().to_owned();
    let adapt = |name: &str| {
        let output = folder.join(name);
        small().run(
            &model("bert"),
            std::slice::from_ref(&folder),
            &output,
            &Device::new(1),
            &mut |_: &Event| ControlFlow::Continue(()),
        )
    };
    let first = adapt("first").unwrap();
    assert_eq!(adapt("second").unwrap().documents, first.documents);
}

#[test]
fn work_without_end_is_refused() {
    let bench = Bench::new();
    for (adaptation, part) in [
        (Adaptation { steps: Some(usize::MAX), ..small() }, "would never end"),
        (Adaptation { steps: None, epochs: 1e300, ..small() }, "would never end"),
        (Adaptation { batch: usize::MAX, ..small() }, "does not fit into memory"),
    ] {
        let error = bench.adapt(&adaptation, "bert", go_on).unwrap_err();
        assert!(remedied(&error).contains(part), "{}", remedied(&error));
    }
}

/// Linux takes any bytes as a name.
#[cfg(target_os = "linux")]
#[test]
fn the_name_of_the_model_may_be_no_unicode() {
    use std::os::unix::ffi::OsStrExt;

    let bench = Bench::new();
    let output = bench.dir.path().join(std::ffi::OsStr::from_bytes(b"nu\xff"));
    small().run(&model("bert"), &bench.texts(), &output, &Device::new(1), &mut go_on).unwrap();
    assert!(output.join("adapt.json").is_file());
}
