//! The files of a model: configuration, tokenizer, weights.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

use crate::head::{self, MaskedLm};
use crate::weights::Weights;
use crate::{Config, Error, Result, Tokenizer};

/// The file of weights that a model is saved to.
const SAFETENSORS: &str = "model.safetensors";

/// The files of a Hugging Face directory that a model needs, read and checked.
///
/// Reading executes nothing: JSON and safetensors are data, and in the pickle of `pytorch_model.bin` only the
/// instructions that describe tensors are supported.
pub struct Checkpoint {
    /// The configuration.
    pub config: Config,
    /// Converts text to token ids.
    pub tokenizer: Tokenizer,
    weights: Weights,
    /// The directory, or a description of the source for errors.
    location: String,
    config_json: Vec<u8>,
    /// Computed on first use: prediction does not need it, and it takes a while.
    fingerprint: OnceLock<String>,
}

impl Checkpoint {
    /// Reads `config.json`, the tokenizer (see [`Tokenizer::open`]) and the weights of a directory:
    /// `model.safetensors`, or otherwise `pytorch_model.bin`, each either as a single file or as several with
    /// an index (`model.safetensors.index.json`).
    ///
    /// # Errors
    /// Names the file that is missing, damaged, of an unsupported kind, or inconsistent with the others.
    pub fn open(dir: &Path) -> Result<Checkpoint> {
        let path = dir.join("config.json");
        let config = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let location = dir.display().to_string();
        Checkpoint::new(&config, location, || Tokenizer::open(dir), || Weights::open(dir)).map_err(
            |e| match e {
                Error::Malformed { file, reason } => {
                    // An error of the directory itself has no file.
                    let path = if file.is_empty() { dir.to_owned() } else { dir.join(file) };
                    Error::Malformed { file: path.display().to_string(), reason }
                }
                other => other,
            },
        )
    }

    /// [`Checkpoint::open`] from the contents of three files; the weights are those of `model.safetensors`.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_parts(config: &[u8], tokenizer: &[u8], weights: Vec<u8>) -> Result<Checkpoint> {
        let weights = || Weights::from_bytes(SAFETENSORS, Cow::Owned(weights));
        Checkpoint::new(config, "the model".to_owned(), || Tokenizer::from_bytes(tokenizer), weights)
    }

    /// The same for a model that is compiled into the program.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn built_in(config: &[u8], tokenizer: &[u8], weights: &'static [u8]) -> Result<Checkpoint> {
        let weights = || Weights::from_bytes(SAFETENSORS, Cow::Borrowed(weights));
        Checkpoint::new(config, "the built-in model".to_owned(), || Tokenizer::from_bytes(tokenizer), weights)
    }

    fn new(
        config: &[u8],
        location: String,
        tokenizer: impl FnOnce() -> Result<Tokenizer>,
        weights: impl FnOnce() -> Result<Weights>,
    ) -> Result<Checkpoint> {
        let config_json = config.to_vec();
        let config = Config::from_json(config)?;
        let tokenizer = tokenizer()?;
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
        // Last, because the weights are large.
        let weights = weights()?;
        Ok(Checkpoint { config, tokenizer, weights, location, config_json, fingerprint: OnceLock::new() })
    }

    /// A hash of all files (BLAKE3, hexadecimal): equal if and only if the model is the same.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            let beside: [&[u8]; 2] = [&self.config_json, self.tokenizer.json()];
            for part in beside.into_iter().chain(self.weights.contents()) {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            hasher.finalize().to_hex().to_string()
        })
    }

    /// Whether all its weights are stored as float16, or in 8 bits with a scale for every row.
    pub fn is_float16(&self) -> bool {
        self.weights.is_float16()
    }

    /// The number of weights of the masked language model.
    pub fn parameter_count(&self) -> usize {
        let (layout, _) = head::layout::<MaskedLm>(&self.config);
        layout.len
    }

    /// The directory, for errors.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// The file in which the weights were found, for errors.
    pub(crate) fn weights_file(&self) -> String {
        self.file(self.weights.name())
    }

    /// A file of the model, for errors: with its path if it is in a directory.
    fn file(&self, name: &str) -> String {
        let path = Path::new(&self.location).join(name);
        if path.is_file() { path.display().to_string() } else { name.to_owned() }
    }

    /// Those of the `wanted` tensors, given by name and shape, that the files lack.
    ///
    /// # Errors
    /// If a tensor has another shape.
    pub(crate) fn missing<'n>(
        &self,
        wanted: impl Iterator<Item = (&'n str, &'n [usize])>,
    ) -> Result<Vec<&'n str>> {
        let mut missing = Vec::new();
        for (name, shape) in wanted {
            let Some(tensor) = self.weights.find(name) else {
                missing.push(name);
                continue;
            };
            if tensor.shape() != shape {
                return Err(Error::malformed(
                    self.file(tensor.file()),
                    format!(
                        "`{name}` has the shape {:?}, but `config.json` asks for {shape:?}",
                        tensor.shape()
                    ),
                ));
            }
        }
        Ok(missing)
    }

    /// Copies the tensors that the files have into `values`: `wanted` gives each name and destination, whose
    /// size [`Checkpoint::missing`] has checked.
    ///
    /// # Errors
    /// If a tensor does not contain floats, or contains one that is not finite.
    pub(crate) fn read<'n>(
        &self,
        wanted: impl Iterator<Item = (&'n str, std::ops::Range<usize>)>,
        values: &mut [f32],
    ) -> Result<()> {
        for (name, location) in wanted {
            if let Some(tensor) = self.weights.find(name) {
                tensor.read(name, &mut values[location.clone()])?;
                if let Some(value) = values[location].iter().find(|value| !value.is_finite()) {
                    let reason = format!(
                        "`{name}` holds {value}, and weights are finite numbers; get the file again, or take another model"
                    );
                    return Err(Error::malformed(self.file(tensor.file()), reason));
                }
            }
        }
        Ok(())
    }

    /// Whether a tensor that is tied to another equals it; true if the files lack either.
    pub(crate) fn is_tied(&self, name: &str, to: &str) -> Result<bool> {
        match (self.weights.find(name), self.weights.find(to)) {
            (Some(a), Some(b)) => Ok(a.equals(&b)),
            _ => Ok(true),
        }
    }
}
