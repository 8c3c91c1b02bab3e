//! `features.N…`, `classifier.N`: modules counted from 0, activations and dropout included.

use super::{Bases, Layer, Part, bases};
use crate::model::Version;

/// Torchvision has no V1.
pub(super) fn torchvision(layer: &Layer) -> Option<Bases> {
    if layer.version == Version::V1 {
        return None;
    }
    let v2 = layer.version == Version::V2;
    let (row, expand) = (layer.row, usize::from(layer.expands));
    // `ConvBNReLU` is a list of convolution, batch norm and activation.
    let list = |name: String| bases(format!("{name}.0"), format!("{name}.1"));
    let inner = |index: usize| format!("features.{row}.{}.{index}", if v2 { "conv" } else { "block" });
    let bare = |name: String| bases(name, String::new());
    match layer.part {
        Part::Whole => list(format!("features.{row}")),
        Part::Expand => list(inner(0)),
        Part::Depthwise => list(inner(expand)),
        Part::Reduce => bare(inner(expand + 1) + ".fc1"),
        Part::Gate => bare(inner(expand + 1) + ".fc2"),
        // V2's projection is no list of its own.
        Part::Project if v2 => bases(inner(expand + 1), inner(expand + 2)),
        Part::Project => list(inner(expand + 1 + usize::from(layer.gated))),
        Part::Head => bare("classifier.0".into()),
        Part::Logits => bare(if v2 { "classifier.1" } else { "classifier.3" }.into()),
        Part::Pointwise => None,
    }
}
