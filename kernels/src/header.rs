//! What stands before the parameters of channels whose weights may lie in fours.

use crate::dots::Dots;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use crate::dots::ToBytes;
use crate::integers::{Bounds, words};
#[cfg(feature = "reference")]
use crate::integers::{Channels, fours, pairs};
use crate::lane::Vec4;

/// Bounds, and what values are multiplied as.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) bounds: Bounds,
    pub(crate) dots: Dots,
    zero: i16,
}

impl Header {
    #[expect(clippy::cast_possible_truncation, reason = "a byte")]
    pub(crate) fn new(parameters: &[Vec4]) -> Self {
        Self {
            bounds: Bounds::new(parameters[0]),
            dots: Dots::of_code(words(parameters)[4]),
            zero: words(parameters)[5] as i16,
        }
    }

    /// Where weights lie in fours.
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    pub(crate) fn of_fours(parameters: &[Vec4]) -> Option<Self> {
        Some(Self::new(parameters)).filter(|header| header.dots != Dots::Pairs)
    }

    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn to_bytes(self) -> ToBytes {
        ToBytes::new(self.zero, self.dots)
    }

    /// What a value is multiplied as, for the reference.
    #[cfg(feature = "reference")]
    pub(crate) fn operand(self, value: i16) -> i32 {
        let zero = i32::from(value) + i32::from(self.zero);
        match self.dots {
            Dots::Pairs => value.into(),
            Dots::Unsigned => zero,
            Dots::Signed => zero - 128,
        }
    }

    /// A weight of a convolution over all channels.
    #[cfg(feature = "reference")]
    pub(crate) fn weight(self, group: &Channels<'_>, [channels, tap, c, o]: [usize; 4]) -> i32 {
        if self.dots == Dots::Pairs {
            return group.weights[(tap * pairs(channels) + c / 2) * 2 + o / 4][o % 4 * 2 + c % 2].into();
        }
        group.bytes()[((tap * fours(channels) + c / 4) * 8 + o) * 4 + c % 4].into()
    }
}
