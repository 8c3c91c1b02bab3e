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
                let options = RidgeOptions { task, penalty: 0.7, weights, names: &[] };
                let whole = solve(&samples, &rows, &options).expect("a solution");
                for row in 0..count {
                    let others: Vec<usize> = rows.iter().copied().filter(|other| *other != row).collect();
                    let other = solve(&samples, &others, &options).expect("a solution");
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
    let options = RidgeOptions { task: Task::Regression, penalty: 1e-4, ..RidgeOptions::default() };
    let found = solve(&samples, &rows, &options).expect("a solution");
    assert_eq!(found.accuracy, None);
    let head = found.head();
    assert_eq!(head.method(), Method::Ridge);
    let said = head.predict(&[0.5, -0.25, 0.0, 0.0]).expect("a prediction");
    assert!((said[0] - 1.25).abs() < 1e-3 && (said[1] - 2.25).abs() < 1e-3, "{said:?}");
}

#[test]
fn classes_are_told_and_leaving_one_out_is_honest() {
    let (samples, rows) = clouds(Task::Softmax, 60, 8, 3);
    let found = solve(&samples, &rows, &RidgeOptions::default()).expect("a solution");
    let (accuracy, head) = (found.accuracy, found.head());
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
    let rows: Vec<usize> = (0..50).collect();
    let Ridge { accuracy, .. } = solve(&noise, &rows, &RidgeOptions::default()).expect("a solution");
    assert!(accuracy.is_some_and(|accuracy| accuracy < 0.7), "{accuracy:?}");
}

#[test]
fn one_picture_a_class_is_enough_and_less_is_not() {
    let (samples, _) = clouds(Task::Softmax, 3, 16, 3);
    let of = |rows: &[usize]| solve(&samples, rows, &RidgeOptions::default());
    assert!(of(&[0, 1, 2]).is_ok());
    assert_eq!(of(&[0, 1]).expect_err("no third class").kind(), Kind::TooFewSamples);
    assert_eq!(of(&[]).expect_err("nothing").kind(), Kind::TooFewSamples);
}

#[test]
fn penalties_that_leave_no_one_solution_are_refused() {
    let (samples, rows) = clouds(Task::Softmax, 9, 16, 3);
    for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let options = RidgeOptions { penalty, ..RidgeOptions::default() };
        let error = solve(&samples, &rows, &options).expect_err("a refusal");
        assert_eq!(error.kind(), Kind::BadOption, "{penalty}");
    }
    let options = RidgeOptions { task: Task::Sigmoid, weights: ClassWeights::Balanced, ..RidgeOptions::default() };
    let (several, rows) = clouds(Task::Sigmoid, 12, 4, 3);
    assert_eq!(solve(&several, &rows, &options).expect_err("several").kind(), Kind::BadOption);
    let (one, rows) = clouds(Task::Sigmoid, 12, 4, 1);
    assert!(solve(&one, &rows, &options).is_ok());
}

#[test]
fn the_same_picture_twice_is_no_trouble() {
    let mut samples = Samples::new(3, 2).expect("counts");
    for targets in [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]] {
        samples.push(&[targets[0], 0.5, 0.5], &targets).expect("a sample");
    }
    let options = RidgeOptions { penalty: 1e-3, ..RidgeOptions::default() };
    let found = solve(&samples, &[0, 1, 2, 3], &options).expect("a solution");
    assert_eq!(found.accuracy, Some(1.0));
    assert!(found.left_out.iter().all(|value| value.is_finite()));
}

#[test]
fn every_step_is_short() {
    // As many as make each stage take several steps, of either system: rows or features that no kernel divides.
    for (count, features) in [(500, 389), (389, 500)] {
        let (samples, rows) = clouds(Task::Softmax, count, features, 2);
        let mut solver = Solver::begin(&samples, &rows, &RidgeOptions::default()).expect("a beginning");
        let mut steps = 1;
        while solver.step(&samples).expect("a step") {
            steps += 1;
        }
        assert!(
            steps >= 96 + 6 + 8,
            "{steps} steps: 96 of calibration, 8 of products, one at least of each other stage"
        );
        let found = solver.finish();
        assert!(found.accuracy.is_some_and(|accuracy| accuracy > 0.8), "{:?}", found.accuracy);
        // The normal equations, from the definition.
        let mean = |of: &dyn Fn(usize) -> f64| rows.iter().map(|&row| of(row)).sum::<f64>() / count as f64;
        let residuals: Vec<f64> = rows
            .iter()
            .map(|&row| {
                f64::from(said(&found.layer, samples.vector(row))[0]) - target(Task::Softmax, samples.targets(row)[0])
            })
            .collect();
        assert!(mean(&|row| residuals[row]).abs() < 1e-4);
        for feature in [0, 1, features - 1] {
            let slope = mean(&|row| residuals[row] * f64::from(samples.vector(row)[feature])) * count as f64;
            let weight = f64::from(found.layer.row(0)[feature]);
            assert!((slope + weight).abs() < 1e-3, "feature {feature}: {slope} and {weight}");
        }
    }
}
