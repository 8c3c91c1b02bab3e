//! Every shader against its scalar reference, over the edge cases of `tests/suite`, on an arena full of NaN.

mod adapter;

use mobilenet_web::View;
use mobilenet_web::backend::gpu::{Device, Gpu, Picture, Variant, Want};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Shape;
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::model::PRESETS;
use mobilenet_web::plan::{Group, Output, Pattern, Plan, Step};
use suite::Case;

/// GPUs add in another order, fuse products with sums, and may divide and take exponentials a few units off.
const TOLERANCE: f32 = 2e-5;
/// 16-bit maps hold 11 bits; sums of some dozens of products of ±3 lose a few of them.
const TOLERANCE_F16: f32 = 2e-2;

/// A plan of one step: input, side and output one after the other, and a picture's pixel behind.
fn plan(case: &Case) -> Plan {
    let input = 0..case.input.len();
    let side = input.end..input.end + case.side.len();
    let output = side.end..side.end + case.output_length;
    let shape = Shape { height: 1, width: case.output_length, channels: 4 };
    let step = Step {
        name: case.name.into(),
        call: case.call,
        input,
        side,
        output: output.clone(),
        parameters: 0..case.parameters.len(),
        shape,
        macs: 0,
    };
    Plan {
        input: output.end..output.end + 1,
        input_shape: Shape { height: 1, width: 1, channels: 3 },
        steps: vec![step],
        groups: vec![Group { steps: 0..1, pattern: Pattern::Single }],
        outputs: vec![Output { name: case.name.into(), slot: output.clone(), shape }],
        arena: output.end + 1,
    }
}

/// What the GPU computes for one case.
fn run(device: &Device, variant: Variant, case: &Case) -> Vec<f32> {
    let preprocessor = Preprocessor::new(&PRESETS[0], 1, 1);
    let parameters: &[Vec4] = if case.parameters.is_empty() { &[[0.0; 4]] } else { &case.parameters };
    let mut gpu = Gpu::new(device, variant, preprocessor, parameters).expect("fits");
    let plan = plan(case);
    let id = gpu.prepare(&plan, Want::Maps).expect("fits");
    gpu.fill(id, f32::NAN);
    gpu.write(&plan.steps[0].input, &case.input);
    gpu.write(&plan.steps[0].side, &case.side);
    let answer = gpu.run(id, &Picture::Tensor(&[0.0; 3]), &View::default()).expect("runs");
    pollster::block_on(answer.maps()).expect("answers").remove(0)
}

fn check(device: &Device, variant: Variant, tolerance: f32) {
    let mut failed = Vec::new();
    // Integers are the CPU's, and so is training.
    let is_cpus = |stem: &str| stem.starts_with("integer_") || stem.starts_with("train_");
    let cases: Vec<_> = suite::cases().into_iter().filter(|case| !is_cpus(case.call.stem())).collect();
    for case in &cases {
        let mut expected = vec![[f32::NAN; 4]; case.output_length];
        let io = mobilenet_web::kernels::Io {
            input: &case.input,
            side: &case.side,
            parameters: &case.parameters,
            output: &mut expected,
        };
        case.call.run(Body::Reference, io);
        let found = run(device, variant, case);
        let scale = expected.iter().flatten().fold(1f32, |most, value| most.max(value.abs()));
        let wrong = expected.iter().flatten().zip(&found).position(|(expected, found)| {
            let right = (expected - found).abs() <= tolerance * scale;
            !right
        });
        if let Some(at) = wrong {
            let expected = expected.as_flattened()[at];
            failed.push(format!("{} {}: element {at}: {expected} but {}", case.call.stem(), case.name, found[at]));
        }
    }
    assert!(failed.is_empty(), "{} of {} cases, {variant:?}:\n{}", failed.len(), cases.len(), failed.join("\n"));
    println!("{} cases, {variant:?}", cases.len());
}

#[test]
fn shaders_agree_with_the_reference() {
    let Some(device) = adapter::adapter() else { return };
    check(&device, Variant::default(), TOLERANCE);
}

#[test]
fn shaders_that_share_by_quads_agree_with_the_reference() {
    let Some(device) = adapter::adapter() else { return };
    if device.variant().quads {
        check(&device, Variant { quads: true, ..Variant::default() }, TOLERANCE);
    } else {
        println!("SKIPPED: {} has no subgroups", device.name);
    }
}

#[test]
fn shaders_of_a_software_adapter_agree_with_the_reference() {
    let Some(device) = adapter::adapter() else { return };
    check(&device, Variant { software: true, ..Variant::default() }, TOLERANCE);
}

#[test]
fn shaders_with_16_bit_maps_agree_with_the_reference() {
    let Some(device) = adapter::adapter() else { return };
    if device.has_f16() {
        check(&device, Variant { f16: true, ..Variant::default() }, TOLERANCE_F16);
    } else {
        println!("SKIPPED: {} has no 16-bit floats", device.name);
    }
}
