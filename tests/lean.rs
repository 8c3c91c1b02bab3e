//! What the browser's core module says about files that say what they are: the crate built without `full`, as
//! `cargo test --no-default-features --test lean` does. With `full` the same must hold.

mod weights_common;

use mobilenet_web::Kind;
use mobilenet_web::weights::{self, Checkpoint, Dtype, Overrides, Quantization, Tensor, write_safetensors_with};
use weights_common::{assert_refused, opened, safetensors_filled, torchvision_v2};

/// A value for every element of every tensor.
type Fill = fn(&str, usize) -> f32;

const METADATA: &str = r#""mobilenet.version":"v2","mobilenet.multiplier":"0.35","mobilenet.resolution":"96",
    "mobilenet.classes":"2","mobilenet.padding":"symmetric","mobilenet.batch_norm_epsilon":"1e-5",
    "mobilenet.preprocessing":"torchvision","mobilenet.labels":"cat\ndog","mobilenet.wnids":"n1\nn2""#;

fn trained(_: &str, index: usize) -> f32 {
    0.01 + index as f32 % 7.0
}

fn file(fill: Fill) -> Vec<u8> {
    safetensors_filled(&torchvision_v2(0.35, 2), METADATA, fill)
}

fn codes(checkpoint: &Checkpoint<'_>) -> Vec<&'static str> {
    checkpoint.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn a_file_that_says_what_it_is_opens() {
    let bytes = file(trained);
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!((checkpoint.naming, spec.version.name(), spec.multiplier), ("torchvision", "v2", 0.35));
    assert_eq!((spec.height_px, spec.classes, spec.labels.len(), checkpoint.wnids.len()), (96, 2, 2, 2));
    assert_eq!((codes(&checkpoint), checkpoint.tensors().len()), (vec![], torchvision_v2(0.35, 2).len()));
    let written = write_safetensors_with(checkpoint.tensors(), spec, &checkpoint.wnids);
    assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec);
    // And under this crate's own names, as `cargo xtask convert` writes files of other frameworks.
    let written = write_safetensors_with(&checkpoint.canonical(), spec, &checkpoint.wnids);
    let renamed = opened(weights::read(&written).unwrap()).unwrap();
    assert_eq!((renamed.naming, &renamed.spec), ("canonical", spec));
    for tensor in checkpoint.canonical() {
        assert_eq!(
            renamed.tensor(&tensor.name).unwrap().to_f32().unwrap(),
            tensor.to_f32().unwrap(),
            "{}",
            tensor.name
        );
    }
}

/// A network whose batch norms were folded into their convolutions, which have biases instead.
#[test]
fn folded_batch_norms_open() {
    let folded = |(name, shape): &(String, Vec<usize>)| {
        let (base, end) = name.rsplit_once('.').unwrap();
        let layer: Vec<&str> = base.rsplitn(2, '.').collect();
        match (end, shape.len()) {
            // `features.1.conv.0.1` is the norm of `features.1.conv.0.0`, `features.1.conv.2` that of `features.1.conv.1`.
            ("bias", 1) if !base.starts_with("classifier") => {
                let before = layer[0].parse::<usize>().unwrap() - 1;
                Some((format!("{}.{before}.bias", layer[1]), shape.clone()))
            }
            ("weight", 1) | ("running_mean" | "running_var" | "num_batches_tracked", _) => None,
            _ => Some((name.clone(), shape.clone())),
        }
    };
    let tensors: Vec<_> = torchvision_v2(0.35, 2).iter().filter_map(folded).collect();
    let bytes = safetensors_filled(&tensors, METADATA, trained);
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    assert!(checkpoint.has("layer_1/biases") && !checkpoint.has("layer_1/batch_norm/gamma"));
    assert_eq!(checkpoint.tensors().len(), tensors.len());
}

/// Weights of eight bits with scales, as the importer writes them with the precision `int8`, and biases of 32.
#[test]
fn integers_open_as_what_they_stand_for() {
    let bytes = file(trained);
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    let integers = |tensor: Tensor<'static>, dtype, bytes: Vec<u8>, quantization| Tensor {
        dtype,
        bytes: bytes.into(),
        quantization: Some(Box::new(quantization)),
        ..tensor
    };
    let quantised = |tensor: Tensor<'_>| {
        let tensor =
            Tensor { name: tensor.name.into_owned().into(), bytes: tensor.bytes.into_owned().into(), ..tensor };
        let count: usize = tensor.shape.iter().product();
        let byte = |index: usize| (index * 37 % 256) as u8;
        let eight = (0..count).map(byte).collect();
        let word = |index: usize| (1000 * index as i32 - 3000).to_le_bytes();
        match &*tensor.name {
            "layer_1/weights" => {
                let scales = (1..=tensor.shape[0]).map(|channel| channel as f32 / 64.0).collect();
                let zero_points = vec![0; tensor.shape[0]];
                integers(tensor, Dtype::I8, eight, Quantization { axis: 0, scales, zero_points, columns: Vec::new() })
            }
            "logits/weights" => {
                let one = Quantization { axis: 0, scales: vec![0.25], zero_points: vec![131], columns: Vec::new() };
                integers(tensor, Dtype::U8, eight, one)
            }
            "logits/biases" => {
                let two =
                    Quantization { axis: 0, scales: vec![0.5, 0.125], zero_points: vec![0, -7], columns: Vec::new() };
                integers(tensor, Dtype::I32, (0..count).flat_map(word).collect(), two)
            }
            _ => tensor,
        }
    };
    let tensors: Vec<_> = checkpoint.canonical().into_iter().map(quantised).collect();
    let written = write_safetensors_with(&tensors, &checkpoint.spec, &[]);
    let again = opened(weights::read(&written).unwrap()).unwrap();
    assert_eq!((&again.spec, codes(&again), again.tensors().len()), (&checkpoint.spec, vec![], tensors.len()));
    let stem = again.parameter("layer_1/weights", &[16, 3, 3, 3]).unwrap();
    let expected = |index: usize| f32::from((index * 37 % 256) as u8 as i8) * (index / 27 + 1) as f32 / 64.0;
    assert_eq!(stem, (0..16 * 27).map(expected).collect::<Vec<_>>());
    let logits = again.parameter("logits/weights", &[2, 1280]).unwrap();
    let expected = |index: usize| (f32::from((index * 37 % 256) as u8) - 131.0) * 0.25;
    assert_eq!(logits, (0..2 * 1280).map(expected).collect::<Vec<_>>());
    assert_eq!(again.parameter("logits/biases", &[2]).unwrap(), [-1500.0, (-2000.0 + 7.0) * 0.125]);
    // And they are written again as they are.
    assert!(write_safetensors_with(again.tensors(), &again.spec, &[]) == written);
}

/// What the page's card shows: the trap of statistics that no training wrote survives conversion.
#[test]
fn statistics_that_were_never_written_are_told() {
    let cases: [(&str, Fill, &[&str], &str); 5] = [
        (
            "fresh",
            |name, _| f32::from(!name.ends_with("mean")),
            &["batch_norm_mean_zero", "batch_norm_variance_one"],
            "52 of 52 batch norms: moving means are all 0, as before training; first tensor `features.0.1.running_mean`",
        ),
        ("zeros", |name, _| f32::from(!name.ends_with("var")), &["batch_norm_variance_zero"], "52 of 52"),
        ("tiny", |name, _| if name.ends_with("var") { 1e-9 } else { 1.5 }, &["batch_norm_variance_tiny"], "52 of 52"),
        (
            "negative",
            |name, index| if name == "features.9.conv.0.1.running_var" && index == 5 { -0.5 } else { 0.09 },
            &["batch_norm_variance_negative"],
            "1 of 52 batch norms: moving variances are negative in places; first tensor `features.9.conv.0.1.running_var`",
        ),
        ("decayed", |_, index| 0.5 + index as f32 % 7.0, &["batch_norm_decayed"], "0.5"),
    ];
    for (name, fill, expected, says) in cases {
        let bytes = file(fill);
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
        assert_eq!(codes(&checkpoint), expected, "{name}: {:?}", checkpoint.warnings);
        assert!(checkpoint.warnings[0].message.contains(says), "{name}: {}", checkpoint.warnings[0].message);
    }
}

#[test]
fn values_out_of_range_are_refused_here_too() {
    let bytes = file(trained);
    let open = |overrides: &Overrides| weights::checkpoint(weights::read(&bytes)?, overrides).map(drop);
    let none = Overrides::default;
    let stride = Overrides { output_stride: Some(12), ..none() };
    assert_refused("output stride", open(&stride), Kind::BadModel, &["output_stride", "12"]);
    let zero = Overrides { multiplier: Some(0.0), ..none() };
    assert_refused("multiplier", open(&zero), Kind::BadModel, &["multiplier", "above 0"]);
    let labels = Overrides { labels: Some(vec!["cat".into()]), ..none() };
    assert_refused("labels", open(&labels), Kind::BadModel, &["2 names", "1 names"]);
}

/// Only the importer has the words for what is wrong, and infers what is not said.
#[cfg(not(feature = "full"))]
#[test]
fn everything_else_is_for_the_importer() {
    let needs = |name: &str, bytes: &[u8], overrides: &Overrides| {
        let result = weights::read(bytes).and_then(|file| weights::checkpoint(file, overrides).map(drop));
        assert_refused(name, result, Kind::NeedsImporter, &["importer"]);
    };
    let none = Overrides::default();
    needs("no metadata", &weights_common::safetensors_of(&torchvision_v2(0.35, 2)), &none);
    needs("a tensor gone", &safetensors_filled(&torchvision_v2(0.35, 2)[1..], METADATA, trained), &none);
    needs("another width", &file(trained), &Overrides { multiplier: Some(0.5), ..none.clone() });
    needs("PyTorch", &weights_common::zip_pth(b"", &[]), &none);
    needs("TensorFlow Lite", b"\x1c\0\0\0TFL3\x14\0\x20\0", &none);
    needs("Keras", b"\x89HDF\r\n\x1a\n\0\0", &none);
    needs("ONNX", b"\x08\x07\x12\x07pytorch", &none);
    needs("PyTorch before 1.6", b"\x80\x02\x8a\x0a\x6c\xfc", &none);
}
