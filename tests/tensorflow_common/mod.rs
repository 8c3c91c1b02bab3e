//! Writers of TensorFlow's formats, from a list of tensors: files of any framework can be tried in any of them.
#![allow(dead_code, reason = "each test binary uses another part")]

use mobilenet_web::weights::Part;
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
