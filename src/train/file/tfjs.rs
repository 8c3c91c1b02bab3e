//! A head as TensorFlow.js layers: what `tf.loadLayersModel` reads, and `metadata.json` with the names, as Teachable
//! Machine has it.

use super::super::Task;
use super::super::dense::Dense;
use super::super::head::{Body, Head};
use super::{Said, VERSION, little_endian, unsupported};
use crate::error::Result;
use crate::weights::push_string;

/// One file of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// `model.json`, `weights.bin` and `metadata.json`.
///
/// # Errors
/// [`Kind::Unsupported`](crate::Kind::Unsupported) of samples that vote and of centroids;
/// [`Kind::BadOption`](crate::Kind::BadOption) where there are not as many names as outputs.
pub fn to_tfjs(head: &Head, said: &Said) -> Result<Vec<Part>> {
    said.check(head)?;
    // Its layers do not divide a vector by its length.
    let Body::Dense { unit: false, hidden, out } = &head.body else { return Err(unsupported(head, "TensorFlow.js")) };
    let last = match head.task {
        Task::Softmax => "softmax",
        Task::Sigmoid => "sigmoid",
        Task::Regression => "linear",
    };
    let (mut layers, mut manifest, mut weights) = (String::new(), String::new(), Vec::new());
    for (layer, name, activation) in hidden.iter().map(|layer| (layer, "hidden", "relu")).chain([(out, "out", last)]) {
        let comma = if layers.is_empty() { "" } else { "," };
        let (inputs, units) = (layer.inputs(), layer.outputs());
        let shape = if layers.is_empty() { format!("\"batch_input_shape\":[null,{inputs}],") } else { String::new() };
        layers += &format!(
            "{comma}{{\"class_name\":\"Dense\",\"config\":{{{shape}\"name\":\"{name}\",\"trainable\":true,\
             \"dtype\":\"float32\",\"units\":{units},\"activation\":\"{activation}\",\"use_bias\":true}}}}"
        );
        manifest += &format!(
            "{comma}{{\"name\":\"{name}/kernel\",\"shape\":[{inputs},{units}],\"dtype\":\"float32\"}},\
             {{\"name\":\"{name}/bias\",\"shape\":[{units}],\"dtype\":\"float32\"}}"
        );
        weights.extend(little_endian(&Dense::kernel(layer)));
        weights.extend(little_endian(&layer.biases));
    }
    let model = format!(
        "{{\"format\":\"layers-model\",\"generatedBy\":\"mobilenet-web {VERSION}\",\"convertedBy\":null,\
         \"modelTopology\":{{\"class_name\":\"Sequential\",\"config\":{{\"name\":\"head\",\"layers\":[{layers}]}},\
         \"keras_version\":\"tfjs-layers 4.22.0\",\"backend\":\"tensor_flow.js\"}},\
         \"weightsManifest\":[{{\"paths\":[\"weights.bin\"],\"weights\":[{manifest}]}}]}}"
    );
    let mut metadata = format!("{{\"packageName\":\"mobilenet-web\",\"packageVersion\":\"{VERSION}\",\"labels\":[");
    for (index, class) in said.classes.iter().enumerate() {
        metadata += if index == 0 { "" } else { "," };
        push_string(&mut metadata, class);
    }
    metadata += "],\"userMetadata\":{";
    for (index, (key, text)) in [
        ("task", head.task.name()),
        ("preprocessing", &said.preprocessing),
        ("endpoint", &said.endpoint),
        ("backbone", &said.backbone),
    ]
    .into_iter()
    .enumerate()
    {
        metadata += if index == 0 { "" } else { "," };
        push_string(&mut metadata, key);
        metadata.push(':');
        push_string(&mut metadata, text);
    }
    metadata += "}}";
    Ok(vec![
        Part { name: "model.json", bytes: model.into_bytes() },
        Part { name: "weights.bin", bytes: weights },
        Part { name: "metadata.json", bytes: metadata.into_bytes() },
    ])
}
