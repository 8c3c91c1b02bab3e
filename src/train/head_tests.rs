//! What a head says, and how that changes with its features.

use super::super::nearest::{centroids, neighbours};
use super::super::random::{Purpose, Random};
use super::super::samples::Samples;
use super::*;

const FEATURES: usize = 6;

fn random(count: usize, place: u64) -> Vec<f32> {
    let mut random = Random::new(11, Purpose::Weights, [place, 0]);
    (0..count).map(|_| random.within(1.0)).collect()
}

/// Nine samples of three classes; of one output, the first class or not.
fn samples(outputs: usize) -> (Samples, Vec<usize>) {
    let mut samples = Samples::new(FEATURES, outputs).expect("counts");
    for row in 0..9 {
        let targets: Vec<f32> = (0..outputs).map(|output| f32::from(u8::from(row % 3 == output))).collect();
        samples.push(&random(FEATURES, 100 + row as u64), &targets).expect("a sample");
    }
    (samples, (0..9).collect())
}

fn heads() -> Vec<Head> {
    let mut heads = Vec::new();
    for (task, outputs) in [(Task::Softmax, 3), (Task::Sigmoid, 1), (Task::Sigmoid, 3), (Task::Regression, 3)] {
        for hidden in [0, 5] {
            heads.push(Head::create(task, FEATURES, outputs, hidden, 3).expect("a head"));
        }
        let (samples, rows) = samples(outputs);
        heads.push(neighbours(task, &samples, &rows, 4, &[]).expect("neighbours"));
        if task != Task::Regression {
            heads.push(centroids(task, &samples, &rows, &[]).expect("centroids"));
        }
    }
    heads
}

/// What [`Head::gradient`] is the derivative of.
fn height(head: &Head, vector: &[f32], output: usize) -> f64 {
    match (&head.body, head.task) {
        (Body::Stored { .. }, Task::Softmax | Task::Sigmoid) => f64::from(head.probabilities(vector)[output]).ln(),
        _ => f64::from(head.logits(vector)[output]),
    }
}

#[test]
fn gradients_are_central_differences() {
    const STEP: f32 = 1e-3;
    for head in heads() {
        let vector = random(FEATURES, 1);
        for output in 0..head.outputs {
            let gradient = head.gradient(&vector, output).expect("a gradient");
            for feature in 0..FEATURES {
                let at = |step: f32| {
                    let mut vector = vector.clone();
                    vector[feature] += step;
                    height(&head, &vector, output)
                };
                let slope = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
                let found = f64::from(gradient[feature]);
                // Heights are singles: their last digit over the step.
                let tolerance = 2e-3 * (1.0 + slope.abs());
                let about = format!("{:?} {:?}, output {output}", head.task, head.method);
                assert!((slope - found).abs() < tolerance, "{about}, feature {feature}: {found} for {slope}");
            }
        }
    }
}

#[test]
fn probabilities_sum_to_one_or_lie_between() {
    for head in heads() {
        for place in 0..4 {
            let said = head.predict(&random(FEATURES, place)).expect("a prediction");
            assert_eq!(said.len(), head.outputs);
            match head.task {
                Task::Softmax => assert!((said.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{said:?}"),
                Task::Sigmoid => assert!(said.iter().all(|one| (0.0..=1.0).contains(one)), "{said:?}"),
                Task::Regression => assert!(said.iter().all(|one| one.is_finite())),
            }
        }
    }
}

#[test]
fn a_vector_of_zeros_divides_by_nothing() {
    for head in heads() {
        assert!(head.predict(&[0.0; FEATURES]).expect("a prediction").iter().all(|one| one.is_finite()));
        assert!(head.gradient(&[0.0; FEATURES], 0).expect("a gradient").iter().all(|one| one.is_finite()));
    }
}

#[test]
fn other_features_are_another_backbone() {
    for head in heads() {
        assert_eq!(head.predict(&[0.0; 5]).expect_err("five").kind(), Kind::WrongBackbone);
        assert_eq!(head.gradient(&[0.0; 5], 0).expect_err("five").kind(), Kind::WrongBackbone);
        assert_eq!(head.gradient(&[0.0; FEATURES], 9).expect_err("ten").kind(), Kind::BadOption);
    }
}

#[test]
fn the_well_known_head_has_1281_numbers() {
    let head = Head::create(Task::Sigmoid, 1280, 1, 0, 1).expect("a head");
    assert_eq!(head.params(), 1281);
    assert_eq!(Head::create(Task::Softmax, 1280, 2, 100, 1).expect("a head").params(), 1280 * 100 + 100 + 202);
}

#[test]
fn seeds_give_the_same_weights_again() {
    let weights = |seed| {
        let head = Head::create(Task::Softmax, 8, 2, 0, seed).expect("a head");
        head.single().expect("one layer").weights.clone()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

#[test]
fn layers_of_other_programs_are_checked() {
    let good: [(&[f32], &[f32]); 2] = [(&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.5]), (&[1.0, -1.0], &[0.25])];
    let head = Head::from_kernels(Task::Regression, 2, &good).expect("a head");
    // Units 1·1 + 3·1 = 4 and 2·1 + 4·1 + 0.5 = 6.5.
    assert_eq!(head.predict(&[1.0, 1.0]), Ok(vec![4.0 - 6.5 + 0.25]));
    let kind = |features, layers: &[(&[f32], &[f32])]| {
        Head::from_kernels(Task::Softmax, features, layers).expect_err("a refusal").kind()
    };
    assert_eq!(kind(3, &good), Kind::WrongShape);
    assert_eq!(kind(2, &[(&[f32::NAN; 2], &[0.0])]), Kind::NotFinite);
    assert_eq!(kind(2, &[(&[], &[])]), Kind::WrongShape);
    assert_eq!(kind(2, &[]), Kind::BadOption);
}

#[test]
fn only_a_single_layer_is_handed_out_and_taken_back() {
    let mut head = Head::create(Task::Softmax, 4, 2, 0, 1).expect("a head");
    head.set_single(Dense::zeros(4, 2));
    assert_eq!(head.single(), Some(&Dense::zeros(4, 2)));
    head.set_single(Dense::zeros(3, 2));
    assert_eq!(head.single(), Some(&Dense::zeros(4, 2)));
    assert_eq!(Head::create(Task::Softmax, 4, 2, 3, 1).expect("a head").single(), None);
}
