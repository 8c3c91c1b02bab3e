//! Healthy files whose tensors or metadata are not a network's: every kind of error, and what it names.

mod weights_common;

use mobilenet_web::error::{Kind, Result};
use mobilenet_web::weights::{self, Checkpoint};
use weights_common::{assert_refused, opened, safetensors_file, safetensors_of, torchvision_v2};

fn network(file: &[u8]) -> Result<Checkpoint<'_>> {
    opened(weights::read(file)?)
}

#[test]
fn networks_with_something_wrong_are_refused() {
    let names = torchvision_v2(0.5, 4);
    assert_eq!(network(&safetensors_of(&names)).unwrap().spec.multiplier, 0.5);
    let without = |gone: &[&str]| {
        safetensors_of(
            &names
                .iter()
                .filter(|(name, _)| !gone.iter().any(|gone| name.starts_with(gone)))
                .cloned()
                .collect::<Vec<_>>(),
        )
    };
    let with_shape = |changed: &str, shape: &[usize]| {
        let mut names = names.clone();
        names.iter_mut().find(|(name, _)| name == changed).unwrap().1 = shape.to_vec();
        safetensors_of(&names)
    };
    let with_metadata = |metadata: &str| {
        let plain = safetensors_of(&names);
        let (length, rest) = plain.split_first_chunk().unwrap();
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let header = std::str::from_utf8(header).unwrap();
        safetensors_file(&format!(r#"{{"__metadata__":{{{metadata}}},{}"#, &header[1..]), data)
    };
    let mixed = {
        let mut names = names.clone();
        names.retain(|(name, _)| name != "features.0.1.bias" && name != "features.9.conv.3.bias");
        names.iter_mut().find(|(name, _)| name == "features.8.conv.2.weight").unwrap().1 = vec![32, 191, 1, 1];
        safetensors_of(&names)
    };
    let similar =
        safetensors_of(&["conv_stem", "conv_head", "classifier"].map(|name| (format!("{name}.weight"), vec![8])));
    let foreign = safetensors_of(&[("layer1.0.conv1.weight".into(), vec![64, 64, 3, 3])]);
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("one tensor gone", without(&["features.3.conv.1.1.bias"]), Kind::MissingTensor,
            &["layer_4/depthwise, the first block", "torchvision's MobileNet v2 0.5", "tensor `features.3.conv.1.1.bias` [96], found none"]),
        ("the stem gone", without(&["features.0."]), Kind::MissingTensor, &["layer_1,", "`features.0.0.weight` [16, 3, 3, 3]", "`features.0.1.running_var`"]),
        ("many gone", without(&["features.1"]), Kind::MissingTensor, &["layer_2/depthwise,", "`features.1.conv.0.0.weight`", "and 123 more"]),
        ("another net", foreign, Kind::NotMobileNet, &["torchvision", "`layer1.0.conv1.weight`"]),
        ("a net with a few such names", similar, Kind::NotMobileNet, &["Conv2d_0,", "timm's MobileNet", "found `conv_stem.weight` [8] at byte", "none of the others"]),
        ("no tensors", safetensors_file("{}", &[]), Kind::NotMobileNet, &["0 tensors"]),
        ("odd width", with_shape("features.8.conv.2.weight", &[33, 192, 1, 1]), Kind::WrongShape,
            &["layer_9/project,", "tensor `features.8.conv.2.weight` [32, 192, 1, 1]", "0.5", "found `features.8.conv.2.weight` [33, 192, 1, 1] at byte"]),
        ("a norm of another width", with_shape("features.8.conv.3.bias", &[31]), Kind::WrongShape, &["layer_9/project,", "`features.8.conv.3.bias` [32]", "[31] at byte"]),
        ("missing and mis-shaped", mixed, Kind::MissingTensor,
            &["layer_1,", "tensors `features.0.1.bias` [16], `features.8.conv.2.weight` [32, 192, 1, 1], `features.9.conv.3.bias` [32]", "found `features.8.conv.2.weight` [32, 191, 1, 1] at byte", "and none of the others"]),
        ("logits without weights", without(&["classifier.1.weight"]), Kind::MissingTensor, &["logits,", "`classifier.1.weight` [4, 1280]"]),
        ("stated width", with_metadata(r#""mobilenet.multiplier":"1.0""#), Kind::BadMetadata, &["`mobilenet.multiplier`", "expected 0.5", "found 1"]),
        ("stated classes", with_metadata(r#""mobilenet.classes":"5""#), Kind::BadMetadata, &["`mobilenet.classes`", "expected 4, as tensor `classifier.1.weight`", "found 5"]),
        ("stated version", with_metadata(r#""mobilenet.version":"v3-large""#), Kind::BadMetadata, &["`mobilenet.version`", "`v2`, as the tensors' names say", "`v3-large`"]),
        ("stated widths", with_metadata(r#""mobilenet.widths":"v1-slim""#), Kind::BadMetadata, &["`mobilenet.widths`"]),
        ("unknown widths", with_metadata(r#""mobilenet.widths":"wide""#), Kind::BadMetadata, &["one of v1-slim, v1-keras", "`wide`"]),
        ("divisor of nothing", with_metadata(r#""mobilenet.divisible_by":"8""#), Kind::BadMetadata, &["`mobilenet.widths`", "`divisible_by`"]),
        ("divisor 0", with_metadata(r#""mobilenet.widths":"v2","mobilenet.divisible_by":"0""#), Kind::BadModel, &["divisible_by", "1 to 1024"]),
        ("custom without rows", with_metadata(r#""mobilenet.version":"custom""#), Kind::BadMetadata, &["`mobilenet.version`", "`v2`"]),
        ("no pooling before a top", with_metadata(r#""mobilenet.pooling":"none""#), Kind::BadModel, &["pooling", "avg or max"]),
        ("output stride", with_metadata(r#""mobilenet.output_stride":"12""#), Kind::BadModel, &["output_stride", "8, 16 or 32", "12"]),
        ("small input", with_metadata(r#""mobilenet.height":"20""#), Kind::BadModel, &["height", "32 to", "20 px"]),
        ("width 0", with_metadata(r#""mobilenet.multiplier":"0""#), Kind::BadModel, &["multiplier", "above 0"]),
        ("truth", with_metadata(r#""mobilenet.pad_to_32":"yes""#), Kind::BadMetadata, &["`mobilenet.pad_to_32`", "true, false"]),
        ("WordNet ids", with_metadata(r#""mobilenet.wnids":"n01440764""#), Kind::BadModel, &["wnids", "4 ids", "1 ids"]),
        ("table of nothing", with_metadata(r#""mobilenet.table":"[]""#), Kind::BadModel, &["blocks", "0 rows"]),
        ("table that is none", with_metadata(r#""mobilenet.table":"{}""#), Kind::BadHeader, &["table, byte 0"]),
        ("a row of another kind", with_metadata(r#""mobilenet.table":"[\"pool\",{\"dense\":{}}]""#), Kind::BadMetadata, &["row 2 of the table", "`dense`"]),
        ("a row of two kinds", with_metadata(r#""mobilenet.table":"[{\"conv\":{\"channels\":8},\"head\":{}}]""#), Kind::BadMetadata, &["row 1 of the table", "one key"]),
        ("a row's activation", with_metadata(r#""mobilenet.table":"[{\"conv\":{\"activation\":\"gelu\"}}]""#), Kind::BadMetadata, &["row 1 of the table", "`gelu`"]),
        ("a row's expansion", with_metadata(r#""mobilenet.table":"[{\"inverted_residual\":{\"expansion\":[1,2,3]}}]""#), Kind::BadMetadata, &["row 1 of the table", "two channels"]),
        ("a row without channels", with_metadata(r#""mobilenet.table":"[{\"conv\":{\"stride\":2}}]""#), Kind::BadModel, &["row 1 of the table", "channels"]),
        ("another net's table", with_metadata(r#""mobilenet.table":"[{\"conv\":{\"stride\":2,\"channels\":24}}]""#), Kind::WrongShape, &["layer_1", "[16, 3, 3, 3] at byte"]),
        ("no number", with_metadata(r#""mobilenet.multiplier":"wide""#), Kind::BadMetadata, &["`mobilenet.multiplier`", "`wide`"]),
        ("absurd width", with_metadata(r#""mobilenet.multiplier":"1e20""#), Kind::BadModel, &["multiplier"]),
        ("not a number", with_metadata(r#""mobilenet.multiplier":"NaN""#), Kind::BadMetadata, &["multiplier"]),
        ("version", with_metadata(r#""mobilenet.version":"v9""#), Kind::BadMetadata, &["`mobilenet.version`", "`v9`"]),
        ("preset", with_metadata(r#""mobilenet.preprocessing":"none""#), Kind::BadMetadata, &["torchvision, keras", "`none`"]),
        ("padding", with_metadata(r#""mobilenet.padding":"odd""#), Kind::BadMetadata, &["`mobilenet.padding`", "`odd`"]),
        ("resolution", with_metadata(r#""mobilenet.resolution":"1000000""#), Kind::BadModel, &["height", "1000000 px"]),
        ("labels", with_metadata(r#""mobilenet.labels":"cat\ndog""#), Kind::BadModel, &["labels", "4 names", "2 names"]),
        ("checksum of nothing", with_metadata(r#""mobilenet.crc32":"{\"x\":\"00000000\"}""#), Kind::BadMetadata, &["`mobilenet.crc32`", "`x`"]),
        ("checksum broken", with_metadata(r#""mobilenet.crc32":"{""#), Kind::BadHeader, &["`mobilenet.crc32`, byte 1"]),
        ("metadata twice", with_metadata(r#""a":"","a":"""#), Kind::BadHeader, &["metadata"]),
    ];
    for (name, file, kind, says) in cases {
        assert_refused(name, network(file).map(drop), *kind, says);
    }

    let file = safetensors_of(&names);
    let checkpoint = network(&file).unwrap();
    let offset = checkpoint.tensor("layer_9/project/weights").unwrap().offset_bytes;
    let result = checkpoint.parameter("layer_9/project/weights", &[32, 191, 1, 1]).map(drop);
    let place = format!("tensor `features.8.conv.2.weight` at byte {offset}");
    assert_refused("parameter", result, Kind::WrongShape, &[&place, "[32, 191, 1, 1]", "[32, 192, 1, 1]"]);
    let result = checkpoint.parameter("layer_99/weights", &[1]).map(drop);
    assert_refused("unknown parameter", result, Kind::MissingTensor, &["tensor `layer_99/weights`"]);
}
