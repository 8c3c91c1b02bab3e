//! `conv_stem`, `blocks.STAGE.POSITION.conv_…`, `conv_head`, `classifier`: a stage is a run of rows of equal channels.

use super::{Bases, Layer, Part, bases};

pub(super) fn timm(layer: &Layer) -> Option<Bases> {
    let block = |convolution: &str, norm: &str| {
        let name = format!("blocks.{}.{}.", layer.stage, layer.position);
        bases(format!("{name}{convolution}"), name + norm)
    };
    let outer = |convolution: &str, norm: &str| bases(convolution.into(), norm.into());
    match (layer.part, layer.expands) {
        (Part::Whole, _) if layer.convolutions == 0 => outer("conv_stem", "bn1"),
        (Part::Whole, _) if layer.headed => block("conv", "bn1"),
        (Part::Whole, _) => outer("conv_head", "bn2"),
        (Part::Expand, _) => block("conv_pw", "bn1"),
        (Part::Depthwise, true) => block("conv_dw", "bn2"),
        (Part::Depthwise, false) => block("conv_dw", "bn1"),
        (Part::Reduce, _) => block("se.conv_reduce", ""),
        (Part::Gate, _) => block("se.conv_expand", ""),
        (Part::Project, true) => block("conv_pwl", "bn3"),
        (Part::Project | Part::Pointwise, _) => block("conv_pw", "bn2"),
        (Part::Head, _) => outer("conv_head", ""),
        (Part::Logits, _) => outer("classifier", ""),
    }
}
