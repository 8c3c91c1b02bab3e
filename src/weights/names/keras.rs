//! Layer names of `keras.applications`; V3's changed from paths to underscores between Keras 2 and 3.

use super::{Bases, Layer, Part, bases, numbered};
use crate::model::Version;

pub(super) fn keras(layer: &Layer) -> Option<Bases> {
    match layer.version {
        Version::V1 => v1(layer),
        Version::V2 => v2(layer),
        _ => v3(layer),
    }
}

fn v1(layer: &Layer) -> Option<Bases> {
    let name = match layer.part {
        Part::Whole => "conv1".into(),
        Part::Depthwise => format!("conv_dw_{}", layer.row),
        Part::Pointwise => format!("conv_pw_{}", layer.row),
        Part::Logits => "conv_preds".into(),
        _ => return None,
    };
    let norm = format!("{name}_bn");
    bases(name, norm)
}

fn v2(layer: &Layer) -> Option<Bases> {
    let end = match layer.part {
        Part::Whole if layer.convolutions == 0 => return bases("Conv1".into(), "bn_Conv1".into()),
        Part::Whole => return bases("Conv_1".into(), "Conv_1_bn".into()),
        Part::Logits => return bases("predictions".into(), String::new()),
        Part::Expand => "expand",
        Part::Depthwise => "depthwise",
        Part::Project => "project",
        _ => return None,
    };
    let block = if layer.blocks == 0 { "expanded_conv".into() } else { format!("block_{}", layer.blocks) };
    let name = format!("{block}_{end}");
    let norm = format!("{name}_BN");
    bases(name, norm)
}

fn v3(layer: &Layer) -> Option<Bases> {
    let block = numbered("expanded_conv", layer.blocks);
    let name = match layer.part {
        Part::Whole | Part::Head => numbered("conv", layer.convolutions),
        Part::Expand => block + "_expand",
        Part::Depthwise => block + "_depthwise",
        Part::Reduce => block + "_squeeze_excite_conv",
        Part::Gate => block + "_squeeze_excite_conv_1",
        Part::Project => block + "_project",
        Part::Logits => "logits".into(),
        Part::Pointwise => return None,
    };
    let norm = format!("{name}_bn");
    bases(name, norm)
}

/// V3 in Keras 2.
pub(super) fn keras2(layer: &Layer) -> Option<Bases> {
    if matches!(layer.version, Version::V1 | Version::V2) {
        return None;
    }
    let name = super::slim::path(layer)?;
    let norm = format!("{name}/BatchNorm");
    bases(name, norm)
}
