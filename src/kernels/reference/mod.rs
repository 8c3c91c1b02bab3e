//! Scalar bodies: the definition of every kernel. Where another body differs, the other one is wrong.

pub mod add;
pub mod dense;
pub mod depthwise;
pub mod global_pool;
pub mod pointwise;
pub mod softmax;
pub mod stem;

/// The pixels `start + 0 … kernel − 1` of an axis that is `length` long, as `(offset in the window, pixel)`.
fn window(position: u32, stride: u32, pad: u32, kernel: u32, length: u32) -> impl Iterator<Item = (usize, usize)> {
    (0..kernel).filter_map(move |offset| {
        let pixel = (position * stride + offset).checked_sub(pad)?;
        (pixel < length).then_some((offset as usize, pixel as usize))
    })
}

/// Clamped to `low ..= high`.
fn clamp(value: f32, low: f32, high: f32) -> f32 {
    value.max(low).min(high)
}
