//! A model directory made of arbitrary bytes is refused, or loads and answers.
//!
//! The input is config.json, tokenizer.json and model.safetensors, each but the last with its length before it as
//! four bytes, the least significant first. Missing parts are taken from the small model in `fixtures/`, so that
//! every part is reached.
#![no_main]

use std::sync::LazyLock;

use cloze_encoder::{Batch, Checkpoint, Device, Mode, Model, Session, Vocab};
use libfuzzer_sys::fuzz_target;

static DEVICE: LazyLock<Device> = LazyLock::new(|| Device::new(1));

const CONFIG: &[u8] = include_bytes!("../../fixtures/encoder/bert/config.json");
const TOKENIZER: &[u8] = include_bytes!("../../fixtures/encoder/bert/tokenizer.json");
const WEIGHTS: &[u8] = include_bytes!("../../fixtures/encoder/bert/model.safetensors");

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let mut part = |standard: &'static [u8]| -> Vec<u8> {
        let Some((length, tail)) = rest.split_first_chunk::<4>() else { return standard.to_vec() };
        let length = (u32::from_le_bytes(*length) as usize).min(tail.len());
        let (part, others) = tail.split_at(length);
        rest = others;
        if part.is_empty() { standard.to_vec() } else { part.to_vec() }
    };
    let (config, tokenizer) = (part(CONFIG), part(TOKENIZER));
    let weights = if rest.is_empty() { WEIGHTS.to_vec() } else { rest.to_vec() };
    if let Ok(checkpoint) = Checkpoint::from_parts(&config, &tokenizer, weights) {
        let text = "A caf\u{e9}, [MASK]: \u{4eca}\u{65e5} 12.5 unbelievable\r\n\u{1f600}";
        let tokenizer = &checkpoint.tokenizer;
        let mut ids = tokenizer.tokenize(text);
        ids.truncate(checkpoint.config.max_length() - tokenizer.special_count(true) - 1);
        let mut batch = Batch::new();
        batch.push(&tokenizer.assemble(&ids, Some(&[tokenizer.special().mask])));
        if let Ok(model) = Model::masked_lm(&checkpoint) {
            let columns = Vocab::Subset(&[0]);
            Session::new(model, &DEVICE).mask_logits(&batch, &[0], columns, Mode::Predict);
        }
        if let Ok(model) = Model::classifier(&checkpoint) {
            Session::new(model, &DEVICE).class_logits(&batch, Mode::Predict);
        }
    }
});
