//! Bodies that work on four lanes at a time, and on several of those at once.

pub mod add;
pub mod dense;
pub mod depthwise;
pub mod global_pool;
pub mod pointwise;
pub mod softmax;
pub mod stem;

use crate::lane::F32x4;

/// The bounds of an activation, ready in registers.
#[derive(Clone, Copy)]
struct Clamp {
    low: F32x4,
    high: F32x4,
}

impl Clamp {
    #[inline(always)]
    fn new(low: f32, high: f32) -> Self {
        Self { low: F32x4::splat(low), high: F32x4::splat(high) }
    }

    #[inline(always)]
    fn apply(self, value: F32x4) -> F32x4 {
        value.clamp(self.low, self.high)
    }
}

/// The offsets of a window that lie inside an axis of `length` px, and the pixel of offset 0 (which may lie before
/// the axis, hence wrapping arithmetic).
#[inline(always)]
fn window(position: usize, stride: usize, pad: usize, kernel: usize, length: usize) -> (usize, std::ops::Range<usize>) {
    let start = (position * stride).wrapping_sub(pad);
    let first = pad.saturating_sub(position * stride).min(kernel);
    let end = (length + pad).saturating_sub(position * stride).min(kernel);
    (start, first..end.max(first))
}

/// The positions of a window of `kernel` px that lie wholly inside an axis of `length` px.
fn inside(positions: usize, stride: usize, pad: usize, kernel: usize, length: usize) -> std::ops::Range<usize> {
    let first = pad.div_ceil(stride).min(positions);
    let end = if length + pad >= kernel { ((length + pad - kernel) / stride + 1).min(positions) } else { first };
    first..end.max(first)
}
