//! Looks whether the built-in model is there before it is compiled in. A package from a registry does not carry it.

use std::env;
use std::path::Path;

const FOLDER: &str = "../../models/cloze-mini-en";
const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_BUILT_IN_MODEL").is_none() {
        return;
    }
    // Build scripts run in the folder of their package.
    let missing = FILES.iter().find(|file| !Path::new(FOLDER).join(file).is_file());
    if let Some(missing) = missing {
        println!(
            "cargo::error=the feature `built-in-model` needs `models/cloze-mini-en/{missing}` of cloze's repository, and a \
             package from a registry is too small for it. Do without: `cargo install cloze-cli --no-default-features` \
             installs the command, and `cloze fetch NAME` or `--model DIR` gives it a model; a program that depends on the \
             crate `cloze` leaves the feature out and opens a directory with `Model::open`. Or build in a checkout of the \
             repository, which has the model"
        );
    }
}
