//! Variable scopes of TF-slim, and what its graphs become in TensorFlow Lite.

use super::{Bases, Layer, Part, bases, numbered};
use crate::model::Version;

pub(super) fn slim(layer: &Layer) -> Option<Bases> {
    let root = match layer.version {
        Version::V1 => "MobilenetV1",
        Version::V2 => "MobilenetV2",
        _ => "MobilenetV3",
    };
    let name = match layer.part {
        Part::Logits => "Logits/Conv2d_1c_1x1".into(),
        _ if layer.version == Version::V1 => super::canonical::v1(layer)?,
        _ => path(layer)?,
    };
    bases(format!("{root}/{name}"), format!("{root}/{name}/BatchNorm"))
}

/// The scope of a V2 or V3 layer below the root.
pub(super) fn path(layer: &Layer) -> Option<String> {
    let end = match layer.part {
        Part::Whole | Part::Head => return Some(numbered("Conv", layer.convolutions)),
        Part::Logits => return Some("Logits".into()),
        Part::Expand => "/expand",
        Part::Depthwise => "/depthwise",
        Part::Reduce => "/squeeze_excite/Conv",
        Part::Gate => "/squeeze_excite/Conv_1",
        Part::Project => "/project",
        Part::Pointwise => return None,
    };
    Some(numbered("expanded_conv", layer.blocks) + end)
}
