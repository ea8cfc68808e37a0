//! Saves models and writes down what cloze makes of some texts with them, for `scripts/parity.py` to compare with what
//! Hugging Face transformers makes of the same.
//!
//! ```text
//! cargo run -p cloze --example parity -- FOLDER
//! ```
//!
//! A tiny run is trained in FOLDER with a model of every family, which gives a fine-tuned masked language model and a distilled
//! classifier as runs keep them; the default model stands for models that others have saved. What is expected of each lies in `FOLDER/expected.json`:
//! token ids and type ids of every text, and the logits of the classes or at the mask.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use cloze::Trainer;
use cloze::task::Task;
use cloze_encoder::{Batch, Checkpoint, Device, Mode, Model, Sequence, Session, Vocab};
use serde_json::{Value, json};

const FAMILIES: [&str; 6] = ["bert", "roberta", "albert", "xlm-roberta", "distilbert", "electra"];

const TASK: &str = r#"
format   = 1
name     = "moods"
patterns = ["It was {mask}. {text}", "{text}{sep}All in all, {mask}."]

[data]
train     = "train.csv"
unlabeled = "unlabeled.csv"
label     = "mood"

[labels]
up         = "good"
"far down" = "no"

[train]
steps         = 6
batch_size    = 4
learning_rate = 1e-3

[distil]
steps         = 10
batch_size    = 8
learning_rate = 1e-3
"#;

/// The empty text comes first, so that it is never the second of a pair, which transformers takes for no pair.
const TEXTS: [&str; 7] = [
    "",
    "the sun was warm",
    "A quiet garden, an old house; nobody spoke!",
    "Caf\u{e9} \u{201c}na\u{ef}ve\u{201d} \u{2014} 100\u{a0}% \u{df}",
    "\u{4eca}\u{65e5}\u{306f} \u{1f600} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "line one\nline two\ttabbed",
    "antidisestablishmentarianism xyzzyqwfp",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give a folder to write to")?);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let device = Device::all_cores();
    fs::create_dir_all(&folder)?;
    let labelled = "text,mood\nthe sun was warm,up\nthe rain was cold,far down\na fine day,up\n";
    fs::write(folder.join("train.csv"), labelled)?;
    let rows: String = (0..40).map(|row| format!("day {row} of the long road\n")).collect();
    fs::write(folder.join("unlabeled.csv"), format!("text\n{rows}"))?;
    let task = Task::parse("moods.toml", TASK, &folder)?;
    // The default model is stored in 8 bits, which other programs do not read; what is saved of it they do.
    let (default, saved) =
        (Checkpoint::open(&root.join("models/cloze-mini-en"))?, folder.join("cloze-mini-en"));
    Model::masked_lm(&default)?.save_like(&saved, &default)?;
    let mut models = vec![masked_lm(&saved, &device)?];
    for family in FAMILIES {
        let tiny = Checkpoint::open(&root.join("fixtures/encoder").join(family))?;
        let model = cloze::Model::new(family, tiny);
        let run = Trainer::new(&task).model(model).device(&device).runs(folder.join("runs")).train()?.path;
        models.push(classifier(&run.join("final"), &device)?);
        models.push(masked_lm(&run.join("g0/p1-s0/model"), &device)?);
    }
    fs::write(folder.join("expected.json"), serde_json::to_vec_pretty(&models)?)?;
    Ok(())
}

/// The texts, alone and each with the one after it as a pair.
fn inputs() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let alone = TEXTS.iter().map(|&text| (text, None));
    alone.chain(TEXTS.windows(2).map(|pair| (pair[0], Some(pair[1]))))
}

fn classifier(dir: &Path, device: &Device) -> Result<Value, Box<dyn Error>> {
    let checkpoint = Checkpoint::open(dir)?;
    let labels = checkpoint.config.labels.clone();
    let mut session = Session::new(Model::classifier(&checkpoint)?, device);
    let tokenizer = &checkpoint.tokenizer;
    let inputs = inputs().map(|(a, b)| {
        let second = b.map(|b| tokenizer.tokenize(b));
        let sequence = tokenizer.assemble(&tokenizer.tokenize(a), second.as_deref());
        let mut batch = Batch::new();
        batch.push(&sequence);
        input(a, b, &sequence, session.class_logits(&batch, Mode::Predict))
    });
    Ok(json!({"model": dir, "kind": "classifier", "labels": labels, "inputs": inputs.collect::<Vec<_>>()}))
}

/// Every text gets a mask at its end, since a mask is what a masked language model is asked about.
fn masked_lm(dir: &Path, device: &Device) -> Result<Value, Box<dyn Error>> {
    let checkpoint = Checkpoint::open(dir)?;
    let mut session = Session::new(Model::masked_lm(&checkpoint)?, device);
    let tokenizer = &checkpoint.tokenizer;
    let mask_token = tokenizer.token(tokenizer.special().mask).ok_or("the mask has no name")?;
    let inputs = inputs().map(|(a, b)| {
        let mut first = tokenizer.tokenize(a);
        first.push(tokenizer.special().mask);
        let second = b.map(|b| tokenizer.tokenize(b));
        let sequence = tokenizer.assemble(&first, second.as_deref());
        let mut batch = Batch::new();
        batch.push(&sequence);
        let mask = batch.index(0, first.len());
        let logits = session.mask_logits(&batch, &[mask], Vocab::All, Mode::Predict);
        input(&format!("{a} {mask_token}"), b, &sequence, logits)
    });
    Ok(json!({"model": dir, "kind": "masked-lm", "labels": [], "inputs": inputs.collect::<Vec<_>>()}))
}

fn input(a: &str, b: Option<&str>, sequence: &Sequence, logits: &[f32]) -> Value {
    json!({"a": a, "b": b, "ids": sequence.ids, "type_ids": sequence.type_ids, "logits": logits})
}
