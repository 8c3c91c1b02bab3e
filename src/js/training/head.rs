//! A head for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::{Given, write};
use super::options::{count, said, seed, task};
use crate::train;
use crate::train::file::{self, Said};
use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// What is put on a network's features.
#[wasm_bindgen]
pub struct Head {
    pub(super) head: train::Head,
    said: Option<Said>,
}

impl From<train::Head> for Head {
    fn from(head: train::Head) -> Self {
        Self { head, said: None }
    }
}

#[derive(Serialize)]
struct Info<'a> {
    features: usize,
    outputs: usize,
    hidden: usize,
    task: &'a str,
    method: &'a str,
    params: usize,
    said: Option<InfoSaid<'a>>,
}

#[derive(Serialize)]
struct InfoSaid<'a> {
    classes: &'a [String],
    preprocessing: &'a str,
    endpoint: &'a str,
    backbone: &'a str,
    seed: u64,
    threshold: Option<f32>,
    version: &'a str,
}

#[wasm_bindgen]
impl Head {
    /// `{ features, outputs, task?, hidden?, seed? }`, with random weights.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option`.
    pub fn create(options: &JsValue) -> JsResult<Self> {
        console_error_panic_hook::set_once();
        let given = Given::new(options)?;
        let number = |option: &str| count(&given, option).map(Option::unwrap_or_default);
        let (features, outputs, hidden) = (number("features")?, number("outputs")?, number("hidden")?);
        train::Head::create(task(&given)?, features, outputs, hidden, seed(&given)?).map(Self::from).map_err(thrown)
    }

    /// `{ features, task? }` and one or two layers `{ kernel: Float32Array, bias: Float32Array }`, kernels `[in, out]`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_shape`, `not_finite` or `bad_option`.
    #[wasm_bindgen(js_name = fromKernels)]
    pub fn from_kernels(options: &JsValue, layers: &Array) -> JsResult<Self> {
        let given = Given::new(options)?;
        let mut copies = Vec::new();
        for layer in layers.iter() {
            let numbers = |key: &str| -> JsResult<Vec<f32>> {
                Ok(Reflect::get(&layer, &key.into())?.dyn_into::<Float32Array>()?.to_vec())
            };
            copies.push((numbers("kernel")?, numbers("bias")?));
        }
        let layers: Vec<(&[f32], &[f32])> = copies.iter().map(|(kernel, bias)| (&kernel[..], &bias[..])).collect();
        let features = count(&given, "features")?.unwrap_or_default();
        train::Head::from_kernels(task(&given)?, features, &layers).map(Self::from).map_err(thrown)
    }

    /// A head that `write` wrote.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the file.
    pub fn read(bytes: &[u8]) -> JsResult<Self> {
        console_error_panic_hook::set_once();
        let (head, said) = file::read(bytes).map_err(thrown)?;
        Ok(Self { head, said: Some(said) })
    }

    /// Probabilities, or numbers.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_backbone`.
    pub fn predict(&self, vector: &[f32]) -> JsResult<Vec<f32>> {
        self.head.predict(vector).map_err(thrown)
    }

    /// The derivative of an output's logit by each feature.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_backbone` or `bad_option`.
    pub fn gradient(&self, vector: &[f32], output: usize) -> JsResult<Vec<f32>> {
        self.head.gradient(vector, output).map_err(thrown)
    }

    /// What it is; `said` is what its file says beside the numbers, or null.
    ///
    /// # Errors
    /// None that is known.
    pub fn info(&self) -> JsResult<JsValue> {
        let said = self.said.as_ref().map(|said| InfoSaid {
            classes: &said.classes,
            preprocessing: &said.preprocessing,
            endpoint: &said.endpoint,
            backbone: &said.backbone,
            seed: said.seed,
            threshold: said.threshold,
            version: &said.version,
        });
        let info = write(&Info {
            features: self.head.features(),
            outputs: self.head.outputs(),
            hidden: self.head.hidden(),
            task: self.head.task().name(),
            method: self.head.method().name(),
            params: self.head.params(),
            said,
        })?;
        if let Some(Said { fingerprint, metrics, .. }) = &self.said {
            let said = Reflect::get(&info, &"said".into())?;
            Reflect::set(&said, &"fingerprint".into(), &Float32Array::from(&fingerprint[..]))?;
            Reflect::set(&said, &"metrics".into(), &numbers(metrics)?.into())?;
        }
        Ok(info)
    }

    /// Safetensors with everything that `options` say.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option`.
    pub fn write(&self, options: &JsValue) -> JsResult<Vec<u8>> {
        file::write(&self.head, &said(&Given::new(options)?)?).map_err(thrown)
    }

    /// Files `{ name, bytes }` of TensorFlow.js layers.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option` or `unsupported`.
    pub fn tfjs(&self, options: &JsValue) -> JsResult<Array> {
        let parts = file::to_tfjs(&self.head, &said(&Given::new(options)?)?).map_err(thrown)?;
        let object = |part: file::Part| -> JsResult<JsValue> {
            let object = Object::new();
            Reflect::set(&object, &"name".into(), &part.name.into())?;
            Reflect::set(&object, &"bytes".into(), &Uint8Array::from(&part.bytes[..]))?;
            Ok(object.into())
        };
        parts.into_iter().map(object).collect()
    }

    /// An ONNX file.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option` or `unsupported`.
    pub fn onnx(&self, options: &JsValue) -> JsResult<Vec<u8>> {
        file::to_onnx(&self.head, &said(&Given::new(options)?)?).map_err(thrown)
    }
}

fn numbers(metrics: &[(String, f64)]) -> JsResult<Object> {
    let object = Object::new();
    for (name, value) in metrics {
        Reflect::set(&object, &name.as_str().into(), &JsValue::from_f64(*value))?;
    }
    Ok(object)
}
