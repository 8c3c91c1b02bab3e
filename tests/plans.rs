//! Plans as text: a change of fusion, pruning or memory shows as a readable diff in `tests/plans/*.txt`.
//!
//! `UPDATE_PLANS=1 cargo test --test plans` writes them anew.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::backend::gpu::lower;
use mobilenet_web::graph::{Graph, Op};
use mobilenet_web::kernels::Call;
use mobilenet_web::model::{Activation, Block, Padding, Pooling, Spec, Version, Widths};
use mobilenet_web::plan::{Grouping, Packing, Plan, Slot, Step};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn v2(multiplier: f32, side_px: usize, padding: Padding) -> Spec {
    Spec { multiplier, height_px: side_px, width_px: side_px, padding, ..Spec::new(Version::V2) }
}

fn plan(spec: &Spec, endpoints: &[&str]) -> Plan {
    let graph = Graph::build(spec).expect("a valid spec");
    Plan::new(&graph, &Packing::new(&graph), endpoints).expect("known endpoints")
}

fn snapshot(name: &str, found: &dyn std::fmt::Display) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/plans/{name}.txt"));
    let found = found.to_string();
    if std::env::var_os("UPDATE_PLANS").is_some() {
        std::fs::write(&path, &found).expect("writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs from {}; UPDATE_PLANS=1 writes it anew:\n{found}", path.display());
}

#[test]
fn v2_predictions() {
    snapshot("v2_1.0_224_predictions", &plan(&v2(1.0, 224, Padding::Symmetric), &["predictions"]));
}

#[test]
fn v2_narrow_odd_same_padding() {
    snapshot("v2_0.35_97_same", &plan(&v2(0.35, 97, Padding::Same), &["logits", "global_pool"]));
}

/// An endpoint inside a block keeps its map from being fused away, and nothing after it runs.
#[test]
fn v2_early_endpoints() {
    let endpoints = ["layer_4/projection_output", "layer_4", "layer_3/expansion_output"];
    snapshot("v2_1.0_224_early_endpoints", &plan(&v2(1.0, 224, Padding::Symmetric), &endpoints));
}

/// 3,504,872 parameters as torchvision counts them, 300.8 M multiply-accumulates as the paper does.
#[test]
fn v2_has_the_published_size() {
    let graph = Graph::build(&v2(1.0, 224, Padding::Symmetric)).expect("a valid spec");
    assert_eq!((graph.params(), graph.macs()), (3_504_872, 300_774_272));
    let plan = plan(&v2(1.0, 224, Padding::Symmetric), &["predictions"]);
    assert_eq!(plan.steps.iter().map(|step| step.macs).sum::<u64>(), graph.macs(), "fusion loses no work");
}

/// Each convolution's parameters and multiply-accumulates as TF-slim's own count has them (batch norm not counted).
#[test]
fn v1_has_the_published_rows() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (file, multiplier, side_px) in [("v1_1.0_224", 1.0, 224), ("v1_0.75_128", 0.75, 128)] {
        let spec = Spec { multiplier, height_px: side_px, width_px: side_px, ..Spec::new(Version::V1) };
        let graph = Graph::build(&spec).expect("a valid spec");
        let table = String::from_utf8(fixtures.read(&format!("tables/{file}.csv"))).expect("text");
        let (mut params, mut macs) = (0, 0);
        for line in table.lines().skip(1) {
            let row: Vec<&str> = line.split(',').collect();
            let number = |column: usize| row[column].parse::<u64>().expect("a number");
            let name = row[0].split('/').next().expect("a name");
            if name == "total" {
                assert_eq!((params, macs), (number(1), number(2)), "{file} total");
                continue;
            }
            let id = graph.nodes.iter().position(|node| node.name == name).expect(name);
            let weights: usize = graph.parameters(id)[0].shape.iter().product();
            assert_eq!((weights as u64, graph.node_macs(id)), (number(1), number(2)), "{file} {name}");
            params += weights as u64;
            macs += graph.node_macs(id);
        }
    }
}

/// All numbers of the network, moving statistics included, as Keras counts them.
fn keras_count(spec: &Spec) -> usize {
    let graph = Graph::build(spec).expect("a valid spec");
    let shapes = (0..graph.nodes.len()).flat_map(|id| graph.parameters(id));
    shapes.map(|parameter| parameter.shape.iter().product::<usize>()).sum()
}

/// `keras.applications.*(alpha=1, classes=1000).count_params()`; V2 at 160 px without top is the tutorials' example.
#[test]
fn networks_have_the_parameters_that_keras_counts() {
    let no_top = Spec { classes: 0, height_px: 160, width_px: 160, ..Spec::new(Version::V2) };
    assert_eq!(keras_count(&no_top), 2_257_984);
    let keras = |version| Spec { widths: Widths::V3_KERAS, ..Spec::new(version) };
    assert_eq!(keras_count(&Spec::new(Version::V1)), 4_253_864);
    assert_eq!(keras_count(&Spec::new(Version::V2)), 3_538_984);
    assert_eq!(keras_count(&keras(Version::V3Large)), 5_507_432);
    assert_eq!(keras_count(&keras(Version::V3Small)), 2_554_968);
    assert_eq!(keras_count(&keras(Version::V3LargeMinimalistic)), 3_948_688);
    assert_eq!(keras_count(&keras(Version::V3SmallMinimalistic)), 2_056_848);
}

#[test]
fn v3_small_predictions() {
    snapshot("v3_small_1.0_224_predictions", &plan(&Spec::new(Version::V3Small), &["predictions"]));
}

/// A network in integers, as files have them whose activations beyond ReLU are tables.
fn integers(spec: &Spec, endpoints: &[&str]) -> Plan {
    let graph = Graph::build(spec).expect("a valid spec");
    let tables = [Activation::HardSwish, Activation::HardSigmoid, Activation::SlimSigmoid].map(Op::Activation);
    let of = |name: &str| graph.nodes.iter().find(|node| node.name == name).expect("one of the graph's").op;
    let known = |name: &str| !matches!(of(name), Op::Activation(_)) || tables.contains(&of(name));
    let graph = graph.quantized(&known);
    Plan::new(&graph, &Packing::new(&graph), endpoints).expect("known endpoints")
}

#[test]
fn v2_in_integers() {
    let endpoints = ["predictions", "layer_4/projection_output", "layer_3/expansion_output"];
    snapshot("v2_1.0_224_integers", &integers(&v2(1.0, 224, Padding::Same), &endpoints));
}

#[test]
fn v3_small_in_integers() {
    snapshot("v3_small_1.0_224_integers", &integers(&Spec::new(Version::V3Small), &["predictions"]));
}

/// Where a file says nothing of the probabilities' integers, those of the logits become numbers first.
#[test]
fn what_is_unknown_in_integers_stays_in_floats() {
    let graph = Graph::build(&Spec::new(Version::V1)).expect("a valid spec").quantized(&|name| name != "predictions");
    let plan = Plan::new(&graph, &Packing::new(&graph), &["predictions", "logits"]).expect("known endpoints");
    let stems: Vec<&str> = plan.steps.iter().map(|step| step.call.stem()).collect();
    assert_eq!(stems[stems.len() - 3..], ["integer_pointwise", "integer_to_float", "softmax"]);
    assert_eq!(stems.iter().filter(|stem| **stem == "integer_to_float").count(), 1);
}

#[test]
fn v1_output_stride_8_not_square() {
    let spec = Spec { height_px: 97, width_px: 130, pad_to_32: true, output_stride: 8, ..Spec::new(Version::V1) };
    snapshot("v1_97x130_output_stride_8", &plan(&spec, &["Conv2d_13_pointwise", "predictions"]));
}

/// The largest moment of V2 at 224 px is layer_3's expansion and its depthwise output: 112² · 96 and 56² · 96 floats.
#[test]
fn the_arena_is_as_small_as_the_largest_moment() {
    let plan = plan(&v2(1.0, 224, Padding::Symmetric), &["predictions"]);
    assert_eq!(plan.arena * 4, (112 * 112 + 56 * 56) * 96);
}

/// No step may read what another one has overwritten: replayed with a stamp for every map that a step writes.
#[test]
fn no_map_is_overwritten_while_it_is_needed() {
    for endpoints in [&["predictions"][..], &["layer_4/projection_output", "layer_4", "layer_7", "global_pool"]] {
        for spec in [v2(1.0, 224, Padding::Symmetric), v2(0.35, 97, Padding::Same), v2(1.4, 33, Padding::Same)] {
            let plan = plan(&spec, endpoints);
            let mut owner = vec![None; plan.arena];
            let mut written: Vec<(Slot, usize)> = vec![(plan.input.clone(), 0)];
            owner[plan.input.clone()].fill(Some(0));
            for (stamp, step) in (1..).zip(&plan.steps) {
                for slot in [&step.input, &step.side].into_iter().filter(|slot| !slot.is_empty()) {
                    let (_, expected) = written.iter().rev().find(|(other, _)| other == slot).expect("written before");
                    assert!(owner[slot.clone()].iter().all(|owner| *owner == Some(*expected)), "{}", step.name);
                    assert!(step.output.end <= slot.start || slot.end <= step.output.start, "{} in place", step.name);
                }
                owner[step.output.clone()].fill(Some(stamp));
                written.push((step.output.clone(), stamp));
            }
            for output in &plan.outputs {
                let (_, expected) = written.iter().rev().find(|(slot, _)| *slot == output.slot).expect("written");
                assert!(owner[output.slot.clone()].iter().all(|owner| owner == &Some(*expected)), "{}", output.name);
            }
        }
    }
}

#[test]
fn an_unknown_endpoint_names_the_nearest() {
    let graph = Graph::build(&v2(1.0, 224, Padding::Symmetric)).expect("a valid spec");
    let error = graph.endpoint("layer_3/expansion").expect_err("no such endpoint");
    assert_eq!(error.kind().code(), "unknown_endpoint");
    assert!(error.to_string().contains("layer_3/expansion_output"), "{error}");
}

#[test]
fn specs_out_of_range_are_refused() {
    let activation = Activation::Relu;
    let stem = Block::Conv { kernel: 3, stride: 2, channels: 8, activation };
    let even = Block::Conv { kernel: 4, stride: 2, channels: 8, activation };
    let head = Block::Head { channels: 8, activation };
    let cases = [
        ("multiplier", Spec { multiplier: 0.0, ..v2(1.0, 224, Padding::Same) }),
        ("multiplier", Spec { multiplier: f32::NAN, ..v2(1.0, 224, Padding::Same) }),
        ("height", Spec { height_px: 20, ..v2(1.0, 224, Padding::Same) }),
        ("width", Spec { width_px: 20, ..v2(1.0, 224, Padding::Same) }),
        ("output_stride", Spec { output_stride: 12, ..v2(1.0, 224, Padding::Same) }),
        ("pooling", Spec { pooling: Pooling::None, ..v2(1.0, 224, Padding::Same) }),
        ("blocks", Spec { blocks: Vec::new().into(), ..v2(1.0, 224, Padding::Same) }),
        ("table, row of layer_2", Spec { blocks: vec![stem, head].into(), ..v2(1.0, 224, Padding::Same) }),
        ("row 1 of the table, kernel", Spec { blocks: vec![even].into(), ..v2(1.0, 224, Padding::Same) }),
        ("classes", Spec { classes: 1 << 21, ..v2(1.0, 224, Padding::Same) }),
        ("batch_norm_epsilon", Spec { batch_norm_epsilon: 0.0, ..v2(1.0, 224, Padding::Same) }),
        ("labels", Spec { labels: vec!["cup".into()], ..v2(1.0, 224, Padding::Same) }),
    ];
    for (place, spec) in cases {
        let error = Graph::build(&spec).expect_err(place);
        assert_eq!(error.kind().code(), "bad_model");
        assert!(error.to_string().starts_with(place), "{error}");
    }
}

/// The plan for classification uses the fused kernels only; `add` is left for endpoints that need it.
#[test]
fn residuals_are_fused_unless_asked_for() {
    let adds = |endpoints: &[&str]| {
        let plan = plan(&v2(1.0, 224, Padding::Symmetric), endpoints);
        plan.steps.iter().filter(|step| matches!(step.call, Call::Add(_))).count()
    };
    assert_eq!(adds(&["predictions"]), 0);
    assert_eq!(adds(&["predictions", "layer_4/projection_output"]), 1);
}

/// What a GPU runs, dispatch by dispatch, within the budgets of a frame.
fn dispatches(spec: &Spec) -> String {
    let graph = Graph::build(spec).expect("a valid spec");
    let plan = Plan::grouped(&graph, &Packing::new(&graph), &["predictions"], Grouping::Gpu).expect("has a top");
    let dispatches = lower(&plan, 5, false);
    let stems: BTreeSet<&str> = dispatches.iter().map(|dispatch| dispatch.shader.stem).collect();
    // Two of each are the frame's.
    let (count, pipelines) = (2 + dispatches.len(), 2 + stems.len());
    assert!(count <= 40 && pipelines <= 14, "{count} dispatches, {pipelines} pipelines");
    let name = |step: &Step| step.name.clone();
    let lines = dispatches.iter().map(|dispatch| {
        let names: Vec<String> = plan.steps[dispatch.steps.clone()].iter().map(name).collect();
        format!("{:<17} × {:<5} {}\n", dispatch.shader.stem, dispatch.groups, names.join(", "))
    });
    let kib = (plan.arena * 16).div_ceil(1024);
    format!("{count} dispatches, {pipelines} pipelines, arena {kib} KiB\n{}", lines.collect::<String>())
}

#[test]
fn v2_on_a_gpu() {
    snapshot("v2_1.0_224_gpu", &dispatches(&v2(1.0, 224, Padding::Symmetric)));
}

#[test]
fn v3_small_on_a_gpu() {
    snapshot("v3_small_1.0_224_gpu", &dispatches(&Spec::new(Version::V3Small)));
}
