//! Calibrated probabilities and promised precision, from checked rows to predictions.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use cloze::task::Split;
use cloze::{Attribution, Calibration, Error, Examples, Format, Predictor, ReadOptions, Reader, Run, With};
use cloze_encoder::Device;
use common::{Folder, TASK};

/// A folder with a run, and rows that have the run's own answers as labels, except for the least confident ones.
fn with_checked_rows(rows: usize, wrong: usize) -> (Folder, PathBuf, Examples) {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap().path;
    let examples = checked(&open(&run), &folder, rows, wrong);
    (folder, run, examples)
}

fn open(run: &Path) -> Predictor {
    Predictor::open_with(run, None, &Device::new(1)).unwrap()
}

fn texts(rows: usize) -> Vec<String> {
    let words = ["sun", "rain", "fire", "house", "day", "cold"];
    (0..rows).map(|row| format!("the {} of {row} and the {}", words[row % 6], words[row / 6 % 6])).collect()
}

fn checked(predictor: &Predictor, folder: &Folder, rows: usize, wrong: usize) -> Examples {
    let texts = texts(rows);
    let answers: Vec<_> = predictor.classify_all(texts.clone()).map(Result::unwrap).collect();
    let confidence = |at: usize| answers[at].probability(answers[at].label().unwrap()).unwrap();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| confidence(a).total_cmp(&confidence(b)));
    let other = |label: &str| if label == "up" { "down" } else { "up" };
    let labelled = (0..rows).map(|row| {
        let label = answers[row].label().unwrap();
        let is_wrong = order[..wrong].contains(&row);
        (texts[row].clone(), if is_wrong { other(label) } else { label }.to_owned())
    });
    folder.task(TASK).with_rows(Split::Test, labelled).unwrap().examples(Split::Test).unwrap()
}

fn calibrate(run: &Path, examples: &Examples) -> Calibration {
    let calibration = open(run).calibrate(examples, |_, _| Ok(())).unwrap();
    calibration.save(run).unwrap();
    calibration
}

/// Whether a calibration was read as it was written, up to the last digit of its figures.
fn is_same(read: Option<&Calibration>, made: &Calibration) -> bool {
    let read = read.unwrap();
    (read.temperature / made.temperature - 1.0).abs() < 1e-12
        && (read.nll.after.value - made.nll.after.value).abs() < 1e-12
        && (read.rows(), &read.answered_by, read.coverage())
            == (made.rows(), &made.answered_by, made.coverage())
}

fn annotate(predictor: &Predictor, input: &str, format: Format) -> (String, cloze::Annotated) {
    let reader =
        Reader::new("input", std::io::Cursor::new(input.to_owned()), ReadOptions::default()).unwrap();
    let mut output = Vec::new();
    let written = predictor.annotate(reader, &mut output, "output", format, |_| Ok(())).unwrap();
    (String::from_utf8(output).unwrap(), written)
}

/// All files of a directory with their contents.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_calibrated_run_gives_the_same_labels_and_other_probabilities_until_it_is_removed() {
    let (_folder, run, examples) = with_checked_rows(120, 24);
    let before = contents(&run);
    let plain: Vec<_> = open(&run).classify_all(texts(20)).map(Result::unwrap).collect();
    let made = calibrate(&run, &examples);
    assert!(made.temperature > 0.0 && made.temperature != 1.0, "{}", made.temperature);
    assert_eq!((made.rows(), made.accuracy.value, made.answered_by.as_str()), (120, 0.8, "final"));
    assert!(is_same(Calibration::open(&run).unwrap().as_ref(), &made));

    // Nothing else in the run has changed.
    let file = run.join("temperature.json");
    let others: Vec<_> = contents(&run).into_iter().filter(|(path, _)| *path != file).collect();
    assert!(others == before);
    assert!(!fs::read_to_string(&file).unwrap().contains("the sun"));

    let predictor = open(&run);
    assert!(is_same(predictor.calibration(), &made));
    for (plain, now) in plain.iter().zip(predictor.classify_all(texts(20))) {
        let now = now.unwrap();
        assert_eq!((now.label(), &now.scores), (plain.label(), &plain.scores));
        // Two labels: the logit is divided by the temperature.
        let logit = |pair: &(String, f64)| (pair.1 / (1.0 - pair.1)).ln();
        let expected = logit(&plain.probabilities[0]) / made.temperature;
        assert!((logit(&now.probabilities[0]) - expected).abs() < 1e-9);
    }
    // What is explained is the probability that is shown.
    let text = "the sun of 0 and the rain";
    let (shown, without) =
        (predictor.classify(text).unwrap(), predictor.classify("the of 0 and the rain").unwrap());
    let label = shown.label().unwrap();
    for how in [Attribution::LeaveOneOut, Attribution::Gradients { steps: 300 }] {
        let explained = predictor.explain(text, how).unwrap();
        let of_label = &explained.explanations[0];
        assert_eq!(of_label.probability, shown.probability(label).unwrap());
        match &of_label.completeness {
            None => {
                let drop = of_label.probability - without.probability(label).unwrap();
                assert!((of_label.words[1].contribution - drop).abs() < 1e-6, "{explained:?}");
            }
            Some(completeness) => assert!(completeness.gap.abs() < 0.01, "{explained:?}"),
        }
    }
    let (calibrated, _) = annotate(&predictor, "text\nthe sun of 0 and the sun\n", Format::Csv);
    let shown = predictor.classify("the sun of 0 and the sun").unwrap().probabilities[0].1;
    assert!(calibrated.contains(&format!("{}", (shown * 1e6).round() / 1e6)), "{calibrated} {shown}");
    let same = open(&run).uncalibrated().classify_all(texts(20)).map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(same, plain);

    // The ensemble has no part in it.
    let ensemble = Predictor::open_with(&run, Some(With::Ensemble), &Device::new(1)).unwrap();
    assert!(ensemble.calibration().is_none());
    assert!(ensemble.with_precision(0.9).is_err());

    assert!(Calibration::remove(&run).unwrap() && !Calibration::remove(&run).unwrap());
    assert!(contents(&run) == before);
    assert!(open(&run).calibration().is_none());
}

#[test]
fn a_promised_precision_leaves_rows_without_a_label_and_keeps_their_probabilities() {
    let (_folder, run, examples) = with_checked_rows(120, 24);
    let made = calibrate(&run, &examples);
    let promise = made.promise(0.9).unwrap();
    let [common] = promise.thresholds.as_slice() else { panic!("{promise:?}") };
    assert_eq!(
        (common.labels.as_slice(), common.checked),
        (["up", "down"].map(String::from).as_slice(), 120)
    );
    assert_eq!((common.answered, common.right), (promise.answered, promise.right));
    assert!(common.bound >= 0.9 && promise.right >= common.bound && promise.answered > 0.2, "{promise:?}");
    assert_eq!(promise.to_string(), format!("a probability from {:.3}", common.probability));
    let rows: String = texts(120).iter().map(|text| format!("{text}\n")).collect();
    let input = format!("text\n{rows}");
    let (all, _) = annotate(&open(&run), &input, Format::Csv);
    let predictor = open(&run).with_precision(0.9).unwrap();
    assert_eq!(predictor.promise(), Some(&promise));
    let (some, written) = annotate(&predictor, &input, Format::Csv);
    assert_eq!((written.rows, written.answered), (120, (promise.answered * 120.0).round() as usize));
    let mut answered = 0;
    for (with, without) in all.lines().zip(some.lines()).skip(1) {
        let [with, without] = [with, without].map(|line| line.split(',').collect::<Vec<_>>());
        assert_eq!(with[2..], without[2..], "the probabilities");
        let highest = with[2..].iter().map(|share| share.parse::<f64>().unwrap()).fold(0.0, f64::max);
        let is_answered = highest >= common.probability - 1e-6;
        assert_eq!(without[1], if is_answered { with[1] } else { "" });
        answered += usize::from(is_answered);
    }
    assert_eq!(answered, written.answered);
    let (json, _) = annotate(&predictor, &input, Format::Jsonl);
    assert_eq!(
        json.matches("\"prediction\": null").count() + json.matches("\"prediction\":null").count(),
        120 - answered
    );
    let unsure =
        predictor.classify_all(texts(120)).filter(|answer| answer.as_ref().unwrap().label().is_none());
    assert_eq!(unsure.count(), 120 - answered);
    let reader = Reader::new("input", "idx,text\n1,a\n".as_bytes(), ReadOptions::default()).unwrap();
    let error = predictor.submit(reader, Vec::new(), "output", |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("a label for every row"), "{error}");
}

#[test]
fn a_label_with_enough_checked_rows_has_a_threshold_of_its_own_and_a_bad_one_is_never_given() {
    let (_folder, run, examples) = with_checked_rows(120, 0);
    calibrate(&run, &examples);
    // The small model answers almost always the same, so every second checked answer gets the other label here.
    let file = run.join("temperature.json");
    let answers = |text: &str| -> Vec<String> { text.split("{\"label\":").map(str::to_owned).collect() };
    let rest = |answer: &str| answer.split_once(',').unwrap().1.to_owned();
    // A file without a checksum, as earlier versions wrote it, is taken as it is.
    let text = fs::read_to_string(&file).unwrap();
    let mut parts = answers(&format!("{{{}", text.split_once(',').unwrap().1));
    for (at, part) in parts.iter_mut().enumerate().skip(1) {
        *part = format!("\"{}\",{}", ["up", "down"][at % 2], rest(part));
    }
    fs::write(&file, parts.join("{\"label\":")).unwrap();

    // Of two labels, 30 checked answers each are enough for this precision.
    let promise = Calibration::open(&run).unwrap().unwrap().promise(0.5).unwrap();
    let labels: Vec<_> = promise.thresholds.iter().map(|threshold| threshold.labels.join("+")).collect();
    assert_eq!((labels, promise.left_out.len()), (vec!["up".to_owned(), "down".to_owned()], 0));
    let [up, down] = [0, 1].map(|at| promise.thresholds[at].probability);
    assert_eq!(promise.to_string(), format!("a probability from {up:.3} for `up` and {down:.3} for `down`"));
    assert!(up != down && promise.thresholds.iter().all(|threshold| threshold.bound >= 0.5), "{promise:?}");
    let plain: Vec<_> = open(&run).classify_all(texts(120)).map(Result::unwrap).collect();
    let sure = open(&run).with_precision(0.5).unwrap();
    for (plain, sure) in plain.iter().zip(sure.classify_all(texts(120))) {
        let label = plain.label().unwrap();
        let is_given = plain.probability(label).unwrap() >= if label == "up" { up } else { down };
        assert_eq!(sure.unwrap().label(), is_given.then_some(label));
    }

    // If every answer of a label is wrong, the other has a promise all the same.
    for part in parts.iter_mut().filter(|part| part.starts_with("\"up\"")) {
        *part = part.replace("\"right\":true", "\"right\":false");
    }
    fs::write(&file, parts.join("{\"label\":")).unwrap();
    let promise = Calibration::open(&run).unwrap().unwrap().promise(0.5).unwrap();
    assert_eq!(promise.left_out, ["up"]);
    assert!(promise.to_string().ends_with(" for `down` (never `up`)"), "{promise}");
    let sure = open(&run).with_precision(0.5).unwrap();
    assert!(sure.classify_all(texts(120)).all(|answer| answer.unwrap().label() != Some("up")));
    fs::write(&file, parts.join("{\"label\":").replace("{\"label\":\"up\"", "{\"label\":\"left\"")).unwrap();
    let error = Calibration::open(&run).unwrap_err().to_string();
    assert!(error.ends_with("an answer in it has a label that is not among its labels"), "{error}");
}

#[test]
fn what_cannot_be_promised_is_refused_with_what_can() {
    let (_folder, run, examples) = with_checked_rows(120, 24);
    let error = open(&run).with_precision(0.9).err().unwrap();
    assert!(error.to_string().contains("is not calibrated"), "{error}");
    assert!(error.remedy().unwrap().contains("`cloze calibrate "), "{error:?}");
    let made = calibrate(&run, &examples);
    for precision in [0.0, 1.0, 1.5, -0.5, f64::NAN] {
        let error = made.promise(precision).unwrap_err();
        assert_eq!(error.remedy().unwrap(), "give a share above 0 and below 1, for example 0.95");
    }
    let error = made.promise(0.99).unwrap_err();
    assert!(
        error.to_string().contains(
            "the 120 checked rows of the calibration are not enough to promise a precision of 0.99"
        ),
        "{error}"
    );
    // What the remedy says can be promised, can; and nothing more.
    let remedy = error.remedy().unwrap();
    let best =
        remedy.split("a precision of ").nth(1).unwrap().split(',').next().unwrap().parse::<f64>().unwrap();
    assert!(made.promise(best).is_ok() && made.promise(best + 0.01).is_err(), "{remedy}");
    // So many rows as it says suffice.
    let rows = remedy.split("about ").nth(1).unwrap().split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(rows > 120 && rows.is_multiple_of(120), "{remedy}");
}

#[test]
fn rows_that_say_nothing_are_no_calibration() {
    let (folder, run, examples) = with_checked_rows(60, 0);
    // If no answer is wrong, there is nothing to fit.
    let made = calibrate(&run, &examples);
    assert_eq!((made.temperature, made.accuracy.value), (1.0, 1.0));
    assert!(made.promise(0.9).is_ok());
    let all_wrong = checked(&open(&run), &folder, 60, 60);
    let error = open(&run).calibrate(&all_wrong, |_, _| Ok(())).unwrap_err();
    assert!(error.to_string().contains("say nothing about the labels"), "{error}");
    let few = checked(&open(&run), &folder, 49, 5);
    let error = open(&run).calibrate(&few, |_, _| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "49 labelled rows are too few to calibrate with");
    assert!(error.remedy().unwrap().starts_with("label at least 50, "));
    assert!(matches!(open(&run).calibrate(&examples, |_, _| Err(Error::Stopped)), Err(Error::Stopped)));
}

#[test]
fn a_calibration_that_is_damaged_or_anothers_is_refused_and_goes_as_advised() {
    let (folder, run, examples) = with_checked_rows(60, 6);
    calibrate(&run, &examples);
    let file = run.join("temperature.json");
    let written = fs::read_to_string(&file).unwrap();
    // As of a version without checksums, so that each of these is looked at for itself.
    let (_, rest) = written.split_once("\",").unwrap();
    let whole = format!("{{{rest}");
    let opened = || Predictor::open_with(&run, None, &Device::new(1)).err().unwrap().to_string();
    for (text, problem) in [
        ("{".to_owned(), "it cannot be read"),
        (whole.replacen("\"format\":1", "\"format\":9", 1), "it has format 9"),
        (whole.replacen("\"temperature\":", "\"temperature\":-", 1), "the temperature in it is -"),
        (written.replacen("\"after\":0.", "\"after\":0.0", 1), "it is not what was written"),
        (whole.replacen("\"after\":0", "\"after\":7", 1), "is not between 0 and 1"),
    ] {
        assert!(text != whole, "{problem}");
        fs::write(&file, text).unwrap();
        let error = opened();
        assert!(error.contains("temperature.json`") && error.contains(problem), "{error}");
    }
    let other = folder.train(&TASK.replace("steps = 5", "steps = 6")).unwrap().path;
    fs::write(other.join("temperature.json"), &whole).unwrap();
    let error = Predictor::open_with(&other, None, &Device::new(1)).err().unwrap();
    assert!(error.to_string().ends_with("belongs to another run"), "{error}");
    assert!(Calibration::remove(&other).unwrap());
    assert!(open(&other).calibration().is_none());
    let made = open(&other).calibrate(&examples, |_, _| Ok(())).unwrap();
    assert!(made.save(&run).unwrap_err().to_string().ends_with("belongs to another run"));
}

#[test]
fn a_removed_run_takes_its_calibration_along_and_a_trained_one_keeps_it() {
    let (folder, run, examples) = with_checked_rows(60, 6);
    let made = calibrate(&run, &examples);
    fs::remove_dir_all(run.join("final")).unwrap();
    assert_eq!(folder.train(TASK).unwrap().path, run);
    assert!(is_same(open(&run).calibration(), &made));
    Run::remove(&run).unwrap();
    assert!(!run.exists());
}

#[test]
fn the_report_draws_a_calibration_and_no_text_of_it() {
    let (_folder, run, examples) = with_checked_rows(120, 24);
    let plain = Run::open(&run).unwrap().report().unwrap();
    assert!(!plain.contains("id=\"calibration\""));
    let made = calibrate(&run, &examples);
    let page = Run::open(&run).unwrap().report().unwrap();
    assert!(page.contains("<section id=\"calibration\">") && page.contains("href=\"#calibration\""));
    assert!(
        page.contains(&format!("A temperature of {:.2}, fitted to 120 checked rows", made.temperature)),
        "{page}"
    );
    // Beside that of the test rows there are one before, one after, and one of errors.
    assert_eq!(page.matches("<div class=\"diagram\">").count(), 4);
    let coverage = made.coverage();
    assert_eq!(page.matches("<line class=\"curve\"").count(), coverage.len() - 1);
    assert_eq!((coverage.last().unwrap().answered, coverage.last().unwrap().error.value), (1.0, 0.2));
    assert!(coverage.windows(2).all(|pair| pair[0].answered < pair[1].answered));
    assert!(!page.contains("NaN") && !page.contains("the sun of"));
}

#[test]
fn rows_with_several_labels_are_calibrated_together_and_nothing_is_promised_of_them() {
    let task = TASK
        .replace("It was {mask}. {text}", "Is it {topic}? {mask}. {text}")
        .replace("{text} All in all, {mask}.", "{text} It is about {topic}: {mask}.")
        .replace(
            "[labels]\nup   = [\"good\", \"great\"]\ndown =",
            "[multi_label]\ntopics = { rain = \"the sky\", sun = \"a light\" }\n[labels]\nyes = \"good\"\nno =",
        )
        .replace("test      = \"test.csv\"\n", "");
    let folder = Folder::new();
    folder.write(
        "train.csv",
        "text,mood\na wet day,rain\na bright day,sun\nnothing,none\nboth at once,rain;sun\n",
    );
    let run = folder.train(&task).unwrap().path;
    let predictor = open(&run);
    let rows = texts(60).into_iter().enumerate().map(|(at, text)| {
        let given = predictor.classify(text.clone()).unwrap().labels;
        // Every sixth row has one label more or less.
        let labels: Vec<String> = match (at % 6, given.as_slice()) {
            (0, []) => vec!["rain".into()],
            (0, [_, rest @ ..]) => rest.to_vec(),
            (_, given) => given.to_vec(),
        };
        (text, if labels.is_empty() { vec!["none".to_owned()] } else { labels })
    });
    let examples = folder
        .task(&task)
        .with_rows(Split::Test, rows.collect::<Vec<_>>())
        .unwrap()
        .examples(Split::Test)
        .unwrap();
    let made = calibrate(&run, &examples);
    assert_eq!((made.rows(), made.promises().len()), (60, 0));
    assert!((made.accuracy.value - 110.0 / 120.0).abs() < 1e-12, "{:?}", made.accuracy);
    let error = open(&run).with_precision(0.9).err().unwrap();
    assert!(error.to_string().contains("only where every row has one of the task's labels"), "{error}");
    assert!(Run::open(&run).unwrap().report().unwrap().contains("id=\"calibration\""));
}
