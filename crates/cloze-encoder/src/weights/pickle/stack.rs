//! The stack, the memo and the bytes of a pickle. Nothing is read or popped that does not exist.

use super::Machine;
use crate::weights::refused;
use crate::weights::value::Value;
use crate::{Error, Result};

impl<'a> Machine<'a> {
    pub(super) fn dict(&mut self) {
        self.stack.push(Value::Dict(self.containers.len()));
        self.containers.push(Vec::new());
    }

    /// Makes a tuple of everything on the stack from `from` on.
    pub(super) fn tuple(&mut self, from: usize) -> Result<()> {
        if self.marks.last().is_some_and(|&mark| from < mark) || from > self.stack.len() {
            return Err(self.empty());
        }
        let start = self.tuples.len();
        self.tuples.extend(self.stack.drain(from..));
        self.stack.push(Value::Tuple(start, self.tuples.len()));
        Ok(())
    }

    pub(super) fn long(&mut self, len: usize) -> Result<()> {
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

    pub(super) fn text(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        let text = str::from_utf8(bytes).map_err(|_| self.damaged("a text is not UTF-8"))?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    pub(super) fn remember(&mut self, key: u32) -> Result<()> {
        let value = self.top()?;
        self.memo.insert(key, value);
        Ok(())
    }

    pub(super) fn recall(&mut self, key: u32) -> Result<()> {
        let value =
            *self.memo.get(&key).ok_or_else(|| self.damaged("what was never remembered is recalled"))?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn top(&self) -> Result<Value<'a>> {
        let base = self.marks.last().copied().unwrap_or(0);
        self.stack.get(base..).and_then(<[_]>::last).copied().ok_or_else(|| self.empty())
    }

    pub(super) fn pop(&mut self) -> Result<Value<'a>> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    pub(super) fn since_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or_else(|| self.empty())?;
        // Nothing is popped below a mark, so the stack always reaches up to it.
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let array = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.cut())?;
        self.at += N;
        Ok(array)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let bytes = self.bytes[self.at..].get(..len).ok_or_else(|| self.cut())?;
        self.at += len;
        Ok(bytes)
    }

    pub(super) fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.cut())?;
        self.at += len + 1;
        str::from_utf8(&rest[..len]).map_err(|_| self.damaged("a name is not UTF-8"))
    }

    pub(super) fn cut(&self) -> Error {
        self.damaged("it ends too early")
    }

    pub(super) fn empty(&self) -> Error {
        self.damaged("it takes more from the stack than there is")
    }

    pub(super) fn damaged(&self, what: &str) -> Error {
        Error::malformed(self.file, format!("its pickle is damaged at byte {}: {what}", self.at))
    }

    pub(super) fn unsupported(&self, what: &str) -> Error {
        refused(self.file, &format!("{what} in its pickle"))
    }
}
