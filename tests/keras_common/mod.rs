//! What the tests of Keras' files share: small files that h5py wrote, and archives of them.
#![allow(dead_code, reason = "each test binary uses another part")]

pub mod h5;

use miniz_oxide::deflate::compress_to_vec;

pub const PLAIN_V0: &[u8] = include_bytes!("../data/hdf5/plain_v0.h5");
pub const PLAIN_V2: &[u8] = include_bytes!("../data/hdf5/plain_v2.h5");
pub const PLAIN_V3: &[u8] = include_bytes!("../data/hdf5/plain_v3.h5");
pub const KINDS_V0: &[u8] = include_bytes!("../data/hdf5/kinds_v0.h5");
pub const KINDS_V3: &[u8] = include_bytes!("../data/hdf5/kinds_v3.h5");
pub const LAYERS_V0: &[u8] = include_bytes!("../data/hdf5/layers_v0.h5");
pub const LAYERS_V3: &[u8] = include_bytes!("../data/hdf5/layers_v3.h5");

/// `file` with these bytes from `at` on.
pub fn patched(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// Where the bytes first stand.
#[track_caller]
pub fn position(file: &[u8], bytes: &[u8]) -> usize {
    file.windows(bytes.len()).position(|window| window == bytes).expect("the bytes are in the file")
}

/// A zip archive of one deflated entry a pair, that states these sizes where they are not right.
pub fn deflated(entries: &[(&str, &[u8])], stated: Option<u32>) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let packed = compress_to_vec(bytes, 6);
        let mut shared = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        shared.extend(crc32fast::hash(bytes).to_le_bytes());
        shared.extend((packed.len() as u32).to_le_bytes());
        shared.extend(stated.unwrap_or(bytes.len() as u32).to_le_bytes());
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend([0, 0]);
        directory.extend([b"PK\x01\x02\x14\x00", &shared[..], &[0; 10]].concat());
        directory.extend((file.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend([b"PK\x03\x04", &shared[..], name.as_bytes(), &packed].concat());
    }
    let (count, begin) = ((entries.len() as u16).to_le_bytes(), (file.len() as u32).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &begin, &[0, 0]].concat());
    file
}
