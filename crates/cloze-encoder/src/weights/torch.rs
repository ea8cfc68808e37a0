//! `pytorch_model.bin`: the output of `torch.save`.
//!
//! Since PyTorch 1.6, this is a zip archive in which `data.pkl` describes the tensors and `data/KEY` contains
//! the numbers of a storage, uncompressed. Before that, it was a series of pickles (a magic number, a
//! version, system information, the tensors, the keys of the storages) followed by the storages, each
//! preceded by its number of elements.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;

use safetensors::Dtype;
use zip::{CompressionMethod, ZipArchive};

use super::pickle::Machine;
use super::tensor::Tensor;
use super::value::{Storage, Value};
use super::{Listed, refused};
use crate::{Error, Result};

/// The pickle of 0x1950a86a20f9469cfc6c, with which old files begin.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The tensors of a file, which errors refer to as `file`.
pub(super) fn list(file: &str, bytes: &[u8]) -> Result<Listed> {
    if bytes.starts_with(b"PK\x03\x04") {
        archive(file, bytes)
    } else if bytes.starts_with(MAGIC) {
        row_of_pickles(file, bytes)
    } else {
        Err(Error::malformed(file, "it does not begin as files of `torch.save` do; it may be damaged"))
    }
}

/// The format since PyTorch 1.6.
fn archive(file: &str, bytes: &[u8]) -> Result<Listed> {
    let damaged = |e: zip::result::ZipError| Error::malformed(file, format!("{e}; it may be cut short"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    // By names as the crate decodes them; for damaged names, these differ from those that it searches for.
    let names: HashMap<String, usize> =
        (0..archive.len()).filter_map(|i| Some((archive.name_for_index(i)?.to_owned(), i))).collect();
    // All entries are in one folder, which is named after the file at the time it was saved.
    let in_folder = |name: &str| Some(name.strip_suffix("data.pkl")?.to_owned());
    let folder = archive.file_names().filter_map(in_folder).find(|folder| folder.ends_with('/'));
    let no_pickle = || Error::malformed(file, "it is a zip archive without the `data.pkl` of `torch.save`");
    let folder = folder.ok_or_else(no_pickle)?;
    // Checksums are not verified: PyTorch has an option that leaves them wrong.
    let mut find = |name: &str| -> Result<Option<Range<usize>>> {
        let Some(&index) = names.get(&format!("{folder}{name}")) else { return Ok(None) };
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(refused(file, &format!("the compressed or encrypted `{name}`")));
        }
        let place = entry.data_start().and_then(|start| {
            let place =
                usize::try_from(start).ok()?..usize::try_from(start.checked_add(entry.size())?).ok()?;
            bytes.get(place.clone()).map(|_| place)
        });
        place
            .map(Some)
            .ok_or_else(|| Error::malformed(file, format!("`{name}` ends behind the end of the file")))
    };
    if let Some(order) = find("byteorder")?
        && &bytes[order.clone()] != b"little"
    {
        return Err(refused(file, "another order of bytes than `little`"));
    }
    let pickle = find("data.pkl")?.ok_or_else(no_pickle)?;
    let (machine, tensors) = Machine::run(file, &bytes[pickle])?;
    listed(file, &machine, tensors, |storage| find(&format!("data/{}", storage.key)))
}

/// The format before PyTorch 1.6.
fn row_of_pickles(file: &str, bytes: &[u8]) -> Result<Listed> {
    let mut at = MAGIC.len();
    let mut next = || -> Result<_> {
        let (machine, value) = Machine::run(file, &bytes[at..])?;
        at += machine.len();
        Ok((machine, value))
    };
    match next()?.1 {
        Value::Int(1001) => {}
        other => return Err(refused(file, &format!("the version {other:?} of its form"))),
    }
    // The sizes of numbers on the machine that wrote the file; those in the file do not depend on it.
    next()?;
    let (machine, tensors) = next()?;
    let (keys_machine, keys) = next()?;
    let Some(keys) = keys_machine.list(keys) else {
        return Err(Error::malformed(file, "it does not list its storages"));
    };
    let types: HashMap<&str, Dtype> =
        machine.storages().iter().map(|storage| (storage.key, storage.dtype)).collect();
    let mut places: HashMap<&str, Range<usize>> = HashMap::new();
    for key in keys {
        let Value::Text(key) = *key else {
            return Err(Error::malformed(file, "the key of a storage is no text"));
        };
        let place = types.get(key).and_then(|dtype| {
            let (len, rest) = bytes[at..].split_first_chunk::<8>()?;
            let len = usize::try_from(i64::from_le_bytes(*len)).ok()?.checked_mul(dtype.bitsize() / 8)?;
            let start = bytes.len() - rest.len();
            rest.get(..len).map(|_| start..start + len)
        });
        let Some(place) = place else {
            return Err(Error::malformed(
                file,
                format!("the storage `{key}` is cut short or belongs to no tensor"),
            ));
        };
        at = place.end;
        places.insert(key, place);
    }
    listed(file, &machine, tensors, |storage| Ok(places.get(storage.key).cloned()))
}

/// The tensors of a dictionary, checked against their storages, whose bytes `find` locates.
fn listed(
    file: &str,
    machine: &Machine,
    value: Value,
    mut find: impl FnMut(&Storage) -> Result<Option<Range<usize>>>,
) -> Result<Listed> {
    let Some(tensors) = machine.tensors(value) else {
        return Err(Error::malformed(file, "it holds no dictionary of tensors"));
    };
    let mut listed = Vec::new();
    for (name, tensor) in tensors {
        let storage = &machine.storages()[tensor.storage];
        let Some(place) = find(storage)? else {
            return Err(Error::malformed(
                file,
                format!("the storage `{}` of `{name}` is missing", storage.key),
            ));
        };
        let elements = storage.elements;
        let fits = elements.checked_mul(storage.dtype.bitsize() / 8).is_some_and(|len| len <= place.len());
        let view = (tensor.shape.as_slice(), tensor.strides.as_slice());
        let view = Tensor::view(storage.dtype, view, place.start, elements, tensor.offset).filter(|_| fits);
        let Some(view) = view else {
            return Err(Error::malformed(
                file,
                format!(
                    "`{name}` with the shape {:?} and strides {:?} leaves its storage, which has {} bytes",
                    tensor.shape,
                    tensor.strides,
                    place.len()
                ),
            ));
        };
        listed.push((name.to_owned(), view));
    }
    if listed.is_empty() {
        return Err(Error::malformed(file, "its dictionary holds no tensor"));
    }
    Ok(listed)
}
