//! Replaces the PyTorch functions that build tensors and their storages.

use super::{MOST_DIMENSIONS, Machine};
use crate::Result;
use crate::weights::value::{Global, Rebuilt, Storage, Value};

impl<'a> Machine<'a> {
    /// Builds what the PyTorch function would.
    pub(super) fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Result<()> {
        let Value::Tuple(from, to) = arguments else {
            return Err(self.damaged("arguments are no tuple"));
        };
        let arguments = &self.tuples[from..to];
        match (function, arguments) {
            (Value::Global(Global::OrderedDict), []) => self.dict(),
            (Value::Global(Global::RebuildParameter), [tensor @ Value::Tensor(_), ..]) => {
                let tensor = *tensor;
                self.stack.push(tensor);
            }
            (
                Value::Global(Global::RebuildTensor),
                [Value::Storage(storage), Value::Int(offset), shape, strides, _, _, about @ ..],
            ) => {
                // Either nothing, or that the numbers have to be negated or conjugated.
                if about.iter().any(|about| *about != Value::None) {
                    return Err(self.unsupported("a tensor with metadata"));
                }
                let (storage, offset, shape, strides) = (*storage, *offset, *shape, *strides);
                let tensor = Rebuilt {
                    storage,
                    offset: self.count(Value::Int(offset))?,
                    shape: self.counts(shape)?,
                    strides: self.counts(strides)?,
                };
                self.stack.push(Value::Tensor(self.tensors.len()));
                self.tensors.push(tensor);
            }
            (Value::Global(global), _) => {
                return Err(self.unsupported(&format!("{global:?} with these arguments")));
            }
            (other, _) => return Err(self.damaged(&format!("calls {}", other.kind()))),
        }
        Ok(())
    }

    /// A persistent id: `("storage", type, key, device, elements)`, followed in old files by a view, which
    /// none has used.
    pub(super) fn storage(&mut self, id: Value<'a>) -> Result<()> {
        let id = if let Value::Tuple(from, to) = id { &self.tuples[from..to] } else { &[] };
        let [
            Value::Text("storage"),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            _,
            elements,
            view @ ..,
        ] = id
        else {
            return Err(self.unsupported("a persistent id that is not that of a storage"));
        };
        if view.iter().any(|view| *view != Value::None) {
            return Err(self.unsupported("a storage that is a view of another one"));
        }
        let storage = Storage { key, dtype: *dtype, elements: self.count(*elements)? };
        self.stack.push(Value::Storage(self.storages.len()));
        self.storages.push(storage);
        Ok(())
    }

    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let Some(global) = Global::named(module, name) else {
            return Err(self.unsupported(&format!("`{}`", format!("{module}.{name}").escape_debug())));
        };
        self.stack.push(Value::Global(global));
        Ok(())
    }

    fn count(&self, value: Value) -> Result<usize> {
        if let Value::Int(value) = value
            && let Ok(count) = usize::try_from(value)
        {
            return Ok(count);
        }
        Err(self.damaged("a tensor has an offset, size or stride that is no natural number"))
    }

    fn counts(&self, value: Value) -> Result<Vec<usize>> {
        match value {
            Value::Tuple(from, to) if to - from <= MOST_DIMENSIONS => {
                self.tuples[from..to].iter().map(|&value| self.count(value)).collect()
            }
            _ => {
                Err(self
                    .damaged(&format!("the shape of a tensor is no tuple of up to {MOST_DIMENSIONS} sizes")))
            }
        }
    }
}
