//! Any file that can be read → safetensors that the core module opens.

use std::borrow::Cow;

use half::f16;

use super::quantization::Quantization;
use super::safetensors::MAX_HEADER_BYTES;
use super::tensor::dense_strides;
use super::{Checkpoint, Dtype, Overrides, Tensor, checkpoint, read, write_safetensors_with};
use crate::error::{Error, Kind, Result};
use crate::small::sort;

/// How weights are written. Biases and batch norms keep 32 bits: they are few, and errors in them add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As the file has them, integers with what they stand for.
    #[default]
    Kept,
    /// 32 bits.
    F32,
    /// 16 bits, half the download; a weight is off by at most a 2048th of itself.
    F16,
    /// Eight bits, a quarter of the download: integers from −127 to 127 with a scale for each output channel, batch norms
    /// folded in first. Depthwise weights have 16 bits: their sums have nine terms, which leaves errors no room to cancel,
    /// and they are a few hundredths of the file. Integers of eight bits stay what they are.
    Int8,
}

impl Precision {
    /// Each with its name.
    pub const ALL: [(Self, &str); 4] =
        [(Self::Kept, "kept"), (Self::F32, "f32"), (Self::F16, "f16"), (Self::Int8, "int8")];

    /// That of this name.
    ///
    /// # Errors
    /// [`Kind::BadOption`] listing the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|row| row.1 == name).map(|row| row.0).ok_or_else(|| {
            Error::new(Kind::BadOption, "precision")
                .expected(Self::ALL.map(|row| row.1).join(", "))
                .found(format!("{name:?}"))
                .remedy("Leave the option out for what the file has.")
        })
    }
}

/// The first of torchvision's names, without a prefix.
const TORCHVISION_STEM: &str = "features.0.0.weight";

/// The largest integer of eight bits whose negative is one as well.
const MOST: f32 = 127.0;

/// A file of weights of any format as safetensors, with all that is known of the network as metadata. Only the network's
/// tensors: no count of training steps, no optimizer's state.
///
/// # Errors
/// As [`read`] and [`checkpoint`], and any of [`Tensor::to_f32`].
pub fn convert(file: &[u8], overrides: &Overrides, precision: Precision) -> Result<Vec<u8>> {
    checkpoint(read(file)?, overrides)?.to_safetensors(precision)
}

impl<'a> Checkpoint<'a> {
    /// Safetensors that the core module opens: under torchvision's names where they are those, else under this crate's.
    ///
    /// # Errors
    /// Any error of [`Tensor::to_f32`] and [`Checkpoint::folded`]; [`Kind::BadModel`] where class names are longer than a
    /// header may be.
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>> {
        let torchvision = self.naming == "torchvision" && self.file().get(TORCHVISION_STEM).is_some();
        let tensors = match precision {
            Precision::Int8 => self.without_norms()?,
            _ if torchvision => self.tensors().cloned().collect(),
            _ => self.canonical(),
        };
        let mut written = tensors.into_iter().map(|tensor| precision.written(tensor)).collect::<Result<Vec<_>>>()?;
        if let Some(integers) = self.integers.as_ref().filter(|_| precision.keeps_integers()) {
            written.extend(integers.tensors()?);
        }
        let file = write_safetensors_with(&written, &self.spec, &self.wnids);
        let header = file.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
        if header > MAX_HEADER_BYTES as u64 {
            // Nothing else in there has no bound of its own.
            return Err(Error::new(Kind::BadModel, "class names")
                .expected(format!("names that fit in a header of {MAX_HEADER_BYTES} bytes"))
                .found(format!("{header} bytes"))
                .remedy("Give shorter names by the option `labels`."));
        }
        Ok(file)
    }

    /// [`Checkpoint::canonical`] with every batch norm folded into the weights before it, so that a channel's weights are
    /// as large as what is computed with them.
    fn without_norms(&self) -> Result<Vec<Tensor<'a>>> {
        let mut tensors = Vec::new();
        for tensor in self.canonical() {
            if tensor.name.contains("/batch_norm/") {
                continue;
            }
            let node = tensor.name.strip_suffix("/weights").filter(|node| !self.has(&format!("{node}/biases")));
            let Some(node) = node.map(str::to_owned) else {
                tensors.push(tensor);
                continue;
            };
            let out = tensor.shape.first().copied().unwrap_or(1);
            let (scales, shifts) = self.folded(&node, out)?;
            let mut weights = tensor.to_f32()?;
            let inputs = (weights.len() / out.max(1)).max(1);
            for (channel, scale) in weights.chunks_exact_mut(inputs).zip(&scales) {
                channel.iter_mut().for_each(|weight| *weight *= scale);
            }
            let biases = Tensor { name: format!("{node}/biases").into(), shape: vec![out], ..tensor.clone() };
            tensors.push(rewritten(tensor, Dtype::F32, floats(&weights)));
            tensors.push(rewritten(biases, Dtype::F32, floats(&shifts)));
        }
        Ok(tensors)
    }
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The same name and shape over dense elements of another type.
fn rewritten(tensor: Tensor<'_>, dtype: Dtype, bytes: Vec<u8>) -> Tensor<'_> {
    let strides = dense_strides(&tensor.shape).unwrap_or_default();
    Tensor { dtype, strides, bytes: Cow::Owned(bytes), quantization: None, ..tensor }
}

impl Precision {
    /// Whether a quantised network stays one.
    const fn keeps_integers(self) -> bool {
        matches!(self, Self::Kept | Self::Int8)
    }

    /// The tensor with its elements in this precision.
    fn written(self, tensor: Tensor<'_>) -> Result<Tensor<'_>> {
        let is_matrix = tensor.shape.iter().filter(|&&dim| dim > 1).count() > 1;
        let has_eight_bits = tensor.quantization.is_some() && tensor.dtype.size_bytes() == 1;
        let is_depthwise = matches!(*tensor.shape, [_, 1, height, width] if height * width > 1);
        match self {
            Self::Kept => Ok(tensor),
            Self::Int8 if is_matrix && has_eight_bits => Ok(tensor),
            Self::Int8 if is_matrix && !is_depthwise => int8(tensor),
            Self::F16 | Self::Int8 if is_matrix => half(tensor),
            _ => single(tensor),
        }
    }
}

fn single(tensor: Tensor<'_>) -> Result<Tensor<'_>> {
    if tensor.dtype == Dtype::F32 {
        return Ok(tensor);
    }
    let values = tensor.to_f32()?;
    Ok(rewritten(tensor, Dtype::F32, floats(&values)))
}

fn half(tensor: Tensor<'_>) -> Result<Tensor<'_>> {
    if tensor.dtype == Dtype::F16 {
        return Ok(tensor);
    }
    let halves: Vec<f16> = tensor.to_f32()?.into_iter().map(f16::from_f32).collect();
    // What is beyond 16 bits' largest number stays wide.
    if halves.iter().any(|half| half.is_infinite()) {
        return single(tensor);
    }
    let bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    Ok(rewritten(tensor, Dtype::F16, bytes))
}

/// Weights as integers of eight bits, the largest of each output channel being 127.
#[expect(clippy::cast_possible_truncation, reason = "from −127 to 127")]
fn int8(tensor: Tensor<'_>) -> Result<Tensor<'_>> {
    let values = tensor.to_f32()?;
    let out = tensor.shape.first().copied().unwrap_or(1).max(1);
    let (mut integers, mut scales) = (Vec::with_capacity(values.len()), Vec::with_capacity(out));
    for channel in values.chunks_exact((values.len() / out).max(1)) {
        let most = channel.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        // Of a channel without weights any scale is right.
        let scale = if most > 0.0 { most / MOST } else { 1.0 };
        integers.extend(round(channel, scale).into_iter().map(|integer| integer as i8 as u8));
        scales.push(scale);
    }
    let quantization = Quantization { axis: 0, zero_points: vec![0; scales.len()], scales, columns: Vec::new() };
    Ok(Tensor { quantization: Some(Box::new(quantization)), ..rewritten(tensor, Dtype::I8, integers) })
}

/// `values / scale` as whole numbers whose sum is that of the quotients, as near as whole numbers come to it: what is added
/// up by these weights are mostly positive numbers, so that errors of one sign would add up too. Those farthest from
/// a whole number are rounded the other way. Guo et al., SQuant (ICLR 2022), do so.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as many as there are values at most")]
fn round(values: &[f32], scale: f32) -> Vec<f32> {
    let quotient = |index: usize| (values[index] / scale).clamp(-MOST, MOST);
    let mut rounded: Vec<f32> = (0..values.len()).map(|index| quotient(index).round()).collect();
    let errors: Vec<f32> = rounded.iter().enumerate().map(|(index, whole)| whole - quotient(index)).collect();
    let sum = errors.iter().map(|&error| f64::from(error)).sum::<f64>();
    let mut order: Vec<usize> = (0..errors.len()).filter(|&index| f64::from(errors[index]) * sum > 0.0).collect();
    sort(&mut order, &|&a, &b| (errors[b].abs(), a) < (errors[a].abs(), b));
    for index in order.into_iter().take(sum.abs().round() as usize) {
        rounded[index] -= errors[index].signum();
    }
    rounded
}
