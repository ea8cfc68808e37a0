//! Finds the weight files in a directory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path};

use serde::Deserialize;

use super::{File, Format, Weights};
use crate::{Error, Result};

/// The possible weight files, in order of preference, and whether each is an index of others.
const FORMS: [(&str, Format, bool); 4] = [
    ("model.safetensors", Format::Safetensors, false),
    ("model.safetensors.index.json", Format::Safetensors, true),
    ("pytorch_model.bin", Format::Torch, false),
    ("pytorch_model.bin.index.json", Format::Torch, true),
];

/// Weights in unsupported formats, and how to convert them.
const FOREIGN: [(&str, &str); 3] = [
    ("tf_model.h5", "`AutoModelForMaskedLM.from_pretrained('.', from_tf=True).save_pretrained('.')`"),
    (
        "flax_model.msgpack",
        "`AutoModelForMaskedLM.from_pretrained('.', from_flax=True).save_pretrained('.')`",
    ),
    ("model.onnx", ""),
];

/// The part of an index that gives the file of each tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

pub(super) fn open(dir: &Path) -> Result<Weights> {
    for (name, format, is_index) in FORMS {
        let path = dir.join(name);
        match std::fs::read(&path) {
            Ok(bytes) if is_index => return shards(dir, name, format, bytes),
            Ok(bytes) => return Weights::from_bytes(name, Cow::Owned(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("read", &path, e)),
        }
    }
    let wanted = FORMS.map(|(name, ..)| format!("`{name}`")).join(", ");
    for (name, conversion) in FOREIGN {
        if dir.join(name).exists() {
            return Err(Error::Unsupported {
                what: format!("`{}` without any of {wanted}", dir.join(name).display()),
                remedy: match conversion {
                    "" => "get `model.safetensors` or `pytorch_model.bin` of the same model".into(),
                    conversion => format!(
                        "get `model.safetensors` of the same model, or have transformers 4 write it: {conversion}"
                    ),
                },
            });
        }
    }
    Err(Error::malformed("", format!("it has no weights: none of {wanted} is there")))
}

/// Weights in several files.
fn shards(dir: &Path, index_name: &str, format: Format, index_bytes: Vec<u8>) -> Result<Weights> {
    let malformed = |reason: String| Error::malformed(index_name, reason);
    let index: Index = serde_json::from_slice(&index_bytes).map_err(|e| malformed(e.to_string()))?;
    let mut by_shard: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, shard) in &index.weight_map {
        by_shard.entry(shard).or_default().push(tensor);
    }
    if by_shard.is_empty() {
        return Err(malformed("its `weight_map` names no tensor".into()));
    }
    let mut files = Vec::with_capacity(1 + by_shard.len());
    files.push(File { name: index_name.to_owned(), bytes: Cow::Borrowed(&[]) });
    let mut tensors = Vec::with_capacity(index.weight_map.len());
    for (shard, names) in by_shard {
        if !is_file_name(shard) {
            return Err(malformed(format!("the shard `{shard}` is not the name of a file beside it")));
        }
        let path = dir.join(shard);
        let bytes = std::fs::read(&path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => malformed(format!("the shard `{shard}`, which it names, is missing")),
            _ => Error::io("read", &path, e),
        })?;
        let mut listed: BTreeMap<_, _> = format.list(shard, &bytes)?.into_iter().collect();
        for name in names {
            let Some(tensor) = listed.remove(name) else {
                return Err(malformed(format!("`{name}` should be in `{shard}`, but is not")));
            };
            tensors.push((name.to_owned(), files.len(), tensor));
        }
        files.push(File { name: shard.to_owned(), bytes: Cow::Owned(bytes) });
    }
    files[0].bytes = Cow::Owned(index_bytes);
    Weights::new(files, tensors)
}

/// Whether a path stays within the directory that it is joined to, on every system.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(_)))
        && components.next().is_none()
        && !name.contains(['/', '\\', ':', '\0'])
}
