//! Networks of the reference frameworks, run by the frameworks themselves with weights that anybody can compute again
//! from the tensors' names: every endpoint of every case must agree. `tools/golden/README.md` has the format.
//!
//! The committed cases, or those of the folder in `MOBILENET_CONFORMANCE`: then `--nocapture` prints every error.

mod seeded;

use mobilenet_web::backend::{Cpu, Executor};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Graph;
use mobilenet_web::lane::Body;
use mobilenet_web::model::{Block, Classifier, Padding, Pooling, Version, Widths, table};
use mobilenet_web::plan::{Packing, Plan};
use mobilenet_web::weights::{self, Overrides};
use seeded::{Case, Summary};
use std::path::PathBuf;

/// Largest difference of any sampled value or statistic, over the endpoint's largest value: f32 sums in another order
/// through up to 60 layers, which comes to 2.5e-6.
const TOLERANCE: f64 = 1e-5;

fn version(case: &Case) -> Version {
    match (case.version.as_str(), case.minimalistic) {
        ("v1", _) => Version::V1,
        ("v2", _) => Version::V2,
        ("v3-small", false) => Version::V3Small,
        ("v3-small", true) => Version::V3SmallMinimalistic,
        ("v3-large", false) => Version::V3Large,
        _ => Version::V3LargeMinimalistic,
    }
}

/// torchvision's `reduced_tail` is a table of one's own: from C4 on half the channels, but for the first expansion.
fn reduced_tail(version: Version) -> Vec<Block> {
    let mut rows = table(version).into_owned();
    let tail = rows.iter().rposition(|row| matches!(row, Block::InvertedResidual { stride: 2, .. })).expect("C4");
    for (index, row) in rows.iter_mut().enumerate().skip(tail) {
        match row {
            Block::InvertedResidual { channels, expansion, .. } => {
                *channels /= 2;
                if index > tail {
                    *expansion = (expansion.0 / 2, expansion.1 / 2);
                }
            }
            Block::Head { channels, .. } => *channels /= 2,
            _ => {}
        }
    }
    rows
}

/// What no tensor can tell; everything else must be inferred from the names and shapes alone.
fn overrides(case: &Case) -> Overrides {
    Overrides {
        table: case.reduced_tail.then(|| reduced_tail(version(case))),
        version: case.reduced_tail.then(|| version(case)),
        multiplier: case.reduced_tail.then_some(case.multiplier),
        height_px: Some(case.height),
        width_px: Some(case.width),
        output_stride: Some(case.output_stride),
        padding: Padding::from_name(if case.padding == "tail" { "after" } else { &case.padding }),
        batch_norm_epsilon: Some(case.batch_norm_epsilon),
        pooling: Some(match case.pooling.as_str() {
            "max" => Pooling::Max,
            "none" => Pooling::None,
            _ => Pooling::Average,
        }),
        classifier: Some(match case.activation.as_str() {
            "sigmoid" => Classifier::Sigmoid,
            _ => Classifier::Softmax,
        }),
        ..Overrides::default()
    }
}

/// The largest relative error over all endpoints of a case, and where it is.
fn run(case: &Case, body: Body) -> Result<(f64, String), String> {
    let file = case.safetensors();
    let said = |error: mobilenet_web::Error| format!("{}: {error}", case.name);
    let checkpoint = weights::checkpoint(weights::read(&file).map_err(said)?, &overrides(case)).map_err(said)?;
    if checkpoint.spec.version != version(case) {
        return Err(format!("{}: taken for {}", case.name, checkpoint.spec.version.name()));
    }
    let graph = Graph::build(&checkpoint.spec).map_err(said)?;
    let packing = Packing::new(&graph);
    let parameters = packing.pack(&graph, &checkpoint).map_err(said)?;
    let spec = &checkpoint.spec;
    let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
    let mut executor = Cpu::new(body, preprocessor, parameters);
    let names: Vec<&str> = case.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let plan = Plan::new(&graph, &packing, &names).map_err(said)?;
    executor.run_tensor(&plan, &seeded::picture(case.height, case.width)).map_err(said)?;

    let mut worst = (0.0, String::new());
    let mut values = Vec::new();
    for (endpoint, output) in case.endpoints.iter().zip(&plan.outputs) {
        let shape = output.shape;
        let found = if endpoint.shape.len() == 1 {
            vec![shape.channels]
        } else {
            vec![shape.height, shape.width, shape.channels]
        };
        if found != endpoint.shape {
            return Err(format!("{} {}: shape {found:?}, not {:?}", case.name, endpoint.name, endpoint.shape));
        }
        executor.read(output, &mut values);
        let error = endpoint.expected.relative_error(&Summary::of(&endpoint.name, &values));
        // NaN is the worst of all.
        if error.is_nan() || error > worst.0 {
            worst = (error, endpoint.name.clone());
        }
    }
    Ok(worst)
}

fn check(framework: &str, body: Body) {
    let other = std::env::var_os("MOBILENET_CONFORMANCE").map(PathBuf::from);
    let cases = seeded::cases(other.as_ref().unwrap_or(&seeded::committed()));
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.naming == framework).collect();
    assert!(other.is_some() || cases.len() >= 6, "only {} cases of {framework}", cases.len());
    let mut failed = Vec::new();
    let mut worst = (0.0, String::new());
    for case in &cases {
        match run(case, body) {
            Ok((error, endpoint)) if error <= TOLERANCE => {
                println!("{:<50} {error:.1e}", case.name);
                if error > worst.0 {
                    worst = (error, format!("{} {endpoint}", case.name));
                }
            }
            Ok((error, endpoint)) => failed.push(format!("{} {endpoint}: relative error {error:.1e}", case.name)),
            Err(why) => failed.push(why),
        }
    }
    println!("{framework}: {} cases, worst relative error {:.1e} at {}", cases.len(), worst.0, worst.1);
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn keras() {
    check("keras", Body::Simd);
}

#[test]
fn torchvision() {
    check("torchvision", Body::Simd);
}

#[test]
fn timm() {
    check("timm", Body::Simd);
}

#[test]
fn slim() {
    check("slim", Body::Simd);
}

/// The reference body is the definition, so one case of each network goes through it as well.
#[test]
fn reference_body() {
    let mut seen = Vec::new();
    for case in seeded::cases(&seeded::committed()) {
        if case.height * case.width <= 130 * 130 && !seen.contains(&(version(&case), case.naming.clone())) {
            seen.push((version(&case), case.naming.clone()));
            let (error, endpoint) = run(&case, Body::Reference).expect("runs");
            assert!(error <= TOLERANCE, "{} {endpoint}: {error:.1e}", case.name);
        }
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

/// Whose widths a framework's files have is told by their names, and decides nothing but channels.
#[test]
fn widths_are_each_frameworks_own() {
    let inferred = |name: &str| {
        let case = seeded::cases(&seeded::committed()).into_iter().find(|case| case.name == name).expect(name);
        let file = case.safetensors();
        weights::checkpoint(weights::read(&file).expect("reads"), &overrides(&case)).expect("opens").spec.widths
    };
    assert_eq!(inferred("torchvision-v3-large-1.4-96x96").expanding, Widths::V3_TORCHVISION.expanding);
    assert_eq!(inferred("keras-v3-small-1.4-96x160-top_max").last, Widths::V3_KERAS.last);
}
