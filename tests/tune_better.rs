//! Fine-tuning helps where the frozen base is weak: spirals that turn left or right. Networks are trained on mirrored
//! pictures, so that their features know little of handedness.
//!
//! Pictures come out of a formula; the base is torchvision's V2, trained on ImageNet, of the shared fixtures.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::train::tune::{BatchNorm, Cut, StepOptions, TuneOptions, Tuner};
use mobilenet_web::train::{FitOptions, Head, Loss, Part, Purpose, Random, Run, Samples, Task, evaluate};
use mobilenet_web::weights::Overrides;
use mobilenet_web::{Frame, Net, Options, View};

const SIDE_PX: usize = 96;
const TRAIN: usize = 160;
const HELD_OUT: usize = 120;
const EPOCHS: usize = 11;
const BATCH: usize = 16;
const SEED: u64 = 7;

/// A spiral of two to four arms in two colours, anywhere near the middle, with noise.
fn spiral(sample: usize) -> Vec<u8> {
    let mut random = Random::new(SEED, Purpose::Augmentation, [sample as u64, 0]);
    let hand = if sample.is_multiple_of(2) { 1.0 } else { -1.0 };
    let arms = (2 + random.below(3)) as f32;
    let (pitch, phase) = (0.12 + 0.1 * random.unit(), random.within(3.2));
    let middle = [0, 1].map(|_| SIDE_PX as f32 / 2.0 + random.within(12.0));
    let colours: [[f32; 3]; 2] = [0, 1].map(|_| [0, 1, 2].map(|_| 255.0 * random.unit()));
    let mut rgba = Vec::new();
    for at in 0..SIDE_PX * SIDE_PX {
        let [x, y] = [(at % SIDE_PX) as f32 - middle[0], (at / SIDE_PX) as f32 - middle[1]];
        let wave = 0.5 + 0.5 * (hand * arms * y.atan2(x) + pitch * x.hypot(y) + phase).cos();
        let noise = random.within(40.0);
        let colour = |channel: usize| colours[0][channel] * wave + colours[1][channel] * (1.0 - wave) + noise;
        rgba.extend([0, 1, 2].map(|channel| colour(channel).clamp(0.0, 255.0) as u8));
        rgba.push(255);
    }
    rgba
}

fn targets(samples: impl Iterator<Item = usize>) -> Vec<f32> {
    samples.flat_map(|sample| if sample.is_multiple_of(2) { [1.0, 0.0] } else { [0.0, 1.0] }).collect()
}

#[test]
fn fine_tuning_learns_what_features_do_not_tell() {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors");
    let overrides = Overrides { height_px: Some(SIDE_PX), width_px: Some(SIDE_PX), ..Overrides::default() };
    let mut tuner = Tuner::open(
        file.clone(),
        &TuneOptions {
            overrides: overrides.clone(),
            from: Cut::Endpoint("layer_15".into()),
            task: Task::Softmax,
            outputs: 2,
            batch_norm: BatchNorm::Frozen,
            momentum: None,
            batch_size: BATCH,
        },
    )
    .expect("a tuner");
    let mut net = Net::open(&file, &Options { overrides, ..Options::default() }).expect("a net");
    let endpoint = tuner.endpoint().expect("an endpoint").to_owned();
    let mut samples = Samples::new(1280, 2).expect("samples");
    let mut maps = Vec::new();
    for sample in 0..TRAIN + HELD_OUT {
        let rgba = spiral(sample);
        let frame = Frame { rgba: &rgba, width_px: SIDE_PX, height_px: SIDE_PX };
        let mut found = net.infer(&frame, &View::default(), &["global_pool", &endpoint]).expect("features");
        maps.push(found.remove(1).data);
        samples.push(&found[0].data, &targets(std::iter::once(sample))).expect("a sample");
    }
    let held: Vec<usize> = (TRAIN..TRAIN + HELD_OUT).collect();

    // The head by itself, until it learns no more.
    let parts: Vec<Part> =
        (0..TRAIN + HELD_OUT).map(|at| if at < TRAIN { Part::Train } else { Part::Validation }).collect();
    let options = FitOptions { epochs: 100, batch_size: BATCH, seed: SEED, ..FitOptions::default() };
    let head = Head::create(Task::Softmax, 1280, 2, 0, SEED).expect("a head");
    let mut run = Run::begin(&head, &samples, &parts, options, &[]).expect("a run");
    while run.step(&samples).expect("a step").is_some() {}
    let head = run.finish();
    let frozen = evaluate(&head, &samples, &held).expect("an evaluation").accuracy.expect("an accuracy");

    tuner.attach(&head).expect("the head");
    let step = StepOptions::new(
        &FitOptions { learning_rate: 1e-4, ..FitOptions::default() },
        Loss::new(Task::Softmax),
        [0, 0],
    );
    let of = |rows: &[usize]| -> (Vec<f32>, Vec<f32>) {
        (rows.iter().flat_map(|&row| maps[row].iter().copied()).collect(), targets(rows.iter().copied()))
    };
    let (held_maps, held_targets) = of(&held);
    let score = |tuner: &mut Tuner| {
        let score = tuner.loss(&held_maps, &held_targets, &step).expect("a score");
        (score.right.expect("answers") as f64 / score.samples as f64, score.loss)
    };
    let (before, _) = score(&mut tuner);
    assert!((before - frozen).abs() < 0.011, "the same head on the same features: {before}, {frozen}");
    for epoch in 0..EPOCHS {
        let mut rows: Vec<usize> = (0..TRAIN).collect();
        Random::new(SEED, Purpose::Order, [epoch as u64, 0]).shuffle(&mut rows);
        for rows in rows.chunks(BATCH) {
            let (maps, targets) = of(rows);
            tuner.step(&maps, &targets, &step).expect("a step");
        }
        println!("epoch {epoch}: {:?}", score(&mut tuner));
    }
    let (tuned, _) = score(&mut tuner);
    println!(
        "held out: {frozen:.3} with the frozen base, {tuned:.3} with its last five blocks trained ({} parameters)",
        tuner.params()
    );
    assert!(tuned >= frozen + 0.05, "{tuned} after fine-tuning, {frozen} before");
}
