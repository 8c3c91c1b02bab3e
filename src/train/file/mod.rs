//! A head as a file, with all that is needed to use it again: safetensors, and for other programs TensorFlow.js and ONNX.

mod onnx;
mod protobuf;
mod tfjs;

use std::collections::BTreeMap;

use super::dense::Dense;
use super::head::{Body, Head};
use super::options::bad;
use super::{Method, Task};
use crate::error::{Error, Kind, Result};
use crate::small::{parse_decimal, print_decimal};
use crate::weights::{self, Tensor, write_tensors};

pub use onnx::to_onnx;
pub use tfjs::{Part, to_tfjs};

/// What belongs to a head beside its numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Names of the outputs; none where nobody gave them.
    pub classes: Vec<String>,
    /// The rule by which pictures became the network's input.
    pub preprocessing: String,
    /// The endpoint whose vectors it reads.
    pub endpoint: String,
    /// The network, in words.
    pub backbone: String,
    /// What the network makes of a picture that everybody has: who gets another vector has another network.
    pub fingerprint: Vec<f32>,
    /// How good it was.
    pub metrics: Vec<(String, f64)>,
    /// What everything random followed from.
    pub seed: u64,
    /// Below which probability a picture is probably none of the classes.
    pub threshold: Option<f32>,
    /// Of this crate, when it was written.
    pub version: String,
}

impl Said {
    /// Whether it fits a head.
    fn check(&self, head: &Head) -> Result<()> {
        if self.classes.is_empty() || self.classes.len() == head.outputs {
            return Ok(());
        }
        Err(bad("classes", &format!("{} names, one an output", head.outputs), self.classes.len().to_string()))
    }
}

/// This crate's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How keys of the metadata begin.
const PREFIX: &str = "mobilenet_head.";
const METRIC: &str = "metric.";
/// Numbers of a head that any network has: pictures become vectors of a few thousand numbers.
const MOST: usize = 1 << 24;

/// Safetensors that [`read`] reads: the same bytes whenever head and `said` are the same.
///
/// # Errors
/// [`Kind::BadOption`] where there are not as many names as outputs.
pub fn write(head: &Head, said: &Said) -> Result<Vec<u8>> {
    said.check(head)?;
    let mut keys = BTreeMap::new();
    let mut put = |key: &str, value: String| keys.insert(format!("{PREFIX}{key}"), value);
    put("version", VERSION.into());
    put("task", head.task.name().into());
    put("method", head.method.name().into());
    put("seed", said.seed.to_string());
    let lines = said.classes.iter().map(|name| name.replace(['\n', '\r'], " ") + "\n").collect();
    for (key, text) in [
        ("classes", lines),
        ("preprocessing", said.preprocessing.clone()),
        ("endpoint", said.endpoint.clone()),
        ("backbone", said.backbone.clone()),
    ] {
        if !text.is_empty() {
            put(key, text);
        }
    }
    if let Some(threshold) = said.threshold {
        put("threshold", print_decimal(f64::from(threshold)));
    }
    for (name, value) in &said.metrics {
        put(&format!("{METRIC}{name}"), print_decimal(*value));
    }
    let mut tensors = Vec::new();
    let mut push = |name: &'static str, shape: &[usize], values: &[f32]| tensors.push(Tensor::of(name, shape, values));
    match &head.body {
        Body::Dense { hidden, out, .. } => {
            for (layer, names) in hidden.iter().zip([HIDDEN]).chain([(out, OUT)]) {
                push(names[0], &[layer.outputs(), layer.inputs()], &layer.weights);
                push(names[1], &[layer.outputs()], &layer.biases);
            }
        }
        Body::Stored { vectors, targets, count, sharpness } => {
            let samples = vectors.len() / head.features;
            push(STORED[0], &[samples, head.features], vectors);
            push(STORED[1], &[samples, head.outputs], targets);
            put("neighbours", count.to_string());
            put("sharpness", print_decimal(f64::from(*sharpness)));
        }
    }
    if !said.fingerprint.is_empty() {
        push(FINGERPRINT, &[said.fingerprint.len()], &said.fingerprint);
    }
    Ok(write_tensors(&tensors, &keys))
}

const HIDDEN: [&str; 2] = ["hidden/weights", "hidden/biases"];
const OUT: [&str; 2] = ["out/weights", "out/biases"];
const STORED: [&str; 2] = ["stored/vectors", "stored/targets"];
const FINGERPRINT: &str = "backbone/fingerprint";

/// A head that [`write`] wrote.
///
/// # Errors
/// [`Kind::UnsupportedFormat`] for another file; what is wrong with a damaged one, as one of the weights' kinds.
pub fn read(bytes: &[u8]) -> Result<(Head, Said)> {
    let other = |found: &str| {
        Error::new(Kind::UnsupportedFormat, "head")
            .expected("a file that `save` wrote")
            .found(found)
            .remedy("Whole networks are for `MobileNet.load`.")
    };
    if bytes.get(8) != Some(&b'{') {
        return Err(other("no safetensors"));
    }
    let file = weights::read(bytes)?;
    let keys = Keys(&file);
    if keys.text("version").is_none() {
        return Err(other("safetensors of something else"));
    }
    file.check_crc32()?;
    let task = keys.named("task", &Task::ALL)?;
    let method = keys.named("method", &Method::ALL)?;
    let body = if method == Method::Neighbours {
        let ([samples, features], vectors) = keys.matrix(STORED[0])?;
        let ([rows, outputs], targets) = keys.matrix(STORED[1])?;
        let count = keys.number("neighbours")?.filter(|count| *count >= 1.0);
        let count = count.ok_or_else(|| keys.bad("neighbours", "a whole number from 1"))?;
        let sharpness = keys.number("sharpness")?.ok_or_else(|| keys.bad("sharpness", "a number"))?;
        if rows != samples {
            return Err(wrong_shape(STORED[1], format!("[{samples}, {outputs}]"), format!("[{rows}, {outputs}]")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count, a small number")]
        let (count, sharpness) = ((count as usize).min(samples), sharpness as f32);
        ((features, outputs), Body::Stored { vectors, targets, count, sharpness })
    } else {
        let hidden = if file.get(HIDDEN[0]).is_some() { Some(keys.layer(HIDDEN)?) } else { None };
        let out = keys.layer(OUT)?;
        if let Some(hidden) = hidden.as_ref().filter(|hidden| hidden.outputs() != out.inputs()) {
            let shape = |inputs: usize| format!("[{}, {inputs}]", out.outputs());
            return Err(wrong_shape(OUT[0], shape(hidden.outputs()), shape(out.inputs())));
        }
        let sides = (hidden.as_ref().unwrap_or(&out).inputs(), out.outputs());
        (sides, Body::Dense { unit: method == Method::Centroids, hidden, out })
    };
    let ((features, outputs), body) = body;
    let head = Head { task, method, features, outputs, body, optimizer: None };
    let said = keys.said()?;
    said.check(&head).map_err(|_| keys.bad("classes", "one name an output"))?;
    Ok((head, said))
}

#[cold]
fn wrong_shape(name: &str, expected: String, found: String) -> Error {
    Error::new(Kind::WrongShape, format!("tensor `{name}`")).expected(expected).found(found)
}

/// What a file says of its head.
struct Keys<'f, 'a>(&'f weights::File<'a>);

impl Keys<'_, '_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.metadata.get(&format!("{PREFIX}{key}")).map(String::as_str)
    }

    #[cold]
    fn bad(&self, key: &str, expected: &str) -> Error {
        Error::new(Kind::BadMetadata, format!("metadata `{PREFIX}{key}`"))
            .expected(expected)
            .found(format!("`{}`", self.text(key).unwrap_or_default()))
            .remedy("Save the head again.")
    }

    fn named<T: Copy>(&self, key: &str, rows: &[(T, &str)]) -> Result<T> {
        let found = self.text(key).and_then(|name| rows.iter().find(|row| row.1 == name));
        found.map(|row| row.0).ok_or_else(|| {
            let names: Vec<&str> = rows.iter().map(|row| row.1).collect();
            self.bad(key, &names.join(", "))
        })
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let parse = |text: &str| parse_decimal(text).ok_or_else(|| self.bad(key, "a number"));
        self.text(key).map(parse).transpose()
    }

    fn tensor(&self, name: &str) -> Result<&Tensor<'_>> {
        self.0
            .get(name)
            .ok_or_else(|| Error::new(Kind::MissingTensor, format!("tensor `{name}`")).remedy("Save the head again."))
    }

    fn values(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let tensor = self.tensor(name)?;
        Ok((tensor.shape.clone(), tensor.to_f32()?))
    }

    fn matrix(&self, name: &str) -> Result<([usize; 2], Vec<f32>)> {
        let (shape, values) = self.values(name)?;
        match shape[..] {
            [rows, columns] if rows > 0 && columns > 0 && values.len() <= MOST => Ok(([rows, columns], values)),
            _ => Err(wrong_shape(name, format!("two axes and at most {MOST} numbers"), format!("{shape:?}"))),
        }
    }

    fn layer(&self, names: [&'static str; 2]) -> Result<Dense> {
        let ([outputs, _], weights) = self.matrix(names[0])?;
        let (shape, biases) = self.values(names[1])?;
        if shape[..] != [outputs] {
            return Err(wrong_shape(names[1], format!("[{outputs}]"), format!("{shape:?}")));
        }
        Ok(Dense { weights, biases })
    }

    #[expect(clippy::cast_possible_truncation, reason = "a probability")]
    fn said(&self) -> Result<Said> {
        let text = |key: &str| self.text(key).unwrap_or_default().to_owned();
        let metric = |(key, value): (&String, &String)| {
            let name = key.strip_prefix(PREFIX)?.strip_prefix(METRIC)?;
            Some((name.to_owned(), parse_decimal(value)?))
        };
        let fingerprint = match self.0.get(FINGERPRINT) {
            Some(_) => self.values(FINGERPRINT)?.1,
            None => Vec::new(),
        };
        Ok(Said {
            classes: text("classes").lines().map(str::to_owned).collect(),
            preprocessing: text("preprocessing"),
            endpoint: text("endpoint"),
            backbone: text("backbone"),
            fingerprint,
            metrics: self.0.metadata.iter().filter_map(metric).collect(),
            seed: text("seed").parse().map_err(|_| self.bad("seed", "a whole number"))?,
            threshold: self.number("threshold")?.map(|value| value as f32),
            version: text("version"),
        })
    }
}

/// A head that another program cannot compute.
#[cold]
fn unsupported(head: &Head, format: &str) -> Error {
    Error::new(Kind::Unsupported, format)
        .expected("a head of dense layers")
        .found(format!("one of {}", head.method.name()))
        .remedy("Train one by \"gradient\" or \"ridge\", or save it as \"head\".")
}

/// Numbers as they lie in a file.
fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests;
