//! The converter: what each precision writes, and that it opens again.

mod weights_common;

use mobilenet_web::Kind;
use mobilenet_web::weights::{self, Checkpoint, Dtype, Overrides, Precision};
use weights_common::{assert_refused, opened, safetensors_file, safetensors_filled, torchvision_v2};

fn converted(file: &[u8], precision: Precision) -> Vec<u8> {
    weights::convert(file, &Overrides::default(), precision).unwrap_or_else(|error| panic!("{error}"))
}

fn network(file: &[u8]) -> Checkpoint<'_> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    opened(file).unwrap_or_else(|error| panic!("{error}"))
}

/// Weights from −1 to 1 without a pattern, batch norms that do something.
fn small() -> Vec<u8> {
    let fill = |name: &str, index: usize| {
        let seed = name.bytes().fold(index as u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let random = (seed.wrapping_mul(2_654_435_769) >> 8) as f32 / (1 << 23) as f32 - 1.0;
        if name.ends_with("running_var") { 0.01 + random.abs() } else { random }
    };
    safetensors_filled(&torchvision_v2(0.35, 5), "", fill)
}

#[test]
fn int8_is_a_whole_number_of_steps_of_each_channel_s_folded_weights() {
    let file = small();
    let before = network(&file);
    let written = converted(&file, Precision::Int8);
    let after = network(&written);
    assert_eq!((after.naming, &after.spec, &*after.warnings), ("canonical", &before.spec, &[][..]));
    let mut depthwise = 0;
    for tensor in after.tensors().filter(|tensor| tensor.name.ends_with("/weights")) {
        let node = tensor.name.strip_suffix("/weights").unwrap();
        let out = tensor.shape[0];
        let (factors, shifts) = before.folded(node, out).unwrap();
        assert_eq!(after.folded(node, out).unwrap(), (vec![1.0; out], shifts), "{node}");
        let weights = before.parameter(&tensor.name, &tensor.shape).unwrap();
        let found = tensor.to_f32().unwrap();
        if node.ends_with("/depthwise") {
            assert_eq!(tensor.dtype, Dtype::F16, "{node}");
            depthwise += 1;
            continue;
        }
        let quantization = tensor.quantization.as_ref().unwrap();
        assert_eq!((tensor.dtype, quantization.scales.len(), quantization.axis), (Dtype::I8, out, 0), "{node}");
        assert!(quantization.zero_points.iter().all(|&zero| zero == 0), "{node}");
        let inputs = weights.len() / out;
        for (channel, &scale) in quantization.scales.iter().enumerate() {
            let at = channel * inputs..(channel + 1) * inputs;
            let folded: Vec<f32> = weights[at.clone()].iter().map(|weight| weight * factors[channel]).collect();
            let most = folded.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
            assert!((scale * 127.0 / most - 1.0).abs() < 1e-5, "{node}[{channel}]");
            let mut sum = 0.0;
            for (found, folded) in found[at].iter().zip(&folded) {
                // A few are rounded the other way, so that the sum is right.
                assert!((found - folded).abs() <= scale * 1.001, "{node}[{channel}]: {found} for {folded}");
                sum += f64::from(found - folded);
            }
            assert!(sum.abs() <= f64::from(scale) * 0.51, "{node}[{channel}]: {sum} in steps of {scale}");
        }
    }
    assert_eq!(depthwise, 17);
    assert!(written.len() * 10 < file.len() * 4, "{} of {} bytes", written.len(), file.len());
}

#[test]
fn what_is_converted_converts_again() {
    let file = small();
    for (precision, name) in Precision::ALL {
        let once = converted(&file, precision);
        for again in [Precision::Kept, precision] {
            assert!(converted(&once, again) == once, "{name}: {again:?} changes it");
        }
    }
    // Eight bits keep what they were rounded to, whatever they are written as next.
    let eight = converted(&file, Precision::Int8);
    let wide = converted(&eight, Precision::F32);
    assert!(weights::read(&wide).unwrap().iter().all(|tensor| tensor.dtype == Dtype::F32));
    let (eight, wide) = (network(&eight), network(&wide));
    for tensor in eight.tensors() {
        assert_eq!(tensor.to_f32().unwrap(), wide.tensor(&tensor.name).unwrap().to_f32().unwrap(), "{}", tensor.name);
    }
}

#[test]
fn sixteen_bits_keep_what_they_cannot_hold_wide() {
    let file =
        safetensors_filled(&torchvision_v2(0.35, 5), "", |name, _| if name.starts_with("class") { 1e5 } else { 0.5 });
    let written = converted(&file, Precision::F16);
    let file = weights::read(&written).unwrap();
    let dtype = |name: &str| file.get(name).unwrap().dtype;
    assert_eq!(dtype("classifier.1.weight"), Dtype::F32);
    assert_eq!(dtype("features.0.0.weight"), Dtype::F16);
    assert_eq!(dtype("features.0.1.running_mean"), Dtype::F32);
}

#[test]
fn scales_that_do_not_fit_are_refused() {
    let file = |scales: &str, zeros: &str, data: usize| {
        let header = format!(
            r#"{{"a":{{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}},
               "a/scales":{{{scales}}}{}{zeros}{}}}"#,
            if zeros.is_empty() { "" } else { r#","a/zero_points":{"# },
            if zeros.is_empty() { "" } else { "}" },
        );
        let mut bytes = vec![0; data];
        bytes[..4].copy_from_slice(&[1, 255, 127, 128]);
        bytes[4..8].copy_from_slice(&0.5_f32.to_le_bytes());
        safetensors_file(&header, &bytes)
    };
    let read = |bytes: &[u8]| weights::read(bytes).map(|file| file.get("a").unwrap().to_f32().unwrap());
    let scale = r#""dtype":"F32","shape":[1],"data_offsets":[4,8]"#;
    assert_eq!(read(&file(scale, "", 8)).unwrap(), [0.5, -0.5, 63.5, -64.0]);
    let scalar = r#""dtype":"F32","shape":[],"data_offsets":[4,8]"#;
    let zero = r#""dtype":"I32","shape":[1],"data_offsets":[8,12]"#;
    assert_eq!(read(&file(scalar, zero, 12)).unwrap(), [0.5, -0.5, 63.5, -64.0]);
    let refused = |name: &str, bytes: Vec<u8>, kind, says: &[&str]| {
        assert_refused(name, weights::read(&bytes).map(drop), kind, says);
    };
    let three = r#""dtype":"F32","shape":[3],"data_offsets":[4,16]"#;
    refused("three scales", file(three, "", 16), Kind::WrongShape, &["`a/scales` at byte", "[1] or [2]", "[3]"]);
    let half = r#""dtype":"F16","shape":[2],"data_offsets":[4,8]"#;
    refused("scales of 16 bits", file(half, "", 8), Kind::WrongDtype, &["`a/scales`", "F32", "F16"]);
    let byte = r#""dtype":"I8","shape":[1],"data_offsets":[8,9]"#;
    refused("zero points of eight bits", file(scale, byte, 9), Kind::WrongDtype, &["`a/zero_points`", "I32", "I8"]);
    let mut nan = file(scale, "", 8);
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused("NaN", nan, Kind::NotFinite, &["`a/scales`", "byte"]);
}

#[test]
fn an_unknown_precision_is_named_with_the_known_ones() {
    let result = Precision::from_name("int4").map(drop);
    assert_refused("int4", result, Kind::BadOption, &["precision", "kept, f32, f16, int8", "\"int4\""]);
    for (precision, name) in Precision::ALL {
        assert_eq!(Precision::from_name(name).unwrap(), precision);
    }
}
