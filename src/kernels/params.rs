//! Parameter blocks: plain words, so that the same bytes are a uniform block on the GPU.

use crate::small::print_decimal;
use bytemuck::{Pod, Zeroable};
use std::fmt;

/// Declares `#[repr(C)]` blocks of 32-bit words.
macro_rules! blocks {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*
    };
}

blocks! {
    /// A convolution over all channels of a map of at most four channels.
    Conv {
        /// Rows of the input.
        in_height: u32,
        /// Columns of the input.
        in_width: u32,
        /// Channels of the input, at most 4.
        in_channels: u32,
        /// Rows of the output.
        out_height: u32,
        /// Columns of the output.
        out_width: u32,
        /// Groups of four output channels.
        out_lanes: u32,
        /// Window side in pixels.
        kernel: u32,
        /// Step in pixels.
        stride: u32,
        /// Rows of zeros above the input.
        pad_top: u32,
        /// Columns of zeros left of the input.
        pad_left: u32,
        /// Outputs below this become this.
        low: f32,
        /// Outputs above this become this.
        high: f32,
    }
    /// A convolution of each channel by itself.
    Depthwise {
        /// Rows of the input.
        in_height: u32,
        /// Columns of the input.
        in_width: u32,
        /// Rows of the output.
        out_height: u32,
        /// Columns of the output.
        out_width: u32,
        /// Groups of four channels.
        lanes: u32,
        /// Window side in pixels.
        kernel: u32,
        /// Step in pixels.
        stride: u32,
        /// Rows of zeros above the input.
        pad_top: u32,
        /// Columns of zeros left of the input.
        pad_left: u32,
        /// Outputs below this become this.
        low: f32,
        /// Outputs above this become this.
        high: f32,
    }
    /// A 1×1 convolution: a matrix product over all pixels.
    Pointwise {
        /// Height times width.
        pixels: u32,
        /// Channels of the input, without lane padding.
        in_channels: u32,
        /// Groups of four output channels.
        out_lanes: u32,
        /// 1 where `side` is added after the clamp, else 0.
        residual: u32,
        /// Outputs below this become this.
        low: f32,
        /// Outputs above this become this.
        high: f32,
    }
    /// The sum of two maps.
    Add {
        /// Length of each map in groups of four.
        count: u32,
    }
    /// The mean over all pixels.
    GlobalPool {
        /// Height times width.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
    }
    /// A matrix times a vector, plus a bias.
    Dense {
        /// Length of the input, without lane padding.
        in_channels: u32,
        /// Groups of four outputs.
        out_lanes: u32,
    }
    /// Exponentials over their sum.
    Softmax {
        /// Length, without lane padding.
        classes: u32,
    }
}

/// How many [`crate::lane::Vec4`]s of packed parameters `out_lanes` groups take that read `inputs` values each.
const fn packed(out_lanes: u32, inputs: u32) -> usize {
    out_lanes as usize * (1 + inputs as usize)
}

impl Conv {
    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.out_lanes, self.kernel * self.kernel * self.in_channels)
    }
}

impl Depthwise {
    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.lanes, self.kernel * self.kernel)
    }
}

impl Pointwise {
    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.out_lanes, self.in_channels)
    }
}

impl Dense {
    /// Length of its packed parameters.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        packed(self.out_lanes, self.in_channels)
    }
}

/// ` clamp 0…6`, or nothing for a linear output.
struct Clamp(f32, f32);

impl fmt::Display for Clamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == f32::MIN && self.1 == f32::MAX {
            Ok(())
        } else {
            write!(f, " clamp {}…{}", print_decimal(self.0.into()), print_decimal(self.1.into()))
        }
    }
}

impl fmt::Display for Conv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, pad_top, pad_left, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride} pad {pad_top},{pad_left}{}", Clamp(self.low, self.high))
    }
}

impl fmt::Display for Depthwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, pad_top, pad_left, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride} pad {pad_top},{pad_left}{}", Clamp(self.low, self.high))
    }
}

impl fmt::Display for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let residual = if self.residual == 0 { "" } else { " + residual" };
        write!(f, "1×1{}{residual}", Clamp(self.low, self.high))
    }
}

impl fmt::Display for Add {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}

impl fmt::Display for GlobalPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px", self.pixels)
    }
}

impl fmt::Display for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs", self.in_channels)
    }
}

impl fmt::Display for Softmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} classes", self.classes)
    }
}
