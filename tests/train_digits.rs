//! A task from pictures: scikit-learn's digits through MobileNet V2, against scikit-learn's logistic regression on the same
//! vectors (`tools/golden/digits.py`). `MOBILENET_DIGITS` is a folder to write those vectors to.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::train::{
    Event, FitOptions, Head, Part, RidgeOptions, Run, Samples, Schedule, Task, evaluate, solve, split,
};
use mobilenet_web::weights::Overrides;
use mobilenet_web::{Fit, Frame, Net, Options, View};
use std::path::PathBuf;

const CLASSES: usize = 10;
/// Pixels of the picture a pixel of the digit, and black around it.
const PIXEL_PX: usize = 8;
const SIDE_PX: usize = 96;

fn data(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/training").join(name);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// A digit of 8 × 8 pixels from 0 to 16, white on black.
fn rendered(digit: &[u8]) -> Vec<u8> {
    let margin = (SIDE_PX - 8 * PIXEL_PX) / 2;
    let pixel = |i: usize| {
        let at = |px: usize| px.checked_sub(margin).map(|px| px / PIXEL_PX).filter(|pixel| *pixel < 8);
        let value = at(i % SIDE_PX).zip(at(i / SIDE_PX)).map_or(0, |(x, y)| digit[y * 8 + x]);
        let grey = (u32::from(value) * 255 / 16) as u8;
        [grey, grey, grey, 255]
    };
    (0..SIDE_PX * SIDE_PX).flat_map(pixel).collect()
}

fn samples(fixtures: &Fixtures) -> Samples {
    let file = fixtures.read("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors");
    let overrides = Overrides { height_px: Some(SIDE_PX), width_px: Some(SIDE_PX), ..Overrides::default() };
    let mut net = Net::open(&file, &Options { overrides, ..Options::default() }).expect("a network");
    let digits: Vec<u8> = npyz::NpyFile::new(&data("digits.npy")[..]).expect("an .npy file").into_vec().expect("bytes");
    let mut samples = Samples::new(1280, CLASSES).expect("counts");
    for row in digits.chunks(65) {
        let rgba = rendered(&row[..64]);
        let frame = Frame { rgba: &rgba, width_px: SIDE_PX, height_px: SIDE_PX };
        let view = View { fit: Fit::AsIs, ..View::default() };
        let maps = net.infer(&frame, &view, &["global_pool"]).expect("features");
        let mut targets = [0.0; CLASSES];
        targets[usize::from(row[64])] = 1.0;
        samples.push(&maps[0].data, &targets).expect("a sample");
    }
    samples
}

#[test]
fn heads_on_digits_do_as_well_as_scikit_learn() {
    let Some(fixtures) = Fixtures::find() else { return };
    let samples = samples(&fixtures);
    let labels: Vec<u32> = (0..samples.len()).map(|row| samples.class(row) as u32).collect();
    let bursts: Vec<u32> = (0..samples.len() as u32).collect();
    let parts = split(&labels, &bursts, [70.0, 30.0, 0.0], 1).expect("a split");
    if let Some(folder) = std::env::var_os("MOBILENET_DIGITS").map(PathBuf::from) {
        std::fs::create_dir_all(&folder).expect("a folder");
        let features: Vec<u8> = samples.vectors().iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join("features.f32"), features).expect("features");
        std::fs::write(folder.join("parts.u8"), parts.iter().map(|part| *part as u8).collect::<Vec<_>>())
            .expect("parts");
    }
    let rows = |wanted: Part| (0..samples.len()).filter(|row| parts[*row] == wanted).collect::<Vec<_>>();
    let (train, validation) = (rows(Part::Train), rows(Part::Validation));
    let right = |head: &Head| {
        let cells = evaluate(head, &samples, &validation).expect("an evaluation").cells;
        (0..CLASSES).map(|class| cells[class][class].len()).sum::<usize>()
    };

    // What scikit-learn minimises: the mean loss and `‖w‖² / 2n`. No sample that is counted below chooses an epoch.
    let head = Head::create(Task::Softmax, 1280, CLASSES, 0, 1).expect("a head");
    let options = FitOptions {
        epochs: 200,
        learning_rate: 0.01,
        schedule: Schedule::Cosine { end: 0.0 },
        l2: 0.5 / train.len() as f32,
        ..FitOptions::default()
    };
    let unseen: Vec<Part> =
        parts.iter().map(|part| if *part == Part::Train { Part::Train } else { Part::Test }).collect();
    let mut run = Run::begin(&head, &samples, &unseen, options, &[]).expect("a run");
    let mut loss = f64::NAN;
    while let Some(event) = run.step(&samples).expect("a step") {
        if let Event::Epoch(epoch) = event {
            loss = epoch.loss;
        }
    }
    let gradient = right(&run.finish());
    let closed = solve(&samples, &train, &RidgeOptions::default()).expect("a solution");
    let left_out = closed.accuracy;
    let at_once = right(&closed.head());
    let golden: serde_json::Value = serde_json::from_slice(&data("digits.json")).expect("digits.json");
    println!(
        "of {} held out: {gradient} by gradient (loss {loss:.4}), {at_once} by ridge (leaving one out: {left_out:?}), {} by \
         scikit-learn's logistic regression",
        validation.len(),
        golden["right"]
    );
    assert_eq!(golden["validation"], validation.len());
    let least = golden["right"].as_u64().expect("a count") as usize;
    assert!(gradient >= least, "{gradient} right, scikit-learn's logistic regression {least}");
    assert!(at_once >= least, "{at_once} right, scikit-learn's logistic regression {least}");
}
