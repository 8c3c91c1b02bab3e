//! FlatBuffers read in place: tables of optional fields, vectors and strings, all behind relative offsets.
//!
//! Every offset is checked where it is followed; nothing is allocated for a stated count. Offsets of this format point
//! forward only, so that no table can contain itself.

use super::super::{DAMAGED, damaged};
use crate::error::{Error, Kind, Result};

/// Bytes of the format, and where they begin in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset_bytes: usize,
}

/// A table of the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    buffer: Buffer<'a>,
    at: usize,
    /// Where its fields are listed, and how many bytes that takes.
    fields: usize,
    fields_bytes: usize,
}

/// A vector of the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    buffer: Buffer<'a>,
    at: usize,
    length: usize,
}

impl<'a> Buffer<'a> {
    fn get<const N: usize>(self, at: usize) -> Result<[u8; N]> {
        self.bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().ok_or_else(|| self.truncated(at, N))
    }

    #[cold]
    #[inline(never)]
    fn truncated(self, at: usize, length: usize) -> Error {
        Error::new(Kind::Truncated, format!("FlatBuffer, byte {}", self.offset_bytes.saturating_add(at)))
            .expected(format!("{length} bytes"))
            .found(format!("{} bytes in all", self.bytes.len()))
            .remedy(DAMAGED)
    }

    #[cold]
    #[inline(never)]
    fn bad(self, at: usize, expected: &str, found: String) -> Error {
        damaged(format!("FlatBuffer, byte {}", self.offset_bytes.saturating_add(at)), expected, found)
    }

    fn u32(self, at: usize) -> Result<u32> {
        self.get(at).map(u32::from_le_bytes)
    }

    /// What the relative offset at `at` points to.
    fn follow(self, at: usize) -> Result<usize> {
        let offset = self.u32(at)?;
        if offset == 0 {
            return Err(self.bad(at, "an offset that points forward", "0".into()));
        }
        at.checked_add(offset as usize)
            .filter(|&to| to < self.bytes.len())
            .ok_or_else(|| self.bad(at, "an offset inside the file", offset.to_string()))
    }

    /// The table that the buffer is about.
    pub(super) fn root(self) -> Result<Table<'a>> {
        let at = self.follow(0)?;
        self.table(at)
    }

    fn table(self, at: usize) -> Result<Table<'a>> {
        let back = i32::from_le_bytes(self.get(at)?);
        let fields = i64::try_from(at).ok().and_then(|at| usize::try_from(at - i64::from(back)).ok());
        let Some(fields) = fields else {
            return Err(self.bad(at, "a list of fields inside the file", format!("one {back} bytes before")));
        };
        let fields_bytes = usize::from(u16::from_le_bytes(self.get(fields)?));
        if self.bytes.get(fields..).is_none_or(|rest| rest.len() < fields_bytes) {
            return Err(self.truncated(fields, fields_bytes));
        }
        Ok(Table { buffer: self, at, fields, fields_bytes })
    }
}

impl<'a> Table<'a> {
    /// Where it begins in the file.
    pub(super) fn offset_bytes(self) -> usize {
        self.buffer.offset_bytes.saturating_add(self.at)
    }

    /// Where the field of that number is; none where it is left out.
    fn field(self, number: usize) -> Result<Option<usize>> {
        // The list's own length and the table's come first.
        let entry = 4 + 2 * number;
        if entry + 2 > self.fields_bytes {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(self.buffer.get(self.fields + entry)?);
        Ok((offset != 0).then(|| self.at.saturating_add(offset.into())))
    }

    pub(super) fn u8(self, number: usize) -> Result<u8> {
        self.field(number)?.map_or(Ok(0), |at| self.buffer.get::<1>(at).map(|byte| byte[0]))
    }

    pub(super) fn u32(self, number: usize) -> Result<u32> {
        self.field(number)?.map_or(Ok(0), |at| self.buffer.u32(at))
    }

    pub(super) fn i32(self, number: usize, otherwise: i32) -> Result<i32> {
        self.field(number)?.map_or(Ok(otherwise), |at| self.buffer.get(at).map(i32::from_le_bytes))
    }

    pub(super) fn table(self, number: usize) -> Result<Option<Table<'a>>> {
        let Some(at) = self.field(number)? else { return Ok(None) };
        let to = self.buffer.follow(at)?;
        self.buffer.table(to).map(Some)
    }

    /// A vector whose elements take `size` bytes each; an empty one where it is left out.
    pub(super) fn vector(self, number: usize, size: usize) -> Result<Vector<'a>> {
        let Some(at) = self.field(number)? else { return Ok(Vector { buffer: self.buffer, at: 0, length: 0 }) };
        let to = self.buffer.follow(at)?;
        let length = self.buffer.u32(to)? as usize;
        let begin = to + size_of::<u32>();
        let bytes = length
            .checked_mul(size)
            .filter(|&bytes| self.buffer.bytes.get(begin..).is_some_and(|rest| rest.len() >= bytes));
        if bytes.is_none() {
            return Err(self.buffer.truncated(to, length.saturating_mul(size)));
        }
        Ok(Vector { buffer: self.buffer, at: begin, length })
    }

    pub(super) fn text(self, number: usize) -> Result<Option<&'a str>> {
        if self.field(number)?.is_none() {
            return Ok(None);
        }
        let vector = self.vector(number, 1)?;
        let bytes = vector.bytes();
        let text = std::str::from_utf8(bytes);
        text.map(Some)
            .map_err(|why| vector.buffer.bad(vector.at + why.valid_up_to(), "text in UTF-8", "other bytes".into()))
    }
}

impl<'a> Vector<'a> {
    pub(super) const fn len(self) -> usize {
        self.length
    }

    /// Where it begins in the file.
    pub(super) fn offset_bytes(self) -> usize {
        self.buffer.offset_bytes.saturating_add(self.at)
    }

    /// Of a vector of bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.buffer.bytes.get(self.at..).and_then(|rest| rest.get(..self.length)).unwrap_or_default()
    }

    fn element<const N: usize>(self, index: usize) -> Result<[u8; N]> {
        self.buffer.get(self.at.saturating_add(index.saturating_mul(N)))
    }

    pub(super) fn i32(self, index: usize) -> Result<i32> {
        self.element(index).map(i32::from_le_bytes)
    }

    pub(super) fn f32(self, index: usize) -> Result<f32> {
        self.element(index).map(f32::from_le_bytes)
    }

    pub(super) fn i64(self, index: usize) -> Result<i64> {
        self.element(index).map(i64::from_le_bytes)
    }

    /// Of a vector of tables.
    pub(super) fn table(self, index: usize) -> Result<Table<'a>> {
        let to = self.buffer.follow(self.at.saturating_add(index.saturating_mul(size_of::<u32>())))?;
        self.buffer.table(to)
    }
}
