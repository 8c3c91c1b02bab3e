//! Layer names of `keras.applications`; V3's changed from paths to underscores between Keras 2 and 3.

use super::{Part, Row, slim};
use crate::model::Version;

const V1: [Row; 4] = [
    (Part::Stem, "conv1", "+_bn"),
    (Part::Depthwise, "conv_dw_%r", "+_bn"),
    (Part::Pointwise, "conv_pw_%r", "+_bn"),
    (Part::Logits, "conv_preds", ""),
];

const V2: [Row; 6] = [
    (Part::Stem, "Conv1", "bn_Conv1"),
    (Part::Last, "Conv_1", "+_bn"),
    (Part::Expand, "%k_expand", "+_BN"),
    (Part::Depthwise, "%k_depthwise", "+_BN"),
    (Part::Project, "%k_project", "+_BN"),
    (Part::Logits, "predictions", ""),
];

const V3: [Row; 9] = [
    (Part::Stem, "conv", "+_bn"),
    (Part::Last, "conv%c", "+_bn"),
    (Part::Expand, "expanded_conv%b_expand", "+_bn"),
    (Part::Depthwise, "expanded_conv%b_depthwise", "+_bn"),
    (Part::Reduce, "expanded_conv%b_squeeze_excite_conv", ""),
    (Part::Gate, "expanded_conv%b_squeeze_excite_conv_1", ""),
    (Part::Project, "expanded_conv%b_project", "+_bn"),
    (Part::Head, "conv%c", ""),
    (Part::Logits, "logits", ""),
];

pub(super) const fn rows(version: Version) -> &'static [Row] {
    match version {
        Version::V1 => &V1,
        Version::V2 => &V2,
        _ => &V3,
    }
}

/// V3 in Keras 2; the others have the same names in both.
pub(super) const fn keras2(version: Version) -> &'static [Row] {
    match version {
        Version::V1 | Version::V2 => &[],
        _ => &slim::PATHS,
    }
}
