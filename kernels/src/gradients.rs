//! Parameter blocks of what training needs beside the kernels of inference.
//!
//! Packed gradients lie as the parameters do that they are of, biases first, so that an optimizer walks over both alike. What a
//! pointwise, dense or depthwise layer of stride 1 hands to the layer before it is a forward kernel's on turned weights, so
//! that there are kernels for the rest only. A batch is maps one behind another: whoever looks at pixels one by one takes all of
//! them at once, whoever looks at a window takes a map a call.

use crate::lane::{F32x4, Vec4, lanes};
use crate::params::{Conv, Curve, Depthwise};
use bytemuck::{Pod, Zeroable};
use std::fmt;

/// Sums over pixels are taken of so many first, and then of those: one after the other, single precision would lose in large
/// batches what a step of training is about.
pub const BLOCK: usize = 256;

crate::params::blocks! {
    GRADIENT_BLOCKS:
    /// Groups of four channels of which a call writes some: threads share those of one map.
    Lanes {
        /// Those of the maps that it reads.
        all: u32,
        /// Those before the first that it writes.
        first: u32,
        /// How many it writes.
        count: u32,
    }
    /// A 1×1 convolution of many pixels, without curve.
    TrainProduct {
        /// Height times width, of all maps.
        pixels: u32,
        /// Channels of the input, without lane padding.
        in_channels: u32,
        /// Groups of four output channels.
        out_lanes: u32,
    }
    /// The gradient of a 1×1 convolution's biases and weights.
    TrainPointwise {
        /// Height times width, of all maps.
        pixels: u32,
        /// Channels of the input, without lane padding.
        in_channels: u32,
        /// Groups of four output channels.
        out_lanes: Lanes,
    }
    /// The gradient of a depthwise convolution's biases and weights, for one map.
    TrainDepthwise {
        /// The layer; its curve does not matter.
        layer: Depthwise,
    }
    /// The gradient of a depthwise convolution's input, for one map.
    TrainDepthwiseInput {
        /// The layer; its curve does not matter.
        layer: Depthwise,
    }
    /// The gradient of the first convolution's biases and weights, for one map.
    TrainStem {
        /// The layer; its curve does not matter.
        layer: Conv,
    }
    /// Mean and variance of each channel.
    TrainMoments {
        /// Height times width, of all maps.
        pixels: u32,
        /// Groups of four channels.
        lanes: Lanes,
    }
    /// Each channel times a number, plus a number, bent.
    TrainAffine {
        /// Height times width, of all maps.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
        /// What is done to each output.
        curve: Curve,
    }
    /// The gradient in front of such a bend.
    TrainBend {
        /// Height times width, of all maps.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
        /// What was done to each output.
        curve: Curve,
    }
    /// The gradient of a batch norm's offset and scale.
    TrainNorm {
        /// Height times width, of all maps.
        pixels: u32,
        /// Groups of four channels.
        lanes: Lanes,
    }
    /// The gradient of a batch norm's input.
    TrainNormInput {
        /// Height times width, of all maps.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
    }
    /// The gradient of a gate, for one map.
    TrainScale {
        /// Height times width.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
    }
    /// The gradient of the map that was pooled.
    TrainPool {
        /// Rows of the map.
        in_height: u32,
        /// Columns of the map.
        in_width: u32,
        /// Rows that counted.
        height: u32,
        /// Columns that counted.
        width: u32,
        /// Groups of four channels.
        lanes: u32,
        /// 1 where it was the largest, 0 where it was the mean.
        max: u32,
    }
}

impl From<u32> for Lanes {
    /// All of so many.
    fn from(all: u32) -> Self {
        Self { all, first: 0, count: all }
    }
}

impl Lanes {
    /// Channels that a call writes, each with the number by which its output has them.
    #[cfg(feature = "reference")]
    pub(crate) fn channels(self) -> impl Iterator<Item = (usize, usize)> {
        (self.first as usize * 4..(self.first + self.count) as usize * 4).enumerate()
    }
}

/// Packed weights of a 1×1 convolution the other way round: for each group of four inputs no bias, and what leads to each
/// output. With them the forward kernel computes the gradient of the input.
#[inline(never)]
pub fn turn(packed: &[Vec4], inputs: usize, outputs: usize, turned: &mut [Vec4]) {
    for (group, turned) in turned.chunks_exact_mut(1 + outputs).enumerate() {
        turned[0] = Vec4::default();
        for (packed, turned) in packed.chunks_exact(1 + inputs).zip(turned[1..].chunks_mut(4)) {
            let rows = &packed[1 + 4 * group..][..4.min(inputs - 4 * group)];
            for (o, turned) in turned.iter_mut().enumerate() {
                *turned = Vec4::default();
                for (to, from) in turned.iter_mut().zip(rows) {
                    *to = from[o];
                }
            }
        }
    }
}

/// How many [`Vec4`]s weights turned so take.
#[must_use]
pub const fn turned(inputs: usize, outputs: usize) -> usize {
    lanes(inputs) * (1 + outputs)
}

/// Adds a map, or packed gradients, to another.
#[inline(never)]
pub fn add_to(sum: &mut [Vec4], part: &[Vec4]) {
    for (sum, part) in sum.iter_mut().zip(part) {
        *sum = (F32x4::load(*sum) + F32x4::load(*part)).store();
    }
}

impl fmt::Display for TrainProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for TrainPointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs", self.in_channels)
    }
}

impl fmt::Display for TrainDepthwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl fmt::Display for TrainDepthwiseInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl fmt::Display for TrainStem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl fmt::Display for TrainMoments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for TrainAffine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px{}", self.pixels, self.curve)
    }
}

impl fmt::Display for TrainBend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px{}", self.pixels, self.curve)
    }
}

impl fmt::Display for TrainNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for TrainNormInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for TrainScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for TrainPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}×{} px", if self.max == 0 { "mean" } else { "max" }, self.height, self.width)
    }
}
