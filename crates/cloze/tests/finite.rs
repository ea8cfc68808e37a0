//! A number that is not finite never leaves a job, whatever the weights and the learning rates.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use cloze::{Error, Format, Predictor, ReadOptions, Reader, Result};
use cloze_encoder::{Checkpoint, Device, Model};
use common::{Folder, TASK, tiny, train};
use proptest::prelude::*;

/// The tiny model with a tensor changed.
fn changed(folder: &Folder, tensor: usize, change: impl Fn(usize, f32) -> f32) -> Result<Checkpoint> {
    let tiny = tiny();
    let mut model = Model::masked_lm(&tiny)?;
    let names: Vec<String> = model.parameters().map(|(name, _)| name.to_owned()).collect();
    let name = &names[tensor % names.len()];
    let values = model.parameter(name).unwrap().iter().enumerate();
    let values: Vec<f32> = values.map(|(at, value)| change(at, *value)).collect();
    assert!(model.set_parameter(name, &values));
    let dir = folder.0.path().join("model");
    model.save(&dir, &tiny.tokenizer)?;
    Ok(Checkpoint::open(&dir)?)
}

/// Every number in the files of a run that hold some, minus infinity of no label among them.
fn numbers(dir: &Path, found: &mut Vec<(String, f64)>) {
    for path in fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            numbers(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            let text = fs::read_to_string(&path).unwrap();
            let cells = text.lines().skip(1).flat_map(|line| line.split(','));
            found.extend(cells.filter_map(|cell| Some((path.display().to_string(), cell.parse().ok()?))));
        } else if path.extension().is_some_and(|extension| extension == "safetensors") {
            let bytes = fs::read(&path).unwrap();
            let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let values =
                bytes[header..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
            found.extend(values.map(|value| (path.display().to_string(), f64::from(value))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_weights_and_rates_every_number_is_finite_or_a_job_fails(
        rate in -6f64..38.0, distil in -6f64..38.0, temperature in -2f64..3.0, lm_weight in prop_oneof![Just(0.0), Just(0.5)],
        words in prop_oneof![Just("bad"), Just("not so good")], tensor: usize, scale in prop_oneof![3 => Just(0f64), 1 => -3f64..38.0],
    ) {
        let folder = Folder::new();
        let factor = 10f64.powf(scale) as f32;
        let model = changed(&folder, tensor, |_, value| (value * factor).clamp(f32::MIN, f32::MAX)).unwrap();
        let text = TASK
            .replace("learning_rate = 1e-3", &format!("learning_rate = {:e}\nlm_weight = {lm_weight}", 10f64.powf(rate)))
            .replace("[distil]", &format!("[distil]\nlearning_rate = {:e}\ntemperature = {:e}", 10f64.powf(distil), 10f64.powf(temperature)))
            .replace("\"bad\"", &format!("\"{words}\""));
        let task = folder.task(&text);
        let outcome = train(&task, &cloze::Model::new("tiny", model), &Device::new(1), &folder.runs(), &mut |_| ControlFlow::Continue(()));
        let mut found = Vec::new();
        numbers(&folder.runs(), &mut found);
        for (file, number) in &found {
            prop_assert!(number.is_finite(), "{} in {}", number, file);
        }
        match outcome {
            Err(error) => {
                let expected = matches!(error, Error::Diverged { .. } | Error::NotFinite { .. } | Error::Model(_));
                prop_assert!(expected, "{error}");
                prop_assert!(error.remedy().is_some() || matches!(error, Error::Model(_)));
            }
            Ok(outcome) => {
                let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
                let rows = std::io::Cursor::new("text\nthe sun was warm\nthe rain was cold\n");
                let reader = Reader::new("in", rows, ReadOptions::default()).unwrap();
                let mut output = Vec::new();
                if predictor.annotate(reader, &mut output, "out", Format::Jsonl, |_| Ok(())).is_ok() {
                    for line in String::from_utf8(output).unwrap().lines() {
                        let row: serde_json::Value = serde_json::from_str(line).unwrap();
                        prop_assert!(row["p_up"].is_number() && row["p_down"].is_number(), "{row}");
                    }
                }
            }
        }
    }

    #[test]
    fn weights_that_are_no_numbers_are_neither_saved_nor_loaded(
        tensor: usize, at: usize, value in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let folder = Folder::new();
        // The model is not written.
        let size = Model::masked_lm(&tiny()).unwrap().parameter_count();
        let result = changed(&folder, tensor, |place, old| if place == at % size.min(8) { value } else { old });
        prop_assert!(result.is_err());
        // Nor is one read that somebody else has written.
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert");
        let dir = folder.0.path().join("other");
        fs::create_dir_all(&dir).unwrap();
        for file in ["config.json", "tokenizer.json"] {
            fs::copy(fixture.join(file), dir.join(file)).unwrap();
        }
        let mut bytes = fs::read(fixture.join("model.safetensors")).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let place = header + 4 * (at % ((bytes.len() - header) / 4));
        bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        fs::write(dir.join("model.safetensors"), bytes).unwrap();
        let error = Model::masked_lm(&Checkpoint::open(&dir).unwrap()).err();
        // Some tensors in the file are none of the model's.
        if let Some(error) = error {
            prop_assert!(error.to_string().contains("weights are finite numbers"), "{error}");
        } else {
            let (out, _) = (folder.0.path().join("again"), ());
            Model::masked_lm(&Checkpoint::open(&dir).unwrap()).unwrap().save(&out, &tiny().tokenizer).unwrap();
        }
    }
}
