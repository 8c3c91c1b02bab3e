//! Options of training as JavaScript writes them.

use super::super::errors::{JsResult, thrown};
use super::super::options::{Given, bad, whole};
use crate::train::file::Said;
use crate::train::{Augmentation, ClassWeights, EarlyStopping, FitOptions, Part, Rule, Schedule, Task, named};
use js_sys::{Array, Float32Array, Reflect};
use wasm_bindgen::JsValue;

/// A count as JavaScript has numbers.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
pub fn real(count: usize) -> f64 {
    count as f64
}

pub fn count(given: &Given<'_>, option: &str) -> JsResult<Option<usize>> {
    given.number(option)?.map(|value| whole(value, option).map_err(thrown)).transpose()
}

#[expect(clippy::cast_possible_truncation, reason = "options are computed with as singles")]
fn single(given: &Given<'_>, option: &str, default: f32) -> JsResult<f32> {
    Ok(given.number(option)?.map_or(default, |value| value as f32))
}

fn flag(given: &Given<'_>, option: &str) -> JsResult<bool> {
    given.get(option).map_or(Ok(false), |value| {
        value.as_bool().ok_or_else(|| thrown(bad(option, "true or false", &value, "Leave the option out for false.")))
    })
}

pub fn task(given: &Given<'_>) -> JsResult<Task> {
    given.text("task")?.map_or(Ok(Task::default()), |name| named("task", &Task::ALL, &name).map_err(thrown))
}

/// `{ classes?: string[] }`.
pub fn names(given: &Given<'_>) -> JsResult<Vec<String>> {
    let Some(list) = given.get("classes") else { return Ok(Vec::new()) };
    let names = Array::is_array(&list).then(|| Array::from(&list).iter().map(|name| name.as_string()).collect());
    names.flatten().ok_or_else(|| thrown(bad("classes", "an array of names", &list, "")))
}

pub fn parts(given: &[u8]) -> JsResult<Vec<Part>> {
    let part = |&part: &u8| match part {
        0 => Ok(Part::Train),
        1 => Ok(Part::Validation),
        2 => Ok(Part::Test),
        other => Err(thrown(bad("parts", "0, 1 or 2", &other.into(), "`split` gives them."))),
    };
    given.iter().map(part).collect()
}

/// `{ classWeights?: "balanced" | number[] }`.
#[expect(clippy::cast_possible_truncation, reason = "weights are computed with as singles")]
pub fn class_weights(given: &Given<'_>) -> JsResult<ClassWeights> {
    let Some(value) = given.get("classWeights") else { return Ok(ClassWeights::Equal) };
    if value.as_string().as_deref() == Some("balanced") {
        return Ok(ClassWeights::Balanced);
    }
    let weights: Option<Vec<f32>> = Array::is_array(&value)
        .then(|| Array::from(&value).iter().map(|weight| weight.as_f64().map(|weight| weight as f32)).collect())
        .flatten();
    weights.map(ClassWeights::Given).ok_or_else(|| {
        thrown(bad("classWeights", "\"balanced\" or an array of numbers", &value, "Leave it out for equal weights."))
    })
}

fn schedule(given: &Given<'_>) -> JsResult<Schedule> {
    const KINDS: [(Schedule, &str); 4] = [
        (Schedule::Constant, "constant"),
        (Schedule::Cosine { end: 0.0 }, "cosine"),
        (Schedule::Exponential { factor: 0.9 }, "exponential"),
        (Schedule::Step { factor: 0.1, epochs: 10 }, "step"),
    ];
    let Some(value) = given.get("schedule") else { return Ok(Schedule::Constant) };
    let given = Given::new(&value)?;
    let kind = given.text("kind")?.unwrap_or_default();
    Ok(match named("schedule.kind", &KINDS, &kind).map_err(thrown)? {
        Schedule::Constant => Schedule::Constant,
        Schedule::Cosine { end } => Schedule::Cosine { end: single(&given, "end", end)? },
        Schedule::Exponential { factor } => Schedule::Exponential { factor: single(&given, "factor", factor)? },
        Schedule::Step { factor, epochs } => Schedule::Step {
            factor: single(&given, "factor", factor)?,
            epochs: count(&given, "epochs")?.unwrap_or(epochs),
        },
    })
}

/// Epochs without a better one, unless it is said.
const PATIENCE: usize = 5;

/// As `FitOptions` of the package's types.
pub fn fit(given: &Given<'_>) -> JsResult<FitOptions> {
    /// Of gradient descent, unless it is said.
    const MOMENTUM: f32 = 0.9;
    const RULES: [(Rule, &str); 2] = [(Rule::Adam, "adam"), (Rule::Sgd { momentum: MOMENTUM }, "sgd")];
    let default = FitOptions::default();
    let rule = given.text("optimizer")?;
    let rule = rule.map_or(Ok(Rule::Adam), |name| named("optimizer", &RULES, &name).map_err(thrown))?;
    let early_stopping = match given.get("earlyStopping") {
        None => None,
        Some(value) => {
            let given = Given::new(&value)?;
            let patience = count(&given, "patience")?.unwrap_or(PATIENCE);
            Some(EarlyStopping { patience, min_delta: single(&given, "minDelta", 0.0)? })
        }
    };
    Ok(FitOptions {
        epochs: count(given, "epochs")?.unwrap_or(default.epochs),
        initial_epoch: count(given, "initialEpoch")?.unwrap_or(default.initial_epoch),
        batch_size: count(given, "batchSize")?.unwrap_or(default.batch_size),
        optimizer: match rule {
            Rule::Adam => Rule::Adam,
            Rule::Sgd { momentum } => Rule::Sgd { momentum: single(given, "momentum", momentum)? },
        },
        learning_rate: single(given, "learningRate", default.learning_rate)?,
        schedule: schedule(given)?,
        l2: single(given, "l2", default.l2)?,
        label_smoothing: single(given, "labelSmoothing", default.label_smoothing)?,
        dropout: single(given, "dropout", default.dropout)?,
        class_weights: class_weights(given)?,
        early_stopping,
        seed: seed(given)?,
    })
}

/// The same of the network's end: `fineTuneEpochs` and `fineTuneLearningRate` in the place of the head's.
pub fn fine_tuning(given: &Given<'_>) -> JsResult<FitOptions> {
    /// Unless it is said.
    const EPOCHS: usize = 10;
    /// Of the head's learning rate, unless it is said: what was learnt before should stay.
    const SHARE: f32 = 0.1;
    let head = fit(given)?;
    Ok(FitOptions {
        epochs: count(given, "fineTuneEpochs")?.unwrap_or(EPOCHS),
        initial_epoch: 0,
        learning_rate: single(given, "fineTuneLearningRate", head.learning_rate * SHARE)?,
        ..head
    })
}

/// `{ seed?: number }`.
pub fn seed(given: &Given<'_>) -> JsResult<u64> {
    Ok(count(given, "seed")?.map_or(1, |seed| seed as u64))
}

/// As `Augmentation` of the package's types.
pub fn augmentation(given: &Given<'_>) -> JsResult<Augmentation> {
    Ok(Augmentation {
        flip_horizontal: flag(given, "flipHorizontal")?,
        flip_vertical: flag(given, "flipVertical")?,
        rotation: single(given, "rotation", 0.0)?,
        translation: single(given, "translation", 0.0)?,
        zoom: single(given, "zoom", 0.0)?,
        brightness: single(given, "brightness", 0.0)?,
        contrast: single(given, "contrast", 0.0)?,
    })
}

/// `{ classes?, preprocessing?, endpoint?, backbone?, fingerprint?, metrics?, seed?, threshold? }`.
#[expect(clippy::cast_possible_truncation, reason = "a probability")]
pub fn said(given: &Given<'_>) -> JsResult<Said> {
    let text = |option: &str| given.text(option).map(Option::unwrap_or_default);
    let mut metrics = Vec::new();
    if let Some(object) = given.get("metrics") {
        for name in Reflect::own_keys(&object)?.iter().filter_map(|key| key.as_string()) {
            // What was not measured is null.
            if let Some(value) = Reflect::get(&object, &name.as_str().into())?.as_f64() {
                metrics.push((name, value));
            }
        }
    }
    Ok(Said {
        classes: names(given)?,
        preprocessing: text("preprocessing")?,
        endpoint: text("endpoint")?,
        backbone: text("backbone")?,
        fingerprint: given.get("fingerprint").map_or_else(Vec::new, |list| Float32Array::new(&list).to_vec()),
        metrics,
        seed: seed(given)?,
        threshold: given.number("threshold")?.map(|value| value as f32),
        version: String::new(),
    })
}
