//! The networks as tables, one row a block.

use std::borrow::Cow;

/// Which MobileNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Depthwise-separable convolutions (Howard et al. 2017).
    V1,
    /// Inverted residuals with linear bottlenecks (Sandler et al. 2018).
    V2,
    /// Searched blocks with squeeze-excite and hard-swish (Howard et al. 2019), for large budgets.
    V3Large,
    /// The same for small budgets.
    V3Small,
    /// V3 Large without squeeze-excite, hard-swish and 5×5 kernels.
    V3LargeMinimalistic,
    /// V3 Small without squeeze-excite, hard-swish and 5×5 kernels.
    V3SmallMinimalistic,
    /// A table of one's own.
    Custom,
}

impl Version {
    /// Every version, with the name in the weights' metadata.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::V1, "v1"),
        (Self::V2, "v2"),
        (Self::V3Large, "v3-large"),
        (Self::V3Small, "v3-small"),
        (Self::V3LargeMinimalistic, "v3-large-minimalistic"),
        (Self::V3SmallMinimalistic, "v3-small-minimalistic"),
        (Self::Custom, "custom"),
    ];

    /// The name in the weights' metadata.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The version of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Whether TF-slim numbers its endpoints `Conv2d_0 …` rather than `layer_1 …`.
    #[must_use]
    pub const fn is_v1(self) -> bool {
        matches!(self, Self::V1)
    }
}

/// What follows a convolution's batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: a linear bottleneck.
    Linear,
    /// Never below 0.
    Relu,
    /// Clamped to 0 … 6.
    Relu6,
    /// `x · relu6(x + 3) / 6`.
    HardSwish,
    /// `relu6(x + 3) / 6`, the gate of squeeze-excite.
    HardSigmoid,
    /// `relu6(x + 3) · 0.16667`, that gate in TF-slim: over a dozen gates the difference shows.
    SlimSigmoid,
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// A whole convolution over all channels: the stem, and the 1×1 that ends the base.
    Conv {
        /// Window side in pixels.
        kernel: usize,
        /// Step in pixels.
        stride: usize,
        /// Output channels at multiplier 1.
        channels: usize,
        /// After the batch norm.
        activation: Activation,
    },
    /// Depthwise 3×3, then 1×1: a block of V1.
    Separable {
        /// Step of the depthwise convolution in pixels.
        stride: usize,
        /// Output channels at multiplier 1.
        channels: usize,
    },
    /// Expand by 1×1, depthwise, gate, project by 1×1; added to its input where shapes allow.
    InvertedResidual {
        /// Window side of the depthwise convolution in pixels.
        kernel: usize,
        /// Expanded channels for each `expansion.1` input channels; equal numbers mean no expanding 1×1.
        expansion: (usize, usize),
        /// Step of the depthwise convolution in pixels.
        stride: usize,
        /// Output channels at multiplier 1.
        channels: usize,
        /// Whether a squeeze-excite gate scales the depthwise output.
        squeeze_excite: bool,
        /// After expansion and depthwise convolution.
        activation: Activation,
    },
    /// The mean over all pixels, inside the base.
    Pool,
    /// A 1×1 convolution with biases and no batch norm, on the pooled vector.
    Head {
        /// Output channels at multiplier 1.
        channels: usize,
        /// After the biases.
        activation: Activation,
    },
}

const fn stem(channels: usize, activation: Activation) -> Block {
    Block::Conv { kernel: 3, stride: 2, channels, activation }
}

const fn separable(stride: usize, channels: usize) -> Block {
    Block::Separable { stride, channels }
}

/// A row of V2: expansion factor, stride, channels.
const fn v2(factor: usize, stride: usize, channels: usize) -> Block {
    Block::InvertedResidual {
        kernel: 3,
        expansion: (factor, 1),
        stride,
        channels,
        squeeze_excite: false,
        activation: Activation::Relu6,
    }
}

/// A row of V3 as the paper's tables print it: kernel, input and expanded channels, output channels, gate,
/// nonlinearity, stride.
const fn v3(
    kernel: usize,
    input: usize,
    expanded: usize,
    channels: usize,
    gate: bool,
    activation: Activation,
    stride: usize,
) -> Block {
    Block::InvertedResidual { kernel, expansion: (expanded, input), stride, channels, squeeze_excite: gate, activation }
}

use Activation::{HardSwish as HS, Relu as RE, Relu6};

/// MobileNetV1: `Conv2d_0` … `Conv2d_13_pointwise`.
/// 4,231,976 parameters and 568,740,352 multiply-accumulates at 1.0, 224 px, 1000 classes.
const V1: [Block; 14] = [
    stem(32, Relu6),
    separable(1, 64),
    separable(2, 128),
    separable(1, 128),
    separable(2, 256),
    separable(1, 256),
    separable(2, 512),
    separable(1, 512),
    separable(1, 512),
    separable(1, 512),
    separable(1, 512),
    separable(1, 512),
    separable(2, 1024),
    separable(1, 1024),
];

/// MobileNetV2, table 2 of the paper with its repeats written out: `layer_1` … `layer_19`.
/// 3,504,872 parameters and 300,774,272 multiply-accumulates at 1.0, 224 px, 1000 classes.
const V2: [Block; 19] = [
    stem(32, Relu6),
    v2(1, 1, 16),
    v2(6, 2, 24),
    v2(6, 1, 24),
    v2(6, 2, 32),
    v2(6, 1, 32),
    v2(6, 1, 32),
    v2(6, 2, 64),
    v2(6, 1, 64),
    v2(6, 1, 64),
    v2(6, 1, 64),
    v2(6, 1, 96),
    v2(6, 1, 96),
    v2(6, 1, 96),
    v2(6, 2, 160),
    v2(6, 1, 160),
    v2(6, 1, 160),
    v2(6, 1, 320),
    Block::Conv { kernel: 1, stride: 1, channels: 1280, activation: Relu6 },
];

/// MobileNetV3-Large, table 1 of the paper: `layer_1` … `layer_19`.
const V3_LARGE: [Block; 19] = [
    stem(16, HS),
    v3(3, 16, 16, 16, false, RE, 1),
    v3(3, 16, 64, 24, false, RE, 2),
    v3(3, 24, 72, 24, false, RE, 1),
    v3(5, 24, 72, 40, true, RE, 2),
    v3(5, 40, 120, 40, true, RE, 1),
    v3(5, 40, 120, 40, true, RE, 1),
    v3(3, 40, 240, 80, false, HS, 2),
    v3(3, 80, 200, 80, false, HS, 1),
    v3(3, 80, 184, 80, false, HS, 1),
    v3(3, 80, 184, 80, false, HS, 1),
    v3(3, 80, 480, 112, true, HS, 1),
    v3(3, 112, 672, 112, true, HS, 1),
    v3(5, 112, 672, 160, true, HS, 2),
    v3(5, 160, 960, 160, true, HS, 1),
    v3(5, 160, 960, 160, true, HS, 1),
    Block::Conv { kernel: 1, stride: 1, channels: 960, activation: HS },
    Block::Pool,
    Block::Head { channels: 1280, activation: HS },
];

/// MobileNetV3-Small, table 2 of the paper: `layer_1` … `layer_15`.
const V3_SMALL: [Block; 15] = [
    stem(16, HS),
    v3(3, 16, 16, 16, true, RE, 2),
    v3(3, 16, 72, 24, false, RE, 2),
    v3(3, 24, 88, 24, false, RE, 1),
    v3(5, 24, 96, 40, true, HS, 2),
    v3(5, 40, 240, 40, true, HS, 1),
    v3(5, 40, 240, 40, true, HS, 1),
    v3(5, 40, 120, 48, true, HS, 1),
    v3(5, 48, 144, 48, true, HS, 1),
    v3(5, 48, 288, 96, true, HS, 2),
    v3(5, 96, 576, 96, true, HS, 1),
    v3(5, 96, 576, 96, true, HS, 1),
    Block::Conv { kernel: 1, stride: 1, channels: 576, activation: HS },
    Block::Pool,
    Block::Head { channels: 1024, activation: HS },
];

/// The rows of a version; none of a custom one, whose rows come with its weights.
#[must_use]
pub fn table(version: Version) -> Cow<'static, [Block]> {
    match version {
        Version::V1 => Cow::Borrowed(&V1),
        Version::V2 => Cow::Borrowed(&V2),
        Version::V3Large => Cow::Borrowed(&V3_LARGE),
        Version::V3Small => Cow::Borrowed(&V3_SMALL),
        Version::V3LargeMinimalistic => V3_LARGE.iter().map(Block::minimalistic).collect(),
        Version::V3SmallMinimalistic => V3_SMALL.iter().map(Block::minimalistic).collect(),
        Version::Custom => Cow::Borrowed(&[]),
    }
}

impl Block {
    /// The same row without squeeze-excite, hard-swish and 5×5 kernels.
    fn minimalistic(&self) -> Self {
        match *self {
            Self::Conv { kernel, stride, channels, .. } => Self::Conv { kernel, stride, channels, activation: RE },
            Self::InvertedResidual { expansion, stride, channels, .. } => {
                Self::InvertedResidual { kernel: 3, expansion, stride, channels, squeeze_excite: false, activation: RE }
            }
            Self::Head { channels, .. } => Self::Head { channels, activation: RE },
            other => other,
        }
    }
}
