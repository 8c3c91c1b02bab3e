//! What a MobileNet is, as pure data: one table row per block, channel rounding, preprocessing presets.

mod blocks;
mod preprocessing;
mod spec;

pub use blocks::{Activation, Block, Version, round_channels, table};
pub use preprocessing::{Crop, PRESETS, Preprocessing, Sampling, preset};
pub use spec::{Padding, Spec};
