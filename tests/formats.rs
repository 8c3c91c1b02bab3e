//! Whole files, read and written.

mod weights_common;

use mobilenet_web::model::Padding;
use mobilenet_web::weights::{self, Dtype, Format};
use weights_common::{v2_pth, v2_safetensors};

#[test]
fn torchvision_safetensors_is_a_v2() {
    let Some(bytes) = v2_safetensors() else { return };
    let file = weights::read(&bytes).unwrap();
    assert_eq!(file.format, Format::Safetensors);
    let checkpoint = weights::checkpoint(file).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!((spec.multiplier, spec.classes, spec.resolution_px), (1.0, 1000, 224));
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
    let checkpoint = weights::checkpoint(weights::read(&bytes).unwrap()).unwrap();
    let mut spec = checkpoint.spec.clone();
    spec.label_set = "imagenet-1000".into();
    spec.labels = (0..1000).map(|index| format!("class \"{index}\" \\ é")).collect();
    spec.resolution_px = 192;
    let written = weights::write_safetensors(checkpoint.tensors(), &spec);
    let again = weights::checkpoint(weights::read(&written).unwrap()).unwrap();
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
        assert!(other.data() == tensor.bytes, "{}", tensor.name);
    }
}

#[test]
fn torchvision_s_own_pth_holds_the_same_tensors_bit_for_bit() {
    let (Some(pth), Some(fixture)) = (v2_pth(), v2_safetensors()) else { return };
    let (pth, fixture) = (weights::read(&pth).unwrap(), weights::read(&fixture).unwrap());
    assert_eq!(pth.format, Format::TorchLegacy);
    let names = weights::checkpoint(fixture.clone()).unwrap();
    assert_eq!(names.tensors().len(), 262);
    for expected in names.tensors() {
        let found = pth.get(&expected.name).unwrap();
        assert_eq!((found.dtype, &found.shape), (expected.dtype, &expected.shape), "{}", expected.name);
        assert!(found.bytes == expected.bytes, "{}", expected.name);
    }
    let checkpoint = weights::checkpoint(pth).unwrap();
    assert_eq!(checkpoint.spec, names.spec);
}
