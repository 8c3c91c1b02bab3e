//! The cases of what training needs beside the kernels of inference, over the same edges.

use crate::cases::{Case, DILATED, Random, WINDOWS};
use mobilenet_web::kernels::gradients::{
    BLOCK, Lanes, TrainAffine, TrainBend, TrainDepthwise, TrainDepthwiseInput, TrainMoments, TrainNorm, TrainNormInput,
    TrainPointwise, TrainPool, TrainProduct, TrainScale, TrainStem,
};
use mobilenet_web::kernels::{Call, Conv, Curve, Depthwise};
use mobilenet_web::lane::lanes;

const CURVES: [Curve; 6] =
    [Curve::LINEAR, Curve::RELU, Curve::RELU6, Curve::HARD_SWISH, Curve::HARD_SIGMOID, Curve::SLIM_SIGMOID];

/// One pixel more than a block of sums has.
const PAST_A_BLOCK: usize = BLOCK + 1;

pub(crate) fn cases(cases: &mut Vec<Case>) {
    stem(cases);
    depthwise(cases);
    pointwise(cases);
    channels(cases);
    pool(cases);
}

#[rustfmt::skip]
fn stem(cases: &mut Vec<Case>) {
    for (seed, (name, rows, columns)) in WINDOWS.into_iter().enumerate() {
        for (out_lanes, in_channels) in [(8, 3), (3, 3), (1, 1), (2, 4)] {
            let mut random = Random(0x57e4 + seed as u32);
            let layer = Conv {
                in_height: rows.0, in_width: columns.0, in_channels, out_height: rows.1, out_width: columns.1, out_lanes,
                kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4, curve: Curve::LINEAR,
            };
            cases.push(Case {
                name,
                call: Call::TrainStem(TrainStem { layer }),
                input: random.map((rows.0 * columns.0) as usize, in_channels as usize),
                side: random.map((rows.1 * columns.1) as usize, out_lanes as usize * 4),
                parameters: Vec::new(),
                output_length: layer.parameters(),
            });
        }
    }
}

#[rustfmt::skip]
fn depthwise(cases: &mut Vec<Case>) {
    let plain = WINDOWS.map(|(name, rows, columns)| (name, 1, rows, columns));
    for (seed, (name, dilation, rows, columns)) in plain.into_iter().chain(DILATED).enumerate() {
        for lanes in [1, 2, 7] {
            let mut random = Random(0xde97 + seed as u32);
            let layer = Depthwise {
                in_height: rows.0, in_width: columns.0, out_height: rows.1, out_width: columns.1, lanes,
                kernel: rows.2, stride: rows.3, dilation, pad_top: rows.4, pad_left: columns.4, curve: Curve::LINEAR,
            };
            let (inside, outside) = ((rows.0 * columns.0) as usize, (rows.1 * columns.1) as usize);
            let width = lanes as usize;
            cases.push(Case {
                name,
                call: Call::TrainDepthwise(TrainDepthwise { layer }),
                input: random.map(inside, width * 4),
                side: random.map(outside, width * 4),
                parameters: Vec::new(),
                output_length: layer.parameters(),
            });
            cases.push(Case {
                name,
                call: Call::TrainDepthwiseInput(TrainDepthwiseInput { layer }),
                input: random.map(outside, width * 4),
                side: Vec::new(),
                parameters: random.map(layer.parameters(), 4),
                output_length: inside * width,
            });
        }
    }
}

/// All groups of channels, and, where there are several, one of them and all but one.
fn shares(all: usize) -> impl Iterator<Item = Lanes> {
    let all = all as u32;
    let some = [Lanes { all, first: all / 2, count: 1 }, Lanes { all, first: 1, count: all.saturating_sub(1) }];
    std::iter::once(all.into()).chain(some.into_iter().filter(move |_| all > 1))
}

fn pointwise(cases: &mut Vec<Case>) {
    // (name, pixels, in_channels, out_lanes)
    let shapes = [
        ("channels_lt_4", 5, 3, 1),
        ("channels_not_multiple_of_4", 9, 6, 3),
        ("one_pixel", 1, 16, 4),
        ("odd_lanes", 8, 8, 5),
        ("a_block", BLOCK, 8, 2),
        ("past_a_block", PAST_A_BLOCK, 10, 3),
        ("several_blocks", 3 * BLOCK - 5, 24, 2),
        ("deep", 9, 2 * BLOCK + 3, 3),
    ];
    for (seed, (name, pixels, in_channels, out_lanes)) in shapes.into_iter().enumerate() {
        let mut random = Random(0x907 + seed as u32);
        let product =
            TrainProduct { pixels: pixels as u32, in_channels: in_channels as u32, out_lanes: out_lanes as u32 };
        cases.push(Case {
            name,
            call: Call::TrainProduct(product),
            input: random.map(pixels, in_channels),
            side: Vec::new(),
            parameters: random.map(out_lanes * (1 + in_channels), 4),
            output_length: pixels * out_lanes,
        });
        for out_lanes in shares(out_lanes) {
            let p = TrainPointwise { pixels: pixels as u32, in_channels: in_channels as u32, out_lanes };
            cases.push(Case {
                name,
                call: Call::TrainPointwise(p),
                input: random.map(pixels, in_channels),
                side: random.map(pixels, out_lanes.all as usize * 4),
                parameters: Vec::new(),
                output_length: out_lanes.count as usize * (1 + in_channels),
            });
        }
    }
}

/// What looks at one channel at a time.
fn channels(cases: &mut Vec<Case>) {
    let shapes = [
        ("one_pixel", 1, 8),
        ("channels_lt_4", 5, 3),
        ("lanes_lt_tile", 49, 12),
        ("lanes_not_multiple_of_tile", 25, 22),
        ("past_a_block", PAST_A_BLOCK, 16),
        ("several_blocks", 3 * BLOCK - 5, 36),
    ];
    let mut random = Random(0xc4a);
    for (name, pixels, channels) in shapes {
        let groups = lanes(channels);
        let mut case = |call, side: usize, parameters: usize, output_length| {
            cases.push(Case {
                name,
                call,
                input: random.map(pixels, channels),
                side: random.map(side, channels),
                parameters: random.map(parameters, 4),
                output_length,
            });
        };
        let (all, lanes) = (pixels * groups, groups as u32);
        let pixels_u32 = pixels as u32;
        for lanes in shares(groups) {
            let length = 2 * lanes.count as usize;
            case(Call::TrainMoments(TrainMoments { pixels: pixels_u32, lanes }), 0, 0, length);
            case(Call::TrainNorm(TrainNorm { pixels: pixels_u32, lanes }), pixels, length, length);
        }
        case(Call::TrainNormInput(TrainNormInput { pixels: pixels_u32, lanes }), pixels, 3 * groups, all);
        case(Call::TrainScale(TrainScale { pixels: pixels_u32, lanes }), pixels, 0, groups);
        for curve in CURVES {
            case(Call::TrainAffine(TrainAffine { pixels: pixels_u32, lanes, curve }), 0, 2 * groups, all);
            case(Call::TrainBend(TrainBend { pixels: pixels_u32, lanes, curve }), pixels, 2 * groups, all);
        }
    }
}

fn pool(cases: &mut Vec<Case>) {
    let mut random = Random(0x9001);
    // (name, map, what counts of it, channels)
    let shapes = [
        ("one_pixel", [1, 1], [1, 1], 8),
        ("odd_map", [7, 7], [7, 7], 12),
        ("upper_left_of_a_map", [8, 9], [7, 7], 6),
        ("one_row", [1, 17], [1, 17], 4),
    ];
    for (name, [in_height, in_width], [height, width], channels) in shapes {
        for max in [0, 1] {
            let lanes = lanes(channels);
            let p = TrainPool { in_height, in_width, height, width, lanes: lanes as u32, max };
            let pixels = (in_height * in_width) as usize;
            let mut input = random.map(pixels, channels);
            // As maps behind a ReLU6 are: many pixels are the largest.
            input.iter_mut().flatten().for_each(|value| *value = value.clamp(-1.0, 1.0));
            cases.push(Case {
                name,
                call: Call::TrainPool(p),
                input,
                side: random.map(1, channels),
                parameters: Vec::new(),
                output_length: pixels * lanes,
            });
        }
    }
}
