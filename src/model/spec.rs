//! One network of the family: everything that the tables leave open.

use super::{Activation, Block, PRESETS, Preprocessing, Version, Widths, table};
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;
use std::borrow::Cow;

/// Where a convolution of stride 2 starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// TensorFlow's SAME: `out = ⌈in / stride⌉`, what is left over goes below and to the right.
    Same,
    /// PyTorch's `padding = (kernel − 1) / 2` on all four sides.
    Symmetric,
    /// Keras's V1: as SAME for stride 1; for stride 2 one row of zeros below and one column to the right, always.
    After,
}

impl Padding {
    /// The name in the weights' metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Symmetric => "symmetric",
            Self::After => "after",
        }
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Same, Self::Symmetric, Self::After].into_iter().find(|padding| padding.name() == name)
    }
}

/// What becomes of the last map when there is no top, and of the vector before the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all pixels.
    Average,
    /// The largest of all pixels.
    Max,
    /// Nothing: the map itself is the last endpoint. Only without top.
    None,
    /// TF-slim's V1: the mean over the upper left 7×7 pixels, or all of a smaller map.
    Slim7,
}

/// Which row is the first to be dilated once [`Spec::output_stride`] is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dilating {
    /// The row after the one that loses its stride (TF-slim, timm).
    Next,
    /// That row itself, which never gains a shortcut (torchvision).
    Same,
}

/// What turns logits into predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classifier {
    /// One of the classes: exponentials over their sum.
    Softmax,
    /// Each class by itself.
    Sigmoid,
    /// Logits are the predictions.
    Linear,
}

/// One network: version, width, input, head, and the conventions of the framework that trained it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Which table.
    pub version: Version,
    /// Its rows.
    pub blocks: Cow<'static, [Block]>,
    /// Depth multiplier: factor on every row's channels.
    pub multiplier: f32,
    /// How channels follow from the multiplier.
    pub widths: Widths,
    /// Input rows.
    pub height_px: usize,
    /// Input columns.
    pub width_px: usize,
    /// Whether zeros are added below and to the right until both sides are multiples of 32.
    pub pad_to_32: bool,
    /// Feature maps are never smaller than the input divided by this (8, 16 or 32): once reached, strides turn into
    /// dilation.
    pub output_stride: usize,
    /// Which row the dilation begins with.
    pub dilating: Dilating,
    /// What ends a squeeze-excite gate.
    pub gate: Activation,
    /// Length of the logits, background included; 0 for a network without top.
    pub classes: usize,
    /// From the last map to a vector.
    pub pooling: Pooling,
    /// From logits to predictions.
    pub classifier: Classifier,
    /// Where convolutions of stride 2 start.
    pub padding: Padding,
    /// Added to a batch norm's variance.
    pub batch_norm_epsilon: f32,
    /// From photograph to input tensor.
    pub preprocessing: Preprocessing,
    /// Name of the label set, e.g. `imagenet-1000`; empty when the file does not say.
    pub label_set: String,
    /// Class names by index; empty when the file does not hold them.
    pub labels: Vec<String>,
}

/// Bounds that keep every size computation far from overflow; published nets lie well inside.
const MAX_MULTIPLIER: f32 = 16.0;
const MAX_SIDE_PX: usize = 4096;
const MIN_SIDE_PX: usize = 32;
const MAX_ROWS: usize = 256;
const MAX_CHANNELS: usize = 1 << 15;
const MAX_KERNEL: usize = 15;
const MAX_CLASSES: usize = 1 << 20;
/// Their bytes fit 32 bits.
const MAX_PARAMETERS: u64 = 1 << 29;

impl Spec {
    /// The published network of that version: 1.0, 224 px, 1000 classes, SAME padding, TensorFlow's conventions.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self {
            version,
            blocks: table(version),
            multiplier: 1.0,
            widths: match version {
                Version::V1 => Widths::V1_SLIM,
                Version::V2 | Version::Custom => Widths::V2,
                _ => Widths::V3_SLIM,
            },
            height_px: 224,
            width_px: 224,
            pad_to_32: false,
            output_stride: 32,
            dilating: Dilating::Next,
            gate: Activation::HardSigmoid,
            classes: 1000,
            pooling: Pooling::Average,
            classifier: Classifier::Softmax,
            padding: Padding::Same,
            batch_norm_epsilon: 1e-3,
            preprocessing: PRESETS[1],
            label_set: String::new(),
            labels: Vec::new(),
        }
    }

    fn check_row(&self, row: usize, block: &Block) -> Result<()> {
        let refuse = |what: &str, expected: String, found: usize| {
            Err(Error::new(Kind::BadModel, format!("row {} of the table, {what}", row + 1))
                .expected(expected)
                .found(found.to_string())
                .remedy("Correct the table."))
        };
        let (kernel, stride, channels) = match *block {
            Block::Conv { kernel, stride, channels, .. } => (kernel, stride, channels),
            Block::Separable { stride, channels } => (3, stride, channels),
            Block::InvertedResidual { kernel, stride, channels, expansion, .. } => {
                if expansion.0 == 0 || expansion.1 == 0 || expansion.0.max(expansion.1) > MAX_CHANNELS {
                    return refuse("expansion", format!("1 to {MAX_CHANNELS}"), expansion.0.min(expansion.1));
                }
                (kernel, stride, channels)
            }
            Block::Pool => return Ok(()),
            Block::Head { channels, .. } => (1, 1, channels),
        };
        if kernel % 2 == 0 || kernel > MAX_KERNEL {
            return refuse("kernel", format!("an odd number up to {MAX_KERNEL}"), kernel);
        }
        if row > 0 && kernel > 1 && matches!(block, Block::Conv { .. }) {
            return refuse("kernel", "1, since only the first row is a whole convolution".into(), kernel);
        }
        if !(1..=2).contains(&stride) || (kernel == 1 && stride > 1) {
            return refuse("stride", "1 or 2, and 1 for a 1×1 convolution".into(), stride);
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return refuse("channels", format!("1 to {MAX_CHANNELS}"), channels);
        }
        Ok(())
    }

    /// Each row by itself, and how many channels and parameters follow from all.
    fn check_rows(&self) -> Result<()> {
        let (mut channels, mut parameters) = (3, 0);
        for (row, block) in self.blocks.iter().enumerate() {
            self.check_row(row, block)?;
            let out = self.widths.out_channels(block, channels, self.multiplier);
            let inner = match *block {
                Block::InvertedResidual { expansion, .. } => {
                    self.widths.expanded(expansion, channels, self.multiplier).unwrap_or(channels)
                }
                _ => channels,
            };
            if out.max(inner) > MAX_CHANNELS {
                return Err(Error::new(Kind::BadModel, format!("row {} of the table, channels", row + 1))
                    .expected(format!("at most {MAX_CHANNELS} after multiplier and expansion"))
                    .found(out.max(inner).to_string())
                    .remedy("Correct the table or the multiplier."));
            }
            let [input, inner, output] = [channels, inner, out].map(|channels| channels as u64);
            parameters += match *block {
                Block::Conv { kernel, .. } => input * output * (kernel * kernel) as u64,
                Block::Separable { .. } => input * (9 + output),
                // A gate, where there is one, is two matrices of a quarter.
                Block::InvertedResidual { kernel, .. } => {
                    inner * (input + (kernel * kernel) as u64 + output + inner / 2)
                }
                Block::Pool => 0,
                Block::Head { .. } => input * output,
            };
            channels = out;
        }
        parameters += channels as u64 * self.classes as u64;
        if parameters > MAX_PARAMETERS {
            return Err(Error::new(Kind::BadModel, "table, all rows and classes")
                .expected(format!("at most {MAX_PARAMETERS} parameters"))
                .found(parameters.to_string())
                .remedy("Use fewer channels or classes."));
        }
        Ok(())
    }

    /// Refuses parameters that no network can have.
    ///
    /// # Errors
    /// [`Kind::BadModel`] with the parameter, its range and its value.
    pub fn check(&self) -> Result<()> {
        let refuse = |place: &str, expected: String, found: String| {
            Err(Error::new(Kind::BadModel, place)
                .expected(expected)
                .found(found)
                .remedy("Correct the value in the weights' metadata, or convert the weights again."))
        };
        if !(self.multiplier > 0.0 && self.multiplier <= MAX_MULTIPLIER) {
            return refuse(
                "multiplier",
                format!("a number above 0, up to {}", print_decimal(MAX_MULTIPLIER.into())),
                print_decimal(self.multiplier.into()),
            );
        }
        for (side, length_px) in [("height", self.height_px), ("width", self.width_px)] {
            if !(MIN_SIDE_PX..=MAX_SIDE_PX).contains(&length_px) {
                return refuse(side, format!("{MIN_SIDE_PX} to {MAX_SIDE_PX} px"), format!("{length_px} px"));
            }
        }
        if ![8, 16, 32].contains(&self.output_stride) {
            return refuse("output_stride", "8, 16 or 32".into(), self.output_stride.to_string());
        }
        if self.classes > MAX_CLASSES {
            return refuse("classes", format!("0 (no top) to {MAX_CLASSES}"), self.classes.to_string());
        }
        if self.classes > 0 && self.pooling == Pooling::None {
            return refuse("pooling", "avg or max, since the network has a top".into(), "none".into());
        }
        if !(1..=MAX_ROWS).contains(&self.blocks.len()) {
            return refuse("blocks", format!("1 to {MAX_ROWS} rows"), format!("{} rows", self.blocks.len()));
        }
        self.check_rows()?;
        if !(self.batch_norm_epsilon > 0.0 && self.batch_norm_epsilon < 1.0) {
            return refuse(
                "batch_norm_epsilon",
                "a number between 0 and 1".into(),
                print_decimal(self.batch_norm_epsilon.into()),
            );
        }
        if !self.labels.is_empty() && self.labels.len() != self.classes {
            return refuse(
                "labels",
                format!("{} names, one a class", self.classes),
                format!("{} names", self.labels.len()),
            );
        }
        Ok(())
    }
}
