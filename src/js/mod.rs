//! The only layer that knows JavaScript: the class that `pkg/host.js` drives, frame sources, options, errors.

mod errors;
mod options;
mod source;

use crate::net::{Net, Tensor};
use errors::{JsResult, thrown};
use options::Given;
use serde::Serialize;
use source::Pixels;
use wasm_bindgen::prelude::*;

/// A network that is ready for frames, as JavaScript holds it. `pkg/index.js` wraps it in the public class.
#[wasm_bindgen]
pub struct Engine {
    net: Net,
    pixels: Pixels,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    version: &'a str,
    multiplier: f32,
    resolution: usize,
    classes: usize,
    label_set: &'a str,
    labels: bool,
    preprocessing: &'a str,
    padding: &'a str,
    batch_norm_epsilon: f32,
    backend: &'a str,
    why: &'a str,
    params: usize,
    macs: u64,
    weights_bytes: usize,
    arena_bytes: usize,
    endpoints: Vec<EndpointInfo>,
    plan: String,
}

#[derive(Serialize)]
struct EndpointInfo {
    name: String,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct Labels {
    labels: Vec<Label>,
}

#[derive(Serialize)]
struct Label {
    index: usize,
    name: String,
    probability: f32,
}

#[wasm_bindgen]
impl Engine {
    /// Opens a file of weights. `options`: `{ backend?: "auto" | "simd" | "reference" }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` whose `code` is one of [`crate::Kind::code`]'s.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8], options: &JsValue) -> JsResult<Engine> {
        console_error_panic_hook::set_once();
        let net = Net::open(bytes, &Given::new(options)?.open()?).map_err(thrown)?;
        Ok(Engine { net, pixels: Pixels::new() })
    }

    /// What the network is and how it runs here, as a plain object.
    ///
    /// # Errors
    /// Throws when JavaScript refuses the object, which it has no reason to.
    pub fn info(&mut self) -> JsResult<JsValue> {
        let plan = self.net.plan(&["predictions"]).map_err(thrown)?.to_string();
        let spec = self.net.spec();
        let (backend, why) = self.net.backend();
        options::write(&Info {
            version: spec.version.name(),
            multiplier: spec.multiplier,
            resolution: spec.height_px,
            classes: spec.classes,
            label_set: &spec.label_set,
            labels: !spec.labels.is_empty(),
            preprocessing: spec.preprocessing.name,
            padding: spec.padding.name(),
            batch_norm_epsilon: spec.batch_norm_epsilon,
            backend: backend.name(),
            why,
            params: self.net.graph().params(),
            macs: self.net.graph().macs(),
            weights_bytes: self.net.weights_bytes(),
            arena_bytes: self.net.arena_bytes(),
            endpoints: self
                .net
                .endpoints()
                .into_iter()
                .map(|endpoint| EndpointInfo { name: endpoint.name, shape: endpoint.shape })
                .collect(),
            plan,
        })
    }

    /// The labels of one frame: `{ labels: [{ index, name, probability }] }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` for a bad option or an unreadable frame.
    pub fn classify(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<JsValue> {
        let options = Given::new(options)?;
        let (query, view) = (options.query(&self.net)?, options.view()?);
        let frame = self.pixels.read(frame)?;
        let labels = self.net.classify(&frame, &view, &query).map_err(thrown)?;
        let name = |index| self.net.label_name(index);
        options::write(&Labels {
            labels: labels
                .iter()
                .map(|label| Label { index: label.index, name: name(label.index), probability: label.probability })
                .collect(),
        })
    }

    /// The maps of the asked endpoints: `[{ endpoint, shape, data: Float32Array }]`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` for a bad option, an unknown endpoint or an unreadable frame.
    pub fn infer(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<js_sys::Array> {
        let options = Given::new(options)?;
        let (endpoints, view) = (options.endpoints()?, options.view()?);
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        // Before the frame is read: a misspelt endpoint should cost nothing.
        self.net.plan(&endpoints).map_err(thrown)?;
        let frame = self.pixels.read(frame)?;
        let tensors = self.net.infer(&frame, &view, &endpoints).map_err(thrown)?;
        tensors.iter().map(tensor).collect()
    }
}

/// `{ endpoint, shape, data }`.
fn tensor(tensor: &Tensor) -> JsResult<JsValue> {
    let object = js_sys::Object::new();
    let set = |key: &str, value: &JsValue| js_sys::Reflect::set(&object, &key.into(), value);
    set("endpoint", &tensor.endpoint.as_str().into())?;
    set("shape", &options::write(&tensor.shape)?)?;
    set("data", &js_sys::Float32Array::from(tensor.data.as_slice()))?;
    Ok(object.into())
}
