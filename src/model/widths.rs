//! How many channels a row has under a multiplier; frameworks differ away from 1.0.

use super::{Block, Scaling};

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
    /// Whether a multiplier below 1 narrows the 1×1 after V3's pool.
    pub head: Scaling,
}

impl Widths {
    /// What V2 has everywhere, and V3 in TF-slim and Keras.
    pub const COMMON: Self = Self {
        rounding: Rounding::Nearest,
        divisible_by: 8,
        min_depth: 8,
        expanding: Expanding::Input,
        head: Scaling::AboveOne,
    };

    /// What V1 has in TF-slim and Keras.
    pub const TRUNCATED: Self = Self { rounding: Rounding::Truncate, divisible_by: 1, ..Self::COMMON };

    /// What V3 has in torchvision.
    pub const TORCHVISION_V3: Self = Self { expanding: Expanding::Table, head: Scaling::Always, ..Self::COMMON };

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
                if (rounded as f64) < 0.9 * exact { rounded + divisor } else { rounded }
            }
        }
    }

    /// Output channels of a row, `input` being those of the row before it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "channels are small")]
    pub fn out_channels(&self, block: &Block, input: usize, multiplier: f32) -> usize {
        let scaled = |channels: usize, scaling: Scaling| match scaling {
            Scaling::Always => self.round(channels as f64, multiplier),
            Scaling::AboveOne => self.round(channels as f64, multiplier.max(1.0)),
        };
        match *block {
            Block::Conv { channels, scaling, .. } => scaled(channels, scaling),
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
        if expanded == of {
            return None;
        }
        Some(match (self.expanding, of) {
            // V2's factor is whole: nothing to round.
            (_, 1) => input * expanded,
            (Expanding::Input, _) => self.round(input as f64 * expanded as f64 / of as f64, 1.0),
            (Expanding::Table, _) => self.round(expanded as f64, multiplier),
        })
    }

    /// Channels between the two 1×1 of a squeeze-excite gate over `channels`: a quarter.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "channels are small")]
    pub fn squeezed(&self, channels: usize) -> usize {
        Self::COMMON.round(channels as f64 / 4.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_each_framework_does() {
        let common = |channels, multiplier| Widths::COMMON.round(channels, multiplier);
        assert_eq!([common(32.0, 0.35), common(16.0, 0.35), common(24.0, 1.4), common(96.0, 0.35)], [16, 8, 32, 32]);
        assert_eq!([common(88.0, 1.0), common(18.0, 1.0), common(60.0, 1.0), common(3.0, 1.0)], [88, 24, 64, 8]);
        let cut = |channels, multiplier| Widths::TRUNCATED.round(channels, multiplier);
        assert_eq!([cut(32.0, 0.25), cut(64.0, 0.1), cut(1024.0, 0.35), cut(32.0, 0.75)], [8, 8, 358, 24]);
    }
}
