//! Where a network sees its own classes, for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::Given;
use crate::train::tune;
use wasm_bindgen::prelude::*;

/// The end of a network, from its last map on.
#[wasm_bindgen]
pub struct Heat(tune::Heat);

#[wasm_bindgen]
impl Heat {
    /// Opens safetensors that the core module opens. `options`: `{ overrides? }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the file, or with the code `unknown_endpoint`.
    pub fn open(file: &[u8], options: &JsValue) -> JsResult<Self> {
        console_error_panic_hook::set_once();
        let overrides = Given::new(options)?.open()?.overrides;
        tune::Heat::open(file, &overrides).map(Self).map_err(thrown)
    }

    /// The endpoint whose map it takes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.0.endpoint().into()
    }

    /// `[h, w]`: how much each pixel of a map `[h, w, c]` speaks for the logit of a class.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `source_wrong_length` or `bad_option`.
    pub fn map(&mut self, map: &[f32], output: usize) -> JsResult<Vec<f32>> {
        self.0.map(map, output).map_err(thrown)
    }
}
