//! What lies in a repository of the hub, and which of it a model needs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Revision;
use super::digest::Digest;
use super::name::is_hex;

/// The file that says what kind of model it is.
pub(super) const CONFIG: &str = "config.json";

/// The files that text is turned into tokens by; with the first of each line alone it can be done.
const TOKENIZERS: [&[&str]; 3] = [&["tokenizer.json"], &["vocab.txt"], &["vocab.json", "merges.txt"]];

/// What may say more about the tokens.
const BESIDE: [&str; 2] = ["tokenizer_config.json", "special_tokens_map.json"];

/// Weights, the first that is there, with whether it is an index of several files.
const WEIGHTS: [(&str, bool); 4] = [
    ("model.safetensors", false),
    ("model.safetensors.index.json", true),
    ("pytorch_model.bin", false),
    ("pytorch_model.bin.index.json", true),
];

/// A state of a repository.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit, which stays what it is, as a branch does not.
    pub(super) commit: Revision,
    files: BTreeMap<String, Entry>,
}

/// A file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// Where the weights are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Weights<'l> {
    /// In one file.
    File(&'l Entry),
    /// In the files that this one names.
    Index(&'l Entry),
}

/// The hub's answer.
#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

/// The part of an index that names files.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Listing {
    /// Reads the answer to `/api/models/NAME/revision/REVISION?blobs=true`.
    ///
    /// Files in folders are left out, for no model that cloze reads has any.
    pub(super) fn from_json(json: &[u8]) -> Result<Listing, String> {
        let answer: Answer = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let commit: Option<Revision> = answer.sha.parse().ok().filter(Revision::is_commit);
        let commit = commit.ok_or("its `sha` is not a commit")?;
        let files = answer.siblings.into_iter().filter_map(Sibling::entry);
        Ok(Listing { commit, files: files.map(|entry| (entry.name.clone(), entry)).collect() })
    }

    /// A file by its name.
    pub(super) fn file(&self, name: &str) -> Option<&Entry> {
        self.files.get(name)
    }

    /// The files about tokens; none if text could not be turned into tokens by them.
    pub(super) fn tokenizer(&self) -> Option<Vec<&Entry>> {
        let complete = |names: &&[&str]| names.iter().all(|name| self.files.contains_key(*name));
        if !TOKENIZERS.iter().any(complete) {
            return None;
        }
        let names = TOKENIZERS.iter().copied().flatten().chain(&BESIDE);
        Some(names.filter_map(|name| self.file(name)).collect())
    }

    /// The weights in the form that is read first.
    pub(super) fn weights(&self) -> Option<Weights<'_>> {
        WEIGHTS.iter().find_map(|(name, is_index)| {
            let entry = self.file(name)?;
            Some(if *is_index { Weights::Index(entry) } else { Weights::File(entry) })
        })
    }

    /// The files that an index names, each once.
    pub(super) fn shards(&self, index: &[u8]) -> Result<Vec<&Entry>, String> {
        let index: Index = serde_json::from_slice(index).map_err(|error| error.to_string())?;
        let mut names: Vec<&str> = index.weight_map.values().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err("its `weight_map` names no file".to_owned());
        }
        let missing = |name| format!("it names `{name}`, which is not there");
        names.into_iter().map(|name| self.file(name).ok_or_else(|| missing(name))).collect()
    }

    /// The names of the files with weights that cloze does not read.
    pub(super) fn foreign(&self) -> Vec<&str> {
        let endings = [".h5", ".msgpack", ".onnx", ".gguf", ".ot", ".bin", ".safetensors", ".pt", ".pth"];
        let names = self.files.keys().map(String::as_str);
        names.filter(|name| endings.iter().any(|ending| name.ends_with(ending))).collect()
    }
}

impl Sibling {
    /// The file, if it lies at the top and the hub says what it should be.
    fn entry(self) -> Option<Entry> {
        let Sibling { rfilename: name, size, blob_id, lfs } = self;
        let (size, digest) = match lfs {
            Some(Lfs { sha256, size }) => (size, is_hex(&sha256, 64).then_some(Digest::Sha256(sha256))?),
            None => (size?, blob_id.filter(|id| is_hex(id, 40)).map(Digest::GitBlob)?),
        };
        let is_top = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
        is_top.then_some(Entry { name, size, digest })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing(names: &[&str]) -> Listing {
        let siblings: Vec<_> = names
            .iter()
            .map(|name| json!({"rfilename": name, "size": 7, "blobId": "0".repeat(40)}))
            .collect();
        let answer = json!({"sha": "1".repeat(40), "siblings": siblings});
        Listing::from_json(answer.to_string().as_bytes()).unwrap()
    }

    fn names(entries: Vec<&Entry>) -> Vec<&str> {
        entries.into_iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn weights_are_taken_in_the_form_that_is_read_first() {
        let all = [
            "config.json",
            "tf_model.h5",
            "pytorch_model.bin",
            "model.safetensors.index.json",
            "onnx/model.onnx",
        ];
        let chosen = listing(&all);
        assert_eq!(chosen.weights(), chosen.file("model.safetensors.index.json").map(Weights::Index));
        let chosen = listing(&["pytorch_model.bin", "model.safetensors"]);
        assert_eq!(chosen.weights(), chosen.file("model.safetensors").map(Weights::File));
        assert_eq!(listing(&["tf_model.h5", "sub/model.safetensors"]).weights(), None);
        assert_eq!(listing(&["tf_model.h5", "README.md"]).foreign(), ["tf_model.h5"]);
    }

    #[test]
    fn a_tokenizer_is_one_file_or_the_files_of_its_kind() {
        let all = listing(&["vocab.txt", "tokenizer.json", "special_tokens_map.json", "README.md"]);
        assert_eq!(
            names(all.tokenizer().unwrap()),
            ["tokenizer.json", "vocab.txt", "special_tokens_map.json"]
        );
        assert_eq!(
            names(listing(&["merges.txt", "vocab.json"]).tokenizer().unwrap()),
            ["vocab.json", "merges.txt"]
        );
        assert_eq!(listing(&["vocab.json", "tokenizer_config.json"]).tokenizer(), None);
    }

    #[test]
    fn shards_are_files_of_the_same_repository() {
        let all = listing(&["a.safetensors", "b.safetensors"]);
        let index = br#"{"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}}"#;
        assert_eq!(names(all.shards(index).unwrap()), ["a.safetensors", "b.safetensors"]);
        let missing = all.shards(br#"{"weight_map": {"x": "../c"}}"#).unwrap_err();
        assert!(missing.contains("`../c`"), "{missing}");
        assert!(all.shards(b"{}").is_err() && all.shards(br#"{"weight_map": {}}"#).is_err());
    }

    #[test]
    fn what_would_leave_the_directory_or_cannot_be_checked_is_left_out() {
        assert_eq!(listing(&["../config.json", "a\\b", ".gitattributes", "c:d", ""]).files.len(), 0);
        let siblings =
            json!([{"rfilename": "a", "size": 1}, {"rfilename": "b", "lfs": {"sha256": "../x", "size": 1}}]);
        let answer = json!({"sha": "1".repeat(40), "siblings": siblings});
        assert_eq!(Listing::from_json(answer.to_string().as_bytes()).unwrap().files.len(), 0);
        assert!(Listing::from_json(br#"{"sha": "../..", "siblings": []}"#).is_err());
    }
}
