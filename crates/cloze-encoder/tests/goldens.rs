//! The encoder against numbers made with Hugging Face transformers and PyTorch in float64.
//!
//! Reads `fixtures/encoder/*` and, if the environment variable `CONFORMANCE` names a folder of the same format,
//! its `encoder/*` too.

use std::path::{Path, PathBuf};

use cloze_encoder::{
    AdamW, Batch, Checkpoint, Device, Head, Kernels, Mode, Model, Sequence, Session, Vocab, loss,
};
use safetensors::SafeTensors;
use serde_json::Value;

fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder");
    let mut roots = vec![fixtures];
    match std::env::var_os("CONFORMANCE") {
        Some(root) => roots.push(Path::new(&root).join("encoder")),
        None => println!("CONFORMANCE is not set: only the fixtures are compared"),
    }
    let mut folders: Vec<PathBuf> = roots
        .iter()
        .flat_map(|root| std::fs::read_dir(root).unwrap_or_else(|e| panic!("{}: {e}", root.display())))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("goldens.safetensors").exists())
        .collect();
    folders.sort();
    folders
}

/// One folder of goldens.
struct Golden {
    name: String,
    index: Value,
    tensors: Vec<u8>,
    classifier: Vec<u8>,
    checkpoint: Checkpoint,
}

fn goldens() -> Vec<Golden> {
    let goldens = folders().into_iter().map(|dir| {
        let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
        Golden {
            name: dir.display().to_string(),
            index: serde_json::from_slice(&read("index.json")).unwrap(),
            tensors: read("goldens.safetensors"),
            classifier: read("classifier.safetensors"),
            checkpoint: Checkpoint::open(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())),
        }
    });
    goldens.collect()
}

fn floats(bytes: &[u8], name: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let view = tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn integers(bytes: &[u8], name: &str) -> Vec<u32> {
    floats(bytes, name).into_iter().map(f32::to_bits).collect()
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

impl Golden {
    fn sequences(&self) -> Vec<Sequence> {
        let (ids, types) = (integers(&self.tensors, "input_ids"), integers(&self.tensors, "token_type_ids"));
        let lengths = numbers(&self.index["lengths"]);
        let longest = ids.len() / lengths.len();
        let sequence = |(i, len): (usize, &u32)| {
            let cut = i * longest..i * longest + *len as usize;
            let type_ids = types[cut.clone()].iter().map(|t| *t as u8).collect();
            Sequence { ids: ids[cut].to_vec(), type_ids }
        };
        lengths.iter().enumerate().map(sequence).collect()
    }

    fn ids(&self) -> Vec<u32> {
        self.sequences().into_iter().flat_map(|sequence| sequence.ids).collect()
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        self.sequences().iter().for_each(|sequence| batch.push(sequence));
        batch
    }

    fn mask_rows(&self, batch: &Batch) -> Vec<u32> {
        let positions = numbers(&self.index["mask_position"]);
        positions.iter().enumerate().map(|(i, p)| batch.index(i, *p as usize)).collect()
    }

    fn mlm_rows(&self, batch: &Batch) -> (Vec<u32>, Vec<u32>) {
        let field = |row: &Value, name: &str| row[name].as_u64().unwrap() as usize;
        let rows = self.index["mlm_rows"].as_array().unwrap();
        rows.iter()
            .map(|r| (batch.index(field(r, "sequence"), field(r, "position")), field(r, "target") as u32))
            .unzip()
    }
}

#[track_caller]
fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance, "{what}: element {i} is {g}, should be {w}");
    }
}

#[track_caller]
fn near(what: &str, got: f32, want: &Value, tolerance: f64) {
    let want = want.as_f64().unwrap();
    assert!((f64::from(got) - want).abs() <= tolerance, "{what} is {got}, should be {want}");
}

/// Every gradient within 1e-3 of the largest entry of its tensor.
fn gradients_close<H: Head>(what: &str, session: &Session<H>, tensors: &[u8], prefix: &str) -> usize {
    let names =
        SafeTensors::deserialize(tensors).unwrap().names().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut compared = 0;
    for full in names.iter().filter(|n| n.starts_with(prefix)) {
        let name = &full[prefix.len()..];
        let want = floats(tensors, full);
        let got = session.gradient(name).unwrap_or_else(|| panic!("{what}: no gradient for {name}"));
        let largest = want.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        close(&format!("{what}: {name}"), got, &want, 1e-3 * largest + 1e-6);
        compared += 1;
    }
    compared
}

fn each_kernel_set(check: impl Fn(&Golden, &Device)) {
    for golden in goldens() {
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            println!("{} with {} kernels", golden.name, kernels.name());
            check(&golden, &Device::with_kernels(2, kernels));
        }
    }
}

#[test]
fn hidden_states_and_logits_agree() {
    each_kernel_set(|golden, device| {
        let batch = golden.batch();
        let mut session = Session::new(Model::masked_lm(&golden.checkpoint).unwrap(), device);
        let lengths = numbers(&golden.index["lengths"]);
        let want = floats(&golden.tensors, "last_hidden_state");
        let hidden = golden.checkpoint.config.hidden_size;
        let longest = want.len() / hidden / lengths.len();
        let rows: Vec<u32> = (0..batch.tokens() as u32).collect();
        let got = session.hidden_states(&batch, &rows, Mode::Predict).to_vec();
        let mut row = 0;
        for (i, len) in lengths.iter().enumerate() {
            let start = i * longest * hidden;
            let len = *len as usize * hidden;
            close("hidden state", &got[row..row + len], &want[start..start + len], 1e-4);
            row += len;
        }
        let (rows, _) = golden.mlm_rows(&batch);
        let got = session.mask_logits(&batch, &rows, Vocab::All, Mode::Predict);
        close("masked-LM logits", got, &floats(&golden.tensors, "mlm_logits"), 1e-4);
        let columns = numbers(&golden.index["verbalizer_ids"]);
        let rows = golden.mask_rows(&batch);
        let got = session.mask_logits(&batch, &rows, Vocab::Subset(&columns), Mode::Predict);
        close("verbalizer scores", got, &floats(&golden.tensors, "verbalizer_scores"), 1e-4);
        // The head alone, on states that are known, gives the same.
        let states = session.hidden_states(&batch, &rows, Mode::Predict).to_vec();
        let got = session.mask_logits_of(&states, &columns);
        close("scores of states", got, &floats(&golden.tensors, "verbalizer_scores"), 1e-4);
    });
}

const TRAIN: Mode = Mode::Train { dropout_seed: 0 };

#[test]
fn losses_and_the_gradient_of_every_parameter_agree() {
    each_kernel_set(|golden, device| {
        let batch = golden.batch();
        let columns = numbers(&golden.index["verbalizer_ids"]);
        let mut session = Session::new(Model::masked_lm(&golden.checkpoint).unwrap(), device);
        let parameters = session.model().parameters().count();

        let rows = golden.mask_rows(&batch);
        let logits = session.mask_logits(&batch, &rows, Vocab::Subset(&columns), TRAIN);
        let l1 = loss::cross_entropy(device, logits, &numbers(&golden.index["labels_L1"]), 1.0);
        near("L1", l1, &golden.index["loss_L1"], 1e-5);
        session.backward_in_place();
        assert_eq!(gradients_close("L1", &session, &golden.tensors, "grad_L1/"), parameters);

        let mut session = Session::new(Model::masked_lm(&golden.checkpoint).unwrap(), device);
        let (rows, targets) = golden.mlm_rows(&batch);
        let logits = session.mask_logits(&batch, &rows, Vocab::All, TRAIN);
        let l2 = loss::cross_entropy(device, logits, &targets, 1.0);
        near("L2", l2, &golden.index["loss_L2"], 1e-5);
        session.backward_in_place();
        assert_eq!(gradients_close("L2", &session, &golden.tensors, "grad_L2/"), parameters);
    });
}

#[test]
fn three_adamw_steps_agree() {
    each_kernel_set(|golden, device| {
        let batch = golden.batch();
        let columns = numbers(&golden.index["verbalizer_ids"]);
        let labels = numbers(&golden.index["labels_L1"]);
        let rows = golden.mask_rows(&batch);
        let said = &golden.index["adamw"];
        let adamw = AdamW { learning_rate: 1e-3, weight_decay: 0.01, ..AdamW::default() };
        let mut session = Session::new(Model::masked_lm(&golden.checkpoint).unwrap(), device);
        for step in 0..3 {
            let logits = session.mask_logits(&batch, &rows, Vocab::Subset(&columns), TRAIN);
            let loss = loss::cross_entropy(device, logits, &labels, 1.0);
            near("loss before the step", loss, &said["loss_before_each_step"][step], 1e-4);
            session.backward_in_place();
            let norm = session.update(&adamw);
            let want = &said["grad_norm_before_clipping"][step];
            near("gradient norm", norm, want, 1e-4 * want.as_f64().unwrap());
        }
        let names: Vec<String> = session.model().parameters().map(|(n, _)| n.to_owned()).collect();
        let first: Vec<Vec<f32>> =
            names.iter().map(|n| floats(&golden.tensors, &format!("grad_L1/{n}"))).collect();
        let largest = first.iter().flatten().fold(0.0f32, |m, g| m.max(g.abs()));
        let before = Model::masked_lm(&golden.checkpoint).unwrap();
        for (name, grad) in names.iter().zip(first) {
            let want = floats(&golden.tensors, &format!("adamw3/{name}"));
            let (got, old) = (session.model().parameter(name).unwrap(), before.parameter(name).unwrap());
            for i in 0..want.len() {
                if grad[i].abs() > 1e-4 * largest {
                    let off = (got[i] - want[i]).abs();
                    assert!(off <= 5e-6, "{name}[{i}] is {}, should be {}", got[i], want[i]);
                } else {
                    assert!((got[i] - old[i]).abs() <= 3.1e-3, "{name}[{i}] moved too far");
                }
            }
        }
    });
}

#[test]
fn the_classifier_agrees() {
    each_kernel_set(|golden, device| {
        let batch = golden.batch();
        let said = &golden.index["classifier"];
        let count = said["num_labels"].as_u64().unwrap();
        let labels: Vec<String> = (0..count).map(|i| format!("label {i}")).collect();
        let model = || {
            let mut model = Model::new_classifier(&golden.checkpoint, &labels, 1).unwrap();
            for name in said["head_parameters"].as_array().unwrap() {
                let name = name.as_str().unwrap();
                assert!(model.set_parameter(name, &floats(&golden.classifier, &format!("weight/{name}"))));
            }
            model
        };
        let mut session = Session::new(model(), device);
        let want = floats(&golden.classifier, "logits");
        close("logits", session.class_logits(&batch, Mode::Predict), &want, 1e-4);

        let logits = session.class_logits(&batch, TRAIN);
        let ce = loss::cross_entropy(device, logits, &numbers(&said["labels"]), 1.0);
        near("cross-entropy", ce, &said["loss_ce"], 1e-5);
        session.backward_in_place();
        assert!(gradients_close("cross-entropy", &session, &golden.classifier, "grad_ce/") > 4);

        let mut session = Session::new(model(), device);
        let teacher = floats(&golden.classifier, "teacher_logits");
        let temperature = said["temperature"].as_f64().unwrap() as f32;
        let logits = session.class_logits(&batch, TRAIN);
        let distill = loss::distillation(logits, &teacher, labels.len(), temperature);
        near("distillation", distill, &said["loss_distill"], 1e-5);
        session.backward_in_place();
        assert_eq!(gradients_close("distillation", &session, &golden.classifier, "grad_distill/"), 4);
    });
}

#[test]
fn the_gradient_of_the_input_adds_up_to_that_of_the_word_embeddings() {
    each_kernel_set(|golden, device| {
        let labels = ["a", "b", "c"].map(str::to_owned);
        let mut session =
            Session::new(Model::new_classifier(&golden.checkpoint, &labels, 1).unwrap(), device);
        let batch = golden.batch();
        let logits = session.class_logits(&batch, TRAIN).to_vec();
        let dlogits: Vec<f32> = (0..logits.len()).map(|i| (i * 7 % 5) as f32 - 2.0).collect();
        session.backward(&dlogits);
        let is_words = |name: &&str| name.ends_with("word_embeddings.weight");
        let name = session.model().parameters().map(|(name, _)| name).find(is_words).unwrap().to_owned();
        let want = session.gradient(&name).unwrap().to_vec();

        // Of the layers that stay as they are, the input has a gradient all the same.
        let ids = golden.ids();
        let words = session.word_embeddings(&ids);
        let mut model = session.into_model();
        model.freeze(1);
        let mut session = Session::new(model, device);
        let mut given = Batch::new();
        let size = words.len() / ids.len();
        let mut start = 0;
        for sequence in golden.sequences() {
            let end = start + sequence.len() * size;
            given.push_with_words(&sequence, &words[start..end]);
            start = end;
        }
        assert_eq!(session.class_logits(&given, Mode::Attribute), logits);
        let gradient = session.input_gradient(&dlogits).to_vec();
        assert!(session.gradient(&name).is_none(), "nothing is trained");
        let padding = golden.checkpoint.tokenizer.special().pad;
        let mut sums = vec![0.0; want.len()];
        for (id, gradient) in ids.iter().zip(gradient.chunks_exact(size)).filter(|(id, _)| **id != padding) {
            let row = *id as usize * size;
            sums[row..row + size].iter_mut().zip(gradient).for_each(|(sum, part)| *sum += part);
        }
        let largest = want.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        close("word embeddings", &sums, &want, 1e-5 * largest);
    });
}

/// How far rounding to eight significant bits before every product may move a score. The furthest that was
/// measured is 0.046, in BERT, whose scores run from -2.2 to 5.9; in the other families 0.027.
const BF16_TOLERANCE: f32 = 0.06;

#[test]
fn products_of_bfloat16_stay_near() {
    for kernels in Kernels::BF16 {
        if !kernels.available() {
            println!("not compared, for this machine lacks them: {} kernels", kernels.name());
            continue;
        }
        let device = Device::with_kernels(2, kernels);
        for golden in goldens() {
            let batch = golden.batch();
            let mut session = Session::new(Model::masked_lm(&golden.checkpoint).unwrap(), &device);
            let columns = numbers(&golden.index["verbalizer_ids"]);
            let rows = golden.mask_rows(&batch);
            let got = session.mask_logits(&batch, &rows, Vocab::Subset(&columns), Mode::Predict);
            let what = format!("{}, score with {} kernels", golden.name, kernels.name());
            close(&what, got, &floats(&golden.tensors, "verbalizer_scores"), BF16_TOLERANCE);
        }
    }
}
