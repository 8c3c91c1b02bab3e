//! What a file's metadata states, or a caller asks for, in place of what tensors tell.

use crate::error::{Error, Kind, Result};
use crate::model::{Block, Classifier, Padding, Pooling, Preprocessing, Spec, Version, Widths};
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

    /// These, and `other`'s where these leave something open.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            version: self.version.or(other.version),
            table: self.table.or(other.table),
            multiplier: self.multiplier.or(other.multiplier),
            widths: self.widths.or(other.widths),
            height_px: self.height_px.or(other.height_px),
            width_px: self.width_px.or(other.width_px),
            pad_to_32: self.pad_to_32.or(other.pad_to_32),
            output_stride: self.output_stride.or(other.output_stride),
            classes: self.classes.or(other.classes),
            pooling: self.pooling.or(other.pooling),
            classifier: self.classifier.or(other.classifier),
            padding: self.padding.or(other.padding),
            batch_norm_epsilon: self.batch_norm_epsilon.or(other.batch_norm_epsilon),
            preprocessing: self.preprocessing.or(other.preprocessing),
            label_set: self.label_set.or(other.label_set),
            labels: self.labels.or(other.labels),
            wnids: self.wnids.or(other.wnids),
        }
    }
}

/// A stated value that tensors contradict: an option's where `asked`, else the metadata's.
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
