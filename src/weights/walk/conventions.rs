//! What a graph says of its input, padding and head, beyond the tensors.

use super::forms::Form;
use super::rows::Network;
use super::trace::{Convolution, Trace};
use super::{Pads, Pixels, Said};
use crate::error::{Error, Kind, Result};
use crate::model::{Classifier, Padding, Preprocessing, Version, Widths, preset};
use crate::weights::names::Part;
use crate::weights::{Inferred, Overrides};

/// Above this, a factor on the input is for values up to 1, not up to 255.
const LARGEST_FACTOR_OF_BYTES: f32 = 0.1;

/// Where the file does not say how large the input is: even on every level, as all published sizes are but for the last.
const USUAL_SIDE: usize = 1 << 12;

/// From what the file says of its input: dimensions, pixels, and whether names are TF-slim's.
pub(super) fn state(
    network: &Network,
    trace: &Trace<'_>,
    (dims, pixels, slim): (&[usize], Option<Pixels>, bool),
) -> Result<Said> {
    let mut stated = Overrides { version: Some(network.version), ..Overrides::default() };
    if network.version == Version::Custom {
        stated.table = Some(network.blocks.to_vec());
        stated.widths = Some(Widths { divisible_by: 1, min_depth: 1, ..Widths::V2 });
    }
    stated.output_stride = Some(network.output_stride);
    stated.dilating = Some(network.dilating);
    stated.gate = network.gate;
    stated.pooling = network.pooling;
    stated.classifier = match trace.points[trace.last].form {
        Some(Form::Softmax) => Some(Classifier::Softmax),
        Some(Form::Sigmoid) => Some(Classifier::Sigmoid),
        // Scores as they are: probabilities are what callers want of them.
        _ => None,
    };
    let padding = padding(trace)?;
    stated.padding = Some(padding);
    stated.batch_norm_epsilon = epsilon(trace)?;
    if let [_, height, width, 3] | [_, 3, height, width] = *dims
        && height > 0
        && width > 0
    {
        (stated.height_px, stated.width_px) = (Some(height), Some(width));
    }
    if !network.parts.iter().any(|(_, part)| *part == Part::Logits) {
        stated.classes = Some(0);
    }

    let (name, why) = match (padding, network.version) {
        (Padding::Symmetric, Version::V1) => ("timm-inception", "padding is PyTorch's, and timm's V1 is trained so"),
        (Padding::Symmetric, _) => ("torchvision", "padding is PyTorch's"),
        _ if slim => ("tf-slim", "names are TF-slim's"),
        _ => ("keras", "padding is TensorFlow's"),
    };
    let usual = preset(name).ok_or_else(|| Error::new(Kind::BadMetadata, name))?;
    let (preprocessing, known) = preprocessing(trace, usual, pixels)?;
    stated.preprocessing = Some(preprocessing);
    let why = if known { format!("{why}; its numbers are the graph's") } else { why.into() };
    let inferred = vec![Inferred { what: "preprocessing", value: name.into(), why }];
    Ok(Said { stated, inferred, ..Said::default() })
}

/// From pixels to what the first convolution reads, and whether the file told anything of it.
fn preprocessing(trace: &Trace<'_>, usual: Preprocessing, pixels: Option<Pixels>) -> Result<(Preprocessing, bool)> {
    let affine = match trace.points[0].form {
        Some(Form::Affine(scale, offset)) => Some(Pixels { scale, offset }),
        _ => None,
    };
    if pixels.is_none() && affine.is_none() {
        return Ok((usual, false));
    }
    let inner = affine.unwrap_or(Pixels { scale: [1.0; 3], offset: [0.0; 3] });
    let unit = inner.scale.iter().any(|scale| scale.abs() > LARGEST_FACTOR_OF_BYTES);
    let outer = pixels.unwrap_or(Pixels { scale: [if unit { 1.0 / 255.0 } else { 1.0 }; 3], offset: [0.0; 3] });
    let mut rule = usual;
    for channel in 0..3 {
        let scale = outer.scale[channel] * inner.scale[channel];
        let offset = outer.offset[channel] * inner.scale[channel] + inner.offset[channel];
        (rule.mean[channel], rule.std[channel]) = (rounded(-offset / scale), rounded(1.0 / scale));
    }
    let sane = |std: &f32| (SMALLEST..LARGEST).contains(&std.abs());
    if !rule.mean.iter().all(|mean| mean.abs() < LARGEST) || !rule.std.iter().all(sane) {
        return Err(Error::new(Kind::BadMetadata, "the graph's input")
            .expected("pixels times a number, plus a number")
            .found(format!("factors {:?} and {:?}", outer.scale, inner.scale))
            .remedy(super::super::DAMAGED));
    }
    let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs().max(1.0));
    // The preset's own numbers, but for the rounding above.
    if near(rule.mean, usual.mean) && near(rule.std, usual.std) {
        rule = usual;
    }
    Ok((rule, true))
}

/// Bounds of what pixels of 0 to 255 are divided by and lie around, far beyond what any network wants and within what
/// metadata can say.
const SMALLEST: f32 = 1e-6;
const LARGEST: f32 = 1e6;

/// Without what single precision made of a number such as 127.5.
fn rounded(number: f32) -> f32 {
    if number.abs() < SMALLEST {
        return 0.0;
    }
    const STEPS: f32 = 1024.0;
    let near = (number * STEPS).round() / STEPS;
    if (near - number).abs() <= 1e-6 * number.abs() { near } else { number }
}

/// The one epsilon of all batch norms.
fn epsilon(trace: &Trace<'_>) -> Result<Option<f32>> {
    let mut found = None;
    for convolution in &trace.convolutions {
        let Some((_, epsilon)) = convolution.norm else { continue };
        match found {
            Some(before) if before != epsilon => {
                return Err(Error::new(Kind::NotMobileNet, format!("batch norm after {}", convolution.place))
                    .expected(format!("the epsilon of those before it, {before:?}"))
                    .found(format!("{epsilon:?}"))
                    .remedy("Fold the batch norms when exporting the network."));
            }
            _ => found = Some(epsilon),
        }
    }
    Ok(found)
}

/// Zeros before the first pixel of an axis, and how many windows fit.
type Axis = (usize, usize);

/// What a rule makes of `input` px under a window that spans `span` px; none where that rule has no word for it.
fn axis(padding: Padding, (input, span, stride): (usize, usize, usize), depthwise: bool) -> Option<Axis> {
    match padding {
        Padding::After if depthwise && stride == 2 => Some((0, (input + 1).checked_sub(span)? / 2 + 1)),
        Padding::Same | Padding::After => {
            let output = input.div_ceil(stride);
            let total = ((output.checked_sub(1)?) * stride + span).saturating_sub(input);
            Some((total / 2, output))
        }
        Padding::Symmetric => {
            let pad = (span - 1) / 2;
            Some((pad, (input + 2 * pad).checked_sub(span)? / stride + 1))
        }
    }
}

/// Whether a convolution is padded by that rule.
fn obeys(convolution: &Convolution<'_>, padding: Padding) -> bool {
    let Convolution { shape, stride, dilation, pads, size, depthwise, .. } = convolution;
    let span = (shape[2] - 1).saturating_mul(*dilation).saturating_add(1);
    let size = size.unwrap_or([USUAL_SIDE; 2]);
    (0..2).all(|side| {
        let window = (size[side], span, *stride);
        let found = match *pads {
            Pads::Same => axis(Padding::Same, window, false),
            Pads::Explicit(pads) => {
                let padded = size[side].saturating_add(pads[side]).saturating_add(pads[side + 2]);
                padded.checked_sub(span).map(|left| (pads[side], left / stride + 1))
            }
        };
        found.is_some() && found == axis(padding, window, *depthwise)
    })
}

/// The one rule of all convolutions.
fn padding(trace: &Trace<'_>) -> Result<Padding> {
    let mut rules = vec![Padding::Same, Padding::Symmetric, Padding::After];
    for convolution in trace.convolutions.iter().filter(|convolution| convolution.shape[2] > 1) {
        let before = rules[0];
        rules.retain(|&rule| obeys(convolution, rule));
        if rules.is_empty() {
            return Err(Error::new(Kind::NotMobileNet, convolution.place.clone())
                .expected(format!("padding by the rule of those before it, {}", before.name()))
                .found(format!("{:?} around {:?} pixels", convolution.pads, convolution.size))
                .remedy("Choose a MobileNet V1, V2 or V3 as its framework exports it."));
        }
    }
    Ok(rules[0])
}
