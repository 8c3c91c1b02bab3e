//! Ridge regression for JavaScript.

use super::super::errors::{JsResult, thrown};
use super::super::options::Given;
use super::head::Head;
use super::options::{class_weights, names, real, task};
use super::{Samples, training_rows};
use crate::train::{self, RidgeOptions, Solver};
use js_sys::{Object, Reflect};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// A head in closed form, under way.
#[wasm_bindgen]
pub struct Ridge {
    solver: Solver,
    samples: Rc<RefCell<train::Samples>>,
}

#[wasm_bindgen]
impl Ridge {
    /// Begins to solve. `options`: `{ task, l2?, classWeights?, classes? }`.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `too_few_samples` or `bad_option`.
    pub fn begin(samples: &Samples, parts: &[u8], options: &JsValue) -> JsResult<Self> {
        let given = Given::new(options)?;
        let samples = Rc::clone(&samples.0);
        let rows = training_rows(&samples.borrow(), parts)?;
        let default = RidgeOptions::default();
        let penalty = given.number("l2")?.unwrap_or(default.penalty);
        let names = names(&given)?;
        let options = RidgeOptions { task: task(&given)?, penalty, weights: class_weights(&given)?, names: &names };
        let solver = Solver::begin(&samples.borrow(), &rows, &options).map_err(thrown)?;
        Ok(Self { solver, samples })
    }

    /// Some 10 ms of work; whether there is more.
    ///
    /// # Errors
    /// Throws a `MobileNetError` with the code `bad_option`.
    pub fn step(&mut self) -> JsResult<bool> {
        self.solver.step(&self.samples.borrow()).map_err(thrown)
    }

    /// `{ head, leaveOneOutAccuracy, params }`, once all is done; it is gone then.
    ///
    /// # Errors
    /// None that is known.
    pub fn finish(self) -> JsResult<JsValue> {
        let found = self.solver.finish();
        let accuracy = found.accuracy.map_or(JsValue::NULL, JsValue::from_f64);
        let head = found.head();
        let object = Object::new();
        Reflect::set(&object, &"params".into(), &JsValue::from_f64(real(head.params())))?;
        Reflect::set(&object, &"leaveOneOutAccuracy".into(), &accuracy)?;
        Reflect::set(&object, &"head".into(), &Head::from(head).into())?;
        Ok(object.into())
    }
}
