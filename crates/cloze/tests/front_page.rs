//! The code of the front page, run on a tiny random model: each block of `README.md` stands in here, line for line.

mod common;

use std::path::{Path, PathBuf};

use cloze::{Model, Task, TaskBuilder, Trainer};

/// Two labels, two patterns and a few steps.
fn moods() -> TaskBuilder {
    Task::builder()
        .name("moods")
        .pattern("It was {mask}. {text}")
        .pattern("{text} All in all, {mask}.")
        .label("up", ["good", "great"])
        .label("down", ["bad"])
        .options(|options| (options.steps, options.distil.steps) = (2, 2))
}

fn task() -> Task {
    moods()
        .train([("the sun was warm", "up"), ("the rain was cold", "down")])
        .unlabeled(["a long road", "a warm fire", "a cold house", "he wept"])
        .test([("they laughed", "up"), ("it rained", "down")])
        .build()
        .unwrap()
}

fn tiny() -> Model {
    Model::new("tiny", common::tiny())
}

/// A run that is finished.
fn run(folder: &Path) -> PathBuf {
    Trainer::new(&task()).model(tiny()).runs(folder).train().unwrap().path
}

mod first {
    use cloze::{Model, Predictor, Task, Trainer};

    fn main() -> cloze::Result<()> {
        let task = Task::builder()
            .name("support")
            .pattern("{text} This is about {mask}.")
            .pattern("Department: {mask}. {text}")
            .label("billing", ["invoice", "payment"])
            .label("technical", ["bug", "problem"])
            .train([
                ("I was charged twice this month", "billing"),
                ("the app crashes when I open it", "technical"),
            ])
            .unlabeled(["how do I change my card", "the screen stays black", "it freezes on page two"])
            .build()?;

        let model = Model::open("models/bert-base-uncased")?;
        let run = Trainer::new(&task).model(model).runs("runs").train()?;

        let predictor = Predictor::open(&run.path)?;
        let prediction = predictor.classify("where do I find my last invoice")?;
        println!("{:?} {:?}", prediction.label(), prediction.probabilities);
        Ok(())
    }

    /// The only test that needs a folder to be in; the others name theirs in full.
    #[test]
    fn the_first_example_is_a_whole_program() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("models/bert-base-uncased");
        std::fs::create_dir_all(&model).unwrap();
        let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert");
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            std::fs::copy(fixture.join(file), model.join(file)).unwrap();
        }
        std::env::set_current_dir(folder.path()).unwrap();
        main().unwrap();
        assert_eq!(std::fs::read_dir("runs").unwrap().count(), 1);
    }
}

mod files {
    use std::fs::File;
    use std::path::Path;

    use cloze::{Error, Format, Model, Predictor, Reader, Result, Task, Trainer};

    /// Trains the task of a file, and labels the rows of another file.
    fn label(task: &Path, model: Model, runs: &Path, input: &Path, output: &Path) -> Result<usize> {
        let task = Task::open(task)?;
        let run = Trainer::new(&task).model(model).runs(runs).train()?;

        let rows = Reader::open(input, Default::default())?;
        let file = File::create(output).map_err(|error| Error::io("create", output, error))?;
        let predictor = Predictor::open(&run.path)?;
        Ok(predictor.annotate(rows, file, "the output", Format::Csv, |_| Ok(()))?.rows)
    }

    #[test]
    fn rows_come_from_files_and_go_into_one() {
        let folder = super::common::Folder::new();
        folder.write("moods.toml", super::common::TASK);
        let path = |name: &str| folder.0.path().join(name);
        let rows =
            label(&path("moods.toml"), super::tiny(), &path("runs"), &path("test.csv"), &path("out.csv"));
        assert_eq!(rows.unwrap(), 4);
        assert!(std::fs::read_to_string(path("out.csv")).unwrap().starts_with("mood,text,prediction,p_up,"));
    }
}

mod pairs {
    use cloze::{Predictor, Record, Result, Task};

    fn entailment() -> Result<Task> {
        Task::builder()
            // `{sep}` separates the two texts as the model was taught to have pairs separated.
            .pattern("{hypothesis}? {sep} {mask}, {premise}")
            .label("follows", ["Yes"])
            .label("does not", ["No"])
            // A text for each column, in the order in which the patterns use them,
            .train([(["the shop is open at ten", "the shop opens at nine"], "follows")])
            // or values by the names of columns; columns that no pattern uses do no harm.
            .train([([("id", "17"), ("premise", "nobody came"), ("hypothesis", "it was full")], "does not")])
            .build()
    }

    fn ask(predictor: &Predictor, premise: &str, hypothesis: &str) -> Result<Option<String>> {
        let pair = Record::from([("premise", premise), ("hypothesis", hypothesis)]);
        Ok(predictor.classify(pair)?.label().map(str::to_owned))
    }

    #[test]
    fn texts_come_in_order_or_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let task = entailment().unwrap();
        let rows = task.examples(cloze::task::Split::Train).unwrap();
        assert_eq!(rows[1].texts, ["it was full", "nobody came"]);
        let trainer = cloze::Trainer::new(&task).model(super::tiny()).runs(folder.path());
        let predictor = Predictor::open(trainer.train().unwrap().path).unwrap();
        assert!(ask(&predictor, "the lake is frozen", "it is warm").unwrap().is_some());
    }
}

mod cancelling {
    use std::path::Path;
    use std::sync::mpsc::Receiver;
    use std::thread;

    use cloze::{Cancel, Error, Event, Model, Result, Run, Task, Trainer};

    /// Trains until it is done, or until something comes through `stop`.
    fn train(task: &Task, model: Model, runs: &Path, stop: Receiver<()>) -> Result<Option<Run>> {
        let cancel = Cancel::default();
        let canceller = cancel.clone();
        thread::spawn(move || stop.recv().map(|()| canceller.cancel()));

        let trained = Trainer::new(task)
            .model(model)
            .runs(runs)
            .cancel(&cancel)
            .on_event(|event| match event {
                Event::JobStarted { job, what } => println!("{job}: {what}"),
                Event::Progress { done, total, unit, .. } => println!("{done} of {total} {unit}"),
                _ => {}
            })
            .train();
        match trained {
            // What is finished is kept: the same call goes on from there.
            Err(Error::Stopped) => Ok(None),
            trained => trained.map(Some),
        }
    }

    #[test]
    fn training_stops_when_it_is_asked_to_and_goes_on_later() {
        let folder = tempfile::tempdir().unwrap();
        let task = super::moods()
            .options(|options| options.steps = 2000)
            .train([("the sun was warm", "up"), ("the rain was cold", "down")])
            .build()
            .unwrap();
        let (send, stop) = std::sync::mpsc::channel();
        send.send(()).unwrap();
        assert!(train(&task, super::tiny(), folder.path(), stop).unwrap().is_none());
        let (_, stop) = std::sync::mpsc::channel();
        assert!(train(&super::task(), super::tiny(), folder.path(), stop).unwrap().is_some());
    }
}

mod serving {
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;

    use cloze::{Predictor, Result};

    fn serve(run: &Path, requests: Vec<String>) -> Result<Vec<String>> {
        let predictor = Arc::new(Predictor::open(run)?);
        let threads = requests.into_iter().map(|text| {
            let predictor = Arc::clone(&predictor);
            thread::spawn(move || predictor.classify(text))
        });
        let threads: Vec<_> = threads.collect();
        let answers = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        answers.map(|answer| Ok(answer?.labels.concat())).collect()
    }

    #[test]
    fn threads_share_a_predictor() {
        let folder = tempfile::tempdir().unwrap();
        let texts = (0..4).map(|number| format!("day {number}")).collect();
        let labels = serve(&super::run(folder.path()), texts).unwrap();
        assert_eq!(labels.len(), 4);
        assert!(labels.iter().all(|label| ["up", "down"].contains(&label.as_str())));
    }
}

mod streaming {
    use std::io::{BufRead, Write};

    use cloze::{Error, Predictor, Result};

    /// Labels lines as they come, whatever their number.
    fn label_lines(predictor: &Predictor, input: impl BufRead, mut output: impl Write) -> Result<()> {
        let lines = input.lines().map_while(|line| line.ok());
        for prediction in predictor.classify_all(lines) {
            let prediction = prediction?;
            let label = prediction.label().unwrap_or("none");
            let probability = prediction.probability(label).unwrap_or(0.0);
            writeln!(output, "{label} {probability:.3}").map_err(|e| Error::io("write", "output", e))?;
        }
        Ok(())
    }

    #[test]
    fn lines_stream_through() {
        let folder = tempfile::tempdir().unwrap();
        let predictor = Predictor::open(super::run(folder.path())).unwrap();
        let mut output = Vec::new();
        label_lines(&predictor, &b"a warm day\na cold day\n"[..], &mut output).unwrap();
        assert_eq!(String::from_utf8(output).unwrap().lines().count(), 2);
    }
}

mod ensemble {
    use std::path::Path;

    use cloze::cloze_encoder::Device;
    use cloze::{Predictor, Result, With};

    /// The labels that the ensemble and its first member give.
    fn ask(run: &Path, text: &str) -> Result<[Vec<String>; 2]> {
        let device = Device::all_cores();
        let ensemble = Predictor::open_with(run, Some(With::Ensemble), &device)?;
        let member = Predictor::open_with(run, Some(With::Member { pattern: 0, seed: 0 }), &device)?;
        Ok([ensemble.classify(text)?.labels, member.classify(text)?.labels])
    }

    #[test]
    fn ensemble_and_members_answer() {
        let folder = tempfile::tempdir().unwrap();
        let labels = ask(&super::run(folder.path()), "a fine day").unwrap();
        assert!(labels.iter().all(|labels| labels.len() == 1));
    }
}

mod several_labels {
    use cloze::{Result, Task};

    fn tickets() -> Result<Task> {
        Task::builder()
            .pattern("{text} Is this about {topic}? {mask}.")
            .class("billing", "invoices and payments")
            .class("urgent", "something that cannot wait")
            .train([
                ("I was charged twice, please hurry", vec!["billing", "urgent"]),
                ("thank you for the nice talk", vec![]),
            ])
            .build()
    }

    #[test]
    fn an_example_has_none_or_several() {
        let rows = tickets().unwrap().examples(cloze::task::Split::Train).unwrap();
        let labels: Vec<_> = rows.iter().map(|row| row.label).collect();
        assert_eq!(labels, [Some(0), Some(0), Some(1), Some(1)]);
    }
}

mod choices {
    use cloze::{Result, Task};

    fn who() -> Result<Task> {
        Task::builder()
            .pattern("{text} It was {mask} who did it.")
            .choices("animals")
            .train([([("text", "something barked"), ("animals", r#"["the cat", "the dog"]"#)], "the dog")])
            .build()
    }

    #[test]
    fn an_example_has_choices_of_its_own() {
        let rows = who().unwrap().examples(cloze::task::Split::Train).unwrap();
        let example = &rows[0];
        assert_eq!(example.choices[example.label.unwrap()], "the dog");
    }
}

mod before_training {
    use cloze::cloze_encoder::Device;
    use cloze::inspect::{check, zero_shot};
    use cloze::{Model, Prepared, Result, Task};

    fn look(task: &Task, model: &Model) -> Result<()> {
        let device = Device::all_cores();
        // All mistakes at once, what is probably not meant, and what training would cost.
        let report = check(task, model, &device)?;
        for warning in &report.warnings {
            println!("{}: {} ({})", warning.place, warning.problem, warning.remedy);
        }
        if let Some(estimate) = &report.estimate {
            println!("{:.0} s, {} MB of memory", estimate.seconds, estimate.memory >> 20);
        }
        // What the pretrained model makes of the test rows, or of others where there are none.
        let prepared = Prepared::new(task, model, &device)?;
        let found = zero_shot(&prepared, 0, |_, _| Ok(()))?;
        if let Some(evaluation) = &found.together.evaluation {
            println!("{} rows, accuracy {:.2}", evaluation.rows, evaluation.accuracy.value);
        }
        Ok(())
    }

    #[test]
    fn a_task_is_looked_at() {
        look(&super::task(), &super::tiny()).unwrap();
    }
}

mod evaluating {
    use cloze::task::Split;
    use cloze::{Predictor, Result};

    fn accuracy(predictor: &Predictor, labelled: Vec<(String, String)>) -> Result<f64> {
        let task = predictor.task().clone().with_rows(Split::Test, labelled)?;
        let examples = task.examples(Split::Test)?;
        let evaluation = predictor.evaluate(&examples, |_, _| Ok(()))?;
        println!("between {} and {}", evaluation.accuracy.low, evaluation.accuracy.high);
        Ok(evaluation.accuracy.value)
    }

    #[test]
    fn labelled_examples_measure_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let predictor = Predictor::open(super::run(folder.path())).unwrap();
        let label = predictor.classify("a fine day").unwrap().labels.concat();
        assert_eq!(accuracy(&predictor, vec![("a fine day".to_owned(), label)]).unwrap(), 1.0);
    }
}

mod studying {
    use std::ops::ControlFlow;
    use std::path::Path;

    use cloze::cloze_encoder::Device;
    use cloze::study::{Alternatives, Factor, Study};
    use cloze::{Model, Result, Task};

    fn do_patterns_matter(task: &Task, model: Model, studies: &Path) -> Result<Vec<String>> {
        let others = Alternatives::default();
        let study = Study::new(task, &model, &others, &[Factor::Patterns], 2, &Device::all_cores())?;
        println!("{} runs", study.runs);
        Ok(study.carry_out(studies, &mut |_| ControlFlow::Continue(()))?.findings.conclusions)
    }

    #[test]
    fn a_study_comes_to_conclusions() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!do_patterns_matter(&super::task(), super::tiny(), folder.path()).unwrap().is_empty());
    }
}

mod errors {
    use cloze::{Error, Task};

    fn explain(error: &Error) {
        match error {
            Error::Task(task) => task.mistakes.iter().for_each(|mistake| println!("{mistake}")),
            Error::Data { place, .. } => println!("row {:?}, column {:?}", place.line, place.field),
            other => println!("{other}"),
        }
        if let Some(remedy) = error.remedy() {
            println!("what to do: {remedy}");
        }
    }

    fn typo() -> cloze::Result<Task> {
        let task = Task::builder().pattern("{text} {mask}").label("good", ["good"]).label("bad", ["bad"]);
        task.train([("a fine day", "good"), ("a cold house", "bda")]).build()
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        let error = typo().unwrap().examples(cloze::task::Split::Train).unwrap_err();
        explain(&error);
        assert!(error.remedy().unwrap().starts_with("did you mean `bad`?"));
        explain(&super::moods().pattern("{text}").build().unwrap_err());
    }
}

/// The lines of code in a text without what they are indented by.
fn flat(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// The blocks of Rust in a document.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```rust").skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("```").next()).collect()
}

#[test]
fn every_block_of_the_front_page_is_run_here() {
    let page = include_str!("../README.md");
    let here = flat(include_str!("front_page.rs"));
    let blocks = blocks(page);
    assert!(blocks.len() >= 12, "{}", blocks.len());
    for block in blocks {
        assert!(here.contains(&flat(block)), "not in tests/front_page.rs as it stands:\n{block}");
    }
}

/// A registry has links to the published documentation, rustdoc to the items themselves.
#[test]
fn the_front_page_links_to_the_same_items_in_a_registry_and_in_the_documentation() {
    let labels = |text: &str, sign: &str| -> Vec<(String, String)> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(sign));
        let links = lines.filter_map(|line| line.split_once("`]: "));
        links.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
    };
    let items = labels(include_str!("../src/lib.rs"), "//! [`");
    let pages = labels(include_str!("../README.md"), "[`");
    assert_eq!(items.len(), pages.len());
    for ((label, item), (published, page)) in items.iter().zip(&pages) {
        assert_eq!(label, published);
        // `crate::run::event::Event` is `cloze/run/event/enum.Event.html`; a method comes after `#`.
        let path = page.strip_prefix("https://docs.rs/cloze/latest/cloze/").unwrap();
        let plain = path
            .replace(".html", "")
            .replace("#variant.", "/")
            .replace("#method.", "/")
            .replace("/index", "");
        let plain: Vec<&str> =
            plain.split('/').map(|part| part.rsplit_once('.').map_or(part, |(_, name)| name)).collect();
        assert_eq!(format!("crate::{}", plain.join("::")), *item, "{page}");
    }
}
