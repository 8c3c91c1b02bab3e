//! Models of several files: which is the main one, which others it asks for, and all of them opened.

use super::Engine;
use super::errors::{JsResult, thrown};
use super::options::{Given, write};
use super::source::Pixels;
use crate::net::Net;
use crate::weights::{self, Part};
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[derive(Serialize)]
struct Wanted {
    needed: Vec<String>,
    optional: Vec<String>,
}

#[wasm_bindgen]
impl Engine {
    /// Which of files of these names is the model's main one.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `missing_part`.
    #[wasm_bindgen(js_name = mainPart)]
    pub fn main_part(names: Vec<String>) -> JsResult<usize> {
        weights::main_part(&names.iter().map(|name| &**name).collect::<Vec<_>>()).map_err(thrown)
    }

    /// `{ needed, optional }`: paths of the other files that a model's main file asks for.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the main file.
    pub fn wanted(name: &str, bytes: &[u8]) -> JsResult<JsValue> {
        let weights::Wanted { needed, optional } = weights::wanted(&Part { name, bytes }).map_err(thrown)?;
        write(&Wanted { needed, optional })
    }

    /// Opens a model of several files, the main one first; options as of the constructor.
    ///
    /// # Errors
    /// Throws a `MobileNetError`.
    pub fn parts(names: Vec<String>, parts: Vec<Uint8Array>, options: &JsValue) -> JsResult<Engine> {
        console_error_panic_hook::set_once();
        let copies: Vec<Vec<u8>> = parts.iter().map(Uint8Array::to_vec).collect();
        let parts: Vec<Part<'_>> = names.iter().zip(&copies).map(|(name, bytes)| Part { name, bytes }).collect();
        let net = Net::open_parts(&parts, &Given::new(options)?.open()?).map_err(thrown)?;
        Ok(Engine { net, pixels: Pixels::new() })
    }
}
