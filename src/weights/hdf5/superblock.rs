//! The beginning of a file: versions, sizes and where the root is.

use super::cursor::Hdf5;
use crate::error::{Error, Kind, Result};

/// How every HDF5 file begins, unless a user block stands before it.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

impl Hdf5<'_> {
    /// Checks it, and answers where the root group's header is.
    pub(super) fn superblock(&self) -> Result<usize> {
        let mut at = self.at("superblock", 0);
        at.signature(SIGNATURE)?;
        let version = at.version(&[0, 1, 2, 3])?;
        // Versions of the free space, the root's symbol table and shared headers.
        at.skip(if version < 2 { 4 } else { 0 })?;
        let before = at;
        let sizes = [at.byte()?, at.byte()?];
        if sizes != [8, 8] {
            return Err(Error::new(Kind::UnsupportedFormat, before.file.place("superblock", before.at))
                .expected("addresses and lengths of 8 bytes, as h5py writes them")
                .found(format!("{sizes:?}"))
                .remedy("Write the file again with h5py or Keras."));
        }
        // A byte and sizes of tree nodes, then flags; or flags alone.
        at.skip([9, 13, 1, 1][usize::from(version)])?;
        let before = at;
        let base = at.number(8)?;
        if base != 0 {
            return Err(before.bad().expected("addresses from the file's begin").found(format!("from byte {base}")));
        }
        at.skip(8)?;
        let end = at.count(8)?;
        if end > self.bytes.len() {
            return Err(Error::new(Kind::Truncated, self.place("superblock", at.at - 8))
                .expected(format!("a file of {end} bytes"))
                .found(format!("{} bytes", self.bytes.len()))
                .remedy("Download the file again: its end is missing."));
        }
        // A driver's block; the root's entry begins with where its name is.
        at.skip(if version < 2 { 16 } else { 0 })?;
        at.target()
    }
}
