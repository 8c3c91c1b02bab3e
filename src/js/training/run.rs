//! A run of epochs for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::{Given, write};
use super::Samples;
use super::head::Head;
use super::options::{fit, names, parts};
use crate::train::{self, Stopped};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// One `fit` by gradient.
#[wasm_bindgen]
pub struct Run {
    run: train::Run,
    samples: Rc<RefCell<train::Samples>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    best_epoch: Option<usize>,
    stopped: &'static str,
    params: usize,
    split: Split,
}

#[derive(Serialize)]
struct Split {
    train: usize,
    validation: usize,
    test: usize,
}

#[wasm_bindgen]
impl Run {
    /// Begins to train what the head is now; it stays as it is. `options` as `FitOptions`, with `classes` and `seed`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `too_few_samples`, `wrong_backbone` or `bad_option`.
    pub fn begin(head: &Head, samples: &Samples, given_parts: &[u8], options: &JsValue) -> JsResult<Self> {
        let given = Given::new(options)?;
        let (options, names, parts) = (fit(&given)?, names(&given)?, parts(given_parts)?);
        let samples = Rc::clone(&samples.0);
        let run = train::Run::begin(&head.head, &samples.borrow(), &parts, options, &names).map_err(thrown)?;
        Ok(Self { run, samples })
    }

    /// One batch, or some of the validation: `{ batch }`, `{ validating }` or `{ epoch }`; null when the run is over.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `training_diverged`.
    pub fn step(&mut self) -> JsResult<JsValue> {
        let event = self.run.step(&self.samples.borrow()).map_err(thrown)?;
        event.map_or(Ok(JsValue::NULL), |event| write(&event))
    }

    /// `{ bestEpoch, stopped, params, split }` so far.
    ///
    /// # Errors
    /// None that is known.
    pub fn outcome(&self) -> JsResult<JsValue> {
        let [train, validation, test] = self.run.counts();
        write(&Outcome {
            best_epoch: self.run.best_epoch(),
            stopped: match self.run.stopped() {
                Stopped::Done => "done",
                Stopped::Early => "early",
                Stopped::Aborted => "aborted",
            },
            params: self.run.params(),
            split: Split { train, validation, test },
        })
    }

    /// The head of the best epoch so far.
    #[must_use]
    pub fn finish(&self) -> Head {
        self.run.finish().into()
    }
}
