//! TensorFlow's formats: the same network in each gives the same tensors, and the same answer.

mod protobuf;
mod seeded;
mod tensorflow_common;
mod weights_common;

use mobilenet_web::model::{Activation, Block, Classifier};
use mobilenet_web::weights::{self, Part, Wanted};
use mobilenet_web::{Choice, Fit, Frame, Kind, Net, Options, View};
use seeded::Case;
use serde_json::json;
use tensorflow_common::{Files, Kept, Values, checkpoint, keras_topology, net, parts, tfjs, values};
use weights_common::{opened, safetensors_filled};

fn cases(naming: &str) -> Vec<Case> {
    seeded::cases(&seeded::committed()).into_iter().filter(|case| case.naming == naming).collect()
}

/// Values of some endpoints, for a picture of that size.
fn answer(net: &mut Net, endpoints: &[&str]) -> Vec<Vec<f32>> {
    let (height_px, width_px) = (net.spec().height_px, net.spec().width_px);
    let rgba: Vec<u8> =
        (0..height_px * width_px * 4).map(|i| if i % 4 == 3 { 255 } else { (i * 7919 % 251) as u8 }).collect();
    let view = View { fit: Fit::AsIs, ..View::default() };
    let tensors = net.infer(&Frame { rgba: &rgba, width_px, height_px }, &view, endpoints).expect("opens");
    tensors.into_iter().map(|tensor| tensor.data).collect()
}

fn simd() -> Options {
    Options { backend: Choice::Simd, ..Options::default() }
}

/// Fails unless both files hold the same numbers under the same names, and answer alike.
fn assert_same(what: &str, safetensors: &[u8], files: &Files) {
    let expected = weights::read(safetensors).expect("opens");
    let parts = parts(files);
    let found = weights::read_parts(&parts).unwrap_or_else(|error| panic!("{what}: {error}"));
    for tensor in expected.iter() {
        let other = found.get(&tensor.name).unwrap_or_else(|| panic!("{what}: no {}", tensor.name));
        assert_eq!(other.shape, tensor.shape, "{what}: {}", tensor.name);
        assert!(other.to_f32().expect("opens") == tensor.to_f32().expect("opens"), "{what}: {}", tensor.name);
    }
    assert_answers_alike(what, safetensors, files);
}

fn assert_answers_alike(what: &str, safetensors: &[u8], files: &Files) {
    let mut net = net(files, &simd()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut options = simd();
    options.overrides.height_px = Some(net.spec().height_px);
    options.overrides.width_px = Some(net.spec().width_px);
    let mut expected = Net::open(safetensors, &options).expect("opens");
    let last = expected.last_endpoint().to_owned();
    assert_eq!(net.last_endpoint(), last, "{what}");
    assert!(answer(&mut net, &[&last]) == answer(&mut expected, &[&last]), "{what}: another answer");
}

#[test]
fn keras_layers_models_of_tensorflow_js_are_read() {
    for case in cases("keras") {
        let file = case.safetensors();
        let topology = keras_topology(case.height, case.width, case.batch_norm_epsilon, &[]);
        let files = tfjs(&values(&file), &topology, Kept::Float32, 300_001);
        assert_same(&case.name, &file, &files);
        let parts = parts(&files);
        let spec = opened(weights::read_parts(&parts).unwrap()).unwrap().spec;
        assert_eq!((spec.height_px, spec.width_px), (case.height, case.width), "{}", case.name);
        assert!((spec.batch_norm_epsilon / case.batch_norm_epsilon - 1.0).abs() < 1e-6, "{}", case.name);
        let wanted = weights::wanted(&parts[0]).unwrap();
        assert_eq!(wanted.needed, files[1..].iter().map(|file| file.0.clone()).collect::<Vec<_>>());
        assert!(wanted.needed.len() > 2 && wanted.optional.is_empty());
    }
}

/// A base of V2 0.35 and two dense layers, the last without biases, as Teachable Machine trains and saves them.
fn teachable(classes: usize) -> Vec<Values> {
    let case = cases("keras").into_iter().find(|case| case.name.starts_with("keras-v2-0.35")).expect("there");
    let mut tensors = values(&case.safetensors());
    tensors.retain(|tensor| !tensor.name.starts_with("predictions"));
    for (name, shape) in [
        ("dense_Dense1/kernel", vec![1280, 100]),
        ("dense_Dense1/bias", vec![100]),
        ("dense_Dense2/kernel", vec![100, classes]),
    ] {
        tensors.push(Values { name: name.into(), data: seeded::tensor(name, &shape), shape });
    }
    tensors
}

fn teachable_files(classes: usize) -> Files {
    let tensors = teachable(classes);
    let dense = [("dense_Dense1", 100, "relu", true), ("dense_Dense2", classes, "softmax", false)];
    let mut topology = keras_topology(224, 224, 1e-3, &dense);
    topology["backend"] = json!("tensor_flow.js");
    let mut files = tfjs(&tensors, &topology, Kept::Float32, usize::MAX);
    files[1].0 = "weights.bin".into();
    let model = String::from_utf8(files[0].1.clone()).expect("there").replace("group1-shard1of1.bin", "weights.bin");
    files[0].1 = model.into_bytes();
    let labels: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    let metadata = json!({ "tfjsVersion": "1.7.4", "tmVersion": "2.4.10", "packageVersion": "0.8.4",
        "packageName": "@teachablemachine/image", "userMetadata": {}, "modelName": "tm-my-image-model",
        "labels": labels, "imageSize": 96 });
    files.push(("metadata.json".into(), metadata.to_string().into_bytes()));
    files[0].1 = String::from_utf8(files[0].1.clone()).expect("there").replace("224,224,3", "96,96,3").into_bytes();
    files
}

#[test]
fn a_teachable_machine_export_brings_labels_preprocessing_and_two_layers_on_top() {
    let files = teachable_files(3);
    let parts = parts(&files);
    let wanted = weights::wanted(&parts[0]).unwrap();
    assert_eq!(wanted, Wanted { needed: vec!["weights.bin".into()], optional: vec!["metadata.json".into()] });
    let mut net = net(&files, &simd()).unwrap();
    let spec = net.spec().clone();
    assert_eq!((spec.version.name(), spec.multiplier, spec.classes, spec.height_px), ("v2", 0.35, 3, 96));
    assert_eq!((spec.preprocessing.name, spec.classifier), ("teachable-machine", Classifier::Softmax));
    assert_eq!(spec.labels, ["class 0", "class 1", "class 2"]);
    assert_eq!(spec.blocks.last(), Some(&Block::Head { channels: 100, activation: Activation::Relu }));

    let pooled = net.endpoints().iter().find(|it| *it.shape == [1280]).unwrap().name.clone();
    let found = answer(&mut net, &[&pooled, "logits", "predictions"]);
    let tensors = teachable(3);
    let get = |name: &str| &tensors.iter().find(|tensor| tensor.name == name).unwrap().data;
    let layer = |input: &[f64], kernel: &[f32], out: usize| -> Vec<f64> {
        (0..out).map(|o| input.iter().enumerate().map(|(i, x)| x * f64::from(kernel[i * out + o])).sum()).collect()
    };
    let features: Vec<f64> = found[0].iter().map(|&value| value.into()).collect();
    let hidden = layer(&features, get("dense_Dense1/kernel"), 100);
    let hidden: Vec<f64> =
        hidden.iter().zip(get("dense_Dense1/bias")).map(|(x, b)| (x + f64::from(*b)).max(0.0)).collect();
    let logits = layer(&hidden, get("dense_Dense2/kernel"), 3);
    let worst = logits.iter().zip(&found[1]).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
    println!("max |Δlogit| {worst:.2e} of {logits:?}");
    assert!(worst < 1e-4 && logits[0].abs() > 1e-3);
    assert!((found[2].iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

/// Without metadata.json the network is the same, its labels are numbers and its pixels Keras's.
#[test]
fn teachable_machine_s_metadata_is_optional() {
    let mut files = teachable_files(2);
    files.pop();
    let parts = parts(&files);
    let spec = opened(weights::read_parts(&parts).unwrap()).unwrap().spec;
    assert_eq!((spec.preprocessing.name, spec.labels.len(), spec.height_px), ("keras", 0, 96));
}

/// What is converted opens again, hidden layer included.
#[test]
fn a_teachable_machine_export_survives_conversion() {
    let files = teachable_files(3);
    let parts = parts(&files);
    let checkpoint = opened(weights::read_parts(&parts).unwrap()).unwrap();
    let written = weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec);
    assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec);
    let (mut a, mut b) = (Net::open(&written, &simd()).unwrap(), net(&files, &simd()).unwrap());
    assert!(answer(&mut a, &["logits"]) == answer(&mut b, &["logits"]));
}

#[test]
fn quantised_shards_are_within_half_a_step() {
    let case = cases("keras").into_iter().find(|case| case.name.starts_with("keras-v2-0.35")).unwrap();
    let tensors = values(&case.safetensors());
    for (kept, levels) in [(Kept::Uint8, 255.0), (Kept::Uint16, 65535.0), (Kept::Float16, 0.0)] {
        let files = tfjs(&tensors, &json!(null), kept, 100_003);
        let parts = parts(&files);
        let file = weights::read_parts(&parts).unwrap();
        for tensor in &tensors {
            let found = file.get(&tensor.name).unwrap().to_f32().unwrap();
            let (least, greatest) = tensor.data.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
            for (&found, &value) in found.iter().zip(&tensor.data) {
                // Half a level, or half of a half's last bit; and what rounding to singles adds.
                let step = if levels > 0.0 { (greatest - least) / levels } else { value.abs() / 1024.0 + 1e-7 };
                assert!(
                    (found - value).abs() <= step * 0.5 + value.abs() * 1e-6,
                    "{}: {found} for {value}",
                    tensor.name
                );
            }
        }
        assert_eq!(opened(file).unwrap().spec.multiplier, 0.35);
    }
}

#[test]
fn checkpoints_are_read_in_every_form() {
    for (index, case) in cases("slim").iter().chain(&cases("keras")).enumerate() {
        let file = case.safetensors();
        if file.len() > 9_000_000 {
            continue;
        }
        let (shards, packed, object) = (1 + index % 3, index % 2 == 1, case.naming == "keras" && index % 4 > 1);
        let mut files = checkpoint(&values(&file), shards, (packed, object));
        let what = format!("{} in {shards}, packed {packed}, objects {object}", case.name);
        assert_same(&what, &file, &files);
        let wanted = weights::wanted(&parts(&files)[0]).unwrap();
        assert_eq!(wanted.needed, files[1..].iter().map(|file| file.0.clone()).collect::<Vec<_>>());
        if !object {
            let end = files[1].1.len() - 1;
            files[1].1[end] ^= 1;
            assert_eq!(weights::read_parts(&parts(&files)).unwrap_err().kind(), Kind::Corrupt);
        }
    }
}

#[test]
fn prefixes_of_hub_modules_and_training_s_variables_do_not_matter() {
    let case = cases("slim").into_iter().find(|case| case.name.starts_with("slim-v2-0.35")).unwrap();
    let mut tensors = values(&case.safetensors());
    for prefix in ["module/", "hub_module/", "FeatureExtractor/"] {
        let mut renamed = tensors.clone();
        renamed.iter_mut().for_each(|tensor| tensor.name.insert_str(0, prefix));
        let files = checkpoint(&renamed, 1, (false, false));
        assert_answers_alike(prefix, &case.safetensors(), &files);
    }
    let momentum: Vec<_> =
        tensors.iter().map(|tensor| Values { name: format!("{}/RMSProp", tensor.name), ..tensor.clone() }).collect();
    tensors.extend(momentum);
    tensors.push(Values { name: "global_step".into(), shape: vec![], data: vec![1.0] });
    let files = checkpoint(&tensors, 2, (false, false));
    let parts = parts(&files);
    let checkpoint = opened(weights::read_parts(&parts).unwrap()).unwrap();
    assert!(!checkpoint.warnings.iter().any(|warning| warning.code == "extra_tensors"), "{:?}", checkpoint.warnings);
}

#[test]
fn the_main_file_is_found_among_others() {
    let main = |names: &[&str]| weights::main_part(names);
    assert_eq!(main(&["a.bin", "model.json", "metadata.json"]).unwrap(), 1);
    assert_eq!(main(&["net/group1-shard1of1.bin", "net/My Model.json"]).unwrap(), 1);
    assert_eq!(main(&["x.data-00000-of-00001", "x.index", "x.meta", "checkpoint"]).unwrap(), 1);
    assert_eq!(
        main(&["m/saved_model.pb", "m/variables/variables.data-00000-of-00001", "m/variables/variables.index"])
            .unwrap(),
        2
    );
    assert_eq!(main(&["readme.md", "net.safetensors"]).unwrap(), 1);
    assert_eq!(main(&["anything"]).unwrap(), 0);
    for (names, part) in [(&["a.txt", "b.txt"][..], "`a.txt`"), (&["a.json", "b.json"], "`b.json`"), (&[], "0 files")] {
        let error = main(names).unwrap_err();
        assert!(error.kind() == Kind::MissingPart && error.to_string().contains(part), "{error}");
    }
}

#[test]
fn one_file_alone_needs_no_other() {
    let file = safetensors_filled(&weights_common::torchvision_v2(0.35, 2), "", |_, _| 1.0);
    let part = Part { name: "net.safetensors", bytes: &file };
    assert_eq!(weights::wanted(&part).unwrap(), Wanted::default());
    assert_eq!(weights::read_parts(&[part]).unwrap().iter().len(), weights::read(&file).unwrap().iter().len());
}
