//! One network of the family: everything that the tables leave open.

use super::{Preprocessing, Version};
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;

/// Where a convolution of stride 2 starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// TensorFlow's SAME: `out = ⌈in / stride⌉`, what is left over goes below and to the right.
    Same,
    /// PyTorch's `padding = (kernel − 1) / 2` on all four sides.
    Symmetric,
}

impl Padding {
    /// The name in the weights' metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Symmetric => "symmetric",
        }
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Same, Self::Symmetric].into_iter().find(|padding| padding.name() == name)
    }
}

/// One network: version, width, input, head, and the conventions of the framework that trained it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Which table.
    pub version: Version,
    /// Depth multiplier: factor on every block's channels.
    pub multiplier: f32,
    /// Input height and width.
    pub resolution_px: usize,
    /// Length of the logits.
    pub classes: usize,
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
const MAX_RESOLUTION_PX: usize = 4096;
const MIN_RESOLUTION_PX: usize = 32;
const MAX_CLASSES: usize = 1 << 20;

impl Spec {
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
        if !(MIN_RESOLUTION_PX..=MAX_RESOLUTION_PX).contains(&self.resolution_px) {
            return refuse(
                "resolution",
                format!("{MIN_RESOLUTION_PX} to {MAX_RESOLUTION_PX} px"),
                format!("{} px", self.resolution_px),
            );
        }
        if !(1..=MAX_CLASSES).contains(&self.classes) {
            return refuse("classes", format!("1 to {MAX_CLASSES}"), self.classes.to_string());
        }
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
