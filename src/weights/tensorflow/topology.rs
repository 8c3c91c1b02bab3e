//! What a Keras configuration says beyond names and shapes: input size, batch norm, the layers on top.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::json::Json;
use super::super::{Dtype, Tensor};
use super::graph::{self, MAX_NODES, Node};
use crate::error::{Error, Kind, Result};

/// What is kept of a `modelTopology`.
#[derive(Default)]
pub(super) struct Topology<'a> {
    /// Of a graph model.
    pub(super) nodes: Vec<Node<'a>>,
    /// Rows and columns of the first input that states them.
    sides: Option<(usize, usize)>,
    /// Of the batch norms, where all have the same.
    epsilon: Option<f64>,
    epsilons_differ: bool,
    /// Dense layers from the input on.
    dense: Vec<Dense>,
    /// `value · scale + offset`, where the network begins with it.
    rescaling: Option<(f64, f64)>,
    backend: String,
}

struct Dense {
    name: String,
    activation: String,
    biased: bool,
}

/// A layer's `config`.
struct Config {
    name: String,
    epsilon: Option<f64>,
    activation: Option<String>,
    biased: bool,
    sides: Option<(usize, usize)>,
    rescaling: (Option<f64>, Option<f64>),
}

/// What follows the dense layer before the last, in a file's metadata.
pub(in super::super) const HIDDEN: &str = "keras.hidden_activation";

/// Models in models in models …
const MAX_DEPTH: usize = 16;

impl<'a> Topology<'a> {
    /// Whether the browser wrote it, as Teachable Machine does.
    pub(super) fn is_from_browser(&self) -> bool {
        self.backend.starts_with("tensor_flow.js")
    }

    /// `{"class_name": …, "config": …}`, or an object that holds it as `model_config`; null for graphs of weights only.
    pub(super) fn read(&mut self, json: &mut Json<'a>) -> Result<()> {
        if !json.begins(b'{') {
            return json.skip();
        }
        self.layer(json, MAX_DEPTH)
    }

    fn layer(&mut self, json: &mut Json<'a>, depth: usize) -> Result<()> {
        if depth == 0 {
            let at = json.position();
            return Err(Error::new(Kind::BadHeader, format!("model.json, byte {at}"))
                .expected(format!("models nested at most {MAX_DEPTH} deep")));
        }
        let (mut class, mut found) = (String::new(), None);
        json.object(&mut |json, key| {
            match &*key {
                "class_name" if json.begins(b'"') => class = json.string()?.into_owned(),
                "backend" if json.begins(b'"') => self.backend = json.string()?.into_owned(),
                "node" if json.begins(b'[') => json.array(&mut |json| self.node(json))?,
                "model_config" if json.begins(b'{') => self.layer(json, depth - 1)?,
                "config" if json.begins(b'{') => found = Some(self.config(json, depth)?),
                // Keras before 2.2.3 wrote a Sequential's layers without an object around them.
                "config" if json.begins(b'[') => json.array(&mut |json| self.layer(json, depth - 1))?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        let Some(config) = found else { return Ok(()) };
        self.sides = self.sides.or(config.sides);
        match (&*class, config.epsilon, config.activation) {
            ("BatchNormalization" | "BatchNormalizationV1", Some(epsilon), _) => {
                self.epsilons_differ |= self.epsilon.is_some_and(|known| known != epsilon);
                self.epsilon = Some(epsilon);
            }
            ("Dense", _, activation) => {
                let activation = activation.unwrap_or_else(|| "linear".into());
                self.dense.push(Dense { name: config.name, activation, biased: config.biased });
            }
            ("Rescaling", ..) => {
                self.rescaling = Some((config.rescaling.0.unwrap_or(1.0), config.rescaling.1.unwrap_or(0.0)));
            }
            _ => {}
        }
        Ok(())
    }

    /// `{"name": …, "op": …, "input": […], "attr": {…}}`.
    fn node(&mut self, json: &mut Json<'a>) -> Result<()> {
        if self.nodes.len() == MAX_NODES {
            let place = format!("model.json, byte {}", json.position());
            return Err(Error::new(Kind::BadHeader, place).expected(format!("at most {MAX_NODES} nodes")));
        }
        let mut node = Node::default();
        json.object(&mut |json, key| {
            match &*key {
                "name" => node.name = json.string()?,
                "op" => node.op = json.string()?,
                "input" => json.array(&mut |json| {
                    node.inputs.push(json.string()?);
                    Ok(())
                })?,
                "attr" if json.begins(b'{') => json.object(&mut |json, key| {
                    if key == "shape" && json.begins(b'{') {
                        let dims = dims(json, MAX_DEPTH)?;
                        node.sides = graph::sides(&dims);
                        return Ok(());
                    }
                    json.skip()
                })?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        self.nodes.push(node);
        Ok(())
    }

    fn config(&mut self, json: &mut Json<'a>, depth: usize) -> Result<Config> {
        let rescaling = (None, None);
        let mut config =
            Config { name: String::new(), epsilon: None, activation: None, biased: true, sides: None, rescaling };
        let numeric = |json: &mut Json<'a>| json.begins(b'-') || (b'0'..=b'9').any(|digit| json.begins(digit));
        json.object(&mut |json, key| {
            match &*key {
                "name" if json.begins(b'"') => config.name = json.string()?.into_owned(),
                "activation" if json.begins(b'"') => config.activation = Some(json.string()?.into_owned()),
                "epsilon" if numeric(json) => config.epsilon = Some(json.number()?),
                "scale" if numeric(json) => config.rescaling.0 = Some(json.number()?),
                "offset" if numeric(json) => config.rescaling.1 = Some(json.number()?),
                "use_bias" if json.begins(b'f') => config.biased = json.boolean()?,
                "batch_input_shape" | "batch_shape" if json.begins(b'[') => config.sides = sides(json)?,
                "layers" if json.begins(b'[') => json.array(&mut |json| self.layer(json, depth - 1))?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        Ok(config)
    }

    /// What of it the weights' metadata has keys for.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = graph::metadata(&self.nodes);
        let mut put = |key: &str, value: String| metadata.insert(format!("mobilenet.{key}"), value);
        if let Some((height, width)) = self.sides {
            put("height", height.to_string());
            put("width", width.to_string());
        }
        // Singles that went through JSON have more digits than metadata may have.
        if let Some(epsilon) = self.epsilon.filter(|epsilon| !self.epsilons_differ && (1e-8..1.0).contains(epsilon)) {
            put("batch_norm_epsilon", format!("{epsilon:.6e}"));
        }
        if let Some(known @ ("softmax" | "sigmoid" | "linear")) = self.dense.last().map(|dense| &*dense.activation) {
            put("classifier", known.into());
        }
        if let [.., hidden, _] = &*self.dense {
            metadata.insert(HIDDEN.into(), hidden.activation.clone());
        }
        let mut put = |key: &str, value: String| metadata.insert(format!("mobilenet.{key}"), value);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-4 * b.abs().max(0.01);
        match self.rescaling {
            Some((scale, offset)) if near(scale, 1.0 / 127.5) && near(offset, -1.0) => {
                put("preprocessing", "keras".into());
            }
            Some((scale, offset)) if near(scale, 1.0 / 255.0) && offset == 0.0 => {
                put("preprocessing", "tfjs".into());
            }
            _ => {}
        }
        metadata
    }

    /// Adds the biases that dense layers were told to do without, as zeros: the last layer of a network has some.
    pub(super) fn complete(&self, tensors: &mut Vec<Tensor<'_>>) -> Result<()> {
        for dense in self.dense.iter().filter(|dense| !dense.biased) {
            let kernel = format!("{}/kernel", dense.name);
            let found = tensors.iter().find(|tensor| {
                tensor.name.strip_suffix(&*kernel).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('/'))
            });
            let found = found.map(|tensor| (&tensor.name, &*tensor.shape, tensor.offset_bytes));
            let Some((name, &[_, out], at)) = found.filter(|found| found.1.first() != Some(&0)) else { continue };
            // No wider than the kernel, whose bytes are there.
            let name = format!("{}bias", name.strip_suffix("kernel").unwrap_or(name));
            let bytes = Cow::Owned(vec![0; out * Dtype::F32.size_bytes()]);
            tensors.push(Tensor::decoded(Cow::Owned(name), Dtype::F32, vec![out], (bytes, at))?);
        }
        Ok(())
    }
}

/// Rows and columns of `[null, rows, columns, 3]`.
fn sides(json: &mut Json<'_>) -> Result<Option<(usize, usize)>> {
    let mut dims = Vec::new();
    json.array(&mut |json| {
        let known = (b'0'..=b'9').any(|digit| json.begins(digit));
        let dim = if known { Some(json.integer()?) } else { json.skip().map(|()| None)? };
        if dims.len() < 5 {
            dims.push(dim);
        }
        Ok(())
    })?;
    Ok(match *dims {
        [_, Some(height), Some(width), Some(3)] => Some((height, width)),
        _ => None,
    })
}

/// Sizes of `{"shape": {"dim": [{"size": "224"}, …]}}`, 0 for those that are not known.
fn dims(json: &mut Json<'_>, depth: usize) -> Result<Vec<usize>> {
    let mut dims = Vec::new();
    json.object(&mut |json, key| {
        match &*key {
            "shape" if depth > 0 && json.begins(b'{') => dims = self::dims(json, depth - 1)?,
            "dim" if json.begins(b'[') => json.array(&mut |json| {
                let mut size = 0;
                json.object(&mut |json, key| {
                    if key == "size" && json.begins(b'"') {
                        size = json.string()?.parse().unwrap_or(0);
                        return Ok(());
                    }
                    json.skip()
                })?;
                if dims.len() < 5 {
                    dims.push(size);
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(dims)
}
