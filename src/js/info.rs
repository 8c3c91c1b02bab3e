//! What JavaScript is told about a network.

use super::errors::{JsResult, thrown};
use super::options::write;
use super::origin::{Inferred, Warning, inferred, warnings};
use crate::describe;
use crate::graph::Graph;
use crate::model::Spec;
use crate::net::Net;
use serde::Serialize;
use wasm_bindgen::JsValue;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    version: &'a str,
    multiplier: f32,
    resolution: usize,
    input_height: usize,
    input_width: usize,
    output_stride: usize,
    classes: usize,
    label_set: &'a str,
    labels: bool,
    preprocessing: &'a str,
    padding: &'a str,
    batch_norm_epsilon: f32,
    naming: &'a str,
    inferred: Vec<Inferred<'a>>,
    warnings: Vec<Warning<'a>>,
    backend: &'a str,
    why: &'a str,
    params: usize,
    macs: u64,
    weights_bytes: usize,
    arena_bytes: usize,
    endpoints: Vec<Endpoint<'a>>,
    plan: String,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    shape: &'a [usize],
    /// Null for vectors.
    reduction: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    params: usize,
    macs: u64,
    weights_bytes: usize,
    layers: Vec<Layer<'a>>,
}

#[derive(Serialize)]
struct Layer<'a> {
    name: &'a str,
    kind: &'a str,
    shape: &'a [usize],
    params: usize,
    macs: u64,
}

/// What a loaded network is and how it runs here.
pub fn info(net: &mut Net) -> JsResult<JsValue> {
    let last = net.last_endpoint().to_owned();
    let plan = net.plan(&[&last]).map_err(thrown)?.to_string();
    let (spec, origin) = (net.spec(), net.origin());
    let (backend, why) = net.backend();
    write(&Info {
        version: spec.version.name(),
        multiplier: spec.multiplier,
        resolution: spec.height_px,
        input_height: spec.height_px,
        input_width: spec.width_px,
        output_stride: spec.output_stride,
        classes: spec.classes,
        label_set: &spec.label_set,
        labels: !spec.labels.is_empty(),
        preprocessing: spec.preprocessing.name,
        padding: spec.padding.name(),
        batch_norm_epsilon: spec.batch_norm_epsilon,
        naming: origin.naming,
        inferred: inferred(&origin.inferred),
        warnings: warnings(&origin.warnings),
        backend: backend.name(),
        why,
        params: net.graph().params(),
        macs: net.graph().macs(),
        weights_bytes: net.weights_bytes(),
        arena_bytes: net.arena_bytes(),
        endpoints: net
            .endpoints()
            .iter()
            .map(|it| Endpoint { name: &it.name, shape: &it.shape, reduction: it.reduction })
            .collect(),
        plan,
    })
}

/// What a network would be.
pub fn description(spec: &Spec) -> JsResult<JsValue> {
    let graph = Graph::build(spec).map_err(thrown)?;
    let layers = describe::layers(&graph);
    write(&Description {
        params: graph.params(),
        macs: graph.macs(),
        weights_bytes: describe::weights_bytes(&graph),
        layers: layers
            .iter()
            .map(|it| Layer { name: &it.name, kind: it.kind, shape: &it.shape, params: it.params, macs: it.macs })
            .collect(),
    })
}
