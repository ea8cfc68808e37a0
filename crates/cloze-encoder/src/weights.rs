//! Reads model weights in every format in which BERT-like models are published.

mod directory;
mod names;
mod pickle;
mod tensor;
mod torch;
mod value;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use self::tensor::Tensor;
use crate::{Error, Result};

/// Tied tensors with different names share data, but no model shares all of its data this many times. A
/// higher limit would let a small file request any amount of memory.
const MOST_SHARED: u128 = 16;

/// What is added to the name of a tensor of bytes for that of the scales of its rows.
const SCALES: &str = ".scale";

/// The tensors of a file, with their names in it.
type Listed = Vec<(String, Tensor)>;

/// A file format for tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Safetensors,
    Torch,
}

impl Format {
    /// The tensors of a file, which errors refer to as `file`.
    fn list(self, file: &str, bytes: &[u8]) -> Result<Listed> {
        if bytes.starts_with(b"version https://git-lfs") {
            return Err(Error::malformed(
                file,
                "it is a pointer of Git LFS; run `git lfs pull` in its folder",
            ));
        }
        match self {
            Format::Safetensors => safetensors(file, bytes),
            Format::Torch => torch::list(file, bytes),
        }
    }
}

/// The weight files, and the position of each tensor in them.
pub(crate) struct Weights {
    /// The first file is the one found in the directory: either the only one, or the index of the others.
    files: Vec<File>,
    /// Tensors by common name, each with the index of its file.
    tensors: HashMap<String, (usize, Tensor)>,
}

/// A file, or data compiled into the program.
struct File {
    name: String,
    bytes: Cow<'static, [u8]>,
}

/// A tensor that was found.
pub(crate) struct Found<'w> {
    file: &'w File,
    tensor: &'w Tensor,
}

impl Weights {
    /// The weights of a directory: `model.safetensors`, or otherwise `pytorch_model.bin`, each either as a
    /// single file or as several with an index.
    ///
    /// # Errors
    /// Names the file that is missing, damaged or of an unsupported kind, without the directory.
    pub(crate) fn open(dir: &Path) -> Result<Weights> {
        directory::open(dir)
    }

    /// The weights in a file that errors refer to as `name`; the name also determines its format.
    pub(crate) fn from_bytes(name: &str, bytes: Cow<'static, [u8]>) -> Result<Weights> {
        let format = if name.ends_with(".safetensors") { Format::Safetensors } else { Format::Torch };
        let listed = format.list(name, &bytes)?;
        let tensors = listed.into_iter().map(|(name, tensor)| (name, 0, tensor)).collect();
        Weights::new(vec![File { name: name.to_owned(), bytes }], tensors)
    }

    /// Renames tensors to their common names.
    fn new(files: Vec<File>, mut listed: Vec<(String, usize, Tensor)>) -> Result<Weights> {
        let of = files[0].name.as_str();
        let bytes: u128 = files.iter().map(|file| file.bytes.len() as u128).sum();
        let size = listed.iter().fold(0_u128, |sum, (_, _, tensor)| sum.saturating_add(tensor.size()));
        if size > bytes * MOST_SHARED {
            return Err(Error::malformed(
                of,
                format!("its tensors have {size} bytes, but the file has {bytes}"),
            ));
        }
        // Sorted, so that the same one of several errors is reported each time.
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let mut tensors = HashMap::with_capacity(listed.len());
        let mut original: HashMap<String, String> = HashMap::with_capacity(listed.len());
        for (name, file, tensor) in listed {
            let common = names::common(&name).into_owned();
            match original.entry(common.clone()) {
                Entry::Occupied(other) => {
                    let other = other.get();
                    return Err(Error::malformed(of, format!("`{other}` and `{name}` are the same tensor")));
                }
                Entry::Vacant(entry) => entry.insert(name),
            };
            tensors.insert(common, (file, tensor));
        }
        Ok(Weights { files, tensors })
    }

    /// The file in which the weights were found, for errors.
    pub(crate) fn name(&self) -> &str {
        &self.files[0].name
    }

    /// The contents of all files: an index first, then the shards by name.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|file| &*file.bytes)
    }

    /// Whether all floats are stored as float16, or in 8 bits with a scale per row.
    pub(crate) fn is_float16(&self) -> bool {
        let floats = || self.tensors.values().filter(|(_, tensor)| tensor.is_float());
        let is_narrow = |tensor: &Tensor| matches!(tensor.dtype, Dtype::F16 | Dtype::I8);
        floats().next().is_some() && floats().all(|(_, tensor)| is_narrow(tensor))
    }

    /// The tensor with this name in a model, whatever its name in the file.
    pub(crate) fn find(&self, wanted: &str) -> Option<Found<'_>> {
        let common = names::common(wanted);
        let found = self.tensors.get(&*common).or_else(|| self.tensors.get(&names::elsewhere(&common)?));
        found.map(|(file, tensor)| Found { file: &self.files[*file], tensor })
    }

    /// All tensors as float32 with their common names and shapes, sorted by name. Tensors that are not floats
    /// are left out.
    fn floats(&self) -> Vec<Floats> {
        let mut all: Vec<_> = self
            .tensors
            .iter()
            .filter_map(|(name, (file, tensor))| {
                let mut values = vec![0.0; tensor.shape.iter().product()];
                let is_float = tensor.widen(&self.files[*file].bytes, &mut values);
                is_float.then(|| (name.clone(), tensor.shape.clone(), values))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

impl Found<'_> {
    pub(crate) fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    /// The file that contains it.
    pub(crate) fn file(&self) -> &str {
        &self.file.name
    }

    /// Writes the elements to `out`, which has the same number of elements. Errors refer to the tensor as
    /// `name`.
    ///
    /// # Errors
    /// If the elements are not floats.
    pub(crate) fn read(&self, name: &str, out: &mut [f32]) -> Result<()> {
        if self.tensor.widen(&self.file.bytes, out) {
            return Ok(());
        }
        Err(Error::Unsupported {
            what: format!("`{name}` in `{}` with elements of type {:?}", self.file.name, self.tensor.dtype),
            remedy: "store the weights as F32, F16, BF16 or F64, or as I8 with the scales of their rows"
                .into(),
        })
    }

    /// Whether both have equal elements of the same type.
    pub(crate) fn equals(&self, other: &Found) -> bool {
        self.tensor.dtype == other.tensor.dtype
            && self.tensor.data(&self.file.bytes) == other.tensor.data(&other.file.bytes)
            && self.tensor.scales(&self.file.bytes) == other.tensor.scales(&other.file.bytes)
    }
}

/// A tensor's common name, shape and elements: for tests and fuzzing.
pub type Floats = (String, Vec<usize>, Vec<f32>);

/// All float tensors in a weight file, for tests and fuzzing.
///
/// # Errors
/// As [`crate::Checkpoint::open`].
pub fn tensors(file: &str, bytes: Vec<u8>) -> Result<Vec<Floats>> {
    Ok(Weights::from_bytes(file, bytes.into())?.floats())
}

fn safetensors(file: &str, bytes: &[u8]) -> Result<Listed> {
    let damaged = |e| Error::malformed(file, format!("{e}; it may be cut short"));
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    // After the header and its length. The metadata has been checked to cover the rest without gaps.
    let data = 8 + header;
    let rows = |info: &safetensors::tensor::TensorInfo| {
        let (start, end) = info.data_offsets;
        Tensor::rows(info.dtype, &info.shape, data + start, end - start)
    };
    let mut listed: HashMap<String, Tensor> =
        metadata.tensors().into_iter().map(|(name, info)| (name, rows(info))).collect();
    scale(file, &mut listed)?;
    Ok(listed.into_iter().collect())
}

/// Gives tensors of bytes the scales of their rows, which are then no tensors of their own.
fn scale(file: &str, listed: &mut HashMap<String, Tensor>) -> Result<()> {
    let bytes = listed.iter().filter(|(_, tensor)| tensor.dtype == Dtype::I8);
    let mut names: Vec<String> = bytes.map(|(name, _)| name.clone()).collect();
    names.sort();
    for name in names {
        let of_scales = format!("{name}{SCALES}");
        let (Some(tensor), Some(scales)) = (listed.get(&name), listed.get(&of_scales)) else { continue };
        let Some(scaled) = tensor.scaled_by(scales) else {
            let reason = format!(
                "`{of_scales}` has {:?} of the shape {:?}, but `{name}` of the shape {:?} needs an F32 for each row",
                scales.dtype, scales.shape, tensor.shape
            );
            return Err(Error::malformed(file, reason));
        };
        listed.insert(name, scaled);
        listed.remove(&of_scales);
    }
    Ok(())
}

/// The error for something in a PyTorch file that this reader does not support.
fn refused(file: &str, what: &str) -> Error {
    let name = file.rsplit('/').next().unwrap_or(file);
    Error::Unsupported {
        what: format!("`{file}` with {what}"),
        remedy: format!(
            "if you trust where it comes from, convert it in its folder: `python3 -c \"import torch, safetensors.torch as s; \
             s.save_file({{k: v.clone().contiguous() for k, v in torch.load('{name}', map_location='cpu', \
             weights_only=True).items()}}, 'model.safetensors', {{'format': 'pt'}})\"`"
        ),
    }
}
