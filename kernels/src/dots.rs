//! Sums of four products of bytes, by an instruction whose second operand means one thing on one machine and another
//! thing on the next: which one is found out by running it.
//!
//! Weights are bytes with a sign. Values are the bytes `value + zero point`, with their upper bit turned where the machine
//! reads a sign there; what that adds to sums is taken from the biases when they are packed.

#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{RESCALES, fours, pairs};

/// How a convolution's weights are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dots {
    /// In pairs of 16 bits.
    Pairs,
    /// In fours of bytes, for values of 0 … 255: x86 with VNNI.
    Unsigned,
    /// In fours of bytes, for values of −128 … 127: ARM.
    Signed,
}

/// Operands that tell machines apart, the same in all bytes: a weight and a value.
#[cfg(any(test, target_feature = "relaxed-simd"))]
const PROBES: [[u8; 2]; 4] = [[1, 0x80], [127, 255], [0x81, 255], [0x81, 0x80]];

impl Dots {
    /// All of them, by code.
    pub const ALL: [Self; 3] = [Self::Pairs, Self::Unsigned, Self::Signed];

    /// What packed parameters call it.
    #[must_use]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The reverse of [`Dots::code`].
    #[cfg(any(feature = "reference", not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    pub(crate) fn of_code(code: i32) -> Self {
        Self::ALL.into_iter().find(|dots| dots.code() == code).unwrap_or(Self::Pairs)
    }

    /// What is exact on this machine, and fast: outside browsers products of bytes are defined, and slow.
    #[must_use]
    pub fn of_this_machine() -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        return Self::that_answers(PROBES.map(|[weight, value]| {
            // The kind matters outside browsers only.
            I32x4::splat(1).plus_dots(Bytes::splat(weight), Bytes::splat(value), Self::Unsigned).store()[3]
        }));
        #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
        Self::Pairs
    }

    /// Who says that of [`PROBES`], each added to 1. Older x86 adds two products in 16 bits, which saturate.
    #[cfg(any(test, target_feature = "relaxed-simd"))]
    fn that_answers(answers: [i32; PROBES.len()]) -> Self {
        let is = |dots: &Self| answers == PROBES.map(|[weight, value]| 1 + 4 * dots.product(weight, value));
        [Self::Unsigned, Self::Signed].into_iter().find(is).unwrap_or(Self::Pairs)
    }

    /// What its values' zero point adds to the sum of these weights.
    #[must_use]
    pub fn added(self, zero: i32, weights: &[i16]) -> i32 {
        let sum: i32 = weights.iter().map(|&weight| i32::from(weight)).sum();
        match self {
            Self::Pairs => 0,
            Self::Unsigned => zero.wrapping_mul(sum),
            Self::Signed => (zero - 128).wrapping_mul(sum),
        }
    }

    /// How many [`crate::lane::Vec4`]s eight outputs take whose convolution has so many channels and taps.
    #[must_use]
    pub const fn group(self, channels: usize, taps: usize) -> usize {
        let places = if matches!(self, Self::Pairs) { pairs(channels) } else { fours(channels) };
        RESCALES + taps * 2 * places
    }

    #[cfg(any(test, not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    fn product(self, weight: u8, value: u8) -> i32 {
        let value = if self == Self::Signed { i32::from(value.cast_signed()) } else { i32::from(value) };
        i32::from(weight.cast_signed()) * value
    }
}

/// Sixteen bytes in a register.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[derive(Clone, Copy)]
pub(crate) struct Bytes(core::arch::wasm32::v128);

/// Sixteen bytes in a register.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub(crate) struct Bytes([u8; 16]);

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod body {
    use super::{Bytes, Dots, I16x8, I32x4};
    use core::arch::wasm32::{
        i8x16_shuffle, i16x8_shuffle, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_shl, i32x4_splat, u8x16_narrow_i16x8,
        u8x16_splat, u32x4_shr, v128_xor,
    };

    impl Bytes {
        #[inline(always)]
        pub(crate) fn load(bytes: [u8; 16]) -> Self {
            Self(bytemuck::cast(bytes))
        }

        #[inline(always)]
        pub(crate) fn store(self) -> [u8; 16] {
            bytemuck::cast(self.0)
        }

        #[inline(always)]
        pub(crate) fn splat(byte: u8) -> Self {
            Self(u8x16_splat(byte))
        }

        /// Four bytes, four times.
        #[inline(always)]
        pub(crate) fn splat_four(four: u32) -> Self {
            Self(i32x4_splat(four.cast_signed()))
        }

        /// Integers of 0 … 255.
        #[inline(always)]
        pub(crate) fn narrowed(low: I16x8, high: I16x8) -> Self {
            Self(u8x16_narrow_i16x8(low.0, high.0))
        }

        #[inline(always)]
        pub(crate) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        /// 0, a, b, c of each four a, b, c, d.
        #[inline(always)]
        pub(crate) fn rows_lower(self) -> Self {
            Self(i32x4_shl(self.0, 8))
        }

        /// d, 0, 0, 0 of each four a, b, c, d.
        #[inline(always)]
        pub(crate) fn row_pushed_out(self) -> Self {
            Self(u32x4_shr(self.0, 24))
        }

        /// Of `self` as a, c and `other` as b, d, eight bytes each: fours of a, b, c, d.
        #[inline(always)]
        pub(crate) fn fours(self, other: Self) -> [Self; 2] {
            let ab = i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(self.0, other.0);
            let cd = i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(self.0, other.0);
            [
                Self(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(ab, cd)),
                Self(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(ab, cd)),
            ]
        }
    }

    impl I32x4 {
        /// Plus sums of four products each.
        #[inline(always)]
        pub(crate) fn plus_dots(self, weights: Bytes, values: Bytes, _: Dots) -> Self {
            Self(i32x4_relaxed_dot_i8x16_i7x16_add(weights.0, values.0, self.0))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod body {
    use super::{Bytes, Dots, I16x8, I32x4};
    use std::array::from_fn;

    impl Bytes {
        #[inline(always)]
        pub(crate) fn load(bytes: [u8; 16]) -> Self {
            Self(bytes)
        }

        #[inline(always)]
        pub(crate) fn store(self) -> [u8; 16] {
            self.0
        }

        #[inline(always)]
        pub(crate) fn splat(byte: u8) -> Self {
            Self([byte; 16])
        }

        /// Four bytes, four times.
        #[inline(always)]
        pub(crate) fn splat_four(four: u32) -> Self {
            Self(bytemuck::cast([four; 4]))
        }

        /// Integers of 0 … 255.
        #[inline(always)]
        #[expect(clippy::cast_sign_loss, reason = "clamped")]
        pub(crate) fn narrowed(low: I16x8, high: I16x8) -> Self {
            let (low, high) = (low.store(), high.store());
            Self(from_fn(|i| if i < 8 { low[i] } else { high[i - 8] }.clamp(0, 255) as u8))
        }

        #[inline(always)]
        pub(crate) fn xor(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i] ^ other.0[i]))
        }

        /// 0, a, b, c of each four a, b, c, d.
        #[inline(always)]
        pub(crate) fn rows_lower(self) -> Self {
            Self(from_fn(|i| if i % 4 == 0 { 0 } else { self.0[i - 1] }))
        }

        /// d, 0, 0, 0 of each four a, b, c, d.
        #[inline(always)]
        pub(crate) fn row_pushed_out(self) -> Self {
            Self(from_fn(|i| if i % 4 == 0 { self.0[i + 3] } else { 0 }))
        }

        /// Of `self` as a, c and `other` as b, d, eight bytes each: fours of a, b, c, d.
        #[inline(always)]
        pub(crate) fn fours(self, other: Self) -> [Self; 2] {
            let four = |at: usize| [self.0[at], other.0[at], self.0[8 + at], other.0[8 + at]];
            [0, 4].map(|first| Self(from_fn(|i| four(first + i / 4)[i % 4])))
        }
    }

    impl I32x4 {
        /// Plus sums of four products each.
        #[inline(always)]
        pub(crate) fn plus_dots(self, weights: Bytes, values: Bytes, dots: Dots) -> Self {
            let products: [i32; 16] = from_fn(|i| dots.product(weights.0[i], values.0[i]));
            self.plus(Self::load(from_fn(|i| products[i * 4..][..4].iter().sum())))
        }
    }
}

#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
/// How integers of 16 bits become the bytes of a machine.
#[derive(Clone, Copy)]
pub(crate) struct ToBytes {
    zero: I16x8,
    sign: Bytes,
}

#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
impl ToBytes {
    /// With this zero point, of 0 … 255.
    #[inline(always)]
    pub(crate) fn new(zero: i16, dots: Dots) -> Self {
        Self { zero: I16x8::load([zero; 8]), sign: Bytes::splat(if dots == Dots::Signed { 0x80 } else { 0 }) }
    }

    #[inline(always)]
    pub(crate) fn of(self, low: I16x8, high: I16x8) -> Bytes {
        Bytes::narrowed(low.plus(self.zero), high.plus(self.zero)).xor(self.sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_told_apart() {
        let answers = |product: &dyn Fn(i32, u8) -> i32| {
            PROBES.map(|[weight, value]| product(i32::from(weight.cast_signed()), value))
        };
        let signed = |value: u8| i32::from(value.cast_signed());
        let saturated = |sum: i32| sum.clamp(-0x8000, 0x7fff);
        let wrapped = |sum: i32| i32::from(sum as i16);
        for (name, answers, expected) in [
            ("vpdpbusd", answers(&|w, v| 1 + 4 * w * i32::from(v)), Dots::Unsigned),
            ("sdot", answers(&|w, v| 1 + 4 * w * signed(v)), Dots::Signed),
            // Pairs of the greatest products still fit 16 bits.
            ("smull, addp", answers(&|w, v| 1 + 2 * wrapped(2 * w * signed(v))), Dots::Signed),
            ("pmaddubsw, pmaddwd", answers(&|w, v| 1 + 2 * saturated(2 * w * i32::from(v))), Dots::Pairs),
            ("seven bits", answers(&|w, v| 1 + 4 * w * i32::from(v & 127)), Dots::Pairs),
        ] {
            assert_eq!(Dots::that_answers(answers), expected, "{name}");
        }
    }

    #[test]
    fn codes_are_read_back() {
        assert_eq!(Dots::ALL.map(|dots| Dots::of_code(dots.code())), Dots::ALL);
        assert_eq!(Dots::of_code(7), Dots::Pairs);
    }
}
