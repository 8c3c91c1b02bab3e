//! `conv_stem`, `blocks.STAGE.POSITION.conv_…`, `conv_head`, `classifier`: a stage is a run of rows of equal channels.

use super::{Part, Row};
use crate::model::Version;

const ROWS: [Row; 10] = [
    (Part::Stem, "conv_stem", "bn1"),
    (Part::Last, "blocks.%s.%p.conv", "blocks.%s.%p.bn1"),
    (Part::Expand, "blocks.%s.%p.conv_pw", "blocks.%s.%p.bn1"),
    (Part::Depthwise, "blocks.%s.%p.conv_dw", "blocks.%s.%p.bn%1"),
    (Part::Reduce, "blocks.%s.%p.se.conv_reduce", ""),
    (Part::Gate, "blocks.%s.%p.se.conv_expand", ""),
    (Part::Project, "blocks.%s.%p.conv_pw%l", "blocks.%s.%p.bn%2"),
    (Part::Pointwise, "blocks.%s.%p.conv_pw", "blocks.%s.%p.bn2"),
    (Part::Head, "conv_head", ""),
    (Part::Logits, "classifier", ""),
];

/// V2's last convolution is outside the blocks.
const V2: [Row; 6] = [ROWS[0], (Part::Last, "conv_head", "bn2"), ROWS[2], ROWS[3], ROWS[6], ROWS[9]];

pub(super) const fn rows(version: Version) -> &'static [Row] {
    match version {
        Version::V2 => &V2,
        _ => &ROWS,
    }
}
