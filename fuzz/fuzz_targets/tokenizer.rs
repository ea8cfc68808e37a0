//! A tokenizer.json made of arbitrary bytes is refused, or cuts any text.
#![no_main]

use cloze_encoder::Tokenizer;
use libfuzzer_sys::fuzz_target;

const TEXTS: &[&str] = &[
    "",
    " ",
    "The  the a\u{300}b\u{ba}o\u{7}\u{7} thing.\r\n",
    "\u{7}a [MASK]<mask></s>[SEP] \u{fb01}e\u{301} \u{4eca}\u{65e5} 12.5 ``\u{1f600}\u{200d}\u{1f600}",
    "\u{a0}\u{ac00}\u{11a8}\u{0}\u{ad}\u{130}\u{df}\u{2581}",
];

fuzz_target!(|bytes: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_bytes(bytes) else { return };
    for text in TEXTS {
        let ids = tokenizer.tokenize(text);
        assert!(ids.iter().all(|&id| id == tokenizer.special().unk || !tokenizer.is_special(id)));
        for (_, span) in tokenizer.tokenize_with_spans(text) {
            assert!(text.get(span).is_some());
        }
        tokenizer.tokenize_with_specials(text);
        assert!(ids.iter().all(|&id| tokenizer.text(id).is_some()));
    }
});
