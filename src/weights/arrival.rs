//! A file on its way: what can be known of it before its end is here.

use std::ops::Range;

use super::metadata::{CRC32, PREFIX};
use super::safetensors;
use super::{File, Sum, read};
use crate::error::{Kind, Result};
use crate::small::{CRC32 as POLYNOMIAL, Crc32};

/// Room is made for so much at most because a sender announces it; V2 1.0's file has 14 MB, larger ones grow as they come.
const MAX_ANNOUNCED_BYTES: usize = 64 << 20;

/// A file that comes piece by piece. Checksums of its tensors are taken meanwhile.
#[derive(Debug)]
pub struct Arrival {
    bytes: Vec<u8>,
    /// Of tensors, the next one last; none until the header is here.
    places: Option<Vec<Range<usize>>>,
    /// Up to where bytes are in a sum.
    summed: usize,
    crc: Crc32,
    sums: Vec<Sum>,
}

impl Arrival {
    /// Nothing yet of a file that is announced to have so many bytes, which need not be true.
    #[must_use]
    pub fn new(announced_bytes: usize) -> Self {
        let mut bytes = Vec::new();
        // Where there is no room, the bytes themselves will show it.
        let _ = bytes.try_reserve_exact(announced_bytes.min(MAX_ANNOUNCED_BYTES));
        Self { bytes, places: None, summed: 0, crc: Crc32::new(POLYNOMIAL), sums: Vec::new() }
    }

    /// Takes the next `length` bytes, which `fill` writes.
    pub fn append(&mut self, length: usize, fill: impl FnOnce(&mut [u8])) {
        let begin = self.bytes.len();
        self.bytes.resize(begin + length, 0);
        fill(&mut self.bytes[begin..]);
        self.sum();
    }

    /// What came so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its tensors, once all of it is here.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self) -> Result<File<'_>> {
        let mut file = read(&self.bytes)?;
        file.sums.clone_from(&self.sums);
        Ok(file)
    }

    /// Goes on with the checksums. A header that is wrong is not for this to judge: nothing is summed then.
    fn sum(&mut self) {
        let Self { bytes, places, summed, crc, sums } = self;
        if places.is_none() {
            match safetensors::header(bytes) {
                Err(error) if bytes.len() < size_of::<u64>() || error.kind() == Kind::Truncated => return,
                Ok(header) if states(header, &[PREFIX, CRC32].concat()) => {
                    let mut found = safetensors::places(header).unwrap_or_default();
                    if !found.is_sorted_by(|a, b| a.start <= a.end && a.end <= b.start) {
                        found.clear();
                    }
                    found.reverse();
                    *places = Some(found);
                }
                _ => *places = Some(Vec::new()),
            }
        }
        let Some(places) = places else { return };
        while let Some(place) = places.last() {
            let begin = place.start.max(*summed);
            let Some(here) = bytes.get(begin..place.end.min(bytes.len())) else { return };
            crc.update(here);
            *summed = begin + here.len();
            if *summed < place.end {
                return;
            }
            sums.push((place.clone(), crc.take()));
            places.pop();
        }
    }
}

/// Whether that key occurs. The standard library's search is for longer texts than headers, and 1 kB of the module.
fn states(header: &str, key: &str) -> bool {
    header.as_bytes().windows(key.len()).any(|part| part == key.as_bytes())
}
