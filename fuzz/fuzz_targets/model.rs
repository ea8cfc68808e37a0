//! A model directory made of arbitrary bytes is refused, or loads.
//!
//! The input is config.json, tokenizer.json and model.safetensors, each but the last with its length before it as
//! four bytes, the least significant first. Missing parts are taken from the small model in `fixtures/`, so that
//! every part is reached.
#![no_main]

use cloze_encoder::{Checkpoint, Model};
use libfuzzer_sys::fuzz_target;

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
        let _ = Model::masked_lm(&checkpoint);
        let _ = Model::classifier(&checkpoint);
    }
});
