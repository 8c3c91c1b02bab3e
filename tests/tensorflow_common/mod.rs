//! Writers of TensorFlow's formats, from a list of tensors: files of any framework can be tried in any of them.
#![allow(dead_code, reason = "each test binary uses another part")]

pub mod graphs;

use crate::protobuf::{bytes, number, varint};
use mobilenet_web::weights::{self, Part};
use mobilenet_web::{Net, Options, Result};
use serde_json::{Value, json};

/// A tensor of singles.
#[derive(Clone)]
pub struct Values {
    pub name: String,
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Values {
    pub fn bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

/// Every tensor of a safetensors file.
pub fn values(safetensors: &[u8]) -> Vec<Values> {
    let file = safetensors::SafeTensors::deserialize(safetensors).expect("safetensors");
    let data = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let tensors = file.tensors();
    tensors
        .iter()
        .map(|(name, view)| Values { name: name.clone(), shape: view.shape().into(), data: data(view.data()) })
        .collect()
}

/// Files by name, the main one first.
pub type Files = Vec<(String, Vec<u8>)>;

pub fn parts(files: &Files) -> Vec<Part<'_>> {
    files.iter().map(|(name, bytes)| Part { name, bytes }).collect()
}

/// The network of a model of several files.
pub fn net(files: &Files, options: &Options) -> Result<Net> {
    Net::from_file(weights::read_parts(&parts(files))?, options)
}

/// How TensorFlow.js shards keep the tensors.
#[derive(Clone, Copy, PartialEq)]
pub enum Kept {
    Float32,
    Float16,
    /// Levels from the least to the greatest value of each tensor.
    Uint8,
    Uint16,
}

/// The entry of the manifest and the bytes of one tensor.
fn entry(tensor: &Values, kept: Kept) -> (Value, Vec<u8>) {
    let mut entry = json!({ "name": tensor.name, "shape": tensor.shape, "dtype": "float32" });
    let (least, greatest) =
        tensor.data.iter().fold((f32::MAX, f32::MIN), |(a, b), &value| (a.min(value), b.max(value)));
    let mut levels = |dtype: &str, most: f64| -> Vec<f64> {
        let (min, range) = (f64::from(least), f64::from(greatest) - f64::from(least));
        let scale = if range == 0.0 { 1.0 } else { range / most };
        entry["quantization"] = json!({ "dtype": dtype, "scale": scale, "min": min, "original_dtype": "float32" });
        tensor.data.iter().map(|&value| ((f64::from(value) - min) / scale).round()).collect()
    };
    let bytes = match kept {
        Kept::Float32 => tensor.bytes(),
        Kept::Float16 => {
            entry["quantization"] = json!({ "dtype": "float16", "original_dtype": "float32" });
            tensor.data.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
        }
        Kept::Uint8 => levels("uint8", 255.0).into_iter().map(|level| level as u8).collect(),
        Kept::Uint16 => levels("uint16", 65535.0).into_iter().flat_map(|level| (level as u16).to_le_bytes()).collect(),
    };
    (entry, bytes)
}

/// `model.json` and shards of so many bytes.
pub fn tfjs(tensors: &[Values], topology: &Value, kept: Kept, shard_bytes: usize) -> Files {
    let (entries, bytes): (Vec<Value>, Vec<Vec<u8>>) = tensors.iter().map(|tensor| entry(tensor, kept)).unzip();
    let bytes = bytes.concat();
    let count = bytes.len().div_ceil(shard_bytes);
    let name = |index: usize| format!("group1-shard{}of{count}.bin", index + 1);
    let paths: Vec<String> = (0..count).map(name).collect();
    let format = if topology.get("node").is_some() { "graph-model" } else { "layers-model" };
    let model = json!({
        "format": format, "generatedBy": "keras v2.15.0", "convertedBy": "TensorFlow.js Converter v4.22.0",
        "modelTopology": topology, "weightsManifest": [{ "paths": paths, "weights": entries }],
    });
    let shards = bytes.chunks(shard_bytes).enumerate().map(|(index, chunk)| (name(index), chunk.to_vec()));
    [("model.json".to_owned(), model.to_string().into_bytes())].into_iter().chain(shards).collect()
}

/// What Keras writes about a network, as far as anybody reads it: the input, a batch norm, the layers on top as
/// `(name, units, activation, biased)`.
pub fn keras_topology(height: usize, width: usize, epsilon: f32, dense: &[(&str, usize, &str, bool)]) -> Value {
    let mut layers = vec![
        json!({ "class_name": "InputLayer", "name": "input_1", "inbound_nodes": [],
            "config": { "batch_input_shape": [null, height, width, 3], "dtype": "float32", "sparse": false, "name": "input_1" } }),
        json!({ "class_name": "BatchNormalization", "config": { "name": "bn", "axis": [3], "momentum": 0.999, "epsilon": epsilon } }),
        json!({ "class_name": "ReLU", "config": { "name": "relu", "max_value": 6.0, "negative_slope": -0.0 } }),
    ];
    layers.extend(dense.iter().map(|(name, units, activation, biased)| {
        json!({ "config": { "name": name, "units": units, "activation": activation, "use_bias": biased,
            "kernel_initializer": { "class_name": "VarianceScaling", "config": { "scale": 1.0, "seed": null } } },
            "class_name": "Dense" })
    }));
    json!({ "keras_version": "2.15.0", "backend": "tensorflow",
        "model_config": { "class_name": "Functional", "config": { "name": "net", "layers": layers } } })
}

/// A `TensorShapeProto`.
pub fn shape(dims: &[usize]) -> Vec<u8> {
    dims.iter().flat_map(|&dim| bytes(2, &number(1, dim as u64))).collect()
}

/// CRC-32C, bit by bit, in the form in which TensorFlow stores it.
pub fn masked_crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    let crc = !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)));
    crc.rotate_left(17).wrapping_add(0xa282_ead8)
}

/// A block of a table: keys in order, each written as what differs from the one before, whole again every 16.
fn block(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let (mut block, mut restarts, mut last) = (Vec::new(), Vec::new(), &[][..]);
    for (index, (key, value)) in entries.iter().enumerate() {
        let shared = if index % 16 == 0 {
            restarts.extend((block.len() as u32).to_le_bytes());
            0
        } else {
            key.iter().zip(last).take_while(|(a, b)| a == b).count()
        };
        block.extend([shared, key.len() - shared, value.len()].into_iter().flat_map(|n| varint(n as u64)));
        block.extend([&key[shared..], value].concat());
        last = key;
    }
    let count = (restarts.len() / 4) as u32;
    [block, restarts, count.to_le_bytes().to_vec()].concat()
}

/// Snappy's format with nothing packed.
pub fn snappy(bytes: &[u8]) -> Vec<u8> {
    let runs = bytes.chunks(60).flat_map(|run| [&[((run.len() - 1) << 2) as u8][..], run].concat());
    varint(bytes.len() as u64).into_iter().chain(runs).collect()
}

/// A table of these keys and values, so many a block.
pub fn table(entries: &[(Vec<u8>, Vec<u8>)], a_block: usize, packed: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |contents: Vec<u8>, packed: bool| {
        let contents = if packed { snappy(&contents) } else { contents };
        let handle = [varint(file.len() as u64), varint(contents.len() as u64)].concat();
        let whole = [contents, vec![u8::from(packed)]].concat();
        let crc = masked_crc32c(&whole);
        file.extend([&whole[..], &crc.to_le_bytes()].concat());
        handle
    };
    let blocks = entries.chunks(a_block);
    let index: Vec<_> =
        blocks.map(|entries| (entries.last().expect("one").0.clone(), put(block(entries), packed))).collect();
    let meta = put(block(&[]), false);
    let index = put(block(&index), packed);
    let mut footer = [meta, index].concat();
    footer.resize(40, 0);
    file.extend(footer);
    file.extend([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]);
    file
}

/// A `BundleEntryProto` of singles.
pub fn bundle_entry(dims: &[usize], shard: usize, begin: usize, data: &[u8]) -> Vec<u8> {
    let crc = [&varint(6 << 3 | 5)[..], &masked_crc32c(data).to_le_bytes()].concat();
    let numbers = [number(1, 1), bytes(2, &shape(dims)), number(3, shard as u64), number(4, begin as u64)].concat();
    [numbers, number(5, data.len() as u64), crc].concat()
}

/// A checkpoint in so many data files; `object` also gives variables keys of an object graph.
pub fn checkpoint(tensors: &[Values], shards: usize, (packed, object): (bool, bool)) -> Files {
    let name = |shard: usize| format!("net.ckpt.data-{shard:05}-of-{shards:05}");
    let mut data = vec![Vec::new(); shards];
    let header = [number(1, shards as u64), bytes(3, &number(1, 1))].concat();
    let mut entries = vec![(Vec::new(), header)];
    let (mut nodes, mut put) = (Vec::new(), |name: String, entry: Vec<u8>| entries.push((name.into_bytes(), entry)));
    for (index, tensor) in tensors.iter().enumerate() {
        let shard = index % shards;
        let entry = bundle_entry(&tensor.shape, shard, data[shard].len(), &tensor.bytes());
        data[shard].extend(tensor.bytes());
        let end = tensor.name.rsplit('/').next().expect("a name");
        let key = format!("layer_with_weights-{index}/{end}/.ATTRIBUTES/VARIABLE_VALUE");
        if object {
            let attribute = [bytes(1, b"VARIABLE_VALUE"), bytes(2, tensor.name.as_bytes()), bytes(3, key.as_bytes())];
            nodes.extend(bytes(1, &bytes(2, &attribute.concat())));
            put(key, entry);
        } else {
            put(tensor.name.clone(), entry);
        }
    }
    if object {
        let length = varint(nodes.len() as u64);
        let text = [&length[..], &masked_crc32c(&length).to_le_bytes(), &nodes].concat();
        let entry = [number(1, 7), number(4, data[0].len() as u64), number(5, text.len() as u64)].concat();
        data[0].extend(text);
        put("_CHECKPOINTABLE_OBJECT_GRAPH".into(), entry);
    }
    entries.sort();
    let files = data.into_iter().enumerate().map(|(shard, bytes)| (name(shard), bytes));
    [("net.ckpt.index".to_owned(), table(&entries, 40, packed))].into_iter().chain(files).collect()
}
