//! The layout before PyTorch 1.6: pickles of a magic number, a version, the writer's machine, the object and the keys
//! of its storages, then each storage as a count of elements and the elements.

use super::super::{DAMAGED, Tensor};
use super::INCOMPLETE;
use super::pickle::Pickle;
use super::value::{Limits, Value};
use crate::error::{Error, Kind, Result};

/// How every such file begins: a whole pickle of the number 0x1950a86a20f9469cfc6c.
pub(in super::super) const MAGIC: [u8; 15] =
    [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// The only version of the layout that was ever written.
const VERSION: i64 = 1001;

/// A storage's count of elements.
const COUNT_BYTES: usize = 8;

pub(in super::super) fn read(file: &[u8]) -> Result<Vec<Tensor<'_>>> {
    let run = |at: usize, limits| Pickle::run(&file[at..], at, limits);
    let bad = |at: usize| Error::new(Kind::BadHeader, format!("legacy PyTorch file, byte {at}")).remedy(DAMAGED);

    let version = run(MAGIC.len(), Limits::PLAIN)?;
    if version.result != Value::Int(VERSION) {
        return Err(bad(MAGIC.len()).expected(format!("version {VERSION}")).found(format!("{:?}", version.result)));
    }
    let machine = run(version.end(), Limits::PLAIN)?;
    if machine.entry(machine.result, "little_endian") != Some(Value::Bool(true)) {
        return Err(bad(version.end())
            .expected("little-endian storages")
            .remedy("Save it on a little-endian machine."));
    }
    let object = run(machine.end(), Limits::OBJECT)?;
    // Another kind of object is refused before what follows it is found not to fit.
    drop(object.named()?);
    let keys = run(object.end(), Limits::PLAIN)?;
    let listed = keys.texts().ok_or_else(|| bad(object.end()).expected("a list of storage keys"))?;

    let mut offsets = vec![None; object.storages.len()];
    let mut at = keys.end();
    for key in listed {
        let index = object.storages.iter().position(|storage| storage.key == key);
        let Some(index) = index.filter(|&index| offsets[index].is_none()) else {
            return Err(bad(at).expected("each storage once").found(format!("storage `{key}`")));
        };
        let storage = &object.storages[index];
        let end = storage.count.checked_mul(storage.dtype.size_bytes()).and_then(|n| n.checked_add(at + COUNT_BYTES));
        let Some(end) = end.filter(|&end| end <= file.len()) else {
            return Err(Error::new(Kind::Truncated, format!("{} at byte {}", object.user(index), at + COUNT_BYTES))
                .expected(format!("{} elements of {}", storage.count, storage.dtype.name()))
                .found(format!("a file of {} bytes", file.len()))
                .remedy(INCOMPLETE));
        };
        let stated = file[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if usize::try_from(stated) != Ok(storage.count) {
            return Err(Error::new(Kind::BadHeader, format!("{} at byte {at}", object.user(index)))
                .expected(format!("{} elements", storage.count))
                .found(format!("{stated}"))
                .remedy(DAMAGED));
        }
        offsets[index] = Some(at + COUNT_BYTES..end);
        at = end;
    }
    if at != file.len() {
        return Err(bad(at).expected("the end of the file").found(format!("{} more bytes", file.len() - at)));
    }
    drop(keys);
    object.views(|index| {
        let Some(range) = offsets[index].clone() else {
            return Err(Error::new(Kind::BadHeader, format!("{} at byte {at}", object.user(index)))
                .expected(format!("storage `{}`", object.storages[index].key))
                .found("no such storage in the file")
                .remedy(DAMAGED));
        };
        Ok((&file[range.clone()], range.start))
    })
}
