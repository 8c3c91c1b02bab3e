//! A network's tensors under canonical names.

use std::borrow::Cow;

use super::factors::{Factors, times};
use super::forms::Form;
use super::rows::Network;
use super::trace::{Convolution, Trace};
use crate::error::{Error, Kind, Result};
use crate::model::Widths;
use crate::weights::names::{Part, Table, node};
use crate::weights::{DAMAGED, Dtype, Tensor};

/// What a gate's biases hold too much where the 3 of its hard-sigmoid was folded into them.
const FOLDED_SHIFT: f32 = 3.0;

pub(super) fn tensors<'a>(network: &Network, trace: Trace<'a>, factors: &[Factors]) -> Result<Vec<Tensor<'a>>> {
    let Network { version, blocks, parts, .. } = network;
    let table = Table { version: *version, blocks, widths: Widths::V2, multiplier: 1.0, classes: 1 };
    let layers = table.layers();
    let mut tensors = Vec::new();
    for ((convolution, (row, part)), factors) in trace.convolutions.into_iter().zip(parts).zip(factors) {
        let here = layers.iter().find(|layer| layer.part == *part && (layer.row == *row || *part == Part::Logits));
        let Some(layer) = here else { continue };
        let name = node(layer);
        let folded = matches!(trace.points[convolution.point].form, Some(Form::FoldedGate(_)));
        let Convolution { weights, biases, norm, shape, place, .. } = convolution;
        let named = |tensor: Tensor<'a>, end: &str| Tensor { name: format!("{name}/{end}").into(), ..tensor };
        let out = shape[0];
        let at = weights.offset_bytes;
        let by = if norm.is_some() { factors.input } else { factors.input * factors.output };
        tensors.push(named(times(weights, by)?, "weights"));
        let shift = if folded { FOLDED_SHIFT } else { 0.0 };
        if let Some((norm, _)) = norm {
            let [gamma, beta, mut mean, variance] = norm;
            let [gamma, beta] = [times(gamma, factors.output)?, times(beta, factors.output)?];
            if let Some(biases) = biases {
                // What is added before a batch norm is taken off its mean.
                let sums = numbers(&mean, out, &place)?.into_iter().zip(numbers(&biases, out, &place)?);
                mean = vector(sums.map(|(mean, bias)| mean - bias), mean.offset_bytes)?;
            }
            let ends = ["gamma", "beta", "moving_mean", "moving_variance"];
            for (tensor, end) in [gamma, beta, mean, variance].into_iter().zip(ends) {
                tensors.push(named(flat(tensor), &format!("batch_norm/{end}")));
            }
            continue;
        }
        let biases = match biases {
            Some(biases) if shift == 0.0 => flat(biases),
            Some(biases) => {
                let shifted = numbers(&biases, out, &place)?.into_iter().map(|bias| bias - shift);
                vector(shifted, biases.offset_bytes)?
            }
            None => vector(std::iter::repeat_n(-shift, out), at)?,
        };
        tensors.push(named(times(biases, factors.output)?, "biases"));
    }
    Ok(tensors)
}

/// Numbers that are nowhere in the file, but follow from what is at that byte.
fn vector<'a>(numbers: impl Iterator<Item = f32>, offset_bytes: usize) -> Result<Tensor<'a>> {
    let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
    let shape = vec![bytes.len() / Dtype::F32.size_bytes()];
    Tensor::decoded(Cow::Borrowed(""), Dtype::F32, shape, (bytes.into(), offset_bytes))
}

/// A vector without axes of one element.
fn flat(mut tensor: Tensor<'_>) -> Tensor<'_> {
    if tensor.shape.len() > 1 && tensor.shape.iter().filter(|dim| **dim != 1).count() <= 1 {
        let axis = tensor.shape.iter().position(|dim| *dim != 1).unwrap_or(0);
        (tensor.shape, tensor.strides) = (vec![tensor.shape[axis]], vec![tensor.strides[axis]]);
        if let Some(quantization) = &mut tensor.quantization {
            quantization.axis = 0;
        }
    }
    tensor
}

fn numbers(tensor: &Tensor<'_>, count: usize, place: &str) -> Result<Vec<f32>> {
    if tensor.shape.iter().product::<usize>() == count {
        return tensor.to_f32();
    }
    Err(Error::new(Kind::WrongShape, format!("{place}, {}", tensor.place()))
        .expected(format!("{count} numbers"))
        .found(format!("shape {:?}", tensor.shape))
        .remedy(DAMAGED))
}
