//! Frozen graphs and graph models: constants come back under their layers' names.

mod fixtures;
mod protobuf;
mod seeded;
mod tensorflow_common;

use fixtures::Fixtures;
use mobilenet_web::weights::{self, Format};
use mobilenet_web::{Choice, Fit, Frame, Net, Options, View};
use seeded::Case;
use tensorflow_common::graphs::{Treated, graph, graph_def, graph_model};
use tensorflow_common::{Kept, checkpoint, net, values};

/// Folding in singles, through up to 60 layers, over the largest logit.
const FOLDED: f32 = 1e-5;

/// Networks of both namings, small enough to be written a dozen times.
fn cases() -> Vec<(Case, bool)> {
    let small = [
        "slim-v1-0.25",
        "slim-v2-0.35",
        "slim-v3-small-1-96x96",
        "keras-v1-0.25",
        "keras-v2-0.35",
        "keras-v3-small-0.35",
    ];
    let cases = seeded::cases(&seeded::committed()).into_iter();
    let cases = cases.filter(|case| small.iter().any(|name| case.name.starts_with(name)));
    cases.map(|case| (case.naming == "keras", case)).map(|(keras, case)| (case, keras)).collect()
}

fn options() -> Options {
    let mut options = Options { backend: Choice::Simd, ..Options::default() };
    (options.overrides.height_px, options.overrides.width_px) = (Some(96), Some(96));
    options
}

fn logits(net: &mut Net) -> Vec<f32> {
    let rgba: Vec<u8> = (0..96 * 96 * 4).map(|i| if i % 4 == 3 { 255 } else { (i * 7919 % 251) as u8 }).collect();
    let view = View { fit: Fit::AsIs, ..View::default() };
    net.infer(&Frame { rgba: &rgba, width_px: 96, height_px: 96 }, &view, &["logits"]).expect("infers").remove(0).data
}

#[track_caller]
fn assert_near(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let most = expected.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    let worst =
        found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d <= worst { worst } else { d });
    println!("{what}: {worst:.1e} of {most:.2}");
    assert!(found.len() == expected.len() && worst <= tolerance * most, "{what}: {worst} of {most}");
}

#[test]
fn graphs_are_read_frozen_folded_and_fused() {
    let cases = cases();
    assert_eq!(cases.len(), 6);
    for (case, keras) in cases {
        let file = case.safetensors();
        let expected = logits(&mut Net::open(&file, &options()).unwrap());
        for treated in [Treated::Frozen, Treated::Spelled, Treated::Folded, Treated::Fused] {
            if treated == Treated::Spelled && !keras {
                continue;
            }
            let nodes = graph(&values(&file), treated, case.batch_norm_epsilon, keras);
            let tolerance = if matches!(treated, Treated::Frozen | Treated::Spelled) { 0.0 } else { FOLDED };
            for raw in [true, false] {
                let what = format!("{} {treated:?}, raw {raw}", case.name);
                let frozen = graph_def(&nodes, raw);
                assert_eq!(Format::sniff(&frozen).unwrap(), Format::TensorFlowGraph);
                let mut net = Net::open(&frozen, &Options { backend: Choice::Simd, ..Options::default() })
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(net.spec().height_px, 96, "the placeholder states it");
                assert!(net.origin().warnings.iter().all(|warning| warning.code != "extra_tensors"), "{what}");
                assert_near(&what, &logits(&mut net), &expected, tolerance);
            }
            let files = graph_model(&nodes, Kept::Float32);
            let mut net = net(&files, &Options { backend: Choice::Simd, ..Options::default() })
                .unwrap_or_else(|error| panic!("{}: graph model: {error}", case.name));
            assert_near(&format!("{} {treated:?} model", case.name), &logits(&mut net), &expected, tolerance);
        }
    }
}

#[test]
fn halves_and_repeated_numbers_of_a_graph_are_read() {
    use protobuf::{bytes, number, varint};
    use tensorflow_common::shape;
    let constant = |name: &str, dtype: u64, dims: &[usize], values: Vec<u8>| {
        let tensor = [number(1, dtype), bytes(2, &shape(dims)), values].concat();
        let value = bytes(5, &[bytes(1, b"value"), bytes(2, &bytes(8, &tensor))].concat());
        bytes(1, &[bytes(1, name.as_bytes()), bytes(2, b"Const"), value].concat())
    };
    let single = |value: f32| [varint(5 << 3 | 5), value.to_le_bytes().to_vec()].concat();
    let graph = [
        constant("packed", 1, &[2], bytes(5, &[1_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat())),
        constant("apart", 1, &[2], [single(3.0), single(4.0)].concat()),
        constant("filled", 1, &[5], [single(1.0), single(7.0)].concat()),
        constant("zeros", 1, &[3], vec![]),
        constant("halves", 19, &[3], bytes(13, &[varint(0x3c00), varint(0xc000)].concat())),
    ]
    .concat();
    let file = weights::read(&graph).unwrap();
    let numbers = |name: &str| file.get(name).unwrap().to_f32().unwrap();
    assert_eq!((numbers("packed"), numbers("apart")), (vec![1., 2.], vec![3., 4.]));
    assert_eq!((numbers("filled"), numbers("zeros")), (vec![1., 7., 7., 7., 7.], vec![0.; 3]));
    assert_eq!(numbers("halves"), [1., -2., -2.]);
}

/// The official V1 as TensorFlow would have frozen, folded and saved it, against what TensorFlow computes.
#[test]
fn the_official_v1_gives_its_golden_logits_from_each_format() {
    let Some(fixtures) = Fixtures::find() else { return };
    let tensors = values(&fixtures.read("weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors"));
    let folder = "golden/v1_1.0_224_slim";
    let (names, golden) = (fixtures.golden_names(folder), fixtures.npy(&format!("{folder}/logits.npy")));
    let with = |treated| graph_def(&graph(&tensors, treated, 1e-3, false), true);
    let files = [
        ("frozen", vec![("frozen.pb".to_owned(), with(Treated::Frozen))]),
        ("folded", vec![("folded.pb".to_owned(), with(Treated::Folded))]),
        ("checkpoint", checkpoint(&tensors, 1, (false, false))),
        ("graph model", graph_model(&graph(&tensors, Treated::Fused, 1e-3, false), Kept::Float32)),
    ];
    for (what, files) in files {
        let mut options = Options { backend: Choice::Simd, ..Options::default() };
        (options.overrides.height_px, options.overrides.width_px) = (Some(224), Some(224));
        let mut net = net(&files, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut worst = 0_f32;
        for (row, name) in names.iter().enumerate() {
            let picture = fixtures.picture(&format!("images/in224/{name}.png"));
            let frame = Frame { rgba: picture.as_raw(), width_px: 224, height_px: 224 };
            let found = &net.infer(&frame, &View { fit: Fit::AsIs, ..View::default() }, &["logits"]).unwrap()[0].data;
            let expected = &golden[row * found.len()..][..found.len()];
            let top = |values: &[f32]| (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]));
            assert_eq!(top(found), top(expected), "{what}: {name}");
            worst =
                found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(worst, |w, d| if d <= w { w } else { d });
        }
        println!("v1 1.0 224 as {what}: max |Δlogit| {worst:.2e}, top-1 {} of {}", names.len(), names.len());
        assert!(worst <= 2e-3, "{what}: {worst}");
    }
}

#[test]
fn a_graph_of_variables_without_values_says_so() {
    use protobuf::bytes;
    let node = |name: &str, op: &str| bytes(1, &[bytes(1, name.as_bytes()), bytes(2, op.as_bytes())].concat());
    let graph = [node("input", "Placeholder"), node("MobilenetV1/Conv2d_0/weights", "VariableV2")].concat();
    let error = weights::read(&graph).unwrap_err();
    assert!(
        error.to_string().contains("1 variables without values") && error.to_string().contains(".index"),
        "{error}"
    );
}
