//! What is compiled into the program, so that one file works anywhere: the default model and the data of the demo.

use cloze_encoder::{Checkpoint, Result};

/// The name of the default model.
pub(crate) const MODEL_NAME: &str = "cloze-mini-en";

/// The default model.
pub(crate) fn model() -> Result<Checkpoint> {
    Checkpoint::built_in(
        include_bytes!("../../../models/cloze-mini-en/config.json"),
        include_bytes!("../../../models/cloze-mini-en/tokenizer.json"),
        include_bytes!("../../../models/cloze-mini-en/model.safetensors"),
    )
}

/// The files of the demo by name: a task, its data, their origin and licence.
pub(crate) const DEMO: [(&str, &str); 6] = [
    ("task.toml", include_str!("../demo/task.toml")),
    ("labelled.csv", include_str!("../demo/labelled.csv")),
    ("unlabeled.csv", include_str!("../demo/unlabeled.csv")),
    ("test.csv", include_str!("../demo/test.csv")),
    ("README.md", include_str!("../demo/README.md")),
    ("LICENSE", include_str!("../demo/LICENSE")),
];
