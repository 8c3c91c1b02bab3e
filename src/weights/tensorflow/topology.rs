//! `modelTopology`: a graph's nodes, or a model's configuration as Keras writes it.

use std::collections::BTreeMap;

use super::super::json::Json;
use super::super::keras::Config;
use super::graph::{self, MAX_NODES, Node};
use crate::error::{Error, Kind, Result};

/// What `Rescaling` layers do, where a browser resizes.
const PRESETS: [&str; 2] = ["keras", "tfjs"];

/// Shapes in shapes in shapes …
const MAX_DEPTH: usize = 16;

/// What is kept of a `modelTopology`.
#[derive(Default)]
pub(super) struct Topology<'a> {
    /// Of a graph model.
    pub(super) nodes: Vec<Node<'a>>,
    /// Of a layers model.
    config: Config,
    backend: String,
}

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
        let (mut whole, mut is_inside) = (json.clone(), false);
        json.object(&mut |json, key| match &*key {
            "backend" if json.begins(b'"') => {
                self.backend = json.string()?.into_owned();
                Ok(())
            }
            "node" if json.begins(b'[') => json.array(&mut |json| self.node(json)),
            "model_config" if json.begins(b'{') => {
                is_inside = true;
                self.config.model(json)
            }
            _ => json.skip(),
        })?;
        if is_inside { Ok(()) } else { self.config.model(&mut whole) }
    }

    /// `{"name": …, "op": …, "input": […], "attr": {…}}`.
    fn node(&mut self, json: &mut Json<'a>) -> Result<()> {
        if self.nodes.len() == MAX_NODES {
            return Err(Error::new(Kind::BadHeader, json.place()).expected(format!("at most {MAX_NODES} nodes")));
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

    /// What of it the weights' metadata has keys for.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = graph::metadata(&self.nodes);
        metadata.extend(self.config.metadata(PRESETS));
        metadata
    }
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
