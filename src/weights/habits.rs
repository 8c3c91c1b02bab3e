//! What tensors cannot tell about a network, from what is stated and what its framework's networks agree on.

use super::Inferred;
use super::Overrides;
use super::infer::Fit;
use super::names::{Layout, Recognised};
use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block, Classifier, Spec, preset};
use crate::small::print_decimal;

/// Collects values with their reasons.
struct Reasons(Vec<Inferred>);

impl Reasons {
    #[inline(never)]
    fn note(&mut self, what: &'static str, value: impl Into<String>, why: impl Into<String>) {
        self.0.push(Inferred { what, value: value.into(), why: why.into() });
    }
}

/// Fills in `spec`, and says what of it was not stated, and why it was taken to be so.
pub(super) fn apply(
    spec: &mut Spec,
    recognised: &Recognised<'_>,
    fit: &Fit,
    stated: &mut Overrides,
    folded: bool,
) -> Result<Vec<Inferred>> {
    let mut reasons = Reasons(Vec::new());
    let naming = recognised.naming;
    let habits = naming.habits(spec.version);
    let (agree, needed) = recognised.agree;
    reasons.note("naming", naming.framework, format!("{agree} of {needed} convolutions go by its names"));
    if stated.version.is_none() {
        let why = format!("the names are those of its {needed} convolutions, and of no other version");
        reasons.note("version", spec.version.name(), why);
    }
    if let Some(layout) = Layout::ALL.iter().find(|row| row.0 == fit.layout) {
        let usual = fit.layout == naming.layout;
        reasons.note(
            "layout",
            layout.1,
            if usual { "the naming's own, and shapes fit" } else { "shapes fit no other" },
        );
    }
    if stated.multiplier.is_none() {
        reasons.note("multiplier", print_decimal(spec.multiplier.into()), "every convolution has its channels");
    }
    let norms = if folded { "folded" } else { "unfolded" };
    reasons.note("batch_norm", norms, if folded { "biases stand in its place" } else { "its statistics are there" });
    if stated.classes.is_none() {
        let why = if spec.classes == 0 { "there are no logits" } else { "the logits have as many" };
        reasons.note("classes", spec.classes.to_string(), why);
    }

    let mut open = |what: &'static str, given: bool, value: &str, why: &str| {
        if !given {
            reasons.note(what, value, why);
        }
    };
    spec.padding = stated.padding.unwrap_or(habits.padding);
    open("padding", stated.padding.is_some(), spec.padding.name(), habits.why);
    spec.batch_norm_epsilon = stated.batch_norm_epsilon.unwrap_or(habits.batch_norm_epsilon);
    let epsilon = if spec.batch_norm_epsilon < 1e-4 { "0.00001" } else { "0.001" };
    open("batch_norm_epsilon", stated.batch_norm_epsilon.is_some(), epsilon, habits.why);
    let usual = preset(habits.preset).ok_or_else(|| Error::new(Kind::BadMetadata, habits.preset))?;
    spec.preprocessing = stated.preprocessing.unwrap_or(usual);
    open("preprocessing", stated.preprocessing.is_some(), spec.preprocessing.name, habits.why);
    spec.pooling = stated.pooling.unwrap_or(habits.pooling);
    let sides = (stated.height_px, stated.width_px);
    spec.height_px = sides.0.or(sides.1).unwrap_or(spec.height_px);
    spec.width_px = sides.1.or(sides.0).unwrap_or(spec.width_px);
    open("resolution", sides != (None, None), "224", "most are trained at it; tensors do not tell");
    spec.pad_to_32 = stated.pad_to_32.unwrap_or(false);
    spec.output_stride = stated.output_stride.unwrap_or(spec.output_stride);
    if spec.blocks.iter().any(|block| matches!(block, Block::InvertedResidual { squeeze_excite: true, .. })) {
        spec.gate = stated.gate.unwrap_or(habits.gate);
        if spec.gate == Activation::SlimSigmoid {
            open("gate", stated.gate.is_some(), "slim-sigmoid", "TF-slim multiplies by 0.16667, others by 1/6");
        }
    }
    spec.dilating = stated.dilating.unwrap_or(habits.dilating);
    let usual = if spec.classes == 1 { Classifier::Sigmoid } else { Classifier::Softmax };
    spec.classifier = stated.classifier.unwrap_or(usual);
    if spec.classes == 1 {
        open("classifier", stated.classifier.is_some(), "sigmoid", "softmax over one class is always 1");
    }

    let set = match spec.classes {
        1000 => "imagenet-1000",
        1001 => "imagenet-1001",
        _ => "",
    };
    if !set.is_empty() {
        open("label_set", stated.label_set.is_some(), set, "ImageNet has 1000 classes, 1001 with background");
    }
    spec.label_set = stated.label_set.take().unwrap_or_else(|| set.into());
    spec.labels = stated.labels.take().unwrap_or_default();
    spec.check()?;
    let classes = spec.classes;
    match stated.wnids.as_ref().map(Vec::len).filter(|&ids| ids > 0 && ids != classes) {
        None => Ok(reasons.0),
        Some(ids) => Err(Error::new(Kind::BadModel, "wnids")
            .expected(format!("{classes} ids, one a class"))
            .found(format!("{ids} ids"))
            .remedy("Correct the list, or leave it out.")),
    }
}
