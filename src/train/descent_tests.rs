//! A step's gradient against central differences of the loss in f64; dropout; and what diverges.

use super::super::optimizer::Rule;
use super::super::random::{Purpose, Random};
use super::super::{Method, Task};
use super::*;

const FEATURES: usize = 4;
const HIDDEN: usize = 3;
const OUTPUTS: usize = 2;

fn drawn(count: usize, place: u64) -> Vec<f32> {
    let mut random = Random::new(5, Purpose::Weights, [place, 0]);
    (0..count).map(|_| random.within(1.0)).collect()
}

fn head(task: Task, hidden: bool) -> Head {
    let layer = |inputs: usize, outputs: usize, place: u64| Dense {
        weights: drawn(inputs * outputs, place),
        biases: drawn(outputs, place + 1),
    };
    let before = hidden.then(|| layer(FEATURES, HIDDEN, 10));
    let out = layer(if hidden { HIDDEN } else { FEATURES }, OUTPUTS, 20);
    Head::dense(task, Method::Gradient, before, out)
}

fn samples() -> Samples {
    let mut samples = Samples::new(FEATURES, OUTPUTS).expect("counts");
    for row in 0..5_u8 {
        let one = f32::from(row % 2);
        samples.push(&drawn(FEATURES, u64::from(row) + 50), &[one, 1.0 - one]).expect("a sample");
    }
    samples
}

/// Loss and penalty of all samples in f64, of weights one behind another.
fn definition(task: Task, hidden: bool, l2: f64, weights: &[f64], samples: &Samples) -> f64 {
    let mut rest = weights;
    let mut next = |count: usize| {
        let (values, after) = rest.split_at(count);
        rest = after;
        values
    };
    let mut layers = Vec::new();
    for (inputs, outputs) in [(FEATURES, HIDDEN), (if hidden { HIDDEN } else { FEATURES }, OUTPUTS)] {
        if hidden || outputs == OUTPUTS {
            layers.push((next(inputs * outputs), next(outputs)));
        }
    }
    let penalty: f64 = layers.iter().flat_map(|layer| layer.0).map(|weight| weight * weight).sum();
    let mut sum = 0.0;
    for row in 0..samples.len() {
        let mut values: Vec<f64> = samples.vector(row).iter().map(|value| f64::from(*value)).collect();
        for (index, (weights, biases)) in layers.iter().enumerate() {
            let product = |row: &[f64]| row.iter().zip(&values).map(|(a, b)| a * b).sum::<f64>();
            let outputs = weights.chunks(values.len()).zip(*biases).map(|(row, bias)| product(row) + bias);
            let is_last = index + 1 == layers.len();
            values = outputs.map(|value| if is_last { value } else { value.max(0.0) }).collect();
        }
        let targets = samples.targets(row).iter().map(|target| f64::from(*target));
        let exponents: f64 = values.iter().map(|z| z.exp()).sum();
        sum += match task {
            Task::Softmax => values.iter().zip(targets).map(|(z, t)| -t * (z.exp() / exponents).ln()).sum::<f64>(),
            Task::Sigmoid => {
                let p = |z: f64| 1.0 / (1.0 + (-z).exp());
                values.iter().zip(targets).map(|(z, t)| -(t * p(*z).ln() + (1.0 - t) * (1.0 - p(*z)).ln())).sum::<f64>()
                    / OUTPUTS as f64
            }
            Task::Regression => values.iter().zip(targets).map(|(z, t)| (z - t).powi(2)).sum::<f64>() / OUTPUTS as f64,
        };
    }
    sum / samples.len() as f64 + l2 * penalty
}

/// All weights of a head, one behind another.
fn flat(hidden: Option<&Dense>, out: &Dense) -> Vec<f64> {
    let layers = hidden.into_iter().chain([out]);
    layers.flat_map(|layer| layer.weights.iter().chain(&layer.biases)).map(|weight| f64::from(*weight)).collect()
}

/// Plain gradient descent at a rate of 1 moves each weight by its derivative.
#[test]
fn steps_are_central_differences_of_the_whole_loss() {
    let samples = samples();
    let rows: Vec<usize> = (0..samples.len()).collect();
    for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
        for hidden in [false, true] {
            for l2 in [0.0_f32, 0.05] {
                let optimizer = Optimizer::new(Rule::Sgd { momentum: 0.0 });
                let mut descent =
                    Descent::new(&head(task, hidden), optimizer, Loss::new(task), l2, 0.0).expect("layers");
                let before = flat(descent.hidden.as_ref(), &descent.out);
                let mut random = Random::new(1, Purpose::Dropout, [0, 0]);
                let stepped = descent.step(&samples, &rows, 1.0, &mut random).expect("a step");
                let after = flat(descent.hidden.as_ref(), &descent.out);
                let of = |weights: &[f64]| definition(task, hidden, l2.into(), weights, &samples);
                assert!((stepped.loss - of(&before)).abs() < 1e-5);
                for index in 0..before.len() {
                    const STEP: f64 = 1e-5;
                    let at = |step: f64| {
                        let mut weights = before.clone();
                        weights[index] += step;
                        of(&weights)
                    };
                    let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let found = before[index] - after[index];
                    let about = format!("{task:?}, hidden {hidden}, l2 {l2}, weight {index}");
                    assert!((found - slope).abs() < 1e-5, "{about}: {found} for {slope}");
                }
            }
        }
    }
}

#[test]
fn dropout_leaves_out_its_share_and_keeps_the_mean() {
    let mut values = vec![2.0; 40_000];
    drop_out(&mut values, 0.25, &mut Random::new(1, Purpose::Dropout, [0, 0]));
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    assert!((9_500..10_500).contains(&zeros), "{zeros}");
    assert!(values.iter().all(|value| *value == 0.0 || (*value - 8.0 / 3.0).abs() < 1e-6));
    let mut untouched = vec![1.0, 2.0];
    drop_out(&mut untouched, 0.0, &mut Random::new(1, Purpose::Dropout, [0, 0]));
    assert_eq!(untouched, [1.0, 2.0]);
}

/// With every unit kept by chance, a step with dropout is one whose features were scaled; its gradient must be too.
#[test]
fn gradients_pass_dropout_as_values_do() {
    let samples = samples();
    let share = 0.5;
    let optimizer = || Optimizer::new(Rule::Sgd { momentum: 0.0 });
    let mut dropped = Descent::new(&head(Task::Softmax, true), optimizer(), Loss::new(Task::Softmax), 0.0, share);
    let dropped = dropped.as_mut().expect("layers");
    let mut random = Random::new(4, Purpose::Dropout, [0, 0]);
    let before = flat(dropped.hidden.as_ref(), &dropped.out);
    dropped.step(&samples, &[0], 1.0, &mut random).expect("a step");
    let after = flat(dropped.hidden.as_ref(), &dropped.out);

    // The same draws by hand: masks of inputs, then of units.
    let mut random = Random::new(4, Purpose::Dropout, [0, 0]);
    let mut inputs = samples.vector(0).to_vec();
    drop_out(&mut inputs, share, &mut random);
    let mut mask = vec![1.0; HIDDEN];
    drop_out(&mut mask, share, &mut random);
    let of = |weights: &[f64]| {
        let (first, rest) = weights.split_at(FEATURES * HIDDEN);
        let (first_biases, rest) = rest.split_at(HIDDEN);
        let (second, biases) = rest.split_at(HIDDEN * OUTPUTS);
        let units: Vec<f64> = (0..HIDDEN)
            .map(|unit| {
                let row = first[unit * FEATURES..].iter().zip(&inputs).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
                (row + first_biases[unit]).max(0.0) * f64::from(mask[unit])
            })
            .collect();
        let logit = |output: usize| {
            (0..HIDDEN).map(|unit| second[output * HIDDEN + unit] * units[unit]).sum::<f64>() + biases[output]
        };
        let sum: f64 = (0..OUTPUTS).map(|output| logit(output).exp()).sum();
        -(logit(samples.class(0)).exp() / sum).ln()
    };
    for index in 0..before.len() {
        const STEP: f64 = 1e-5;
        let at = |step: f64| {
            let mut weights = before.clone();
            weights[index] += step;
            of(&weights)
        };
        let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
        let found = before[index] - after[index];
        assert!((found - slope).abs() < 1e-5, "weight {index}: {found} for {slope}");
    }
}

#[test]
fn what_diverges_says_so() {
    let mut samples = Samples::new(1, 1).expect("counts");
    samples.push(&[1e10], &[-1e10]).expect("a sample");
    let rates = [1e30, 1e-3];
    for (rate, place) in rates.into_iter().zip(["weights", "loss"]) {
        let head =
            Head::dense(Task::Regression, Method::Gradient, None, Dense { weights: vec![1.0], biases: vec![0.0] });
        let optimizer = Optimizer::new(Rule::Sgd { momentum: 0.0 });
        let mut descent = Descent::new(&head, optimizer, Loss::new(Task::Regression), 0.0, 0.0).expect("layers");
        if place == "loss" {
            descent.out.weights[0] = f32::MAX;
        }
        let mut random = Random::new(1, Purpose::Dropout, [0, 0]);
        let error = descent.step(&samples, &[0], rate, &mut random).expect_err("divergence");
        assert_eq!(error.kind(), Kind::TrainingDiverged);
        assert!(error.to_string().starts_with(place) && error.to_string().contains("learningRate"), "{error}");
    }
}
