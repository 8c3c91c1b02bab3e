//! The names that this crate gives: TF-slim's endpoints.

use super::{Layer, Part, Row, spell};
use crate::model::Version;

const V1: [Row; 4] = [
    (Part::Stem, "Conv2d_%r", "+/batch_norm"),
    (Part::Depthwise, "Conv2d_%r_depthwise", "+/batch_norm"),
    (Part::Pointwise, "Conv2d_%r_pointwise", "+/batch_norm"),
    (Part::Logits, "logits", ""),
];

const LATER: [Row; 10] = [
    (Part::Stem, "layer_%n", "+/batch_norm"),
    (Part::Last, "layer_%n", "+/batch_norm"),
    (Part::Expand, "layer_%n/expand", "+/batch_norm"),
    (Part::Depthwise, "layer_%n/depthwise", "+/batch_norm"),
    (Part::Reduce, "layer_%n/squeeze_excite/reduce", ""),
    (Part::Gate, "layer_%n/squeeze_excite/expand", ""),
    (Part::Project, "layer_%n/project", "+/batch_norm"),
    (Part::Pointwise, "layer_%n/pointwise", "+/batch_norm"),
    (Part::Head, "layer_%n", ""),
    (Part::Logits, "logits", ""),
];

pub(super) const fn rows(version: Version) -> &'static [Row] {
    match version {
        Version::V1 => &V1,
        _ => &LATER,
    }
}

/// The graph's name for a convolution.
pub(in crate::weights) fn node(layer: &Layer) -> String {
    spell(rows(layer.version), "", layer).map_or_else(String::new, |bases| bases.0)
}
