//! Properties of training that no golden shows: threads, inactive word embeddings, padding, files.

use std::path::{Path, PathBuf};

use cloze_encoder::{
    AdamW, Batch, Checkpoint, Config, Device, Kernels, Mode, Model, Rng, Sequence, Session, Vocab, loss,
    tensors,
};
use safetensors::tensor::{Dtype, TensorView};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")
}

fn model(dropout: f32) -> Model {
    let config = Config::from_json(&std::fs::read(fixture().join("config.json")).unwrap()).unwrap();
    Model::untrained(config.with_dropout(dropout), 3)
}

/// Sequences of the given lengths, of words 10 to 1399.
fn sequences(lengths: &[usize], seed: u64) -> Vec<Sequence> {
    let mut random = Rng::new(seed);
    let mut ids = |len| (0..len).map(|_| 10 + random.gen_range(0..1390) as u32).collect();
    lengths.iter().map(|&len| Sequence { type_ids: vec![0; len], ids: ids(len) }).collect()
}

fn batch(lengths: &[usize], seed: u64) -> Batch {
    let mut batch = Batch::new();
    sequences(lengths, seed).iter().for_each(|sequence| batch.push(sequence));
    batch
}

const WORDS: [u32; 3] = [700, 20, 1399];

/// A few updates on the masks of three words.
fn train(session: &mut Session, steps: u64) {
    let device = session.device().clone();
    for step in 0..steps {
        let batch = batch(&[1, 17, 60, 2, 33], step % 2);
        let rows: Vec<u32> = (0..batch.len()).map(|i| batch.index(i, 0)).collect();
        let mode = Mode::Train { dropout_seed: step };
        let logits = session.mask_logits(&batch, &rows, Vocab::Subset(&WORDS), mode);
        loss::cross_entropy(&device, logits, &[0, 1, 2, 1, 0], 1.0);
        session.backward_in_place();
        session.update(&AdamW { learning_rate: 1e-3, weight_decay: 0.1, ..AdamW::default() });
    }
}

fn values(session: &mut Session) -> Vec<u32> {
    let model = session.model();
    let names: Vec<String> = model.parameters().map(|(name, _)| name.to_owned()).collect();
    names.iter().flat_map(|name| model.parameter(name).unwrap().iter().map(|x| x.to_bits())).collect()
}

#[test]
fn the_bits_of_a_trained_model_do_not_depend_on_the_number_of_threads() {
    let run = |threads| {
        let mut session = Session::new(model(0.1), &Device::new(threads));
        train(&mut session, 4);
        values(&mut session)
    };
    let one = run(1);
    assert!(one == run(2) && one == run(4));
}

/// Few word embeddings are active here, and the decay of the others is kept apart from them.
#[test]
fn another_session_goes_on_from_a_written_state_with_the_same_bits() {
    let device = Device::new(2);
    let mut whole = Session::new(model(0.1), &device);
    train(&mut whole, 3);
    let mut state = Vec::new();
    whole.write_state(&mut state).unwrap();
    train(&mut whole, 2);
    let mut other = Session::new(Model::untrained(model(0.1).config().clone(), 8), &device);
    train(&mut other, 1);
    other.read_state(&mut state.as_slice()).unwrap();
    train(&mut other, 2);
    assert!(values(&mut other) == values(&mut whole));
    // Before the first update too.
    let mut fresh = Vec::new();
    Session::new(model(0.1), &device).write_state(&mut fresh).unwrap();
    other.read_state(&mut fresh.as_slice()).unwrap();
    train(&mut other, 3);
    let mut again = Vec::new();
    other.write_state(&mut again).unwrap();
    assert!(again == state);
    assert!(other.read_state(&mut &state[..state.len() - 1]).is_err());
}

/// The checkpoint of the fixture with its weights rounded to float16, and with the layer that a classifier pools with.
fn published(dir: &Path) -> Checkpoint {
    let bytes = std::fs::read(fixture().join("model.safetensors")).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors("model.safetensors", bytes)
        .unwrap()
        .into_iter()
        .map(|(name, shape, values)| (name, shape, halves(&values)))
        .collect();
    let hidden = Checkpoint::open(&fixture()).unwrap().config.hidden_size;
    let pooler: Vec<f32> = (0..hidden * hidden).map(|number| number as f32 / 1024.0).collect();
    tensors.push(("pooler.dense.weight".into(), vec![hidden, hidden], halves(&pooler)));
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap()));
    std::fs::write(dir.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    let config = std::fs::read_to_string(fixture().join("config.json")).unwrap();
    let config = config.replacen('{', "{\"quantization_config\": {\"quant_method\": \"other\"},", 1);
    std::fs::write(dir.join("config.json"), config).unwrap();
    std::fs::copy(fixture().join("tokenizer.json"), dir.join("tokenizer.json")).unwrap();
    Checkpoint::open(dir).unwrap()
}

fn halves(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect()
}

#[test]
fn a_model_made_from_one_in_float16_is_the_rounded_one_with_all_its_layers() {
    let (original, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = Checkpoint::open(&fixture()).unwrap();
    let model = Model::masked_lm(&checkpoint).unwrap();
    let published = published(original.path());
    assert!(published.is_float16() && !checkpoint.is_float16());
    model.save_like(dir.path(), &published).unwrap();
    let saved = Checkpoint::open(dir.path()).unwrap();
    assert!(saved.is_float16());
    let again = Model::masked_lm(&saved).unwrap();
    for (name, _) in model.parameters() {
        for (a, b) in model.parameter(name).unwrap().iter().zip(again.parameter(name).unwrap()) {
            assert!((a - b).abs() <= a.abs() * 5e-4 + 1e-7, "{name}: {a} {b}");
        }
    }
    let pooler = |dir: &Path| {
        let all =
            tensors("model.safetensors", std::fs::read(dir.join("model.safetensors")).unwrap()).unwrap();
        all.into_iter().find(|(name, ..)| name == "pooler.dense.weight").unwrap()
    };
    assert_eq!(pooler(dir.path()), pooler(original.path()));
    let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
    assert!(config.contains("\"dtype\": \"float16\"") && config.contains("ForMaskedLM"), "{config}");
    assert!(!config.contains("quantization"), "{config}");
    let mut model = model;
    let name = "bert.embeddings.LayerNorm.bias";
    let large = vec![1e5; model.parameter(name).unwrap().len()];
    assert!(model.set_parameter(name, &large));
    let refused = model.save_like(dir.path(), &published).unwrap_err().to_string();
    assert!(refused.contains("a weight is 100000, and float16 ends at 65504"), "{refused}");
}

#[test]
fn no_bit_of_a_sequence_depends_on_those_beside_it() {
    let json = std::fs::read(fixture().join("config.json")).unwrap();
    let config = Config::from_json(&json).unwrap().with_dropout(0.0);
    let lengths = [3, 40, 7, 64, 12, 1, 33, 5];
    let words: Vec<u32> = (0..60).map(|word| word * 20 + 10).collect();
    for kernels in Kernels::ALL.into_iter().chain(Kernels::BF16).filter(|kernels| kernels.available()) {
        let device = Device::with_kernels(2, kernels);
        let mut words_of = Session::new(Model::untrained(config.clone(), 3), &device);
        let labels = ["a", "b", "c"].map(str::to_owned);
        let mut labels_of = Session::new(Model::untrained_classifier(&config, &labels, 3), &device);
        let mut score = |sequences: &[Sequence]| -> Vec<Vec<f32>> {
            let mut batch = Batch::new();
            sequences.iter().for_each(|sequence| batch.push(sequence));
            let masks: Vec<u32> = (0..batch.len()).map(|place| batch.index(place, 0)).collect();
            let of_words =
                words_of.mask_logits(&batch, &masks, Vocab::Subset(&words), Mode::Predict).to_vec();
            let of_labels = labels_of.class_logits(&batch, Mode::Predict).to_vec();
            of_words.chunks(words.len()).zip(of_labels.chunks(3)).map(|(a, b)| [a, b].concat()).collect()
        };
        let sequences = sequences(&lengths, 4);
        let together = score(&sequences);
        for (sequence, expected) in sequences.iter().zip(&together) {
            assert!(
                score(std::slice::from_ref(sequence))[0] == *expected,
                "{kernels:?}, {} tokens",
                sequence.len()
            );
        }
    }
}

#[test]
fn inactive_word_embeddings_decay_like_all_others() {
    let device = Device::new(2);
    let mut inactive = Session::new(model(0.0), &device);
    train(&mut inactive, 6);
    // A gradient of zero for the whole vocabulary activates every row before the same training.
    let mut active = Session::new(model(0.0), &device);
    let nothing = batch(&[3], 9);
    let logits = active.mask_logits(&nothing, &[0], Vocab::All, Mode::Train { dropout_seed: 0 });
    logits.fill(0.0);
    active.backward_in_place();
    train(&mut active, 6);
    let name = "bert.embeddings.word_embeddings.weight";
    let before = model(0.0);
    let pairs = inactive.model().parameter(name).unwrap().iter().zip(active.model().parameter(name).unwrap());
    let mut decayed = 0;
    for ((a, b), old) in pairs.zip(before.parameter(name).unwrap()) {
        assert!((a - b).abs() <= 1e-6, "{a} {b}");
        decayed += usize::from((a / old - 1.0).abs() > 1e-4);
    }
    assert!(decayed > 60_000, "only {decayed} weights have moved");
}

/// Tensors by name.
type Tensors = Vec<(String, Vec<f32>)>;

/// One step on masks of `columns`, with the output of the frozen layers given or not: all gradients, and all weights
/// after the update.
fn frozen_step(frozen: usize, given: bool, columns: Vocab) -> [Tensors; 2] {
    let mut model = model(0.1);
    model.freeze(frozen);
    let names: Vec<String> = model.parameters().map(|(name, _)| name.to_owned()).collect();
    let mut session = Session::new(model, &Device::new(2));
    let mut batch = batch(&[1, 17, 60, 2, 33], 1);
    if given {
        let mut with_lower = Batch::new();
        for sequence in sequences(&[1, 17, 60, 2, 33], 1) {
            let mut one = Batch::new();
            one.push(&sequence);
            with_lower.push_with_lower(&sequence, session.lower_states(&one));
        }
        batch = with_lower;
    }
    let rows: Vec<u32> = (0..batch.len()).map(|i| batch.index(i, 0)).collect();
    let logits = session.mask_logits(&batch, &rows, columns, Mode::Train { dropout_seed: 3 });
    let columns = logits.len() / rows.len();
    for (i, logit) in logits.iter_mut().enumerate() {
        *logit *= (i % columns % 7) as f32 - 3.0;
    }
    session.backward_in_place();
    let gradient = |name: &String| (name.clone(), session.gradient(name).unwrap().to_vec());
    let gradients = names.iter().map(gradient).collect();
    session.update(&AdamW { learning_rate: 1e-3, weight_decay: 0.1, ..AdamW::default() });
    let model = session.model();
    let value = |name: String| (name.clone(), model.parameter(&name).unwrap().to_vec());
    [gradients, names.into_iter().map(value).collect()]
}

#[test]
fn frozen_layers_stay_as_they_are_and_the_others_learn() {
    let before = model(0.1);
    let frozen = |name: &str| name.contains("embeddings") || name.contains("layer.0.");
    for columns in [Vocab::Subset(&WORDS), Vocab::All] {
        let [gradients, after] = frozen_step(1, false, columns);
        for (name, gradient) in &gradients {
            assert_eq!(gradient.iter().all(|x| *x == 0.0), frozen(name), "{name}");
        }
        for (name, values) in &after {
            assert_eq!(values == before.parameter(name).unwrap(), frozen(name), "{name}");
        }
    }
}

#[test]
fn what_frozen_layers_make_of_a_text_can_be_computed_once() {
    for columns in [Vocab::Subset(&WORDS), Vocab::All] {
        assert_eq!(frozen_step(1, false, columns), frozen_step(1, true, columns));
    }
}

#[test]
fn without_dropout_the_layers_above_learn_the_same_as_if_nothing_was_frozen() {
    let gradient = |frozen: usize| {
        let mut model = model(0.0);
        model.freeze(frozen);
        let mut session = Session::new(model, &Device::new(1));
        let batch = batch(&[12, 7], 1);
        let mode = Mode::Train { dropout_seed: 0 };
        session.mask_logits(&batch, &[3, 13], Vocab::Subset(&WORDS), mode).fill(0.5);
        session.backward_in_place();
        let names = ["layer.1.attention.self.query.weight", "layer.1.output.LayerNorm.bias"];
        names.map(|name| session.gradient(&format!("bert.encoder.{name}")).unwrap().to_vec())
    };
    assert_eq!(gradient(0), gradient(1));
}

#[test]
#[should_panic(expected = "known for all its sequences")]
fn a_batch_does_not_mix_known_lower_states_with_unknown_ones() {
    let mut model = model(0.0);
    model.freeze(1);
    let mut session = Session::new(model, &Device::new(1));
    let mut both = batch(&[4], 1);
    let sequence = &sequences(&[4], 1)[0];
    both.push_with_lower(sequence, session.lower_states(&both.clone()));
    session.mask_logits(&both, &[0], Vocab::All, Mode::Predict);
}

#[test]
fn dropout_follows_its_seed_and_prediction_has_none() {
    let mut session = Session::new(model(0.3), &Device::new(2));
    let batch = batch(&[12, 7], 1);
    let mut logits = |mode| session.mask_logits(&batch, &[3, 13], Vocab::Subset(&WORDS), mode).to_vec();
    let seed = |dropout_seed| Mode::Train { dropout_seed };
    let first = logits(seed(1));
    assert_eq!(first, logits(seed(1)));
    assert_ne!(first, logits(seed(2)));
    assert_eq!(logits(Mode::Predict), logits(Mode::Predict));
    assert_ne!(first, logits(Mode::Predict));
}

#[test]
fn padding_changes_nothing_and_neither_do_neighbours() {
    let mut session = Session::new(model(0.0), &Device::new(2));
    let alone = batch(&[9], 5);
    let want = session.mask_logits(&alone, &[4], Vocab::Subset(&WORDS), Mode::Predict).to_vec();
    let ids: Vec<u32> = {
        let mut random = Rng::new(5);
        (0..9).map(|_| 10 + random.gen_range(0..1390) as u32).chain([0; 21]).collect()
    };
    let mut padded = batch(&[40, 3], 6);
    padded.push_padded(&Sequence { type_ids: vec![0; 30], ids }, 9);
    let row = padded.index(2, 4);
    let got = session.mask_logits(&padded, &[row], Vocab::Subset(&WORDS), Mode::Predict);
    for (got, want) in got.iter().zip(want) {
        assert!((*got - want).abs() < 1e-5, "{got} {want}");
    }
}

#[test]
#[should_panic(expected = "token ids are below")]
fn a_token_outside_the_vocabulary_is_refused() {
    let mut batch = Batch::new();
    batch.push(&Sequence { ids: vec![5000], type_ids: vec![0] });
    Session::new(model(0.0), &Device::new(1)).mask_logits(&batch, &[0], Vocab::All, Mode::Predict);
}

#[test]
fn a_saved_classifier_answers_as_before() {
    let checkpoint = Checkpoint::open(&fixture()).unwrap();
    let labels = ["no".to_owned(), "yes".to_owned()];
    let mut session = Session::new(Model::new_classifier(&checkpoint, &labels, 4).unwrap(), &Device::new(1));
    let batch = batch(&[20, 5], 2);
    let want = session.class_logits(&batch, Mode::Predict).to_vec();
    let dir = tempfile::tempdir().unwrap();
    session.model().save(dir.path(), &checkpoint.tokenizer).unwrap();
    let again = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(again.config.labels, labels);
    assert_eq!(again.tokenizer.json(), checkpoint.tokenizer.json());
    let mut session = Session::new(Model::classifier(&again).unwrap(), &Device::new(1));
    assert_eq!(session.class_logits(&batch, Mode::Predict), want);
    let error = Model::masked_lm(&again).err().unwrap().to_string();
    assert!(error.contains("with another head than that of a masked language model"), "{error}");
}

/// The fixture's three files, one of them changed.
fn damaged(name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> String {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let bytes = std::fs::read(fixture().join(file)).unwrap();
        std::fs::write(dir.path().join(file), if file == name { change(bytes) } else { bytes }).unwrap();
    }
    let opened = Checkpoint::open(dir.path()).and_then(|checkpoint| Model::masked_lm(&checkpoint).map(drop));
    opened.unwrap_err().to_string()
}

#[test]
fn damaged_models_are_refused_with_the_name_of_the_file() {
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let error = damaged(file, cut);
        assert!(error.contains(file), "{error}");
    }
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes()
    };
    let error = damaged("config.json", replace("\"intermediate_size\": 96", "\"intermediate_size\": 128"));
    assert!(error.contains("intermediate.dense.weight") && error.contains("[96, 48]"), "{error}");
    let error = damaged("config.json", replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4"));
    assert!(error.contains("bert.encoder.layer.3") && error.contains("missing"), "{error}");
    let error = damaged("config.json", replace("\"vocab_size\": 1400", "\"vocab_size\": 300"));
    assert!(error.contains("1400 tokens"), "{error}");
    let error = damaged("tokenizer.json", replace("\": 1399", "\": 5000"));
    assert!(error.contains("has the id 5000"), "{error}");
    let missing = Checkpoint::open(Path::new("/nowhere")).err().unwrap().to_string();
    assert!(missing.contains("/nowhere/config.json"), "{missing}");
}

#[test]
fn a_config_that_promises_more_than_the_file_holds_is_refused_before_memory_is_taken() {
    // The sizes of these models are terabytes and more; nothing of the kind may be asked of the system.
    for change in [
        ("\"vocab_size\": 1400", "\"vocab_size\": 16777216"),
        ("\"intermediate_size\": 96", "\"intermediate_size\": 16777216"),
        ("\"hidden_size\": 48", "\"hidden_size\": 16777216"),
        ("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 1000"),
    ] {
        let error = damaged("config.json", |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(change.0), "{}", change.0);
            text.replace(change.0, change.1).into_bytes()
        });
        assert!(error.contains("model.safetensors"), "{error}");
    }
    let config = String::from_utf8(std::fs::read(fixture().join("config.json")).unwrap()).unwrap();
    let huge = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"].into_iter().fold(
        config,
        |config, key| {
            let (before, rest) = config.split_once(&format!("\"{key}\": ")).unwrap();
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}\"{key}\": {}{rest}", if key == "num_hidden_layers" { 1000 } else { 1 << 24 })
        },
    );
    let tokenizer = std::fs::read(fixture().join("tokenizer.json")).unwrap();
    // A file without any tensor: its header is `{}`.
    let empty = [2u64.to_le_bytes().as_slice(), b"{}"].concat();
    let checkpoint = Checkpoint::from_parts(huge.as_bytes(), &tokenizer, empty).unwrap();
    let labels = ["no".to_owned(), "yes".to_owned()];
    let masked_lm = Model::masked_lm(&checkpoint).err();
    let classifier = Model::new_classifier(&checkpoint, &labels, 1).err();
    for error in [masked_lm, classifier] {
        assert!(error.unwrap().to_string().contains("word_embeddings.weight`, which is missing"));
    }
}
