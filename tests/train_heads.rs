//! Heads against Keras and scikit-learn, which wrote tests/data/training/heads.json (`tools/golden/training.py`): the same
//! features, first weights and order of samples, by formula.

mod seeded;

use mobilenet_web::train::{
    ClassWeights, Dense, Descent, Head, Loss, Optimizer, Purpose, Random, RidgeOptions, Rule, Samples, Task,
    loss::largest, named, solve,
};
use seeded::numbers;
use serde_json::Value;

/// Of a loss, after up to twenty steps in single precision; Keras adds in another order.
const LOSS_TOLERANCE: f64 = 1e-4;
/// Of a weight after them: Adam's first steps depend on little more than signs.
const WEIGHT_TOLERANCE: f64 = 1e-4;
/// Of ridge regression: both solve in double precision, from features and to heads of single precision.
const RIDGE_TOLERANCE: f64 = 1e-5;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/training/heads.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("heads.json")).expect("JSON")
}

fn count(value: &Value, key: &str) -> usize {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} of {value}")) as usize
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn list(value: &Value, key: &str) -> Vec<f64> {
    let list = value[key].as_array().unwrap_or_else(|| panic!("{key} of {value}"));
    list.iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn close(what: &str, found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{what} {index}: {found} for {expected}");
    }
}

/// What `tools/golden/training.py` calls features and targets.
fn samples(task: Task, count: usize, features: usize, outputs: usize) -> Samples {
    let vectors = numbers("training/features", count * features);
    let drawn = numbers(&format!("training/targets/{}", task.name()), count * outputs);
    let mut samples = Samples::new(features, outputs).expect("counts");
    for (vector, drawn) in vectors.chunks(features).zip(drawn.chunks(outputs)) {
        let class = largest(drawn);
        let target = |(output, u): (usize, &f32)| match task {
            Task::Softmax => f32::from(u8::from(output == class)),
            Task::Sigmoid => f32::from(u8::from(*u > 0.0)),
            Task::Regression => *u,
        };
        let targets: Vec<f32> = drawn.iter().enumerate().map(target).collect();
        samples.push(vector, &targets).expect("a sample");
    }
    samples
}

#[test]
fn twenty_steps_lose_what_keras_loses() {
    let golden = golden();
    let (total, features, batch) = (count(&golden, "samples"), count(&golden, "features"), count(&golden, "batch"));
    let runs = golden["runs"].as_object().expect("runs");
    assert_eq!(runs.len(), 14);
    for (name, case) in runs {
        let task = named("task", &Task::ALL, case["task"].as_str().expect("a task")).expect("a task");
        let (outputs, hidden) = (count(case, "outputs"), count(case, "hidden"));
        let layer = |name: &str, inputs: usize, units: usize| {
            let part = |part: &str, count: usize, factor: f32| -> Vec<f32> {
                numbers(&format!("training/{name}/{part}"), count).into_iter().map(|u| u * factor).collect()
            };
            (part("kernel", inputs * units, 0.5), part("bias", units, 0.1))
        };
        let out = layer("out", if hidden > 0 { hidden } else { features }, outputs);
        let before = (hidden > 0).then(|| layer("hidden", features, hidden));
        let layers: Vec<(&[f32], &[f32])> =
            before.iter().chain([&out]).map(|(kernel, bias)| (&kernel[..], &bias[..])).collect();
        let head = Head::from_kernels(task, features, &layers).expect("a head");

        let momentum = number(case, "momentum") as f32;
        let rule = if case["optimizer"] == "adam" { Rule::Adam } else { Rule::Sgd { momentum } };
        let weights: Vec<f32> = list(case, "class_weights").into_iter().map(|weight| weight as f32).collect();
        let weights = match weights[..] {
            [] => None,
            [no, yes] if outputs == 1 => Some(vec![[no, yes]]),
            _ => Some(weights.into_iter().map(|weight| [1.0, weight]).collect()),
        };
        let loss = Loss { task, label_smoothing: number(case, "label_smoothing") as f32, weights };
        let l2 = number(case, "l2") as f32;
        let mut descent = Descent::new(&head, Optimizer::new(rule), loss, l2, 0.0).expect("layers");
        let samples = samples(task, total, features, outputs);
        let expected = list(case, "losses");
        let mut random = Random::new(1, Purpose::Dropout, [0, 0]);
        let losses = (0..expected.len()).map(|step| {
            let rows: Vec<usize> = (0..batch).map(|i| (step * batch + i) % total).collect();
            let rate = number(case, "learning_rate") as f32;
            descent.step(&samples, &rows, rate, &mut random).expect("a step").loss
        });
        let losses: Vec<f64> = losses.collect();
        let worst = losses.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name}: losses differ by {worst:.1e} at most");
        close(&format!("{name}: loss"), losses, &expected, LOSS_TOLERANCE);
        if hidden == 0 {
            let head = descent.head();
            let last: &Dense = head.single().expect("one layer");
            let weights = last.kernel().into_iter().map(f64::from);
            close(&format!("{name}: weight"), weights, &list(case, "kernel"), WEIGHT_TOLERANCE);
            let biases = last.biases.iter().copied().map(f64::from);
            close(&format!("{name}: bias"), biases, &list(case, "bias"), WEIGHT_TOLERANCE);
        }
    }
}

#[test]
fn ridge_is_scikit_learns_and_so_is_what_leaves_one_out() {
    let golden = golden();
    for (name, case) in golden["ridges"].as_object().expect("ridges") {
        let samples = samples(Task::Softmax, count(case, "samples"), count(case, "features"), count(case, "outputs"));
        let rows: Vec<usize> = (0..samples.len()).collect();
        let weights = if case["weighted"] == true { ClassWeights::Balanced } else { ClassWeights::Equal };
        let options = RidgeOptions { penalty: number(case, "penalty"), weights, ..RidgeOptions::default() };
        let found = solve(&samples, &rows, &options).expect("a solution");
        let double = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let about = |what: &str| format!("{name}: {what}");
        close(&about("coefficient"), double(&found.layer.weights), &list(case, "coefficients"), RIDGE_TOLERANCE);
        close(&about("intercept"), double(&found.layer.biases), &list(case, "intercepts"), RIDGE_TOLERANCE);
        close(&about("left out"), double(&found.left_out), &list(case, "left_out"), RIDGE_TOLERANCE);
        close(&about("accuracy"), found.accuracy, &[number(case, "accuracy")], 1e-9);
    }
}
