//! What the golden tests share: where the files are, and the papers' patterns in the pattern language.
#![allow(dead_code, unreachable_pub)] // every test uses some of it

use std::path::{Path, PathBuf};

use cloze_encoder::Tokenizer;
use serde_json::Value;

/// Where goldens may be: `fixtures/`, and the folder named by `CONFORMANCE`.
pub fn folders() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")];
    match std::env::var_os("CONFORMANCE") {
        Some(folder) => folders.push(folder.into()),
        None => println!("goldens outside fixtures/ were not run because CONFORMANCE is not set"),
    }
    folders
}

/// The contents of a JSON file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The items of an array.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// An array of token ids.
pub fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The patterns of the papers' tasks with one mask, by pattern id, over the columns `a`, `b` and those of `meta`.
pub fn patterns(task: &str) -> Option<&'static [&'static str]> {
    Some(match task {
        "agnews" => &[
            "{mask}:{a}{b}",
            "{mask}News:{a}{b}",
            "{a}({mask}){b}",
            "{a}{b}({mask})",
            "[ Category:{mask}]{a}{b}",
            "{mask}-{a}{b}",
        ],
        "rte" => &[
            "\"{b|strip_punct}\" ?{sep}{mask}, \"{a}\"",
            "{b|strip_punct}?{sep}{mask},{a}",
            "\"{b|strip_punct}\" ?{sep}{mask}. \"{a}\"",
            "{b|strip_punct}?{sep}{mask}.{a}",
            "{a} question: {b} True or False? answer:{mask}",
        ],
        "cb" => &[
            "\"{b|strip_punct}\" ?{sep}{mask}, \"{a}\"",
            "{b|strip_punct}?{sep}{mask},{a}",
            "\"{b|strip_punct}\" ?{sep}{mask}. \"{a}\"",
            "{b|strip_punct}?{sep}{mask}.{a}",
            "{a} question: {b} true, false or neither? answer:{mask}",
        ],
        "boolq" => &[
            "{a}. Question: {b}? Answer: {mask}.",
            "{a}. Question: {b}? Answer: {mask}.",
            "{a}. Based on the previous passage, {b}?{mask}.",
            "{a}. Based on the previous passage, {b}?{mask}.",
            "Based on the following passage, {b}?{mask}.{a}",
            "Based on the following passage, {b}?{mask}.{a}",
        ],
        "multirc" => &[
            "{a}. Question: {b!}? Is it {answer!}?{mask}.",
            "{a}. Question: {b!}? Is the correct answer \"{answer!}\"?{mask}.",
            "{a}. Based on the previous passage, {b!}? Is \"{answer!}\" a correct answer?{mask}.",
            "{a}{b!}- [{mask}]{answer!}",
        ],
        "wic" => &[
            "\"{a}\" / \"{b}\" Similar sense of \"{word!}\"?{mask}.",
            "{a}{b}Does {word!} have the same meaning in both sentences?{mask}",
            "{word!} . Sense (1) (a) \"{a}\" ({mask}) \"{b}\"",
        ],
        _ => return None,
    })
}

/// The tokenizer of a golden model, unless it is of a kind that a later version brings.
pub fn tokenizer(model: &str) -> Option<Tokenizer> {
    let found = folders()
        .into_iter()
        .find_map(|folder| std::fs::read(folder.join("encoder").join(model).join("tokenizer.json")).ok());
    match Tokenizer::from_bytes(&found?) {
        Ok(tokenizer) => Some(tokenizer),
        Err(cloze_encoder::Error::Unsupported { .. }) => None,
        Err(error) => panic!("{model}: {error}"),
    }
}

/// Calls `check` for every task and supported model that there are goldens for, and names the others.
pub fn every_task(check: impl Fn(&str, &Value, &Tokenizer, &Value)) {
    for folder in folders() {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder.join("pet")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
            let golden = json(file);
            let (Some(task), Some(models)) = (golden["task"].as_str(), golden["models"].as_object()) else {
                continue;
            };
            if !golden["examples"].is_array() {
                continue;
            }
            if patterns(task).is_none() {
                println!("not yet supported: {} (several masks)", file.display());
                continue;
            }
            for (model, numbers) in models {
                match tokenizer(model) {
                    Some(tokenizer) => check(task, &golden, &tokenizer, numbers),
                    None => println!("not yet supported: {} with the model `{model}`", file.display()),
                }
            }
        }
    }
}

/// The columns' names and their texts for an example of the goldens.
pub fn columns(example: &Value) -> (Vec<String>, Vec<String>) {
    let mut columns = vec![("a".to_owned(), &example["text_a"]), ("b".to_owned(), &example["text_b"])];
    columns.extend(example["meta"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), value)));
    columns.into_iter().map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())).unzip()
}
