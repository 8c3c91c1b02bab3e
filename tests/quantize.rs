//! Networks of floats quantised by pictures: what they lose on other pictures, and that all bodies compute the same.

mod fixtures;
mod graphs;
mod seeded;

use fixtures::Fixtures;
use graphs::{difference, top};
use mobilenet_web::backend::{Cpu, Executor};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Graph;
use mobilenet_web::kernels::dots::Dots;
use mobilenet_web::lane::Body;
use mobilenet_web::plan::{Output, Packing, Plan};
use mobilenet_web::quantize::{Calibration, Quantized};
use mobilenet_web::weights::{self, Checkpoint, Overrides, Precision};
use mobilenet_web::{Arithmetic, Fit, Frame, Kind, Net, Options, View};

const AS_IS: View = View { fit: Fit::AsIs, background: [255; 3] };

fn opened(file: &[u8]) -> Checkpoint<'_> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    weights::checkpoint(file, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn in_floats(file: &[u8]) -> Net {
    Net::open(file, &Options { arithmetic: Arithmetic::Floats, ..Options::default() }).expect("opens in floats")
}

/// Logits and predictions of a picture.
fn outputs(fixtures: &Fixtures, net: &mut Net, name: &str) -> [Vec<f32>; 2] {
    let side = net.spec().height_px;
    let picture = fixtures.picture(&format!("images/in{side}/{name}.png"));
    let frame = Frame { rgba: picture.as_raw(), width_px: side, height_px: side };
    let tensors = net.infer(&frame, &AS_IS, &["logits", "predictions"]).expect("infers");
    let mut data = tensors.into_iter().map(|tensor| tensor.data);
    [data.next().expect("logits"), data.next().expect("predictions")]
}

/// The signal's power over that of the error, in dB.
fn decibels(pairs: &[[Vec<f32>; 2]]) -> f64 {
    let squares = |value: f32| f64::from(value) * f64::from(value);
    let signal: f64 = pairs.iter().flat_map(|[a, _]| a).map(|&a| squares(a)).sum();
    let noise: f64 = pairs.iter().flat_map(|[a, b]| a.iter().zip(b)).map(|(a, b)| squares(a - b)).sum();
    10.0 * (signal / noise).log10()
}

/// Each half of the photographs is shown to the network that the other half calibrated: of 24 so many first labels stay,
/// and logits are so clean.
fn check(file: &str, golden: &str, (agreeing, least): (usize, f64)) {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(&format!("weights/{file}"));
    let names = fixtures.golden_names(&format!("golden/{golden}"));
    let mut floats = Net::open(&file, &Options::default()).expect("opens");
    let (mut same, mut worst, mut logits) = (0, 0.0_f32, Vec::new());
    for fold in 0..2 {
        let half = |odd: usize| names.iter().enumerate().filter(move |row| row.0 % 2 == odd).map(|row| row.1);
        let checkpoint = opened(&file);
        let side = checkpoint.spec.height_px;
        let mut calibration = Calibration::new(&checkpoint).expect("floats");
        for name in half(fold) {
            let picture = fixtures.picture(&format!("images/in{side}/{name}.png"));
            let frame = Frame { rgba: picture.as_raw(), width_px: side, height_px: side };
            calibration.add(&frame, &AS_IS).expect("a picture");
        }
        let Quantized { file, cost } = calibration.finish().unwrap_or_else(|error| panic!("{error}"));
        println!("{golden}: {} of {} pictures that it was calibrated by", cost.agreeing, cost.pictures);
        let mut net = Net::open(&file, &Options::default()).expect("opens");
        assert!(net.is_integer());
        for name in half(1 - fold) {
            let [expected, found] = [&mut floats, &mut net].map(|net| outputs(&fixtures, net, name));
            let is_same = top(&expected[1]) == top(&found[1]);
            if !is_same {
                println!("{name}: {} instead of {}", top(&found[1]), top(&expected[1]));
            }
            same += usize::from(is_same);
            worst = worst.max(difference(&expected[1], &found[1]));
            let ([expected, _], [found, _]) = (expected, found);
            logits.push([expected, found]);
        }
    }
    let (count, clean) = (names.len(), decibels(&logits));
    println!("{golden}: first label of {same} of {count}, |Δprobability| at most {worst:.3}, logits {clean:.1} dB");
    assert!(same >= agreeing && clean >= least, "{golden}: {same} of {count}, {clean} dB");
}

#[test]
fn v2_on_photographs() {
    check("v2_1.0_224_torchvision/mobilenet_v2.safetensors", "v2_1.0_224_torchvision", (23, 18.0));
}

#[test]
fn v1_on_photographs() {
    check("v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors", "v1_1.0_224_slim", (23, 22.0));
}

#[test]
fn v3_on_photographs() {
    check("v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors", "v3_small_1.0_224_dequant", (20, 12.0));
}

/// Every endpoint of a file for an input, by one body.
fn maps(file: &[u8], input: &[f32], (body, dots): (Body, Dots)) -> Vec<(String, Vec<f32>)> {
    let checkpoint = opened(file);
    let integers = checkpoint.integers.as_ref().expect("integers");
    let spec = &checkpoint.spec;
    let graph = Graph::build(spec).expect("a graph").quantized(&|name| integers.get(name).is_some());
    let packing = Packing::new(&graph);
    let parameters = packing.pack_for(&graph, &checkpoint, dots).unwrap_or_else(|error| panic!("{error}"));
    let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
    let mut executor = Cpu::new(body, preprocessor, parameters);
    let names: Vec<&str> = graph.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
    let plan = Plan::new(&graph, &packing, &names).expect("a plan");
    executor.run_tensor(&plan, input).expect("an input");
    let read = |output: &Output| {
        let mut values = Vec::new();
        executor.read(output, &mut values);
        (output.name.clone(), values)
    };
    plan.outputs.iter().map(read).collect()
}

const CASES: [&str; 6] = [
    "keras-v1-0.25-129x97-tail",
    "keras-v2-0.35-96x160",
    "timm-v2-0.5-96x96-same",
    "keras-v3-small-0.35-129x97",
    "slim-v3-small-minimalistic-0.35-97x97-same",
    "slim-v3-large-0.75-96x96-same",
];

/// Networks of several frameworks and every version with seeded weights: all bodies compute the same integers, and every endpoint is
/// near what floats are, in channels of one size as in those that were made alike large.
#[test]
fn seeded_networks_are_the_same_in_all_bodies() {
    let cases = seeded::cases(&seeded::committed());
    for name in CASES {
        let case = cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no {name}"));
        let file = case.safetensors();
        let overrides = Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() };
        let checkpoint = weights::checkpoint(weights::read(&file).expect("reads"), &overrides)
            .unwrap_or_else(|error| panic!("{error}"));
        let rgba: Vec<u8> = (0..64 * 48 * 4_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let frame = Frame { rgba: &rgba, width_px: 64, height_px: 48 };
        let mut calibration = Calibration::new(&checkpoint).expect("floats");
        calibration.add(&frame, &View::default()).expect("a picture");
        let Quantized { file, cost } = calibration.finish().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let least = cost.endpoints.iter().map(|noise| noise.decibels()).fold(f64::INFINITY, f64::min);
        println!("{}: {} bytes, {least:.1} dB at least", case.name, file.len());
        assert!(least > 10.0, "{}: {cost:#?}", case.name);

        let input = seeded::picture(case.height, case.width);
        let expected = maps(&file, &input, (Body::Simd, Dots::Pairs));
        for body in [(Body::Simd, Dots::Unsigned), (Body::Simd, Dots::Signed), (Body::Reference, Dots::Unsigned)] {
            for ((name, found), (_, expected)) in maps(&file, &input, body).iter().zip(&expected) {
                // Probabilities are floats.
                let same = if name == "predictions" { difference(found, expected) < 1e-6 } else { found == expected };
                assert!(same, "{}, {name}: {body:?}", case.name);
            }
        }
        // What is read as floats is the same network, whatever its integers stand for.
        let mut nets = [
            in_floats(&file),
            Net::from_file(
                weights::read(&case.safetensors()).expect("reads"),
                &Options { overrides, ..Options::default() },
            )
            .expect("opens"),
        ];
        assert!(!nets[0].is_integer());
        let names: Vec<String> = nets[0].endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let [found, expected] = nets.each_mut().map(|net| net.infer(&frame, &View::default(), &names).expect("infers"));
        for (found, expected) in found.into_iter().zip(expected) {
            let clean = decibels(&[[expected.data, found.data]]);
            assert!(clean > 15.0, "{}, {}: {clean} dB as floats", case.name, found.endpoint);
        }
        // Converted again it stays what it is.
        let again = opened(&file).to_safetensors(Precision::Kept).expect("converts");
        assert!(maps(&again, &input, (Body::Simd, Dots::Pairs)) == maps(&file, &input, (Body::Simd, Dots::Pairs)));
    }
}

#[test]
fn what_cannot_be_calibrated_is_refused() {
    let case = &seeded::cases(&seeded::committed())[0];
    let file = case.safetensors();
    let checkpoint = opened(&file);
    let mut calibration = Calibration::new(&checkpoint).expect("floats");
    let error = calibration.finish().expect_err("there is no picture");
    assert!(error.kind() == Kind::BadOption && error.to_string().contains("pictures"), "{error}");
    let wrong = Frame { rgba: &[0; 3], width_px: 1, height_px: 1 };
    assert_eq!(calibration.add(&wrong, &View::default()).expect_err("three bytes").kind(), Kind::SourceWrongLength);
    assert_eq!(calibration.pictures(), 0);
    let written = checkpoint.to_safetensors(Precision::Int8).expect("converts");
    let error = Calibration::new(&opened(&written)).err().expect("integers");
    assert!(error.kind() == Kind::BadOption && error.to_string().contains("quantise the float network"), "{error}");
}
