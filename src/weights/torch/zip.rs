//! The layout since PyTorch 1.6: a zip archive of `data.pkl` and of one stored entry a storage, `data/KEY`.

use super::super::zip::Archive;
use super::super::{DAMAGED, Tensor};
use super::pickle::Pickle;
use super::value::Limits;
use crate::error::{Error, Kind, Result};

fn bad(place: String) -> Error {
    Error::new(Kind::BadHeader, place).remedy(DAMAGED)
}

pub(in super::super) fn read(file: &[u8]) -> Result<Vec<Tensor<'_>>> {
    let mut archive = Archive::open(file)?;
    let entries = &archive.entries;
    let pickles = entries.iter().position(|entry| entry.name == "data.pkl" || entry.name.ends_with("/data.pkl"));
    let Some(index) = pickles else {
        return Err(Error::new(Kind::UnsupportedFormat, format!("zip archive of {} entries", entries.len()))
            .expected("an entry `data.pkl`")
            .found("none")
            .remedy("Choose a file that torch.save wrote."));
    };
    let name = entries[index].name;
    let prefix = &name[..name.len() - "data.pkl".len()];
    if let Some(order) = archive.find(&[prefix, "byteorder"]) {
        let (bytes, offset_bytes) = archive.contents(order, "zip entry")?;
        if bytes != b"little" {
            return Err(bad(format!("zip entry `{prefix}byteorder` at byte {offset_bytes}"))
                .expected("`little`")
                .found(format!("`{}`", bytes[..bytes.len().min(16)].escape_ascii()))
                .remedy("Save the weights on a little-endian machine."));
        }
    }
    let (bytes, offset_bytes) = archive.contents(index, "zip entry")?;
    let pickle = Pickle::run(bytes, offset_bytes, Limits::OBJECT)?;
    pickle.views(|index| {
        let storage = &pickle.storages[index];
        let Some(entry) = archive.find(&[prefix, "data/", storage.key]) else {
            return Err(bad(pickle.user(index))
                .expected(format!("zip entry `{prefix}data/{}`", storage.key))
                .found("no such entry"));
        };
        let (bytes, offset_bytes) = archive.contents(entry, &pickle.user(index))?;
        if storage.count.checked_mul(storage.dtype.size_bytes()) != Some(bytes.len()) {
            return Err(bad(format!("{} at byte {offset_bytes}", pickle.user(index)))
                .expected(format!("{} elements of {}", storage.count, storage.dtype.name()))
                .found(format!("{} bytes", bytes.len())));
        }
        Ok((bytes, offset_bytes))
    })
}
