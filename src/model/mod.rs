//! What a MobileNet is, as pure data: one table row per block, channel rounding, preprocessing presets.

mod blocks;
mod preprocessing;
mod spec;
mod widths;

pub use blocks::{Activation, Block, Version, table};
pub use preprocessing::{Crop, PRESETS, Preprocessing, Sampling, preset};
pub use spec::{Classifier, Dilating, Padding, Pooling, Spec};
pub use widths::{Expanding, Last, Rounding, Scaling, Widths};
