//! Scalar bodies: the definition of every kernel. Where another body differs, the other one is wrong.

pub mod add;
pub mod dense;
pub mod depthwise;
pub mod global_pool;
#[cfg(feature = "integers")]
pub mod integer_add;
#[cfg(feature = "integers")]
pub mod integer_conv;
#[cfg(feature = "integers")]
pub mod integer_depthwise;
#[cfg(feature = "integers")]
pub mod integer_from_float;
#[cfg(feature = "integers")]
pub mod integer_lookup;
#[cfg(feature = "integers")]
pub mod integer_pointwise;
#[cfg(feature = "integers")]
pub mod integer_pool;
#[cfg(feature = "integers")]
pub mod integer_scale;
#[cfg(feature = "integers")]
pub mod integer_softmax;
#[cfg(feature = "integers")]
pub mod integer_to_float;
pub mod pad;
pub mod pointwise;
pub mod scale;
pub mod sigmoid;
pub mod softmax;
pub mod stem;
#[cfg(feature = "gradients")]
pub mod train_affine;
#[cfg(feature = "gradients")]
pub mod train_bend;
#[cfg(feature = "gradients")]
pub mod train_depthwise;
#[cfg(feature = "gradients")]
pub mod train_depthwise_input;
#[cfg(feature = "gradients")]
pub mod train_moments;
#[cfg(feature = "gradients")]
pub mod train_norm;
#[cfg(feature = "gradients")]
pub mod train_norm_input;
#[cfg(feature = "gradients")]
pub mod train_pointwise;
#[cfg(feature = "gradients")]
pub mod train_pool;
#[cfg(feature = "gradients")]
pub mod train_product;
#[cfg(feature = "gradients")]
pub mod train_scale;
#[cfg(feature = "gradients")]
pub mod train_stem;

use super::Curve;
use crate::lane::F32x4;

/// The pixels under a window over an axis of `length` px, as `(offset in the window, pixel)`; those outside left out.
fn window(
    position: u32,
    stride: u32,
    dilation: u32,
    pad: u32,
    kernel: u32,
    length: u32,
) -> impl Iterator<Item = (usize, usize)> {
    (0..kernel).filter_map(move |offset| {
        let pixel = (position * stride + offset * dilation).checked_sub(pad)?;
        (pixel < length).then_some((offset as usize, pixel as usize))
    })
}

/// `sum + a · b`, rounded twice; in the relaxed build as the machine's one instruction for it rounds, so that bodies are
/// equal to the last bit there too.
fn mul_add(sum: f32, a: f32, b: f32) -> f32 {
    if cfg!(target_feature = "relaxed-simd") {
        let [sum, a, b] = [sum, a, b].map(F32x4::splat);
        return sum.mul_add(a, b).store()[0];
    }
    sum + a * b
}

/// An activation.
fn bend(value: f32, curve: Curve) -> f32 {
    let gate = || (value + 3.0).clamp(0.0, 6.0) * curve.high;
    match curve.kind {
        0 => value.max(curve.low).min(curve.high),
        1 => value * gate(),
        _ => gate(),
    }
}

/// `side` times the slope of an activation at `value`.
#[cfg(feature = "gradients")]
fn slope(value: f32, side: f32, curve: Curve) -> f32 {
    let inside = |low: f32, high: f32, slope: f32| if low < value && value < high { slope } else { 0.0 };
    match curve.kind {
        0 => inside(curve.low, curve.high, side),
        1 => side * ((value + 3.0).clamp(0.0, 6.0) * curve.high + inside(-3.0, 3.0, value * curve.high)),
        _ => inside(-3.0, 3.0, side * curve.high),
    }
}

/// The pixel of a map of `size` rows and columns that lies at `position` with `padding` before it; none outside.
#[cfg(feature = "integers")]
fn inside(position: [u32; 2], padding: [u32; 2], size: [u32; 2]) -> Option<usize> {
    let [row, column] = [0, 1].map(|axis| position[axis].checked_sub(padding[axis]).filter(|&at| at < size[axis]));
    Some((row? * size[1] + column?) as usize)
}
