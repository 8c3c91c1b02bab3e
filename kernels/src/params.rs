//! Parameter blocks: plain words, so that the same bytes are a uniform block on the GPU.

use bytemuck::{Pod, Zeroable};
use std::fmt;

/// Declares `#[repr(C)]` blocks of 32-bit words.
macro_rules! blocks {
    ($list:ident: $($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*

        /// Every block's name and its fields', in order: what the shaders' structures are compared with.
        pub const $list: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($field)),*])),*];
    };
}

#[cfg(any(feature = "gradients", feature = "integers"))]
pub(crate) use blocks;

blocks! {
    BLOCKS:
    /// An activation: outputs are clamped to `low ..= high`, or bent.
    Curve {
        /// 0: clamp. 1: hard-swish, `x · clamp(x + 3, 0, 6) / 6`. 2: hard-sigmoid, `clamp(x + 3, 0, 6) / 6`.
        kind: u32,
        /// Outputs below this become this.
        low: f32,
        /// Outputs above this become this.
        high: f32,
    }
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
        /// What is done to each output.
        curve: Curve,
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
        /// Distance in pixels between neighbours inside the window.
        dilation: u32,
        /// Rows of zeros above the input.
        pad_top: u32,
        /// Columns of zeros left of the input.
        pad_left: u32,
        /// What is done to each output.
        curve: Curve,
    }
    /// A 1×1 convolution: a matrix product over all pixels.
    Pointwise {
        /// Height times width.
        pixels: u32,
        /// Channels of the input, without lane padding.
        in_channels: u32,
        /// Groups of four output channels.
        out_lanes: u32,
        /// 1 where `side` is added after the activation, else 0.
        residual: u32,
        /// What is done to each output.
        curve: Curve,
    }
    /// The sum of two maps.
    Add {
        /// Length of each map in groups of four.
        count: u32,
    }
    /// One number a channel, from all pixels of the upper left part of a map.
    GlobalPool {
        /// Columns of the map.
        in_width: u32,
        /// Rows that count.
        height: u32,
        /// Columns that count.
        width: u32,
        /// Groups of four channels.
        lanes: u32,
        /// 1 for the largest, 0 for the mean.
        max: u32,
    }
    /// A map times a vector, channel by channel.
    Scale {
        /// Height times width.
        pixels: u32,
        /// Groups of four channels.
        lanes: u32,
    }
    /// Zeros added below and to the right of a map.
    Pad {
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
    }
    /// A matrix times a vector, plus a bias.
    Dense {
        /// Length of the input, without lane padding.
        in_channels: u32,
        /// Groups of four outputs.
        out_lanes: u32,
        /// What is done to each output.
        curve: Curve,
    }
    /// Each value by itself to 0 … 1: `1 / (1 + exp(−x))`.
    Sigmoid {
        /// Length, without lane padding.
        classes: u32,
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

/// Multiplied by, in every body: dividing by 6 rounds otherwise.
const SIXTH: f32 = 1.0 / 6.0;

impl Curve {
    /// Outputs stay as they are.
    pub const LINEAR: Self = Self { kind: 0, low: f32::MIN, high: f32::MAX };
    /// Never below 0.
    pub const RELU: Self = Self { kind: 0, low: 0.0, high: f32::MAX };
    /// Clamped to 0 … 6.
    pub const RELU6: Self = Self { kind: 0, low: 0.0, high: 6.0 };
    /// `x · clamp(x + 3, 0, 6) / 6`.
    pub const HARD_SWISH: Self = Self { kind: 1, low: 0.0, high: SIXTH };
    /// `clamp(x + 3, 0, 6) / 6`.
    pub const HARD_SIGMOID: Self = Self { kind: 2, ..Self::HARD_SWISH };
    /// `clamp(x + 3, 0, 6) · 0.16667`.
    pub const SLIM_SIGMOID: Self = Self { high: 0.16667, ..Self::HARD_SIGMOID };
}

/// ` relu6`, or nothing for a linear output.
impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LINEAR => Ok(()),
            Self::RELU => f.write_str(" relu"),
            Self::RELU6 => f.write_str(" relu6"),
            Self::HARD_SWISH => f.write_str(" hard-swish"),
            Self::HARD_SIGMOID => f.write_str(" hard-sigmoid"),
            Self::SLIM_SIGMOID => f.write_str(" slim-sigmoid"),
            _ => f.write_str(" clamp"),
        }
    }
}

impl fmt::Display for Conv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, pad_top, pad_left, curve, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride} pad {pad_top},{pad_left}{curve}")
    }
}

impl fmt::Display for Depthwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, stride, dilation, pad_top, pad_left, curve, .. } = self;
        write!(f, "{kernel}×{kernel} s{stride}")?;
        if *dilation > 1 {
            write!(f, " d{dilation}")?;
        }
        write!(f, " pad {pad_top},{pad_left}{curve}")
    }
}

impl fmt::Display for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let residual = if self.residual == 0 { "" } else { " + residual" };
        write!(f, "1×1{}{residual}", self.curve)
    }
}

impl fmt::Display for Add {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}

impl fmt::Display for GlobalPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}×{} px", if self.max == 0 { "mean" } else { "max" }, self.height, self.width)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{} px", self.out_height, self.out_width)
    }
}

impl fmt::Display for Sigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} classes", self.classes)
    }
}

impl fmt::Display for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs{}", self.in_channels, self.curve)
    }
}

impl fmt::Display for Softmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} classes", self.classes)
    }
}
