//! Whole files, read and written.

mod weights_common;

use mobilenet_web::model::{Padding, Spec};
use mobilenet_web::weights::{self, Dtype, Format};
use weights_common::{
    legacy_file, opened, pickle, safetensors_file, safetensors_of, torchvision_v2, v2_pth, v2_safetensors, zip_pth,
};

#[test]
fn torchvision_safetensors_is_a_v2() {
    let Some(bytes) = v2_safetensors() else { return };
    let file = weights::read(&bytes).unwrap();
    assert_eq!(file.format, Format::Safetensors);
    let checkpoint = opened(file).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!((spec.multiplier, spec.classes, spec.height_px), (1.0, 1000, 224));
    assert_eq!((spec.padding, spec.preprocessing.name), (Padding::Symmetric, "torchvision"));
    assert_eq!(checkpoint.tensors().len(), 262);
    let stem = checkpoint.parameter("layer_1/weights", &[32, 3, 3, 3]).unwrap();
    let file = weights::read(&bytes).unwrap();
    assert_eq!(stem, file.get("features.0.0.weight").unwrap().to_f32().unwrap());
    for (canonical, in_file, shape) in [
        ("layer_2/depthwise/weights", "features.1.conv.0.0.weight", &[32, 1, 3, 3][..]),
        ("layer_2/project/batch_norm/gamma", "features.1.conv.2.weight", &[16]),
        ("layer_3/expand/batch_norm/moving_mean", "features.2.conv.0.1.running_mean", &[96]),
        ("layer_18/project/weights", "features.17.conv.2.weight", &[320, 960, 1, 1]),
        ("layer_18/project/batch_norm/moving_variance", "features.17.conv.3.running_var", &[320]),
        ("layer_19/batch_norm/beta", "features.18.1.bias", &[1280]),
        ("logits/weights", "classifier.1.weight", &[1000, 1280]),
        ("logits/biases", "classifier.1.bias", &[1000]),
    ] {
        let parameter = checkpoint.parameter(canonical, shape).unwrap();
        assert_eq!(parameter, file.get(in_file).unwrap().to_f32().unwrap(), "{canonical}");
    }
}

#[test]
fn what_is_written_reads_back_and_is_what_the_format_s_own_crate_reads() {
    let Some(bytes) = v2_safetensors() else { return };
    let checkpoint = opened(weights::read(&bytes).unwrap()).unwrap();
    let mut spec = checkpoint.spec.clone();
    spec.label_set = "imagenet-1000".into();
    spec.labels = (0..1000).map(|index| format!("class \"{index}\" \\ é")).collect();
    (spec.height_px, spec.width_px) = (192, 160);
    let written = weights::write_safetensors(checkpoint.tensors(), &spec);
    let again = opened(weights::read(&written).unwrap()).unwrap();
    assert_eq!(again.spec, spec);

    let mut tensors: Vec<_> = checkpoint.tensors().collect();
    tensors.reverse();
    assert!(weights::write_safetensors(tensors, &again.spec) == written, "the bytes depend on the order of arguments");

    let oracle = safetensors::SafeTensors::deserialize(&written).unwrap();
    assert_eq!(oracle.len(), 262);
    for tensor in checkpoint.tensors() {
        assert_eq!(tensor.dtype, Dtype::F32);
        let other = oracle.tensor(&tensor.name).unwrap();
        assert_eq!(other.shape(), tensor.shape);
        assert!(other.data() == &*tensor.bytes, "{}", tensor.name);
    }
}

#[test]
fn torchvision_s_own_pth_holds_the_same_tensors_bit_for_bit() {
    let (Some(pth), Some(fixture)) = (v2_pth(), v2_safetensors()) else { return };
    let (pth, fixture) = (weights::read(&pth).unwrap(), weights::read(&fixture).unwrap());
    assert_eq!(pth.format, Format::TorchLegacy);
    let names = opened(fixture.clone()).unwrap();
    assert_eq!(names.tensors().len(), 262);
    for expected in names.tensors() {
        let found = pth.get(&expected.name).unwrap();
        assert_eq!((found.dtype, &found.shape), (expected.dtype, &expected.shape), "{}", expected.name);
        assert!(found.bytes == expected.bytes, "{}", expected.name);
    }
    let checkpoint = opened(pth).unwrap();
    assert_eq!(checkpoint.spec, names.spec);
}

#[test]
fn every_published_width_is_recognised_under_any_prefix() {
    for (width, prefix) in
        [(0.35, ""), (0.5, "module."), (0.75, "model.module."), (1.0, ""), (1.3, ""), (1.4, "module.")]
    {
        let mut names = torchvision_v2(width, 7);
        for (name, _) in &mut names {
            name.insert_str(0, prefix);
        }
        let file = safetensors_of(&names);
        let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
        assert_eq!((checkpoint.spec.multiplier, checkpoint.spec.classes), (width as f32, 7));
        assert_eq!(checkpoint.tensors().len(), names.len());
    }
}

#[test]
fn pth_views_and_element_types_are_read_in_both_layouts() {
    let sixteen = |bits: [u16; 3]| bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>();
    let floats: Vec<u8> = (0_u8..6).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let (half, brain) = (sixteen([0x3c00, 0xc000, 0x3555]), sixteen([0x3f80, 0xc000, 0x3eab]));
    let double = 0.1_f64.to_le_bytes();
    let storage = |class, key, count| pickle::storage(class, key, count);
    let parameter = [pickle::tensor(storage("FloatStorage", "0", 6), 0, &[6], &[1]), vec![0x88]];
    let state = pickle::dict(&[
        ("transposed", pickle::tensor(storage("FloatStorage", "0", 6), 0, &[3, 2], &[1, 3])),
        ("slice", pickle::tensor(storage("FloatStorage", "0", 6), 1, &[2, 2], &[3, 1])),
        ("parameter", pickle::call(pickle::global("torch._utils", "_rebuild_parameter"), &parameter)),
        ("half", pickle::tensor(storage("HalfStorage", "1", 3), 0, &[3], &[1])),
        ("brain", pickle::tensor(storage("BFloat16Storage", "2", 3), 0, &[3], &[1])),
        ("double", pickle::tensor(storage("DoubleStorage", "3", 1), 0, &[], &[])),
        ("empty", pickle::tensor(storage("FloatStorage", "0", 6), 0, &[0, 3], &[3, 1])),
    ]);
    let object = pickle::whole(pickle::dict(&[("epoch", pickle::int(3)), ("state_dict", state)]));
    let zip = zip_pth(&object, &[("0", &floats), ("1", &half), ("2", &brain), ("3", &double)]);
    let legacy = legacy_file(&object, &[("3", 1, &double), ("0", 6, &floats), ("2", 3, &brain), ("1", 3, &half)]);
    for (bytes, format) in [(zip, Format::TorchZip), (legacy, Format::TorchLegacy)] {
        let file = weights::read(&bytes).unwrap();
        assert_eq!((file.format, file.iter().len()), (format, 7));
        let numbers = |name: &str| file.get(name).unwrap().to_f32().unwrap();
        assert_eq!(numbers("transposed"), [0., 3., 1., 4., 2., 5.]);
        assert_eq!(numbers("slice"), [1., 2., 4., 5.]);
        assert_eq!(numbers("parameter"), [0., 1., 2., 3., 4., 5.]);
        assert_eq!(numbers("half"), [1., -2., 0.333_251_95]);
        assert_eq!(numbers("brain"), [1., -2., 0.333_984_38]);
        assert_eq!(numbers("double"), [0.1]);
        assert_eq!(numbers("empty"), [0.0; 0]);
    }
}

/// A header's length may begin with the bytes that tell another format: 8 and 3 those of ONNX, 10 and 2 of a graph.
#[test]
fn safetensors_of_any_header_length_are_safetensors() {
    for length in 2..=70_000 {
        let file = safetensors_file(&format!("{{}}{}", " ".repeat(length - 2)), &[]);
        assert_eq!(Format::sniff(&file).unwrap(), Format::Safetensors, "a header of {length} bytes");
    }
}

/// Metadata has class names as lines, of which the last may be empty.
#[test]
fn empty_class_names_are_written() {
    let file = safetensors_of(&torchvision_v2(0.35, 3));
    let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
    for labels in [["a", "b", ""], ["", "", ""], ["a", "", "c"]] {
        let spec = Spec { labels: labels.map(String::from).into(), ..checkpoint.spec.clone() };
        let written = weights::write_safetensors(checkpoint.tensors(), &spec);
        assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec.labels, labels);
    }
}
