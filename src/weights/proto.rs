//! The wire format of protocol buffers: fields by number, each pulled in turn, nothing kept.

use super::DAMAGED;
use crate::error::{Error, Kind, Result};

/// A message, or what is left of it.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin in the file.
    offset_bytes: usize,
    /// What the file is, for errors.
    what: &'static str,
}

/// A field's value.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed32(u32),
    /// Doubles, of which the formats that are read here have none.
    Fixed64,
    /// A text, bytes, a message, or packed numbers.
    Bytes(Message<'a>),
}

impl<'a> Field<'a> {
    /// A whole number that is not negative and fits in memory.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            Self::Varint(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    pub(super) fn message(self) -> Option<Message<'a>> {
        match self {
            Self::Bytes(message) => Some(message),
            _ => None,
        }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        self.message().and_then(|message| message.text().ok())
    }
}

/// The number at the beginning of `bytes`, seven bits a byte, and how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 127);
        if index == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 128 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

impl<'a> Message<'a> {
    pub(super) const fn new(bytes: &'a [u8], offset_bytes: usize, what: &'static str) -> Self {
        Self { bytes, offset_bytes, what }
    }

    /// What is left, and where in the file it begins.
    pub(super) const fn rest(&self) -> (&'a [u8], usize) {
        (self.bytes, self.offset_bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As text.
    pub(super) fn text(self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes).map_err(|why| {
            let offset_bytes = self.offset_bytes + why.valid_up_to();
            Self { offset_bytes, ..self }.bad("text in UTF-8").found("other bytes")
        })
    }

    #[cold]
    #[inline(never)]
    pub(super) fn bad(&self, expected: &str) -> Error {
        Error::new(Kind::BadHeader, format!("{}, byte {}", self.what, self.offset_bytes))
            .expected(expected)
            .remedy(DAMAGED)
    }

    fn skip(&mut self, count: usize) {
        self.bytes = &self.bytes[count..];
        self.offset_bytes += count;
    }

    /// The next number of a packed list.
    pub(super) fn varint(&mut self) -> Result<u64> {
        let (value, length) = varint(self.bytes).ok_or_else(|| self.bad("a number of at most ten bytes"))?;
        self.skip(length);
        Ok(value)
    }

    /// The next field and its number; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let begin = *self;
        let key = self.varint()?;
        let fixed = |message: &mut Self, count: usize| -> Result<u64> {
            let bytes = message.bytes.get(..count).ok_or_else(|| message.truncated(count))?;
            let value = bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            message.skip(count);
            Ok(value)
        };
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => fixed(self, 8).map(|_| Field::Fixed64)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| self.bad("a length that fits in memory"))?;
                let bytes = self.bytes.get(..length).ok_or_else(|| self.truncated(length))?;
                let inner = Self { bytes, ..*self };
                self.skip(length);
                Field::Bytes(inner)
            }
            #[expect(clippy::cast_possible_truncation, reason = "four bytes")]
            5 => Field::Fixed32(fixed(self, 4)? as u32),
            kind => return Err(begin.bad("a field of a known wire type").found(format!("kind {kind}"))),
        };
        if key >> 3 == 0 {
            return Err(begin.bad("a field's number from 1").found("0"));
        }
        Ok(Some((key >> 3, field)))
    }

    /// The message in the last field of that number.
    pub(super) fn last(mut self, wanted: u64) -> Result<Option<Self>> {
        let mut found = None;
        while let Some((number, field)) = self.next()? {
            if number == wanted {
                found = field.message().or(found);
            }
        }
        Ok(found)
    }

    /// The first `most` lengths of a shape, each in field 1 of a message in the field `axis`; none for those left open.
    pub(super) fn lengths(mut self, axis: u64, most: usize) -> Result<Vec<Option<usize>>> {
        let mut lengths = Vec::new();
        while let Some((number, field)) = self.next()? {
            let Some(mut message) = field.message().filter(|_| number == axis && lengths.len() < most) else {
                continue;
            };
            let mut length = Some(0);
            while let Some((number, field)) = message.next()? {
                if number == 1 {
                    // Minus one, a long number, stands for an unknown length.
                    length = field.count().filter(|&length| length <= u32::MAX as usize);
                }
            }
            lengths.push(length);
        }
        Ok(lengths)
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self, count: usize) -> Error {
        Error::new(Kind::Truncated, format!("{}, byte {}", self.what, self.offset_bytes))
            .expected(format!("{count} more bytes"))
            .found(self.bytes.len().to_string())
            .remedy("Download the file again: its end is missing.")
    }
}
