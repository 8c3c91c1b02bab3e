//! What integer kernels do to one number: shared by both bodies where neither has anything to gain.

use crate::fixed::{Rescale, Sum, Ties, mean};
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, IntegerPool, TABLE, map, words};
use crate::lane::{F32x4, Vec4};
use crate::rounding::{ProductOfEight, SumOfEight};

fn bounds(low: i32, high: i32) -> Bounds {
    Bounds { low, high, ties: Ties::Away }
}

/// A sum of two integers, clamped.
#[derive(Clone, Copy)]
pub(crate) struct Sums {
    bounds: Bounds,
    sum: Sum,
}

impl Sums {
    pub(crate) fn new(parameters: &[Vec4]) -> Self {
        let [low, high, multiplier, shift] = parameters[0].map(|word| word.to_bits().cast_signed());
        let [a, shift_a, b, shift_b] = parameters[1].map(|word| word.to_bits().cast_signed());
        let sides = [Rescale { multiplier: a, shift: shift_a }, Rescale { multiplier: b, shift: shift_b }];
        Self { bounds: bounds(low, high), sum: Sum { output: Rescale { multiplier, shift }, sides } }
    }

    #[cfg(feature = "reference")]
    #[inline(always)]
    pub(crate) fn of(self, a: i16, b: i16) -> i16 {
        self.bounds.clamp(self.sum.apply(a.into(), b.into()))
    }

    pub(crate) fn in_registers(self) -> SumOfEight {
        SumOfEight::new(self.sum, self.bounds)
    }
}

/// A product of two integers.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    bounds: Bounds,
    rescale: Rescale,
}

impl Product {
    pub(crate) fn new(parameters: &[Vec4]) -> Self {
        let [low, high, multiplier, shift] = parameters[0].map(|word| word.to_bits().cast_signed());
        Self { bounds: bounds(low, high), rescale: Rescale { multiplier, shift } }
    }

    #[cfg(feature = "reference")]
    #[inline(always)]
    pub(crate) fn of(self, a: i16, b: i16) -> i16 {
        self.bounds.output(i32::from(a) * i32::from(b), self.rescale)
    }

    pub(crate) fn in_registers(self) -> ProductOfEight {
        ProductOfEight::new(self.rescale, self.bounds)
    }
}

/// A sum of integers as their mean.
#[derive(Clone, Copy)]
pub(crate) struct Mean {
    bounds: Bounds,
    zeros: i32,
    offset: i32,
    count: i32,
    rescale: Option<(Rescale, Ties)>,
}

impl Mean {
    pub(crate) fn new(p: &IntegerPool, parameters: &[Vec4]) -> Self {
        let [low, high, zeros, offset] = parameters[0].map(|word| word.to_bits().cast_signed());
        let [rescaled, multiplier, shift, _] = parameters[1].map(|word| word.to_bits().cast_signed());
        let count = (p.height * p.width).max(1).cast_signed();
        let ties = if rescaled == 1 { Ties::Up } else { Ties::Away };
        let rescale = (rescaled != 0).then_some((Rescale { multiplier, shift }, ties));
        Self { bounds: bounds(low, high), zeros, offset, count, rescale }
    }

    pub(crate) fn of(self, sum: i32) -> i16 {
        let sum = sum.wrapping_add(self.zeros);
        let mean = self.rescale.map_or_else(|| mean(sum, self.count), |(rescale, ties)| rescale.apply(sum, ties));
        self.bounds.clamp(mean.wrapping_add(self.offset))
    }
}

/// A table of what becomes of integers of eight bits.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    zero: i32,
    table: &'a [i16; TABLE],
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(parameters: &'a [Vec4]) -> Self {
        // A plan's share of the parameters is that long.
        let table = map(&parameters[1..]).as_flattened().first_chunk().unwrap_or(&[0; TABLE]);
        Self { zero: words(parameters)[0], table }
    }

    #[inline(always)]
    #[expect(clippy::cast_sign_loss, reason = "clamped")]
    pub(crate) fn of(self, value: i16) -> i16 {
        self.table[(i32::from(value) + self.zero).clamp(0, TABLE as i32 - 1) as usize]
    }
}

/// A table of exponentials, and what their shares become.
#[derive(Clone, Copy)]
pub(crate) struct Exponentials<'a> {
    quantised: Quantised,
    table: &'a [Vec4],
}

impl<'a> Exponentials<'a> {
    pub(crate) fn new(parameters: &'a [Vec4]) -> Self {
        Self { quantised: Quantised::new(parameters), table: &parameters[1..] }
    }

    #[inline(always)]
    #[expect(clippy::cast_sign_loss, reason = "clamped")]
    pub(crate) fn of(self, value: i16, largest: i16) -> f32 {
        let last = TABLE as i32 - 1;
        let row = (last - (i32::from(largest) - i32::from(value))).clamp(0, last) as usize;
        self.table[row / 4][row % 4]
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped")]
    pub(crate) fn share(self, value: i16, largest: i16, sum: f32) -> i16 {
        let share = self.of(value, largest) * (1.0 / (sum * self.quantised.scale));
        self.quantised.bounds.clamp((share + 0.5) as i32)
    }
}

/// Numbers as integers.
#[derive(Clone, Copy)]
pub(crate) struct Quantised {
    bounds: Bounds,
    scale: f32,
}

impl Quantised {
    pub(crate) fn new(parameters: &[Vec4]) -> Self {
        let [scale, low, high, _] = parameters[0];
        let [low, high] = [low, high].map(|word| word.to_bits().cast_signed());
        Self { bounds: bounds(low, high), scale }
    }

    #[cfg(feature = "reference")]
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped")]
    pub(crate) fn of(self, value: f32) -> i16 {
        self.bounds.clamp((value / self.scale).round() as i32)
    }

    #[inline(always)]
    pub(crate) fn of_four(self, values: F32x4) -> I32x4 {
        I32x4::rounded(values.over(F32x4::splat(self.scale)))
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "bounds of eight bits, less a zero point")]
    pub(crate) fn clamped(self, values: I16x8) -> I16x8 {
        let [low, high] = [self.bounds.low, self.bounds.high].map(|bound| I16x8::load([bound as i16; 8]));
        values.clamp(low, high)
    }
}
