//! What the tests of files with graphs share: networks run on pictures and on tensors, and their outputs compared.
#![allow(dead_code, reason = "each test binary uses another part")]

use crate::fixtures::Fixtures;
use mobilenet_web::backend::{Cpu, Executor};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Graph;
use mobilenet_web::lane::Body;
use mobilenet_web::plan::{Packing, Plan};
use mobilenet_web::weights::{self, Overrides};
use mobilenet_web::{Fit, Frame, Net, Options, View};

/// What a probability of a float network may differ by: the bound.
pub const PROBABILITY_TOLERANCE: f32 = 1e-4;

/// Networks whose output for one tensor is known, beside the fixtures: inputs, outputs and files of each format.
pub fn bench_file(fixtures: &Fixtures, name: &str) -> Vec<u8> {
    fixtures.read(&format!("../bench-models/{name}"))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Input and output of a network.
pub fn bench_golden(fixtures: &Fixtures, name: &str) -> (Vec<f32>, Vec<f32>) {
    let file = |end: &str| floats(&bench_file(fixtures, &format!("{name}.{end}.f32")));
    (file("x"), file("y"))
}

/// A network's predictions for an input tensor, `[height, width, 3]`.
pub fn predict(file: &[u8], input: &[f32]) -> Vec<f32> {
    run(file, Overrides::default(), input, "predictions")
}

/// An endpoint of a network that is opened with options.
pub fn run(file: &[u8], overrides: Overrides, input: &[f32], endpoint: &str) -> Vec<f32> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    let checkpoint = weights::checkpoint(file, &overrides).unwrap_or_else(|error| panic!("{error}"));
    let graph = Graph::build(&checkpoint.spec).expect("a graph");
    let packing = Packing::new(&graph);
    let parameters = packing.pack(&graph, &checkpoint).unwrap_or_else(|error| panic!("{error}"));
    let spec = &checkpoint.spec;
    let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
    let mut executor = Cpu::new(Body::Simd, preprocessor, parameters);
    let plan = Plan::new(&graph, &packing, &[endpoint]).expect("a plan");
    executor.run_tensor(&plan, input).expect("an input");
    let mut values = Vec::new();
    executor.read(&plan.outputs[0], &mut values);
    values
}

/// The largest difference; NaN where there is one.
pub fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d <= worst { worst } else { d })
}

/// The largest value's index.
pub fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("not empty")
}

/// A network's predictions for each picture of a golden folder, beside the rows of `outputs`.
pub fn rows(fixtures: &Fixtures, file: &[u8], golden: &str, outputs: &str) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    rows_with(fixtures, file, Options::default(), golden, outputs)
}

/// Fails unless a float network gives every picture of a golden folder its probabilities.
pub fn assert_right_everywhere(fixtures: &Fixtures, file: &[u8], golden: &str, outputs: &str) {
    let mut worst = 0.0_f32;
    for (name, found, expected) in rows(fixtures, file, golden, outputs) {
        worst = worst.max(difference(&found, &expected));
        assert_eq!(top(&found), top(&expected), "{name}");
    }
    println!("{golden}: max |Δprobability| {worst:.1e}");
    assert!(worst <= PROBABILITY_TOLERANCE, "{worst}");
}

/// The rows of a network that is opened with options.
pub fn rows_with(
    fixtures: &Fixtures,
    file: &[u8],
    options: Options,
    golden: &str,
    outputs: &str,
) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let mut net = Net::open(file, &options).unwrap_or_else(|error| panic!("{golden}: {error}"));
    let names = fixtures.golden_names(&format!("golden/{golden}"));
    let expected = fixtures.npy(&format!("golden/{golden}/{outputs}.npy"));
    let length = expected.len() / names.len();
    let side = net.spec().height_px;
    let view = View { fit: Fit::AsIs, ..View::default() };
    let row = |(row, name): (usize, &String)| {
        let picture = fixtures.picture(&format!("images/in{side}/{name}.png"));
        let frame = Frame { rgba: picture.as_raw(), width_px: side, height_px: side };
        let found = net.infer(&frame, &view, &["predictions"]).expect("infers").swap_remove(0).data;
        (name.clone(), found, expected[row * length..][..length].to_vec())
    };
    names.iter().enumerate().map(row).collect()
}
