//! The end of a network for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::{Given, bad, write};
use super::head::Head;
use super::options::{class_weights, count, fit, names, task};
use crate::train::tune::{self, BatchNorm, Cut, Score, StepOptions, TuneOptions};
use crate::train::{ClassWeights, FitOptions, Loss, Task, named};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A network whose end is trained.
#[wasm_bindgen]
pub struct Tuner {
    tuner: tune::Tuner,
    task: Task,
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

#[derive(Serialize)]
struct Scored {
    loss: f64,
    right: Option<usize>,
    samples: usize,
}

/// The largest batch unless it is said.
const BATCH_SIZE: usize = 16;

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
            batch_size: count(&given, "batchSize")?.unwrap_or(BATCH_SIZE),
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

    /// Puts a head on the network, which is trained with it.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `wrong_backbone` or `bad_option`.
    pub fn attach(&mut self, head: &Head) -> JsResult<()> {
        self.tuner.attach(&head.head).map_err(thrown)
    }

    /// One batch: `maps` are `[batch, h, w, c]` of the endpoint, `targets` `[batch, outputs]`. `options` as of `fit`, where
    /// `classWeights` are numbers: `{ loss, right, samples }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained`, `source_wrong_length`, `training_diverged` or `bad_option`.
    pub fn step(&mut self, maps: &[f32], targets: &[f32], options: &JsValue) -> JsResult<JsValue> {
        let given = Given::new(options)?;
        let options = fit(&given)?;
        options.check().map_err(thrown)?;
        let loss = self.loss_of(&options, &given)?;
        let FitOptions { optimizer, learning_rate, l2, .. } = options;
        let step = StepOptions { loss, optimizer, learning_rate, l2 };
        scored(self.tuner.step(maps, targets, &step))
    }

    /// How the network does on any number of samples, as it is in inference: `{ loss, right, samples }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `not_trained`, `source_wrong_length` or `bad_option`.
    pub fn loss(&mut self, maps: &[f32], targets: &[f32], options: &JsValue) -> JsResult<JsValue> {
        let given = Given::new(options)?;
        let loss = self.loss_of(&fit(&given)?, &given)?;
        scored(self.tuner.loss(maps, targets, &loss))
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
        Self { tuner, task }
    }

    fn loss_of(&self, options: &FitOptions, given: &Given<'_>) -> JsResult<Loss> {
        let weights = match class_weights(given)? {
            ClassWeights::Equal => None,
            ClassWeights::Given(weights) => match (self.task, &weights[..]) {
                (Task::Sigmoid, &[no, yes]) => Some(vec![[no, yes]]),
                _ => Some(weights.into_iter().map(|weight| [1.0, weight]).collect()),
            },
            ClassWeights::Balanced => {
                let found = "\"balanced\"".into();
                return Err(thrown(bad("classWeights", "numbers, one a class", &found, "Count the samples first.")));
            }
        };
        Ok(Loss { task: self.task, label_smoothing: options.label_smoothing, weights })
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

fn scored(score: crate::Result<Score>) -> JsResult<JsValue> {
    let Score { loss, right, samples } = score.map_err(thrown)?;
    write(&Scored { loss, right, samples })
}
