//! The cases of kernels that compute in integers.

use crate::Case;
use crate::cases::{Axis, DILATED, Random, WINDOWS};
use mobilenet_web::kernels::Call;
use mobilenet_web::kernels::integers::{
    Eight, IntegerAdd, IntegerConv, IntegerDepthwise, IntegerFromFloat, IntegerLookup, IntegerPointwise, IntegerPool,
    IntegerScale, IntegerSoftmax, IntegerToFloat, TABLE, eights,
};
use mobilenet_web::lane::{Vec4, lanes};

/// Integers of eight bits less a zero point, and multiples of what they may be.
const MOST: f32 = 255.0;

impl Random {
    fn integer(&mut self, most: f32) -> i32 {
        (self.value() * most).round() as i32
    }

    /// `pixels` pixels of `channels` channels, padded to whole eights.
    fn integers(&mut self, pixels: usize, channels: usize) -> Vec<Vec4> {
        let mut map: Vec<Eight> = vec![[0; 8]; pixels * eights(channels)];
        for (at, value) in map.as_flattened_mut().iter_mut().enumerate() {
            if at % (eights(channels) * 8) < channels {
                *value = self.integer(MOST) as i16;
            }
        }
        bytemuck::cast_slice(&map).to_vec()
    }

    /// A multiplier, and a shift that brings sums of about `most` near eight bits: some of them to the left.
    fn rescale(&mut self, most: f32) -> [i32; 2] {
        let shift = self.integer(2.0) - (most / MOST).log2() as i32;
        [(1 << 30) + self.integer(1e9).abs(), shift.clamp(-30, 3)]
    }

    /// The parameters of `groups` groups of eight channels whose sums are of about `most`, with `weights` weights each.
    fn channels(&mut self, groups: usize, weights: usize, most: f32, up: i32) -> Vec<Vec4> {
        let mut words = vec![-120, 130, up, 0];
        for _ in 0..groups {
            words.extend((0..8).map(|_| self.integer(most)));
            let rescales: Vec<[i32; 2]> = (0..8).map(|_| self.rescale(most)).collect();
            words.extend(rescales.iter().map(|rescale| rescale[0]));
            words.extend(rescales.iter().map(|rescale| rescale[1]));
            let mut weight = || self.integer(MOST) as u16;
            words.extend((0..weights * 4).map(|_| (u32::from(weight()) | u32::from(weight()) << 16).cast_signed()));
        }
        packed(&words)
    }
}

fn packed(words: &[i32]) -> Vec<Vec4> {
    bytemuck::cast_slice(words).as_chunks().0.to_vec()
}

/// Every case of every kernel of integers.
pub fn cases(cases: &mut Vec<Case>) {
    convolutions(cases);
    vectors(cases);
    floats(cases);
}

#[rustfmt::skip]
fn convolutions(cases: &mut Vec<Case>) {
    let plain = WINDOWS.map(|(name, rows, columns)| (name, 1, rows, columns));
    for (seed, (name, dilation, rows, columns)) in plain.into_iter().chain(DILATED).enumerate() {
        let mut random = Random(0xdee9 + seed as u32);
        let pixels = |at: fn(&Axis) -> u32| (at(&rows) * at(&columns)) as usize;
        let (before, after) = (pixels(|axis| axis.0), pixels(|axis| axis.1));
        for (groups, up) in [(1, 0), (2, 1), (5, 0)] {
            let p = IntegerDepthwise {
                in_height: rows.0, in_width: columns.0, out_height: rows.1, out_width: columns.1, eights: groups,
                kernel: rows.2, stride: rows.3, dilation, pad_top: rows.4, pad_left: columns.4,
            };
            let weights = (rows.2 * rows.2) as usize;
            let parameters = random.channels(groups as usize, weights, 3e5, up);
            assert_eq!(parameters.len(), p.parameters());
            cases.push(Case {
                name, call: Call::IntegerDepthwise(p), input: random.integers(before, groups as usize * 8),
                side: Vec::new(), parameters, output_length: after * groups as usize,
            });
        }
        for (in_channels, out_eights, up) in [(3, 4, 1), (1, 1, 0), (12, 2, 1)].into_iter().filter(|_| dilation == 1) {
            let p = IntegerConv {
                in_height: rows.0, in_width: columns.0, in_channels, out_height: rows.1, out_width: columns.1,
                out_eights, kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4,
            };
            let weights = (rows.2 * rows.2 * in_channels.div_ceil(2) * 2) as usize;
            let parameters = random.channels(out_eights as usize, weights, 5e5, up);
            assert_eq!(parameters.len(), p.parameters());
            cases.push(Case {
                name, call: Call::IntegerConv(p), input: random.integers(before, in_channels as usize),
                side: Vec::new(), parameters, output_length: after * out_eights as usize,
            });
        }
    }
    // (name, pixels, in_channels, out_eights)
    let shapes = [
        ("channels_lt_8", 5, 3, 1), ("channels_not_multiple_of_8", 9, 12, 3), ("one_pixel", 1, 16, 4),
        ("pixels_not_multiple_of_tile", 7, 8, 2), ("several_blocks", 1400, 24, 3), ("block_of_one_tile", 9, 3000, 2),
        ("whole_tiles", 16, 32, 8), ("1001_classes", 1, 20, 126),
    ];
    for (seed, (name, pixels, in_channels, out_eights)) in shapes.into_iter().enumerate() {
        for up in [0, 1] {
            let mut random = Random(0x901 + seed as u32);
            let p = IntegerPointwise { pixels, in_channels, out_eights };
            let weights = in_channels.div_ceil(2) as usize * 2;
            let most = MOST * MOST * (in_channels as f32).sqrt();
            let parameters = random.channels(out_eights as usize, weights, most, up);
            assert_eq!(parameters.len(), p.parameters());
            cases.push(Case {
                name, call: Call::IntegerPointwise(p), input: random.integers(pixels as usize, in_channels as usize),
                side: Vec::new(), parameters, output_length: (pixels * out_eights) as usize,
            });
        }
    }
}

fn vectors(cases: &mut Vec<Case>) {
    let mut random = Random(0xadd);
    for (name, count) in [("one", 1), ("odd_count", 21), ("several_scales", 300)] {
        let mut words = vec![-128, 127];
        // Sides are at most one half of themselves; the sum loses the bits that they were given.
        words.extend([(1 << 30) + random.integer(1e9).abs(), -18 - random.integer(1.0).abs()]);
        words.extend([1 << 30, 0, (1 << 30) + random.integer(1e9).abs(), -1 - random.integer(3.0).abs()]);
        let [input, side] = [0; 2].map(|_| random.integers(count, 8));
        let (call, parameters) = (Call::IntegerAdd(IntegerAdd { count: count as u32 }), packed(&words));
        cases.push(Case { name, call, input, side, parameters, output_length: count });
    }
    let shapes = [("one_pixel", 1, 16), ("odd_map", 49, 24), ("channels_lt_8", 5, 3), ("channels_not_8", 196, 36)];
    for (name, pixels, channels) in shapes {
        let (count, width) = (pixels as usize, eights(channels));
        let [multiplier, shift] = random.rescale(MOST * MOST);
        cases.push(Case {
            name,
            call: Call::IntegerScale(IntegerScale { pixels, eights: width as u32 }),
            input: random.integers(count, channels),
            side: random.integers(1, channels),
            parameters: packed(&[-128, 127, multiplier, shift]),
            output_length: count * width,
        });
        for (rule, (in_width, height, across)) in
            [(0, (pixels, 1, pixels)), (1, (pixels, 3, pixels.min(7))), (2, (pixels, 4, pixels))]
        {
            let of = (height * across) as i32;
            let p = IntegerPool { in_width, height, width: across, channels: channels as u32 };
            let [multiplier, shift] = random.rescale(MOST * of as f32);
            let words = [-100, 90, of * 113, -113, rule, multiplier, shift, 0];
            let input = random.integers(count * 4, channels);
            let (call, parameters) = (Call::IntegerPool(p), packed(&words));
            cases.push(Case { name, call, input, side: Vec::new(), parameters, output_length: width });
        }
        let mut words = vec![128, 0, 0, 0];
        let mut row = || random.integer(MOST) as u16;
        words.extend((0..TABLE / 2).map(|_| (u32::from(row()) | u32::from(row()) << 16).cast_signed()));
        cases.push(Case {
            name,
            call: Call::IntegerLookup(IntegerLookup { pixels, channels: channels as u32 }),
            input: random.integers(count, channels),
            side: Vec::new(),
            parameters: packed(&words),
            output_length: count * width,
        });
    }
}

fn floats(cases: &mut Vec<Case>) {
    let mut random = Random(0xf10a);
    let header = |scale: f32| [scale, f32::from_bits((-128_i32).cast_unsigned()), f32::from_bits(127), 0.0];
    for (name, pixels, channels) in [("picture", 49, 3), ("one_pixel", 1, 4), ("channels_not_8", 9, 13)] {
        let (count, width) = (pixels as usize, channels as usize);
        let mut case = |call, input, output_length| {
            cases.push(Case { name, call, input, side: Vec::new(), parameters: vec![header(0.0117)], output_length });
        };
        let (from, to) = (IntegerFromFloat { pixels, channels }, IntegerToFloat { pixels, channels });
        case(Call::IntegerFromFloat(from), random.map(count, width), count * eights(width));
        case(Call::IntegerToFloat(to), random.integers(count, width), count * lanes(width));
    }
    for (name, classes) in [("one_class", 1), ("two_classes", 2), ("1001_classes", 1001), ("whole_eights", 1000)] {
        let mut parameters = vec![header(1.0 / 256.0)];
        let exponential = |row: usize| (-0.07 * (TABLE - 1 - row) as f32).exp();
        parameters.extend((0..TABLE / 4).map(|group| std::array::from_fn(|lane| exponential(group * 4 + lane))));
        cases.push(Case {
            name,
            call: Call::IntegerSoftmax(IntegerSoftmax { classes: classes as u32 }),
            input: random.integers(1, classes),
            side: Vec::new(),
            parameters,
            output_length: eights(classes),
        });
    }
}
