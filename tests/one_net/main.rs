//! One small network in every format: the same tensors from each file, the same parameters in the engine, the same
//! answer; and from what the frameworks themselves write, where `tools/golden/one_net.py` has left it.

#[path = "../graph_files/mod.rs"]
mod graph_files;
#[path = "../keras_common/mod.rs"]
mod keras_common;
#[path = "../protobuf/mod.rs"]
mod protobuf;
#[path = "../seeded/mod.rs"]
mod seeded;
#[path = "../tensorflow_common/mod.rs"]
mod tensorflow_common;
#[path = "../weights_common/mod.rs"]
mod weights_common;

mod files;
mod net;

use std::path::{Path, PathBuf};

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

/// Files of a folder that make up a model, the main one first, named from that one's folder on.
fn model(folder: &Path) -> Files {
    let mut paths = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { paths.push(path) }
        }
    }
    let names: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let main = weights::main_part(&names.iter().map(|name| &**name).collect::<Vec<_>>()).expect("a main file");
    paths.swap(0, main);
    let beside = paths[0].parent().expect("a folder").to_owned();
    let named = |path: &PathBuf| {
        let name = path.strip_prefix(&beside).unwrap_or(path).to_string_lossy().into_owned();
        (name, std::fs::read(path).expect("as the tool writes it"))
    };
    paths.iter().map(named).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/one-net")
}

/// What a probability may differ by where batch norms were folded by others than this crate, or TensorFlow computed it.
const PROBABILITY_TOLERANCE: f32 = 1e-6;

/// Fails unless the checkpoint has every tensor of the reference, except where batch norms are folded: those that are
/// there then are the classifier's.
fn assert_same_tensors(what: &str, reference: &Checkpoint<'_>, checkpoint: &Checkpoint<'_>) -> usize {
    let folded = checkpoint.has("layer_1/biases");
    let tensors: Vec<_> = reference.canonical();
    let compared = tensors.iter().filter(|tensor| !folded || tensor.name.starts_with("logits/"));
    let compare = |tensor: &weights::Tensor<'_>| {
        let found = checkpoint.parameter(&tensor.name, &tensor.shape).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(found == tensor.to_f32().expect("numbers"), "{what}: {}", tensor.name);
    };
    compared.map(compare).count()
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
        let same = assert_same_tensors(format, &reference, &checkpoint);
        assert_eq!(same, if *format == "tflite" { 2 } else { 262 }, "{format}");
        let (found, said) = run(&checkpoint);
        assert_eq!(found.len(), parameters.len(), "{format}");
        let differing = found.iter().zip(&parameters).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{format}: parameters of the engine");
        assert_eq!(said, answer, "{format}");
        println!("{format}: {same} tensors and {} parameters the same, and the answer", 4 * found.len());
    }
}

/// The same files for the browser: tests/web/one-net.test.mjs drops them.
#[test]
fn files_for_the_browser_are_written() {
    for (format, files) in files::all() {
        let folder = folder().join("written").join(format);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in files {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
    }
}

#[test]
fn what_frameworks_write_has_the_same_tensors_and_answer() {
    let Ok(expected) = std::fs::read(folder().join("frameworks/expected.f32")) else {
        println!(
            "skipped: fill {0}/frameworks by `python3 tools/golden/one_net.py {0}/frameworks`",
            folder().display()
        );
        return;
    };
    let expected: Vec<f32> = expected.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let written = files::all();
    let reference = opened("safetensors", &written[0].1, &told());
    let (_, answer) = run(&reference);
    let difference = |a: &[f32]| a.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference(&answer) <= PROBABILITY_TOLERANCE, "{answer:?} for {expected:?}");
    let mut folders: Vec<_> =
        std::fs::read_dir(folder().join("frameworks")).expect("there").map(|it| it.expect("there").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(folders.len() >= 13, "{} folders", folders.len());
    for path in folders {
        let what = path.file_name().expect("a name").to_string_lossy().into_owned();
        let files = model(&path);
        let mut overrides = told();
        if what == "onnx" {
            // Torch's graph says that its padding is symmetric.
            overrides.padding = None;
        }
        let checkpoint = opened(&what, &files, &overrides);
        assert_eq!((checkpoint.spec.version, checkpoint.spec.classes), (Version::V2, 5), "{what}");
        let same = assert_same_tensors(&what, &reference, &checkpoint);
        let (_, said) = run(&checkpoint);
        let worst = difference(&said);
        println!("{what}: {same} tensors the same, max |Δprobability| {worst:.1e} of Keras's");
        assert!(worst <= PROBABILITY_TOLERANCE || what == "onnx", "{what}: {worst}");
    }
}
