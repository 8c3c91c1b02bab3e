//! Fine-tuning takes what a head's training takes, and pictures where it begins with the first layer.

mod seeded;
mod tuning;

use mobilenet_web::train::tune::{Cut, StepOptions, Tuner};
use mobilenet_web::train::{
    ClassWeights, Event, FitOptions, Head, Part, Purpose, Random, Rule, Run, Samples, Schedule, Task,
};
use mobilenet_web::{Frame, Kind, Net, Options, View};
use tuning::{batch, case, head, options, step};

/// A picture goes the engine's way before a network that is trained from the first layer on.
#[test]
fn pictures_are_what_the_engine_makes_of_them() {
    let case = case("keras-v2-0.35-96x160");
    let mut tuner = Tuner::open(case.safetensors(), &options(&case, Cut::Layer(0), 3, 2)).expect("a tuner");
    tuner.attach(&head(1280, 3)).expect("a head");
    let (width_px, height_px) = (211, 130);
    let numbers = seeded::numbers("picture", height_px * width_px * 4);
    let rgba: Vec<u8> = numbers.into_iter().map(|value| (value * 127.0 + 128.0) as u8).collect();
    let frame = Frame { rgba: &rgba, width_px, height_px };
    let picture = tuner.picture(&frame).expect("a picture");
    assert_eq!(picture.len(), 96 * 160 * 3);
    let mut net = Net::open(&tuner.write(&[]).expect("a file"), &Options::default()).expect("a net");
    let expected = net.infer(&frame, &View::default(), &["predictions"]).expect("probabilities").remove(0).data;
    for (found, expected) in tuner.predict(&picture).expect("probabilities").iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found}, of the engine {expected}");
    }
    let score = tuner.step(&picture, &[0.0, 1.0, 0.0], &step(1e-3)).expect("a step");
    let after = tuner.step(&picture, &[0.0, 1.0, 0.0], &step(1e-3)).expect("a step");
    assert!(after.loss < score.loss, "{score:?}, {after:?}");
    let empty = Frame { rgba: &[], width_px: 0, height_px: 0 };
    assert_eq!(tuner.picture(&empty).map_err(|why| why.kind()), Err(Kind::SourceEmpty));
}

/// A tuner of the last layer alone is a head's training: the same dropout, schedule, class weights and smoothing come to the
/// same losses.
#[test]
fn what_heads_take_the_networks_end_takes() {
    const SAMPLES: usize = 9;
    let case = case("keras-v2-0.35-96x160");
    let fit = FitOptions {
        epochs: 4,
        batch_size: 4,
        learning_rate: 0.01,
        schedule: Schedule::Cosine { end: 0.1 },
        dropout: 0.3,
        label_smoothing: 0.1,
        l2: 0.001,
        class_weights: ClassWeights::Balanced,
        seed: 5,
        ..FitOptions::default()
    };
    let options = options(&case, Cut::Endpoint("logits".into()), 3, fit.batch_size);
    let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
    let head = head(1280, 3);
    tuner.attach(&head).expect("a head");
    // Class 0 has more of them than the others.
    let (vectors, _) = batch(&tuner, 0, SAMPLES, 3);
    let target = |row: usize| [0, 1, 2].map(|class| f32::from(u8::from(row % 5 % 3 == class)));
    let mut samples = Samples::new(1280, 3).expect("samples");
    for (row, vector) in vectors.chunks(1280).enumerate() {
        samples.push(vector, &target(row)).expect("a sample");
    }

    let mut run = Run::begin(&head, &samples, &[Part::Train; SAMPLES], fit.clone(), &[]).expect("a run");
    let loss = fit.loss(Task::Softmax, 3, &samples.targets_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8])).expect("a loss");
    for epoch in 0..fit.epochs {
        let mut rows: Vec<usize> = (0..SAMPLES).collect();
        Random::new(fit.seed, Purpose::Order, [epoch as u64, 0]).shuffle(&mut rows);
        for (at, rows) in rows.chunks(fit.batch_size).enumerate() {
            let Ok(Some(Event::Batch { loss: expected, .. })) = run.step(&samples) else { panic!("no batch {at}") };
            let maps: Vec<f32> = rows.iter().flat_map(|&row| samples.vector(row)).copied().collect();
            let step = StepOptions::new(&fit, loss.clone(), [epoch, at]);
            let found = tuner.step(&maps, &samples.targets_of(rows), &step).expect("a step").loss;
            let apart = (found - expected).abs() / expected;
            assert!(apart < 1e-5, "epoch {epoch}, batch {at}: {found}, of a head {expected}");
        }
        assert!(matches!(run.step(&samples), Ok(Some(Event::Epoch(_)))));
    }
    // What was left out of a batch is there again.
    let expected = run.finish().predict(&vectors[..1280]).expect("probabilities");
    let found = tuner.predict(&vectors[..1280]).expect("probabilities");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found}, of a head {expected}");
    }
}

/// What is left out of a picture is left out of its gradients: it is as though the head had no such weights.
#[test]
fn dropout_is_a_head_without_those_weights() {
    const SHARE: f32 = 0.4;
    let case = case("keras-v2-0.35-96x160");
    let options = options(&case, Cut::Endpoint("layer_17".into()), 3, 1);
    let (kernel, bias) = (seeded::tensor("head/kernel", &[1280, 3]), seeded::tensor("head/bias", &[3]));
    let mut random = Random::new(7, Purpose::Dropout, [2, 3]);
    let factors: Vec<f32> = (0..1280).map(|_| if random.unit() < SHARE { 0.0 } else { 1.0 / (1.0 - SHARE) }).collect();
    let less: Vec<f32> = kernel.iter().enumerate().map(|(at, weight)| weight * factors[at / 3]).collect();
    let plain = StepOptions { optimizer: Rule::Sgd { momentum: 0.0 }, ..step(0.1) };
    let dropped = StepOptions { dropout: SHARE, seed: 7, place: [2, 3], ..plain.clone() };
    let trained = [(&kernel, dropped), (&less, plain)].map(|(kernel, step)| {
        let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
        tuner.attach(&Head::from_kernels(Task::Softmax, 1280, &[(kernel, &bias)]).expect("a head")).expect("a head");
        let (maps, targets) = batch(&tuner, 0, 1, 3);
        let score = tuner.step(&maps, &targets, &step).expect("a step");
        (score, tuner.write(&[]).expect("a file"))
    });
    let [(score, file), (expected, other)] = &trained;
    assert!((score.loss - expected.loss).abs() < 1e-6 * expected.loss, "{score:?}, {expected:?}");
    let [file, other] = [file, other].map(|file| safetensors::SafeTensors::deserialize(file).expect("safetensors"));
    let mut compared = 0;
    for name in file.names().into_iter().filter(|name| !name.starts_with("logits")) {
        let [found, expected] = [&file, &other].map(|file| {
            let bytes = file.tensor(name).expect("a tensor").data().to_vec();
            bytemuck::pod_collect_to_vec::<u8, f32>(&bytes)
        });
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{name}: {found}, {expected}");
            compared += 1;
        }
    }
    assert!(compared > 400_000, "{compared}");
}
