//! The cases of kernels that compute in integers.

use crate::Case;
use crate::cases::{Axis, DILATED, Random, WINDOWS};
use mobilenet_web::kernels::Call;
use mobilenet_web::kernels::dots::Dots;
use mobilenet_web::kernels::integers::{
    Eight, HEADER, IntegerAdd, IntegerConv, IntegerDepthwise, IntegerFromFloat, IntegerLookup, IntegerPointwise,
    IntegerPool, IntegerScale, IntegerSoftmax, IntegerToFloat, RESCALES, TABLE, eights,
};
use mobilenet_web::lane::{Vec4, lanes};

/// Integers of eight bits less a zero point, and multiples of what they may be.
const MOST: f32 = 255.0;
/// Where bytes have their zero.
const ZERO: i32 = 121;

/// What can be compared on this machine: all of them where products are this program's own.
fn dots() -> Vec<Dots> {
    if cfg!(target_arch = "wasm32") {
        let mut dots = vec![Dots::Pairs, Dots::of_this_machine()];
        dots.dedup();
        return dots;
    }
    Dots::ALL.to_vec()
}

impl Random {
    fn integer(&mut self, most: f32) -> i32 {
        (self.value() * most).round() as i32
    }

    /// The same of what bytes with a zero point of [`ZERO`] hold.
    fn bytes(&mut self, pixels: usize, channels: usize) -> Vec<Vec4> {
        let mut map = self.integers(pixels, channels);
        for value in bytemuck::cast_slice_mut::<Vec4, i16>(&mut map) {
            *value = (*value).clamp(-ZERO as i16, 255 - ZERO as i16);
        }
        map
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

    /// The parameters of `groups` groups of eight channels whose sums are of about `most`, with `weights` [`Vec4`]s of
    /// weights each.
    fn channels(&mut self, groups: usize, weights: usize, most: f32, (dots, up): (Dots, i32)) -> Vec<Vec4> {
        let mut words = vec![-120, 130, up, 0, dots.code(), ZERO, 0, 0];
        for _ in 0..groups {
            words.extend((0..8).map(|_| self.integer(most)));
            let rescales: Vec<[i32; 2]> = (0..8).map(|_| self.rescale(most)).collect();
            words.extend(rescales.iter().map(|rescale| rescale[0]));
            words.extend(rescales.iter().map(|rescale| rescale[1]));
            for _ in 0..weights * 4 {
                words.push(if dots == Dots::Pairs {
                    bytemuck::cast([0; 2].map(|_| self.integer(MOST) as i16))
                } else {
                    // Two of −128 may be more than machines add up that read values with a sign.
                    bytemuck::cast([0; 4].map(|_| self.integer(127.0) as i8))
                });
            }
        }
        packed(&words)
    }
}

/// What fours have beyond the last channel weighs nothing.
fn clear_spare_channels(in_channels: u32, taps: usize, dots: Dots, parameters: &mut [Vec4]) {
    let channels = in_channels as usize;
    for group in parameters[HEADER..].chunks_exact_mut(dots.group(channels, taps)).filter(|_| dots != Dots::Pairs) {
        let fours: &mut [[[i8; 4]; 8]] = bytemuck::cast_slice_mut(&mut group[RESCALES..]);
        let last =
            fours.iter_mut().skip(channels / 4).step_by(channels.div_ceil(4)).filter(|_| !channels.is_multiple_of(4));
        last.flatten().for_each(|four| four[channels % 4..].fill(0));
    }
}

/// What fours have beyond the last row of the window does not either.
fn clear_spare_rows(p: &IntegerDepthwise, dots: Dots, parameters: &mut [Vec4]) {
    let (kernel, group) = (p.kernel as usize, (p.parameters() - HEADER) / p.eights as usize);
    for group in parameters[HEADER..].chunks_exact_mut(group).filter(|_| dots != Dots::Pairs) {
        let bytes: &mut [i8] = bytemuck::cast_slice_mut(&mut group[RESCALES..]);
        for (row, column) in (kernel..kernel.next_multiple_of(4)).flat_map(|row| (0..kernel).map(move |j| (row, j))) {
            (0..8).for_each(|channel| bytes[p.place(row, column, channel)] = 0);
        }
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
        for (groups, dots, up) in dots().into_iter().flat_map(|dots| [(1, dots, 0), (2, dots, 1), (5, dots, 0)]) {
            let p = IntegerDepthwise {
                in_height: rows.0, in_width: columns.0, out_height: rows.1, out_width: columns.1, eights: groups,
                kernel: rows.2, stride: rows.3, dilation, pad_top: rows.4, pad_left: columns.4,
            };
            let dots = if p.takes_fours() { dots } else { Dots::Pairs };
            let weights = (rows.2 * rows.2) as usize;
            let mut parameters = random.channels(groups as usize, weights, 3e5, (dots, up));
            clear_spare_rows(&p, dots, &mut parameters);
            assert_eq!(parameters.len(), p.parameters());
            cases.push(Case {
                name, call: Call::IntegerDepthwise(p), input: random.bytes(before, groups as usize * 8),
                side: Vec::new(), parameters, output_length: after * groups as usize,
            });
        }
        let shapes = [(3, 4, 1), (1, 1, 0), (12, 2, 1)].into_iter().filter(|_| dilation == 1);
        for (dots, (in_channels, out_eights, up)) in shapes.flat_map(|shape| dots().into_iter().map(move |dots| (dots, shape))) {
            let p = IntegerConv {
                in_height: rows.0, in_width: columns.0, in_channels, out_height: rows.1, out_width: columns.1,
                out_eights, kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4,
            };
            let dots = if p.takes_fours() { dots } else { Dots::Pairs };
            let weights = dots.group(in_channels as usize, (rows.2 * rows.2) as usize) - RESCALES;
            let mut parameters = random.channels(out_eights as usize, weights, 5e5, (dots, up));
            clear_spare_channels(in_channels, (rows.2 * rows.2) as usize, dots, &mut parameters);
            assert!(parameters.len() <= p.parameters());
            cases.push(Case {
                name, call: Call::IntegerConv(p), input: random.bytes(before, in_channels as usize),
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
        for (dots, up) in dots().into_iter().flat_map(|dots| [(dots, 0), (dots, 1)]) {
            let mut random = Random(0x901 + seed as u32);
            let p = IntegerPointwise { pixels, in_channels, out_eights };
            let dots = if p.takes_fours() { dots } else { Dots::Pairs };
            let weights = dots.group(in_channels as usize, 1) - RESCALES;
            let most = MOST * MOST * (in_channels as f32).sqrt();
            let mut parameters = random.channels(out_eights as usize, weights, most, (dots, up));
            clear_spare_channels(in_channels, 1, dots, &mut parameters);
            assert!(parameters.len() <= p.parameters());
            cases.push(Case {
                name, call: Call::IntegerPointwise(p), input: random.bytes(pixels as usize, in_channels as usize),
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
        let mut case = |call, input, parameters, output_length| {
            cases.push(Case { name, call, input, side: Vec::new(), parameters, output_length });
        };
        let (from, to) = (IntegerFromFloat { pixels, channels }, IntegerToFloat { pixels, channels });
        case(Call::IntegerFromFloat(from), random.map(count, width), vec![header(0.0117)], count * eights(width));
        let scales = random.map(1, width);
        case(Call::IntegerToFloat(to), random.integers(count, width), scales, count * lanes(width));
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
