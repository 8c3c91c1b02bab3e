//! What each framework calls its tensors, listed by the frameworks themselves (tools/golden/names.py), and what is
//! inferred from that.

mod weights_common;

use mobilenet_web::Kind;
use mobilenet_web::model::{Classifier, Padding, Pooling, Spec, Widths};
use mobilenet_web::weights::{self, Checkpoint, Overrides};
use weights_common::{fixture, opened, safetensors_counting, safetensors_of, v2_safetensors};

type Tensors = Vec<(String, Vec<usize>)>;

const FILES: [&str; 23] = [
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
    "tf-slim_v1_0.25",
    "tf-slim_v2_0.5",
    "tf-slim_v2_0.35",
    "tf-slim_v3-large_0.35",
    "tf-slim_v3-small_0.35",
    "tf-slim_v3-small-minimalistic_0.35",
];

/// The tensors that a framework lists.
fn listed(name: &str) -> Tensors {
    let path = format!("{}/tests/data/names/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let separator = lines.next().unwrap();
    let mut tensors = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split(' ').collect();
        for leaf in words[1..].chunks(2) {
            let shape = leaf[1].split(',').filter(|dim| *dim != "-").map(|dim| dim.parse().unwrap()).collect();
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
        ("timm", "v1") => (Widths::V1_TIMM, Symmetric, 1e-5, "tf-slim", average),
        ("timm", "v2") => (Widths::V2, Symmetric, 1e-5, "torchvision", average),
        ("timm", "v3-large" | "v3-small") => (Widths::V3_TIMM, Symmetric, 1e-5, "torchvision", average),
        ("timm", _) => (Widths::V3_TIMM, Same, 1e-3, "tf-slim", average),
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
