//! TensorFlow Lite's files against what TensorFlow computes from them.

mod graphs;

use graphs::fixtures::Fixtures;
use graphs::{PROBABILITY_TOLERANCE, bench_file, bench_golden, difference, predict, rows, top};
use mobilenet_web::model::{Activation, Padding, Spec, Version};
use mobilenet_web::weights::{self, Checkpoint, Format, Overrides};

const V1_FLOAT: &str = "weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_1_default_1.tflite";

fn opened(file: &[u8]) -> Checkpoint<'_> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.format, Format::TfLite);
    weights::checkpoint(file, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn float_networks_compute_what_keras_does() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, version, multiplier, side) in [
        ("v1_0.25_128", Version::V1, 0.25, 128),
        ("v1_1.0_224", Version::V1, 1.0, 224),
        ("v2_1.0_224", Version::V2, 1.0, 224),
        ("v3s_1.0_224", Version::V3Small, 1.0, 224),
    ] {
        let file = bench_file(&fixtures, &format!("{name}.tflite"));
        let checkpoint = opened(&file);
        let spec = &checkpoint.spec;
        assert_eq!((spec.version, spec.multiplier, spec.height_px), (version, multiplier, side), "{name}");
        assert_eq!((spec.classes, spec.padding, spec.gate), (1001, Padding::Same, Activation::HardSigmoid), "{name}");
        assert_eq!(checkpoint.warnings, [], "{name}");
        let (input, expected) = bench_golden(&fixtures, name);
        let found = predict(&file, &input);
        let worst = difference(&found, &expected);
        println!("{name}.tflite: max |Δprobability| {worst:.1e}");
        assert!(worst <= PROBABILITY_TOLERANCE, "{name}: {worst}");
        assert_eq!(top(&found), top(&expected), "{name}");
    }
}

#[test]
fn the_published_float_v1_is_right_on_every_picture() {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(V1_FLOAT);
    assert_eq!(opened(&file).spec.preprocessing.name, "tf-slim");
    let mut worst = 0.0_f32;
    for (name, found, expected) in rows(&fixtures, &file, "v1_0.25_224_float_tflite", "out_f32") {
        worst = worst.max(difference(&found, &expected));
        assert_eq!(top(&found), top(&expected), "{name}");
    }
    println!("v1_0.25_224_float_tflite: max |Δprobability| {worst:.1e}");
    assert!(worst <= PROBABILITY_TOLERANCE, "{worst}");
}

/// How often the nets' own integers and the same weights in floating point agree, and by how much they differ.
fn agreement(rows: &[(String, Vec<f32>, Vec<f32>)]) -> (usize, f32) {
    let same = rows.iter().filter(|(_, found, expected)| {
        // Outputs of eight bits tie often.
        let best = expected[top(expected)];
        expected[top(found)] >= best
    });
    let worst = rows.iter().map(|(_, found, expected)| difference(found, expected)).fold(0.0, f32::max);
    (same.count(), worst)
}

#[test]
fn quantised_networks_open_as_floats_and_agree_with_their_integers() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (file, golden, version, least) in [
        ("v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant", "v1_0.25_224_quant", Version::V1, 19),
        ("coral_quant_tflite/v1_0.5_160_quant", "v1_0.5_160_quant", Version::V1, 19),
        ("coral_quant_tflite/tf2_v2_1.0_224_ptq", "v2_1.0_224_tf2_ptq", Version::V2, 19),
        ("v3_small_1.0_224_uint8/v3-small_224_1.0_uint8", "v3_small_1.0_224_uint8", Version::V3Small, 19),
    ] {
        let file = fixtures.read(&format!("weights/{file}.tflite"));
        let checkpoint = opened(&file);
        assert_eq!(checkpoint.spec.version, version, "{golden}");
        let rows = rows(&fixtures, &file, golden, "out_f32");
        let (same, worst) = agreement(&rows);
        println!("{golden}: top-1 of {same} of {}, max |Δprobability| {worst:.3}", rows.len());
        let Spec { version, multiplier, preprocessing, gate, .. } = checkpoint.spec;
        println!("  {} {multiplier} {preprocessing:?} {gate:?}", version.name());
        assert!(same >= least, "{golden}: {same}");
    }
    for name in ["v1_0.25_128", "v1_1.0_224", "v2_1.0_224", "v3s_1.0_224"] {
        let file = bench_file(&fixtures, &format!("{name}.int8.tflite"));
        opened(&file);
        let (input, expected) = bench_golden(&fixtures, name);
        let found = predict(&file, &input);
        let worst = difference(&found, &expected);
        println!("{name}.int8: max |Δprobability| {worst:.4} of {:.4}, top {} {}", expected[top(&expected)], top(&found), top(&expected));
    }
}
