//! Quantised networks in their own integers, against TensorFlow Lite's.

mod fixtures;
mod graphs;

use fixtures::Fixtures;
use graphs::{rows, top};
use mobilenet_web::weights::{Overrides, Precision, convert};
use mobilenet_web::{Frame, Net, Options, View};

/// What an output may differ by, in units of 1/256: the bound.
const TOLERANCE_UNITS: f32 = 1.0;

/// Files of the fixtures, and the folder of what TensorFlow Lite's built-in kernels make of each picture.
const GOLDEN: [(&str, &str); 4] = [
    ("weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite", "v1_0.25_224_quant"),
    ("weights/coral_quant_tflite/v1_0.5_160_quant.tflite", "v1_0.5_160_quant"),
    ("weights/coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite", "v2_1.0_224_tf2_ptq"),
    ("weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite", "v3_small_1.0_224_uint8"),
];

fn check((file, golden): (&str, &str)) {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(file);
    assert!(Net::open(&file, &Options::default()).expect("opens").is_integer(), "{golden}");
    let (mut worst, mut others) = (0.0_f32, 0);
    let rows = rows(&fixtures, &file, golden, "out_f32");
    assert_eq!(rows.len(), 24);
    for (name, found, expected) in rows {
        let units = found.iter().zip(&expected).map(|(a, b)| ((a - b) * 256.0).abs());
        worst = units.clone().fold(worst, f32::max);
        others += units.filter(|&units| units != 0.0).count();
        // Any of the best counts where several are.
        assert!(expected[top(&found)] >= expected[top(&expected)], "{golden}, {name}");
    }
    println!("{golden}: max {worst} units of 1/256, {others} outputs differ");
    assert!(worst <= TOLERANCE_UNITS, "{golden}: {worst}");
}

#[test]
fn v1_of_a_quarter_width() {
    check(GOLDEN[0]);
}

#[test]
fn v1_of_half_width() {
    check(GOLDEN[1]);
}

#[test]
fn v2_by_channel() {
    check(GOLDEN[2]);
}

#[test]
fn v3_small() {
    check(GOLDEN[3]);
}

/// What the converter writes computes the same, from the same integers.
#[test]
fn safetensors_keep_integers() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (path, golden) in GOLDEN {
        let file = fixtures.read(path);
        let converted = convert(&file, &Overrides::default(), Precision::Kept).expect("converts");
        let open = |file: &[u8]| Net::open(file, &Options::default()).expect("opens");
        let (mut original, mut copy) = (open(&file), open(&converted));
        assert!(copy.is_integer(), "{golden}");
        let rgba: Vec<u8> = (0..64 * 48 * 4_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let frame = Frame { rgba: &rgba, width_px: 64, height_px: 48 };
        let [a, b] = [&mut original, &mut copy]
            .map(|net| net.infer(&frame, &View::default(), &["logits", "predictions"]).expect("infers"));
        assert_eq!(a, b, "{golden}");
        println!("{golden}: {} bytes as TensorFlow Lite, {} as safetensors", file.len(), converted.len());
        let floats = convert(&file, &Overrides::default(), Precision::F32).expect("converts");
        assert!(!open(&floats).is_integer(), "{golden}");
    }
}
