//! A model as it lies in a directory: configuration, tokenizer, weights.

use std::path::Path;
use std::sync::OnceLock;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Config, Error, Result, Tokenizer};

/// The three files of a Hugging Face directory that a model needs, read and checked.
///
/// Reading executes nothing: JSON and safetensors are data.
pub struct Checkpoint {
    /// The shape.
    pub config: Config,
    /// From text to token ids.
    pub tokenizer: Tokenizer,
    weights: Weights,
    config_json: Vec<u8>,
    /// Computed when it is first asked for: predicting does not need it, and it takes a while.
    fingerprint: OnceLock<String>,
}

/// The bytes of `model.safetensors`, owned or compiled into the program.
enum Weights {
    Owned(Vec<u8>),
    Static(&'static [u8]),
}

impl Weights {
    fn bytes(&self) -> &[u8] {
        match self {
            Weights::Owned(bytes) => bytes,
            Weights::Static(bytes) => bytes,
        }
    }
}

impl Checkpoint {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` of a directory.
    ///
    /// # Errors
    /// Names the file that is missing, damaged, of an unsupported kind, or at odds with the others.
    pub fn open(dir: &Path) -> Result<Checkpoint> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read(&path).map_err(|e| Error::io("read", &path, e))
        };
        let (config, tokenizer) = (read("config.json")?, read("tokenizer.json")?);
        Checkpoint::new(&config, &tokenizer, Weights::Owned(read("model.safetensors")?)).map_err(
            |e| match e {
                Error::Malformed { file, reason } => {
                    Error::Malformed { file: dir.join(file).display().to_string(), reason }
                }
                other => other,
            },
        )
    }

    /// The same from the contents of the three files.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_parts(config: &[u8], tokenizer: &[u8], weights: Vec<u8>) -> Result<Checkpoint> {
        Checkpoint::new(config, tokenizer, Weights::Owned(weights))
    }

    /// The same for a model that is compiled into the program.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn built_in(config: &[u8], tokenizer: &[u8], weights: &'static [u8]) -> Result<Checkpoint> {
        Checkpoint::new(config, tokenizer, Weights::Static(weights))
    }

    fn new(config: &[u8], tokenizer: &[u8], weights: Weights) -> Result<Checkpoint> {
        let config_json = config.to_vec();
        let config = Config::from_json(config)?;
        let tokenizer = Tokenizer::from_bytes(tokenizer)?;
        if tokenizer.vocab_size() > config.vocab_size {
            return Err(Error::malformed(
                "tokenizer.json",
                format!(
                    "it knows {} tokens, but `vocab_size` in `config.json` is {}",
                    tokenizer.vocab_size(),
                    config.vocab_size
                ),
            ));
        }
        if let Some((token, id)) = tokenizer.highest_id().filter(|(_, id)| *id as usize >= config.vocab_size)
        {
            return Err(Error::malformed(
                "tokenizer.json",
                format!(
                    "`{token}` has the id {id}, but `vocab_size` in `config.json` is {}",
                    config.vocab_size
                ),
            ));
        }
        let checkpoint = Checkpoint { config, tokenizer, weights, config_json, fingerprint: OnceLock::new() };
        checkpoint.tensors()?;
        Ok(checkpoint)
    }

    /// A hash of all three files (BLAKE3, hexadecimal): equal if and only if the model is the same.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            for part in [&self.config_json, self.tokenizer.json(), self.weights.bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            hasher.finalize().to_hex().to_string()
        })
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(self.weights.bytes())
            .map_err(|e| Error::malformed("model.safetensors", format!("{e}; it may be cut short")))
    }

    /// The names among `wanted`, names with shapes, that the file lacks.
    ///
    /// # Errors
    /// If a tensor has another shape.
    pub(crate) fn missing<'n>(
        &self,
        wanted: impl Iterator<Item = (&'n str, &'n [usize])>,
    ) -> Result<Vec<&'n str>> {
        let tensors = self.tensors()?;
        let mut missing = Vec::new();
        for (name, shape) in wanted {
            let Ok(view) = tensors.tensor(name) else {
                missing.push(name);
                continue;
            };
            if view.shape() != shape {
                return Err(Error::malformed(
                    "model.safetensors",
                    format!(
                        "`{name}` has the shape {:?}, but `config.json` asks for {shape:?}",
                        view.shape()
                    ),
                ));
            }
        }
        Ok(missing)
    }

    /// Copies those tensors that the file has into `values`: `wanted` gives each name and destination, which has the
    /// size that [`Checkpoint::missing`] has found.
    pub(crate) fn read<'n>(
        &self,
        wanted: impl Iterator<Item = (&'n str, std::ops::Range<usize>)>,
        values: &mut [f32],
    ) -> Result<()> {
        let tensors = self.tensors()?;
        for (name, place) in wanted {
            if let Ok(view) = tensors.tensor(name) {
                convert(name, &view, &mut values[place])?;
            }
        }
        Ok(())
    }

    /// A tensor that some files carry although it is tied to another one.
    pub(crate) fn is_tied(&self, name: &str, to: &str) -> Result<bool> {
        let tensors = self.tensors()?;
        match (tensors.tensor(name), tensors.tensor(to)) {
            (Ok(a), Ok(b)) => Ok(a.dtype() == b.dtype() && a.data() == b.data()),
            _ => Ok(true),
        }
    }
}

fn convert(name: &str, view: &TensorView, out: &mut [f32]) -> Result<()> {
    match view.dtype() {
        Dtype::F32 => {
            for (out, bytes) in out.iter_mut().zip(view.data().as_chunks::<4>().0) {
                *out = f32::from_le_bytes(*bytes);
            }
        }
        Dtype::F16 => halves(view.data(), out, f16::from_bits, |half, out| half.convert_to_f32_slice(out)),
        Dtype::BF16 => halves(view.data(), out, bf16::from_bits, |half, out| half.convert_to_f32_slice(out)),
        other => {
            return Err(Error::Unsupported {
                what: format!("`{name}` in `model.safetensors` with elements of type {other:?}"),
                remedy: "store the weights as F32, F16 or BF16".into(),
            });
        }
    }
    Ok(())
}

/// Widens 16-bit floats block by block, where whole slices convert faster than single numbers.
fn halves<H: Copy + Default>(
    bytes: &[u8],
    out: &mut [f32],
    from_bits: fn(u16) -> H,
    widen: fn(&[H], &mut [f32]),
) {
    let mut block = [H::default(); 512];
    for (out, bytes) in out.chunks_mut(512).zip(bytes.chunks(1024)) {
        for (half, bytes) in block.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *half = from_bits(u16::from_le_bytes(*bytes));
        }
        let len = out.len();
        widen(&block[..len], out);
    }
}
