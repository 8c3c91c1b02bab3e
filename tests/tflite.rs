//! TensorFlow Lite's files against what TensorFlow computes from them.

mod fixtures;
mod graphs;

use fixtures::Fixtures;
use graphs::{
    PROBABILITY_TOLERANCE, assert_right_everywhere, bench_file, bench_golden, difference, predict, rows_with, top,
};
use mobilenet_web::model::{Activation, Padding, Version, preset};
use mobilenet_web::weights::{self, Checkpoint, Format, Overrides};
use mobilenet_web::{Arithmetic, Options};

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
    assert_right_everywhere(&fixtures, &file, "v1_0.25_224_float_tflite", "out_f32");
}

/// How many rows have the same first label, and by how much probabilities differ at most. Outputs of eight bits tie
/// often: any of the best counts.
fn agreement(rows: &[(String, Vec<f32>, Vec<f32>)]) -> (usize, f32) {
    let same = rows.iter().filter(|(_, found, expected)| expected[top(found)] >= expected[top(expected)]);
    let worst = rows.iter().map(|(_, found, expected)| difference(found, expected)).fold(0.0, f32::max);
    (same.count(), worst)
}

const V3_QUANTISED: &str = "weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite";

/// Quantised networks as floats.
fn floats() -> Options {
    Options { arithmetic: Arithmetic::Floats, ..Options::default() }
}

/// The weights stand for numbers; arithmetic on these is not that of the integers, so only labels can be compared.
#[test]
fn quantised_networks_open_as_floats() {
    let Some(fixtures) = Fixtures::find() else { return };
    let mean_std = |mean, std| ([mean; 3], [std; 3]);
    for (file, golden, version, rule, least) in [
        (
            "weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite",
            "v1_0.25_224_quant",
            Version::V1,
            mean_std(128.0, 128.0),
            22,
        ),
        (
            "weights/coral_quant_tflite/v1_0.5_160_quant.tflite",
            "v1_0.5_160_quant",
            Version::V1,
            mean_std(128.0, 128.0),
            22,
        ),
        (
            "weights/coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite",
            "v2_1.0_224_tf2_ptq",
            Version::V2,
            mean_std(127.0, 127.5),
            22,
        ),
        // As many as the same weights in ONNX Runtime.
        (V3_QUANTISED, "v3_small_1.0_224_uint8", Version::V3Small, mean_std(128.0, 127.0), 17),
    ] {
        let file = fixtures.read(file);
        let spec = opened(&file).spec;
        assert_eq!(spec.version, version, "{golden}");
        assert_eq!((spec.preprocessing.mean, spec.preprocessing.std), rule, "{golden}");
        let rows = rows_with(&fixtures, &file, floats(), golden, "out_f32");
        let (same, worst) = agreement(&rows);
        println!("{golden} as floats: first label of {same} of {}, max |Δprobability| {worst:.3}", rows.len());
        assert!(same >= least, "{golden}: {same}");
    }
    for name in ["v1_0.25_128", "v1_1.0_224", "v2_1.0_224", "v3s_1.0_224"] {
        let (input, expected) = bench_golden(&fixtures, name);
        let found = predict(&bench_file(&fixtures, &format!("{name}.int8.tflite")), &input);
        let (worst, best) = (difference(&found, &expected), expected[top(&expected)]);
        println!("{name}.int8.tflite as floats: max |Δprobability| {worst:.4} of {best:.4}");
        assert!(worst < best / 3.0, "{name}: {worst}");
    }
}

/// The same integers dequantised elsewhere, and run by ONNX Runtime.
#[test]
fn the_quantised_v3_has_the_numbers_that_its_integers_stand_for() {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(V3_QUANTISED);
    let overrides = Overrides { preprocessing: preset("tf-slim"), ..Overrides::default() };
    let rows = rows_with(&fixtures, &file, Options { overrides, ..floats() }, "v3_small_1.0_224_dequant", "probs");
    let (same, worst) = agreement(&rows);
    println!("v3_small_1.0_224_uint8 against its dequantised weights: max |Δprobability| {worst:.1e}");
    assert!(worst <= PROBABILITY_TOLERANCE, "{worst}");
    assert_eq!(same, rows.len());
}

#[test]
fn class_names_are_those_of_the_archive_behind_the_model() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (file, names) in [
        ("v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant", "labels_1001_tflite-support.txt"),
        ("coral_quant_tflite/tf2_v2_1.0_224_ptq", "imagenet_labels_1001_coral.txt"),
    ] {
        let names = fixtures.read(&format!("labels/{names}"));
        let names = weights::parse_labels(&String::from_utf8(names).expect("text")).expect("names");
        let file = fixtures.read(&format!("weights/{file}.tflite"));
        let checkpoint = opened(&file);
        assert_eq!(checkpoint.spec.labels, names);
        assert_eq!(checkpoint.warnings, []);
    }
}

/// What is written from any of them opens again with the same numbers and says the same.
#[test]
fn converted_files_are_the_same_network() {
    let Some(fixtures) = Fixtures::find() else { return };
    for file in ["v3s_1.0_224.tflite", "v3s_1.0_224.int8.tflite", "v1_0.25_128.int8.tflite", "v2_1.0_224.onnx"] {
        let name = file.split_once("_224").or(file.split_once("_128")).expect("a size").0;
        let name = if name.starts_with("v1") { "v1_0.25_128".into() } else { format!("{name}_224") };
        let file = bench_file(&fixtures, file);
        let checkpoint =
            weights::checkpoint(weights::read(&file).expect("reads"), &Overrides::default()).expect("opens");
        let written = weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec);
        let again = weights::checkpoint(weights::read(&written).expect("reads"), &Overrides::default()).expect("opens");
        assert_eq!(again.spec, checkpoint.spec, "{name}");
        let (input, _) = bench_golden(&fixtures, &name);
        assert!(predict(&written, &input) == predict(&file, &input), "{name}");
    }
}
