//! The end of a network for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::{Given, bad, write};
use super::head::Head;
use super::options::{count, fine_tuning, names, task};
use crate::error::{Error, Kind};
use crate::frame::Frame;
use crate::train::tune::{self, BatchNorm, Cut, Score, StepOptions, TuneOptions};
use crate::train::{FitOptions, Loss, Task, named};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A network whose end is trained.
#[wasm_bindgen]
pub struct Tuner {
    tuner: tune::Tuner,
    task: Task,
    /// What `begin` was told.
    fit: Option<(FitOptions, Loss)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    /// Null where pictures are taken.
    endpoint: Option<&'a str>,
    shape: [usize; 3],
    params: usize,
    layers: Vec<&'a str>,
    batch_size: usize,
    arena_bytes: usize,
}

/// Options with what was left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    epochs: usize,
    /// Null without early stopping.
    patience: Option<usize>,
    min_delta: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scored {
    loss: f64,
    right: Option<usize>,
    samples: usize,
    learning_rate: f32,
}

#[wasm_bindgen]
impl Tuner {
    /// Opens safetensors that the core module opens, for training. `options`:
    /// `{ from: string | number, layers?: number, outputs, task?, overrides?, batchNorm?, batchNormMomentum?, batchSize? }`; where
    /// `from` is a number, `layers` says how many the base has by the same count.
    ///
    /// # Errors
    /// Throws a `MobileNetError` about the file, or with the code `unknown_endpoint` or `bad_option`.
    #[expect(clippy::cast_possible_truncation, reason = "a momentum is computed with as a single")]
    pub fn open(file: Vec<u8>, options: &JsValue) -> JsResult<Self> {
        const BATCH_NORMS: [(BatchNorm, &str); 2] = [(BatchNorm::Frozen, "frozen"), (BatchNorm::Training, "training")];
        console_error_panic_hook::set_once();
        let given = Given::new(options)?;
        let batch_norm = given.text("batchNorm")?;
        let batch_norm = batch_norm.map(|name| named("batchNorm", &BATCH_NORMS, &name).map_err(thrown)).transpose()?;
        let task = task(&given)?;
        let options = TuneOptions {
            overrides: given.open()?.overrides,
            from: from(&given)?,
            task,
            outputs: count(&given, "outputs")?.unwrap_or_default(),
            batch_norm: batch_norm.unwrap_or_default(),
            momentum: given.number("batchNormMomentum")?.map(|value| value as f32),
            batch_size: count(&given, "batchSize")?.unwrap_or(FitOptions::default().batch_size),
        };
        Ok(Self::of(tune::Tuner::open(file, &options).map_err(thrown)?, task))
    }

    /// `{ endpoint, shape, params, layers, batchSize, arenaBytes }`.
    ///
    /// # Errors
    /// None that is known.
    pub fn info(&self) -> JsResult<JsValue> {
        let shape = self.tuner.shape();
        write(&Info {
            endpoint: self.tuner.endpoint(),
            shape: [shape.height, shape.width, shape.channels],
            params: self.tuner.params(),
            layers: self.tuner.layers(),
            batch_size: self.tuner.batch_size(),
            arena_bytes: self.tuner.arena_bytes(),
        })
    }

    /// What the network is given of a picture, `[h, w, 3]`: what `step` takes where there is no endpoint.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `source_empty` or `source_wrong_length`.
    pub fn picture(&mut self, rgba: &[u8], width: usize, height: usize) -> JsResult<Vec<f32>> {
        self.tuner.picture(&Frame { rgba, width_px: width, height_px: height }).map_err(thrown)
    }

    /// Puts a head on the network, which is trained with it.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_backbone` or `bad_option`.
    pub fn attach(&mut self, head: &Head) -> JsResult<()> {
        self.tuner.attach(&head.head).map_err(thrown)
    }

    /// How steps train, as `FitOptions` of the package's types have it; `targets`, `[samples, outputs]`, are those that balanced
    /// class weights count: `{ epochs, patience, minDelta }`, with what was left out.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option`.
    pub fn begin(&mut self, targets: &[f32], options: &JsValue) -> JsResult<JsValue> {
        let fit = fine_tuning(&Given::new(options)?)?;
        fit.check().map_err(thrown)?;
        let loss = fit.loss(self.task, self.tuner.outputs(), targets).map_err(thrown)?;
        let whole = Whole {
            epochs: fit.epochs,
            patience: fit.early_stopping.map(|stopping| stopping.patience),
            min_delta: fit.early_stopping.map_or(0.0, |stopping| stopping.min_delta),
        };
        self.fit = Some((fit, loss));
        write(&whole)
    }

    /// One batch, both counted from 0: `maps` are `[batch, h, w, c]` of the endpoint, `targets` `[batch, outputs]`:
    /// `{ loss, right, samples, learningRate }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained`, `source_wrong_length` or `training_diverged`.
    pub fn step(&mut self, maps: &[f32], targets: &[f32], epoch: usize, batch: usize) -> JsResult<JsValue> {
        let options = self.options(epoch, batch)?;
        scored(self.tuner.step(maps, targets, &options), options.learning_rate)
    }

    /// How the network does on any number of samples, as it is in inference: `{ loss, right, samples }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained` or `source_wrong_length`.
    pub fn loss(&mut self, maps: &[f32], targets: &[f32]) -> JsResult<JsValue> {
        let options = self.options(0, 0)?;
        scored(self.tuner.loss(maps, targets, &options), options.learning_rate)
    }

    /// Probabilities, or numbers, `[samples, outputs]`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained` or `source_wrong_length`.
    pub fn predict(&mut self, maps: &[f32]) -> JsResult<Vec<f32>> {
        self.tuner.predict(maps).map_err(thrown)
    }

    /// Keeps weights and statistics as they are.
    pub fn keep(&mut self) {
        self.tuner.keep();
    }

    /// Goes back to what was kept last.
    pub fn back(&mut self) {
        self.tuner.back();
    }

    /// The head as it stands.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained`.
    pub fn head(&self) -> JsResult<Head> {
        self.tuner.head().map(Head::from).map_err(thrown)
    }

    /// The whole network with its head as safetensors that the core module opens. `options`: `{ classes? }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained`, `training_diverged` or `bad_model`.
    pub fn write(&self, options: &JsValue) -> JsResult<Vec<u8>> {
        self.tuner.write(&names(&Given::new(options)?)?).map_err(thrown)
    }
}

impl Tuner {
    #[cfg_attr(not(feature = "threads"), expect(unused_mut, reason = "one thread has nothing to share"))]
    fn of(mut tuner: tune::Tuner, task: Task) -> Self {
        #[cfg(feature = "threads")]
        tuner.share(&crate::threads::POOL);
        Self { tuner, task, fit: None }
    }

    fn options(&self, epoch: usize, batch: usize) -> JsResult<StepOptions> {
        let begun = self.fit.as_ref().map(|(fit, loss)| StepOptions::new(fit, loss.clone(), [epoch, batch]));
        begun.ok_or_else(|| {
            let error = Error::new(Kind::NotTrained, "Tuner").expected("how steps train").found("nothing");
            thrown(error.remedy("Call begin() first."))
        })
    }
}

/// `{ from: string | number, layers?: number }`.
fn from(given: &Given<'_>) -> JsResult<Cut> {
    let Some(value) = given.get("from") else {
        return Err(thrown(bad("fineTuneFrom", "an endpoint or a layer's index", &JsValue::UNDEFINED, "")));
    };
    if let Some(endpoint) = value.as_string() {
        return Ok(Cut::Endpoint(endpoint));
    }
    let index = count(given, "from")?.unwrap_or_default();
    Ok(count(given, "layers")?.map_or(Cut::Layer(index), |layers| Cut::LayerOf(index, layers)))
}

fn scored(score: crate::Result<Score>, learning_rate: f32) -> JsResult<JsValue> {
    let Score { loss, right, samples } = score.map_err(thrown)?;
    write(&Scored { loss, right, samples, learning_rate })
}
