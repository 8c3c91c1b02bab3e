//! Checkpoints since TensorFlow 0.12, and the variables of a SavedModel: an index, which is a table of names, and the
//! files of raw elements that it points into.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::parts::{MAX_PARTS, Part, Wanted, all};
use super::super::proto::{Field, Message};
use super::super::{Contents, DAMAGED, Dtype, MAX_TENSORS, Tensor};
use super::checksum::{crc32c, unmasked};
use super::dtype::{STRING, dtype, shape};
use super::table;
use crate::error::{Error, Kind, Result};

const WHAT: &str = "checkpoint index";

/// The value of this key is what Keras's layers call their variables.
const OBJECT_GRAPH: &[u8] = b"_CHECKPOINTABLE_OBJECT_GRAPH";

/// Where a tensor's elements are.
struct Entry {
    name: String,
    dtype: usize,
    shape: Option<Vec<usize>>,
    shard: usize,
    begin: usize,
    length: usize,
    crc32c: Option<u32>,
    /// Whether its elements are under other keys, cut into slices.
    sliced: bool,
    at: usize,
}

struct Index {
    shards: usize,
    entries: Vec<Entry>,
}

/// Whether these bytes are those of an index.
pub(in super::super) fn is_index(file: &[u8]) -> bool {
    file.ends_with(&table::MAGIC)
}

fn index(file: &[u8]) -> Result<Index> {
    let (mut shards, mut entries) = (None, Vec::new());
    table::read(file, &mut |key, value, at| {
        let message = Message::new(&value, at, WHAT);
        if key.is_empty() {
            shards = Some(header(message)?);
            return Ok(());
        }
        if entries.len() == MAX_TENSORS {
            return Err(message.bad(&format!("at most {MAX_TENSORS} tensors")));
        }
        let name = std::str::from_utf8(key).unwrap_or_default();
        // Slices have keys that are no text; whoever needs them misses the tensor by its name.
        if !name.is_empty() && !name.contains('\0') {
            entries.push(entry(name, message, at)?);
        }
        Ok(())
    })?;
    let shards = shards.ok_or_else(|| Message::new(&[], 0, WHAT).bad("a header under the empty key"))?;
    Ok(Index { shards, entries })
}

/// How many files the elements are in.
fn header(mut message: Message<'_>) -> Result<usize> {
    let (whole, mut shards) = (message, 1);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, Field::Bytes(_)) => {
                return Err(Error::new(Kind::UnsupportedFormat, "checkpoint index, its header")
                    .expected("a checkpoint of version 2")
                    .found("one of version 1, as TensorFlow wrote before 1.0")
                    .remedy("Load and save it with `tf.compat.v1.train.Saver(write_version=V2)`."));
            }
            (1, _) => shards = field.count().unwrap_or(0),
            (2, Field::Varint(1)) => {
                return Err(whole.bad("little-endian elements").remedy("Save it on a little-endian machine."));
            }
            _ => {}
        }
    }
    match shards {
        1..=MAX_PARTS => Ok(shards),
        _ => Err(whole.bad(&format!("1 to {MAX_PARTS} data files")).found(shards.to_string())),
    }
}

fn entry(name: &str, mut message: Message<'_>, at: usize) -> Result<Entry> {
    let whole = message;
    let mut entry = Entry {
        name: name.to_owned(),
        dtype: 0,
        shape: Some(Vec::new()),
        shard: 0,
        begin: 0,
        length: 0,
        crc32c: None,
        sliced: false,
        at,
    };
    while let Some((number, field)) = message.next()? {
        let count = || field.count().ok_or_else(|| whole.bad("a count that fits in memory"));
        match number {
            1 => entry.dtype = count()?,
            2 => entry.shape = field.message().map_or(Ok(None), shape)?,
            3 => entry.shard = count()?,
            4 => entry.begin = count()?,
            5 => entry.length = count()?,
            6 => entry.crc32c = if let Field::Fixed32(stored) = field { Some(unmasked(stored)) } else { None },
            7 => entry.sliced = true,
            _ => {}
        }
    }
    Ok(entry)
}

/// What precedes `.index`.
fn stem<'n>(main: &Part<'n>) -> &'n str {
    let base = main.name.rsplit('/').next().unwrap_or(main.name);
    base.strip_suffix(".index").unwrap_or(base)
}

fn paths(main: &Part<'_>, shards: usize) -> Vec<String> {
    (0..shards).map(|shard| format!("{}.data-{shard:05}-of-{shards:05}", stem(main))).collect()
}

/// The data files.
pub(in super::super) fn wanted(main: &Part<'_>) -> Result<Wanted> {
    Ok(Wanted { needed: paths(main, index(main.bytes)?.shards), optional: Vec::new() })
}

pub(in super::super) fn read<'a>(main: &Part<'a>, others: &[Part<'a>]) -> Result<Contents<'a>> {
    let index = index(main.bytes)?;
    let paths = paths(main, index.shards);
    let paths: Vec<&str> = paths.iter().map(|path| &**path).collect();
    let parts = all(main, others, &paths)?;
    let mut graph = None;
    let mut tensors = Vec::new();
    for entry in index.entries {
        if entry.name.as_bytes() == OBJECT_GRAPH && entry.dtype == STRING {
            graph = Some(elements(&entry, &parts)?);
            continue;
        }
        if entry.name.contains("/.OPTIMIZER_SLOT/") || entry.name.starts_with("save_counter/") {
            continue;
        }
        // Texts and the like: bookkeeping.
        let (Some(dtype), Some(shape), false) = (dtype(entry.dtype), &entry.shape, entry.sliced) else { continue };
        let (bytes, at) = elements(&entry, &parts)?;
        check(&entry, bytes, at)?;
        tensors.push(tensor(&entry, dtype, shape, (bytes, at))?);
    }
    if let Some((bytes, at)) = graph {
        rename(&mut tensors, bytes, at)?;
    }
    Ok((BTreeMap::new(), tensors))
}

/// The entry's bytes, and where in their file they begin.
fn elements<'a>(entry: &Entry, parts: &[Part<'a>]) -> Result<(&'a [u8], usize)> {
    let Some(part) = parts.get(entry.shard) else {
        return Err(Error::new(
            Kind::BadHeader,
            format!("tensor `{}`, checkpoint index byte {}", entry.name, entry.at),
        )
        .expected(format!("one of {} data files", parts.len()))
        .found(format!("file {}", entry.shard))
        .remedy(DAMAGED));
    };
    let end = entry.begin.checked_add(entry.length);
    let bytes = end.and_then(|end| part.bytes.get(entry.begin..end)).ok_or_else(|| {
        Error::new(Kind::Truncated, format!("tensor `{}` at byte {} of `{}`", entry.name, entry.begin, part.name))
            .expected(format!("{} bytes", entry.length))
            .found(format!("a file of {} bytes", part.bytes.len()))
            .remedy("Download the data file again: its end is missing, or it belongs to another index.")
    })?;
    Ok((bytes, entry.begin))
}

fn check(entry: &Entry, bytes: &[u8], at: usize) -> Result<()> {
    let Some(stated) = entry.crc32c else { return Ok(()) };
    let computed = crc32c(bytes);
    if stated == computed {
        return Ok(());
    }
    Err(Error::new(Kind::Corrupt, format!("tensor `{}` at byte {at} of its data file", entry.name))
        .expected(format!("{} bytes of CRC-32C {stated:08x}", bytes.len()))
        .found(format!("{computed:08x}"))
        .remedy(DAMAGED))
}

fn tensor<'a>(entry: &Entry, dtype: Dtype, shape: &[usize], bytes: (&'a [u8], usize)) -> Result<Tensor<'a>> {
    Tensor::decoded(Cow::Owned(entry.name.clone()), dtype, shape.to_vec(), (Cow::Borrowed(bytes.0), bytes.1))
}

/// Gives variables the names that their layers gave them: object-based checkpoints have keys such as
/// `layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE`.
fn rename(tensors: &mut [Tensor<'_>], text: &[u8], at: usize) -> Result<()> {
    // One text: its length, a checksum of that, the text.
    let mut message = Message::new(text, at, "checkpoint's object graph");
    let length = usize::try_from(message.varint()?).unwrap_or(usize::MAX);
    let (rest, at) = message.rest();
    let graph = rest.get(4..).filter(|graph| graph.len() == length);
    let Some(graph) = graph else { return Err(message.bad("a text of the stated length")) };
    let mut graph = Message::new(graph, at + 4, "checkpoint's object graph");
    let mut names = BTreeMap::new();
    while let Some((number, field)) = graph.next()? {
        let Some(mut node) = field.message().filter(|_| number == 1) else { continue };
        while let Some((number, field)) = node.next()? {
            let Some(mut attribute) = field.message().filter(|_| number == 2) else { continue };
            let (mut full, mut key) = ("", "");
            while let Some((number, field)) = attribute.next()? {
                match number {
                    2 => full = field.text().unwrap_or_default(),
                    3 => key = field.text().unwrap_or_default(),
                    _ => {}
                }
            }
            if !full.is_empty() && names.len() < MAX_TENSORS {
                names.insert(key, full);
            }
        }
    }
    // Names that several variables share tell nothing.
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    for tensor in &*tensors {
        if let Some(full) = names.get(&*tensor.name) {
            *given.entry(full).or_default() += 1;
        }
    }
    for tensor in tensors {
        if let Some(full) = names.get(&*tensor.name).filter(|full| given[**full] == 1) {
            tensor.name = Cow::Owned((*full).to_owned());
        }
    }
    Ok(())
}
