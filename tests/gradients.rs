//! The gradients that training is made of, against central differences in double precision of the layers' definitions, which
//! are written down here once more, and compared with the kernels that compute forward.

use mobilenet_web::kernels::gradients::{
    TrainAffine, TrainBend, TrainDepthwise, TrainDepthwiseInput, TrainMoments, TrainNorm, TrainNormInput,
    TrainPointwise, TrainPool, TrainScale, TrainStem,
};
use mobilenet_web::kernels::{Call, Conv, Curve, Depthwise, GlobalPool, Io, Pointwise, Scale};
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::train::{Purpose, Random};

/// Single precision against double: sums of a few dozen products of numbers around 1.
const TOLERANCE: f64 = 2e-5;
const STEP: f64 = 1e-5;

fn random(seed: usize) -> Random {
    Random::new(seed as u64, Purpose::Weights, [0, 0])
}

fn values(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.within(2.0)).collect()
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn run(call: Call, input: &[f32], side: &[f32], parameters: &[f32], length: usize) -> Vec<f32> {
    let mut output = vec![[f32::NAN; 4]; length / 4];
    let [input, side, parameters] = [input, side, parameters].map(bytemuck::cast_slice::<f32, Vec4>);
    call.run(Body::Reference, Io { input, side, parameters, output: &mut output });
    output.concat()
}

/// The derivative of `Σ factor · layer(values)` by each of `values`.
fn slopes(values: &[f32], factors: &[f32], layer: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let loss = |values: &[f64]| layer(values).iter().zip(factors).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
    let mut values = doubles(values);
    (0..values.len())
        .map(|at| {
            let here = values[at];
            let [above, below] = [STEP, -STEP].map(|step| {
                values[at] = here + step;
                loss(&values)
            });
            values[at] = here;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

#[track_caller]
fn agree(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let apart = (f64::from(*found) - expected).abs();
        assert!(apart <= TOLERANCE * (1.0 + expected.abs()), "{what}, {at}: {found}, by differences {expected}");
    }
}

fn bend(value: f64, curve: Curve) -> f64 {
    let gate = (value + 3.0).clamp(0.0, 6.0) * f64::from(curve.high);
    match curve.kind {
        0 => value.clamp(f64::from(curve.low), f64::from(curve.high)),
        1 => value * gate,
        _ => gate,
    }
}

/// Packed parameters `[out/4][bias, weights…][4]` → `weight(out, k)`, 0 being the bias.
fn packed(parameters: &[f64], group: usize, out: usize, k: usize) -> f64 {
    parameters[(out / 4 * group + k) * 4 + out % 4]
}

fn pointwise(p: &TrainPointwise, input: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (n, stride) = (p.in_channels as usize, (p.in_channels as usize).next_multiple_of(4));
    let output = |pixel: usize, o: usize| {
        let terms = (0..n).map(|i| input[pixel * stride + i] * packed(parameters, 1 + n, o, 1 + i));
        packed(parameters, 1 + n, o, 0) + terms.sum::<f64>()
    };
    (0..p.pixels as usize)
        .flat_map(|pixel| (0..p.out_lanes.all as usize * 4).map(move |o| (pixel, o)))
        .map(|(pixel, o)| output(pixel, o))
        .collect()
}

#[test]
fn of_pointwise_layers() {
    let mut random = random(1);
    let p = TrainPointwise { pixels: 6, in_channels: 8, out_lanes: 2.into() };
    let (input, parameters, side) = (values(&mut random, 48), values(&mut random, 72), values(&mut random, 48));
    let forward = Pointwise { pixels: 6, in_channels: 8, out_lanes: 2, residual: 0, curve: Curve::LINEAR };
    let (input64, parameters64) = (doubles(&input), doubles(&parameters));
    agree(
        "forward",
        &run(Call::Pointwise(forward), &input, &[], &parameters, 48),
        &pointwise(&p, &input64, &parameters64),
    );
    let by_weights = slopes(&parameters, &side, |parameters| pointwise(&p, &input64, parameters));
    agree("by weights", &run(Call::TrainPointwise(p), &input, &side, &[], 72), &by_weights);
    // By its input it is the forward kernel's on transposed weights, without biases.
    let mut turned = vec![0.0; 72];
    for (i, o) in (0..8).flat_map(|i| (0..8).map(move |o| (i, o))) {
        turned[(i / 4 * 9 + 1 + o) * 4 + i % 4] = parameters[(o / 4 * 9 + 1 + i) * 4 + o % 4];
    }
    let by_input = slopes(&input, &side, |input| pointwise(&p, input, &parameters64));
    agree("by input", &run(Call::Pointwise(forward), &side, &[], &turned, 48), &by_input);
}

fn depthwise(p: &Depthwise, input: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (width, group, k) = (p.lanes as usize * 4, 1 + (p.kernel * p.kernel) as usize, p.kernel as usize);
    let mut output = Vec::new();
    for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
        for c in 0..width {
            let mut sum = packed(parameters, group, c, 0);
            for (i, j) in (0..p.kernel).flat_map(|i| (0..p.kernel).map(move |j| (i, j))) {
                let row = (y * p.stride + i * p.dilation).checked_sub(p.pad_top).filter(|&row| row < p.in_height);
                let column = (x * p.stride + j * p.dilation).checked_sub(p.pad_left).filter(|&at| at < p.in_width);
                let (Some(row), Some(column)) = (row, column) else { continue };
                let value = input[(row * p.in_width + column) as usize * width + c];
                sum += value * packed(parameters, group, c, 1 + i as usize * k + j as usize);
            }
            output.push(sum);
        }
    }
    output
}

/// Kernel, stride, dilation; rows and columns as (input, output, padding before).
type Window = ([u32; 3], [u32; 3], [u32; 3]);

const WINDOWS: [Window; 7] = [
    ([3, 1, 1], [4, 4, 1], [5, 5, 1]),
    ([3, 2, 1], [6, 3, 0], [5, 3, 1]),
    ([3, 2, 1], [6, 3, 1], [7, 4, 1]),
    ([5, 1, 1], [4, 4, 2], [3, 3, 2]),
    ([5, 2, 1], [6, 3, 1], [7, 4, 2]),
    ([3, 1, 2], [5, 5, 2], [4, 4, 2]),
    ([3, 1, 1], [1, 1, 1], [2, 2, 1]),
];

#[test]
fn of_depthwise_layers() {
    for (seed, ([kernel, stride, dilation], rows, columns)) in WINDOWS.into_iter().enumerate() {
        let mut random = random(2 + seed);
        let layer = Depthwise {
            in_height: rows[0],
            in_width: columns[0],
            out_height: rows[1],
            out_width: columns[1],
            lanes: 2,
            kernel,
            stride,
            dilation,
            pad_top: rows[2],
            pad_left: columns[2],
            curve: Curve::LINEAR,
        };
        let [inside, outside] = [0, 1].map(|at| (rows[at] * columns[at]) as usize * 8);
        let parameters = values(&mut random, layer.parameters() * 4);
        let (input, side) = (values(&mut random, inside), values(&mut random, outside));
        let (input64, parameters64) = (doubles(&input), doubles(&parameters));
        let what = format!("{layer}");
        let found = run(Call::Depthwise(layer), &input, &[], &parameters, outside);
        agree(&what, &found, &depthwise(&layer, &input64, &parameters64));
        let by_weights = slopes(&parameters, &side, |parameters| depthwise(&layer, &input64, parameters));
        let found = run(Call::TrainDepthwise(TrainDepthwise { layer }), &input, &side, &[], parameters.len());
        agree(&what, &found, &by_weights);
        let by_input = slopes(&input, &side, |input| depthwise(&layer, input, &parameters64));
        let found = run(Call::TrainDepthwiseInput(TrainDepthwiseInput { layer }), &side, &[], &parameters, inside);
        agree(&what, &found, &by_input);
        if stride == 1 {
            // And the forward kernel's on the window turned round.
            let taps = (kernel * kernel) as usize;
            let mut turned = vec![0.0; parameters.len()];
            for (group, tap, lane) in
                (0..2).flat_map(|g| (0..taps).flat_map(move |tap| (0..4).map(move |l| (g, tap, l))))
            {
                let at = |tap: usize| (group * (1 + taps) + 1 + tap) * 4 + lane;
                turned[at(tap)] = parameters[at(taps - 1 - tap)];
            }
            let reach = (kernel - 1) * dilation;
            let back = Depthwise {
                in_height: rows[1],
                in_width: columns[1],
                out_height: rows[0],
                out_width: columns[0],
                pad_top: reach - rows[2],
                pad_left: reach - columns[2],
                ..layer
            };
            agree(&what, &run(Call::Depthwise(back), &side, &[], &turned, inside), &by_input);
        }
    }
}

fn stem(p: &Conv, input: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (k, channels) = (p.kernel as usize, p.in_channels as usize);
    let group = 1 + k * k * channels;
    let mut output = Vec::new();
    for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
        for o in 0..p.out_lanes as usize * 4 {
            let mut sum = packed(parameters, group, o, 0);
            for (i, j) in (0..p.kernel).flat_map(|i| (0..p.kernel).map(move |j| (i, j))) {
                let row = (y * p.stride + i).checked_sub(p.pad_top).filter(|&row| row < p.in_height);
                let column = (x * p.stride + j).checked_sub(p.pad_left).filter(|&at| at < p.in_width);
                let (Some(row), Some(column)) = (row, column) else { continue };
                for c in 0..channels {
                    let value = input[(row * p.in_width + column) as usize * 4 + c];
                    sum += value * packed(parameters, group, o, 1 + (i as usize * k + j as usize) * channels + c);
                }
            }
            output.push(sum);
        }
    }
    output
}

#[test]
fn of_the_first_convolution() {
    let mut random = random(20);
    let layer = Conv {
        in_height: 7,
        in_width: 6,
        in_channels: 3,
        out_height: 4,
        out_width: 3,
        out_lanes: 2,
        kernel: 3,
        stride: 2,
        pad_top: 1,
        pad_left: 0,
        curve: Curve::LINEAR,
    };
    let (input, side) = (values(&mut random, 7 * 6 * 4), values(&mut random, 4 * 3 * 8));
    let parameters = values(&mut random, layer.parameters() * 4);
    let (input64, parameters64) = (doubles(&input), doubles(&parameters));
    agree(
        "forward",
        &run(Call::Conv(layer), &input, &[], &parameters, side.len()),
        &stem(&layer, &input64, &parameters64),
    );
    let by_weights = slopes(&parameters, &side, |parameters| stem(&layer, &input64, parameters));
    let found = run(Call::TrainStem(TrainStem { layer }), &input, &side, &[], parameters.len());
    agree("by weights", &found, &by_weights);
}

const CURVES: [Curve; 6] =
    [Curve::LINEAR, Curve::RELU, Curve::RELU6, Curve::HARD_SWISH, Curve::HARD_SIGMOID, Curve::SLIM_SIGMOID];

#[test]
fn of_bends() {
    for curve in CURVES {
        let mut random = random(30);
        let (pixels, lanes) = (40, 2);
        let (input, side) = (values(&mut random, 320), values(&mut random, 320));
        let mut parameters = values(&mut random, 16);
        // So that both ends of each bend are reached, and none of its corners within a step.
        parameters.iter_mut().skip(4).step_by(8).for_each(|weight| *weight += weight.signum() * 3.0);
        let layer = |input: &[f64]| -> Vec<f64> {
            let parameters = doubles(&parameters);
            let value = |(at, x): (usize, &f64)| {
                let lane = at % 8 / 4 * 8 + at % 4;
                bend(parameters[lane] + x * parameters[lane + 4], curve)
            };
            input.iter().enumerate().map(value).collect()
        };
        let call = Call::TrainAffine(TrainAffine { pixels, lanes, curve });
        agree("forward", &run(call, &input, &[], &parameters, 320), &layer(&doubles(&input)));
        // The kernel stops in front of the weight: by the input it is that much more.
        let by_input = slopes(&input, &side, layer);
        let call = Call::TrainBend(TrainBend { pixels, lanes, curve });
        let mut found = run(call, &input, &side, &parameters, 320);
        found.iter_mut().enumerate().for_each(|(at, value)| *value *= parameters[at % 8 / 4 * 8 + 4 + at % 4]);
        agree(&format!("{curve:?}"), &found, &by_input);
    }
}

const NORM_EPSILON: f64 = 1e-3;

/// Each channel's mean and variance.
fn moments(input: &[f64], channels: usize) -> Vec<[f64; 2]> {
    let pixels = (input.len() / channels) as f64;
    let of = |c: usize| input.iter().skip(c).step_by(channels);
    (0..channels)
        .map(|c| {
            let mean = of(c).sum::<f64>() / pixels;
            [mean, of(c).map(|x| (x - mean).powi(2)).sum::<f64>() / pixels]
        })
        .collect()
}

/// A batch norm with the statistics that are given, or the batch's own.
fn norm(input: &[f64], gamma: &[f64], beta: &[f64], frozen: Option<&[[f64; 2]]>) -> Vec<f64> {
    let own = moments(input, gamma.len());
    let statistics = frozen.unwrap_or(&own);
    let value = |(at, x): (usize, &f64)| {
        let c = at % gamma.len();
        let [mean, variance] = statistics[c];
        (x - mean) / (variance + NORM_EPSILON).sqrt() * gamma[c] + beta[c]
    };
    input.iter().enumerate().map(value).collect()
}

#[test]
fn of_batch_norms() {
    let mut random = random(40);
    let (pixels, lanes, channels) = (21, 2, 8);
    let (input, side) = (values(&mut random, 168), values(&mut random, 168));
    let (gamma, beta) = (values(&mut random, channels), values(&mut random, channels));
    let (input64, gamma64, beta64) = (doubles(&input), doubles(&gamma), doubles(&beta));
    let statistics = moments(&input64, channels);
    let found = run(Call::TrainMoments(TrainMoments { pixels, lanes: lanes.into() }), &input, &[], &[], 16);
    let lay = |values: &dyn Fn(usize) -> Vec<f64>| -> Vec<f64> {
        (0..2)
            .flat_map(|group| (0..2).flat_map(move |which| (0..4).map(move |c| (group * 4 + c, which))))
            .map(|(c, which)| values(c)[which])
            .collect()
    };
    agree("moments", &found, &lay(&|c| statistics[c].to_vec()));

    let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<_>>();
    let deviation = |c: usize| (statistics[c][1] + NORM_EPSILON).sqrt();
    let normalising = single(lay(&|c| vec![-statistics[c][0] / deviation(c), 1.0 / deviation(c)]));
    let sums = run(Call::TrainNorm(TrainNorm { pixels, lanes: lanes.into() }), &input, &side, &normalising, 16);
    let by_beta = slopes(&beta, &side, |beta| norm(&input64, &gamma64, beta, Some(&statistics)));
    let by_gamma = slopes(&gamma, &side, |gamma| norm(&input64, gamma, &beta64, Some(&statistics)));
    agree("by offset and scale", &sums, &lay(&|c| vec![by_beta[c], by_gamma[c]]));

    for frozen in [true, false] {
        let by_input = slopes(&input, &side, |input| norm(input, &gamma64, &beta64, frozen.then_some(&statistics)));
        let mut parameters = Vec::new();
        for group in 0..2 {
            for which in 0..3 {
                parameters.extend((0..4).map(|lane| {
                    let c = group * 4 + lane;
                    let scale = gamma64[c] / deviation(c);
                    let share = if frozen { 0.0 } else { scale / f64::from(pixels) };
                    [
                        -share * (by_beta[c] - statistics[c][0] / deviation(c) * by_gamma[c]),
                        scale,
                        -share * by_gamma[c] / deviation(c),
                    ][which]
                }));
            }
        }
        let call = Call::TrainNormInput(TrainNormInput { pixels, lanes });
        agree("by input", &run(call, &input, &side, &single(parameters), 168), &by_input);
    }
}

#[test]
fn of_gates() {
    let mut random = random(50);
    let (pixels, lanes) = (9, 2);
    let (input, gate, side) = (values(&mut random, 72), values(&mut random, 8), values(&mut random, 72));
    let layer = |input: &[f64], gate: &[f64]| -> Vec<f64> {
        input.iter().enumerate().map(|(at, x)| x * gate[at % 8]).collect()
    };
    let by_gate = slopes(&gate, &side, |gate| layer(&doubles(&input), gate));
    agree("by gate", &run(Call::TrainScale(TrainScale { pixels, lanes }), &input, &side, &[], 8), &by_gate);
    let by_input = slopes(&input, &side, |input| layer(input, &doubles(&gate)));
    agree("by map", &run(Call::Scale(Scale { pixels, lanes }), &side, &gate, &[], 72), &by_input);
}

#[test]
fn of_pools() {
    let mut random = random(60);
    for ([in_height, in_width], [height, width]) in [([4, 5], [4, 5]), ([5, 4], [3, 2])] {
        for max in [0, 1] {
            let input = values(&mut random, (in_height * in_width * 8) as usize);
            let side = values(&mut random, 8);
            let layer = |input: &[f64]| -> Vec<f64> {
                let value = |c: usize| {
                    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (y * in_width + x) as usize));
                    let values = pixels.map(|pixel| input[pixel * 8 + c]);
                    if max == 1 {
                        values.fold(f64::MIN, f64::max)
                    } else {
                        values.sum::<f64>() / f64::from(height * width)
                    }
                };
                (0..8).map(value).collect()
            };
            let p = TrainPool { in_height, in_width, height, width, lanes: 2, max };
            let forward = Call::GlobalPool(GlobalPool { in_width, height, width, lanes: 2, max });
            agree("forward", &run(forward, &input, &[], &[], 8), &layer(&doubles(&input)));
            let by_input = slopes(&input, &side, layer);
            agree("by input", &run(Call::TrainPool(p), &input, &side, &[], input.len()), &by_input);
        }
    }
    // Of several that are the largest each gets its share.
    let input = [6.0, 1.0, 0.0, 0.0, 6.0, 2.0, 0.0, 0.0, 3.0, 2.0, 0.0, 1.0];
    let p = TrainPool { in_height: 1, in_width: 3, height: 1, width: 3, lanes: 1, max: 1 };
    let found = run(Call::TrainPool(p), &input, &[1.0, 3.0, 6.0, 5.0], &[], 12);
    assert_eq!(found, [0.5, 0.0, 2.0, 0.0, 0.5, 1.5, 2.0, 0.0, 0.0, 1.5, 2.0, 5.0]);
}
