//! One picture a class, votes, centroids, and bad input.

use super::super::loss::largest;
use super::*;
use crate::Kind;

/// Directions in a plane, by angle in degrees and class.
fn circle(pictures: &[(f32, usize)], outputs: usize) -> (Samples, Vec<usize>) {
    let mut samples = Samples::new(2, outputs).expect("counts");
    for (angle, class) in pictures {
        let (sine, cosine) = angle.to_radians().sin_cos();
        let targets: Vec<f32> = (0..outputs).map(|output| f32::from(u8::from(output == *class))).collect();
        // Lengths say nothing.
        let length = 1.0 + angle / 90.0;
        samples.push(&[cosine * length, sine * length], &targets).expect("a sample");
    }
    (samples, (0..pictures.len()).collect())
}

fn at(angle: f32) -> [f32; 2] {
    let (sine, cosine) = angle.to_radians().sin_cos();
    [cosine * 7.0, sine * 7.0]
}

#[test]
fn one_picture_a_class_is_enough() {
    let (samples, rows) = circle(&[(0.0, 0), (90.0, 1), (45.0, 2)], 3);
    for head in [
        neighbours(Task::Softmax, &samples, &rows, 1, &[]).expect("a head"),
        centroids(Task::Softmax, &samples, &rows, &[]).expect("a head"),
    ] {
        for (angle, class) in [(5.0, 0), (85.0, 1), (50.0, 2)] {
            let said = head.predict(&at(angle)).expect("a prediction");
            assert_eq!(largest(&said), class, "{:?} at {angle}°: {said:?}", head.method());
        }
    }
}

#[test]
fn the_majority_of_the_nearest_wins() {
    let (samples, rows) = circle(&[(10.0, 0), (14.0, 1), (16.0, 1), (80.0, 0), (82.0, 0), (84.0, 0)], 2);
    let class = |count| {
        let head = neighbours(Task::Softmax, &samples, &rows, count, &[]).expect("a head");
        largest(&head.predict(&at(11.0)).expect("a prediction"))
    };
    assert_eq!((class(1), class(3)), (0, 1));
    // More than there are is all of them.
    assert!(neighbours(Task::Softmax, &samples, &rows, 99, &[]).is_ok());
}

#[test]
fn several_labels_and_numbers_are_means_of_the_neighbours() {
    let mut several = Samples::new(2, 2).expect("counts");
    for (angle, targets) in [(0.0, [1.0, 1.0]), (4.0, [1.0, 0.0]), (90.0, [0.0, 1.0])] {
        several.push(&at(angle), &targets).expect("a sample");
    }
    let head = neighbours(Task::Sigmoid, &several, &[0, 1, 2], 2, &[]).expect("a head");
    let said = head.predict(&at(2.0)).expect("a prediction");
    assert!((said[0] - 1.0).abs() < 1e-6 && (said[1] - 0.5).abs() < 1e-3, "{said:?}");
    let head = neighbours(Task::Regression, &several, &[0, 1, 2], 1, &[]).expect("a head");
    assert_eq!(head.predict(&at(80.0)), Ok(vec![0.0, 1.0]));
}

#[test]
fn centroids_are_as_sure_as_samples_left_out_allow() {
    let near: Vec<(f32, usize)> = (0..20).map(|i| (i as f32 + if i % 2 == 0 { 0.0 } else { 60.0 }, i % 2)).collect();
    let mixed: Vec<(f32, usize)> = (0..20).map(|i| (i as f32 * 4.0, i % 2)).collect();
    let sure = |pictures: &[(f32, usize)]| {
        let (samples, rows) = circle(pictures, 2);
        centroids(Task::Softmax, &samples, &rows, &[]).expect("a head").predict(&at(0.0)).expect("a prediction")[0]
    };
    assert!(sure(&near) > 0.9, "{}", sure(&near));
    assert!(sure(&mixed) < 0.7, "{}", sure(&mixed));
}

#[test]
fn a_sigmoid_has_a_centroid_of_all_others() {
    let (samples, rows) = circle(&[(0.0, 0), (8.0, 0), (80.0, 1), (90.0, 1)], 1);
    let head = centroids(Task::Sigmoid, &samples, &rows, &[]).expect("a head");
    let yes = |angle| head.predict(&at(angle)).expect("a prediction")[0];
    assert!(yes(2.0) > 0.5 && yes(88.0) < 0.5);
    assert_eq!(head.params(), 3);
}

#[test]
fn bad_input_is_refused() {
    let (samples, rows) = circle(&[(0.0, 0), (90.0, 1)], 2);
    let kind = |head: Result<Head>| head.expect_err("a refusal").kind();
    assert_eq!(kind(neighbours(Task::Softmax, &samples, &rows, 0, &[])), Kind::BadOption);
    assert_eq!(kind(neighbours(Task::Softmax, &samples, &[0], 1, &[])), Kind::TooFewSamples);
    assert_eq!(kind(centroids(Task::Softmax, &samples, &[1], &[])), Kind::TooFewSamples);
    assert_eq!(kind(centroids(Task::Regression, &samples, &rows, &[])), Kind::BadOption);
}
