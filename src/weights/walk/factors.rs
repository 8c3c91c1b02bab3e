//! Where a file's activations have other factors than this crate's: neighbouring weights take up the difference, exactly.
//!
//! Here every point holds the file's numbers over one constant, and a convolution multiplies by the constant of what it
//! reads. A residual sum wants the same constant of both maps: its convolution, which is linear, takes that of the other.

use super::forms::Form;
use super::trace::{Source, Trace};
use crate::error::Result;
use crate::weights::{Dtype, Tensor};

/// What a convolution's parameters are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factors {
    /// Of what it reads, so that its sums are the file's.
    pub(super) input: f64,
    /// Of its sums: of weights and biases, or of the scale and offset of its batch norm.
    pub(super) output: f64,
}

/// Those of each convolution, and what is left over at the last point, where no weights follow.
pub(super) fn factors(trace: &Trace<'_>) -> (Vec<Factors>, f64) {
    let mut factors = vec![Factors { input: 1.0, output: 1.0 }; trace.convolutions.len()];
    // The file's numbers at each point over those here.
    let mut held = vec![1.0; trace.points.len()];
    for (index, point) in trace.points.iter().enumerate() {
        held[index] = match point.source {
            Source::Input => 1.0,
            Source::Convolution(convolution) => {
                let (inside, outside) = point.form.unwrap_or(Form::Plain).factors();
                let input = held[trace.convolutions[convolution].from];
                factors[convolution] = Factors { input, output: inside };
                outside
            }
            Source::Pool(from, _) => held[from],
            Source::Gated(map, gate) => held[map] * held[gate],
            Source::Sum(before, branch) => {
                if let Source::Convolution(convolution) = trace.points[branch].source {
                    factors[convolution].output *= held[branch] / held[before];
                    held[branch] = held[before];
                }
                held[before]
            }
        };
    }
    (factors, held[trace.last])
}

/// A tensor's numbers times `factor`: integers keep theirs, and stand for others.
#[expect(clippy::cast_possible_truncation, reason = "computed in f64, kept in f32")]
pub(super) fn times(mut tensor: Tensor<'_>, factor: f64) -> Result<Tensor<'_>> {
    let product = |number: f32| (f64::from(number) * factor) as f32;
    if factor == 1.0 {
        return Ok(tensor);
    }
    if let Some(quantization) = &mut tensor.quantization {
        quantization.scales.iter_mut().for_each(|scale| *scale = product(*scale));
        return Ok(tensor);
    }
    let bytes: Vec<u8> = tensor.to_f32()?.into_iter().flat_map(|number| product(number).to_le_bytes()).collect();
    Tensor::decoded(tensor.name, Dtype::F32, tensor.shape, (bytes.into(), tensor.offset_bytes))
}
