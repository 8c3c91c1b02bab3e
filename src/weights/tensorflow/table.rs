//! LevelDB's table, in which a checkpoint keeps its index: blocks of sorted keys, each written as what differs from the
//! key before it; a block of the blocks; and at the end of the file where that is.

use std::borrow::Cow;

use super::super::DAMAGED;
use super::super::proto::varint;
use super::checksum::{crc32c, unmasked};
use super::snappy;
use crate::error::{Error, Kind, Result};

/// The last bytes of the file.
pub(super) const MAGIC: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

const FOOTER_BYTES: usize = 48;

/// After each block: how it is packed, and a checksum.
const TRAILER_BYTES: usize = 5;

/// The longest key: names of variables, a few hundred bytes at most.
const MAX_KEY_BYTES: usize = 4096;

/// An index is a few hundred kilobytes; packed ones may grow to this.
const MAX_BLOCK_BYTES: usize = 4 << 20;

/// What is done with a key, its value, and where the value's block begins.
type Visit<'v, 'a> = dyn FnMut(&[u8], Cow<'a, [u8]>, usize) -> Result<()> + 'v;

fn bad(at: usize, expected: &str) -> Error {
    Error::new(Kind::BadHeader, format!("checkpoint index, byte {at}")).expected(expected).remedy(DAMAGED)
}

/// Where a block is.
struct Handle {
    begin: usize,
    length: usize,
}

/// Offset and length, and how many bytes they take.
fn handle(bytes: &[u8]) -> Option<(Handle, usize)> {
    let (begin, first) = varint(bytes)?;
    let (length, second) = varint(&bytes[first..])?;
    Some((Handle { begin: begin.try_into().ok()?, length: length.try_into().ok()? }, first + second))
}

/// Shows `visit` every key, its value, and where in the file the value's block begins, until the end or an error.
pub(super) fn read<'a>(file: &'a [u8], visit: &mut Visit<'_, 'a>) -> Result<()> {
    let Some(at) = file.len().checked_sub(FOOTER_BYTES).filter(|_| file.ends_with(&MAGIC)) else {
        return Err(Error::new(Kind::Truncated, format!("checkpoint index, byte {}", file.len()))
            .expected("the end mark of a table")
            .found("another end")
            .remedy("Download the .index file again: its end is missing."));
    };
    let footer = &file[at..];
    let index = handle(footer).and_then(|(_, length)| handle(&footer[length..]));
    let (index, _) = index.ok_or_else(|| bad(at, "two places of blocks"))?;
    let mut reached = 0;
    entries(block(file, &index)?, index.begin, &mut |_, value, _| {
        let (data, _) = handle(&value).ok_or_else(|| bad(index.begin, "the place of a block"))?;
        // Blocks follow one another: no block is read twice, however often the index names it.
        if data.begin < reached {
            return Err(bad(data.begin, "blocks in their order"));
        }
        reached = data.begin.saturating_add(data.length);
        entries(block(file, &data)?, data.begin, visit)
    })
}

/// A block's entries, its checksum compared.
fn block<'a>(file: &'a [u8], handle: &Handle) -> Result<Cow<'a, [u8]>> {
    let Handle { begin, length } = *handle;
    let whole = begin.checked_add(length).and_then(|end| file.get(begin..end.checked_add(TRAILER_BYTES)?));
    let Some(whole) = whole else {
        return Err(Error::new(Kind::Truncated, format!("checkpoint index, byte {begin}"))
            .expected(format!("a block of {length} bytes"))
            .found(format!("a file of {} bytes", file.len()))
            .remedy("Download the .index file again: a part of it is missing."));
    };
    let (contents, trailer) = whole.split_at(length);
    let stated = trailer[1..].first_chunk().map_or(0, |bytes| unmasked(u32::from_le_bytes(*bytes)));
    let computed = crc32c(&whole[..=length]);
    if stated != computed {
        return Err(Error::new(Kind::Corrupt, format!("checkpoint index, byte {begin}"))
            .expected(format!("{length} bytes of CRC-32C {stated:08x}"))
            .found(format!("{computed:08x}"))
            .remedy(DAMAGED));
    }
    match trailer[0] {
        0 => Ok(Cow::Borrowed(contents)),
        1 => snappy::unpack(contents, MAX_BLOCK_BYTES).map(Cow::Owned).ok_or_else(|| bad(begin, "a Snappy block")),
        packed => Err(bad(begin, "a block as it is or in Snappy").found(format!("packing {packed}"))),
    }
}

/// Shows `visit` the entries of a block.
fn entries<'a>(block: Cow<'a, [u8]>, begin: usize, visit: &mut Visit<'_, 'a>) -> Result<()> {
    let number = |at: usize| block.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes));
    let restarts = block.len().checked_sub(4).and_then(number).map(|count| count as usize);
    let end = restarts.and_then(|count| block.len().checked_sub(count.checked_mul(4)?.checked_add(4)?));
    let end = end.ok_or_else(|| bad(begin, "a block's count of restarts"))?;
    let (mut at, mut key) = (0, Vec::new());
    while at < end {
        let mut next = || {
            let (value, length) = varint(&block[at..end])?;
            at += length;
            usize::try_from(value).ok()
        };
        let sizes = next().and_then(|shared| Some((shared, next()?, next()?)));
        let fits = sizes.and_then(|(shared, own, value)| {
            let stop = at.checked_add(own)?.checked_add(value)?;
            (shared <= key.len() && shared + own <= MAX_KEY_BYTES && stop <= end).then_some((shared, at + own, stop))
        });
        let Some((shared, value, stop)) = fits else { return Err(bad(begin, "entries that fit their block")) };
        key.truncate(shared);
        key.extend_from_slice(&block[at..value]);
        let contents = match &block {
            Cow::Borrowed(block) => Cow::Borrowed(&block[value..stop]),
            Cow::Owned(block) => Cow::Owned(block[value..stop].to_vec()),
        };
        visit(&key, contents, begin + value)?;
        at = stop;
    }
    Ok(())
}
