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
            // What the reference tokenises in one piece with the word is a column of its own, see `columns`.
            "\"{a}\" / \"{b}{similar!}{mask}.",
            "{a}{b}{same!}{mask}",
            "{sense!}{a}\" ({mask}) \"{b}\"",
        ],
        _ => return None,
    })
}

/// The tokenizer of a golden model.
pub fn tokenizer(model: &str) -> Tokenizer {
    let dirs = folders().into_iter().map(|folder| folder.join("encoder").join(model));
    let dir = dirs.into_iter().find(|dir| dir.join("tokenizer.json").exists()).expect(model);
    Tokenizer::open(&dir).unwrap()
}

/// Calls `check` for every task with one mask and every model that there are goldens for, and names the other tasks.
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
                let where_else = if task == "wsc" { "not yet supported" } else { "see tests/multi_token.rs" };
                println!("{}: several masks: {where_else}", file.display());
                continue;
            }
            for (model, numbers) in models {
                println!("{} with the model `{model}`", file.display());
                check(task, &golden, &tokenizer(model), numbers);
            }
        }
    }
}

/// The columns' names and their texts for an example of the goldens.
pub fn columns(example: &Value) -> (Vec<String>, Vec<String>) {
    let meta = example["meta"].as_object().unwrap();
    let mut columns = vec![("a", &example["text_a"]), ("b", &example["text_b"])];
    columns.extend(meta.iter().map(|(name, value)| (name.as_str(), value)));
    let text =
        |(name, value): (&str, &Value)| (name.to_owned(), value.as_str().unwrap_or_default().to_owned());
    let mut columns: Vec<(String, String)> = columns.into_iter().map(text).collect();
    if let Some(word) = meta.get("word").and_then(Value::as_str) {
        for (name, text) in [
            ("similar", format!("\" Similar sense of \"{word}\"?")),
            ("same", format!("Does {word} have the same meaning in both sentences?")),
            ("sense", format!("{word} . Sense (1) (a) \"")),
        ] {
            columns.push((name.to_owned(), text));
        }
    }
    columns.into_iter().unzip()
}
