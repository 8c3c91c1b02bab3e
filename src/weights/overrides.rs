//! What a file's metadata states, or a caller asks for, in place of what tensors tell.

use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block, Classifier, Dilating, Padding, Pooling, Preprocessing, Spec, Version, Widths};
use std::borrow::Cow;

/// Whatever is set here goes before the file's metadata, and that before what tensors' names and shapes tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Which network.
    pub version: Option<Version>,
    /// Its rows, for a network with a table of its own.
    pub table: Option<Vec<Block>>,
    /// Depth multiplier.
    pub multiplier: Option<f32>,
    /// How channels follow from the multiplier.
    pub widths: Option<Widths>,
    /// Input rows.
    pub height_px: Option<usize>,
    /// Input columns.
    pub width_px: Option<usize>,
    /// Whether the input is padded to a multiple of 32 pixels.
    pub pad_to_32: Option<bool>,
    /// 8, 16 or 32.
    pub output_stride: Option<usize>,
    /// Which row is dilated first below the output stride.
    pub dilating: Option<Dilating>,
    /// What ends a squeeze-excite gate.
    pub gate: Option<Activation>,
    /// Length of the logits; 0 leaves the top of the network out.
    pub classes: Option<usize>,
    /// From the last map to a vector.
    pub pooling: Option<Pooling>,
    /// From logits to predictions.
    pub classifier: Option<Classifier>,
    /// Where convolutions of stride 2 start.
    pub padding: Option<Padding>,
    /// Added to a batch norm's variance.
    pub batch_norm_epsilon: Option<f32>,
    /// From photograph to input tensor.
    pub preprocessing: Option<Preprocessing>,
    /// Name of the label set.
    pub label_set: Option<String>,
    /// Class names by index.
    pub labels: Option<Vec<String>>,
    /// WordNet ids by index.
    pub wnids: Option<Vec<String>>,
}

impl Overrides {
    /// `spec` with these values in the place of its own, for a network that comes without a file. One side of the input
    /// stands for both; without classes the top of the table goes as well.
    #[must_use]
    pub fn apply(&self, mut spec: Spec) -> Spec {
        fn put<T: Clone>(place: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        if let Some(version) = self.version.filter(|version| *version != spec.version) {
            spec = Spec::new(version);
        }
        if let Some(table) = &self.table {
            spec.version = self.version.unwrap_or(Version::Custom);
            spec.blocks = Cow::Owned(table.clone());
        } else if self.classes == Some(0) {
            spec.blocks.to_mut().retain(|block| !matches!(block, Block::Pool | Block::Head { .. }));
        }
        put(&mut spec.multiplier, self.multiplier.as_ref());
        put(&mut spec.widths, self.widths.as_ref());
        put(&mut spec.height_px, self.height_px.as_ref().or(self.width_px.as_ref()));
        put(&mut spec.width_px, self.width_px.as_ref().or(self.height_px.as_ref()));
        put(&mut spec.pad_to_32, self.pad_to_32.as_ref());
        put(&mut spec.output_stride, self.output_stride.as_ref());
        put(&mut spec.dilating, self.dilating.as_ref());
        put(&mut spec.gate, self.gate.as_ref());
        put(&mut spec.classes, self.classes.as_ref());
        put(&mut spec.pooling, self.pooling.as_ref());
        put(&mut spec.classifier, self.classifier.as_ref());
        put(&mut spec.padding, self.padding.as_ref());
        put(&mut spec.batch_norm_epsilon, self.batch_norm_epsilon.as_ref());
        put(&mut spec.preprocessing, self.preprocessing.as_ref());
        put(&mut spec.label_set, self.label_set.as_ref());
        put(&mut spec.labels, self.labels.as_ref());
        spec
    }

    /// Takes `other`'s where these leave something open.
    pub(super) fn fill(&mut self, other: Self) {
        fn fill<T>(place: &mut Option<T>, other: Option<T>) {
            if place.is_none() {
                *place = other;
            }
        }
        fill(&mut self.version, other.version);
        fill(&mut self.table, other.table);
        fill(&mut self.multiplier, other.multiplier);
        fill(&mut self.widths, other.widths);
        fill(&mut self.height_px, other.height_px);
        fill(&mut self.width_px, other.width_px);
        fill(&mut self.pad_to_32, other.pad_to_32);
        fill(&mut self.output_stride, other.output_stride);
        fill(&mut self.dilating, other.dilating);
        fill(&mut self.gate, other.gate);
        fill(&mut self.classes, other.classes);
        fill(&mut self.pooling, other.pooling);
        fill(&mut self.classifier, other.classifier);
        fill(&mut self.padding, other.padding);
        fill(&mut self.batch_norm_epsilon, other.batch_norm_epsilon);
        fill(&mut self.preprocessing, other.preprocessing);
        fill(&mut self.label_set, other.label_set);
        fill(&mut self.labels, other.labels);
        fill(&mut self.wnids, other.wnids);
    }
}

/// A stated value that tensors contradict: an option's where `asked`, else the metadata's.
#[cold]
#[inline(never)]
pub(super) fn contradiction(what: &str, asked: bool, expected: String, found: String) -> Error {
    let (kind, place) = if asked {
        (Kind::BadOption, format!("option `{what}`"))
    } else {
        (Kind::BadMetadata, format!("metadata `mobilenet.{what}`"))
    };
    Error::new(kind, place).expected(expected).found(found).remedy(if asked {
        "Leave the option out: the tensors tell."
    } else {
        "The metadata and the tensors belong to different networks; convert the weights again."
    })
}

/// Bound of the numbers in [`Widths`], far above any network's.
const MAX_DEPTH: usize = 1024;

/// Refuses widths that no network can have.
pub(super) fn check_widths(widths: &Widths) -> Result<()> {
    for (what, value) in [("divisible_by", widths.divisible_by), ("min_depth", widths.min_depth)] {
        if !(1..=MAX_DEPTH).contains(&value) {
            return Err(Error::new(Kind::BadModel, what)
                .expected(format!("1 to {MAX_DEPTH}"))
                .found(value.to_string())
                .remedy("Correct the value in the weights' metadata or options."));
        }
    }
    Ok(())
}
