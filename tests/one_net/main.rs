//! One small network in every format: the same tensors from each file, the same parameters in the engine, the same
//! answer; and from what the frameworks themselves write, where `tools/golden/one_net.py` has left it.

#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../graph_files/mod.rs"]
mod graph_files;
#[path = "../keras_common/mod.rs"]
mod keras_common;
#[path = "../seeded/mod.rs"]
mod seeded;
#[path = "../tensorflow_common/mod.rs"]
mod tensorflow_common;
#[path = "../weights_common/mod.rs"]
mod weights_common;

mod files;
mod net;

use mobilenet_web::backend::{Cpu, Executor};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Graph;
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::model::{Padding, Version, preset};
use mobilenet_web::plan::{Packing, Plan};
use mobilenet_web::weights::{self, Checkpoint, Overrides};
use net::{CLASSES, EPSILON, SIDE};
use tensorflow_common::{Files, parts};

/// What the formats cannot say of the network: a `.pth` nothing, a checkpoint little more.
fn told() -> Overrides {
    Overrides {
        height_px: Some(SIDE),
        padding: Some(Padding::Same),
        batch_norm_epsilon: Some(EPSILON),
        preprocessing: preset("keras"),
        labels: Some(CLASSES.map(String::from).into()),
        ..Overrides::default()
    }
}

fn opened<'a>(what: &str, files: &'a Files, overrides: &Overrides) -> Checkpoint<'a> {
    let file = match &parts(files)[..] {
        [only] => weights::read(only.bytes),
        parts => weights::read_parts(parts),
    };
    file.and_then(|file| weights::checkpoint(file, overrides)).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// What the engine runs on, and what it answers.
fn run(checkpoint: &Checkpoint<'_>) -> (Vec<Vec4>, Vec<f32>) {
    let graph = Graph::build(&checkpoint.spec).expect("a graph");
    let packing = Packing::new(&graph);
    let parameters = packing.pack(&graph, checkpoint).unwrap_or_else(|error| panic!("{error}"));
    let spec = &checkpoint.spec;
    let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
    let mut executor = Cpu::new(Body::Simd, preprocessor, parameters.clone());
    let plan = Plan::new(&graph, &packing, &["predictions"]).expect("a plan");
    executor.run_tensor(&plan, &seeded::picture(SIDE, SIDE)).expect("an input");
    let mut answer = Vec::new();
    executor.read(&plan.outputs[0], &mut answer);
    (parameters, answer)
}

#[test]
fn every_format_gives_the_same_tensors_parameters_and_answer() {
    let all = files::all();
    let reference = opened(all[0].0, &all[0].1, &told());
    // The first against the numbers that it was written from.
    for tensor in net::torch() {
        assert_eq!(
            reference.file().get(&tensor.name).expect("there").to_f32().unwrap(),
            tensor.data,
            "{}",
            tensor.name
        );
    }
    let (parameters, answer) = run(&reference);
    assert!((answer.iter().sum::<f32>() - 1.0).abs() < 1e-5 && answer.iter().all(|&p| p > 1e-6), "{answer:?}");
    for (format, files) in &all {
        let checkpoint = opened(format, files, &told());
        let spec = &checkpoint.spec;
        assert_eq!(
            (spec.version, spec.multiplier, &*spec.labels),
            (Version::V2, 0.35, &CLASSES.map(String::from)[..]),
            "{format}"
        );
        let mut same = 0;
        for tensor in reference.canonical() {
            let shape: Vec<usize> = tensor.shape.clone();
            // TensorFlow Lite has no batch norms: its weights are others, and what the engine runs on is compared below.
            if *format == "tflite" {
                break;
            }
            let found = checkpoint.parameter(&tensor.name, &shape).unwrap_or_else(|error| panic!("{format}: {error}"));
            assert!(found == tensor.to_f32().unwrap(), "{format}: {}", tensor.name);
            same += 1;
        }
        let (found, said) = run(&checkpoint);
        assert_eq!(found.len(), parameters.len(), "{format}");
        let differing = found.iter().zip(&parameters).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{format}: parameters of the engine");
        assert_eq!(said, answer, "{format}");
        println!("{format}: {same} tensors and {} parameters the same, and the answer", 4 * found.len());
    }
}
