//! Where a network, or a head on it, sees a class, for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::Given;
use crate::train::tune;
use wasm_bindgen::prelude::*;

/// A network from its last map to a vector.
#[wasm_bindgen]
pub struct Heat(tune::Heat);

#[wasm_bindgen]
impl Heat {
    /// Opens safetensors that the core module opens. `options`: `{ overrides? }`, and `endpoint` is the vector's.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the file, or with the code `unknown_endpoint`.
    pub fn open(file: &[u8], endpoint: &str, options: &JsValue) -> JsResult<Self> {
        console_error_panic_hook::set_once();
        let overrides = Given::new(options)?.open()?.overrides;
        tune::Heat::open(file, endpoint, &overrides).map(Self).map_err(thrown)
    }

    /// The endpoint whose map it takes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.0.endpoint().into()
    }

    /// `[h, w]`: how much each pixel of a map `[h, w, c]` speaks for a number whose derivatives by the vector are `slopes`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `source_wrong_length`.
    pub fn map(&mut self, map: &[f32], slopes: &[f32]) -> JsResult<Vec<f32>> {
        self.0.map(map, slopes).map_err(thrown)
    }
}
