//! Integrated gradients against captum, whose numbers for the small models `scripts/make-explanation-fixtures.py` has written to
//! `fixtures/explanations/`.

use std::path::Path;

use cloze_encoder::{Checkpoint, Device, Model, Sequence, Session};
use safetensors::SafeTensors;
use serde_json::Value;

use super::{json, near};
use crate::explanation::gradients::{Integrated, OfLabel, integrated};

/// The classifier of a folder's goldens.
fn classifier(dir: &Path) -> Model<cloze_encoder::Classifier> {
    let said = &json(&dir.join("index.json"))["classifier"];
    let labels: Vec<String> =
        (0..said["num_labels"].as_u64().unwrap()).map(|label| format!("label {label}")).collect();
    let mut model = Model::new_classifier(&Checkpoint::open(dir).unwrap(), &labels, 1).unwrap();
    let bytes = std::fs::read(dir.join("classifier.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for name in said["head_parameters"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let tensor = tensors.tensor(&format!("weight/{name}")).unwrap();
        let values: Vec<f32> =
            tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert!(model.set_parameter(name, &values), "{name}");
    }
    model
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn integrated_gradients_agree_with_captum() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let cases = json(&fixtures.join("explanations/integrated-gradients.json"));
    let cases = cases.as_array().unwrap();
    for case in cases {
        let dir = fixtures.join("encoder").join(case["model"].as_str().unwrap());
        let mut session = Session::new(classifier(&dir), &Device::new(2));
        let sequence = Sequence { ids: list(&case["ids"]), type_ids: list(&case["type_ids"]) };
        let baseline: Vec<u32> = list(&case["baseline"]);
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let of = OfLabel { label: number("label"), temperature: 1.0 };
        let Integrated { tokens, probability, baseline } =
            integrated(&mut session, &sequence, &baseline, of, number("steps"), || Ok(())).unwrap();
        near(probability as f32, &case["probability"], 1e-5);
        near(baseline as f32, &case["baseline_probability"], 1e-5);
        let wanted = case["tokens"].as_array().unwrap();
        assert_eq!(tokens.len(), wanted.len());
        tokens.iter().zip(wanted).for_each(|(found, wanted)| near(*found as f32, wanted, 1e-5));
        let gap = tokens.iter().sum::<f64>() - (probability - baseline);
        near(gap as f32, &case["gap"], 1e-5);
    }
    assert!(cases.len() >= 15, "every family has its cases");
}
