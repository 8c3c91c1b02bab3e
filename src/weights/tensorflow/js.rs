//! TensorFlow.js: `model.json` lists the tensors of each group of shards, whose bytes follow one another.
//!
//! The shards' own lengths are all that says where one ends and the next begins; a tensor may lie in two of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::json::Json;
use super::super::keras::add_biases;
use super::super::parts::{MAX_PARTS, Part, Wanted, all, check_path};
use super::super::tensor::{MAX_RANK, product};
use super::super::{Contents, DAMAGED, Dtype, MAX_TENSORS, Tensor};
use super::graph;
use super::topology::Topology;
use crate::error::{Error, Kind, Result};

/// A key that every `model.json` has, and no other file of weights.
const MANIFEST: &[u8] = b"\"weightsManifest\"";

/// What Teachable Machine lays beside a model.
const METADATA: &str = "metadata.json";

/// Shards whose bytes belong together, and what is in them.
#[derive(Default)]
struct Group<'a> {
    paths: Vec<Cow<'a, str>>,
    weights: Vec<Weight<'a>>,
}

/// A tensor of the manifest.
struct Weight<'a> {
    name: Cow<'a, str>,
    shape: Vec<usize>,
    dtype: Cow<'a, str>,
    stored: Option<Stored<'a>>,
    /// Of its entry in the manifest.
    at: usize,
}

/// How a tensor is kept where that is in fewer bits.
struct Stored<'a> {
    dtype: Cow<'a, str>,
    scale: f64,
    min: f64,
}

/// What a model.json says.
struct Model<'a> {
    groups: Vec<Group<'a>>,
    topology: Topology<'a>,
}

fn bad(place: impl Into<String>) -> Error {
    Error::new(Kind::BadHeader, place).remedy(DAMAGED)
}

fn text<'a>(part: &Part<'a>) -> Result<&'a str> {
    std::str::from_utf8(part.bytes)
        .map_err(|error| bad(format!("{}, byte {}", part.name, error.valid_up_to())).expected("UTF-8 text"))
        .map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn model<'a>(main: &Part<'a>) -> Result<Model<'a>> {
    let text = text(main)?;
    let mut json = Json::new(text, "model.json", main.bytes.len() - text.len());
    let (mut groups, mut topology, mut parts, mut tensors) = (None, Topology::default(), 0, 0);
    json.object(&mut |json, key| match &*key {
        "modelTopology" => topology.read(json),
        "weightsManifest" => {
            let mut list = Vec::new();
            json.array(&mut |json| {
                let group = group(json, &mut parts, &mut tensors)?;
                list.push(group);
                Ok(())
            })?;
            groups = Some(list);
            Ok(())
        }
        _ => json.skip(),
    })?;
    json.end()?;
    let groups = groups.ok_or_else(|| bad("model.json, byte 0").expected("a `weightsManifest`"))?;
    Ok(Model { groups, topology })
}

fn group<'a>(json: &mut Json<'a>, parts: &mut usize, tensors: &mut usize) -> Result<Group<'a>> {
    let mut group = Group::default();
    json.object(&mut |json, key| match &*key {
        "paths" => json.array(&mut |json| {
            let at = json.position();
            let path = json.string()?;
            check_path(&path, &|| format!("model.json, weightsManifest path at byte {at}"))?;
            *parts += 1;
            if *parts > MAX_PARTS {
                return Err(bad(format!("model.json, byte {at}")).expected(format!("at most {MAX_PARTS} shards")));
            }
            group.paths.push(path);
            Ok(())
        }),
        "weights" => json.array(&mut |json| {
            *tensors += 1;
            if *tensors > MAX_TENSORS {
                let at = json.position();
                return Err(bad(format!("model.json, byte {at}")).expected(format!("at most {MAX_TENSORS} tensors")));
            }
            group.weights.push(weight(json)?);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(group)
}

/// `{"name": …, "shape": […], "dtype": …, "quantization": {"dtype": …, "scale": …, "min": …}}`.
fn weight<'a>(json: &mut Json<'a>) -> Result<Weight<'a>> {
    let at = json.position();
    let (mut name, mut shape, mut dtype, mut stored) = (None, None, None, None);
    json.object(&mut |json, key| {
        match &*key {
            "name" => name = Some(json.string()?),
            "dtype" => dtype = Some(json.string()?),
            "shape" => {
                let mut dims = Vec::new();
                json.array(&mut |json| {
                    dims.push(json.integer()?);
                    if dims.len() > MAX_RANK {
                        let at = json.position();
                        let error = bad(format!("model.json, byte {at}")).expected(format!("at most {MAX_RANK} axes"));
                        return Err(error);
                    }
                    Ok(())
                })?;
                shape = Some(dims);
            }
            "quantization" => {
                let mut quantised = Stored { dtype: Cow::Borrowed(""), scale: 1.0, min: 0.0 };
                json.object(&mut |json, key| {
                    match &*key {
                        "dtype" => quantised.dtype = json.string()?,
                        "scale" => quantised.scale = json.number()?,
                        "min" => quantised.min = json.number()?,
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                stored = Some(quantised);
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let (Some(name), Some(shape), Some(dtype)) = (name, shape, dtype) else {
        return Err(bad(format!("model.json, byte {at}")).expected("a tensor's name, shape and dtype"));
    };
    Ok(Weight { name, shape, dtype, stored, at })
}

/// Whether these bytes are those of a `model.json`: a JSON object with a manifest somewhere.
pub(in super::super) fn is_model(file: &[u8]) -> bool {
    let start = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    // A safetensors file may begin with the same byte, and then has zeros in the length of its header.
    start.first() == Some(&b'{')
        && !start.iter().take(8).any(|&byte| byte == 0)
        && start.windows(MANIFEST.len()).any(|window| window == MANIFEST)
}

/// The shards, and Teachable Machine's file where the model may be its.
pub(in super::super) fn wanted(main: &Part<'_>) -> Result<Wanted> {
    let model = model(main)?;
    let mut wanted = Wanted::default();
    for path in model.groups.iter().flat_map(|group| &group.paths) {
        if !wanted.needed.iter().any(|known| **known == **path) {
            wanted.needed.push(path.clone().into_owned());
        }
    }
    if model.topology.is_from_browser() {
        wanted.optional.push(METADATA.into());
    }
    Ok(wanted)
}

pub(in super::super) fn read<'a>(main: &Part<'a>, others: &[Part<'a>]) -> Result<Contents<'a>> {
    let model = model(main)?;
    let paths: Vec<&str> = model.groups.iter().flat_map(|group| group.paths.iter().map(|path| &**path)).collect();
    let parts = all(main, others, &paths)?;
    let mut tensors = Vec::new();
    let mut first = 0;
    for group in &model.groups {
        let shards = &parts[first..first + group.paths.len()];
        first += group.paths.len();
        read_group(group, shards, &mut tensors)?;
    }
    let mut metadata = model.topology.metadata();
    if let Some(part) = others.iter().find(|part| part.name == METADATA) {
        metadata.extend(teachable(part)?);
    }
    if model.topology.nodes.is_empty() {
        add_biases(&mut tensors)?;
    } else {
        tensors = graph::tensors(&model.topology.nodes, tensors)?;
    }
    Ok((metadata, tensors))
}

fn read_group<'a>(group: &Group<'a>, shards: &[Part<'a>], tensors: &mut Vec<Tensor<'a>>) -> Result<()> {
    let held: usize = shards.iter().map(|shard| shard.bytes.len()).sum();
    let mut begin = 0_usize;
    for weight in &group.weights {
        let dtype = kept(weight)?;
        let length = product(dtype.size_bytes(), &weight.shape);
        let end = length.and_then(|length| begin.checked_add(length));
        let Some(end) = end.filter(|&end| end <= held) else {
            let (kind, remedy) = (Kind::Truncated, "One of the shards is cut off or of another model.");
            return Err(Error::new(kind, format!("tensor `{}` at byte {begin} of {}", weight.name, named(shards)))
                .expected(format!("{:?} elements of {}", weight.shape, dtype.name()))
                .found(format!("{held} bytes in all"))
                .remedy(remedy));
        };
        tensors.push(tensor(weight, dtype, range(shards, begin, end))?);
        begin = end;
    }
    if begin != held {
        return Err(bad(format!("byte {begin} of {}", named(shards)))
            .expected("the end of the last tensor's shard")
            .found(format!("{} more bytes", held - begin))
            .remedy("One of the shards is of another model, or the model.json is."));
    }
    Ok(())
}

/// "`a.bin`", or "`a.bin` to `z.bin`".
fn named(shards: &[Part<'_>]) -> String {
    match shards {
        [] => "no shard".into(),
        [only] => format!("`{}`", only.name),
        [first, .., last] => format!("`{}` to `{}`", first.name, last.name),
    }
}

/// Bytes of a group, and where in their shard they begin; copied only where they lie in several.
fn range<'a>(shards: &[Part<'a>], begin: usize, end: usize) -> (Cow<'a, [u8]>, usize) {
    let mut start = 0;
    let mut found: (Cow<'a, [u8]>, usize) = (Cow::Borrowed(&[]), 0);
    for shard in shards {
        let stop = start + shard.bytes.len();
        if begin < stop && start < end {
            let bytes = &shard.bytes[begin.max(start) - start..end.min(stop) - start];
            if found.0.is_empty() {
                found = (Cow::Borrowed(bytes), begin.max(start) - start);
            } else {
                let all = found.0.to_mut();
                all.reserve_exact(end - begin - all.len());
                all.extend_from_slice(bytes);
            }
        }
        start = stop;
    }
    found
}

/// The type of the elements in the shards.
fn kept(weight: &Weight<'_>) -> Result<Dtype> {
    let name = weight.stored.as_ref().map_or(&weight.dtype, |stored| &stored.dtype);
    Ok(match &**name {
        "float32" => Dtype::F32,
        "float16" => Dtype::F16,
        "int32" => Dtype::I32,
        "bool" => Dtype::Bool,
        "uint8" => Dtype::U8,
        // As wide, and turned into numbers right away.
        "uint16" if weight.stored.is_some() => Dtype::I16,
        other => {
            return Err(Error::new(
                Kind::WrongDtype,
                format!("tensor `{}`, model.json byte {}", weight.name, weight.at),
            )
            .expected("float32, int32, bool, or quantised float16, uint8 or uint16")
            .found(format!("`{other}`"))
            .remedy("Convert the model again with float weights."));
        }
    })
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to singles is what TensorFlow.js does as well")]
fn tensor<'a>(weight: &Weight<'a>, dtype: Dtype, (bytes, at): (Cow<'a, [u8]>, usize)) -> Result<Tensor<'a>> {
    let (name, shape) = (weight.name.clone(), weight.shape.clone());
    let Some(stored) = weight.stored.as_ref().filter(|_| dtype != Dtype::F16) else {
        return Tensor::decoded(name, dtype, shape, (bytes, at));
    };
    let number = |level: f64| level * stored.scale + stored.min;
    let float = |level: f64| (number(level) as f32).to_le_bytes();
    let whole = |level: f64| (number(level).round() as i32).to_le_bytes();
    let levels = |to: &dyn Fn(f64) -> [u8; 4]| -> Vec<u8> {
        match dtype {
            Dtype::I16 => bytes.as_chunks().0.iter().flat_map(|&b| to(u16::from_le_bytes(b).into())).collect(),
            _ => bytes.iter().flat_map(|&b| to(b.into())).collect(),
        }
    };
    let (dtype, bytes) =
        if weight.dtype == "int32" { (Dtype::I32, levels(&whole)) } else { (Dtype::F32, levels(&float)) };
    Tensor::decoded(name, dtype, shape, (Cow::Owned(bytes), at))
}

/// Labels and input size out of Teachable Machine's metadata.json, whose networks all see value / 127 − 1.
fn teachable(part: &Part<'_>) -> Result<BTreeMap<String, String>> {
    let text = text(part)?;
    let mut json = Json::new(text, "metadata.json", part.bytes.len() - text.len());
    let (mut metadata, mut ours) = (BTreeMap::new(), false);
    let mut put = |key: &str, value: String| metadata.insert(format!("mobilenet.{key}"), value);
    json.object(&mut |json, key| {
        match &*key {
            "labels" if json.begins(b'[') => {
                let mut labels = String::new();
                json.array(&mut |json| {
                    let label = json.string()?;
                    labels.push_str(if labels.is_empty() { "" } else { "\n" });
                    labels.push_str(&label.replace(['\n', '\r'], " "));
                    Ok(())
                })?;
                put("labels", labels);
            }
            "imageSize" if !json.begins(b'n') => drop(put("resolution", json.integer()?.to_string())),
            "tmVersion" | "packageName" => {
                ours = true;
                json.skip()?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    json.end()?;
    if ours {
        put("preprocessing", "teachable-machine".into());
    }
    Ok(metadata)
}
