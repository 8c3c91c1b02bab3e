//! HDF5, as far as weights files use it: a tree of groups, datasets of numbers and attributes of text.
//!
//! Read after the HDF5 File Format Specification, version 3.0. [`cursor`] reads fields within bounds, [`superblock`]
//! finds the root, [`header`] the messages of an object, [`group`] and [`heap`] its children, [`attribute`] its text,
//! [`dataset`] and [`chunks`] its numbers, [`bytes`] where they are. Addresses and lengths are 8 bytes in every file that h5py writes.

mod attribute;
mod bytes;
mod chunks;
mod cursor;
mod dataset;
mod datatype;
mod group;
mod header;
mod heap;
mod superblock;

pub(super) use cursor::{Hdf5, allowance};
pub(super) use group::Node;
