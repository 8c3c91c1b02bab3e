//! Heaps: texts of any length, and the links and attributes of new groups that have many.

use super::cursor::{Cursor, Hdf5};
use crate::error::{Error, Kind, Result};

/// Bytes of a number up to `most`.
const fn width(most: usize) -> usize {
    match most {
        0 => 1,
        most => most.ilog2() as usize / 8 + 1,
    }
}

/// Levels of a B-tree of links: 45 of them fit in a node.
const MAX_DEPTH: usize = 4;

/// Kinds of record: links and attributes by name, their heap ids behind a hash or before other fields.
const LINKS: u8 = 5;
const ATTRIBUTES: u8 = 8;

/// How a fractal heap is laid out.
struct Heap {
    address: usize,
    /// Bytes of offsets into the heap, and of lengths.
    offsets: usize,
    lengths: usize,
    /// Blocks in a row, and bytes of the first one.
    columns: usize,
    first: usize,
    /// Rows of direct blocks under the root, and in all; none where the root is a direct block.
    rows: usize,
    direct_rows: usize,
    root: usize,
}

impl<'a> Hdf5<'a> {
    /// Text of a global heap: a collection's address and an index into it.
    pub(super) fn text(&self, length: usize, address: usize, index: u64) -> Result<&str> {
        const WHAT: &str = "global heap";
        if length == 0 {
            return Ok("");
        }
        let mut at = self.at(WHAT, address);
        at.signature(b"GCOL")?;
        at.version(&[1])?;
        at.skip(3)?;
        let size = at.count(8)?;
        let mut at = self.region(WHAT, address, size)?;
        at.skip(16)?;
        while at.left() >= 16 {
            self.step(WHAT, at.at)?;
            let found = at.number(2)?;
            at.skip(6)?;
            let size = at.count(8)?;
            if found == index {
                return at.text(length.min(size));
            }
            if found == 0 {
                break;
            }
            at.skip(size.checked_next_multiple_of(8).unwrap_or(usize::MAX))?;
        }
        Err(self.bad(WHAT, address).expected(format!("object {index}")).found("none of that index"))
    }

    /// Calls `each` with every object of a fractal heap that a B-tree lists.
    pub(super) fn dense<'d>(
        &'d self,
        heap: usize,
        tree: usize,
        each: &mut dyn FnMut(Cursor<'d>) -> Result<()>,
    ) -> Result<()> {
        const WHAT: &str = "name index";
        let heap = self.heap(heap)?;
        let mut at = self.at(WHAT, tree);
        at.signature(b"BTHD")?;
        at.version(&[0])?;
        let before = at;
        let kind = at.byte()?;
        let (node, record, depth) = (at.count(4)?, at.count(2)?, at.count(2)?);
        let skipped = match kind {
            LINKS if record == 11 => 4,
            ATTRIBUTES if record == 17 => 0,
            _ => return Err(before.bad().expected("names of links or attributes").found(format!("kind {kind}"))),
        };
        if depth > MAX_DEPTH || node < 64 {
            return Err(before.bad().expected("a shallow tree").found(format!("{depth} levels of {node} bytes")));
        }
        at.skip(2)?;
        let (root, records) = (at.address()?, at.count(2)?);
        // How many records a child has, and all below it, in as many bytes as the most need.
        let leaf = (node - 10) / record;
        let mut totals = vec![0];
        let mut most = leaf;
        for level in 1..=depth {
            let pointer = 8 + width(leaf) + totals[level - 1];
            let here = node.saturating_sub(10 + pointer) / (record + pointer);
            most = (here + 1).saturating_mul(most).saturating_add(here);
            totals.push(width(most));
        }
        let mut open: Vec<(usize, usize, usize)> = root.map(|root| (root, records, depth)).into_iter().collect();
        while let Some((address, records, depth)) = open.pop() {
            let mut at = self.at(WHAT, address);
            at.signature(if depth == 0 { b"BTLF" } else { b"BTIN" })?;
            at.skip(2)?;
            for _ in 0..records {
                self.step(WHAT, at.at)?;
                let mut record = at.part(record)?;
                record.skip(skipped)?;
                each(self.object(&heap, record)?)?;
            }
            for _ in 0..if depth == 0 { 0 } else { records + 1 } {
                self.step(WHAT, at.at)?;
                let child = (at.target()?, at.count(width(leaf))?, depth - 1);
                at.skip(totals[depth - 1])?;
                open.push(child);
            }
        }
        Ok(())
    }

    fn heap(&self, address: usize) -> Result<Heap> {
        let mut at = self.at("fractal heap", address);
        at.signature(b"FRHP")?;
        at.version(&[0])?;
        at.skip(2)?;
        let before = at;
        if at.number(2)? != 0 {
            return Err(Error::new(Kind::UnsupportedFormat, self.place(before.what, before.at))
                .expected("names that are not compressed")
                .found("a filter"));
        }
        at.skip(1)?;
        let managed = at.count(4)?;
        at.skip(12 * 8)?;
        let before = at;
        let columns = at.count(2)?;
        let (first, largest, bits) = (at.count(8)?, at.count(8)?, at.count(2)?);
        at.skip(2)?;
        let (root, rows) = (at.target()?, at.count(2)?);
        if !first.is_power_of_two() || !largest.is_power_of_two() || first > largest || bits > 64 || columns == 0 {
            let found = format!("{columns} blocks of {first} to {largest} bytes, {bits} bits");
            return Err(before.bad().expected("sizes that are powers of two").found(found));
        }
        let direct_rows = (largest.ilog2() - first.ilog2()) as usize + 2;
        let (offsets, lengths) = (bits.div_ceil(8), width(managed.min(largest)));
        Ok(Heap { address, offsets, lengths, columns, first, rows, direct_rows, root })
    }

    /// The object of a heap id.
    fn object<'d>(&'d self, heap: &Heap, mut id: Cursor<'d>) -> Result<Cursor<'d>> {
        const WHAT: &str = "fractal heap";
        let before = id;
        if id.byte()? & 0xf0 != 0 {
            return Err(Error::new(Kind::UnsupportedFormat, self.place(WHAT, before.at))
                .expected("names and attributes of less than 4 kB")
                .found("a huge or a tiny one")
                .remedy("Write the file again with h5py or Keras."));
        }
        let (offset, length) = (id.count(heap.offsets)?, id.count(heap.lengths)?);
        let outside = || before.bad().expected("a place in the heap's direct blocks").found(format!("offset {offset}"));
        let (mut block, mut inside) = (heap.root, offset);
        if heap.rows > 0 {
            // Rows double, but for the second.
            let span = heap.columns.saturating_mul(heap.first);
            let doubled = offset / span;
            let row = if doubled == 0 { 0 } else { doubled.ilog2() as usize + 1 };
            if row >= heap.rows.min(heap.direct_rows) {
                return Err(outside());
            }
            let size = heap.first << row.saturating_sub(1);
            let begin = if row == 0 { 0 } else { span << (row - 1) };
            let column = (offset - begin) / size;
            let mut at = self.at(WHAT, heap.root);
            at.signature(b"FHIB")?;
            at.version(&[0])?;
            at.skip(8 + heap.offsets + (row * heap.columns + column) * 8)?;
            block = at.target()?;
            inside = (offset - begin) % size;
        }
        let mut at = self.at(WHAT, block);
        at.signature(b"FHDB")?;
        at.version(&[0])?;
        if at.target()? != heap.address {
            return Err(at.bad().expected("a block of its heap").found("another's"));
        }
        self.region(WHAT, block.saturating_add(inside), length)
    }
}
