//! `features.N…`, `classifier.N`: modules counted from 0, activations and dropout included. `ConvBNReLU` is a list of
//! convolution, batch norm and activation; V2's projection is no list of its own.

use super::{Part, Row};
use crate::model::Version;

const V2: [Row; 6] = [
    (Part::Stem, "features.%r.0", "features.%r.1"),
    (Part::Last, "features.%r.0", "features.%r.1"),
    (Part::Expand, "features.%r.conv.0.0", "features.%r.conv.0.1"),
    (Part::Depthwise, "features.%r.conv.%0.0", "features.%r.conv.%0.1"),
    (Part::Project, "features.%r.conv.%1", "features.%r.conv.%2"),
    (Part::Logits, "classifier.1", ""),
];

const V3: [Row; 9] = [
    (Part::Stem, "features.%r.0", "features.%r.1"),
    (Part::Last, "features.%r.0", "features.%r.1"),
    (Part::Expand, "features.%r.block.0.0", "features.%r.block.0.1"),
    (Part::Depthwise, "features.%r.block.%0.0", "features.%r.block.%0.1"),
    (Part::Reduce, "features.%r.block.%1.fc1", ""),
    (Part::Gate, "features.%r.block.%1.fc2", ""),
    (Part::Project, "features.%r.block.%g.0", "features.%r.block.%g.1"),
    (Part::Head, "classifier.0", ""),
    (Part::Logits, "classifier.3", ""),
];

/// Torchvision has no V1.
pub(super) const fn rows(version: Version) -> &'static [Row] {
    match version {
        Version::V1 => &[],
        Version::V2 => &V2,
        _ => &V3,
    }
}
