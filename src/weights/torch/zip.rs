//! The layout since PyTorch 1.6: a zip archive of `data.pkl` and of one stored entry a storage, `data/KEY`.

use super::super::{DAMAGED, Tensor};
use super::INCOMPLETE;
use super::pickle::Pickle;
use super::value::Limits;
use crate::error::{Error, Kind, Result};
use crate::small::{crc32, sort};

/// An archive has an entry a storage and a few more.
const MAX_ENTRIES: usize = 2048;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

/// A file in the archive.
pub(in super::super) struct Entry<'a> {
    name: &'a str,
    /// Where its own header begins.
    header: usize,
    size: usize,
    crc32: u32,
    method: u16,
    encrypted: bool,
    /// Whether its checksum was found right.
    checked: bool,
}

impl Entry<'_> {
    /// Whether it goes by that name.
    pub(in super::super) fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

fn bad(place: String) -> Error {
    Error::new(Kind::BadHeader, place).remedy(DAMAGED)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

pub(in super::super) fn read(file: &[u8]) -> Result<Vec<Tensor<'_>>> {
    let mut entries = entries(file)?;
    let pickles = entries.iter().position(|entry| entry.name == "data.pkl" || entry.name.ends_with("/data.pkl"));
    let Some(index) = pickles else {
        return Err(Error::new(Kind::UnsupportedFormat, format!("zip archive of {} entries", entries.len()))
            .expected("an entry `data.pkl`")
            .found("none")
            .remedy("Choose a file that torch.save wrote."));
    };
    let name = entries[index].name;
    let prefix = &name[..name.len() - "data.pkl".len()];
    if let Some(order) = find(&entries, &[prefix, "byteorder"]) {
        let (bytes, offset_bytes) = contents(file, &mut entries[order], "zip entry")?;
        if bytes != b"little" {
            return Err(bad(format!("zip entry `{prefix}byteorder` at byte {offset_bytes}"))
                .expected("`little`")
                .found(format!("`{}`", bytes[..bytes.len().min(16)].escape_ascii()))
                .remedy("Save the weights on a little-endian machine."));
        }
    }
    let (bytes, offset_bytes) = contents(file, &mut entries[index], "zip entry")?;
    let pickle = Pickle::run(bytes, offset_bytes, Limits::OBJECT)?;
    pickle.views(|index| {
        let storage = &pickle.storages[index];
        let Some(entry) = find(&entries, &[prefix, "data/", storage.key]) else {
            return Err(bad(pickle.user(index))
                .expected(format!("zip entry `{prefix}data/{}`", storage.key))
                .found("no such entry"));
        };
        let (bytes, offset_bytes) = contents(file, &mut entries[entry], &pickle.user(index))?;
        if storage.count.checked_mul(storage.dtype.size_bytes()) != Some(bytes.len()) {
            return Err(bad(format!("{} at byte {offset_bytes}", pickle.user(index)))
                .expected(format!("{} elements of {}", storage.count, storage.dtype.name()))
                .found(format!("{} bytes", bytes.len())));
        }
        Ok((bytes, offset_bytes))
    })
}

/// The entry whose name is these parts one after the other.
fn find(entries: &[Entry<'_>], parts: &[&str]) -> Option<usize> {
    let wanted = || parts.iter().flat_map(|part| part.bytes());
    entries.binary_search_by(|entry| entry.name.bytes().cmp(wanted())).ok()
}

/// The archive's directory, sorted by name.
pub(in super::super) fn entries(file: &[u8]) -> Result<Vec<Entry<'_>>> {
    // The end record is last, but for a comment of up to 64 KiB.
    let last = file.len().saturating_sub(END_BYTES);
    let end = (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|&at| {
        file[at..].starts_with(END_SIGNATURE) && at + END_BYTES + usize::from(u16_at(file, at + 20)) == file.len()
    });
    let Some(end) = end else {
        return Err(Error::new(Kind::Truncated, format!("zip archive, byte {}", file.len()))
            .expected("the archive's directory at its end")
            .found("no end record")
            .remedy(INCOMPLETE));
    };
    let (count, begin) = (usize::from(u16_at(file, end + 10)), u32_at(file, end + 16));
    if begin == u32::MAX || count > MAX_ENTRIES {
        return Err(bad(format!("zip archive, byte {end}"))
            .expected(format!("at most {MAX_ENTRIES} entries and 4 GiB"))
            .found(format!("{count} entries, directory at byte {begin}")));
    }
    let mut at = begin as usize;
    let mut entries = Vec::with_capacity(count.min(end / CENTRAL_BYTES));
    for _ in 0..count {
        let header = file.get(at..end).filter(|header| header.len() >= CENTRAL_BYTES);
        let Some(header) = header.filter(|header| header.starts_with(CENTRAL_SIGNATURE)) else {
            return Err(bad(format!("zip directory, byte {at}")).expected("an entry of the archive's directory"));
        };
        let name_end = CENTRAL_BYTES + usize::from(u16_at(header, 28));
        let name = header.get(CENTRAL_BYTES..name_end).and_then(|name| std::str::from_utf8(name).ok());
        let Some(name) = name else {
            return Err(bad(format!("zip directory, byte {at}")).expected("a name in UTF-8"));
        };
        entries.push(Entry {
            name,
            header: u32_at(header, 42) as usize,
            size: u32_at(header, 20) as usize,
            crc32: u32_at(header, 16),
            method: u16_at(header, 10),
            encrypted: u16_at(header, 8) & 1 != 0,
            checked: false,
        });
        at += name_end + usize::from(u16_at(header, 30)) + usize::from(u16_at(header, 32));
    }
    sort(&mut entries, &|a, b| a.name < b.name);
    if let Some([first, second]) = entries.array_windows().find(|[a, b]| a.name == b.name) {
        return Err(bad(format!("zip entry `{}` at byte {}", second.name, second.header))
            .expected("each name once")
            .found(format!("the same name at byte {}", first.header)));
    }
    Ok(entries)
}

/// An entry's bytes and where they begin, its checksum checked; `user` says in errors what needs it.
pub(in super::super) fn contents<'a>(file: &'a [u8], entry: &mut Entry<'a>, user: &str) -> Result<(&'a [u8], usize)> {
    let place = |at: usize| format!("{user} in `{}` at byte {at}", entry.name);
    if entry.method != 0 || entry.encrypted {
        let found = if entry.encrypted { "an encrypted one".into() } else { format!("method {}", entry.method) };
        return Err(Error::new(Kind::UnsupportedFormat, place(entry.header))
            .expected("a stored entry, as torch.save writes it")
            .found(found)
            .remedy("The archive was packed anew; unpack it and pack it with `zip -0`, or save the weights again."));
    }
    let header = file.get(entry.header..).filter(|header| header.len() >= LOCAL_BYTES);
    let Some(header) = header.filter(|header| header.starts_with(LOCAL_SIGNATURE)) else {
        return Err(bad(place(entry.header)).expected("the entry's header"));
    };
    let name_end = LOCAL_BYTES + usize::from(u16_at(header, 26));
    if header.get(LOCAL_BYTES..name_end) != Some(entry.name.as_bytes()) {
        return Err(bad(place(entry.header)).expected("the entry's name as in the directory"));
    }
    let start = entry.header + name_end + usize::from(u16_at(header, 28));
    let Some(bytes) = file.get(start..).and_then(|rest| rest.get(..entry.size)) else {
        return Err(Error::new(Kind::Truncated, place(start))
            .expected(format!("{} bytes", entry.size))
            .found(format!("a file of {} bytes", file.len()))
            .remedy(INCOMPLETE));
    };
    if !entry.checked {
        let computed = crc32(bytes);
        if computed != entry.crc32 {
            return Err(Error::new(Kind::Corrupt, place(start))
                .expected(format!("{} bytes of CRC-32 {:08x}", entry.size, entry.crc32))
                .found(format!("{computed:08x}"))
                .remedy(DAMAGED));
        }
        entry.checked = true;
    }
    Ok((bytes, start))
}
