//! That what comes out is the smallest sum, that leaving one out is what retraining without it gives, and bad input.

use super::super::random::{Purpose, Random};
use super::*;
use crate::Kind;

fn clouds(task: Task, count: usize, features: usize, outputs: usize) -> (Samples, Vec<usize>) {
    let mut samples = Samples::new(features, outputs).expect("counts");
    let mut random = Random::new(2, Purpose::Weights, [0, 0]);
    for row in 0..count {
        let class = row % (outputs + 1).min(outputs.max(2));
        let vector: Vec<f32> = (0..features)
            .map(|index| random.within(1.0) + f32::from(u8::from(index % outputs.max(2) == class)))
            .collect();
        let target = |output: usize| match task {
            Task::Regression => vector[0] * 2.0 - vector[1] + output as f32,
            _ => f32::from(u8::from(class == output)),
        };
        let targets: Vec<f32> = (0..outputs).map(target).collect();
        samples.push(&vector, &targets).expect("a sample");
    }
    (samples, (0..count).collect())
}

fn said(layer: &Dense, vector: &[f32]) -> Vec<f32> {
    let mut said = Vec::new();
    layer.forward(vector, &mut said);
    said
}

#[test]
fn leaving_one_out_is_what_training_without_it_says() {
    for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
        for (count, features) in [(20, 6), (9, 16)] {
            for weights in [ClassWeights::Equal, ClassWeights::Given(vec![0.5, 2.0, 1.0])] {
                if task != Task::Softmax && weights != ClassWeights::Equal {
                    continue;
                }
                let (samples, rows) = clouds(task, count, features, 3);
                let whole = solve(task, &samples, &rows, 0.7, &weights, &[]).expect("a solution");
                for row in 0..count {
                    let others: Vec<usize> = rows.iter().copied().filter(|other| *other != row).collect();
                    let other = solve(task, &samples, &others, 0.7, &weights, &[]).expect("a solution");
                    for (found, expected) in
                        whole.left_out[row * 3..].iter().zip(said(&other.layer, samples.vector(row)))
                    {
                        assert!(
                            (found - expected).abs() < 1e-4,
                            "{task:?} {count}×{features}, row {row}: {found} for {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_regression_finds_the_line() {
    let (samples, rows) = clouds(Task::Regression, 30, 4, 2);
    let (head, accuracy) = ridge(Task::Regression, &samples, &rows, 1e-4, &ClassWeights::Equal, &[]).expect("a head");
    assert_eq!((accuracy, head.method()), (None, Method::Ridge));
    let said = head.predict(&[0.5, -0.25, 0.0, 0.0]).expect("a prediction");
    assert!((said[0] - 1.25).abs() < 1e-3 && (said[1] - 2.25).abs() < 1e-3, "{said:?}");
}

#[test]
fn classes_are_told_and_leaving_one_out_is_honest() {
    let (samples, rows) = clouds(Task::Softmax, 60, 8, 3);
    let (head, accuracy) = ridge(Task::Softmax, &samples, &rows, 1.0, &ClassWeights::Equal, &[]).expect("a head");
    assert!(accuracy.is_some_and(|accuracy| accuracy > 0.85), "{accuracy:?}");
    let right =
        rows.iter().filter(|&&row| largest(&head.probabilities(samples.vector(row))) == samples.class(row)).count();
    assert!(right >= 54, "{right} of 60");
    // Targets that have nothing to do with the features: no better than chance, however many features there are.
    let mut noise = Samples::new(64, 2).expect("counts");
    let mut random = Random::new(3, Purpose::Weights, [0, 0]);
    for row in 0..50 {
        let vector: Vec<f32> = (0..64).map(|_| random.within(1.0)).collect();
        let one = f32::from(u8::from(row % 2 == 0));
        noise.push(&vector, &[one, 1.0 - one]).expect("a sample");
    }
    let (_, accuracy) =
        ridge(Task::Softmax, &noise, &(0..50).collect::<Vec<_>>(), 1.0, &ClassWeights::Equal, &[]).expect("a head");
    assert!(accuracy.is_some_and(|accuracy| accuracy < 0.7), "{accuracy:?}");
}

#[test]
fn one_picture_a_class_is_enough_and_less_is_not() {
    let (samples, _) = clouds(Task::Softmax, 3, 16, 3);
    let of = |rows: &[usize]| ridge(Task::Softmax, &samples, rows, 1.0, &ClassWeights::Equal, &[]);
    assert!(of(&[0, 1, 2]).is_ok());
    assert_eq!(of(&[0, 1]).expect_err("no third class").kind(), Kind::TooFewSamples);
    assert_eq!(of(&[]).expect_err("nothing").kind(), Kind::TooFewSamples);
}

#[test]
fn penalties_that_leave_no_one_solution_are_refused() {
    let (samples, rows) = clouds(Task::Softmax, 9, 16, 3);
    for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = ridge(Task::Softmax, &samples, &rows, penalty, &ClassWeights::Equal, &[]).expect_err("a refusal");
        assert_eq!(error.kind(), Kind::BadOption, "{penalty}");
    }
    let weights = ClassWeights::Balanced;
    let (several, rows) = clouds(Task::Sigmoid, 12, 4, 3);
    assert_eq!(ridge(Task::Sigmoid, &several, &rows, 1.0, &weights, &[]).expect_err("several").kind(), Kind::BadOption);
    let (one, rows) = clouds(Task::Sigmoid, 12, 4, 1);
    assert!(ridge(Task::Sigmoid, &one, &rows, 1.0, &weights, &[]).is_ok());
}

#[test]
fn the_same_picture_twice_is_no_trouble() {
    let mut samples = Samples::new(3, 2).expect("counts");
    for targets in [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]] {
        samples.push(&[targets[0], 0.5, 0.5], &targets).expect("a sample");
    }
    let found = solve(Task::Softmax, &samples, &[0, 1, 2, 3], 1e-3, &ClassWeights::Equal, &[]).expect("a solution");
    assert_eq!(found.accuracy, Some(1.0));
    assert!(found.left_out.iter().all(|value| value.is_finite()));
}
