//! Eight integers of 16 bits and four of 32: wasm's `v128`, or arrays that the native compiler turns into registers.

use crate::integers::Eight;
use crate::lane::F32x4;

/// Eight integers of 16 bits in a register.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy)]
pub(crate) struct I16x8(pub(crate) core::arch::wasm32::v128);

/// Eight integers of 16 bits in a register.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub(crate) struct I16x8([i16; 8]);

/// Four integers of 32 bits in a register; sums wrap.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy)]
pub(crate) struct I32x4(pub(crate) core::arch::wasm32::v128);

/// Four integers of 32 bits in a register; sums wrap.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub(crate) struct I32x4([i32; 4]);

#[cfg(target_arch = "wasm32")]
mod body {
    use super::{Eight, F32x4, I16x8, I32x4};
    use core::arch::wasm32::{
        f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_ge, f32x4_splat, f32x4_sub, f32x4_trunc, i16x8_max, i16x8_min,
        i16x8_narrow_i32x4, i32x4_add, i32x4_bitmask, i32x4_dot_i16x8, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8,
        i32x4_extmul_high_i16x8, i32x4_extmul_low_i16x8, i32x4_shl, i32x4_shr, i32x4_splat, i32x4_sub,
        i32x4_trunc_sat_f32x4, v128_and, v128_or,
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

        #[cfg(target_feature = "relaxed-simd")]
        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            Self(core::arch::wasm32::i16x8_add(self.0, other.0))
        }

        #[cfg(target_feature = "relaxed-simd")]
        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(v128_and(self.0, mask.0))
        }

        /// The greater of both.
        #[inline(always)]
        pub(crate) fn at_least(self, low: Self) -> Self {
            Self(i16x8_max(self.0, low.0))
        }

        #[inline(always)]
        pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
            Self(i16x8_min(self.at_least(low).0, high.0))
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

        /// What does not fit 16 bits is the nearest that does.
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

        /// The lesser of lower halves, and of upper halves, without signs.
        #[cfg(target_feature = "relaxed-simd")]
        #[inline(always)]
        pub(crate) fn min_halves(self, other: Self) -> Self {
            Self(core::arch::wasm32::u16x8_min(self.0, other.0))
        }

        /// The nearest integers, halves away from zero.
        #[inline(always)]
        pub(crate) fn rounded(floats: F32x4) -> Self {
            let whole = f32x4_trunc(floats.0);
            let far = f32x4_ge(f32x4_abs(f32x4_sub(floats.0, whole)), f32x4_splat(0.5));
            let one = v128_or(v128_and(floats.0, f32x4_splat(-0.0)), f32x4_splat(1.0));
            Self(i32x4_trunc_sat_f32x4(f32x4_add(whole, v128_and(far, one))))
        }

        #[inline(always)]
        pub(crate) fn minus(self, other: Self) -> Self {
            Self(i32x4_sub(self.0, other.0))
        }

        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(v128_and(self.0, mask.0))
        }

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        /// Rounded down.
        #[inline(always)]
        pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
            Self(i32x4_shr(self.0, BITS))
        }

        /// Whether any of the four is below 0.
        #[inline(always)]
        pub(crate) fn any_negative(self) -> bool {
            i32x4_bitmask(self.0) != 0
        }

        /// The nearest floats.
        #[inline(always)]
        pub(crate) fn to_floats(self) -> F32x4 {
            F32x4(f32x4_convert_i32x4(self.0))
        }

        /// The floats of these bits.
        #[inline(always)]
        pub(crate) fn as_floats(self) -> F32x4 {
            F32x4(self.0)
        }

        /// Rounded towards 0; the least of 32 bits for what is less.
        #[inline(always)]
        pub(crate) fn truncated(floats: F32x4) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return Self(core::arch::wasm32::i32x4_relaxed_trunc_f32x4(floats.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            Self(i32x4_trunc_sat_f32x4(floats.0))
        }

        #[inline(always)]
        pub(crate) fn shifted_left<const BITS: u32>(self) -> Self {
            Self(i32x4_shl(self.0, BITS))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod body {
    use super::{Eight, F32x4, I16x8, I32x4};
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

        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i].wrapping_add(other.0[i])))
        }

        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(from_fn(|i| self.0[i] & mask.0[i]))
        }

        #[inline(always)]
        pub(crate) fn at_least(self, low: Self) -> Self {
            Self(from_fn(|i| self.0[i].max(low.0[i])))
        }

        #[inline(always)]
        pub(crate) fn clamp(self, low: Self, high: Self) -> Self {
            Self(from_fn(|i| self.0[i].max(low.0[i]).min(high.0[i])))
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

        /// What does not fit 16 bits is the nearest that does.
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "clamped")]
        pub(crate) fn narrowed([low, high]: [I32x4; 2]) -> Self {
            Self(from_fn(|i| {
                if i < 4 { low.0[i] } else { high.0[i - 4] }.clamp(i16::MIN.into(), i16::MAX.into()) as i16
            }))
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
        pub(crate) fn min_halves(self, other: Self) -> Self {
            let [a, b]: [[u16; 8]; 2] = [bytemuck::cast(self.0), bytemuck::cast(other.0)];
            Self(bytemuck::cast(from_fn::<u16, 8, _>(|i| a[i].min(b[i]))))
        }

        /// The nearest integers, halves away from zero.
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        pub(crate) fn rounded(floats: F32x4) -> Self {
            Self(floats.store().map(|float| float.round() as i32))
        }

        #[inline(always)]
        pub(crate) fn minus(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
        }

        #[inline(always)]
        pub(crate) fn and(self, mask: Self) -> Self {
            Self(from_fn(|i| self.0[i] & mask.0[i]))
        }

        #[inline(always)]
        pub(crate) fn or(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i] | other.0[i]))
        }

        /// Rounded down.
        #[inline(always)]
        pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
            Self(self.0.map(|value| value >> BITS))
        }

        /// Whether any of the four is below 0.
        #[inline(always)]
        pub(crate) fn any_negative(self) -> bool {
            self.0.iter().any(|&value| value < 0)
        }

        /// The nearest floats.
        #[inline(always)]
        #[expect(clippy::cast_precision_loss, reason = "as the instruction does")]
        pub(crate) fn to_floats(self) -> F32x4 {
            F32x4::load(self.0.map(|value| value as f32))
        }

        /// The floats of these bits.
        #[inline(always)]
        pub(crate) fn as_floats(self) -> F32x4 {
            F32x4::load(self.0.map(|bits| f32::from_bits(bits.cast_unsigned())))
        }

        /// Rounded towards 0; the least of 32 bits for what is less.
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "what is asked for")]
        pub(crate) fn truncated(floats: F32x4) -> Self {
            Self(floats.store().map(|float| float as i32))
        }

        #[inline(always)]
        pub(crate) fn shifted_left<const BITS: u32>(self) -> Self {
            Self(self.0.map(|value| value << BITS))
        }
    }
}

impl I32x4 {
    #[inline(always)]
    pub(crate) fn splat(value: i32) -> Self {
        Self::load([value; 4])
    }
}
