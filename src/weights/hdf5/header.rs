//! Object headers: what a group or a dataset is, as messages.

use super::cursor::{Cursor, Hdf5};
use crate::error::Result;

/// The kinds of message that are looked at.
pub(super) mod kind {
    pub(in super::super) const SPACE: u16 = 1;
    pub(in super::super) const LINK_INFO: u16 = 2;
    pub(in super::super) const TYPE: u16 = 3;
    pub(in super::super) const LINK: u16 = 6;
    pub(in super::super) const EXTERNAL: u16 = 7;
    pub(in super::super) const LAYOUT: u16 = 8;
    pub(in super::super) const FILTERS: u16 = 11;
    pub(in super::super) const ATTRIBUTE: u16 = 12;
    pub(in super::super) const CONTINUATION: u16 = 16;
    pub(in super::super) const SYMBOLS: u16 = 17;
    pub(in super::super) const ATTRIBUTE_INFO: u16 = 21;
}

/// A message that stands elsewhere and is only referred to.
const SHARED: u8 = 2;

/// Blocks of one header.
const MAX_BLOCKS: usize = 256;

const BLOCK: &str = "object header";

impl<'a> Hdf5<'a> {
    /// Calls `each` with every message's kind and contents until it answers `false`.
    pub(super) fn messages<'d>(
        &'d self,
        address: usize,
        each: &mut dyn FnMut(u16, Cursor<'d>) -> Result<bool>,
    ) -> Result<()> {
        let mut at = self.at(BLOCK, address);
        let modern = at.file.bytes.get(address..).is_some_and(|rest| rest.starts_with(b"OHDR"));
        let mut ordered = false;
        let size;
        if modern {
            at.skip(4)?;
            at.version(&[2])?;
            let flags = at.byte()?;
            ordered = flags & 4 != 0;
            // Times; how many attributes are kept here.
            at.skip(if flags & 32 != 0 { 16 } else { 0 } + if flags & 16 != 0 { 4 } else { 0 })?;
            size = at.count(1 << (flags & 3))?;
        } else {
            at.version(&[1])?;
            at.skip(7)?;
            size = at.count(4)?;
            at.skip(4)?;
        }
        let mut blocks = vec![at.part(size)?];
        let mut next = 0;
        while let Some(&block) = blocks.get(next) {
            next += 1;
            let mut at = block;
            // What is left at the end of a block is a gap.
            let least = if modern { 4 + if ordered { 2 } else { 0 } } else { 8 };
            while at.left() >= least {
                self.step(BLOCK, at.at)?;
                let before = at;
                let (kind, length, flags);
                if modern {
                    (kind, length, flags) = (at.number(1)?, at.count(2)?, at.byte()?);
                    at.skip(if ordered { 2 } else { 0 })?;
                } else {
                    (kind, length, flags) = (at.number(2)?, at.count(2)?, at.byte()?);
                    at.skip(3)?;
                }
                let message = at.part(length)?;
                let kind = u16::try_from(kind).unwrap_or_default();
                if kind == kind::CONTINUATION {
                    blocks.push(self.continuation(message, modern)?);
                    if blocks.len() > MAX_BLOCKS {
                        return Err(before.bad().expected(format!("at most {MAX_BLOCKS} blocks")).found("more"));
                    }
                } else if flags & SHARED != 0 && [kind::SPACE, kind::TYPE, kind::FILTERS].contains(&kind) {
                    return Err(before
                        .bad()
                        .expected("a data type, space or filter that stands here")
                        .found("one that is shared"));
                } else if !each(kind, message)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn continuation<'d>(&'d self, mut message: Cursor<'d>, modern: bool) -> Result<Cursor<'d>> {
        let (address, length) = (message.target()?, message.count(8)?);
        let mut block = self.region(BLOCK, address, length)?;
        if modern {
            block.signature(b"OCHK")?;
            // The checksum.
            block.end = block.end.saturating_sub(4);
        }
        Ok(block)
    }

    /// The first message of that kind.
    pub(super) fn message<'d>(&'d self, address: usize, wanted: u16) -> Result<Option<Cursor<'d>>> {
        let mut found = None;
        self.messages(address, &mut |kind, message| {
            if kind == wanted {
                found = Some(message);
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }
}
