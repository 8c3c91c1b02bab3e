//! Eight sums at once to the integers that [`crate::fixed`] defines.
//!
//! They are computed in single precision, as integers with sixteen bits below the point, which settles all but a few: those
//! within [`DOUBT`] of where the next integer begins are computed again as they are defined. 64-bit products of all of them
//! took three times as long.

use crate::fixed::{HEADROOM, Rescale, Sum, Ties};
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, Channels, Eight};
use crate::lane::F32x4;

/// Bits below the point: the lower half of 32.
const FRACTION: u32 = 16;
/// How many of its last bit one is.
const ONE: f32 = power_of_two(FRACTION.cast_signed());

/// How far such an integer may be off: the sum, its factor and their product are each rounded to 24 bits of a number below
/// 2²⁴, together 3; the result, by 1, and what is cut off, less than 1.
const DOUBT: i32 = 5;
/// As [`DOUBT`], of two products below 2²⁶ each and their sum, together 28, and eight units of the sides' own rounding.
const DOUBT_OF_SUM: i32 = 40;
/// Of a sum's last factor: what [`DOUBT_OF_SUM`] counts on for that rounding.
const MOST_SHIFT_OF_SUM: i32 = -14;
/// Everything is in doubt.
const DOUBT_ALL: i32 = 1 << (FRACTION - 1);
/// Of a sum's factors for its sides: what [`DOUBT_OF_SUM`] counts on.
const GREATEST_FACTOR: f32 = 4.0;

/// Factors of four channels: floats that are near, and what is doubted of them.
#[derive(Clone, Copy)]
struct Near {
    factor: F32x4,
    /// With the doubt, so that what is in doubt lies above where an integer begins.
    offset: F32x4,
    /// Twice.
    doubts: I32x4,
}

/// `2^exponent` of each, of −126 … 127.
#[inline(always)]
fn powers_of_two(exponents: I32x4) -> I32x4 {
    exponents.plus(I32x4::splat(127)).shifted_left::<23>()
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
}

impl Near {
    #[inline(always)]
    fn new(multipliers: I32x4, shifts: I32x4, ties: Ties) -> Self {
        let right = shifts.shifted_right::<31>();
        // Half an integer, and half of what the first rounding leaves.
        let half = powers_of_two(shifts.plus(I32x4::splat(FRACTION.cast_signed() - 1))).and(right).as_floats();
        // Shifts to the left are not for a few bits below the point.
        let left = I32x4::splat(0).minus(shifts).shifted_right::<31>().and(I32x4::splat(DOUBT_ALL));
        // Halves below 0 are rounded the other way, by all that the first rounding leaves.
        let away = if ties == Ties::Away {
            I32x4::truncated(
                powers_of_two(shifts.plus(I32x4::splat(FRACTION.cast_signed())))
                    .as_floats()
                    .clamp(F32x4::splat(0.0), F32x4::splat(DOUBT_ALL as f32)),
            )
        } else {
            I32x4::splat(0)
        };
        let doubt = I32x4::splat(DOUBT).plus(left).plus(away);
        Self {
            factor: multipliers.to_floats()
                * powers_of_two(shifts.plus(I32x4::splat(FRACTION.cast_signed() - 31))).as_floats(),
            offset: F32x4::splat(0.5 * ONE) + half + doubt.to_floats(),
            doubts: doubt.plus(doubt),
        }
    }

    #[inline(always)]
    fn float(&self, sum: I32x4) -> F32x4 {
        self.offset.mul_add(sum.to_floats(), self.factor)
    }
}

/// Least and greatest output in registers.
#[derive(Clone, Copy)]
struct Limits {
    low: I16x8,
    /// Far from where an integer begins, so that nothing above is in doubt.
    high: F32x4,
}

impl Limits {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "nine bits")]
    fn new(bounds: Bounds) -> Self {
        Self { low: I16x8::load([bounds.low as i16; 8]), high: F32x4::splat((bounds.high as f32 + 0.5) * ONE) }
    }

    /// The integers of eight floats, and their bits below the point: less than twice their doubt, they are in doubt.
    #[inline(always)]
    fn near(self, floats: [F32x4; 2]) -> (Eight, Fractions) {
        // What is far below stays so: the least of 32 bits.
        let fixed = floats.map(|float| I32x4::truncated(float.at_most(self.high)));
        let integers = I16x8::narrowed(fixed.map(I32x4::shifted_right::<FRACTION>));
        (integers.at_least(self.low).store(), Fractions(fixed))
    }
}

/// What lies below the point of eight numbers, or the least of several of them: the lower halves.
#[derive(Clone, Copy)]
pub(crate) struct Fractions([I32x4; 2]);

impl Fractions {
    /// The lesser of both.
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        Self([self.0[0].min_halves(other.0[0]), self.0[1].min_halves(other.0[1])])
    }

    /// Whether any is in doubt.
    #[inline(always)]
    fn are_doubtful(self, [low, high]: [I32x4; 2]) -> bool {
        let [first, second] = self.0.map(|fixed| fixed.and(I32x4::splat((1 << FRACTION) - 1)));
        first.minus(low).or(second.minus(high)).any_negative()
    }
}

/// How sums of eight channels begin and become outputs.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a> {
    pub(crate) biases: [I32x4; 2],
    near: [Near; 2],
    limits: Limits,
    pub(crate) channels: Channels<'a>,
    bounds: Bounds,
}

impl<'a> Outputs<'a> {
    pub(crate) fn new(channels: &Channels<'a>, bounds: Bounds) -> Self {
        let load = |words: &[i32], half: usize| I32x4::load(std::array::from_fn(|i| words[half * 4 + i]));
        let near = |half| Near::new(load(channels.multipliers, half), load(channels.shifts, half), bounds.ties);
        let limits = Limits::new(bounds);
        Self {
            biases: [0, 1].map(|half| load(channels.biases, half)),
            near: [near(0), near(1)],
            limits,
            channels: *channels,
            bounds,
        }
    }

    /// What sums become, and what tells whether they are in doubt.
    #[inline(always)]
    pub(crate) fn near(&self, [first, second]: [I32x4; 2]) -> (Eight, Fractions) {
        self.limits.near([self.near[0].float(first), self.near[1].float(second)])
    }

    #[inline(always)]
    pub(crate) fn are_doubtful(&self, fractions: Fractions) -> bool {
        fractions.are_doubtful([self.near[0].doubts, self.near[1].doubts])
    }

    #[inline(always)]
    pub(crate) fn of(&self, sums: [I32x4; 2]) -> Eight {
        let (integers, fractions) = self.near(sums);
        if self.are_doubtful(fractions) { exact(&self.channels, self.bounds, sums) } else { integers }
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
    doubts: I32x4,
    limits: Limits,
}

impl SumOfEight {
    pub(crate) fn new(sum: Sum, bounds: Bounds) -> Self {
        let output = sum.output.near() * power_of_two(HEADROOM.cast_signed());
        let factors = sum.sides.map(|side| side.near() * output * ONE);
        let small =
            factors.iter().all(|&factor| factor < GREATEST_FACTOR * ONE) && sum.output.shift < MOST_SHIFT_OF_SUM;
        let doubt = if small { DOUBT_OF_SUM } else { DOUBT_ALL };
        Self {
            sum,
            bounds,
            factors: factors.map(F32x4::splat),
            offset: F32x4::splat(0.5 * ONE + doubt as f32),
            doubts: I32x4::splat(2 * doubt),
            limits: Limits::new(bounds),
        }
    }

    #[inline(always)]
    pub(crate) fn of(&self, a: Eight, b: Eight) -> Eight {
        let floats = |values: Eight| I16x8::load(values).widened().map(I32x4::to_floats);
        let ([a_low, a_high], [b_low, b_high]) = (floats(a), floats(b));
        let sum = |a, b| self.offset.mul_add(a, self.factors[0]).mul_add(b, self.factors[1]);
        let (integers, fractions) = self.limits.near([sum(a_low, b_low), sum(a_high, b_high)]);
        if fractions.are_doubtful([self.doubts; 2]) { self.exact(a, b) } else { integers }
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
        let near = Near::new(I32x4::splat(rescale.multiplier), I32x4::splat(rescale.shift), Ties::Away);
        Self { rescale, bounds, near, limits: Limits::new(bounds) }
    }

    #[inline(always)]
    pub(crate) fn of(&self, a: Eight, b: Eight) -> Eight {
        let products = I16x8::load(a).times(I16x8::load(b));
        let (integers, fractions) = self.limits.near(products.map(|product| self.near.float(product)));
        if fractions.are_doubtful([self.near.doubts; 2]) { self.exact(products) } else { integers }
    }

    #[cold]
    #[inline(never)]
    fn exact(&self, products: [I32x4; 2]) -> Eight {
        let products: [i32; 8] = bytemuck::cast(products.map(I32x4::store));
        products.map(|product| self.bounds.output(product, self.rescale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums that end within a few units of where an integer begins, and others.
    fn sums(rescale: Rescale) -> impl Iterator<Item = i32> {
        let factor = f64::from(rescale.multiplier) * 2_f64.powi(rescale.shift - 31);
        let near = (-140..140).flat_map(move |integer| {
            let begins = ((f64::from(integer) + 0.5) / factor).clamp(-2e9, 2e9) as i32;
            (-3..=3).map(move |units| begins.wrapping_add(units))
        });
        near.chain([0, 1, -1, i32::MAX, i32::MIN, 1 << 24, -1 << 24])
    }

    #[test]
    fn eight_sums_are_rescaled_as_each_is() {
        for ties in [Ties::Up, Ties::Away] {
            let bounds = Bounds { low: -128, high: 127, ties };
            for step in 0..1200_i32 {
                let shift = 3 - step % 34;
                let multiplier = (1 << 30) + step.wrapping_mul(0x09e3_779b).rem_euclid(1 << 30);
                let rescale = Rescale { multiplier, shift };
                let (biases, multipliers, shifts) = ([0; 8], [multiplier; 8], [shift; 8]);
                let channels = Channels { biases: &biases, multipliers: &multipliers, shifts: &shifts, weights: &[] };
                let outputs = Outputs::new(&channels, bounds);
                for sum in sums(rescale) {
                    let expected = [bounds.output(sum, rescale); 8];
                    assert_eq!(outputs.of([I32x4::splat(sum); 2]), expected, "{sum} by {rescale:?}, {ties:?}");
                }
            }
        }
    }

    #[test]
    fn sums_of_two_maps_are_what_each_is() {
        let bounds = Bounds { low: -128, high: 127, ties: Ties::Away };
        for (a, b, output) in
            [(0.02, 0.03, 0.04), (0.1, 0.011, 0.05), (0.5, 0.5, 0.06), (3.0, 1.0, 0.01), (0.02, 0.02, 0.02)]
        {
            let sum = Sum::new([a, b], output).expect("factors");
            let eight = SumOfEight::new(sum, bounds);
            for (a, b) in (-255..=255).flat_map(|a| (-255..=255).map(move |b| (a, b))) {
                let expected = [bounds.clamp(sum.apply(a, b)); 8];
                assert_eq!(eight.of([a as i16; 8], [b as i16; 8]), expected, "{a} and {b} by {sum:?}");
            }
        }
    }

    #[test]
    fn products_of_two_maps_are_what_each_is() {
        let bounds = Bounds { low: -120, high: 130, ties: Ties::Away };
        for factor in [0.003, 0.0078125, 0.02, 0.9, 1.5] {
            let rescale = Rescale::new(factor).expect("a factor");
            let eight = ProductOfEight::new(rescale, bounds);
            for (a, b) in (-255..=255).flat_map(|a| (-255..=255).map(move |b| (a, b))) {
                let expected = [bounds.output(a * b, rescale); 8];
                assert_eq!(eight.of([a as i16; 8], [b as i16; 8]), expected, "{a} and {b} by {factor}");
            }
        }
    }
}
