//! The GPU's half of the engine. Calls hand the frame over at once and answer with a promise, so that the next frame
//! can be uploaded while this one is computed.

use super::engine::{Engine, names, object, profiled, small, tensor};
use super::errors::{JsResult, thrown};
use super::options::{Given, write};
use crate::Label;
use crate::error::{Kind, Result};
use crate::net::{Device, Gpus, Kept, Net, Picture, Variant, connect};
use crate::probe::{probe, warm};
use js_sys::{Array, Float64Array, Promise};
use std::pin::Pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// A connected GPU and the shaders that it runs, as JavaScript holds it.
#[wasm_bindgen]
pub struct Gpu {
    on: Device,
    variant: Variant,
}

#[wasm_bindgen]
impl Gpu {
    /// The device itself, a `GPUDevice`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn device(&self) -> js_sys::Object {
        self.on.handle()
    }

    /// Whether dispatches can be timed.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn timestamps(&self) -> bool {
        self.on.has_timestamps()
    }

    /// Whether maps and weights have 16 bits there, and sums 32.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn halves(&self) -> bool {
        self.variant.f16
    }

    /// Gives the device up, as a driver that crashes would.
    pub fn lose(&self) {
        self.on.lose();
    }
}

fn promise<T>(
    future: impl Future<Output = Result<T>> + 'static,
    write: impl FnOnce(T) -> JsResult<JsValue> + 'static,
) -> Promise {
    boxed_to_promise(Box::pin(async move { future.await.map_err(thrown).and_then(write) }))
}

/// `future_to_promise` once, and not once a future: that saves 2 kB of wasm in all.
fn boxed_to_promise(future: Pin<Box<dyn Future<Output = JsResult<JsValue>>>>) -> Promise {
    future_to_promise(future)
}

#[wasm_bindgen]
impl Engine {
    /// Connects to the GPU behind `navigator.gpu`, as that is at this moment: a promise of a `Gpu`. `halves`: where it can, it
    /// computes with maps and weights of 16 bits.
    pub fn connect(halves: bool) -> Promise {
        promise(connect(Gpus::new()), move |on| {
            let variant = Variant { f16: halves && on.has_f16(), ..on.variant() };
            Ok(Gpu { on, variant }.into())
        })
    }

    /// Runs a small network whose answer is stored on that GPU: a promise of its error, as a share of the range.
    ///
    /// Rejects with `gpu_wrong`, or with what went wrong with the device.
    pub fn probe(gpu: &Gpu, gated: bool) -> Promise {
        let (device, variant) = (gpu.on.clone(), gpu.variant);
        promise(async move { probe(&device, variant, small(gated)).await }, |error| Ok(error.into()))
    }

    /// Asks the GPU for the pipelines of that small network, and forgets them.
    ///
    /// # Errors
    /// Throws what went wrong with the device.
    pub fn warm(gpu: &Gpu, gated: bool) -> JsResult<()> {
        warm(&gpu.on, gpu.variant, small(gated)).map_err(thrown)
    }

    /// Brings the weights to that GPU.
    ///
    /// # Errors
    /// Throws a `MobileNetError` where the network exceeds a limit of the adapter.
    pub fn attach(&mut self, gpu: &Gpu) -> JsResult<()> {
        self.net.attach(&gpu.on, gpu.variant).map_err(thrown)
    }

    /// Lets go of the GPU.
    pub fn detach(&mut self) {
        self.net.detach();
    }

    /// `[pipelines, dispatches, bytes read back]` of a call for labels; empty where no GPU is attached.
    #[wasm_bindgen(js_name = gpuCost)]
    #[must_use]
    pub fn gpu_cost(&self) -> Vec<usize> {
        let cost = |cost: crate::net::GpuCost| vec![cost.pipelines, cost.dispatches, cost.readback_bytes];
        self.net.gpu_cost().map_or_else(Vec::new, cost)
    }

    /// As `classify`, on the GPU: a promise of class and probability, one pair after the other.
    ///
    /// # Errors
    /// Throws a `MobileNetError`, or rejects with one: with one of the GPU's codes where the CPU should be asked.
    #[wasm_bindgen(js_name = gpuClassify)]
    pub fn gpu_classify(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<Promise> {
        let options = Given::new(options)?;
        let (query, view) = (options.query(&self.net)?, options.view()?);
        let answer = self.seen(frame, |net, picture| net.gpu_classify(picture, &view, &query))?;
        let pair = |label: &Label| [label.index as f64, f64::from(label.probability)];
        let pairs = move |labels: Vec<Label>| labels.iter().flat_map(pair).collect::<Vec<_>>();
        Ok(promise(answer, move |labels| Ok(Float64Array::from(pairs(labels).as_slice()).into())))
    }

    /// What `classify` gives, for the pairs of class and probability that `gpuClassify` has promised.
    ///
    /// # Errors
    /// Throws when JavaScript refuses the object, which it has no reason to.
    pub fn named(&self, pairs: &[f64]) -> JsResult<JsValue> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they were usize and f32")]
        let label = |&[index, probability]: &[f64; 2]| Label { index: index as usize, probability: probability as f32 };
        self.labels(&pairs.as_chunks().0.iter().map(label).collect::<Vec<_>>())
    }

    /// As `infer`, on the GPU.
    ///
    /// # Errors
    /// As `gpuClassify`.
    #[wasm_bindgen(js_name = gpuInfer)]
    pub fn gpu_infer(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<Promise> {
        let (endpoints, view) = self.asked(options)?;
        let answer = self.seen(frame, |net, picture| net.gpu_infer(picture, &view, &names(&endpoints)))?;
        Ok(promise(answer, |tensors| Ok(tensors.iter().map(tensor).collect::<JsResult<Array>>()?.into())))
    }

    /// As `gpuInfer`, but the maps stay on the GPU: `[{ endpoint, shape, buffer: GPUBuffer }]`, of vectors of four
    /// channels each. They are on their way, and the caller's.
    ///
    /// # Errors
    /// As `gpuClassify`.
    #[wasm_bindgen(js_name = gpuKeep)]
    pub fn gpu_keep(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<Array> {
        let (endpoints, view) = self.asked(options)?;
        let kept = self.seen(frame, |net, picture| net.gpu_keep(picture, &view, &names(&endpoints)))?;
        let object = |(endpoint, shape, buffer): &(String, Vec<usize>, Kept)| {
            let buffer = buffer.handle().into();
            object(&[("endpoint", endpoint.as_str().into()), ("shape", write(shape)?), ("buffer", buffer)])
        };
        kept.iter().map(object).collect()
    }

    /// How long each dispatch of a frame takes: a promise of what `profile` gives.
    ///
    /// # Errors
    /// As `gpuClassify`; rejects with `unsupported` where the adapter has no timestamps.
    #[wasm_bindgen(js_name = gpuProfile)]
    pub fn gpu_profile(&mut self, frame: &JsValue, options: &JsValue) -> JsResult<Promise> {
        let (endpoints, view) = self.asked(options)?;
        let answer = self.seen(frame, |net, picture| net.gpu_profile(picture, &view, &names(&endpoints)))?;
        Ok(promise(answer, |rows| Ok(profiled(&rows)?.into())))
    }
}

impl Engine {
    /// Has the GPU look at a frame: by a copy of its own, or where it cannot make one of this picture, at its bytes.
    fn seen<T>(&mut self, frame: &JsValue, mut look: impl FnMut(&mut Net, &Picture<'_>) -> Result<T>) -> JsResult<T> {
        let picture = self.pixels.picture(frame)?;
        let looked = look(&mut self.net, &picture);
        if matches!(&looked, Err(error) if error.kind() == Kind::SourceUnsupported) {
            let bytes = Picture::Bytes(self.pixels.read(frame)?);
            return look(&mut self.net, &bytes).map_err(thrown);
        }
        looked.map_err(thrown)
    }
}
