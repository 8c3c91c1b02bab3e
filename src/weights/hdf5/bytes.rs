//! Where a file's bytes are: in the caller's, or unpacked from them.

use std::borrow::Cow;
use std::ops::Range;

use super::super::tensor::place;
use super::super::{DAMAGED, Dtype, Tensor};
use super::cursor::Hdf5;
use crate::error::{Error, Kind, Result};

/// A dataset whose numbers were found.
pub(in super::super) struct Found {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// What errors name.
    pub(super) offset_bytes: usize,
    pub(super) numbers: Numbers,
}

pub(super) enum Numbers {
    /// They stand in the HDF5 file as they are.
    Here(Range<usize>),
    Unpacked(Vec<u8>),
}

impl<'a> Hdf5<'a> {
    /// The tensors of datasets. An unpacked file is cut up for them from its end on, so that nothing is there twice.
    pub(in super::super) fn into_tensors(self, mut found: Vec<Found>) -> Result<Vec<Tensor<'a>>> {
        let end = |found: &Found| if let Numbers::Here(range) = &found.numbers { range.end } else { 0 };
        crate::small::sort(&mut found, &|a, b| end(a) > end(b));
        let mut bytes = self.bytes;
        let mut tensors = Vec::with_capacity(found.len());
        for Found { name, dtype, shape, offset_bytes, numbers } in found {
            let bytes = match numbers {
                Numbers::Unpacked(bytes) => Some(Cow::Owned(bytes)),
                Numbers::Here(range) => match &mut bytes {
                    Cow::Borrowed(bytes) => bytes.get(range).map(Cow::Borrowed),
                    Cow::Owned(bytes) if range.start <= range.end && range.end <= bytes.len() => {
                        bytes.truncate(range.end);
                        let part = bytes.split_off(range.start);
                        bytes.shrink_to_fit();
                        Some(Cow::Owned(part))
                    }
                    Cow::Owned(_) => None,
                },
            };
            let Some(bytes) = bytes else {
                return Err(Error::new(Kind::BadHeader, place(&name, offset_bytes))
                    .expected("numbers of its own")
                    .found("those of another tensor")
                    .remedy(DAMAGED));
            };
            tensors.push(Tensor::decoded(Cow::Owned(name), dtype, shape, (bytes, offset_bytes))?);
        }
        Ok(tensors)
    }
}
