//! The networks as tables, one row a block.

/// Which MobileNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Inverted residuals with linear bottlenecks (Sandler et al. 2018).
    V2,
}

impl Version {
    /// The name in the weights' metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
        }
    }

    /// The version of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::V2].into_iter().find(|version| version.name() == name)
    }
}

/// What follows a convolution's batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing: a linear bottleneck.
    Linear,
    /// Clamped to 0 … 6.
    Relu6,
}

/// One row of a table: what one endpoint `layer_N` is made of.
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
        /// Whether a multiplier below 1 leaves the channels alone (the last 1×1 of V2 keeps 1280).
        keep_below_one: bool,
    },
    /// Expand by 1×1, depthwise 3×3, project by 1×1; added to its input where shapes allow.
    InvertedResidual {
        /// Expanded over input channels; 1 means no expanding 1×1.
        expansion: usize,
        /// Step of the depthwise convolution in pixels.
        stride: usize,
        /// Output channels at multiplier 1.
        channels: usize,
    },
}

const fn inverted_residual(expansion: usize, stride: usize, channels: usize) -> Block {
    Block::InvertedResidual { expansion, stride, channels }
}

/// MobileNetV2, table 2 of the paper with its repeats written out: `layer_1` … `layer_19`.
/// 3,504,872 parameters and 300,774,272 multiply-accumulates at 1.0, 224 px, 1000 classes.
const V2: [Block; 19] = [
    Block::Conv { kernel: 3, stride: 2, channels: 32, keep_below_one: false },
    inverted_residual(1, 1, 16),
    inverted_residual(6, 2, 24),
    inverted_residual(6, 1, 24),
    inverted_residual(6, 2, 32),
    inverted_residual(6, 1, 32),
    inverted_residual(6, 1, 32),
    inverted_residual(6, 2, 64),
    inverted_residual(6, 1, 64),
    inverted_residual(6, 1, 64),
    inverted_residual(6, 1, 64),
    inverted_residual(6, 1, 96),
    inverted_residual(6, 1, 96),
    inverted_residual(6, 1, 96),
    inverted_residual(6, 2, 160),
    inverted_residual(6, 1, 160),
    inverted_residual(6, 1, 160),
    inverted_residual(6, 1, 320),
    Block::Conv { kernel: 1, stride: 1, channels: 1280, keep_below_one: true },
];

/// The rows of a version.
#[must_use]
pub const fn table(version: Version) -> &'static [Block] {
    match version {
        Version::V2 => &V2,
    }
}

/// `channels · multiplier`, rounded to the nearest multiple of 8 but never below 90 % of it (`make_divisible`).
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "channels are small and positive"
)]
pub fn round_channels(channels: usize, multiplier: f32) -> usize {
    const DIVISOR: usize = 8;
    let exact = f64::from(multiplier) * channels as f64;
    let rounded = ((exact + DIVISOR as f64 / 2.0) as usize / DIVISOR * DIVISOR).max(DIVISOR);
    if (rounded as f64) < 0.9 * exact { rounded + DIVISOR } else { rounded }
}

impl Block {
    /// Output channels of this row at `multiplier`.
    #[must_use]
    pub fn out_channels(&self, multiplier: f32) -> usize {
        match *self {
            Self::Conv { channels, keep_below_one: true, .. } => round_channels(channels, multiplier.max(1.0)),
            Self::Conv { channels, .. } | Self::InvertedResidual { channels, .. } => {
                round_channels(channels, multiplier)
            }
        }
    }
}
