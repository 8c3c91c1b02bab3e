//! What callers and metadata state in place of what tensors tell; labels, tables and batch norms never updated.

mod weights_common;

use mobilenet_web::graph::Graph;
use mobilenet_web::model::{Activation, Block, Classifier, Dilating, Padding, Pooling, Spec, Version, Widths, preset};
use mobilenet_web::weights::{self, Checkpoint, Overrides, parse_labels, parse_table, print_table};
use mobilenet_web::{Kind, Net, Options};
use weights_common::{assert_refused, opened, safetensors_filled, safetensors_of, torchvision_v2};

fn open_with<'f>(file: &'f [u8], overrides: &Overrides) -> mobilenet_web::Result<Checkpoint<'f>> {
    weights::checkpoint(weights::read(file)?, overrides)
}

#[test]
fn callers_go_before_metadata_and_metadata_before_tensors() {
    let metadata = r#""mobilenet.padding":"same","mobilenet.pooling":"max","mobilenet.height":"96",
        "mobilenet.batch_norm_epsilon":"1e-4","mobilenet.labels":"a\nb\nc","mobilenet.wnids":"n1\nn2\nn3""#;
    let file = safetensors_filled(&torchvision_v2(0.35, 3), metadata, |_, _| 1.0);
    let stated = open_with(&file, &Overrides::default()).unwrap();
    let spec = &stated.spec;
    assert_eq!((spec.padding, spec.pooling, spec.batch_norm_epsilon), (Padding::Same, Pooling::Max, 1e-4));
    assert_eq!((spec.height_px, spec.width_px, spec.output_stride), (96, 96, 32));
    assert_eq!(
        (&*spec.labels, &*stated.wnids),
        (&["a", "b", "c"].map(String::from)[..], &["n1", "n2", "n3"].map(String::from)[..])
    );
    assert!(stated.inferred.iter().all(|inferred| inferred.what != "padding" && inferred.what != "resolution"));

    let asked = Overrides {
        version: Some(Version::V2),
        multiplier: Some(0.35),
        widths: Some(Widths { min_depth: 8, ..Widths::V2 }),
        height_px: Some(128),
        width_px: Some(160),
        pad_to_32: Some(true),
        output_stride: Some(16),
        dilating: Some(Dilating::Same),
        gate: None,
        classes: Some(3),
        pooling: Some(Pooling::Average),
        classifier: Some(Classifier::Sigmoid),
        padding: Some(Padding::Symmetric),
        batch_norm_epsilon: Some(2e-3),
        preprocessing: preset("keras"),
        label_set: Some("letters".into()),
        labels: Some(["x", "y", "z"].map(String::from).to_vec()),
        wnids: Some(vec![]),
        table: None,
    };
    let spec = open_with(&file, &asked).unwrap().spec;
    assert_eq!((spec.height_px, spec.width_px, spec.pad_to_32, spec.output_stride), (128, 160, true, 16));
    assert_eq!(spec.dilating, Dilating::Same);
    assert_eq!(
        (spec.pooling, spec.classifier, spec.padding),
        (Pooling::Average, Classifier::Sigmoid, Padding::Symmetric)
    );
    assert_eq!((spec.batch_norm_epsilon, spec.preprocessing.name, &*spec.label_set), (2e-3, "keras", "letters"));
    assert_eq!(spec.labels, ["x", "y", "z"]);
    let gates = safetensors_filled(
        &custom(),
        &format!(r#""mobilenet.gate":"slim-sigmoid","mobilenet.table":{TABLE:?}"#),
        |_, _| 0.5,
    );
    let gate = |gate| open_with(&gates, &Overrides { gate, ..Overrides::default() }).unwrap().spec.gate;
    assert_eq!([gate(None), gate(Some(Activation::HardSigmoid))], [Activation::SlimSigmoid, Activation::HardSigmoid]);
    let one = safetensors_of(&torchvision_v2(0.35, 1));
    assert_eq!(open_with(&one, &Overrides::default()).unwrap().spec.classifier, Classifier::Sigmoid);
    for (classes, set) in [(1000, "imagenet-1000"), (1001, "imagenet-1001"), (999, "")] {
        let file = safetensors_of(&torchvision_v2(0.35, classes));
        assert_eq!(open_with(&file, &Overrides::default()).unwrap().spec.label_set, set);
    }
}

#[test]
fn what_contradicts_the_tensors_is_refused() {
    let file = safetensors_of(&torchvision_v2(0.5, 3));
    let none = Overrides::default;
    let labels = |count: usize| Some(vec!["name".to_owned(); count]);
    #[rustfmt::skip]
    let cases: &[(&str, Overrides, Kind, &[&str])] = &[
        ("version", Overrides { version: Some(Version::V1), ..none() }, Kind::BadOption, &["option `version`", "`v2`, as", "`v1`"]),
        ("no table", Overrides { version: Some(Version::Custom), ..none() }, Kind::BadOption, &["option `version`", "`custom`"]),
        ("multiplier", Overrides { multiplier: Some(0.75), ..none() }, Kind::BadOption, &["option `multiplier`", "0.5, as `features.0.0.weight` [16, 3, 3, 3] shows", "found 0.75", "Leave the option out"]),
        ("multiplier 0", Overrides { multiplier: Some(0.0), ..none() }, Kind::BadModel, &["multiplier", "above 0"]),
        ("no multiplier", Overrides { multiplier: Some(f32::NAN), ..none() }, Kind::BadModel, &["multiplier"]),
        ("widths", Overrides { widths: Some(Widths::V1_SLIM), ..none() }, Kind::BadOption, &["option `widths`", "a rule for channels as `features.2.conv.2.weight` [16, 48, 1, 1] shows"]),
        ("least depth", Overrides { widths: Some(Widths { min_depth: 0, ..Widths::V2 }), ..none() }, Kind::BadModel, &["min_depth", "1 to 1024"]),
        ("classes", Overrides { classes: Some(4), ..none() }, Kind::BadOption, &["option `classes`", "3, as tensor `classifier.1.weight`", "found 4"]),
        ("side", Overrides { height_px: Some(20), ..none() }, Kind::BadModel, &["height", "20 px"]),
        ("output stride", Overrides { output_stride: Some(12), ..none() }, Kind::BadModel, &["output_stride", "12"]),
        ("epsilon", Overrides { batch_norm_epsilon: Some(-1.0), ..none() }, Kind::BadModel, &["batch_norm_epsilon"]),
        ("pooling", Overrides { pooling: Some(Pooling::None), ..none() }, Kind::BadModel, &["pooling"]),
        ("labels", Overrides { labels: labels(4), ..none() }, Kind::BadModel, &["labels", "3 names", "4 names"]),
        ("WordNet ids", Overrides { wnids: labels(2), ..none() }, Kind::BadModel, &["wnids", "3 ids", "2 ids"]),
        ("table", Overrides { table: Some(vec![Block::Pool]), ..none() }, Kind::NotMobileNet, &["names"]),
        ("no rows", Overrides { table: Some(vec![]), ..none() }, Kind::BadModel, &["blocks", "0 rows"]),
    ];
    for (name, overrides, kind, says) in cases {
        let error = open_with(&file, overrides).map(drop).expect_err(name);
        let message = error.to_string();
        assert_eq!(error.kind(), *kind, "{name}: {message}");
        for part in *says {
            assert!(message.contains(part), "{name}: no {part:?} in {message:?}");
        }
    }
    // A file that is damaged besides still says its width.
    let mut damaged = torchvision_v2(0.5, 3);
    damaged.iter_mut().find(|(name, _)| name == "features.0.0.weight").unwrap().1 = vec![17, 3, 3, 3];
    let file = safetensors_of(&damaged);
    let error = open_with(&file, &Overrides { multiplier: Some(1.0), ..none() }).map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::BadOption, "{error}");
    assert!(error.to_string().contains("0.5, as `features.1.conv.0.0.weight` [16, 1, 3, 3] shows, found 1"), "{error}");
    let base =
        torchvision_v2(0.5, 3).into_iter().filter(|(name, _)| !name.starts_with("classifier")).collect::<Vec<_>>();
    let file = safetensors_of(&base);
    let error = open_with(&file, &Overrides { classes: Some(4), ..none() }).map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::MissingTensor);
    assert!(error.to_string().contains("`classifier.1.weight` [4, 1280], `classifier.1.bias` [4]"), "{error}");
}

/// What people get wrong most, from the file to the call.
#[test]
fn bad_input_is_a_typed_error() {
    let file = safetensors_of(&torchvision_v2(0.35, 3));
    let none = Overrides::default;
    let (good, names) = ("predictions", |count: usize| Some(vec!["name".to_owned(); count]));
    #[rustfmt::skip]
    let cases: &[(&str, Overrides, &str, Kind, &[&str])] = &[
        ("multiplier 0", Overrides { multiplier: Some(0.0), ..none() }, good, Kind::BadModel, &["multiplier", "above 0", "found 0"]),
        ("another multiplier", Overrides { multiplier: Some(1.0), ..none() }, good, Kind::BadOption, &["option `multiplier`", "0.35, as `features.0.0.weight` [16, 3, 3, 3] shows", "found 1"]),
        ("output stride 12", Overrides { output_stride: Some(12), ..none() }, good, Kind::BadModel, &["output_stride", "8, 16 or 32", "found 12"]),
        ("20 pixels", Overrides { width_px: Some(20), ..none() }, good, Kind::BadModel, &["32 to 4096 px", "20 px"]),
        ("class count", Overrides { classes: Some(1000), ..none() }, good, Kind::BadOption, &["option `classes`", "3, as tensor `classifier.1.weight`", "found 1000"]),
        ("labels", Overrides { labels: names(1000), ..none() }, good, Kind::BadModel, &["labels", "3 names", "1000 names"]),
        ("WordNet ids", Overrides { wnids: names(1000), ..none() }, good, Kind::BadModel, &["wnids", "3 ids", "1000 ids"]),
        ("endpoint", none(), "layer_15/expansion", Kind::UnknownEndpoint, &["endpoint", "layer_15/expansion_output", "found `layer_15/expansion`"]),
    ];
    for (name, overrides, endpoint, kind, says) in cases {
        let options = Options { overrides: overrides.clone(), ..Options::default() };
        let planned = Net::open(&file, &options).and_then(|mut net| net.plan(&[endpoint]).map(drop));
        assert_refused(name, planned, *kind, says);
    }
}

const TABLE: &str = r#"[
    {"conv": {"stride": 2, "channels": 8, "activation": "hard-swish"}},
    {"separable": {"stride": 2, "channels": 16}},
    {"inverted_residual": {"kernel": 5, "expansion": 3, "channels": 16, "squeeze_excite": true, "activation": "relu"}},
    {"inverted_residual": {"expansion": [40, 16], "stride": 2, "channels": 24, "activation": "relu"}},
    {"conv": {"kernel": 1, "channels": 32}},
    "pool",
    {"head": {"channels": 48, "activation": "hard-swish"}}
]"#;

/// The parameters of that table under canonical names, batch norms folded, two classes.
fn custom() -> Vec<(String, Vec<usize>)> {
    let weights: [(&str, &[usize]); 14] = [
        ("layer_1", &[8, 3, 3, 3]),
        ("layer_2/depthwise", &[8, 1, 3, 3]),
        ("layer_2/pointwise", &[16, 8, 1, 1]),
        ("layer_3/expand", &[48, 16, 1, 1]),
        ("layer_3/depthwise", &[48, 1, 5, 5]),
        ("layer_3/squeeze_excite/reduce", &[16, 48]),
        ("layer_3/squeeze_excite/expand", &[48, 16]),
        ("layer_3/project", &[16, 48, 1, 1]),
        ("layer_4/expand", &[40, 16, 1, 1]),
        ("layer_4/depthwise", &[40, 1, 3, 3]),
        ("layer_4/project", &[24, 40, 1, 1]),
        ("layer_5", &[32, 24, 1, 1]),
        ("layer_7", &[48, 32]),
        ("logits", &[2, 48]),
    ];
    let tensors = |(node, shape): (&str, &[usize])| {
        [(format!("{node}/weights"), shape.to_vec()), (format!("{node}/biases"), vec![shape[0]])]
    };
    weights.into_iter().flat_map(tensors).collect()
}

#[test]
fn a_table_as_json_is_a_network() {
    let blocks = parse_table(TABLE).unwrap();
    assert_eq!(blocks.len(), 7);
    let activation = Activation::Relu;
    let third = Block::InvertedResidual {
        kernel: 5,
        expansion: (3, 1),
        stride: 1,
        channels: 16,
        squeeze_excite: true,
        activation,
    };
    assert_eq!((blocks[2], blocks[5]), (third, Block::Pool));
    assert_eq!(parse_table(&print_table(&blocks)).unwrap(), blocks);

    let quoted = serde_json::to_string(TABLE).unwrap();
    let stated = safetensors_filled(&custom(), &format!(r#""mobilenet.table":{quoted}"#), |_, _| 0.5);
    let plain = safetensors_filled(&custom(), "", |_, _| 0.5);
    let asked = Overrides { table: Some(blocks.clone()), ..Overrides::default() };
    let checkpoint = open_with(&plain, &asked).unwrap();
    assert_eq!(
        (checkpoint.naming, checkpoint.spec.version, checkpoint.spec.classes),
        ("canonical", Version::Custom, 2)
    );
    assert_eq!((&*checkpoint.spec.blocks, checkpoint.spec.multiplier), (&*blocks, 1.0));
    assert_eq!(checkpoint.tensors().len(), 28);
    assert_eq!(checkpoint.parameter("layer_7/weights", &[48, 32]).unwrap(), [0.5; 48 * 32]);
    assert_eq!(open_with(&stated, &Overrides::default()).unwrap().spec, checkpoint.spec);
    let written = weights::write_safetensors_with(checkpoint.tensors(), &checkpoint.spec, &["n0".into(), "n1".into()]);
    let again = open_with(&written, &Overrides::default()).unwrap();
    assert_eq!((again.spec, again.wnids), (checkpoint.spec.clone(), vec!["n0".to_owned(), "n1".to_owned()]));
    let graph = Graph::build(&checkpoint.spec).unwrap();
    for id in 0..graph.nodes.len() {
        let node = graph.parameters(id).into_iter().filter(|parameter| !parameter.name.contains("batch_norm"));
        for parameter in node {
            assert!(checkpoint.parameter(&parameter.name, &parameter.shape).is_ok(), "{}", parameter.name);
        }
    }
}

/// Sizes past what 32 bits count are refused, not wrapped.
#[test]
fn an_absurd_table_is_a_typed_error() {
    let cases = [
        (
            r#"[{"conv":{"stride":2,"channels":32768}},{"inverted_residual":{"expansion":32768,"channels":8}}]"#,
            1.0,
            "row 2",
        ),
        (
            r#"[{"conv":{"stride":2,"channels":8}},{"inverted_residual":{"expansion":[32768,1],"channels":8}}]"#,
            1.0,
            "row 2",
        ),
        (
            r#"[{"conv":{"stride":2,"channels":64}},{"inverted_residual":{"expansion":[32768,3],"channels":8}}]"#,
            1.0,
            "row 2",
        ),
        (r#"[{"conv":{"stride":2,"channels":32768}}]"#, 16.0, "row 1"),
        (r#"[{"conv":{"stride":2,"channels":32768}},{"conv":{"kernel":1,"channels":32768}}]"#, 1.0, "parameters"),
    ];
    for (text, multiplier, says) in cases {
        let spec = Spec { blocks: parse_table(text).unwrap().into(), multiplier, ..Spec::new(Version::Custom) };
        assert_refused(text, Graph::build(&spec).map(drop), Kind::BadModel, &[says]);
        let table = Some(parse_table(text).unwrap());
        let asked = Overrides { table, multiplier: Some(multiplier), ..Overrides::default() };
        let file = safetensors_of(&custom());
        assert_refused(text, open_with(&file, &asked).map(drop), Kind::BadModel, &[says]);
    }
}

#[test]
fn statistics_that_were_never_written_are_told() {
    type Fill = fn(&str, usize) -> f32;
    let cases: [(&str, Fill, &[&str]); 8] = [
        ("fresh", |name, _| f32::from(!name.ends_with("mean")), &["batch_norm_mean_zero", "batch_norm_variance_one"]),
        ("zeros", |name, _| f32::from(!name.ends_with("var")), &["batch_norm_variance_zero"]),
        (
            "means",
            |name, index| if name.ends_with("mean") { 0.0 } else { 1e-2 * index as f32 + 0.1 },
            &["batch_norm_mean_zero"],
        ),
        (
            "negative",
            |name, index| if name.ends_with("var") && index == 5 { -0.5 } else { 0.9 },
            &["batch_norm_variance_negative"],
        ),
        ("tiny", |name, _| if name.ends_with("var") { 1e-9 } else { 1.5 }, &["batch_norm_variance_tiny"]),
        (
            "not finite",
            |name, _| if name == "features.0.1.running_var" { f32::NAN } else { 0.5 },
            &["batch_norm_not_finite"],
        ),
        ("decayed", |_, index| 0.5 + index as f32 % 7.0, &["batch_norm_decayed"]),
        ("trained", |_, index| 0.01 + index as f32 % 7.0, &[]),
    ];
    for (name, fill, codes) in cases {
        let file = safetensors_filled(&torchvision_v2(0.35, 2), "", fill);
        let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
        let found: Vec<_> = checkpoint.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(found, codes, "{name}: {:?}", checkpoint.warnings);
        for warning in &checkpoint.warnings {
            assert!(
                warning.code == "batch_norm_decayed" || warning.message.contains("of 52 batch norms"),
                "{warning:?}"
            );
        }
    }
}

#[test]
fn labels_are_read_as_people_write_them() {
    let cases = [
        ("cat\ndog\n", vec!["cat", "dog"]),
        ("\u{feff}cat\r\ndog\r\n\r\n", vec!["cat", "dog"]),
        ("0: cat\n1: dog", vec!["cat", "dog"]),
        ("2 bird\n1 dog\n0 cat", vec!["cat", "dog", "bird"]),
        ("1:cat\n2:dog", vec!["cat", "dog"]),
        ("7 up\n3 musketeers", vec!["7 up", "3 musketeers"]),
        ("crane\ncrane", vec!["crane", "crane"]),
        ("10\n20", vec!["10", "20"]),
        ("0: cat\n99999999999: dog", vec!["0: cat", "99999999999: dog"]),
        ("", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_labels(text).unwrap(), expected, "{text:?}");
    }
    for text in ["0: cat\n2: dog", "1: cat\n1: dog"] {
        assert_eq!(parse_labels(text).unwrap_err().kind(), Kind::BadOption, "{text:?}");
    }
}
