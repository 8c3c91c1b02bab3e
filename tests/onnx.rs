//! ONNX files against what their networks' framework computes.

mod fixtures;
mod graph_files;
mod graphs;
mod protobuf;

use fixtures::Fixtures;
use graph_files::onnx;
use graphs::{PROBABILITY_TOLERANCE, assert_right_everywhere, bench_file, bench_golden, difference, predict, top};
use mobilenet_web::model::{Activation, Block, Classifier, Padding, Version};
use mobilenet_web::weights::{self, Format, Overrides};

#[test]
fn float_networks_compute_what_keras_does() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, version) in [("v2_1.0_224", Version::V2), ("v3s_1.0_224", Version::V3Small)] {
        let file = bench_file(&fixtures, &format!("{name}.onnx"));
        let read = weights::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.format, Format::Onnx);
        let checkpoint = weights::checkpoint(read, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let spec = &checkpoint.spec;
        assert_eq!((spec.version, spec.multiplier, spec.height_px, spec.classes), (version, 1.0, 224, 1001), "{name}");
        assert_eq!(spec.padding, Padding::Same, "{name}");
        let (input, expected) = bench_golden(&fixtures, name);
        let found = predict(&file, &input);
        let worst = difference(&found, &expected);
        println!("{name}.onnx: max |Δprobability| {worst:.1e}");
        assert!(worst <= PROBABILITY_TOLERANCE, "{name}: {worst}");
        assert_eq!(top(&found), top(&expected), "{name}");
    }
}

/// What torchvision's networks become in ONNX when batch norms are not folded, in the spelling of old opsets.
fn unfolded_v2(safetensors: &[u8]) -> Vec<u8> {
    let tensors = weights::read(safetensors).expect("reads");
    let mut model = onnx::Model::default();
    let weights = |model: &mut onnx::Model, name: &str| {
        let tensor = tensors.get(name).unwrap_or_else(|| panic!("{name}"));
        let kept = if name.contains("running") { onnx::Kept::FloatData } else { onnx::Kept::Raw };
        model.weights(name, &tensor.shape, &tensor.to_f32().expect("numbers"), kept);
        tensor.shape.clone()
    };
    let layer = |model: &mut onnx::Model, from: &str, (conv, norm): (String, String), stride: i64, clip: bool| {
        let name = format!("{conv}.weight");
        let shape = weights(model, &name);
        let group = if shape[1] == 1 { shape[0] as i64 } else { 1 };
        let pads = onnx::ints("pads", &[(shape[2] / 2) as i64; 4]);
        let attributes = [pads, onnx::ints("strides", &[stride; 2]), onnx::int("group", group)];
        let mut map = model.node("Conv", &[from, &name], &attributes);
        let ends = ["weight", "bias", "running_mean", "running_var"].map(|end| format!("{norm}.{end}"));
        for end in &ends {
            weights(model, end);
        }
        let [scale, offset, mean, variance] = &ends;
        map = model.node("BatchNormalization", &[&map, scale, offset, mean, variance], &[onnx::float("epsilon", 1e-5)]);
        if clip {
            map = model.node("Clip", &[&map], &[onnx::float("min", 0.0), onnx::float("max", 6.0)]);
        }
        map
    };
    let pair = |stem: &str, conv: &str, norm: &str| (format!("{stem}.{conv}"), format!("{stem}.{norm}"));
    let mut map = layer(&mut model, "input", pair("features.0", "0", "1"), 2, true);
    let rows =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    let mut index = 0;
    for (expansion, _, repeats, stride) in rows {
        for repeat in 0..repeats {
            index += 1;
            let name = format!("features.{index}.conv");
            let (before, stride) = (map.clone(), if repeat == 0 { stride } else { 1 });
            let mut part = 0;
            if expansion > 1 {
                map = layer(&mut model, &map, pair(&name, "0.0", "0.1"), 1, true);
                part = 1;
            }
            let conv = (format!("{name}.{part}.0"), format!("{name}.{part}.1"));
            map = layer(&mut model, &map, conv, stride, true);
            let conv = (format!("{name}.{}", part + 1), format!("{name}.{}", part + 2));
            map = layer(&mut model, &map, conv, 1, false);
            if repeat > 0 {
                map = model.node("Add", &[&before, &map], &[]);
            }
        }
    }
    map = layer(&mut model, &map, pair("features.18", "0", "1"), 1, true);
    map = model.node("GlobalAveragePool", &[&map], &[]);
    map = model.node("Flatten", &[&map], &[]);
    weights(&mut model, "classifier.1.weight");
    weights(&mut model, "classifier.1.bias");
    map = model.node("Gemm", &[&map, "classifier.1.weight", "classifier.1.bias"], &[onnx::int("transB", 1)]);
    model.file(("input", &[1, 3, 224, 224]), &map, 7)
}

#[test]
fn batch_norms_that_are_not_folded_keep_their_epsilon() {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = unfolded_v2(&fixtures.read("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors"));
    let checkpoint = weights::checkpoint(weights::read(&file).expect("reads"), &Overrides::default()).expect("opens");
    let spec = &checkpoint.spec;
    assert_eq!((spec.version, spec.padding, spec.batch_norm_epsilon), (Version::V2, Padding::Symmetric, 1e-5));
    assert_eq!((spec.preprocessing.name, spec.classes), ("torchvision", 1000));
    assert_right_everywhere(&fixtures, &file, "v2_1.0_224_torchvision", "probs");
}

#[test]
fn a_table_of_its_own_is_told_from_the_graph() {
    let file = onnx::small_file();
    let checkpoint = weights::checkpoint(weights::read(&file).expect("reads"), &Overrides::default()).expect("opens");
    let spec = &checkpoint.spec;
    let activation = Activation::Relu;
    let block = |expansion, kernel| Block::InvertedResidual {
        kernel,
        expansion,
        stride: 1,
        channels: 8,
        squeeze_excite: true,
        activation,
    };
    let stem = Block::Conv { kernel: 3, stride: 2, channels: 8, activation: Activation::Relu6 };
    assert_eq!(*spec.blocks, [stem, Block::Separable { stride: 1, channels: 8 }, block((32, 8), 5)]);
    assert_eq!((spec.version, spec.classes, spec.gate), (Version::Custom, 5, Activation::HardSigmoid));
    assert_eq!((spec.padding, spec.height_px, spec.classifier), (Padding::Symmetric, 64, Classifier::Softmax));
    assert_eq!(spec.labels, ["a", "b", "c", "d", "e's"]);
    assert_eq!(checkpoint.parameter("logits/biases", &[5]).expect("biases"), [0.0, 1.0, 2.0, 3.0, 4.0]);
}

/// `clamp(α·x + ½, 0, 1)` is `relu6(6α·x + 3) / 6`.
#[test]
fn a_hard_sigmoid_s_slope_goes_into_the_weights_before_it() {
    let parameters = |alpha: f32| {
        let model = onnx::small_with(8, &|model, from| {
            model.node("HardSigmoid", &[from], &[onnx::float("alpha", alpha), onnx::float("beta", 0.5)])
        });
        let file = onnx::file(&model);
        let checkpoint = weights::checkpoint(weights::read(&file).expect("reads"), &Overrides::default());
        let checkpoint = checkpoint.unwrap_or_else(|error| panic!("{alpha}: {error}"));
        assert_eq!(checkpoint.spec.gate, Activation::HardSigmoid, "{alpha}");
        let parameter = |name: &str, shape: &[usize]| {
            checkpoint.parameter(&format!("layer_3/{name}"), shape).unwrap_or_else(|error| panic!("{error}"))
        };
        [
            parameter("squeeze_excite/expand/weights", &[32, 8, 1, 1]),
            parameter("squeeze_excite/expand/biases", &[32]),
            parameter("project/weights", &[8, 32, 1, 1]),
        ]
    };
    let plain = parameters(1.0 / 6.0);
    for alpha in [0.166_626, 0.166_67, 0.1667] {
        let [weights, biases, projection] = parameters(alpha);
        for (found, plain) in weights.iter().zip(&plain[0]).chain(biases.iter().zip(&plain[1])) {
            assert!((found - plain * alpha * 6.0).abs() < 1e-7, "{alpha}: {found} of {plain}");
        }
        assert_eq!(projection, plain[2], "{alpha}");
        assert_ne!(biases, plain[1], "{alpha}");
    }
}
