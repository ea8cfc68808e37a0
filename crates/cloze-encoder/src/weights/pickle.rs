//! The pickles of PyTorch, read without executing anything.
//!
//! A pickle is a program for a stack machine that can call any function of Python. This machine knows what tensors
//! need: dictionaries, lists, tuples, numbers, texts, the functions that put tensors together, and references to
//! storages. It refuses all else by name. Objects are numbers into flat tables, so that nothing that is nested,
//! shared or circular costs more than the bytes that describe it.
//!
//! Followed are Python's `pickletools` and PyTorch's `torch/serialization.py`.

use std::collections::HashMap;

use super::opcode;
use super::value::{Global, Rebuilt, Storage, Value};
use crate::{Error, Result};

/// Pickles of tensors are long if they have a hundred kilobytes; nothing is read beyond this.
const LONGEST: usize = 4 << 20;

/// No tensor of a model has as many dimensions.
const MOST_DIMENSIONS: usize = 8;

/// The state of a run and, after it, what the run has made.
pub(super) struct Machine<'a> {
    /// The file as errors call it.
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack under which nothing may be taken.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    tuples: Vec<Value<'a>>,
    /// Lists, and dictionaries as keys and values in turn.
    containers: Vec<Vec<Value<'a>>>,
    storages: Vec<Storage<'a>>,
    tensors: Vec<Rebuilt>,
}

impl<'a> Machine<'a> {
    /// Runs the pickle with which `bytes` begin. Returns its result, and the machine, which knows what that consists of.
    ///
    /// # Errors
    /// Names what is refused, or the byte at which the pickle is damaged.
    pub(super) fn run(file: &'a str, bytes: &'a [u8]) -> Result<(Machine<'a>, Value<'a>)> {
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        let mut machine = Machine {
            file,
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            tuples: Vec::new(),
            containers: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        };
        loop {
            if let Some(value) = machine.step()? {
                return Ok((machine, value));
            }
        }
    }

    /// How many bytes the pickle has.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// The elements of a list.
    pub(super) fn list(&self, value: Value) -> Option<&[Value<'a>]> {
        if let Value::List(i) = value { self.containers.get(i).map(Vec::as_slice) } else { None }
    }

    /// The tensors of a dictionary with their names. Entries of other kinds are left out.
    pub(super) fn tensors(&self, value: Value) -> Option<impl Iterator<Item = (&'a str, &Rebuilt)>> {
        let Value::Dict(i) = value else { return None };
        let (entries, _) = self.containers.get(i)?.as_chunks::<2>();
        Some(entries.iter().filter_map(|entry| match *entry {
            [Value::Text(name), Value::Tensor(i)] => Some((name, self.tensors.get(i)?)),
            _ => None,
        }))
    }

    /// All storages that are spoken of.
    pub(super) fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    /// One instruction; the result if it was the last one.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let code = self.byte()?;
        match code {
            opcode::PROTO => {
                let protocol = self.byte()?;
                if protocol > 5 {
                    return Err(self.unsupported(&format!("protocol {protocol} of pickle")));
                }
            }
            // Says how far to read ahead.
            opcode::FRAME => drop(self.take(8)?),
            opcode::STOP => return self.pop().map(Some),
            opcode::MARK => self.marks.push(self.stack.len()),
            opcode::POP => drop(self.pop()?),
            opcode::POP_MARK => drop(self.since_mark()?),
            opcode::DUP => {
                let value = self.top()?;
                self.stack.push(value);
            }
            opcode::NONE => self.stack.push(Value::None),
            opcode::NEWTRUE | opcode::NEWFALSE => self.stack.push(Value::Bool),
            opcode::BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            opcode::BININT1 => {
                let value = self.byte()?;
                self.stack.push(Value::Int(value.into()));
            }
            opcode::BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            opcode::LONG1 => {
                let len = self.byte()?;
                self.long(len.into())?;
            }
            opcode::SHORT_BINUNICODE => {
                let len = self.byte()?;
                self.text(len.into())?;
            }
            opcode::BINUNICODE => {
                let len = u32::from_le_bytes(self.array()?);
                self.text(len as usize)?;
            }
            opcode::BINPUT => {
                let key = self.byte()?;
                self.remember(key.into())?;
            }
            opcode::LONG_BINPUT => {
                let key = u32::from_le_bytes(self.array()?);
                self.remember(key)?;
            }
            opcode::MEMOIZE => self.remember(self.memo.len() as u32)?,
            opcode::BINGET => {
                let key = self.byte()?;
                self.recall(key.into())?;
            }
            opcode::LONG_BINGET => {
                let key = u32::from_le_bytes(self.array()?);
                self.recall(key)?;
            }
            opcode::EMPTY_TUPLE => self.tuple(self.stack.len())?,
            opcode::TUPLE1 | opcode::TUPLE2 | opcode::TUPLE3 => {
                let len = usize::from(code - opcode::TUPLE1) + 1;
                let from = self.stack.len().checked_sub(len).ok_or_else(|| self.empty())?;
                self.tuple(from)?;
            }
            opcode::TUPLE => {
                let from = self.marks.pop().ok_or_else(|| self.empty())?;
                self.tuple(from)?;
            }
            opcode::EMPTY_LIST => {
                self.stack.push(Value::List(self.containers.len()));
                self.containers.push(Vec::new());
            }
            opcode::EMPTY_DICT => self.dict(),
            opcode::APPEND | opcode::APPENDS => {
                let added = if code == opcode::APPEND { vec![self.pop()?] } else { self.since_mark()? };
                match self.top()? {
                    Value::List(i) => self.containers[i].extend(added),
                    other => return Err(self.damaged(&format!("appends to {}", other.kind()))),
                }
            }
            opcode::SETITEM | opcode::SETITEMS => {
                let added = if code == opcode::SETITEM {
                    let value = self.pop()?;
                    vec![self.pop()?, value]
                } else {
                    self.since_mark()?
                };
                match self.top()? {
                    Value::Dict(i) if added.len() % 2 == 0 => self.containers[i].extend(added),
                    Value::Dict(_) => return Err(self.damaged("a key has no value")),
                    other => return Err(self.damaged(&format!("sets items of {}", other.kind()))),
                }
            }
            // Attributes of a dictionary, such as the versions of modules, mean nothing here.
            opcode::BUILD => {
                self.pop()?;
                match self.top()? {
                    Value::Dict(_) => {}
                    other => return Err(self.unsupported(&format!("the state of {}", other.kind()))),
                }
            }
            opcode::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            opcode::STACK_GLOBAL => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => self.global(module, name)?,
                _ => return Err(self.damaged("a name is no text")),
            },
            opcode::BINPERSID => {
                let value = self.pop()?;
                self.storage(value)?;
            }
            opcode::REDUCE => {
                let arguments = self.pop()?;
                let function = self.pop()?;
                self.call(function, arguments)?;
            }
            other => return Err(self.unsupported(&format!("opcode {}", opcode::name(other)))),
        }
        Ok(None)
    }

    /// Puts together what a function of PyTorch would.
    fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Result<()> {
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
                // Nothing, or that the numbers have to be negated or conjugated.
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

    /// A persistent id: `("storage", type, key, device, elements)`, in old files followed by a view, which none has used.
    fn storage(&mut self, id: Value<'a>) -> Result<()> {
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

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
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

    fn dict(&mut self) {
        self.stack.push(Value::Dict(self.containers.len()));
        self.containers.push(Vec::new());
    }

    /// Makes a tuple of all that stands on the stack from here on.
    fn tuple(&mut self, from: usize) -> Result<()> {
        if self.marks.last().is_some_and(|&mark| from < mark) || from > self.stack.len() {
            return Err(self.empty());
        }
        let start = self.tuples.len();
        self.tuples.extend(self.stack.drain(from..));
        self.stack.push(Value::Tuple(start, self.tuples.len()));
        Ok(())
    }

    fn long(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        if len > 8 {
            return Err(self.unsupported("an integer of more than 64 bits"));
        }
        // Little-endian two's complement: the last byte has the sign.
        let sign = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xFF } else { 0 };
        let mut value = [sign; 8];
        value[..len].copy_from_slice(bytes);
        self.stack.push(Value::Int(i64::from_le_bytes(value)));
        Ok(())
    }

    fn text(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        let text = str::from_utf8(bytes).map_err(|_| self.damaged("a text is not UTF-8"))?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn remember(&mut self, key: u32) -> Result<()> {
        let value = self.top()?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<()> {
        let value =
            *self.memo.get(&key).ok_or_else(|| self.damaged("what was never remembered is recalled"))?;
        self.stack.push(value);
        Ok(())
    }

    fn top(&self) -> Result<Value<'a>> {
        let base = self.marks.last().copied().unwrap_or(0);
        self.stack.get(base..).and_then(<[_]>::last).copied().ok_or_else(|| self.empty())
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    fn since_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or_else(|| self.empty())?;
        // Nothing is taken from under a mark, so the stack reaches up to it.
        Ok(self.stack.split_off(mark))
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let array = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.cut())?;
        self.at += N;
        Ok(array)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let bytes = self.bytes[self.at..].get(..len).ok_or_else(|| self.cut())?;
        self.at += len;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.cut())?;
        self.at += len + 1;
        str::from_utf8(&rest[..len]).map_err(|_| self.damaged("a name is not UTF-8"))
    }

    fn cut(&self) -> Error {
        self.damaged("it ends too early")
    }

    fn empty(&self) -> Error {
        self.damaged("it takes more from the stack than there is")
    }

    fn damaged(&self, what: &str) -> Error {
        Error::malformed(self.file, format!("its pickle is damaged at byte {}: {what}", self.at))
    }

    fn unsupported(&self, what: &str) -> Error {
        super::refused(self.file, &format!("{what} in its pickle"))
    }
}
