//! The names that this crate gives: TF-slim's endpoints.

use super::{Bases, Layer, Part, bases};
use crate::model::Version;

pub(super) fn canonical(layer: &Layer) -> Option<Bases> {
    let name = node(layer);
    let norm = format!("{name}/batch_norm");
    bases(name, norm)
}

/// The graph's name for a convolution.
pub(in crate::weights) fn node(layer: &Layer) -> String {
    let end = match layer.part {
        Part::Logits => return "logits".into(),
        Part::Whole | Part::Head => "",
        Part::Expand => "/expand",
        Part::Depthwise => "/depthwise",
        Part::Reduce => "/squeeze_excite/reduce",
        Part::Gate => "/squeeze_excite/expand",
        Part::Project => "/project",
        Part::Pointwise => "/pointwise",
    };
    let v1 = (layer.version == Version::V1).then(|| v1(layer)).flatten();
    v1.unwrap_or_else(|| format!("layer_{}{end}", layer.row + 1))
}

/// V1 is counted by convolutions, from 0.
pub(super) fn v1(layer: &Layer) -> Option<String> {
    let end = match layer.part {
        Part::Whole => "",
        Part::Depthwise => "_depthwise",
        Part::Pointwise => "_pointwise",
        _ => return None,
    };
    Some(format!("Conv2d_{}{end}", layer.row))
}
