//! The network in every format, written by the tests' own writers.

use serde_json::json;

use super::net::{self, CLASSES, EPSILON, SIDE};
use crate::graph_files::onnx;
use crate::graph_files::tflite::{self, Fb};
use crate::keras_common::h5;
use crate::protobuf;
use crate::tensorflow_common::graphs::{Treated, graph, graph_def, graph_model};
use crate::tensorflow_common::{Files, Kept, Values, checkpoint, keras_topology, tfjs};
use crate::weights_common::{legacy_file, pickle, safetensors_file, zip_file, zip_pth};

/// Every format's name and the files of a model, the main one first.
pub fn all() -> Vec<(&'static str, Files)> {
    let one = |name: &str, bytes: Vec<u8>| vec![(name.to_owned(), bytes)];
    let (object, storages) = state();
    let zip: Vec<_> = storages.iter().map(|(key, bytes)| (&**key, &**bytes)).collect();
    let legacy: Vec<_> = storages.iter().map(|(key, bytes)| (&**key, bytes.len() as u64 / 4, &**bytes)).collect();
    let mut variables = checkpoint(&net::keras(), 1, (false, true));
    variables.iter_mut().for_each(|file| file.0 = file.0.replace("net.ckpt", "variables"));
    let frozen = graph(&net::keras(), Treated::Frozen, EPSILON, true);
    vec![
        ("safetensors", one("net.safetensors", safetensors())),
        ("torch-zip", one("net.pth", zip_pth(&object, &zip))),
        ("torch-legacy", one("net.pth", legacy_file(&object, &legacy))),
        ("hdf5", one("net.h5", by_layer())),
        ("keras", one("net.keras", archive())),
        ("tflite", one("net.tflite", tflite())),
        ("onnx", one("net.onnx", onnx())),
        ("tfjs-layers", layers_model()),
        ("tfjs-graph", graph_model(&frozen, Kept::Float32)),
        ("graph-def", one("frozen.pb", graph_def(&frozen, true))),
        ("checkpoint", checkpoint(&net::slim(), 2, (true, false))),
        ("saved-model", variables),
    ]
}

fn safetensors() -> Vec<u8> {
    let mut data = Vec::new();
    let names = CLASSES.join("\\n");
    let metadata = format!(
        r#""mobilenet.resolution":"{SIDE}","mobilenet.labels":"{names}","mobilenet.preprocessing":"keras","mobilenet.padding":"same","mobilenet.batch_norm_epsilon":"1e-3""#
    );
    let mut entries = vec![format!("\"__metadata__\":{{{metadata}}}")];
    for Values { name, shape, data: values } in net::torch() {
        let begin = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let end = data.len();
        entries.push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#));
    }
    safetensors_file(&format!("{{{}}}", entries.join(",")), &data)
}

/// A state dictionary as a pickle, and its storages.
fn state() -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let tensors = net::torch();
    let state = pickle::state(tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape)));
    let storages = tensors.iter().enumerate().map(|(index, tensor)| (index.to_string(), tensor.bytes())).collect();
    (pickle::whole(state), storages)
}

fn config() -> String {
    // Every layer by its class and name, since the archive's groups have kinds and numbers alone.
    let layer = |class: &str, name: &str, more: serde_json::Value| {
        let mut config = json!({ "name": name });
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "class_name": class, "config": config })
    };
    let mut layers = vec![layer("InputLayer", "input_1", json!({ "batch_shape": [null, SIDE, SIDE, 3] }))];
    for it in net::layers() {
        let class = match (it.depthwise(), it.dense()) {
            (true, _) => "DepthwiseConv2D",
            (_, true) => "Dense",
            _ => "Conv2D",
        };
        let more = if it.dense() { json!({ "activation": "softmax" }) } else { json!({}) };
        layers.push(layer(class, &it.keras.0, more));
        if !it.dense() {
            layers.push(layer("BatchNormalization", &it.keras.1, json!({ "epsilon": EPSILON })));
        }
    }
    json!({ "class_name": "Functional", "config": { "name": "net", "layers": layers } }).to_string()
}

fn by_layer() -> Vec<u8> {
    let mut root = h5::Group::default();
    let (mut layers, mut names): (Vec<String>, Vec<(String, Vec<String>)>) = (Vec::new(), Vec::new());
    let weights = root.at("model_weights");
    for Values { name, shape, data } in net::keras() {
        let layer = name.split('/').next().expect("a layer").to_owned();
        weights.put(&format!("{layer}/{name}:0"), &shape, &data);
        if layers.last() != Some(&layer) {
            layers.push(layer.clone());
            names.push((layer, Vec::new()));
        }
        names.last_mut().expect("one").1.push(format!("{name}:0"));
    }
    for (layer, names) in names {
        weights.at(&layer).attributes.push(("weight_names", h5::Attribute::Texts(names)));
    }
    weights.attributes.push(("layer_names", h5::Attribute::Texts(layers)));
    root.attributes.push(("model_config", h5::Attribute::Text(config())));
    root.attributes.push(("class_names", h5::Attribute::Texts(CLASSES.map(String::from).into())));
    root.file()
}

fn archive() -> Vec<u8> {
    let mut root = h5::Group::default();
    let mut count = [0; 4];
    let mut group = |kind: usize| {
        let name = ["conv2d", "depthwise_conv2d", "batch_normalization", "dense"][kind];
        count[kind] += 1;
        if count[kind] == 1 { format!("layers/{name}/vars") } else { format!("layers/{name}_{}/vars", count[kind] - 1) }
    };
    for layer in net::layers() {
        let kind = if layer.dense() { 3 } else { usize::from(layer.depthwise()) };
        let mut put = |group: String, values: &[Values]| {
            for (index, Values { shape, data, .. }) in values.iter().enumerate() {
                root.put(&format!("{group}/{index}"), shape, data);
            }
        };
        if layer.dense() {
            put(group(kind), &[net::kernel(&layer), net::biases(&layer)]);
        } else {
            put(group(kind), &[net::kernel(&layer)]);
            put(group(2), &net::norm(&layer));
        }
    }
    zip_file(&[
        ("metadata.json", br#"{"keras_version": "3.11.0"}"#),
        ("config.json", config().as_bytes()),
        ("model.weights.h5", &root.file()),
    ])
}

fn layers_model() -> Files {
    let topology = keras_topology(SIDE, SIDE, EPSILON, &[("predictions", CLASSES.len(), "softmax", true)]);
    tfjs(&net::keras(), &topology, Kept::Float32, 500_000)
}

/// `[out, in, height, width]` as the format has it: `[out, height, width, in]`, or `[1, height, width, out]`.
fn for_tflite(layer: &net::Layer, weights: &[f32]) -> (Vec<i32>, Vec<f32>) {
    let [out, input, height, width] = layer.shape;
    let taps = height * width;
    let [o, i, h, w] = layer.shape.map(|dim| dim as i32);
    if layer.dense() {
        return (vec![o, i], weights.to_vec());
    }
    if layer.depthwise() {
        let turned = (0..taps).flat_map(|tap| (0..out).map(move |o| weights[o * taps + tap])).collect();
        return (vec![1, h, w, o], turned);
    }
    let value = |at: usize| weights[(at / (taps * input) * input + at % input) * taps + at / input % taps];
    (vec![o, h, w, i], (0..weights.len()).map(value).collect())
}

/// Batch norms are folded: the format has none.
fn tflite() -> Vec<u8> {
    const ADD: i32 = 0;
    const CONV: i32 = 3;
    const DEPTHWISE: i32 = 4;
    const DENSE: i32 = 9;
    const SOFTMAX: i32 = 25;
    const MEAN: i32 = 40;
    let mut model = tflite::Model::new();
    let raw = |values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let length = bytes.len();
        Some(Fb::Raw(bytes, length))
    };
    let side = SIDE as i32;
    let (mut map, mut size) = (model.map(&[1, side, side, 3]), side);
    let mut outputs = Vec::new();
    for layer in net::layers() {
        let (weights, offsets) = net::folded(&layer);
        let (shape, weights) = for_tflite(&layer, &weights);
        let out = layer.shape[0] as i32;
        if layer.dense() {
            let axes = model.tensor(&[2], 2, Some(Fb::Raw([1, 0, 0, 0, 2, 0, 0, 0].to_vec(), 8)), Fb::None);
            let pool = model.map(&[1, layer.shape[1] as i32]);
            model.operator(MEAN, &[map, axes], pool, Fb::None);
            map = pool;
        }
        let kernel = model.tensor(&shape, 0, raw(&weights), Fb::None);
        let offsets = model.tensor(&[out], 0, raw(&offsets), Fb::None);
        size = (size + layer.stride as i32 - 1) / layer.stride as i32;
        let new = if layer.dense() { model.map(&[1, out]) } else { model.map(&[1, size, size, out]) };
        let stride = tflite::int(layer.stride as i32);
        let mut options = vec![Fb::Byte(0), stride.clone(), stride];
        options.extend(layer.depthwise().then_some(tflite::int(1)));
        options.push(Fb::Byte(if layer.clip { 3 } else { 0 }));
        let (code, options) = match (layer.depthwise(), layer.dense()) {
            (true, _) => (DEPTHWISE, Fb::Table(options)),
            (_, true) => (DENSE, Fb::None),
            _ => (CONV, Fb::Table(options)),
        };
        model.operator(code, &[map, kernel, offsets], new, options);
        map = new;
        if let Some(before) = layer.adds {
            let sum = model.map(&[1, size, size, out]);
            model.operator(ADD, &[outputs[before], map], sum, Fb::None);
            map = sum;
        }
        outputs.push(map);
    }
    let output = model.map(&[1, CLASSES.len() as i32]);
    model.operator(SOFTMAX, &[map], output, Fb::None);
    model.outputs = vec![output];
    let archive = zip_file(&[("labels.txt", CLASSES.join("\n").as_bytes())]);
    tflite::described(model, tflite::labels_in("labels.txt"), &archive)
}

/// Batch norms are nodes of their own.
fn onnx() -> Vec<u8> {
    use onnx::Kept::Raw;
    let mut model = onnx::Model::default();
    let (mut map, mut outputs) = ("x".to_owned(), Vec::new());
    let mut size = SIDE;
    for layer in net::layers() {
        let name = &layer.torch.0;
        let weights = format!("{name}.weight");
        if layer.dense() {
            map = model.node("GlobalAveragePool", &[&map], &[]);
            map = model.node("Flatten", &[&map], &[]);
            model.weights(&weights, &layer.shape[..2], &net::turned(&layer), Raw);
            let biases = format!("{name}.bias");
            model.weights(&biases, &layer.shape[..1], &net::biases(&layer).data, Raw);
            map = model.node("Gemm", &[&map, &weights, &biases], &[onnx::int("transB", 1)]);
            continue;
        }
        model.weights(&weights, &layer.shape, &net::turned(&layer), Raw);
        // What is left over of TensorFlow's padding goes below and to the right.
        let (window, stride) = (layer.shape[2], layer.stride);
        let out = size.div_ceil(stride);
        let total = ((out - 1) * stride + window).saturating_sub(size) as i64;
        size = out;
        let (before, after) = (total / 2, total - total / 2);
        let group = if layer.depthwise() { layer.shape[0] as i64 } else { 1 };
        let attributes = [
            onnx::ints("pads", &[before, before, after, after]),
            onnx::ints("strides", &[stride as i64; 2]),
            onnx::int("group", group),
        ];
        map = model.node("Conv", &[&map, &weights], &attributes);
        let names = ["weight", "bias", "running_mean", "running_var"].map(|end| format!("{}.{end}", layer.torch.1));
        for (name, values) in names.iter().zip(net::norm(&layer)) {
            model.weights(name, &values.shape, &values.data, Raw);
        }
        let [scale, offset, mean, variance] = &names;
        let epsilon = [onnx::float("epsilon", EPSILON)];
        map = model.node("BatchNormalization", &[&map, scale, offset, mean, variance], &epsilon);
        if layer.clip {
            map = model.node("Clip", &[&map], &[onnx::float("min", 0.0), onnx::float("max", 6.0)]);
        }
        if let Some(before) = layer.adds {
            let before: &String = &outputs[before];
            map = model.node("Add", &[before, &map], &[]);
        }
        outputs.push(map.clone());
    }
    let output = model.node("Softmax", &[&map], &[]);
    let list = CLASSES.map(|name| format!("'{name}'")).join(", ");
    model.properties =
        protobuf::bytes(14, &[protobuf::text(1, "names"), protobuf::text(2, &format!("[{list}]"))].concat());
    model.file(("x", &[1, 3, SIDE as u64, SIDE as u64]), &output, 13)
}
