//! Each loss against its definition in f64, and its gradient against central differences of that definition.

use super::*;

const LOGITS: [f64; 4] = [1.5, -0.25, 0.75, -3.0];

/// The textbook's words, with nothing done against overflow.
fn definition(loss: &Loss, logits: &[f64], targets: &[f64]) -> f64 {
    let smoothing = f64::from(loss.label_smoothing);
    let count = logits.len() as f64;
    let weight = |output: usize, side: usize| loss.weights.as_ref().map_or(1.0, |w| f64::from(w[output][side]));
    match loss.task {
        Task::Softmax => {
            let sum: f64 = logits.iter().map(|z| z.exp()).sum();
            let class = targets.iter().position(|t| *t == 1.0).expect("one class");
            let terms = logits.iter().zip(targets);
            let terms = terms.map(|(z, t)| (t * (1.0 - smoothing) + smoothing / count) * (z.exp() / sum).ln());
            -terms.sum::<f64>() * weight(class, 1)
        }
        Task::Sigmoid => {
            let terms = logits.iter().zip(targets).enumerate().map(|(output, (z, t))| {
                let p = 1.0 / (1.0 + (-z).exp());
                let y = t * (1.0 - smoothing) + smoothing / 2.0;
                -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()) * weight(output, usize::from(*t > 0.5))
            });
            terms.sum::<f64>() / count
        }
        Task::Regression => logits.iter().zip(targets).map(|(z, t)| (z - t) * (z - t)).sum::<f64>() / count,
    }
}

#[test]
fn losses_and_gradients_are_those_of_the_definition() {
    let weights = Some(vec![[0.5, 2.0], [1.5, 0.25], [1.0, 3.0], [0.75, 1.25]]);
    for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
        for label_smoothing in [0.0, 0.1] {
            for weights in [None, weights.clone()].into_iter().filter(|w| w.is_none() || task != Task::Regression) {
                let loss = Loss { task, label_smoothing, weights };
                let targets: &[f64] = match task {
                    Task::Softmax => &[0.0, 0.0, 1.0, 0.0],
                    Task::Sigmoid => &[1.0, 0.0, 1.0, 1.0],
                    Task::Regression => &[0.5, 2.0, -1.0, 0.0],
                };
                let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
                let mut gradient = vec![f32::NAN; 4];
                let got = loss.sample(&single(&LOGITS), &single(targets), &mut gradient);
                let expected = definition(&loss, &LOGITS, targets);
                assert!((got - expected).abs() < 1e-6, "{loss:?}: {got} for {expected}");
                for index in 0..4 {
                    const STEP: f64 = 1e-5;
                    let at = |step: f64| {
                        let mut logits = LOGITS;
                        logits[index] += step;
                        definition(&loss, &logits, targets)
                    };
                    let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let found = f64::from(gradient[index]);
                    assert!((slope - found).abs() < 1e-6, "{loss:?} by logit {index}: {found} for {slope}");
                }
            }
        }
    }
}

#[test]
fn a_batch_is_the_mean_of_its_samples() {
    let loss = Loss::new(Task::Softmax);
    let (logits, targets) = ([1.0, 2.0, -1.0, 0.5], [1.0, 0.0, 0.0, 1.0]);
    let mut whole = [f32::NAN; 4];
    let mean = loss.batch(2, &logits, &targets, &mut whole);
    let mut parts = [f32::NAN; 4];
    let (first, second) = parts.split_at_mut(2);
    let sum = loss.sample(&logits[..2], &targets[..2], first) + loss.sample(&logits[2..], &targets[2..], second);
    assert!((mean - sum / 2.0).abs() < 1e-12);
    for (whole, part) in whole.iter().zip(parts) {
        assert!((whole - part / 2.0).abs() < 1e-7);
    }
}

#[test]
fn large_logits_overflow_nothing() {
    for task in [Task::Softmax, Task::Sigmoid] {
        let mut gradient = [f32::NAN; 2];
        let loss = Loss::new(task).sample(&[1e4, -1e4], &[0.0, 1.0], &mut gradient);
        assert!(loss.is_finite() && gradient.iter().all(|value| value.is_finite()), "{task:?}: {loss}");
        let mut logits = [1e4, -1e4];
        answer(task, &mut logits);
        assert_eq!(logits, [1.0, 0.0]);
    }
}

#[test]
fn nan_is_not_hidden() {
    for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
        let loss = Loss::new(task).sample(&[f32::NAN, 0.0], &[1.0, 0.0], &mut [0.0; 2]);
        assert!(loss.is_nan(), "{task:?}: {loss}");
    }
}

#[test]
fn the_first_of_equals_is_the_largest() {
    assert_eq!(largest(&[0.0, 2.0, 2.0]), 1);
    assert_eq!(largest(&[]), 0);
}
