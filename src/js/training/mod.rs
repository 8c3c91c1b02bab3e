//! The face of the module that trains: samples, heads, runs, and what is asked about them. `pkg/teaching.js` drives it.

mod head;
mod heat;
mod options;
mod ridge;
mod run;
mod tuner;

use super::errors::{JsResult, thrown};
use super::options::{Given, write};
use crate::frame::region;
use crate::model::PRESETS;
use crate::train::{self, Augmentation, Evaluation, Method, Part, Picture, Purpose, Random, nearest, rows_by_part};
use head::Head;
use options::{augmentation, names, parts, task};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Vectors with what is to be learnt of them.
#[wasm_bindgen]
pub struct Samples(Rc<RefCell<train::Samples>>);

#[wasm_bindgen]
impl Samples {
    /// None yet.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option`.
    #[wasm_bindgen(constructor)]
    pub fn new(features: usize, outputs: usize) -> JsResult<Self> {
        console_error_panic_hook::set_once();
        let samples = train::Samples::new(features, outputs).map_err(thrown)?;
        Ok(Self(Rc::new(RefCell::new(samples))))
    }

    /// Adds one; its row.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_shape` or `not_finite`; nothing is added then.
    pub fn push(&self, vector: &[f32], targets: &[f32]) -> JsResult<usize> {
        self.0.borrow_mut().push(vector, targets).map_err(thrown)
    }

    /// Another vector for a row.
    ///
    /// # Errors
    /// As `push`, and `bad_option`.
    pub fn replace(&self, row: usize, vector: &[f32]) -> JsResult<()> {
        self.0.borrow_mut().replace(row, vector).map_err(thrown)
    }

    /// How many there are.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.borrow().len()
    }
}

/// 0 for training, 1 for validation, 2 for test, one a sample.
///
/// # Errors
/// Throws a `MobileNetError` with the code `bad_option`.
#[wasm_bindgen]
pub fn split(labels: &[u32], bursts: &[u32], shares: &[f32], seed: u32) -> JsResult<Vec<u8>> {
    console_error_panic_hook::set_once();
    let shares = std::array::from_fn(|index| shares.get(index).copied().unwrap_or_default());
    let parts = train::split(labels, bursts, shares, seed.into()).map_err(thrown)?;
    Ok(parts.into_iter().map(|part| part as u8).collect())
}

/// A picture of `out_width` × `out_height` px, changed by chance.
///
/// # Errors
/// Throws a `MobileNetError` with the code `bad_option`, `source_empty` or `source_wrong_length`.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "called for every picture of every epoch")]
pub fn augment(
    rgba: &[u8],
    width: usize,
    height: usize,
    out_width: usize,
    out_height: usize,
    options: &JsValue,
    seed: u32,
    sample: u32,
    epoch: u32,
) -> JsResult<Vec<u8>> {
    let changes: Augmentation = augmentation(&Given::new(options)?)?;
    let picture = Picture { rgba, width_px: width, height_px: height };
    let draw = [sample.into(), epoch.into()];
    train::augment(&picture, [out_width, out_height], &changes, seed.into(), draw).map_err(thrown)
}

/// Rows in the order of an epoch.
#[wasm_bindgen]
#[must_use]
pub fn order(mut rows: Vec<u32>, seed: u32, epoch: u32) -> Vec<u32> {
    Random::new(seed.into(), Purpose::Order, [epoch.into(), 0]).shuffle(&mut rows);
    rows
}

/// The part of a frame that a network sees: `[x, y, width, height]`, px of the frame.
///
/// # Errors
/// Throws a `MobileNetError` with the code `bad_option` for a preset that nobody knows.
#[wasm_bindgen]
pub fn view(
    preprocessing: &str,
    width: usize,
    height: usize,
    input_width: usize,
    input_height: usize,
) -> JsResult<Vec<f64>> {
    let presets = PRESETS.map(|preset| (preset.crop, preset.name));
    let crop = train::named("preprocessing", &presets, preprocessing).map_err(thrown)?;
    Ok(region(crop, [height, width], [input_height, input_width]).to_vec())
}

/// A head without training. `options`: `{ task, method: "neighbours" | "centroids", neighbours?, classes? }`.
///
/// # Errors
/// Throws a `MobileNetError` with the code `too_few_samples` or `bad_option`.
#[wasm_bindgen]
pub fn nearest(samples: &Samples, parts: &[u8], options: &JsValue) -> JsResult<Head> {
    /// How many vote unless it is said.
    const NEIGHBOURS: usize = 5;
    let given = Given::new(options)?;
    let (task, names) = (task(&given)?, names(&given)?);
    let method = given.text("method")?.unwrap_or_default();
    let samples = samples.0.borrow();
    let rows = training_rows(&samples, parts)?;
    let head = match train::named("method", &Method::ALL[2..], &method).map_err(thrown)? {
        Method::Centroids => nearest::centroids(task, &samples, &rows, &names),
        _ => {
            let count = options::count(&given, "neighbours")?.unwrap_or(NEIGHBOURS);
            nearest::neighbours(task, &samples, &rows, count, &names)
        }
    };
    head.map(Head::from).map_err(thrown)
}

fn training_rows(samples: &train::Samples, given: &[u8]) -> JsResult<Vec<usize>> {
    let parts: Vec<Part> = parts(given)?;
    let [train, _, _] = rows_by_part(samples, &parts).map_err(thrown)?;
    Ok(train)
}

fn checked(samples: &train::Samples, rows: &[u32]) -> JsResult<Vec<usize>> {
    let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
    match rows.iter().find(|row| **row >= samples.len()) {
        Some(row) => {
            let expected = format!("rows below {}", samples.len());
            Err(thrown(super::options::bad("rows", &expected, &JsValue::from_f64(options::real(*row)), "")))
        }
        None => Ok(rows),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SaidOfHead<'a> {
    loss: f64,
    accuracy: Option<f64>,
    mean_squared_error: Option<f64>,
    confusion: Vec<Vec<usize>>,
    cells: &'a [Vec<Vec<usize>>],
    per_class: Vec<SaidOfClass>,
}

#[derive(Serialize)]
struct SaidOfClass {
    precision: Option<f64>,
    recall: Option<f64>,
    samples: usize,
}

/// How good a head is on some rows.
///
/// # Errors
/// Throws a `MobileNetError` with the code `wrong_backbone` or `bad_option`.
#[wasm_bindgen]
pub fn evaluate(head: &Head, samples: &Samples, rows: &[u32]) -> JsResult<JsValue> {
    let samples = samples.0.borrow();
    let rows = checked(&samples, rows)?;
    let Evaluation { loss, accuracy, mean_squared_error, cells, classes } =
        train::evaluate(&head.head, &samples, &rows).map_err(thrown)?;
    write(&SaidOfHead {
        loss,
        accuracy,
        mean_squared_error,
        confusion: cells.iter().map(|row| row.iter().map(Vec::len).collect()).collect(),
        cells: &cells,
        per_class: classes
            .into_iter()
            .map(|train::Class { precision, recall, samples }| SaidOfClass { precision, recall, samples })
            .collect(),
    })
}

/// The probability below which a picture is probably none of the classes: 95 of 100 right answers of `rows` lie above.
///
/// # Errors
/// As `evaluate`.
#[wasm_bindgen]
pub fn threshold(head: &Head, samples: &Samples, rows: &[u32]) -> JsResult<JsValue> {
    let samples = samples.0.borrow();
    let rows = checked(&samples, rows)?;
    let found = train::threshold(&head.head, &samples, &rows).map_err(thrown)?;
    Ok(found.map_or(JsValue::NULL, |value| JsValue::from_f64(value.into())))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    mislabelled: Vec<Mislabelled>,
    duplicates: Vec<Duplicate>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mislabelled {
    row: usize,
    label: usize,
    looks_like: usize,
    suspicion: f32,
}

#[derive(Serialize)]
struct Duplicate {
    rows: [usize; 2],
    similarity: f32,
}

#[derive(Serialize)]
struct Progress {
    done: usize,
    total: usize,
}

/// A search for samples that deserve a look.
#[wasm_bindgen]
pub struct Findings(train::Findings);

#[wasm_bindgen]
impl Findings {
    /// `options`: `{ task, bursts?: Uint32Array }`. A head says what it doubts as well.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_backbone` or `bad_option`.
    pub fn begin(samples: &Samples, head: &Head, options: &JsValue) -> JsResult<Self> {
        let given = Given::new(options)?;
        let bursts = given.get("bursts").map_or_else(Vec::new, |list| js_sys::Uint32Array::new(&list).to_vec());
        let (task, samples) = (task(&given)?, samples.0.borrow());
        train::Findings::begin(task, &samples, Some(&head.head), &bursts).map(Self).map_err(thrown)
    }

    /// Some 20 ms of work: `{ done, total }`, or null when all is done.
    ///
    /// # Errors
    /// None that is known.
    pub fn step(&mut self) -> JsResult<JsValue> {
        let total = self.0.total();
        self.0.step().map_or(Ok(JsValue::NULL), |done| write(&Progress { done, total }))
    }

    /// What was found so far.
    ///
    /// # Errors
    /// None that is known.
    pub fn finish(&self) -> JsResult<JsValue> {
        let (mislabelled, duplicates) = self.0.finish();
        let mislabelled = mislabelled.into_iter().map(|found| {
            let train::Mislabelled { row, label, looks_like, suspicion } = found;
            Mislabelled { row, label, looks_like, suspicion }
        });
        let duplicates =
            duplicates.into_iter().map(|train::Duplicate { rows, similarity }| Duplicate { rows, similarity });
        write(&Found { mislabelled: mislabelled.collect(), duplicates: duplicates.collect() })
    }
}
