//! Fixed-point arithmetic of quantised networks: real factors as 32-bit multipliers and shifts, as TensorFlow Lite has
//! them. Every rounding here is the one that its kernels make.

/// Which way a half is rounded in the last of the two roundings of a [`Rescale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Away from zero.
    Away,
    /// Towards positive infinity.
    Up,
}

/// A factor of at least 0: `multiplier / 2³¹ · 2^shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// 2³⁰ … 2³¹ − 1; 0 for a factor too small to matter.
    pub multiplier: i32,
    /// Left where it is positive.
    pub shift: i32,
}

/// Larger factors shift sums out of 32 bits.
const MOST_SHIFT: i32 = 30;
/// Of smaller ones sums of 32 bits leave nothing.
const LEAST_SHIFT: i32 = -30;

impl Rescale {
    /// The factor nearest to `factor`; none for what is no factor of two scales: negative, infinite, or above 2³⁰.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 2³¹")]
    pub fn new(factor: f64) -> Option<Self> {
        if !(0.0..=f64::from(1 << MOST_SHIFT)).contains(&factor) {
            return None;
        }
        let bits = factor.to_bits();
        // A significand of ½ … 1 and what it is multiplied by.
        let mut shift = (bits >> 52) as i32 - 1022;
        if shift < LEAST_SHIFT {
            return Some(Self { multiplier: 0, shift: 0 });
        }
        let significand = f64::from_bits((bits & ((1 << 52) - 1)) | (1022 << 52));
        let mut multiplier = (significand * f64::from(1_u32 << 31)).round() as i64;
        if multiplier == 1 << 31 {
            multiplier /= 2;
            shift += 1;
        }
        i32::try_from(multiplier).ok().filter(|_| shift <= MOST_SHIFT).map(|multiplier| Self { multiplier, shift })
    }

    /// The factor over `count`, with as many bits as a division of the multiplier leaves.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most the multiplier")]
    pub fn over(self, count: u32) -> Option<Self> {
        let bits = (count.checked_ilog2()? as i32).min(31 + self.shift);
        let multiplier = ((i64::from(self.multiplier) << bits) / i64::from(count)) as i32;
        Some(Self { multiplier, shift: self.shift - bits }).filter(|rescale| rescale.shift >= LEAST_SHIFT)
    }

    /// `value` times the factor, rounded to 31 bits below the multiplier and then to an integer.
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a product of 32 bits each, less 31 bits, has 32 or wraps")]
    pub const fn apply(self, value: i32, ties: Ties) -> i32 {
        let left = if self.shift > 0 { self.shift } else { 0 };
        let right = if self.shift < 0 { -self.shift } else { 0 };
        let high = ((value.wrapping_shl(left as u32) as i64 * self.multiplier as i64 + (1 << 30)) >> 31) as i32;
        if right == 0 {
            return high;
        }
        let nudge = match ties {
            Ties::Up => 0,
            Ties::Away => (high < 0) as i64,
        };
        // In 64 bits, for half of what is shifted out may be more than 32 hold beside it.
        ((high as i64 + (1 << (right - 1)) - nudge) >> right) as i32
    }
}

/// Bits that both sides of a [`Sum`] are given before they meet, so that little is lost when they are rounded.
pub(crate) const HEADROOM: u32 = 20;

/// The sum of two integers that stand for numbers by different scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// What the sides' sum is multiplied by.
    pub output: Rescale,
    /// What each side is.
    pub sides: [Rescale; 2],
}

impl Sum {
    /// Of sides of these scales; none where a factor is none.
    #[must_use]
    pub fn new(sides: [f32; 2], output: f32) -> Option<Self> {
        let [a, b, output] = [sides[0], sides[1], output].map(f64::from);
        let twice = 2.0 * a.max(b);
        let sides = [Rescale::new(a / twice)?, Rescale::new(b / twice)?];
        Some(Self { output: Rescale::new(twice / (f64::from(1 << HEADROOM) * output))?, sides })
    }

    /// The sum of `a` and `b`, both of at most eleven bits.
    #[must_use]
    #[inline(always)]
    pub const fn apply(self, a: i32, b: i32) -> i32 {
        let a = self.sides[0].apply(a << HEADROOM, Ties::Away);
        let b = self.sides[1].apply(b << HEADROOM, Ties::Away);
        self.output.apply(a.wrapping_add(b), Ties::Away)
    }
}

/// The integer nearest to `sum / count`, halves away from zero.
#[must_use]
#[inline(always)]
pub const fn mean(sum: i32, count: i32) -> i32 {
    let half = if sum > 0 { count / 2 } else { -(count / 2) };
    sum.wrapping_add(half) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_as_near_as_31_bits_come() {
        assert_eq!(Rescale::new(0.5), Some(Rescale { multiplier: 1 << 30, shift: 0 }));
        assert_eq!(Rescale::new(1.0), Some(Rescale { multiplier: 1 << 30, shift: 1 }));
        assert_eq!(Rescale::new(0.75), Some(Rescale { multiplier: 3 << 29, shift: 0 }));
        assert_eq!(Rescale::new(0.0), Some(Rescale { multiplier: 0, shift: 0 }));
        assert_eq!(Rescale::new(1e-30), Some(Rescale { multiplier: 0, shift: 0 }));
        // A significand that rounds up to 1.
        assert_eq!(Rescale::new(1.0 - f64::EPSILON / 2.0), Rescale::new(1.0));
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 4e9] {
            assert_eq!(Rescale::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn halves_go_the_way_that_is_asked_for() {
        let quarter = Rescale { multiplier: 1 << 30, shift: -1 };
        for (value, away, up) in
            [(6, 2, 2), (-6, -2, -1), (5, 2, 2), (-5, -1, -1), (-7, -2, -1), (2, 1, 1), (-2, -1, 0)]
        {
            assert_eq!((quarter.apply(value, Ties::Away), quarter.apply(value, Ties::Up)), (away, up), "{value}");
        }
        let double = Rescale { multiplier: 1 << 30, shift: 2 };
        assert_eq!((double.apply(21, Ties::Up), double.apply(-21, Ties::Away)), (42, -42));
    }

    #[test]
    fn means_are_rounded_away_from_zero() {
        assert_eq!([mean(10, 4), mean(-10, 4), mean(9, 4), mean(-9, 4), mean(0, 4)], [3, -3, 2, -2, 0]);
    }
}
