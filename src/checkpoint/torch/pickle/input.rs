use std::path::Path;

use super::Value;
use super::opcode::Opcode;
use crate::checkpoint::Error;

/// The bytes of a pickle, and how far they have been read.
pub(super) struct Input<'a> {
    pub(super) path: &'a Path,
    /// What is read, for messages.
    pub(super) field: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (taken, _) = rest
            .split_at_checked(length)
            .ok_or_else(|| Error::truncated(self.path, self.field))?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let array = *rest
            .first_chunk()
            .ok_or_else(|| Error::truncated(self.path, self.field))?;
        self.at += N;
        Ok(array)
    }

    pub(super) fn line(&mut self) -> Result<&'a str, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(|| Error::truncated(self.path, self.field))?;
        let line = self.take(length + 1)?.get(..length).unwrap_or_default();
        std::str::from_utf8(line).map_err(|_| self.wrong("holds text that is not UTF-8"))
    }

    /// The length before a text, bytes or a long integer.
    pub(super) fn length(&mut self, opcode: Opcode) -> Result<usize, Error> {
        let length = match opcode {
            Opcode::ShortBinString
            | Opcode::ShortBinUnicode
            | Opcode::ShortBinBytes
            | Opcode::Long1 => u64::from(u8::from_le_bytes(self.array()?)),
            Opcode::BinUnicode8 | Opcode::BinBytes8 | Opcode::ByteArray8 => {
                u64::from_le_bytes(self.array()?)
            }
            _ => u64::from(u32::from_le_bytes(self.array()?)),
        };
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(super) fn text(&mut self, opcode: Opcode) -> Result<Value<'a>, Error> {
        let length = self.length(opcode)?;
        match (opcode, std::str::from_utf8(self.take(length)?)) {
            (_, Ok(text)) => Ok(Value::Text(text)),
            // Python 2 wrote bytes and text in the same way.
            (Opcode::ShortBinString | Opcode::BinString, Err(_)) => Ok(Value::Other),
            _ => Err(self.wrong("holds text that is not UTF-8")),
        }
    }

    /// An integer in two's complement; one beyond 64 bits is no length of anything.
    pub(super) fn integer(&mut self, opcode: Opcode) -> Result<Value<'a>, Error> {
        Ok(match opcode {
            Opcode::BinInt => Value::Int(i32::from_le_bytes(self.array()?).into()),
            Opcode::BinInt1 => Value::Int(u8::from_le_bytes(self.array()?).into()),
            Opcode::BinInt2 => Value::Int(u16::from_le_bytes(self.array()?).into()),
            _ => {
                let length = self.length(opcode)?;
                let digits = self.take(length)?;
                let negative = digits.last().is_some_and(|byte| byte & 0x80 != 0);
                let mut bytes = [if negative { 0xff } else { 0 }; 8];
                match bytes.get_mut(..digits.len()) {
                    Some(low) => {
                        low.copy_from_slice(digits);
                        Value::Int(i64::from_le_bytes(bytes))
                    }
                    None => Value::Other,
                }
            }
        })
    }

    pub(super) fn wrong(&self, problem: impl Into<String>) -> Error {
        let problem = format!("{} (before byte {})", problem.into(), self.at);
        Error::malformed(self.path, self.field, problem)
    }

    pub(super) fn unsupported(&self, problem: impl Into<String>) -> Error {
        Error::unsupported(self.path, self.field, problem)
    }
}
