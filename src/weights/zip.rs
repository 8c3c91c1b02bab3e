//! Zip archives: a directory at the end, and entries that are stored or deflated.

use std::borrow::Cow;

use super::DAMAGED;
use super::inflate::inflate;
use crate::error::{Error, Kind, Result};
use crate::small::{crc32, sort};

/// An archive of PyTorch's has an entry a storage and a few more; others have fewer.
const MAX_ENTRIES: usize = 2048;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The remedy where a file stops too early.
const INCOMPLETE: &str = "Download the file again: its end is missing.";

/// An archive's directory.
pub(super) struct Archive<'a> {
    file: &'a [u8],
    /// Sorted by name.
    pub(super) entries: Vec<Entry<'a>>,
}

/// A file in the archive.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Where its own header begins.
    header: usize,
    packed: usize,
    size: usize,
    crc32: u32,
    method: u16,
    encrypted: bool,
    /// Whether its checksum was found right.
    checked: bool,
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

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(super) fn open(file: &'a [u8]) -> Result<Self> {
        Ok(Self { file, entries: entries(file)? })
    }

    /// The entry whose name is these parts one after the other.
    pub(super) fn find(&self, parts: &[&str]) -> Option<usize> {
        let wanted = || parts.iter().flat_map(|part| part.bytes());
        self.entries.binary_search_by(|entry| entry.name.bytes().cmp(wanted())).ok()
    }

    /// The entry of that name, in the archive's root or in the folder that it was packed with.
    pub(super) fn ending(&self, name: &str) -> Option<usize> {
        let is = |entry: &Entry<'_>| {
            let folder = entry.name.strip_suffix(name);
            folder.is_some_and(|folder| folder.is_empty() || folder.find('/') == Some(folder.len() - 1))
        };
        self.entries.iter().position(is)
    }

    /// Whether an entry's bytes stand in the file as they are.
    pub(super) fn is_stored(&self, index: usize) -> bool {
        self.entries[index].method == STORED
    }

    /// The bytes of a stored entry and where they begin, its checksum checked; `user` says in errors what needs it.
    pub(super) fn contents(&mut self, index: usize, user: &str) -> Result<(&'a [u8], usize)> {
        let entry = &self.entries[index];
        if entry.method != STORED {
            return Err(Error::new(Kind::UnsupportedFormat, entry.place(user, entry.header))
                .expected("a stored entry, as torch.save writes it")
                .found(format!("method {}", entry.method))
                .remedy(
                    "The archive was packed anew; unpack it and pack it with `zip -0`, or save the weights again.",
                ));
        }
        let (bytes, start) = self.packed(index, user)?;
        self.check(index, user, bytes, start)?;
        Ok((bytes, start))
    }

    /// The bytes of an entry, unpacked where it was deflated, and where they begin in the file. Counts what is unpacked
    /// against what may be.
    pub(super) fn unpacked(&mut self, index: usize, left: &mut usize) -> Result<(Cow<'a, [u8]>, usize)> {
        const USER: &str = "zip entry";
        let entry = &self.entries[index];
        if entry.method != DEFLATED {
            let (bytes, start) = self.contents(index, USER)?;
            return Ok((Cow::Borrowed(bytes), start));
        }
        let (packed, start) = self.packed(index, USER)?;
        let entry = &self.entries[index];
        let place = || entry.place(USER, start);
        let Some(after) = left.checked_sub(entry.size) else {
            return Err(bad(place()).expected(format!("at most {left} bytes unpacked")).found(entry.size.to_string()));
        };
        let bytes = inflate(packed, false, entry.size).map_err(|found| {
            let error = Error::new(Kind::Corrupt, place()).found(found).remedy(DAMAGED);
            error.expected(format!("what Deflate unpacks to {} bytes", entry.size))
        })?;
        *left = after;
        self.check(index, USER, &bytes, start)?;
        Ok((Cow::Owned(bytes), start))
    }

    fn check(&mut self, index: usize, user: &str, bytes: &[u8], start: usize) -> Result<()> {
        let entry = &mut self.entries[index];
        if !entry.checked {
            let computed = crc32(bytes);
            if computed != entry.crc32 {
                return Err(Error::new(Kind::Corrupt, entry.place(user, start))
                    .expected(format!("{} bytes of CRC-32 {:08x}", entry.size, entry.crc32))
                    .found(format!("{computed:08x}"))
                    .remedy(DAMAGED));
            }
            entry.checked = true;
        }
        Ok(())
    }

    /// An entry's bytes as they stand in the file, and where they begin.
    fn packed(&self, index: usize, user: &str) -> Result<(&'a [u8], usize)> {
        let entry = &self.entries[index];
        let place = |at: usize| entry.place(user, at);
        if entry.encrypted {
            return Err(Error::new(Kind::UnsupportedFormat, place(entry.header))
                .expected("an entry that everybody can read")
                .found("an encrypted one")
                .remedy("Pack the archive again without a password."));
        }
        let header = self.file.get(entry.header..).filter(|header| header.len() >= LOCAL_BYTES);
        let Some(header) = header.filter(|header| header.starts_with(LOCAL_SIGNATURE)) else {
            return Err(bad(place(entry.header)).expected("the entry's header"));
        };
        let name_end = LOCAL_BYTES + usize::from(u16_at(header, 26));
        if header.get(LOCAL_BYTES..name_end) != Some(entry.name.as_bytes()) {
            return Err(bad(place(entry.header)).expected("the entry's name as in the directory"));
        }
        let start = entry.header + name_end + usize::from(u16_at(header, 28));
        let size = if entry.method == STORED { entry.size } else { entry.packed };
        let Some(bytes) = self.file.get(start..).and_then(|rest| rest.get(..size)) else {
            return Err(Error::new(Kind::Truncated, place(start))
                .expected(format!("{size} bytes"))
                .found(format!("a file of {} bytes", self.file.len()))
                .remedy(INCOMPLETE));
        };
        Ok((bytes, start))
    }
}

impl Entry<'_> {
    fn place(&self, user: &str, at: usize) -> String {
        format!("{user} in `{}` at byte {at}", self.name)
    }
}

/// The archive's directory, sorted by name.
fn entries(file: &[u8]) -> Result<Vec<Entry<'_>>> {
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
            packed: u32_at(header, 20) as usize,
            size: u32_at(header, 24) as usize,
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
