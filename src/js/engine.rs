//! A network as JavaScript holds it.

use super::errors::{JsResult, thrown};
use super::options::{self, Given};
use super::source::Pixels;
use crate::frame::View;
use crate::net::{Choice, Dispatched, Net, Tensor};
use crate::probe::{Small, probe_cpu};
use crate::weights;
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A network that is ready for frames, as JavaScript holds it. `pkg/index.js` wraps it in the public class.
#[wasm_bindgen]
pub struct Engine {
    pub(super) net: Net,
    pub(super) pixels: Pixels,
}

/// A file on its way into this module's memory.
#[wasm_bindgen]
pub struct Arrival {
    file: weights::Arrival,
}

#[wasm_bindgen]
impl Arrival {
    /// Takes the file's next bytes.
    pub fn append(&mut self, bytes: &Uint8Array) {
        self.file.append(bytes.length() as usize, |to| bytes.copy_to(to));
    }

    /// The network of a file that is here as a whole; afterwards nothing is. `options`:
    /// `{ backend?: "auto" | "simd" | "reference", overrides?: { [key]: string } }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` whose `code` is one of [`crate::Kind::code`]'s; the file stays then.
    pub fn open(&mut self, options: &JsValue) -> JsResult<Engine> {
        let options = Given::new(options)?.open()?;
        let net = self.file.read().and_then(|file| Net::from_file(file, &options)).map_err(thrown)?;
        self.file = weights::Arrival::new(0);
        Ok(Engine::of(net))
    }

    /// What came so far, for another module.
    #[must_use]
    pub fn bytes(&self) -> Uint8Array {
        self.file.bytes().into()
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    wnid: Option<String>,
}

#[wasm_bindgen]
impl Engine {
    /// Where the bytes of a file of weights go, of which so many are announced.
    #[must_use]
    pub fn expect(bytes: usize) -> Arrival {
        console_error_panic_hook::set_once();
        Arrival { file: weights::Arrival::new(bytes) }
    }

    /// A network out of a seed, of the version and size that the overrides in `options` say.
    ///
    /// # Errors
    /// Throws a `MobileNetError`.
    pub fn synthetic(options: &JsValue) -> JsResult<Engine> {
        console_error_panic_hook::set_once();
        let (spec, options) = Given::new(options)?.synthetic()?;
        Net::synthetic(spec, &options).map(Engine::of).map_err(thrown)
    }

    /// The crate's version.
    #[must_use]
    pub fn version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    /// Layers and sizes of a network of the version and size that the overrides in `options` say.
    ///
    /// # Errors
    /// Throws a `MobileNetError`.
    pub fn describe(options: &JsValue) -> JsResult<JsValue> {
        let (spec, _) = Given::new(options)?.synthetic()?;
        super::info::description(&spec)
    }

    /// What the network is and how it runs here, as a plain object.
    ///
    /// # Errors
    /// Throws when JavaScript refuses the object, which it has no reason to.
    pub fn info(&mut self) -> JsResult<JsValue> {
        super::info::info(&mut self.net)
    }

    /// Whether its classes are ImageNet's and have no names yet.
    #[wasm_bindgen(getter)]
    pub fn nameless(&self) -> bool {
        self.net.is_nameless()
    }

    /// Names them by the text of the package's labels/imagenet.txt.
    ///
    /// # Errors
    /// Throws a `MobileNetError` for another text.
    pub fn name(&mut self, table: &str) -> JsResult<()> {
        self.net.name_imagenet(table).map_err(thrown)
    }

    /// Whether only the larger of the two small networks runs all kernels that this one does.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn gated(&self) -> bool {
        Small::of(self.net.spec().version) == Small::Gated
    }

    /// Runs one of the small networks, whose answers are stored, on the CPU: its error, as a share of the range.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `gpu_wrong`.
    #[wasm_bindgen(js_name = probeCpu)]
    pub fn probe_cpu(gated: bool) -> JsResult<f32> {
        probe_cpu(Choice::Simd, small(gated)).map_err(thrown)
    }

    /// The labels of one frame: `{ labels: [{ index, name, probability, wnid? }] }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` for a bad option or an unreadable frame.
    pub fn classify(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<JsValue> {
        let options = Given::new(options)?;
        let (query, view) = (options.query(&self.net)?, options.view()?);
        let frame = self.pixels.read(frame)?;
        let labels = self.net.classify(&frame, &view, &query).map_err(thrown)?;
        self.labels(&labels)
    }

    /// The maps of the asked endpoints: `[{ endpoint, shape, data: Float32Array }]`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` for a bad option, an unknown endpoint or an unreadable frame.
    pub fn infer(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<js_sys::Array> {
        let (endpoints, view) = self.asked(options)?;
        let frame = self.pixels.read(frame)?;
        let tensors = self.net.infer(&frame, &view, &names(&endpoints)).map_err(thrown)?;
        tensors.iter().map(tensor).collect()
    }

    /// How long each step of a frame takes on the CPU: `[{ layers, kernel, us, macs, gflops, bytes }]`.
    ///
    /// # Errors
    /// As `infer`.
    pub fn profile(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<js_sys::Array> {
        let (endpoints, view) = self.asked(options)?;
        let frame = self.pixels.read(frame)?;
        let rows = self.net.profile(&frame, &view, &names(&endpoints), &mut now).map_err(thrown)?;
        profiled(&rows)
    }
}

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, in steps of 0.1 where the page is not isolated.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

impl Engine {
    #[cfg_attr(not(feature = "threads"), expect(unused_mut, reason = "one thread has nothing to share"))]
    fn of(mut net: Net) -> Self {
        #[cfg(feature = "threads")]
        net.share(&crate::threads::POOL);
        Self { net, pixels: Pixels::new() }
    }

    /// Endpoints and view of `options`. Checked before a frame is read: a misspelt endpoint should cost nothing.
    pub(super) fn asked(&self, options: &JsValue) -> JsResult<(Vec<String>, View)> {
        let options = Given::new(options)?;
        let (endpoints, view) = (options.endpoints()?, options.view()?);
        for endpoint in &endpoints {
            self.net.graph().endpoint(endpoint).map_err(thrown)?;
        }
        Ok((endpoints, view))
    }

    pub(super) fn labels(&self, labels: &[crate::Label]) -> JsResult<JsValue> {
        let label = |&crate::Label { index, probability }: &crate::Label| Label {
            index,
            name: self.net.label_name(index),
            probability,
            wnid: self.net.wnid(index).map(str::to_owned),
        };
        options::write(&Labels { labels: labels.iter().map(label).collect() })
    }
}

pub(super) const fn small(gated: bool) -> Small {
    if gated { Small::Gated } else { Small::Plain }
}

pub(super) fn names(endpoints: &[String]) -> Vec<&str> {
    endpoints.iter().map(String::as_str).collect()
}

/// `{ endpoint, shape, data }`.
pub(super) fn tensor(tensor: &Tensor) -> JsResult<JsValue> {
    object(&[
        ("endpoint", tensor.endpoint.as_str().into()),
        ("shape", options::write(&tensor.shape)?),
        ("data", js_sys::Float32Array::from(tensor.data.as_slice()).into()),
    ])
}

/// `{ layers, kernel, us, macs, gflops, bytes }` of each row.
pub(super) fn profiled(rows: &[Dispatched]) -> JsResult<js_sys::Array> {
    let row = |row: &Dispatched| {
        object(&[
            ("layers", row.layers.iter().map(|it| JsValue::from_str(it)).collect::<js_sys::Array>().into()),
            ("kernel", row.kernel.into()),
            ("us", row.us.into()),
            ("macs", (row.macs as f64).into()),
            ("gflops", row.gflops().into()),
            ("bytes", (row.bytes as f64).into()),
        ])
    };
    rows.iter().map(row).collect()
}

pub(super) fn object(properties: &[(&str, JsValue)]) -> JsResult<JsValue> {
    let object = js_sys::Object::new();
    for (key, value) in properties {
        js_sys::Reflect::set(&object, &(*key).into(), value)?;
    }
    Ok(object.into())
}
