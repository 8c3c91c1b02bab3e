//! The safetensors format: eight bytes of header length, a JSON header, then the tensors without gaps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::json::{Json, push_string};
use super::quantization::{Stored, stored};
use super::tensor::{MAX_RANK, dense_strides, place, product};
use super::{Contents, DAMAGED, Dtype, MAX_TENSORS, Tensor, metadata};
use crate::error::{Error, Kind, Result};
use crate::model::Spec;
use crate::small::{crc32, sort};

/// The header's length comes first.
const LENGTH_BYTES: usize = 8;

/// Torchvision's V2 has a header of 27 kB; checksums and the names of ImageNet's 21,843 classes fit as well.
pub(super) const MAX_HEADER_BYTES: usize = 1 << 20;

/// Keys of free text; published files have a handful.
const MAX_METADATA_KEYS: usize = 256;

/// Where tensors begin is a multiple of this.
const ALIGN_BYTES: usize = 8;

pub(super) fn read(file: &[u8]) -> Result<Contents<'_>> {
    let header = header(file)?;
    let data = LENGTH_BYTES + header.len();
    let mut metadata = BTreeMap::new();
    let mut tensors = Vec::new();
    let mut json = Json::new(header, "safetensors header", LENGTH_BYTES);
    json.object(&mut |json, key| {
        if key == "__metadata__" {
            return json.object(&mut |json, key| {
                let value = json.string()?.into_owned();
                if metadata.insert(key.into_owned(), value).is_some() || metadata.len() > MAX_METADATA_KEYS {
                    return Err(bad_header("safetensors metadata")
                        .expected(format!("each key once, at most {MAX_METADATA_KEYS} of them")));
                }
                Ok(())
            });
        }
        if tensors.len() == MAX_TENSORS {
            return Err(bad_header(format!("tensor `{key}`")).expected(format!("at most {MAX_TENSORS} tensors")));
        }
        tensors.push(tensor(json, key, file, data)?);
        Ok(())
    })?;
    json.end()?;
    without_gaps(&mut tensors, data, file.len())?;
    Ok((metadata, tensors))
}

#[inline(never)]
fn bad_header(place: impl Into<String>) -> Error {
    Error::new(Kind::BadHeader, place).remedy(DAMAGED)
}

/// Where in the file each tensor's bytes are, in order, by a header that may be wrong.
pub(super) fn places(header: &str) -> Result<Vec<Range<usize>>> {
    let data = LENGTH_BYTES + header.len();
    let mut places = Vec::new();
    Json::new(header, "safetensors header", LENGTH_BYTES).object(&mut |json, _| {
        json.object(&mut |json, key| {
            if key != "data_offsets" {
                return if json.begins(b'[') {
                    json.array(&mut |json| json.integer().map(drop))
                } else {
                    json.string().map(drop)
                };
            }
            let mut pair = Vec::new();
            json.array(&mut |json| {
                pair.push(data.saturating_add(json.integer()?));
                Ok(())
            })?;
            if let [begin, end] = pair[..] {
                places.push(begin..end);
            }
            Ok(())
        })
    })?;
    sort(&mut places, &|a, b| (a.start, a.end) < (b.start, b.end));
    Ok(places)
}

/// The header of a file that may go on.
pub(super) fn header(file: &[u8]) -> Result<&str> {
    let (length, rest) = file.split_first_chunk().ok_or_else(|| bad_header("safetensors header"))?;
    let stated = u64::from_le_bytes(*length);
    let Some(length) = usize::try_from(stated).ok().filter(|&length| length <= MAX_HEADER_BYTES) else {
        return Err(bad_header("safetensors header length, byte 0")
            .expected(format!("at most {MAX_HEADER_BYTES} bytes"))
            .found(format!("{stated} bytes")));
    };
    let bytes = rest.get(..length).ok_or_else(|| {
        Error::new(Kind::Truncated, "safetensors header, byte 8")
            .expected(format!("{length} bytes of header"))
            .found(format!("{} bytes", rest.len()))
            .remedy("Download the file again: its end is missing.")
    })?;
    std::str::from_utf8(bytes).map_err(|error| {
        bad_header(format!("safetensors header, byte {}", LENGTH_BYTES + error.valid_up_to())).expected("UTF-8 text")
    })
}

/// `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`.
fn tensor<'a>(json: &mut Json<'a>, name: Cow<'a, str>, file: &'a [u8], data: usize) -> Result<Tensor<'a>> {
    let (mut dtype, mut shape, mut offsets) = (None, None, None);
    json.object(&mut |json, key| {
        match &*key {
            "dtype" => {
                let text = json.string()?;
                let known = Dtype::from_name(&text).ok_or_else(|| {
                    Error::new(Kind::WrongDtype, format!("tensor `{name}`"))
                        .expected("F32, F16, BF16, F64 or an integer type")
                        .found(format!("`{text}`"))
                        .remedy("Convert the weights to F32 or F16.")
                })?;
                dtype = Some(known);
            }
            "shape" => {
                let mut dims = Vec::new();
                json.array(&mut |json| {
                    dims.push(json.integer()?);
                    if dims.len() > MAX_RANK {
                        return Err(bad_header(format!("tensor `{name}`"))
                            .expected(format!("at most {MAX_RANK} axes"))
                            .found("more"));
                    }
                    Ok(())
                })?;
                dims.shrink_to_fit();
                shape = Some(dims);
            }
            "data_offsets" => {
                let mut pair = [0; 2];
                let mut count = 0;
                json.array(&mut |json| {
                    let offset = json.integer()?;
                    if let Some(place) = pair.get_mut(count) {
                        *place = offset;
                    }
                    count += 1;
                    Ok(())
                })?;
                offsets = (count == 2).then_some(pair);
            }
            other => return Err(bad_header(format!("tensor `{name}`")).found(format!("unknown field `{other}`"))),
        }
        Ok(())
    })?;
    let (Some(dtype), Some(shape), Some([begin, end])) = (dtype, shape, offsets) else {
        return Err(bad_header(format!("tensor `{name}`"))
            .expected("dtype, shape and data_offsets [begin, end]")
            .found("an entry without one of them"));
    };
    let refuse = |found: String| {
        Err(bad_header(place(&name, data.saturating_add(begin)))
            .expected("offsets that hold the shape's elements")
            .found(found))
    };
    let dense = dense_strides(&shape)
        .filter(|_| begin <= end)
        .filter(|_| product(dtype.size_bytes(), &shape) == Some(end - begin));
    let Some(strides) = dense else {
        return refuse(format!("shape {shape:?} of {} at offsets {begin} to {end}", dtype.name()));
    };
    let Some(bytes) = file.get(data..).and_then(|data| data.get(begin..end)) else {
        return Err(Error::new(Kind::Truncated, place(&name, data.saturating_add(begin)))
            .expected(format!("data up to byte {}", data.saturating_add(end)))
            .found(format!("a file of {} bytes", file.len()))
            .remedy("Download the file again: its end is missing."));
    };
    Tensor::view(name, dtype, (shape, strides), 0, (bytes, data + begin))
}

/// The format allows neither overlaps nor unused bytes: a file could hide something else in them.
fn without_gaps(tensors: &mut [Tensor<'_>], data: usize, end: usize) -> Result<()> {
    sort(tensors, &|a, b| (a.offset_bytes, a.bytes.len()) < (b.offset_bytes, b.bytes.len()));
    let mut reached = data;
    let mut before = None::<&Tensor<'_>>;
    for tensor in tensors.iter() {
        if tensor.offset_bytes != reached {
            let neighbour = before.map_or("the header".into(), |before| format!("`{}`", before.name));
            return Err(bad_header(tensor.place())
                .expected(format!("its data at byte {reached}, right after {neighbour}"))
                .found(if tensor.offset_bytes < reached { "an overlap" } else { "a gap" }));
        }
        reached += tensor.bytes.len();
        before = Some(tensor);
    }
    if reached != end {
        return Err(bad_header(format!("byte {reached}, after the last tensor"))
            .expected("the end of the file")
            .found(format!("{} more bytes", end - reached)));
    }
    Ok(())
}

/// A safetensors file of these tensors whose metadata carries the whole of `spec` and a checksum of every tensor. Integers
/// have what they stand for beside them: see [`Quantization`](super::Quantization).
///
/// The bytes depend on nothing but the arguments; the order of `tensors` does not matter.
#[must_use]
pub fn write_safetensors<'t, 'a: 't>(tensors: impl IntoIterator<Item = &'t Tensor<'a>>, spec: &Spec) -> Vec<u8> {
    write_safetensors_with(tensors, spec, &[])
}

/// The same with the classes' WordNet ids.
#[must_use]
pub fn write_safetensors_with<'t, 'a: 't>(
    tensors: impl IntoIterator<Item = &'t Tensor<'a>>,
    spec: &Spec,
    wnids: &[String],
) -> Vec<u8> {
    written(tensors.into_iter().flat_map(stored).collect(), &|checksums| metadata::write(spec, wnids, checksums))
}

/// A safetensors file of these tensors and this metadata, with a checksum of every tensor.
#[cfg(feature = "training")]
pub(crate) fn write_tensors(tensors: &[Tensor<'_>], keys: &BTreeMap<String, String>) -> Vec<u8> {
    written(tensors.iter().flat_map(stored).collect(), &|checksums| {
        let mut keys = keys.clone();
        keys.insert(format!("{}{}", metadata::PREFIX, metadata::CRC32), checksums);
        keys
    })
}

/// The file; `metadata` gets the tensors' checksums.
fn written(mut tensors: Vec<Stored<'_>>, metadata: &dyn Fn(String) -> BTreeMap<String, String>) -> Vec<u8> {
    // Wide elements first keeps every tensor aligned to its elements.
    let size = |tensor: &Stored<'_>| tensor.dtype.size_bytes();
    sort(&mut tensors, &|a, b| (size(b), &a.name) < (size(a), &b.name));

    let crcs = tensors.iter().map(|tensor| (&*tensor.name, crc32(&tensor.bytes)));
    let mut header = String::from("{\"__metadata__\":{");
    for (index, (key, value)) in metadata(metadata::checksums(crcs)).iter().enumerate() {
        header.push_str(if index == 0 { "" } else { "," });
        push_string(&mut header, key);
        header.push(':');
        push_string(&mut header, value);
    }
    header.push('}');
    let mut offset = 0;
    for tensor in &tensors {
        header.push(',');
        push_string(&mut header, &tensor.name);
        let end = offset + tensor.bytes.len();
        let (dtype, shape) = (tensor.dtype.name(), &tensor.shape);
        header.push_str(&format!(":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{offset},{end}]}}"));
        offset = end;
    }
    header.push('}');
    let padded = header.len().next_multiple_of(ALIGN_BYTES);

    let mut file = Vec::with_capacity(LENGTH_BYTES + padded + offset);
    file.extend_from_slice(&(padded as u64).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    file.resize(LENGTH_BYTES + padded, b' ');
    for tensor in tensors {
        file.extend_from_slice(&tensor.bytes);
    }
    file
}
