//! Any file that can be read → safetensors that the core module opens.

use half::f16;

use super::safetensors::MAX_HEADER_BYTES;
use super::{Checkpoint, Dtype, Overrides, Tensor, checkpoint, read, write_safetensors_with};
use crate::error::{Error, Kind, Result};

/// How weights are written. Biases and batch norms keep 32 bits: they are few, and errors in them add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As the file has them.
    #[default]
    Kept,
    /// 32 bits.
    F32,
    /// 16 bits, half the download; a weight is off by at most a 2048th of itself.
    F16,
}

impl Precision {
    /// Each with its name.
    pub const ALL: [(Self, &str); 3] = [(Self::Kept, "kept"), (Self::F32, "f32"), (Self::F16, "f16")];

    /// That of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(precision, known)| (known == name).then_some(precision))
    }
}

/// The first of torchvision's names, without a prefix.
const TORCHVISION_STEM: &str = "features.0.0.weight";

/// A file of weights of any format as safetensors, with all that is known of the network as metadata. Only the network's
/// tensors: no count of training steps, no optimizer's state.
///
/// # Errors
/// As [`read`] and [`checkpoint`], and any of [`Tensor::to_f32`].
pub fn convert(file: &[u8], overrides: &Overrides, precision: Precision) -> Result<Vec<u8>> {
    checkpoint(read(file)?, overrides)?.to_safetensors(precision)
}

impl Checkpoint<'_> {
    /// Safetensors that the core module opens: under torchvision's names where they are those, else under this crate's.
    ///
    /// # Errors
    /// Any error of [`Tensor::to_f32`]; [`Kind::BadModel`] where class names are longer than a header may be.
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>> {
        let torchvision = self.naming == "torchvision" && self.file().get(TORCHVISION_STEM).is_some();
        let tensors = if torchvision { self.tensors().cloned().collect() } else { self.canonical() };
        let written = tensors.iter().map(|tensor| precision.written(tensor)).collect::<Result<Vec<_>>>()?;
        let tensors = tensors.iter().zip(&written).map(|(tensor, written)| view(tensor, written.as_ref()));
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        let file = write_safetensors_with(&tensors, &self.spec, &self.wnids);
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
}

/// A tensor whose elements were written anew, if they were.
fn view<'t>(tensor: &'t Tensor<'_>, written: Option<&'t (Dtype, Vec<u8>)>) -> Result<Tensor<'t>> {
    written.map_or_else(|| Ok(tensor.clone()), |(dtype, bytes)| tensor.rewritten(*dtype, bytes))
}

impl Precision {
    /// The elements in another type than the file's; nothing where they stay as they are.
    fn written(self, tensor: &Tensor<'_>) -> Result<Option<(Dtype, Vec<u8>)>> {
        let is_matrix = tensor.shape.iter().filter(|&&dim| dim > 1).count() > 1;
        let narrow = self == Self::F16 && is_matrix;
        let dtype = if narrow { Dtype::F16 } else { Dtype::F32 };
        if self == Self::Kept || tensor.dtype == dtype {
            return Ok(None);
        }
        let values = tensor.to_f32()?;
        let halves: Vec<f16> = if narrow { values.iter().map(|&value| f16::from_f32(value)).collect() } else { vec![] };
        // What is beyond 16 bits' largest number stays wide.
        if !narrow || halves.iter().any(|half| half.is_infinite()) {
            let wide = || values.iter().flat_map(|value| value.to_le_bytes()).collect();
            return Ok((tensor.dtype != Dtype::F32).then(|| (Dtype::F32, wide())));
        }
        Ok(Some((Dtype::F16, halves.iter().flat_map(|half| half.to_le_bytes()).collect())))
    }
}
