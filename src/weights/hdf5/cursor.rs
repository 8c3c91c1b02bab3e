//! Fields within bounds, and bounds on work.

use std::borrow::Cow;
use std::cell::Cell;

use super::super::DAMAGED;
use crate::error::{Error, Kind, Result};

/// Messages, tree entries and names that are looked at before a file is said to lead in circles: 300 times what a
/// network with its optimizer has.
const MAX_STEPS: usize = 1 << 20;

/// Names in old groups; looking for their end must not take longer.
const MAX_NAME_BYTES: usize = 1024;

/// What unpacking may take beyond a multiple of the file's length.
const UNPACKED_BYTES: usize = 4 << 20;

/// Trained numbers hardly shrink; pruned or quantised ones to a fifth.
const UNPACKED_RATIO: usize = 8;

/// What a file of that length may be unpacked to: a bomb is told from weights before memory is taken.
pub(in super::super) const fn allowance(length: usize) -> usize {
    length.saturating_mul(UNPACKED_RATIO).saturating_add(UNPACKED_BYTES)
}

/// An HDF5 file, which may lie within another file or be unpacked from it.
pub(in super::super) struct Hdf5<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Where it begins in that file.
    pub(super) origin: usize,
    /// Whether it is a part of that file as it stands, so that offsets into it are offsets into the file.
    pub(super) stored: bool,
    pub(super) root: usize,
    steps: Cell<usize>,
    /// Bytes that may still be unpacked.
    pub(super) allowance: Cell<usize>,
}

impl<'a> Hdf5<'a> {
    /// `stored` unless the bytes were unpacked from those at `origin`; `allowance` is what may still be unpacked.
    pub(in super::super) fn open(bytes: Cow<'a, [u8]>, origin: usize, stored: bool, allowance: usize) -> Result<Self> {
        let (steps, allowance) = (Cell::new(MAX_STEPS), Cell::new(allowance));
        let mut file = Self { bytes, origin, stored, root: 0, steps, allowance };
        file.root = file.superblock()?;
        Ok(file)
    }

    /// "HDF5 group at byte 123".
    pub(in super::super) fn place(&self, what: &str, at: usize) -> String {
        if self.stored {
            return format!("HDF5 {what} at byte {}", self.origin.saturating_add(at));
        }
        format!("HDF5 {what} at byte {at} of what is packed at byte {}", self.origin)
    }

    /// The offset in the file that goes with a place in here.
    pub(super) fn offset(&self, at: usize) -> usize {
        if self.stored { self.origin.saturating_add(at) } else { self.origin }
    }

    pub(super) fn bad(&self, what: &str, at: usize) -> Error {
        Error::new(Kind::BadHeader, self.place(what, at)).remedy(DAMAGED)
    }

    /// Counts work, so that addresses in circles end.
    pub(super) fn step(&self, what: &str, at: usize) -> Result<()> {
        let Some(left) = self.steps.get().checked_sub(1) else {
            return Err(self.bad(what, at).expected("a tree").found("addresses in circles, or a million entries"));
        };
        self.steps.set(left);
        Ok(())
    }

    /// From `at` to the end of the file.
    pub(super) fn at(&self, what: &'static str, at: usize) -> Cursor<'_> {
        Cursor { file: self, what, at, end: self.bytes.len() }
    }

    /// `length` bytes from `at`.
    pub(super) fn region(&self, what: &'static str, at: usize, length: usize) -> Result<Cursor<'_>> {
        let mut cursor = self.at(what, at);
        cursor.take(length)?;
        Ok(Cursor { file: self, what, at, end: cursor.at })
    }
}

/// A place in the file up to which everything was read, and where it must end.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'d> {
    pub(super) file: &'d Hdf5<'d>,
    pub(super) what: &'static str,
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'d> Cursor<'d> {
    pub(super) fn bad(&self) -> Error {
        self.file.bad(self.what, self.at)
    }

    pub(super) const fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    #[inline(never)]
    pub(super) fn take(&mut self, length: usize) -> Result<&'d [u8]> {
        let stop = self.at.saturating_add(length);
        if stop > self.file.bytes.len() {
            return Err(Error::new(Kind::Truncated, self.file.place(self.what, self.at))
                .expected(format!("{length} bytes"))
                .found(format!("an HDF5 file of {} bytes", self.file.bytes.len()))
                .remedy("Download the file again: its end is missing, or an address in it is wrong."));
        }
        if stop > self.end {
            return Err(self.bad().expected(format!("{length} bytes")).found(format!("the last {}", self.left())));
        }
        let bytes = &self.file.bytes[self.at..stop];
        self.at = stop;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, length: usize) -> Result<()> {
        self.take(length).map(drop)
    }

    /// A number of up to 8 bytes.
    #[inline(never)]
    pub(super) fn number(&mut self, length: usize) -> Result<u64> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A length, size or count of so many bytes; what does not fit in memory is as large as can be.
    pub(super) fn count(&mut self, length: usize) -> Result<usize> {
        Ok(usize::try_from(self.number(length)?).unwrap_or(usize::MAX))
    }

    /// An address, unless it is the undefined one.
    pub(super) fn address(&mut self) -> Result<Option<usize>> {
        let address = self.number(8)?;
        Ok((address != u64::MAX).then(|| usize::try_from(address).unwrap_or(usize::MAX)))
    }

    /// The address of something that must be there.
    pub(super) fn target(&mut self) -> Result<usize> {
        let before = *self;
        self.address()?.ok_or_else(|| before.bad().expected("an address").found("none"))
    }

    pub(super) fn signature(&mut self, signature: &[u8]) -> Result<()> {
        let before = *self;
        let found = self.take(signature.len())?;
        if found != signature {
            let [expected, found] = [signature, found].map(|bytes| format!("`{}`", bytes.escape_ascii()));
            return Err(before.bad().expected(expected).found(found));
        }
        Ok(())
    }

    /// A version, which must be one of those that are known.
    pub(super) fn version(&mut self, known: &[u8]) -> Result<u8> {
        let before = *self;
        let found = self.byte()?;
        if !known.contains(&found) {
            return Err(before.bad().expected(format!("version {known:?}")).found(found.to_string()));
        }
        Ok(found)
    }

    /// The beginning of a B-tree's node for entries of that kind, whose parent's level is stated below the root: its level
    /// and how many entries it has.
    pub(super) fn tree_node(&mut self, kind: u8, parent: Option<u8>) -> Result<(u8, usize)> {
        self.signature(b"TREE")?;
        self.version(&[kind])?;
        let before = *self;
        let level = self.byte()?;
        if parent.is_some_and(|parent| parent != level.saturating_add(1)) || level > 16 {
            return Err(before.bad().expected("one level below its parent's").found(format!("level {level}")));
        }
        let entries = self.count(2)?;
        self.skip(16)?;
        Ok((level, entries))
    }

    /// A cursor over the next `length` bytes, which are then done.
    pub(super) fn part(&mut self, length: usize) -> Result<Self> {
        let at = self.at;
        self.take(length)?;
        Ok(Self { at, end: self.at, ..*self })
    }

    /// Text up to a zero byte.
    #[inline(never)]
    pub(super) fn zero_terminated(&mut self) -> Result<&'d str> {
        let rest = &self.file.bytes[self.at.min(self.end)..self.end];
        let Some(length) = rest.iter().take(MAX_NAME_BYTES).position(|&byte| byte == 0) else {
            return Err(self.bad().expected(format!("a name of up to {MAX_NAME_BYTES} bytes, and a zero byte")));
        };
        let text = self.text(length)?;
        self.skip(1)?;
        Ok(text)
    }

    pub(super) fn text(&mut self, length: usize) -> Result<&'d str> {
        let before = *self;
        std::str::from_utf8(self.take(length)?).map_err(|_| before.bad().expected("text in UTF-8"))
    }
}
