//! What holds for every family: results do not depend on the number of threads or on recomputation, and a saved
//! classifier is the same when it is loaded again.

use std::path::{Path, PathBuf};

use cloze_encoder::{
    AdamW, Batch, Checkpoint, Classifier, Config, Device, Kernels, Mode, Model, Sequence, Session, Tokenizer,
    Vocab, loss,
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder")
}

/// The shape of a model of every family, with dropout.
fn configs() -> Vec<(String, Config)> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    let config = |dir: PathBuf| {
        let config = Config::from_json(&std::fs::read(dir.join("config.json")).unwrap()).unwrap();
        (dir.file_name().unwrap().to_string_lossy().into_owned(), config.with_dropout(0.1))
    };
    let configs: Vec<_> = folders.into_iter().map(config).collect();
    assert!(configs.len() >= 6);
    configs
}

fn batch(config: &Config) -> Batch {
    let mut batch = Batch::new();
    for (i, len) in [31, 3, 64, 17].into_iter().enumerate() {
        batch.push(&Sequence {
            ids: (0..len).map(|j| 5 + ((i * 131 + j * 17) % (config.vocab_size - 5)) as u32).collect(),
            type_ids: (0..len).map(|j| u8::from(j > len / 2)).collect(),
        });
    }
    batch
}

/// All weights after two steps of masked-language training, and the logits that the model then has.
fn trained(config: &Config, device: &Device, recompute: bool) -> (Vec<u32>, Vec<u32>) {
    let batch = batch(config);
    let rows: Vec<u32> = (0..batch.len()).map(|i| batch.index(i, 1)).collect();
    let mut session = Session::new(Model::untrained(config.clone(), 3), device);
    session.set_recompute(recompute);
    for step in 0..2 {
        let mode = Mode::Train { dropout_seed: step };
        let logits = session.mask_logits(&batch, &rows, Vocab::All, mode);
        loss::cross_entropy(device, logits, &[5, 6, 7, 8], 1.0);
        session.backward_in_place();
        session.update(&AdamW { learning_rate: 1e-3, ..AdamW::default() });
    }
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let logits = bits(session.mask_logits(&batch, &rows, Vocab::Subset(&[9, 10]), Mode::Predict));
    let model = session.into_model();
    (model.parameters().flat_map(|(name, _)| bits(model.parameter(name).unwrap())).collect(), logits)
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    for (name, config) in configs() {
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            let run = |threads| trained(&config, &Device::with_kernels(threads, kernels), false);
            let one = run(1);
            assert!(one == run(1), "{name}, {kernels:?}: a second run");
            assert!(one == run(2), "{name}, {kernels:?}: 2 threads");
            assert!(one == run(4), "{name}, {kernels:?}: 4 threads");
        }
    }
}

#[test]
fn recomputation_does_not_change_a_bit() {
    for (name, config) in configs() {
        let device = Device::new(2);
        assert!(trained(&config, &device, false) == trained(&config, &device, true), "{name}");
    }
}

/// The reference implementation goes by names with `LayerNorm` in them, which one of ALBERT's norms is not called.
#[test]
fn neither_biases_nor_norms_decay_in_any_family_and_matrices_do() {
    for (name, config) in configs() {
        let (device, batch) = (Device::new(1), batch(&config));
        let before = Model::untrained(config.clone(), 5);
        let mut session = Session::new(before.clone(), &device);
        let rows: Vec<u32> = (0..batch.len()).map(|i| batch.index(i, 1)).collect();
        let logits = session.mask_logits(&batch, &rows, Vocab::All, Mode::Train { dropout_seed: 1 });
        // Without a gradient there is nothing but the decay.
        loss::cross_entropy(&device, logits, &[5, 6, 7, 8], 0.0);
        session.backward_in_place();
        session.update(&AdamW { learning_rate: 0.1, weight_decay: 0.5, ..AdamW::default() });
        let after = session.into_model();
        let (mut kept, mut decayed) = (0, 0);
        for (parameter, shape) in before.parameters() {
            let (old, new) = (before.parameter(parameter).unwrap(), after.parameter(parameter).unwrap());
            if shape.len() == 1 {
                assert_eq!(old, new, "{name}: {parameter}");
                kept += 1;
            } else {
                let shrunk = |(old, new): (&f32, &f32)| (old * 0.95 - new).abs() <= old.abs() * 1e-5;
                assert!(old.iter().zip(new).all(shrunk), "{name}: {parameter}");
                decayed += 1;
            }
        }
        assert!(kept > 10 && decayed > 5, "{name}: {kept} {decayed}");
    }
}

#[test]
fn a_saved_classifier_is_the_same_when_it_is_loaded() {
    for (name, config) in configs() {
        let labels: Vec<String> = ["no", "perhaps", "yes"].map(String::from).into();
        let (device, batch) = (Device::new(2), batch(&config));
        let tokenizer = Tokenizer::open(&fixtures().join(&name)).unwrap();
        let dir = tempfile::tempdir().unwrap();

        let model = Model::untrained_classifier(&config, &labels, 5);
        model.save(dir.path(), &tokenizer).unwrap();
        let want = Session::new(model, &device).class_logits(&batch, Mode::Predict).to_vec();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(checkpoint.config.labels, labels, "{name}");
        let loaded = Model::classifier(&checkpoint).unwrap();
        assert_eq!(Session::new(loaded, &device).class_logits(&batch, Mode::Predict), want, "{name}");

        // A classifier for other labels takes over the encoder and no output.
        let other = Model::new_classifier(&checkpoint, &labels[..2], 1).unwrap();
        let same = |model: &Model<Classifier>, name: &str| {
            model.parameter(name).map(<[f32]>::to_vec) == other.parameter(name).map(<[f32]>::to_vec)
        };
        let loaded = Model::classifier(&checkpoint).unwrap();
        let differing: Vec<&str> =
            loaded.parameters().map(|(name, _)| name).filter(|name| !same(&loaded, name)).collect();
        assert_eq!(differing.len(), 2, "{name}: {differing:?}");
    }
}

#[test]
fn a_decoder_of_its_own_learns_by_itself() {
    for (name, config) in configs() {
        let mut json: serde_json::Value = serde_json::from_slice(&config.to_json()).unwrap();
        json["tie_word_embeddings"] = false.into();
        let config = Config::from_json(json.to_string().as_bytes()).unwrap();
        let (device, batch) = (Device::new(2), batch(&config));
        let before = Model::untrained(config.clone(), 5);
        let mut session = Session::new(before.clone(), &device);
        let logits =
            session.mask_logits(&batch, &[1, 40], Vocab::Subset(&[5, 7]), Mode::Train { dropout_seed: 1 });
        loss::cross_entropy(&device, logits, &[0, 1], 1.0);
        session.backward_in_place();
        session.update(&AdamW { weight_decay: 0.0, ..AdamW::default() });
        let after = session.into_model();

        let shapes: Vec<(String, Vec<usize>)> =
            after.parameters().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
        let tables: Vec<&String> = (shapes.iter())
            .filter(|(_, shape)| *shape == [config.vocab_size, config.embedding_size])
            .map(|(name, _)| name)
            .collect();
        let [_, decoder] = tables[..] else { panic!("{name}: {tables:?}") };
        let size = config.embedding_size;
        let (old, new) = (before.parameter(decoder).unwrap(), after.parameter(decoder).unwrap());
        let changed: Vec<usize> = (0..config.vocab_size)
            .filter(|row| old[row * size..][..size] != new[row * size..][..size])
            .collect();
        assert_eq!(changed, [5, 7], "{name}: only the columns that were asked for");
    }
}
