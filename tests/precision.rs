//! What each precision of the converter costs on photographs, and what becomes of files that are quantised already.

mod fixtures;
mod graphs;

use fixtures::Fixtures;
use graphs::{bench_file, bench_golden, difference, predict, rows, top};
use mobilenet_web::weights::{self, Checkpoint, Dtype, Overrides, Precision};

fn converted(file: &[u8], precision: Precision) -> Vec<u8> {
    weights::convert(file, &Overrides::default(), precision).unwrap_or_else(|error| panic!("{error}"))
}

fn network(file: &[u8]) -> Checkpoint<'_> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    weights::checkpoint(file, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// What a precision may cost of 24 photographs: first labels that change, and by how much a probability may be off. Floats of 32
/// bits are the framework's; the others were 0.0103 and 0.1616 at most, both on V1, and rounding to the nearest integer,
/// which this must notice, 0.42.
const COSTS: [(Precision, usize, f32); 4] =
    [(Precision::Kept, 0, 1e-4), (Precision::F32, 0, 1e-4), (Precision::F16, 0, 0.015), (Precision::Int8, 0, 0.2)];

#[test]
fn what_each_precision_costs_on_photographs() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (file, golden) in [
        ("v2_1.0_224_torchvision/mobilenet_v2.safetensors", "v2_1.0_224_torchvision"),
        ("v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors", "v1_1.0_224_slim"),
        ("v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors", "v3_small_1.0_224_dequant"),
    ] {
        let file = fixtures.read(&format!("weights/{file}"));
        for ((precision, name), (_, others, most)) in Precision::ALL.into_iter().zip(COSTS) {
            let written = converted(&file, precision);
            let rows = rows(&fixtures, &written, golden, "probs");
            let same = rows.iter().filter(|(_, found, expected)| top(found) == top(expected)).count();
            let differences: Vec<f32> = rows.iter().map(|(_, found, expected)| difference(found, expected)).collect();
            let (worst, count) = (differences.iter().copied().fold(0.0, f32::max), rows.len());
            println!(
                "{golden}, {name}: {} bytes, first label of {same} of {count}, |Δprobability| at most {worst:.4}, a \
                 picture's most is {:.4} in the mean",
                written.len(),
                differences.iter().sum::<f32>() / count as f32
            );
            assert!(same + others >= count, "{golden}, {name}: {same} of {count}");
            assert!(worst <= most, "{golden}, {name}: {worst}");
        }
    }
}

/// Integers of a file stay those integers, and mean the same: also under `int8`, for they have eight bits.
#[test]
fn quantised_files_keep_their_own_integers() {
    let Some(fixtures) = Fixtures::find() else { return };
    for name in ["v1_0.25_128", "v2_1.0_224", "v3s_1.0_224"] {
        let file = bench_file(&fixtures, &format!("{name}.int8.tflite"));
        let (input, _) = bench_golden(&fixtures, name);
        let expected = predict(&file, &input);
        for precision in [Precision::Kept, Precision::Int8] {
            let written = converted(&file, precision);
            println!("{name}.int8.tflite as {precision:?}: {} of {} bytes", written.len(), file.len());
            assert!(predict(&written, &input) == expected, "{name} {precision:?}");
            let (before, after) = (network(&file), network(&written));
            for (before, after) in before.canonical().iter().zip(after.canonical()) {
                assert_eq!(before.name, after.name);
                if before.name.ends_with("/weights") {
                    assert_eq!((before.dtype, &before.quantization), (after.dtype, &after.quantization), "{name}");
                }
                assert_eq!(before.to_f32().unwrap(), after.to_f32().unwrap(), "{}", before.name);
            }
        }
    }
    // Zero points other than 0, one for a whole tensor.
    let file = fixtures.read("weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite");
    let written = converted(&file, Precision::Kept);
    let stem = network(&written).tensor("Conv2d_0/weights").unwrap().clone();
    assert_eq!(stem.dtype, Dtype::U8);
    let quantization = stem.quantization.clone().unwrap();
    assert!(quantization.scales.len() == 1 && quantization.zero_points[0] != 0, "{quantization:?}");
}
