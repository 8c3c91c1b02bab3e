//! What integers stand for, and how safetensors say so: beside the integers `NAME` lie `NAME/scales` (F32), and
//! `NAME/zero_points` (I32) where one of them is not 0; one for the whole tensor, or one for each index of its first axis.
//! `NAME/columns` (F32) are factors along the second axis.

use super::{Dtype, File, Tensor};
#[cfg(feature = "full")]
use crate::error::Kind;
use crate::error::{Error, Result};
use std::borrow::Cow;

/// What the name of a tensor's scales ends with.
pub(super) const SCALES: &str = "/scales";
/// What that of its zero points does.
pub(super) const ZERO_POINTS: &str = "/zero_points";
/// What that of its factors along the second axis does.
#[cfg(feature = "integers")]
pub(super) const COLUMNS: &str = "/columns";

/// What the integers of a tensor stand for: `(integer − zero point) · scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// The axis along which scales differ; of no meaning where there is one scale.
    pub axis: usize,
    /// One for all elements, or one for each index of the axis.
    pub scales: Vec<f32>,
    /// As many as scales.
    pub zero_points: Vec<i32>,
    /// What numbers are times that, by the index of the second axis: of weights that read a map whose channels' integers
    /// stand for different things. Empty where they do not.
    #[cfg(feature = "integers")]
    pub columns: Vec<f32>,
}

impl Quantization {
    /// What dense integers of that type and shape stand for.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f64, kept in f32")]
    pub(super) fn dequantise(&self, dtype: Dtype, shape: &[usize], dense: &[u8]) -> Vec<f32> {
        let size = dtype.size_bytes();
        let inner = shape.iter().skip(self.axis + 1).product::<usize>().max(1);
        let count = self.scales.len().max(1);
        #[cfg(feature = "integers")]
        let taps = shape.iter().skip(2).product::<usize>().max(1);
        let real = |(index, bytes): (usize, &[u8])| {
            // At the upper end of a word, from where an arithmetic shift brings the sign along.
            let mut word = [0; 4];
            word[4 - size..].copy_from_slice(bytes);
            let shift = 32 - 8 * size as u32;
            let integer = if dtype == Dtype::U8 { i32::from(bytes[0]) } else { i32::from_le_bytes(word) >> shift };
            let channel = index / inner % count;
            let zero = self.zero_points.get(channel).copied().unwrap_or(0);
            let scale = self.scales.get(channel).copied().unwrap_or(0.0);
            #[cfg(feature = "integers")]
            let scale =
                if self.columns.is_empty() { scale } else { scale * self.columns[index / taps % self.columns.len()] };
            ((f64::from(integer) - f64::from(zero)) * f64::from(scale)) as f32
        };
        dense.chunks_exact(size).enumerate().map(real).collect()
    }

    /// The least and the greatest number that integers of eight bits and one scale stand for.
    #[cfg(feature = "full")]
    #[expect(clippy::cast_precision_loss, reason = "eight bits")]
    pub(super) fn range(&self, dtype: Dtype) -> Option<(f32, f32)> {
        let (least, greatest) = match dtype {
            Dtype::U8 => (0.0, 255.0),
            Dtype::I8 => (-128.0, 127.0),
            _ => return None,
        };
        let (&[scale], &[zero]) = (&*self.scales, &*self.zero_points) else { return None };
        let real = |integer: f32| (integer - zero as f32) * scale;
        Some((real(least), real(greatest)))
    }

    /// What they stand for, of a map.
    #[cfg(feature = "full")]
    pub(super) fn steps(&self, dtype: Dtype) -> Option<super::Steps> {
        let (&[scale], &[zero]) = (&*self.scales, &*self.zero_points) else { return None };
        super::Steps::new(dtype, scale, zero)
    }

    /// Whether safetensors have a place for it.
    const fn is_portable(&self) -> bool {
        self.scales.len() == 1 || self.axis == 0
    }
}

/// Whether elements of this type may stand for other numbers.
const fn may_stand(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::I32 | Dtype::I16 | Dtype::I8 | Dtype::U8)
}

/// Gives the integers of safetensors the scales and zero points that lie beside them.
///
/// # Errors
/// [`Kind::WrongShape`] or [`Kind::WrongDtype`] for scales or zero points that do not fit, [`Kind::NotFinite`].
pub(super) fn attach(file: &mut File<'_>) -> Result<()> {
    for index in 0..file.tensors.len() {
        let tensor = &file.tensors[index];
        let beside = |end: &str| file.get(&format!("{}{end}", tensor.name)).filter(|_| may_stand(tensor.dtype));
        let Some(scales) = beside(SCALES) else { continue };
        fits(tensor, scales, Dtype::F32)?;
        let mut zero_points = vec![0; scales.shape.iter().product()];
        if let Some(zeros) = beside(ZERO_POINTS) {
            fits(tensor, zeros, Dtype::I32)?;
            for (zero, bytes) in zero_points.iter_mut().zip(zeros.bytes.as_chunks().0) {
                *zero = i32::from_le_bytes(*bytes);
            }
        }
        #[cfg(feature = "integers")]
        let columns = match beside(COLUMNS) {
            Some(columns) if tensor.shape.get(1) == Some(&columns.shape.iter().product()) => columns.to_f32()?,
            Some(columns) => return Err(misfit(tensor, columns, tensor.shape.get(1), Dtype::F32)),
            None => Vec::new(),
        };
        let quantization = Quantization {
            axis: 0,
            scales: scales.to_f32()?,
            zero_points,
            #[cfg(feature = "integers")]
            columns,
        };
        file.tensors[index].quantization = Some(Box::new(quantization));
    }
    Ok(())
}

/// Checks that `beside` has one element, or one for each index of the first axis of `tensor`.
fn fits(tensor: &Tensor<'_>, beside: &Tensor<'_>, dtype: Dtype) -> Result<()> {
    let count: usize = beside.shape.iter().product();
    if beside.dtype == dtype && (count == 1 || tensor.shape.first() == Some(&count)) {
        return Ok(());
    }
    Err(misfit(tensor, beside, tensor.shape.first(), dtype))
}

/// That `beside` is not what a tensor's axis needs.
#[cfg(not(feature = "full"))]
fn misfit(_: &Tensor<'_>, _: &Tensor<'_>, _: Option<&usize>, _: Dtype) -> Error {
    super::lean::needs_importer()
}

/// That `beside` is not what a tensor's axis needs.
#[cfg(feature = "full")]
fn misfit(tensor: &Tensor<'_>, beside: &Tensor<'_>, length: Option<&usize>, dtype: Dtype) -> Error {
    let kind = if beside.dtype == dtype { Kind::WrongShape } else { Kind::WrongDtype };
    let length = length.copied().unwrap_or(1);
    Error::new(kind, beside.place())
        .expected(format!("{} of shape [1] or [{length}], as {} needs", dtype.name(), tensor.place()))
        .found(format!("{} of shape {:?}", beside.dtype.name(), beside.shape))
        .remedy(super::DAMAGED)
}

/// A tensor as safetensors hold it.
pub(super) struct Stored<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) dtype: Dtype,
    pub(super) shape: Cow<'t, [usize]>,
    pub(super) bytes: Cow<'t, [u8]>,
}

/// A tensor and, of integers, what they stand for. Where safetensors have no place for that they become those numbers.
pub(super) fn stored<'t>(tensor: &'t Tensor<'_>) -> Vec<Stored<'t>> {
    let (dtype, bytes) = (tensor.dtype, tensor.dense_bytes());
    let whole = |dtype, bytes| Stored { name: (&*tensor.name).into(), dtype, shape: (&*tensor.shape).into(), bytes };
    let Some(quantization) = tensor.quantization.as_ref().filter(|_| may_stand(dtype)) else {
        return vec![whole(dtype, bytes)];
    };
    if !quantization.is_portable() {
        let values = quantization.dequantise(dtype, &tensor.shape, &bytes);
        return vec![whole(Dtype::F32, values.into_iter().flat_map(f32::to_le_bytes).collect())];
    }
    // All of four bytes.
    let beside = |end: &str, dtype, bytes: Vec<u8>| Stored {
        name: format!("{}{end}", tensor.name).into(),
        dtype,
        shape: vec![bytes.len() / 4].into(),
        bytes: bytes.into(),
    };
    let scales = quantization.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let mut all = vec![whole(dtype, bytes), beside(SCALES, Dtype::F32, scales)];
    if quantization.zero_points.iter().any(|&zero| zero != 0) {
        let zeros = quantization.zero_points.iter().flat_map(|zero| zero.to_le_bytes()).collect();
        all.push(beside(ZERO_POINTS, Dtype::I32, zeros));
    }
    #[cfg(feature = "integers")]
    if !quantization.columns.is_empty() {
        let columns = quantization.columns.iter().flat_map(|factor| factor.to_le_bytes()).collect();
        all.push(beside(COLUMNS, Dtype::F32, columns));
    }
    all
}
