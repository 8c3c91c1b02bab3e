//! Eight integers of 16 bits and four of 32: wasm's `v128`, or arrays that the native compiler turns into registers.

use crate::fixed::{HEADROOM, Rescale, Sum, Ties};
use crate::integers::{Bounds, Channels, Eight};

/// Eight integers of 16 bits in a register.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy)]
pub(crate) struct I16x8(core::arch::wasm32::v128);

/// Eight integers of 16 bits in a register.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub(crate) struct I16x8([i16; 8]);

/// Four integers of 32 bits in a register; sums wrap.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy)]
pub(crate) struct I32x4(core::arch::wasm32::v128);

/// Four integers of 32 bits in a register; sums wrap.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub(crate) struct I32x4([i32; 4]);

#[cfg(target_arch = "wasm32")]
mod body {
    use super::{Eight, I16x8, I32x4};
    use core::arch::wasm32::{
        i16x8_narrow_i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8,
        i32x4_extmul_high_i16x8, i32x4_extmul_low_i16x8, i32x4_max, i32x4_min, i32x4_mul, i32x4_shl, i32x4_shr,
        i32x4_shuffle, i32x4_splat, i32x4_trunc_sat_f32x4, i64x2_add, i64x2_extmul_high_i32x4, i64x2_extmul_low_i32x4,
        i64x2_splat, u64x2_shr, v128_and, v128_xor,
    };

    impl I16x8 {
        #[inline(always)]
        pub(crate) fn load(v: Eight) -> Self {
            Self(bytemuck::cast(v))
        }

        #[inline(always)]
        pub(crate) fn store(self) -> Eight {
            bytemuck::cast(self.0)
        }

        /// Two neighbours, four times.
        #[inline(always)]
        pub(crate) fn splat_pair(pair: i32) -> Self {
            Self(i32x4_splat(pair))
        }

        /// Sums of products of neighbours.
        #[inline(always)]
        pub(crate) fn dot(self, other: Self) -> I32x4 {
            I32x4(i32x4_dot_i16x8(self.0, other.0))
        }

        /// Products of the lower four and of the upper four.
        #[inline(always)]
        pub(crate) fn times(self, other: Self) -> [I32x4; 2] {
            [I32x4(i32x4_extmul_low_i16x8(self.0, other.0)), I32x4(i32x4_extmul_high_i16x8(self.0, other.0))]
        }

        /// The lower four and the upper four.
        #[inline(always)]
        pub(crate) fn widened(self) -> [I32x4; 2] {
            [I32x4(i32x4_extend_low_i16x8(self.0)), I32x4(i32x4_extend_high_i16x8(self.0))]
        }

        /// Integers that fit 16 bits.
        #[inline(always)]
        pub(crate) fn narrowed([low, high]: [I32x4; 2]) -> Self {
            Self(i16x8_narrow_i32x4(low.0, high.0))
        }
    }

    impl I32x4 {
        #[inline(always)]
        pub(crate) fn load(v: [i32; 4]) -> Self {
            Self(bytemuck::cast(v))
        }

        #[inline(always)]
        pub(crate) fn store(self) -> [i32; 4] {
            bytemuck::cast(self.0)
        }

        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            Self(i32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn times(self, other: Self) -> Self {
            Self(i32x4_mul(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
            Self(i32x4_min(i32x4_max(self.0, low.0), high.0))
        }

        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(v128_and(self.0, mask.0))
        }

        /// Rounded down.
        #[inline(always)]
        pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
            Self(i32x4_shr(self.0, BITS))
        }

        /// `2^self`, of 0 … 30: the exponents of floats.
        #[inline(always)]
        pub(crate) fn power_of_two(self) -> Self {
            Self(i32x4_trunc_sat_f32x4(i32x4_shl(i32x4_add(self.0, i32x4_splat(127)), 23)))
        }

        /// `⌊(self · factor + half) / 2^BITS⌋`, of products that need no more than 32 bits then.
        #[inline(always)]
        pub(crate) fn scaled<const BITS: u32>(self, factor: Self, half: i64, opaque: Self) -> Self {
            let half = i64x2_splat(half);
            // Depends on what is multiplied, and changes nothing: a factor known before the loop would be widened before
            // it as well, and 64-bit products of widened factors take browsers three times as long as widening ones.
            let factor = Self(v128_xor(factor.0, v128_and(self.0, opaque.0)));
            // What lies above the lower 32 bits is dropped, so that either shift does.
            let low = u64x2_shr(i64x2_add(i64x2_extmul_low_i32x4(self.0, factor.0), half), BITS);
            let high = u64x2_shr(i64x2_add(i64x2_extmul_high_i32x4(self.0, factor.0), half), BITS);
            Self(i32x4_shuffle::<0, 2, 4, 6>(low, high))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod body {
    use super::{Eight, I16x8, I32x4};
    use std::array::from_fn;

    impl I16x8 {
        #[inline(always)]
        pub(crate) fn load(v: Eight) -> Self {
            Self(v)
        }

        #[inline(always)]
        pub(crate) fn store(self) -> Eight {
            self.0
        }

        /// Two neighbours, four times.
        #[inline(always)]
        pub(crate) fn splat_pair(pair: i32) -> Self {
            let pair: [i16; 2] = bytemuck::cast(pair);
            Self(from_fn(|i| pair[i % 2]))
        }

        /// Sums of products of neighbours.
        #[inline(always)]
        pub(crate) fn dot(self, other: Self) -> I32x4 {
            let product = |i: usize| i32::from(self.0[i]) * i32::from(other.0[i]);
            I32x4(from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
        }

        /// Products of the lower four and of the upper four.
        #[inline(always)]
        pub(crate) fn times(self, other: Self) -> [I32x4; 2] {
            let product = |i: usize| i32::from(self.0[i]) * i32::from(other.0[i]);
            [I32x4(from_fn(product)), I32x4(from_fn(|i| product(4 + i)))]
        }

        /// The lower four and the upper four.
        #[inline(always)]
        pub(crate) fn widened(self) -> [I32x4; 2] {
            [I32x4(from_fn(|i| self.0[i].into())), I32x4(from_fn(|i| self.0[4 + i].into()))]
        }

        /// Integers that fit 16 bits.
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "clamped to nine bits and a sign before")]
        pub(crate) fn narrowed([low, high]: [I32x4; 2]) -> Self {
            Self(from_fn(|i| if i < 4 { low.0[i] } else { high.0[i - 4] } as i16))
        }
    }

    impl I32x4 {
        #[inline(always)]
        pub(crate) fn load(v: [i32; 4]) -> Self {
            Self(v)
        }

        #[inline(always)]
        pub(crate) fn store(self) -> [i32; 4] {
            self.0
        }

        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
        }

        #[inline(always)]
        pub(crate) fn times(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i].wrapping_mul(other.0[i])))
        }

        #[inline(always)]
        pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
            Self(from_fn(|i| self.0[i].max(low.0[i]).min(high.0[i])))
        }

        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(from_fn(|i| self.0[i] & mask.0[i]))
        }

        /// Rounded down.
        #[inline(always)]
        pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
            Self(self.0.map(|value| value >> BITS))
        }

        /// `2^self`, of 0 … 30.
        #[inline(always)]
        pub(crate) fn power_of_two(self) -> Self {
            Self(self.0.map(|bits| 1 << bits))
        }

        /// `⌊(self · factor + half) / 2^BITS⌋`, of products that need no more than 32 bits then.
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "what lies above the lower 32 bits is dropped")]
        pub(crate) fn scaled<const BITS: u32>(self, factor: Self, half: i64, _: Self) -> Self {
            Self(from_fn(|i| ((i64::from(self.0[i]) * i64::from(factor.0[i]) + half) >> BITS) as i32))
        }
    }
}

impl I32x4 {
    #[inline(always)]
    pub(crate) fn splat(value: i32) -> Self {
        Self::load([value; 4])
    }
}

/// Four [`Rescale`]s in registers. Shifts are factors here, since lanes cannot be shifted by different counts.
#[derive(Clone, Copy)]
pub(crate) struct Rescales {
    left: I32x4,
    multiplier: I32x4,
    /// What rounds the second time.
    half: I32x4,
    /// −1 where what is below 0 is rounded down.
    away: I32x4,
    right: I32x4,
    /// 0, which the compiler must not know.
    opaque: I32x4,
}

/// Bits of the second shift together with its factor: no [`Rescale`] shifts further.
const RIGHT: u32 = 30;

impl Rescales {
    #[inline(always)]
    pub(crate) fn new(multiplier: I32x4, shift: I32x4, ties: Ties) -> Self {
        let (none, most) = (I32x4::splat(0), I32x4::splat(RIGHT.cast_signed()));
        let right = shift.times(I32x4::splat(-1)).clamp(none, most);
        Self {
            left: shift.clamp(none, most).power_of_two(),
            multiplier,
            half: right.power_of_two().shifted_right::<1>(),
            away: if ties == Ties::Away { shift.shifted_right::<31>() } else { none },
            right: most.plus(right.times(I32x4::splat(-1))).power_of_two(),
            // No multiplier is negative.
            opaque: multiplier.shifted_right::<31>(),
        }
    }

    pub(crate) fn splat(rescale: Rescale, ties: Ties) -> Self {
        Self::new(I32x4::splat(rescale.multiplier), I32x4::splat(rescale.shift), ties)
    }

    /// As [`Rescale::apply`].
    #[inline(always)]
    pub(crate) fn apply(self, value: I32x4) -> I32x4 {
        let high = value.times(self.left).scaled::<31>(self.multiplier, 1 << 30, self.opaque);
        high.plus(self.half).plus(high.shifted_right::<31>().and(self.away)).scaled::<RIGHT>(self.right, 0, self.opaque)
    }
}

/// Least and greatest output in registers.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    low: I32x4,
    high: I32x4,
}

impl Limits {
    #[inline(always)]
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { low: I32x4::splat(bounds.low), high: I32x4::splat(bounds.high) }
    }

    #[inline(always)]
    pub(crate) fn clamp(self, values: [I32x4; 2]) -> Eight {
        I16x8::narrowed(values.map(|value| value.clamp(self.low, self.high))).store()
    }
}

/// How sums of eight channels begin and become outputs.
#[derive(Clone, Copy)]
pub(crate) struct Outputs {
    pub(crate) biases: [I32x4; 2],
    rescales: [Rescales; 2],
    limits: Limits,
}

impl Outputs {
    #[inline(always)]
    pub(crate) fn new(channels: &Channels<'_>, bounds: Bounds) -> Self {
        let load = |words: &[i32], half: usize| I32x4::load(std::array::from_fn(|i| words[half * 4 + i]));
        let biases = |half| load(channels.biases, half);
        let rescales = |half| Rescales::new(load(channels.multipliers, half), load(channels.shifts, half), bounds.ties);
        Self { biases: [biases(0), biases(1)], rescales: [rescales(0), rescales(1)], limits: Limits::new(bounds) }
    }

    #[inline(always)]
    pub(crate) fn of(&self, sums: [I32x4; 2]) -> Eight {
        self.limits.clamp([self.rescales[0].apply(sums[0]), self.rescales[1].apply(sums[1])])
    }
}

/// A sum of two maps in registers.
#[derive(Clone, Copy)]
pub(crate) struct SumOfEight {
    sides: [Rescales; 2],
    output: Rescales,
    limits: Limits,
}

impl SumOfEight {
    pub(crate) fn new(sum: Sum, bounds: Bounds) -> Self {
        let splat = |rescale| Rescales::splat(rescale, Ties::Away);
        Self { sides: sum.sides.map(splat), output: splat(sum.output), limits: Limits::new(bounds) }
    }

    #[inline(always)]
    pub(crate) fn of(self, a: Eight, b: Eight) -> Eight {
        let headroom = I32x4::splat(1 << HEADROOM);
        let side = |values: Eight, rescales: Rescales| {
            I16x8::load(values).widened().map(|values| rescales.apply(values.times(headroom)))
        };
        let ([a, a_high], [b, b_high]) = (side(a, self.sides[0]), side(b, self.sides[1]));
        self.limits.clamp([a.plus(b), a_high.plus(b_high)].map(|sum| self.output.apply(sum)))
    }
}

/// A product of two maps in registers.
#[derive(Clone, Copy)]
pub(crate) struct ProductOfEight {
    rescales: Rescales,
    limits: Limits,
}

impl ProductOfEight {
    pub(crate) fn new(rescale: Rescale, bounds: Bounds) -> Self {
        Self { rescales: Rescales::splat(rescale, Ties::Away), limits: Limits::new(bounds) }
    }

    #[inline(always)]
    pub(crate) fn of(self, a: Eight, b: Eight) -> Eight {
        self.limits.clamp(I16x8::load(a).times(I16x8::load(b)).map(|product| self.rescales.apply(product)))
    }
}
