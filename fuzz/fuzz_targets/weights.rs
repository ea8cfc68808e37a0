//! A `pytorch_model.bin` of arbitrary bytes is refused, or holds tensors of the size that their shapes say.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tensors) = cloze_encoder::tensors("pytorch_model.bin", bytes.to_vec()) {
        for (_, shape, values) in tensors {
            assert_eq!(shape.iter().product::<usize>(), values.len());
        }
    }
});
