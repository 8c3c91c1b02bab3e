//! Four channels at a time: the unit of every tensor in this crate, as `vec4<f32>` is on the GPU.
//!
//! Activations are `[h, w, c]` with `c` rounded up to a multiple of four; the lanes past `c` hold zeros. Kernels hence
//! have no tails, and CPU and GPU share one layout.

/// Four neighbouring channels of one pixel, as they lie in memory.
pub type Vec4 = [f32; 4];

/// How many [`Vec4`]s hold `channels` channels.
#[must_use]
pub const fn lanes(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// Which of the two CPU bodies of a kernel runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Plain scalar Rust: the definition.
    #[cfg(feature = "reference")]
    Reference,
    /// Four lanes at a time.
    #[default]
    Simd,
}

/// Four `f32` in a register: wasm's `v128`, or an array that the native compiler turns into one.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy)]
pub struct F32x4(pub(crate) core::arch::wasm32::v128);

/// Four `f32` in a register: wasm's `v128`, or an array that the native compiler turns into one.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub struct F32x4([f32; 4]);

#[cfg(target_arch = "wasm32")]
mod body {
    use super::{F32x4, Vec4};
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat,
        i32x4_splat, u16x8_extend_low_u8x16, u32x4_extend_low_u16x8,
    };

    impl F32x4 {
        /// All four lanes `value`.
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        /// Four lanes from memory.
        #[inline(always)]
        pub fn load(v: Vec4) -> Self {
            Self(f32x4(v[0], v[1], v[2], v[3]))
        }

        /// The four bytes of a pixel, 0 … 255.
        #[inline(always)]
        pub fn from_u8x4(v: [u8; 4]) -> Self {
            let bytes = i32x4_splat(i32::from_le_bytes(v));
            Self(f32x4_convert_i32x4(u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(bytes))))
        }

        /// Four lanes to memory.
        #[inline(always)]
        pub fn store(self) -> Vec4 {
            [
                f32x4_extract_lane::<0>(self.0),
                f32x4_extract_lane::<1>(self.0),
                f32x4_extract_lane::<2>(self.0),
                f32x4_extract_lane::<3>(self.0),
            ]
        }

        /// `self + a · b`, rounded twice; in the relaxed build once, where the machine has an instruction for that.
        #[inline(always)]
        pub fn mul_add(self, a: Self, b: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return Self(core::arch::wasm32::f32x4_relaxed_madd(a.0, b.0, self.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            Self(f32x4_add(self.0, f32x4_mul(a.0, b.0)))
        }

        /// Divided lane by lane.
        #[cfg(feature = "integers")]
        #[inline(always)]
        pub(crate) fn over(self, other: Self) -> Self {
            Self(core::arch::wasm32::f32x4_div(self.0, other.0))
        }

        /// Its lanes where those of `value` lie between `low` and `high`, else 0.
        #[cfg(feature = "gradients")]
        #[inline(always)]
        pub(crate) fn where_between(self, value: Self, low: Self, high: Self) -> Self {
            use core::arch::wasm32::{f32x4_gt, f32x4_lt, v128_and};
            Self(v128_and(self.0, v128_and(f32x4_gt(value.0, low.0), f32x4_lt(value.0, high.0))))
        }

        /// Clamped to `low ..= high`. `pmin`/`pmax` are one instruction on x86 where `min`/`max` are nine.
        #[inline(always)]
        pub fn clamp(self, low: Self, high: Self) -> Self {
            Self(f32x4_pmin(high.0, f32x4_pmax(low.0, self.0)))
        }

        /// The lesser of both.
        #[cfg(feature = "integers")]
        #[inline(always)]
        pub(crate) fn at_most(self, high: Self) -> Self {
            Self(f32x4_pmin(high.0, self.0))
        }
    }

    impl std::ops::Add for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
    }

    impl std::ops::Mul for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod body {
    use super::{F32x4, Vec4};

    impl F32x4 {
        /// All four lanes `value`.
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        /// Four lanes from memory.
        #[inline(always)]
        pub fn load(v: Vec4) -> Self {
            Self(v)
        }

        /// The four bytes of a pixel, 0 … 255.
        #[inline(always)]
        pub fn from_u8x4(v: [u8; 4]) -> Self {
            Self(v.map(f32::from))
        }

        /// Four lanes to memory.
        #[inline(always)]
        pub fn store(self) -> Vec4 {
            self.0
        }

        /// `self + a · b`, rounded twice.
        #[inline(always)]
        pub fn mul_add(self, a: Self, b: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
        }

        /// Divided lane by lane.
        #[cfg(feature = "integers")]
        #[inline(always)]
        pub(crate) fn over(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] / other.0[i]))
        }

        /// Its lanes where those of `value` lie between `low` and `high`, else 0.
        #[cfg(feature = "gradients")]
        #[inline(always)]
        pub(crate) fn where_between(self, value: Self, low: Self, high: Self) -> Self {
            Self(std::array::from_fn(|i| if low.0[i] < value.0[i] && value.0[i] < high.0[i] { self.0[i] } else { 0.0 }))
        }

        /// Clamped to `low ..= high`.
        #[inline(always)]
        pub fn clamp(self, low: Self, high: Self) -> Self {
            Self(std::array::from_fn(|i| {
                let v = if low.0[i] < self.0[i] { self.0[i] } else { low.0[i] };
                if v < high.0[i] { v } else { high.0[i] }
            }))
        }

        /// The lesser of both.
        #[cfg(feature = "integers")]
        #[inline(always)]
        pub(crate) fn at_most(self, high: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i].min(high.0[i])))
        }
    }

    impl std::ops::Add for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
        }
    }

    impl std::ops::Mul for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
        }
    }
}
