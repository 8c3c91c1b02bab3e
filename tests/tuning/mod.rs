//! Networks of seeded weights whose end is trained, for whoever tests that.
#![allow(dead_code, reason = "each test takes what it needs")]

use crate::seeded::{self, Case};
use mobilenet_web::train::tune::{BatchNorm, Cut, StepOptions, TuneOptions, Tuner};
use mobilenet_web::train::{FitOptions, Head, Loss, Task};
use mobilenet_web::weights::Overrides;

pub fn case(name: &str) -> Case {
    let cases = seeded::cases(&seeded::committed());
    cases.into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

pub fn options(case: &Case, from: Cut, outputs: usize, batch_size: usize) -> TuneOptions {
    TuneOptions {
        overrides: Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() },
        from,
        task: if outputs == 1 { Task::Sigmoid } else { Task::Softmax },
        outputs,
        batch_norm: BatchNorm::Frozen,
        momentum: None,
        batch_size,
    }
}

/// A head of seeded weights.
pub fn head(features: usize, outputs: usize) -> Head {
    let task = if outputs == 1 { Task::Sigmoid } else { Task::Softmax };
    let (kernel, bias) = (seeded::tensor("head/kernel", &[features, outputs]), seeded::tensor("head/bias", &[outputs]));
    Head::from_kernels(task, features, &[(&kernel, &bias)]).expect("a head")
}

/// Batch `at`: maps and targets.
pub fn batch(tuner: &Tuner, at: usize, samples: usize, outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let shape = tuner.shape();
    let count = samples * shape.pixels() * shape.channels;
    let maps = seeded::numbers(&format!("maps/{at}"), count).into_iter().map(|value| 2.0 * value).collect();
    let target = |sample: usize, output: usize| f32::from(u8::from((sample + at) % outputs.max(2) == output));
    let targets = (0..samples).flat_map(|sample| (0..outputs).map(move |output| (sample, output)));
    (maps, targets.map(|(sample, output)| target(sample, output)).collect())
}

pub fn step(learning_rate: f32) -> StepOptions {
    step_of(Loss::new(Task::Softmax), learning_rate)
}

pub fn step_of(loss: Loss, learning_rate: f32) -> StepOptions {
    StepOptions::new(&FitOptions { learning_rate, ..FitOptions::default() }, loss, [0, 0])
}
