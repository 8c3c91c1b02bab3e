//! Variable scopes of TF-slim, and what its graphs become in TensorFlow Lite.

use super::{Part, Row};
use crate::model::Version;

const V1: [Row; 4] = [
    (Part::Stem, "MobilenetV1/Conv2d_%r", "+/BatchNorm"),
    (Part::Depthwise, "MobilenetV1/Conv2d_%r_depthwise", "+/BatchNorm"),
    (Part::Pointwise, "MobilenetV1/Conv2d_%r_pointwise", "+/BatchNorm"),
    (Part::Logits, "MobilenetV1/Logits/Conv2d_1c_1x1", ""),
];

/// Below the root of V2 and V3.
pub(super) const PATHS: [Row; 9] = [
    (Part::Stem, "Conv", "+/BatchNorm"),
    (Part::Last, "Conv%c", "+/BatchNorm"),
    (Part::Expand, "expanded_conv%b/expand", "+/BatchNorm"),
    (Part::Depthwise, "expanded_conv%b/depthwise", "+/BatchNorm"),
    (Part::Reduce, "expanded_conv%b/squeeze_excite/Conv", ""),
    (Part::Gate, "expanded_conv%b/squeeze_excite/Conv_1", ""),
    (Part::Project, "expanded_conv%b/project", "+/BatchNorm"),
    (Part::Head, "Conv%c", ""),
    (Part::Logits, "Logits", ""),
];

const LATER: [Row; 9] = [
    (Part::Stem, "Mobilenet%v/Conv", "+/BatchNorm"),
    (Part::Last, "Mobilenet%v/Conv%c", "+/BatchNorm"),
    (Part::Expand, "Mobilenet%v/expanded_conv%b/expand", "+/BatchNorm"),
    (Part::Depthwise, "Mobilenet%v/expanded_conv%b/depthwise", "+/BatchNorm"),
    (Part::Reduce, "Mobilenet%v/expanded_conv%b/squeeze_excite/Conv", ""),
    (Part::Gate, "Mobilenet%v/expanded_conv%b/squeeze_excite/Conv_1", ""),
    (Part::Project, "Mobilenet%v/expanded_conv%b/project", "+/BatchNorm"),
    (Part::Head, "Mobilenet%v/Conv%c", ""),
    (Part::Logits, "Mobilenet%v/Logits/Conv2d_1c_1x1", ""),
];

pub(super) const fn rows(version: Version) -> &'static [Row] {
    match version {
        Version::V1 => &V1,
        _ => &LATER,
    }
}
