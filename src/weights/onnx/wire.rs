//! Protocol buffers read in place: fields of a number and a value, one after the other.
//!
//! Messages are views of the file's bytes, so nothing is allocated for a stated length, and a message cannot hold itself.

use super::super::DAMAGED;
use crate::error::{Error, Kind, Result};

/// Bytes of a message, and where they begin in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset_bytes: usize,
}

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire<'a> {
    Number(u64),
    Eight,
    Bytes(Message<'a>),
    Four([u8; 4]),
}

impl<'a> Message<'a> {
    /// Shows `visit` every field; what it has no use for, it passes over.
    pub(super) fn fields(self, visit: &mut dyn FnMut(u64, Wire<'a>, usize) -> Result<()>) -> Result<()> {
        let mut rest = self;
        while !rest.bytes.is_empty() {
            let at = rest.offset_bytes;
            let key = rest.varint()?;
            let wire = match key & 7 {
                0 => Wire::Number(rest.varint()?),
                1 => {
                    rest.take(8)?;
                    Wire::Eight
                }
                2 => {
                    let length = rest.varint()?;
                    let length = usize::try_from(length).map_err(|_| rest.truncated(length))?;
                    Wire::Bytes(rest.take(length)?)
                }
                5 => Wire::Four(rest.take(4)?.bytes.first_chunk().copied().unwrap_or_default()),
                other => return Err(bad(at, "a field of a known wire type", other.to_string())),
            };
            if key >> 3 == 0 {
                return Err(bad(at, "a field of a number", "0".into()));
            }
            visit(key >> 3, wire, at)?;
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<Self> {
        let Some((bytes, rest)) = self.bytes.split_at_checked(length) else {
            return Err(self.truncated(length as u64));
        };
        let taken = Self { bytes, offset_bytes: self.offset_bytes };
        *self = Self { bytes: rest, offset_bytes: self.offset_bytes + length };
        Ok(taken)
    }

    #[cold]
    #[inline(never)]
    fn truncated(self, length: u64) -> Error {
        Error::new(Kind::Truncated, format!("protocol buffer, byte {}", self.offset_bytes))
            .expected(format!("{length} more bytes"))
            .found(format!("{}", self.bytes.len()))
            .remedy("Download the file again: its end is missing.")
    }

    /// The next number of the packed ones that these bytes are.
    pub(super) fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for (index, &byte) in self.bytes.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index).min(63);
            if byte < 0x80 {
                self.take(index + 1)?;
                return Ok(value);
            }
        }
        if self.bytes.len() < 10 {
            return Err(self.truncated(self.bytes.len() as u64 + 1));
        }
        Err(bad(self.offset_bytes, "a number of at most ten bytes", "a longer one".into()))
    }

    /// As text.
    pub(super) fn text(self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes)
            .map_err(|why| bad(self.offset_bytes + why.valid_up_to(), "text in UTF-8", "other bytes".into()))
    }
}

#[cold]
#[inline(never)]
pub(super) fn bad(at: usize, expected: &str, found: String) -> Error {
    Error::new(Kind::BadHeader, format!("protocol buffer, byte {at}")).expected(expected).found(found).remedy(DAMAGED)
}
