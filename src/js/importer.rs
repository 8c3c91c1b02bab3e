//! The importer's face: files of every framework in, safetensors that the core module opens out.

use super::errors::{JsResult, thrown};
use super::options::{Given, write};
use crate::net::Choice;
use crate::weights::{self, Part};
use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[derive(Serialize)]
struct Wanted {
    needed: Vec<String>,
    optional: Vec<String>,
}

/// What is known of the file, by the names that a loaded network's information has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    version: &'a str,
    multiplier: f32,
    input_height: usize,
    input_width: usize,
    classes: usize,
    label_set: &'a str,
    labels: bool,
    preprocessing: &'a str,
    padding: &'a str,
    batch_norm_epsilon: f32,
    format: &'a str,
    naming: &'a str,
    inferred: Vec<super::origin::Inferred<'a>>,
    warnings: Vec<super::origin::Warning<'a>>,
}

/// Reads files.
#[wasm_bindgen]
pub struct Importer;

#[wasm_bindgen]
impl Importer {
    /// Which of files of these names is the model's main one.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `missing_part`.
    #[wasm_bindgen(js_name = mainPart)]
    pub fn main_part(names: Vec<String>) -> JsResult<usize> {
        console_error_panic_hook::set_once();
        weights::main_part(&names.iter().map(|name| &**name).collect::<Vec<_>>()).map_err(thrown)
    }

    /// `{ needed, optional }`: paths of the other files that a model's main file asks for.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the main file.
    pub fn wanted(name: &str, bytes: &[u8]) -> JsResult<JsValue> {
        console_error_panic_hook::set_once();
        let weights::Wanted { needed, optional } = weights::wanted(&Part { name, bytes }).map_err(thrown)?;
        write(&Wanted { needed, optional })
    }

    /// The files of a model, the main one first, as `{ bytes: Uint8Array }` and what there is to say of them. `options`:
    /// `{ backend?, overrides?: { [key]: string }, precision?: "kept" | "f32" | "f16" | "int8" }`. Takes the files out of
    /// `parts`, so that what was copied here need not be there as well.
    ///
    /// # Errors
    /// Throws a `MobileNetError` whose `code` is one of [`crate::Kind::code`]'s.
    pub fn convert(names: Vec<String>, parts: &Array, options: &JsValue) -> JsResult<JsValue> {
        console_error_panic_hook::set_once();
        let options = Given::new(options)?;
        let (given, precision) = (options.open()?, options.precision()?);
        let mut copies = Vec::with_capacity(names.len());
        while parts.length() > 0 {
            copies.push(parts.shift().dyn_into::<Uint8Array>()?.to_vec());
        }
        let parts: Vec<Part<'_>> = names.iter().zip(&copies).map(|(name, bytes)| Part { name, bytes }).collect();
        let said = |file| -> crate::Result<JsResult<JsValue>> {
            let mut checkpoint = weights::checkpoint(file, &given.overrides)?;
            if given.backend == Choice::Gpu {
                // Shaders compute in floats.
                checkpoint.integers = None;
            }
            let bytes = checkpoint.to_safetensors(precision)?;
            Ok(describe(&checkpoint, &bytes))
        };
        let file = match &parts[..] {
            [only] => weights::read(only.bytes),
            _ => weights::read_parts(&parts),
        };
        file.and_then(said).map_err(thrown)?
    }
}

fn describe(checkpoint: &weights::Checkpoint<'_>, bytes: &[u8]) -> JsResult<JsValue> {
    let spec = &checkpoint.spec;
    let object = Object::from(write(&Said {
        version: spec.version.name(),
        multiplier: spec.multiplier,
        input_height: spec.height_px,
        input_width: spec.width_px,
        classes: spec.classes,
        label_set: &spec.label_set,
        labels: !spec.labels.is_empty(),
        preprocessing: spec.preprocessing.name,
        padding: spec.padding.name(),
        batch_norm_epsilon: spec.batch_norm_epsilon,
        format: checkpoint.file().format.name(),
        naming: checkpoint.naming,
        inferred: super::origin::inferred(&checkpoint.inferred),
        warnings: super::origin::warnings(&checkpoint.warnings),
    })?);
    Reflect::set(&object, &"bytes".into(), &Uint8Array::from(bytes))?;
    Ok(object.into())
}
