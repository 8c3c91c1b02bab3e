//! Quantised maps and their parameter blocks.
//!
//! A map of integers holds `integer − zero point` in 16 bits, `[h, w, c]` with `c` rounded up to whole eights and zeros
//! past `c`: eight of them are the bytes of one [`Vec4`], so that both kinds of map share an arena. Zeros are zeros hence,
//! also those around a map, and signed and unsigned files differ in bounds alone. Weights lie the same way,
//! or as bytes in fours ([`crate::dots`]).
//!
//! A block says shapes only. All numbers are in the packed parameters, as the bytes of [`Vec4`]s: bounds, multipliers and
//! tables, each of which a kernel's reference lists.

use crate::fixed::{Rescale, Ties};
use crate::lane::{Vec4, lanes};
use bytemuck::{Pod, Zeroable};
use std::fmt;

/// Eight neighbouring channels of one pixel.
pub type Eight = [i16; 8];

/// How many [`Eight`]s hold `channels` channels.
#[must_use]
pub const fn eights(channels: usize) -> usize {
    channels.div_ceil(8)
}

/// How many pairs of channels a convolution reads at once.
#[must_use]
pub const fn pairs(channels: usize) -> usize {
    channels.div_ceil(2)
}

/// How many fours of them.
#[must_use]
pub const fn fours(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// [`Vec4`]s of integers before those of the channels: least and greatest output, whether halves are rounded up, and one
/// unused; how weights are packed (`Dots::code`), the input's zero point among bytes, and two unused.
pub const HEADER: usize = 2;

/// [`Vec4`]s of 32-bit integers before the weights of eight channels: biases, multipliers and shifts.
pub const RESCALES: usize = 6;

/// Rows of a table: all integers of eight bits.
pub const TABLE: usize = 256;

crate::params::blocks! {
    INTEGER_BLOCKS:
    /// A convolution over all channels.
    IntegerConv {
        /// Rows of the input.
        in_height: u32,
        /// Columns of the input.
        in_width: u32,
        /// Channels of the input.
        in_channels: u32,
        /// Rows of the output.
        out_height: u32,
        /// Columns of the output.
        out_width: u32,
        /// Groups of eight output channels.
        out_eights: u32,
        /// Window side in pixels.
        kernel: u32,
        /// Step in pixels.
        stride: u32,
        /// Rows of zeros above the input.
        pad_top: u32,
        /// Columns of zeros left of the input.
        pad_left: u32,
    }
    /// A convolution of each channel by itself.
    IntegerDepthwise {
        /// Rows of the input.
        in_height: u32,
        /// Columns of the input.
        in_width: u32,
        /// Rows of the output.
        out_height: u32,
        /// Columns of the output.
        out_width: u32,
        /// Groups of eight channels.
        eights: u32,
        /// Window side in pixels.
        kernel: u32,
        /// Step in pixels.
        stride: u32,
        /// Distance in pixels between neighbours inside the window.
        dilation: u32,
        /// Rows of zeros above the input.
        pad_top: u32,
        /// Columns of zeros left of the input.
        pad_left: u32,
    }
    /// A 1×1 convolution, or a dense layer of one pixel.
    IntegerPointwise {
        /// Height times width.
        pixels: u32,
        /// Channels of the input.
        in_channels: u32,
        /// Groups of eight output channels.
        out_eights: u32,
    }
    /// The sum of two maps.
    IntegerAdd {
        /// Length of each map in groups of eight.
        count: u32,
    }
    /// A map times a vector, channel by channel.
    IntegerScale {
        /// Height times width.
        pixels: u32,
        /// Groups of eight channels.
        eights: u32,
    }
    /// One number a channel, from all pixels of the upper left part of a map.
    IntegerPool {
        /// Columns of the map.
        in_width: u32,
        /// Rows that count.
        height: u32,
        /// Columns that count.
        width: u32,
        /// Channels.
        channels: u32,
    }
    /// A function of each value by itself, as a table.
    IntegerLookup {
        /// Height times width.
        pixels: u32,
        /// Channels.
        channels: u32,
    }
    /// Exponentials over their sum.
    IntegerSoftmax {
        /// Length.
        classes: u32,
    }
    /// A map of floats as integers.
    IntegerFromFloat {
        /// Height times width.
        pixels: u32,
        /// Channels.
        channels: u32,
    }
    /// A map of integers as floats.
    IntegerToFloat {
        /// Height times width.
        pixels: u32,
        /// Channels.
        channels: u32,
    }
}

/// Length of the packed parameters of `out_eights` groups of eight channels that read `weights` [`Vec4`]s each.
const fn packed(out_eights: u32, weights: usize) -> usize {
    HEADER + out_eights as usize * (RESCALES + weights)
}

impl IntegerConv {
    /// Window side up to which weights may be packed in fours.
    pub(crate) const MOST_KERNEL_OF_FOURS: usize = 5;
    /// Step up to which they may.
    pub(crate) const MOST_STRIDE_OF_FOURS: usize = 2;

    /// Whether weights may be packed in fours: those of a picture.
    #[must_use]
    pub const fn takes_fours(&self) -> bool {
        self.in_channels <= 4
            && self.kernel as usize <= Self::MOST_KERNEL_OF_FOURS
            && self.stride as usize <= Self::MOST_STRIDE_OF_FOURS
    }

    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.out_eights, (self.kernel * self.kernel) as usize * pairs(self.in_channels as usize) * 2)
    }
}

impl IntegerDepthwise {
    /// Whether weights may be packed in fours, of rows: those of every published network.
    #[must_use]
    pub const fn takes_fours(&self) -> bool {
        matches!((self.kernel, self.stride, self.dilation), (3 | 5, 1 | 2, 1))
    }

    /// Where the weight of a channel lies among bytes of eight channels: `[column][four rows][8 channels][4 rows]`.
    #[must_use]
    pub const fn place(&self, row: usize, column: usize, channel: usize) -> usize {
        let fours = fours(self.kernel as usize);
        ((column * fours + row / 4) * 8 + channel) * 4 + row % 4
    }

    /// Length of its packed parameters: no fewer than what fours take.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.eights, (self.kernel * self.kernel) as usize)
    }
}

impl IntegerPointwise {
    /// Whether weights may be packed in fours: a few pixels must fit a buffer.
    #[must_use]
    pub const fn takes_fours(&self) -> bool {
        self.in_channels <= 2560
    }

    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.out_eights, pairs(self.in_channels as usize) * 2)
    }
}

impl IntegerToFloat {
    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        lanes(self.channels as usize)
    }
}

/// Lengths of the packed parameters of kernels whose shapes do not matter.
pub mod lengths {
    /// Of [`super::IntegerAdd`].
    pub const ADD: usize = 2;
    /// Of [`super::IntegerScale`].
    pub const SCALE: usize = 1;
    /// Of [`super::IntegerPool`].
    pub const POOL: usize = 2;
    /// Of [`super::IntegerLookup`].
    pub const LOOKUP: usize = 1 + super::TABLE / 8;
    /// Of [`super::IntegerSoftmax`].
    pub const SOFTMAX: usize = 1 + super::TABLE / 4;
    /// Of [`super::IntegerFromFloat`].
    pub const FLOAT: usize = 1;
}

/// A map of integers.
pub(crate) fn map(values: &[Vec4]) -> &[Eight] {
    bytemuck::cast_slice(values)
}

/// The same to write.
pub(crate) fn map_mut(values: &mut [Vec4]) -> &mut [Eight] {
    bytemuck::cast_slice_mut(values)
}

/// Parameters as integers.
pub(crate) fn words(values: &[Vec4]) -> &[i32] {
    bytemuck::cast_slice(values)
}

/// What a header says.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: i32,
    pub(crate) high: i32,
    pub(crate) ties: Ties,
}

impl Bounds {
    pub(crate) fn new(header: Vec4) -> Self {
        let [low, high, up, _] = header.map(|word| word.to_bits().cast_signed());
        Self { low, high, ties: if up == 0 { Ties::Away } else { Ties::Up } }
    }

    /// The integer that a sum becomes.
    #[inline(always)]
    pub(crate) fn output(self, sum: i32, rescale: Rescale) -> i16 {
        self.clamp(rescale.apply(sum, self.ties))
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "bounds of eight bits, less a zero point")]
    pub(crate) fn clamp(self, value: i32) -> i16 {
        value.max(self.low).min(self.high) as i16
    }
}

/// The share of eight output channels: how their sums begin and become outputs, and their weights.
#[derive(Clone, Copy)]
pub(crate) struct Channels<'a> {
    pub(crate) biases: &'a [i32],
    pub(crate) multipliers: &'a [i32],
    pub(crate) shifts: &'a [i32],
    pub(crate) weights: &'a [Eight],
}

impl<'a> Channels<'a> {
    pub(crate) fn new(packed: &'a [Vec4]) -> Self {
        let (rescales, weights) = packed.split_at(RESCALES);
        let (biases, rescales) = words(rescales).split_at(8);
        let (multipliers, shifts) = rescales.split_at(8);
        Self { biases, multipliers, shifts, weights: map(weights) }
    }

    /// Weights in fours.
    #[cfg(feature = "reference")]
    pub(crate) fn bytes(&self) -> &[i8] {
        bytemuck::cast_slice(self.weights)
    }

    #[inline(always)]
    pub(crate) fn rescale(&self, channel: usize) -> Rescale {
        Rescale { multiplier: self.multipliers[channel], shift: self.shifts[channel] }
    }
}

impl fmt::Display for IntegerConv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, pad_top, pad_left, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride} pad {pad_top},{pad_left}")
    }
}

impl fmt::Display for IntegerDepthwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, dilation, pad_top, pad_left, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride}")?;
        if *dilation > 1 {
            write!(f, " d{dilation}")?;
        }
        write!(f, " pad {pad_top},{pad_left}")
    }
}

impl fmt::Display for IntegerPointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1×1 of {}", self.in_channels)
    }
}

impl fmt::Display for IntegerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mean of {}×{} px", self.height, self.width)
    }
}

impl fmt::Display for IntegerSoftmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} classes", self.classes)
    }
}

/// Blocks of whom nothing is worth saying beside the map's shape.
macro_rules! silent {
    ($($name:ident),*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Ok(())
            }
        })*
    };
}

silent!(IntegerAdd, IntegerScale, IntegerLookup, IntegerFromFloat, IntegerToFloat);
