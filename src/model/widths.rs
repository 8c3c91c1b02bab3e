//! How many channels a row has under a multiplier; frameworks differ away from 1.0.

use super::Block;

/// What happens to `channels · multiplier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest multiple of the divisor, but never below 90 % of the exact number (`make_divisible`).
    Nearest,
    /// Cut to a whole number (TF-slim's and Keras's V1).
    Truncate,
}

/// From which number expanded channels are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expanding {
    /// From the block's scaled input channels (TF-slim, Keras, timm).
    Input,
    /// From the table's expanded channels (torchvision's V3).
    Table,
}

/// Whether a multiplier acts on the channels of a row that begins or ends the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// As on any other row.
    Always,
    /// Only where it is above 1: narrow networks keep a wide end.
    AboveOne,
    /// Only from 0.75: the narrowest networks keep their stem.
    FromThreeQuarters,
    /// The table's channels stay.
    Never,
}

/// Channels of the 1×1 convolution that ends the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// The table's, scaled.
    Table(Scaling),
    /// Six times those of the row before it (Keras's and torchvision's V3).
    SixTimes,
}

/// One framework's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// What happens to fractions.
    pub rounding: Rounding,
    /// Channels are a multiple of this under [`Rounding::Nearest`].
    pub divisible_by: usize,
    /// No row has fewer channels.
    pub min_depth: usize,
    /// From which number expanded channels are computed.
    pub expanding: Expanding,
    /// Whether a multiplier acts on the first row.
    pub stem: Scaling,
    /// The 1×1 convolution that ends the base.
    pub last: Last,
    /// Whether a multiplier acts on the 1×1 after V3's pool.
    pub head: Scaling,
}

impl Widths {
    /// V2 in Keras, torchvision and timm, and in TF-slim's published weights ("fine-grained").
    pub const V2: Self = Self {
        rounding: Rounding::Nearest,
        divisible_by: 8,
        min_depth: 8,
        expanding: Expanding::Input,
        stem: Scaling::Always,
        last: Last::Table(Scaling::AboveOne),
        // V1 and V2 have none of their own: one in their table is somebody's hidden layer, as wide as it says.
        head: Scaling::Never,
    };

    /// V2 in TF-slim with `finegrain_classification_mode` off, its default.
    pub const V2_SLIM_COARSE: Self = Self::V3_SLIM;

    /// V1 in TF-slim.
    pub const V1_SLIM: Self = Self { rounding: Rounding::Truncate, divisible_by: 1, ..Self::V2 };

    /// V1 in Keras, which has no least number of channels.
    pub const V1_KERAS: Self = Self { min_depth: 1, ..Self::V1_SLIM };

    /// V1 in timm.
    pub const V1_TIMM: Self = Self::V2;

    /// V3 in TF-slim.
    pub const V3_SLIM: Self = Self { last: Last::Table(Scaling::Always), head: Scaling::Always, ..Self::V2 };

    /// V3 in Keras.
    pub const V3_KERAS: Self = Self { stem: Scaling::Never, last: Last::SixTimes, head: Scaling::AboveOne, ..Self::V2 };

    /// V3 in timm.
    pub const V3_TIMM: Self = Self { stem: Scaling::FromThreeQuarters, head: Scaling::Never, ..Self::V3_SLIM };

    /// V3 in torchvision.
    pub const V3_TORCHVISION: Self =
        Self { expanding: Expanding::Table, last: Last::SixTimes, head: Scaling::Always, ..Self::V2 };

    /// `channels · multiplier`, rounded.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "channels are small and positive"
    )]
    pub fn round(&self, channels: f64, multiplier: f32) -> usize {
        // Multipliers are decimals; 0.35f32 as f64 would carry its rounding error into the cut.
        let exact = channels * (f64::from(multiplier) * 1e6).round() / 1e6;
        match self.rounding {
            Rounding::Truncate => (exact as usize).max(self.min_depth),
            Rounding::Nearest => {
                let divisor = self.divisible_by.max(1);
                let rounded = ((exact + divisor as f64 / 2.0) as usize / divisor * divisor).max(self.min_depth);
                if (rounded as f64) < 0.9 * exact { rounded.saturating_add(divisor) } else { rounded }
            }
        }
    }

    /// Output channels of a row, `input` being those of the row before it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "channels are small")]
    pub fn out_channels(&self, block: &Block, input: usize, multiplier: f32) -> usize {
        let scaled = |channels: usize, scaling: Scaling| {
            let kept = match scaling {
                Scaling::Always => false,
                Scaling::AboveOne => multiplier <= 1.0,
                Scaling::FromThreeQuarters => multiplier < 0.75,
                Scaling::Never => true,
            };
            if kept { channels } else { self.round(channels as f64, multiplier) }
        };
        match *block {
            Block::Conv { kernel, channels, .. } if kernel > 1 => scaled(channels, self.stem),
            Block::Conv { channels, .. } => match self.last {
                Last::Table(scaling) => scaled(channels, scaling),
                Last::SixTimes => self.round(6.0 * input as f64, 1.0),
            },
            Block::Separable { channels, .. } | Block::InvertedResidual { channels, .. } => {
                scaled(channels, Scaling::Always)
            }
            Block::Pool => input,
            Block::Head { channels, .. } => scaled(channels, self.head),
        }
    }

    /// Expanded channels of an inverted residual; none where the block has no expanding 1×1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "channels are small")]
    pub fn expanded(&self, expansion: (usize, usize), input: usize, multiplier: f32) -> Option<usize> {
        let (expanded, of) = expansion;
        let channels = match (self.expanding, of) {
            _ if expanded == of => input,
            // V2's factor is whole: nothing to round.
            (_, 1) => input.saturating_mul(expanded),
            (Expanding::Input, _) => self.round(input as f64 * expanded as f64 / of as f64, 1.0),
            (Expanding::Table, _) => self.round(expanded as f64, multiplier),
        };
        (channels != input).then_some(channels)
    }

    /// Channels between the two 1×1 of a squeeze-excite gate over `channels`: a quarter.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "channels are small")]
    pub fn squeezed(&self, channels: usize) -> usize {
        Self::V2.round(channels as f64 / 4.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_each_framework_does() {
        let common = |channels, multiplier| Widths::V2.round(channels, multiplier);
        assert_eq!([common(32.0, 0.35), common(16.0, 0.35), common(24.0, 1.4), common(96.0, 0.35)], [16, 8, 32, 32]);
        assert_eq!([common(88.0, 1.0), common(18.0, 1.0), common(60.0, 1.0), common(3.0, 1.0)], [88, 24, 64, 8]);
        let cut = |channels, multiplier| Widths::V1_SLIM.round(channels, multiplier);
        assert_eq!([cut(32.0, 0.25), cut(64.0, 0.1), cut(1024.0, 0.35), cut(32.0, 0.75)], [8, 8, 358, 24]);
    }
}
