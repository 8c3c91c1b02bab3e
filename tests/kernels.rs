//! Every kernel's SIMD body against its scalar reference, over the edge cases of `tests/suite`.

use mobilenet_web::kernels::{Call, Curve, Dense, Depthwise, Io, Pointwise, STEMS, Softmax};
use mobilenet_web::lane::Body;
use std::collections::BTreeSet;

#[test]
fn bodies_agree_on_every_edge_case() {
    let report = suite::run_suite();
    let failed: Vec<&str> = report.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_kernel_has_cases() {
    let covered: BTreeSet<&str> = suite::cases().iter().map(|case| case.call.stem()).collect();
    assert_eq!(covered, STEMS.iter().copied().collect());
}

/// Numbers small enough to check by hand, for the definition itself.
#[test]
fn the_reference_computes_what_its_formula_says() {
    let run = |call: Call, input: &[[f32; 4]], side: &[[f32; 4]], parameters: &[[f32; 4]], length| {
        let mut output = vec![[f32::NAN; 4]; length];
        call.run(Body::Reference, Io { input, side, parameters, output: &mut output });
        output
    };
    // Two pixels of two channels; weights [[1, 2], [3, 4], …] by output channel, biases 10, 20, 30, 40.
    let parameters = [[10.0, 20.0, 30.0, 40.0], [1.0, 3.0, 5.0, 7.0], [2.0, 4.0, 6.0, 8.0]];
    let input = [[1.0, 1.0, 0.0, 0.0], [2.0, -1.0, 0.0, 0.0]];
    let p = Pointwise {
        pixels: 2,
        in_channels: 2,
        out_lanes: 1,
        residual: 1,
        curve: Curve { kind: 0, low: 0.0, high: 36.0 },
    };
    let side = [[0.5; 4], [100.0; 4]];
    let expected = vec![[13.5, 27.5, 36.5, 36.5], [110.0, 122.0, 134.0, 136.0]];
    assert_eq!(run(Call::Pointwise(p), &input, &side, &parameters, 2), expected);

    let p = Dense { in_channels: 2, out_lanes: 1, curve: Curve::LINEAR };
    assert_eq!(run(Call::Dense(p), &input[1..], &[], &parameters, 1), vec![[10.0, 22.0, 34.0, 46.0]]);

    // A 2×2 map under a 3×3 window of ones: each output is the sum of the whole map, plus the bias.
    let ones = [[[1.0, 2.0, 3.0, 4.0]].as_slice(), [[1.0; 4]; 9].as_slice()].concat();
    let map = [[1.0; 4], [2.0; 4], [3.0; 4], [4.0; 4]];
    let p = Depthwise {
        in_height: 2,
        in_width: 2,
        out_height: 2,
        out_width: 2,
        lanes: 1,
        kernel: 3,
        stride: 1,
        dilation: 1,
        pad_top: 1,
        pad_left: 1,
        curve: Curve::LINEAR,
    };
    assert_eq!(run(Call::Depthwise(p), &map, &[], &ones, 4), vec![[11.0, 12.0, 13.0, 14.0]; 4]);

    let p = Softmax { classes: 2 };
    let [quarter, rest, zero, _] = run(Call::Softmax(p), &[[1.0, 1.0 + 3f32.ln(), 9.0, 9.0]], &[], &[], 1)[0];
    assert!((quarter - 0.25).abs() < 1e-6 && (rest - 0.75).abs() < 1e-6 && zero == 0.0);

    // −4, −1, 1, 5 through the gate: 0, 2/6, 4/6, 1; hard-swish multiplies by the value itself.
    let bend = |curve| {
        let p = Dense { in_channels: 1, out_lanes: 1, curve };
        run(Call::Dense(p), &[[1.0, 0.0, 0.0, 0.0]], &[], &[[0.0; 4], [-4.0, -1.0, 1.0, 5.0]], 1)[0]
    };
    let close = |found: [f32; 4], expected: [f32; 4]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(close(bend(Curve::HARD_SIGMOID), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]));
    assert!(close(bend(Curve::HARD_SWISH), [0.0, -1.0 / 3.0, 2.0 / 3.0, 5.0]));
    assert!(close(bend(Curve::RELU), [0.0, 0.0, 1.0, 5.0]));
}
