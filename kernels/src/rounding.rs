//! Eight sums at once to the integers that [`crate::fixed`] defines.
//!
//! They are computed in single precision with fourteen bits below the point, which settles all but a few: those within
//! [`DOUBT`] of where the next integer begins are computed again as they are defined. 64-bit products of all of them
//! took three times as long.

use crate::fixed::{HEADROOM, Rescale, Sum, Ties};
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, Channels, Eight};
use crate::lane::F32x4;

/// Bits below the point of floats from 512 to 1024.
const FRACTION: u32 = 14;
/// What is added to an integer of nine bits, so that it is such a float.
const MIDDLE: f32 = 768.0;
/// The bits of a float above those of the fraction, less the integer.
const EXPONENT: i32 = (MIDDLE.to_bits() >> FRACTION).cast_signed();

/// How far a float may be off, in units of its last bit: the sum, its factor and their product are each rounded to 24 bits
/// of a number below 256, together 0.75; what is added and the result, half a unit each.
const DOUBT: i32 = 2;
/// As [`DOUBT`], of two products below 1024 each, their sum, and two whole units of the sides' own rounding.
const DOUBT_OF_SUM: i32 = 10;
/// Everything is in doubt.
const DOUBT_ALL: i32 = 1 << (FRACTION - 1);
/// Of a sum's factors for its sides: what [`DOUBT_OF_SUM`] counts on.
const GREATEST_FACTOR: f32 = 4.0;

/// Factors of four channels: floats that are near, and what is doubted of them.
#[derive(Clone, Copy)]
struct Near {
    factor: F32x4,
    offset: F32x4,
    doubt: I32x4,
}

/// `2^exponent`, of −126 … 127.
const fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent) << 23).cast_unsigned())
}

impl Rescale {
    #[expect(clippy::cast_precision_loss, reason = "as near as 24 bits come")]
    fn near(self) -> f32 {
        self.multiplier as f32 * power_of_two(self.shift - 31)
    }

    /// Units of the fraction that are in doubt since halves below 0 are rounded the other way; the rounding to 31 bits is
    /// part of the offset.
    fn doubt(self, ties: Ties) -> i32 {
        match (self.shift, ties) {
            (1.., _) => DOUBT_ALL,
            (_, Ties::Up) => DOUBT,
            (shift, Ties::Away) => DOUBT + (DOUBT_ALL >> (-shift - 1).clamp(0, 30)),
        }
    }

    /// Half an integer, and half of what the first rounding leaves.
    fn offset(self) -> f32 {
        MIDDLE + 0.5 + if self.shift < 0 { power_of_two(self.shift - 1) } else { 0.0 }
    }
}

impl Near {
    #[inline(always)]
    fn new(rescales: [Rescale; 4], ties: Ties) -> Self {
        Self {
            factor: F32x4::load(rescales.map(Rescale::near)),
            offset: F32x4::load(rescales.map(Rescale::offset)),
            doubt: I32x4::load(rescales.map(|rescale| rescale.doubt(ties))),
        }
    }
}

/// Least and greatest output in registers, as floats of [`FRACTION`] bits.
#[derive(Clone, Copy)]
struct Limits {
    low: F32x4,
    high: F32x4,
}

impl Limits {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "nine bits")]
    fn new(bounds: Bounds) -> Self {
        let [low, high] = [bounds.low, bounds.high].map(|bound| F32x4::splat(MIDDLE + 0.5 + bound as f32));
        Self { low, high }
    }

    /// The integers of eight floats; none where one of them is in doubt.
    #[inline(always)]
    fn integers(self, floats: [F32x4; 2], doubts: [I32x4; 2]) -> Option<Eight> {
        let bits = floats.map(|float| I32x4::from_bits(float.clamp(self.low, self.high)));
        let mask = I32x4::splat((1 << FRACTION) - 1);
        // Below 0 is what lies less than the doubt to either side of an integer.
        let [low, high] = [0, 1].map(|half| {
            let doubt: I32x4 = doubts[half];
            bits[half].plus(doubt).and(mask).minus(doubt.plus(doubt))
        });
        if low.or(high).any_negative() {
            return None;
        }
        Some(I16x8::narrowed(bits.map(|bits| bits.shifted_right::<FRACTION>().minus(I32x4::splat(EXPONENT)))).store())
    }
}

/// How sums of eight channels begin and become outputs.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a> {
    pub(crate) biases: [I32x4; 2],
    near: [Near; 2],
    limits: Limits,
    channels: Channels<'a>,
    bounds: Bounds,
}

impl<'a> Outputs<'a> {
    pub(crate) fn new(channels: &Channels<'a>, bounds: Bounds) -> Self {
        let biases = |half: usize| I32x4::load(std::array::from_fn(|i| channels.biases[half * 4 + i]));
        let near = |half: usize| Near::new(std::array::from_fn(|i| channels.rescale(half * 4 + i)), bounds.ties);
        let limits = Limits::new(bounds);
        Self { biases: [biases(0), biases(1)], near: [near(0), near(1)], limits, channels: *channels, bounds }
    }

    #[inline(always)]
    pub(crate) fn of(&self, sums: [I32x4; 2]) -> Eight {
        let [low, high] = &self.near;
        let float = |sum: I32x4, near: &Near| near.offset.mul_add(sum.to_floats(), near.factor);
        match self.limits.integers([float(sums[0], low), float(sums[1], high)], [low.doubt, high.doubt]) {
            Some(integers) => integers,
            None => exact(&self.channels, self.bounds, sums),
        }
    }
}

#[cold]
#[inline(never)]
fn exact(channels: &Channels<'_>, bounds: Bounds, sums: [I32x4; 2]) -> Eight {
    let sums: [i32; 8] = bytemuck::cast(sums.map(I32x4::store));
    std::array::from_fn(|i| bounds.output(sums[i], channels.rescale(i)))
}

/// A sum of two maps in registers.
#[derive(Clone, Copy)]
pub(crate) struct SumOfEight {
    sum: Sum,
    bounds: Bounds,
    factors: [F32x4; 2],
    offset: F32x4,
    doubts: [I32x4; 2],
    limits: Limits,
}

impl SumOfEight {
    pub(crate) fn new(sum: Sum, bounds: Bounds) -> Self {
        let output = sum.output.near() * power_of_two(HEADROOM.cast_signed());
        let factors = sum.sides.map(|side| side.near() * output);
        let small = factors.iter().all(|&factor| factor < GREATEST_FACTOR) && sum.output.shift < -FRACTION.cast_signed();
        Self {
            sum,
            bounds,
            factors: factors.map(F32x4::splat),
            offset: F32x4::splat(MIDDLE + 0.5),
            doubts: [I32x4::splat(if small { DOUBT_OF_SUM } else { DOUBT_ALL }); 2],
            limits: Limits::new(bounds),
        }
    }

    #[inline(always)]
    pub(crate) fn of(&self, a: Eight, b: Eight) -> Eight {
        let floats = |values: Eight| I16x8::load(values).widened().map(I32x4::to_floats);
        let ([a_low, a_high], [b_low, b_high]) = (floats(a), floats(b));
        let sum = |a, b| self.offset.mul_add(a, self.factors[0]).mul_add(b, self.factors[1]);
        match self.limits.integers([sum(a_low, b_low), sum(a_high, b_high)], self.doubts) {
            Some(integers) => integers,
            None => self.exact(a, b),
        }
    }

    #[cold]
    #[inline(never)]
    fn exact(&self, a: Eight, b: Eight) -> Eight {
        std::array::from_fn(|i| self.bounds.clamp(self.sum.apply(a[i].into(), b[i].into())))
    }
}

/// A product of two maps in registers.
#[derive(Clone, Copy)]
pub(crate) struct ProductOfEight {
    rescale: Rescale,
    bounds: Bounds,
    near: Near,
    limits: Limits,
}

impl ProductOfEight {
    pub(crate) fn new(rescale: Rescale, bounds: Bounds) -> Self {
        Self { rescale, bounds, near: Near::new([rescale; 4], Ties::Away), limits: Limits::new(bounds) }
    }

    #[inline(always)]
    pub(crate) fn of(&self, a: Eight, b: Eight) -> Eight {
        let products = I16x8::load(a).times(I16x8::load(b));
        let floats = products.map(|product| self.near.offset.mul_add(product.to_floats(), self.near.factor));
        match self.limits.integers(floats, [self.near.doubt; 2]) {
            Some(integers) => integers,
            None => self.exact(products),
        }
    }

    #[cold]
    #[inline(never)]
    fn exact(&self, products: [I32x4; 2]) -> Eight {
        let products: [i32; 8] = bytemuck::cast(products.map(I32x4::store));
        products.map(|product| self.bounds.output(product, self.rescale))
    }
}
