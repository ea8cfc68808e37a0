//! Reads PyTorch pickles without executing anything.
//!
//! A pickle is a program for a stack machine that can call any Python function. This machine supports what
//! tensors need: dictionaries, lists, tuples, numbers, strings, the functions that build tensors, and
//! references to storages. It rejects everything else by name. Objects are indices into flat tables, so
//! nested, shared or circular structures cost no more than the bytes that describe them.
//!
//! It follows Python's `pickletools` and PyTorch's `torch/serialization.py`.

mod opcode;
mod rebuild;
mod stack;

use std::collections::HashMap;

use super::value::{Rebuilt, Storage, Value};
use crate::Result;

/// A hundred kilobytes is already long for a pickle of tensors; nothing is read beyond this limit.
const LONGEST: usize = 4 << 20;

/// No model has a tensor with this many dimensions.
const MOST_DIMENSIONS: usize = 8;

/// The state during a run and, afterwards, the objects that the run has created.
pub(super) struct Machine<'a> {
    /// The file name used in errors.
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Stack heights below which nothing may be popped.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    tuples: Vec<Value<'a>>,
    /// Lists, and dictionaries as alternating keys and values.
    containers: Vec<Vec<Value<'a>>>,
    storages: Vec<Storage<'a>>,
    tensors: Vec<Rebuilt>,
}

impl<'a> Machine<'a> {
    /// Runs the pickle at the start of `bytes`. Returns its result, and the machine, which has the objects
    /// that the result refers to.
    ///
    /// # Errors
    /// Names what is rejected, or the byte at which the pickle is damaged.
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

    /// The length of the pickle in bytes.
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

    /// All storages that are referenced.
    pub(super) fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    /// Executes one instruction; returns the result if it was the last one.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let code = self.byte()?;
        match code {
            opcode::PROTO => {
                let protocol = self.byte()?;
                if protocol > 5 {
                    return Err(self.unsupported(&format!("protocol {protocol} of pickle")));
                }
            }
            // Only a hint for buffering.
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
            // Attributes of a dictionary, such as the versions of modules, are irrelevant here.
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
}
