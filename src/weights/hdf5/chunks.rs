//! Datasets in chunks, which may be filtered.

use std::borrow::Cow;

use super::super::DAMAGED;
use super::super::inflate::inflate;
use super::super::tensor::{place, product};
use super::cursor::{Cursor, Hdf5};
use super::dataset::Data;
use crate::error::{Error, Kind, Result};

/// Where the chunks are listed.
pub(super) enum Index {
    /// A B-tree.
    Tree(usize),
    /// The only chunk: address, stored bytes if filtered, filters left out.
    Single(usize, Option<usize>, u32),
    /// One after the other.
    Implicit(usize),
    /// A header with a block of addresses.
    FixedArray(usize),
}

/// A dataset in chunks.
pub(super) struct Chunked<'d> {
    pub(super) index: Index,
    pub(super) shape: Vec<usize>,
    /// Of one chunk.
    pub(super) dims: Vec<usize>,
    /// Of one element, in bytes.
    pub(super) size: usize,
    pub(super) filters: Option<Cursor<'d>>,
}

/// A chunk as it is stored.
struct Chunk {
    address: usize,
    stored: usize,
    /// Bits of filters that were left out.
    skipped: u32,
}

const DEFLATE: u64 = 1;
const SHUFFLE: u64 = 2;
const FLETCHER32: u64 = 3;
const CHECKSUM_BYTES: usize = 4;

impl Index {
    /// The index of a layout message of version 4, which stands at the flags.
    pub(super) fn modern<'d>(
        mut at: Cursor<'d>,
        shape: &[usize],
        filters: Option<Cursor<'d>>,
        size: usize,
    ) -> Result<Data<'d>> {
        let before = at;
        let (flags, rank, width) = (at.byte()?, usize::from(at.byte()?), usize::from(at.byte()?));
        if rank != shape.len() + 1 || !(1..=8).contains(&width) {
            return Err(before
                .bad()
                .expected(format!("chunks of {} axes", shape.len()))
                .found(format!("{rank} sizes")));
        }
        let mut dims = (0..rank).map(|_| at.count(width)).collect::<Result<Vec<usize>>>()?;
        dims.pop();
        let kind = at.byte()?;
        let index = match kind {
            1 => {
                let filtered = flags & 2 != 0;
                let stored = if filtered { Some((at.count(8)?, at.number(4)?)) } else { None };
                let skipped = stored.map_or(0, |stored| u32::try_from(stored.1).unwrap_or_default());
                at.address()?.map(|address| Self::Single(address, stored.map(|stored| stored.0), skipped))
            }
            2 => at.address()?.map(Self::Implicit),
            3 => {
                at.skip(1)?;
                at.address()?.map(Self::FixedArray)
            }
            _ => {
                return Err(Error::new(Kind::UnsupportedFormat, before.file.place("chunk index", before.at))
                    .expected("chunks of a dataset whose size is fixed")
                    .found(format!("index of kind {kind}, for datasets that grow"))
                    .remedy("Write the file again with h5py or Keras."));
            }
        };
        let Some(index) = index else { return Ok(Data::None) };
        Ok(Data::Chunks(Chunked { index, shape: shape.to_vec(), dims, size, filters }))
    }
}

impl<'a> Hdf5<'a> {
    /// The dense numbers of a dataset, `length` bytes.
    pub(super) fn chunks(&self, chunked: &Chunked<'_>, name: &str, length: usize) -> Result<Vec<u8>> {
        let Chunked { shape, dims, size, .. } = chunked;
        let bad = |at: usize| Error::new(Kind::BadHeader, place(name, self.offset(at))).remedy(DAMAGED);
        let at = match chunked.index {
            Index::Tree(at) | Index::Single(at, ..) | Index::Implicit(at) | Index::FixedArray(at) => at,
        };
        let whole = product(*size, dims).filter(|&bytes| bytes > 0);
        let counts: Option<Vec<usize>> =
            shape.iter().zip(dims).map(|(&all, &one)| (one > 0).then(|| all.div_ceil(one))).collect();
        let number = counts.as_deref().and_then(|counts| product(1, counts));
        let (Some(whole), Some(counts), Some(number)) = (whole, counts, number) else {
            return Err(bad(at).expected("chunks of some elements").found(format!("{dims:?}")));
        };
        // An address at least for each.
        if number > self.bytes.len() / 8 {
            return Err(bad(at).expected("chunks that are all there").found(format!("{number} in this file")));
        }
        let mut found = Vec::new();
        self.list(chunked, &counts, number, whole, &mut found)?;
        let stored = found.iter().fold(0_usize, |sum, chunk| sum.saturating_add(chunk.stored));
        let left = self.allowance.get().checked_sub(length).filter(|left| whole <= *left);
        let Some(left) = left.filter(|_| found.len() == number) else {
            return Err(bad(at)
                .expected(format!("{number} chunks of {whole} bytes that unpack to {length}"))
                .found(format!("{} of {stored} bytes, and {} left to unpack to", found.len(), self.allowance.get())));
        };
        let mut filters = self.filters(chunked)?;
        filters.reverse();
        let unpacked = |chunk: &Chunk| -> Result<Cow<'_, [u8]>> {
            let mut at = self.region("chunk", chunk.address, chunk.stored)?;
            let mut bytes = Cow::Borrowed(at.take(chunk.stored)?);
            let summed = filters.iter().any(|filter| filter.id == FLETCHER32 && chunk.skipped & 1 << filter.bit == 0);
            for filter in filters.iter().filter(|filter| chunk.skipped & 1 << filter.bit == 0) {
                bytes = match filter.id {
                    DEFLATE => {
                        // The checksum is within what was packed where it was put on before.
                        let inner = filters.iter().any(|other| other.id == FLETCHER32 && other.bit < filter.bit);
                        let length = whole + if summed && inner { CHECKSUM_BYTES } else { 0 };
                        Cow::Owned(inflate(&bytes, true, length).map_err(|found| {
                            let place = place(name, self.offset(chunk.address));
                            let error = Error::new(Kind::Corrupt, place).found(found).remedy(DAMAGED);
                            error.expected(format!("a chunk that Deflate unpacks to {length} bytes"))
                        })?)
                    }
                    SHUFFLE => Cow::Owned(unshuffled(&bytes, filter.size)),
                    _ => {
                        let kept = bytes.len().saturating_sub(CHECKSUM_BYTES);
                        Cow::Owned(bytes[..kept].to_vec())
                    }
                };
            }
            if bytes.len() != whole {
                return Err(bad(chunk.address)
                    .expected(format!("a chunk of {whole} bytes"))
                    .found(bytes.len().to_string()));
            }
            Ok(bytes)
        };
        let mut dense = Vec::new();
        for (index, chunk) in found.iter().enumerate() {
            let bytes = unpacked(chunk)?;
            if shape == dims {
                dense = bytes.into_owned();
                break;
            }
            // Not before there is something to put into it.
            dense.resize(length, 0);
            put(&mut dense, &bytes, chunked, &counts, index);
        }
        self.allowance.set(left);
        Ok(dense)
    }

    /// Every chunk, in the order of their places.
    fn list(
        &self,
        chunked: &Chunked<'_>,
        counts: &[usize],
        number: usize,
        whole: usize,
        found: &mut Vec<Chunk>,
    ) -> Result<()> {
        match chunked.index {
            Index::Tree(root) => self.leaves(root, None, chunked, counts, found),
            Index::Single(address, stored, skipped) => {
                found.push(Chunk { address, stored: stored.unwrap_or(whole), skipped });
                Ok(())
            }
            Index::Implicit(address) => {
                let address = |index: usize| address.saturating_add(index.saturating_mul(whole));
                found.extend((0..number).map(|index| Chunk { address: address(index), stored: whole, skipped: 0 }));
                Ok(())
            }
            Index::FixedArray(header) => {
                const WHAT: &str = "chunk array";
                let mut at = self.at(WHAT, header);
                at.signature(b"FAHD")?;
                at.version(&[0])?;
                let before = at;
                let (filtered, entry, bits) = (at.byte()? == 1, usize::from(at.byte()?), at.byte()?);
                let entries = at.count(8)?;
                let block = at.target()?;
                if entries != number || (bits < 63 && entries > 1 << bits) || entry < if filtered { 13 } else { 8 } {
                    return Err(before
                        .bad()
                        .expected(format!("a page of {number} entries"))
                        .found(format!("{entries} of {entry} bytes, pages of 2^{bits}")));
                }
                let mut at = self.at(WHAT, block);
                at.signature(b"FADB")?;
                at.skip(10)?;
                for _ in 0..number {
                    self.step(WHAT, at.at)?;
                    let (address, stored, skipped);
                    if filtered {
                        (address, stored) = (at.target()?, at.count(entry - 12)?);
                        skipped = u32::try_from(at.number(4)?).unwrap_or_default();
                    } else {
                        (address, stored, skipped) = (at.target()?, whole, 0);
                    }
                    found.push(Chunk { address, stored, skipped });
                }
                Ok(())
            }
        }
    }

    /// The chunks of a B-tree's node, whose parent's level is stated below the root.
    fn leaves(
        &self,
        address: usize,
        level: Option<u8>,
        chunked: &Chunked<'_>,
        counts: &[usize],
        found: &mut Vec<Chunk>,
    ) -> Result<()> {
        const WHAT: &str = "tree of chunks";
        let mut at = self.at(WHAT, address);
        let (here, entries) = at.tree_node(1, level)?;
        for _ in 0..entries {
            self.step(WHAT, at.at)?;
            let before = at;
            let (stored, skipped) = (at.count(4)?, u32::try_from(at.number(4)?).unwrap_or_default());
            let mut index = Some(0_usize);
            for ((&one, &count), &all) in chunked.dims.iter().zip(counts).zip(&chunked.shape) {
                let first = at.count(8)?;
                let fits = first.is_multiple_of(one) && first < all;
                index = index.filter(|_| fits).and_then(|index| index.checked_mul(count)?.checked_add(first / one));
            }
            at.skip(8)?;
            let child = at.target()?;
            if here > 0 {
                self.leaves(child, Some(here), chunked, counts, found)?;
                continue;
            }
            // Ascending, and each of them: then none is there twice.
            if index != Some(found.len()) {
                return Err(before.bad().expected(format!("chunk {}", found.len())).found(match index {
                    Some(index) => format!("chunk {index}"),
                    None => "a place outside the dataset".into(),
                }));
            }
            found.push(Chunk { address: child, stored, skipped });
        }
        Ok(())
    }

    /// The filters in the order in which they were applied.
    fn filters(&self, chunked: &Chunked<'_>) -> Result<Vec<Filter>> {
        let Some(mut at) = chunked.filters else { return Ok(Vec::new()) };
        at.what = "filters";
        let version = at.version(&[1, 2])?;
        let count = u32::from(at.byte()?);
        at.skip(if version == 1 { 6 } else { 0 })?;
        let mut filters = Vec::new();
        for bit in 0..count.min(32) {
            let before = at;
            let id = at.number(2)?;
            let name = if version == 1 || id >= 256 { at.count(2)? } else { 0 };
            at.skip(2)?;
            let values = at.count(2)?;
            at.skip(if version == 1 { name.next_multiple_of(8) } else { name })?;
            let size = if values > 0 { at.count(4)? } else { 0 };
            at.skip(4 * values.saturating_sub(1) + if version == 1 && values % 2 == 1 { 4 } else { 0 })?;
            if ![DEFLATE, SHUFFLE, FLETCHER32].contains(&id) {
                return Err(Error::new(Kind::UnsupportedFormat, self.place("filters", before.at))
                    .expected("gzip, shuffle or fletcher32")
                    .found(format!("filter {id}"))
                    .remedy("Write the file again with `compression=\"gzip\"`, or without compression."));
            }
            // Bytes of one element; files before the filter's values stated it leave it to the type.
            filters.push(Filter { id, bit, size: if size == 0 { chunked.size } else { size } });
        }
        Ok(filters)
    }
}

struct Filter {
    id: u64,
    /// Its place, as in a chunk's mask.
    bit: u32,
    /// Of the elements that were shuffled.
    size: usize,
}

/// First bytes of all elements, second bytes … put together again; what is left over stands at the end.
fn unshuffled(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size.max(1);
    let mut elements = bytes.to_vec();
    for (place, element) in elements.chunks_exact_mut(size.max(1)).enumerate() {
        for (plane, byte) in element.iter_mut().enumerate() {
            *byte = bytes[plane * count + place];
        }
    }
    elements
}

/// Copies what of a chunk is inside the dataset to its place.
fn put(dense: &mut [u8], bytes: &[u8], chunked: &Chunked<'_>, counts: &[usize], mut index: usize) {
    let Chunked { shape, dims, size, .. } = chunked;
    // The chunk's first element, and how many along each axis are inside.
    let mut first = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        first[axis] = index % counts[axis].max(1) * dims[axis];
        index /= counts[axis].max(1);
    }
    let inside: Vec<usize> = (0..shape.len()).map(|axis| dims[axis].min(shape[axis] - first[axis])).collect();
    let row = inside.last().map_or(1, |&count| count) * size;
    let outer = shape.len().saturating_sub(1);
    for line in 0..inside[..outer].iter().product() {
        let (mut rest, mut from, mut to) = (line, 0, 0);
        let (mut chunk_stride, mut stride) = (dims.last().copied().unwrap_or(1), shape.last().copied().unwrap_or(1));
        for axis in (0..outer).rev() {
            let place = rest % inside[axis];
            rest /= inside[axis];
            from += place * chunk_stride;
            to += (first[axis] + place) * stride;
            chunk_stride *= dims[axis];
            stride *= shape[axis];
        }
        to += first.last().copied().unwrap_or(0);
        dense[to * size..][..row].copy_from_slice(&bytes[from * size..][..row]);
    }
}
