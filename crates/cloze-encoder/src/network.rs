//! The weights of an encoder and its head in memory as float32, independent of the kind of head.

use std::collections::HashMap;
use std::path::Path;

use half::f16;
use safetensors::tensor::{Dtype, TensorView};

use crate::parameters::Layout;
use crate::{Config, Error, Result, Tokenizer};

/// A tensor with its name and shape.
pub(crate) type Named<'a> = (&'a str, Vec<usize>, Vec<f32>);

/// A model without the type of its head.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) values: Vec<f32>,
    /// The number of lowest layers that are frozen together with the embeddings; 0 if everything is trained.
    pub(crate) frozen: usize,
}

impl Network {
    /// The index of the first weight that is trained. The embeddings and the frozen layers come before it.
    pub(crate) fn trained_from(&self) -> usize {
        if self.frozen == 0 { 0 } else { self.layout.layers[self.frozen].qkv.weight.start }
    }

    /// See [`crate::Model::save`] and [`crate::Model::save_like`]; `others` are more tensors to write.
    pub(crate) fn save(
        &self,
        dir: &Path,
        tokenizer: &Tokenizer,
        float16: bool,
        others: &[Named],
    ) -> Result<()> {
        if let Some(value) = self.values.iter().find(|value| !value.is_finite()) {
            return Err(Error::malformed(
                "the model",
                format!("a weight is {value}, and weights are finite numbers"),
            ));
        }
        let largest = f32::from(f16::MAX);
        if let Some(value) = self.values.iter().find(|value| float16 && value.abs() > largest) {
            return Err(Error::malformed(
                "the model",
                format!("a weight is {value}, and float16 ends at {largest}"),
            ));
        }
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.join(name);
            std::fs::write(&path, bytes).map_err(|e| Error::io("write", &path, e))
        };
        write("config.json", &self.config.to_json_of(if float16 { "float16" } else { "float32" }))?;
        write("tokenizer.json", tokenizer.json())?;
        let typed = self.config.type_vocab_size > 1;
        write("tokenizer_config.json", &tokenizer.config_json(typed, self.config.max_length()))?;
        write("model.safetensors", &self.safetensors(float16, others)?)
    }

    fn safetensors(&self, float16: bool, others: &[Named]) -> Result<Vec<u8>> {
        let failed = |e: safetensors::SafeTensorError| Error::malformed("model.safetensors", e);
        let (dtype, size) = if float16 { (Dtype::F16, 2) } else { (Dtype::F32, 4) };
        let bytes = |values: &[f32]| -> Vec<u8> {
            match float16 {
                true => values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
                false => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            }
        };
        let own = bytes(&self.values);
        let others: Vec<_> =
            others.iter().map(|(name, shape, values)| (*name, shape, bytes(values))).collect();
        let of_own = self.layout.parameters.iter().map(|p| {
            let data = &own[p.range.start * size..p.range.end * size];
            Ok((p.name.as_str(), TensorView::new(dtype, p.shape.clone(), data).map_err(failed)?))
        });
        let of_others = others.iter().map(|(name, shape, bytes)| {
            Ok((*name, TensorView::new(dtype, (*shape).clone(), bytes).map_err(failed)?))
        });
        let views: Vec<(&str, TensorView)> = of_own.chain(of_others).collect::<Result<_>>()?;
        let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::serialize(views, Some(about)).map_err(failed)
    }
}
