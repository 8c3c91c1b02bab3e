//! What each framework calls its tensors, listed by the frameworks themselves (tools/golden/names.py), and what is
//! inferred from that.

mod weights_common;

use mobilenet_web::model::{Activation, Classifier, Padding, Pooling, Version, Widths, table};
use mobilenet_web::weights::{self, Checkpoint, Overrides};
use weights_common::{fixture, opened, safetensors_counting, safetensors_of, v2_safetensors};

type Tensors = Vec<(String, Vec<usize>)>;
type Rename<'r> = &'r dyn Fn(&str) -> String;

const FILES: [&str; 25] = [
    "torchvision_v2_0.35",
    "torchvision_v3-large_0.35",
    "torchvision_v3-small_0.75",
    "timm_v1_1.0",
    "timm_v2_0.35",
    "timm_v3-large_0.75",
    "timm_v3-small_0.5",
    "timm_v3-large-minimalistic_1.0",
    "timm_v3-small-minimalistic_1.0",
    "keras_v1_0.25",
    "keras_v2_0.35",
    "keras_v3-large_0.5",
    "keras_v3-small_0.5",
    "keras_v3-large-minimalistic_0.5",
    "keras_v3-small-minimalistic_0.5",
    "keras-2_v2_0.35",
    "keras-2_v3-large_0.5",
    "keras-2_v3-small_0.5",
    "tf-slim_v1_0.25",
    "tf-slim_v2_0.5",
    "tf-slim_v2_0.35",
    "tf-slim_v3-large_0.35",
    "tf-slim_v3-small_0.35",
    "tf-slim_v3-small-minimalistic_0.35",
    "tf-slim_v3-large-minimalistic_0.35",
];

/// The tensors that a framework lists.
fn listed(name: &str) -> Tensors {
    let path = format!("{}/tests/data/names/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut lines = text.lines();
    let separator = lines.next().expect("a separator");
    let mut tensors = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split(' ').collect();
        for leaf in words[1..].chunks(2) {
            let shape =
                leaf[1].split(',').filter(|dim| *dim != "-").map(|dim| dim.parse().expect("a number")).collect();
            tensors.push((format!("{}{separator}{}", words[0], leaf[0]), shape));
        }
    }
    tensors
}

fn why<'c>(checkpoint: &'c Checkpoint<'_>, what: &str) -> &'c str {
    checkpoint.inferred.iter().find(|inferred| inferred.what == what).map_or("", |inferred| &inferred.value)
}

/// What the framework's networks are, from its documentation.
fn expected(framework: &str, version: &str) -> (Widths, Padding, f32, &'static str, Pooling) {
    use Padding::{After, Same, Symmetric};
    let average = Pooling::Average;
    match (framework, version) {
        ("torchvision", "v2") => (Widths::V2, Symmetric, 1e-5, "torchvision", average),
        ("torchvision", _) => (Widths::V3_TORCHVISION, Symmetric, 1e-3, "torchvision", average),
        ("timm", "v1") => (Widths::V1_TIMM, Symmetric, 1e-5, "timm-inception", average),
        ("timm", "v2") => (Widths::V2, Symmetric, 1e-5, "torchvision", average),
        ("timm", "v3-large" | "v3-small") => (Widths::V3_TIMM, Symmetric, 1e-5, "torchvision", average),
        ("timm", _) => (Widths::V3_TIMM, Same, 1e-3, "timm-inception", average),
        ("keras", "v1") => (Widths::V1_KERAS, After, 1e-3, "keras", average),
        ("keras" | "keras-2", "v2") => (Widths::V2, Same, 1e-3, "keras", average),
        ("keras" | "keras-2", _) => (Widths::V3_KERAS, Same, 1e-3, "keras", average),
        ("tf-slim", "v1") => (Widths::V1_SLIM, Same, 1e-3, "tf-slim", Pooling::Slim7),
        ("tf-slim", "v2") => (Widths::V2, Same, 1e-3, "tf-slim", average),
        _ => (Widths::V3_SLIM, Same, 1e-3, "tf-slim", average),
    }
}

#[test]
fn what_frameworks_list_is_recognised_and_told_apart() {
    for file in FILES {
        let [framework, version, multiplier] = *file.split('_').collect::<Vec<_>>() else { panic!("{file}") };
        let tensors = listed(file);
        let bytes = safetensors_counting(&tensors);
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        let spec = &checkpoint.spec;
        let (mut widths, padding, epsilon, preset, pooling) = expected(framework, version);
        if file == "tf-slim_v2_0.5" {
            widths = Widths::V2_SLIM_COARSE;
        }
        // Keras 2 and 3 differ in V3 only.
        let naming = if file == "keras-2_v2_0.35" { "keras" } else { framework };
        assert_eq!((checkpoint.naming, spec.version.name()), (naming, version), "{file}");
        assert_eq!((spec.multiplier, spec.widths), (multiplier.parse().unwrap(), widths), "{file}");
        assert_eq!(
            (spec.padding, spec.batch_norm_epsilon, spec.preprocessing.name),
            (padding, epsilon, preset),
            "{file}"
        );
        assert_eq!((spec.classes, spec.pooling, spec.classifier), (5, pooling, Classifier::Softmax), "{file}");
        let gated = version.starts_with("v3") && !version.ends_with("minimalistic");
        let gate = if framework == "tf-slim" && gated { Activation::SlimSigmoid } else { Activation::HardSigmoid };
        assert_eq!((spec.gate, why(&checkpoint, "gate").is_empty()), (gate, gate == Activation::HardSigmoid), "{file}");
        let used = tensors.iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")).count();
        assert_eq!(checkpoint.tensors().len(), used, "{file}");
        assert!(checkpoint.warnings.iter().all(|warning| warning.code != "extra_tensors"), "{file}");
        for what in ["naming", "version", "layout", "multiplier", "classes", "padding", "preprocessing", "resolution"] {
            assert!(!why(&checkpoint, what).is_empty(), "{file}: nothing about {what}");
        }

        // What is written says everything, so that nothing is left to infer.
        let written = weights::write_safetensors(checkpoint.tensors(), spec);
        let again = opened(weights::read(&written).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(&again.spec, spec, "{file}");
        let left: Vec<_> = again.inferred.iter().map(|inferred| inferred.what).collect();
        assert_eq!(left, ["naming", "layout", "batch_norm"], "{file}");
    }
}

/// The file with its tensors renamed; those that become nameless are left out.
fn renamed(tensors: &Tensors, rename: impl Fn(&str) -> String) -> Tensors {
    let renamed = tensors.iter().map(|(name, shape)| (rename(name), shape.clone()));
    renamed.filter(|(name, _)| !name.is_empty()).collect()
}

/// Biases on every convolution, and no batch norms.
fn folded(tensors: &Tensors) -> Tensors {
    let parts = |name: &str| {
        name.rsplit_once(['/', '.'])
            .map(|(layer, leaf)| (layer.to_owned(), leaf.to_owned()))
            .expect("a layer and a leaf")
    };
    let is_norm = |layer: &str| tensors.iter().any(|(name, _)| parts(name).0 == layer && name.contains("_mean"));
    let mut folded = Vec::new();
    for (name, shape) in tensors {
        let (layer, leaf) = parts(name);
        if is_norm(&layer) {
            continue;
        }
        folded.push((name.clone(), shape.clone()));
        let biases = if leaf.ends_with("weights") { "biases" } else { "bias" };
        let biases = format!("{}{biases}", &name[..=layer.len()]);
        let out =
            if leaf.starts_with("depthwise") || name.contains("depthwise/") || name.contains("dw_") { 2 } else { 3 };
        let out = if biases.contains('/') { shape.get(out) } else { shape.first() };
        if shape.len() == 4 && !tensors.iter().any(|(name, _)| name.trim_end_matches(":0") == biases) {
            folded.push((biases, vec![*out.expect("four axes")]));
        }
    }
    folded
}

#[test]
fn what_savers_add_to_names_does_not_matter() {
    let twice = |name: &str| {
        let (layer, leaf) = name.rsplit_once('/').unwrap();
        format!("{layer}/{layer}/{leaf}:0")
    };
    let shadows = |name: &str| format!("{name}/ExponentialMovingAverage");
    let cases: [(&str, Rename<'_>); 7] = [
        ("timm_v3-small_0.5", &|name| format!("module.model.{name}")),
        ("keras_v2_0.35", &twice),
        ("keras-2_v3-large_0.5", &|name| twice(name.trim_end_matches(":0"))),
        ("keras_v3-small_0.5", &|name| format!("my_base/{name}:0")),
        ("tf-slim_v3-large_0.35", &shadows),
        ("tf-slim_v2_0.5", &|name| format!("FeatureExtractor/{name}")),
        ("torchvision_v2_0.35", &|name| format!("net.{name}")),
    ];
    for (file, rename) in cases {
        let tensors = listed(file);
        let plain = safetensors_counting(&tensors);
        let plain = opened(weights::read(&plain).unwrap()).unwrap();
        let bytes = safetensors_counting(&renamed(&tensors, rename));
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(checkpoint.spec, plain.spec, "{file}");
        assert_eq!(checkpoint.warnings, plain.warnings, "{file}");
    }
}

#[test]
fn shadows_go_before_variables_and_bookkeeping_is_no_surprise() {
    let tensors = listed("tf-slim_v1_0.25");
    let shadow = |name: &str| format!("{name}/ExponentialMovingAverage");
    let mut all = [renamed(&tensors, str::to_owned), renamed(&tensors, shadow)].concat();
    let step = ["global_step", "MobilenetV1/Conv2d_0/weights/RMSProp_1", "optimizer/learning_rate", "beta1_power"];
    all.extend(step.map(|name| (name.to_owned(), vec![])));
    let bytes = safetensors_counting(&all);
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    assert!(checkpoint.tensors().all(|tensor| tensor.name.ends_with("Average")));
    assert!(checkpoint.warnings.iter().all(|warning| warning.code != "extra_tensors"));

    all.push(("MobilenetV1/Conv2d_0/biases".into(), vec![8]));
    let bytes = safetensors_counting(&all);
    let warnings = opened(weights::read(&bytes).unwrap()).unwrap().warnings;
    assert_eq!(warnings[0].code, "extra_tensors");
    assert!(warnings[0].message.contains("`MobilenetV1/Conv2d_0/biases`"), "{}", warnings[0].message);
}

#[test]
fn folded_batch_norms_and_cut_tops_are_recognised() {
    for file in FILES {
        let version = file.split('_').nth(1).unwrap();
        let tensors = listed(file);
        let bytes = safetensors_counting(&folded(&tensors));
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((why(&checkpoint, "batch_norm"), checkpoint.spec.version.name()), ("folded", version), "{file}");
        let stem = if version == "v1" { "Conv2d_0" } else { "layer_1" };
        assert!(checkpoint.has(&format!("{stem}/biases")) && !checkpoint.has(&format!("{stem}/batch_norm/gamma")));

        let logits = ["classifier.1", "classifier.3", "classifier", "conv_preds", "predictions", "logits", "Logits"];
        let head = ["classifier.0", "conv_head", "conv_2", "Conv_2", "MobilenetV3/Conv_2"];
        let is = |tops: &[&str], name: &str| {
            let layer = name.trim_end_matches(":0").rsplit_once(['/', '.']).unwrap().0;
            tops.contains(&layer) || tops.iter().any(|top| layer.contains(&format!("/{top}/")))
        };
        let v3 = version.starts_with("v3");
        let uncut = table(checkpoint.spec.version);
        let without_logits = renamed(&tensors, |name| if is(&logits, name) { String::new() } else { name.into() });
        let bytes = safetensors_counting(&without_logits);
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((checkpoint.spec.classes, why(&checkpoint, "classes")), (0, "0"), "{file}");
        assert_eq!(checkpoint.spec.blocks, uncut, "{file}");
        let written = weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec);
        assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec, "{file}");
        if !v3 {
            continue;
        }
        let base = renamed(&without_logits, |name| if is(&head, name) { String::new() } else { name.into() });
        assert_eq!(base.len() + 2, without_logits.len(), "{file}");
        let bytes = safetensors_counting(&base);
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(checkpoint.spec.blocks[..], uncut[..uncut.len() - 2], "{file}");
        let written = weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec);
        assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec, "{file}");

        // Asking for no top has the same effect on a file that has one.
        let bytes = safetensors_counting(&tensors);
        let none = Overrides { classes: Some(0), ..Overrides::default() };
        let topless = weights::checkpoint(weights::read(&bytes).unwrap(), &none).unwrap();
        assert_eq!(topless.spec, checkpoint.spec, "{file}");
    }
}

#[test]
fn a_dense_layer_on_a_keras_base_is_the_classifier() {
    let keras = || FILES.iter().filter(|file| file.starts_with("keras"));
    for file in keras() {
        let base = renamed(&listed(file), |name| {
            let top = ["conv_preds/", "predictions/", "logits/", "Logits/", "conv_2/", "Conv_2/"]
                .map(|top| name.starts_with(top));
            if top.contains(&true) { String::new() } else { name.into() }
        });
        let bytes = safetensors_counting(&base);
        let topless = opened(weights::read(&bytes).unwrap()).unwrap();
        let graph = mobilenet_web::graph::Graph::build(&topless.spec).unwrap();
        let width = graph.nodes.last().unwrap().shape.channels;
        let with = |layers: &[(&str, [usize; 2])]| {
            let dense = layers.iter().flat_map(|(layer, shape)| {
                [(format!("{layer}/kernel:0"), shape.to_vec()), (format!("{layer}/bias:0"), vec![shape[1]])]
            });
            let tensors: Tensors = base.iter().cloned().chain(dense).collect();
            let bytes = safetensors_counting(&tensors);
            let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
            let extra = checkpoint.warnings.iter().any(|warning| warning.code == "extra_tensors");
            let logits = checkpoint.parameter("logits/weights", &[7, width]).map(|weights| weights[1]);
            (checkpoint.spec.classes, extra, why(&checkpoint, "logits").to_owned(), logits.ok())
        };
        for layer in ["dense", "dense/dense", "sequential/dense_3", "flowers"] {
            let name = if layer == "dense/dense" { "dense" } else { layer };
            assert_eq!(with(&[(layer, [width, 7])]), (7, false, name.into(), Some(8.0)), "{file} {layer}");
        }
        // Another input, or one of several layers: nobody knows what it is.
        let unknown = (0, true, String::new(), None);
        assert_eq!(with(&[("dense", [width + 1, 7])]), unknown, "{file}");
        assert_eq!(with(&[("dense", [width, 128]), ("dense_1", [128, 7])]), unknown, "{file}");
        assert_eq!(with(&[("dense", [width, 7]), ("dense_1", [width, 7])]), unknown, "{file}");
    }
    assert!(keras().count() >= 6);
}

/// The value at `[out, in, row, column]` of a counting tensor whose strides along these axes are given.
fn counted(at: [usize; 4], strides: [usize; 4]) -> f32 {
    (at.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>() % 256 + 1) as f32
}

#[test]
fn every_layout_arrives_as_torch_has_it() {
    #[rustfmt::skip]
    let cases: [(&str, &str, [usize; 4], [usize; 4]); 9] = [
        // Strides of out, in, row and column in the file.
        ("keras_v2_0.35", "layer_1", [16, 3, 3, 3], [1, 16, 144, 48]),
        ("keras_v2_0.35", "layer_3/expand", [48, 8, 1, 1], [1, 48, 0, 0]),
        ("keras_v2_0.35", "layer_3/depthwise", [48, 1, 3, 3], [1, 0, 144, 48]),
        ("keras_v2_0.35", "logits", [5, 1280, 1, 1], [1, 5, 0, 0]),
        ("tf-slim_v3-small_0.35", "layer_2/squeeze_excite/reduce", [8, 8, 1, 1], [1, 8, 0, 0]),
        ("tf-slim_v3-small_0.35", "layer_15", [360, 200, 1, 1], [1, 360, 0, 0]),
        ("tf-slim_v1_0.25", "Conv2d_2_depthwise", [16, 1, 3, 3], [1, 0, 48, 16]),
        ("timm_v3-small_0.5", "layer_15", [1024, 288, 1, 1], [288, 1, 0, 0]),
        ("timm_v3-small_0.5", "layer_3/depthwise", [40, 1, 3, 3], [9, 0, 3, 1]),
    ];
    for (file, node, [out, input, rows, columns], strides) in cases {
        let bytes = safetensors_counting(&listed(file));
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
        let found = checkpoint.parameter(&format!("{node}/weights"), &[out, input, rows, columns]).unwrap();
        let mut expected = Vec::new();
        for o in 0..out {
            for i in 0..input {
                for row in 0..rows {
                    expected.extend((0..columns).map(|column| counted([o, i, row, column], strides)));
                }
            }
        }
        assert!(found == expected, "{file}, {node}");
        if rows == 1 {
            assert!(checkpoint.parameter(&format!("{node}/weights"), &[out, input]).unwrap() == expected);
        }
    }
}

#[test]
fn a_framework_s_names_over_another_s_layout_are_recognised() {
    let mut tensors = listed("keras_v2_0.35");
    for (name, shape) in &mut tensors {
        *shape = match (&**shape, name.contains("depthwise/")) {
            (&[h, w, channels, 1], true) => vec![channels, 1, h, w],
            (&[h, w, input, out], false) => vec![out, input, h, w],
            (&[input, out], _) => vec![out, input],
            (other, _) => other.to_vec(),
        };
    }
    let bytes = safetensors_counting(&tensors);
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    assert_eq!((why(&checkpoint, "layout"), checkpoint.naming), ("OIHW", "keras"));
    let found = checkpoint.parameter("layer_3/expand/weights", &[48, 8, 1, 1]).unwrap();
    assert_eq!(found[8], counted([1, 0, 0, 0], [8, 1, 0, 0]));
}

#[test]
fn a_dequantised_v3_is_read_in_its_own_layout() {
    let Some(bytes) = fixture("weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors") else { return };
    let file = weights::read(&bytes).unwrap();
    let checkpoint = opened(file.clone()).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!((checkpoint.naming, spec.version, spec.multiplier), ("tflite-slim", Version::V3Small, 1.0));
    assert_eq!((spec.classes, &*spec.label_set, spec.padding), (1001, "imagenet-1001", Padding::Same));
    assert_eq!((why(&checkpoint, "batch_norm"), checkpoint.tensors().len()), ("folded", 108));
    assert_eq!(checkpoint.warnings, []);
    let stored = file.get("MobilenetV3/expanded_conv_1/depthwise/weights_quant/FakeQuantWithMinMaxVars").unwrap();
    let stored = stored.to_f32().unwrap();
    let turned = checkpoint.parameter("layer_3/depthwise/weights", &[72, 1, 3, 3]).unwrap();
    assert!((0..72 * 9).all(|at| turned[at] == stored[at % 9 * 72 + at / 9]));
    let stored = file.get("MobilenetV3/Conv/weights_quant/FakeQuantWithMinMaxVars").unwrap().to_f32().unwrap();
    let turned = checkpoint.parameter("layer_1/weights", &[16, 3, 3, 3]).unwrap();
    assert!((0..16 * 27).all(|at| turned[at] == stored[at / 27 * 27 + at % 9 * 3 + at / 9 % 3]));
    assert!(checkpoint.parameter("layer_2/squeeze_excite/reduce/biases", &[8]).is_ok());
    assert!(checkpoint.parameter("logits/weights", &[1001, 1024]).is_ok());
}

#[test]
fn official_checkpoints_raise_no_suspicion() {
    let slim = fixture("weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors");
    for (bytes, naming, version) in [(slim, "tf-slim", Version::V1), (v2_safetensors(), "torchvision", Version::V2)] {
        let Some(bytes) = bytes else { continue };
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
        assert_eq!((checkpoint.naming, checkpoint.spec.version, &*checkpoint.warnings), (naming, version, &[][..]));
    }
}

#[test]
fn unpublished_multipliers_are_found() {
    for (hundredths, width) in [(37, 0.37), (60, 0.6), (110, 1.1), (200, 2.0)] {
        let bytes = safetensors_of(&weights_common::torchvision_v2(f64::from(hundredths) / 100.0, 3));
        let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
        let spec = &checkpoint.spec;
        // Where others give the same channels, the least hundredth is taken.
        let channels = |multiplier| {
            let rows = spec.blocks.iter();
            rows.map(|block| spec.widths.out_channels(block, 0, multiplier)).collect::<Vec<_>>()
        };
        assert_eq!(channels(spec.multiplier), channels(width), "{width}");
    }
}
