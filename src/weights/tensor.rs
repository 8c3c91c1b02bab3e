//! One tensor as a view of the file's bytes.

use std::borrow::Cow;

use half::{bf16, f16};

use super::{DAMAGED, Quantization};
use crate::error::{Error, Kind, Result};
use crate::small::{all_finite, print_decimal};

/// More axes than any tensor of a network has.
pub(super) const MAX_RANK: usize = 8;

/// The type of a tensor's elements in the file, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754 single.
    F32,
    /// IEEE 754 half.
    F16,
    /// The upper half of a single.
    BF16,
    /// IEEE 754 double.
    F64,
    /// Signed, 8 bytes.
    I64,
    /// Signed, 4 bytes.
    I32,
    /// Signed, 2 bytes.
    I16,
    /// Signed, 1 byte.
    I8,
    /// Unsigned, 1 byte.
    U8,
    /// One byte, 0 or 1.
    Bool,
}

impl Dtype {
    const ALL: [Self; 10] =
        [Self::F32, Self::F16, Self::BF16, Self::F64, Self::I64, Self::I32, Self::I16, Self::I8, Self::U8, Self::Bool];

    /// The name that safetensors headers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::F64 => "F64",
            Self::I64 => "I64",
            Self::I32 => "I32",
            Self::I16 => "I16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// Whether elements are floating-point numbers.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16 | Self::F64)
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// A named view of the file's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// The name in the file.
    pub name: Cow<'a, str>,
    /// Type of the elements.
    pub dtype: Dtype,
    /// Elements along each axis, outermost first.
    pub shape: Vec<usize>,
    /// Elements from one index to the next along each axis.
    pub strides: Vec<usize>,
    /// Where `bytes` begin in the file.
    pub offset_bytes: usize,
    /// From the first element to the last; the file's own, except where a format's reader had to compute them.
    pub bytes: Cow<'a, [u8]>,
    /// What integers stand for, where the file says so.
    pub quantization: Option<Box<Quantization>>,
}

/// "tensor `name` at byte 123": the place of every error about a tensor.
#[inline(never)]
pub(super) fn place(name: &str, offset_bytes: usize) -> String {
    format!("tensor `{name}` at byte {offset_bytes}")
}

/// `size` times the lengths of all axes; `None` on overflow.
#[inline(never)]
pub(super) fn product(size: usize, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(size, |product, &dim| product.checked_mul(dim))
}

/// Strides of a dense row-major tensor, or `None` where the shape is too large or has too many axes.
pub(super) fn dense_strides(shape: &[usize]) -> Option<Vec<usize>> {
    if shape.len() > MAX_RANK {
        return None;
    }
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        // An empty axis makes the product 0; the strides of the axes outside it do not matter then.
        strides[axis - 1] = shape[axis].max(1).checked_mul(strides[axis])?;
    }
    Some(strides)
}

/// Elements of a tensor, and elements of storage from its first to its last; `None` on overflow.
pub(super) fn extent(shape: &[usize], strides: &[usize]) -> Option<(usize, usize)> {
    if shape.len() != strides.len() || shape.len() > MAX_RANK {
        return None;
    }
    let count = product(1, shape)?;
    if count == 0 {
        return Some((0, 0));
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(0_usize, |sum, (&dim, &stride)| sum.checked_add((dim - 1).checked_mul(stride)?))?;
    Some((count, last.checked_add(1)?))
}

impl<'a> Tensor<'a> {
    /// The tensor that starts at element `start` of a storage whose bytes begin at `storage_offset` of the file.
    ///
    /// # Errors
    /// [`Kind::BadHeader`] where shape and strides do not fit the storage, or show one element more than once: such a
    /// tensor would let a small file ask for a large allocation.
    pub(super) fn view(
        name: Cow<'a, str>,
        dtype: Dtype,
        (shape, strides): (Vec<usize>, Vec<usize>),
        start: usize,
        (storage, storage_offset): (&'a [u8], usize),
    ) -> Result<Self> {
        let size = dtype.size_bytes();
        let refuse = |found: String| {
            Err(Error::new(Kind::BadHeader, place(&name, storage_offset))
                .expected(format!("a tensor of {} inside its {} stored bytes", dtype.name(), storage.len()))
                .found(found)
                .remedy(
                    "Save it as `tensor.contiguous()`; if it was saved so, the file is damaged: download it again.",
                ))
        };
        let Some((count, span)) = extent(&shape, &strides) else {
            return refuse(format!("shape {shape:?} with strides {strides:?}, which overflows"));
        };
        if count > span {
            return refuse(format!("shape {shape:?} with strides {strides:?}, which repeats elements"));
        }
        let range = start
            .checked_mul(size)
            .and_then(|first| Some(first..span.checked_mul(size)?.checked_add(first)?))
            .filter(|range| range.end <= storage.len());
        let Some(range) = range else {
            return refuse(format!("shape {shape:?} with strides {strides:?} from element {start}"));
        };
        let offset_bytes = storage_offset + range.start;
        let bytes = Cow::Borrowed(&storage[range]);
        Ok(Self { name, dtype, shape, strides, offset_bytes, bytes, quantization: None })
    }

    /// A dense tensor of elements that were decoded from what is at byte `offset_bytes` of the file.
    ///
    /// # Errors
    /// [`Kind::BadHeader`] where the shape does not fit the bytes.
    #[cfg(feature = "full")]
    pub fn decoded(
        name: Cow<'a, str>,
        dtype: Dtype,
        shape: Vec<usize>,
        (bytes, offset_bytes): (Cow<'a, [u8]>, usize),
    ) -> Result<Self> {
        let fits = product(dtype.size_bytes(), &shape) == Some(bytes.len());
        let Some(strides) = dense_strides(&shape).filter(|_| fits) else {
            return Err(Error::new(Kind::BadHeader, place(&name, offset_bytes))
                .expected(format!("{shape:?} elements of {}", dtype.name()))
                .found(format!("{} bytes", bytes.len()))
                .remedy(DAMAGED));
        };
        Ok(Self { name, dtype, shape, strides, offset_bytes, bytes, quantization: None })
    }

    /// A dense tensor of numbers that were computed here.
    #[cfg(feature = "training")]
    pub(crate) fn of(name: &'a str, shape: &[usize], values: &[f32]) -> Self {
        Self {
            name: name.into(),
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            strides: dense_strides(shape).unwrap_or_default(),
            offset_bytes: 0,
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            quantization: None,
        }
    }

    /// "tensor `name` at byte 123".
    #[inline(never)]
    pub(super) fn place(&self) -> String {
        place(&self.name, self.offset_bytes)
    }

    /// The same elements with the axis of the file's `i`-th at `axes[i]`; of two axes, where four are asked for, the
    /// others are of one element.
    #[cfg(feature = "full")]
    pub(super) fn turned(&self, axes: [usize; 4]) -> Option<Self> {
        let (mut shape, mut strides) = (vec![1; 4], vec![1; 4]);
        let rank = self.shape.len();
        let places = axes.into_iter().filter(|&axis| rank == 4 || axis < 2);
        if rank != 4 && rank != 2 {
            return None;
        }
        for ((place, &dim), &stride) in places.zip(&self.shape).zip(&self.strides) {
            shape[place] = dim;
            strides[place] = stride;
        }
        let mut turned = Self { shape, strides, ..self.clone() };
        if let Some(quantization) = &mut turned.quantization {
            quantization.axis = axes.into_iter().filter(|&axis| rank == 4 || axis < 2).nth(quantization.axis)?;
        }
        Some(turned)
    }

    fn is_dense(&self) -> bool {
        // The stride of an axis of one element is never used.
        let dense = dense_strides(&self.shape).unwrap_or_default();
        let used = |axis: usize| self.shape[axis] == 1 || dense.get(axis) == Some(&self.strides[axis]);
        (0..self.shape.len()).all(used)
    }

    /// The elements' bytes in row-major order; borrowed where the file has them so.
    pub(super) fn dense_bytes(&self) -> Cow<'_, [u8]> {
        // Safetensors are always dense.
        if cfg!(not(feature = "full")) || self.is_dense() {
            return Cow::Borrowed(&self.bytes);
        }
        let size = self.dtype.size_bytes();
        let count: usize = self.shape.iter().product();
        let mut dense = Vec::with_capacity(count * size);
        // Axes of one element take no part; what is left of the innermost is read in one go.
        let axes = self.shape.iter().copied().zip(self.strides.iter().copied());
        let mut axes: Vec<(usize, usize)> = axes.filter(|axis| axis.0 != 1).collect();
        let (inner, step) = axes.pop().unwrap_or((1, 1));
        let mut index = vec![0; axes.len()];
        while dense.len() < count * size {
            let at: usize = index.iter().zip(&axes).map(|(i, axis)| i * axis.1).sum();
            let elements = self.bytes[at * size..].chunks(step.max(1) * size).take(inner);
            elements.for_each(|element| dense.extend_from_slice(&element[..size]));
            for (index, axis) in index.iter_mut().zip(&axes).rev() {
                *index += 1;
                if *index < axis.0 {
                    break;
                }
                *index = 0;
            }
        }
        Cow::Owned(dense)
    }

    /// The elements as single-precision numbers, dense and row-major.
    ///
    /// # Errors
    /// [`Kind::WrongDtype`] for integers; [`Kind::NotFinite`] naming the tensor and the byte of its first NaN or
    /// infinity; [`Kind::BadHeader`] where the fields were changed so that they no longer fit `bytes`.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        self.floats().map(Cow::into_owned)
    }

    /// The same, borrowed where the file has them so.
    ///
    /// # Errors
    /// As [`Tensor::to_f32`].
    pub fn floats(&self) -> Result<Cow<'_, [f32]>> {
        let size = self.dtype.size_bytes();
        let fits = extent(&self.shape, &self.strides)
            .is_some_and(|(count, span)| count <= span && span.checked_mul(size) == Some(self.bytes.len()));
        if !fits {
            return Err(Error::new(Kind::BadHeader, self.place())
                .expected(format!("shape {:?} with strides {:?}", self.shape, self.strides))
                .found(format!("{} bytes", self.bytes.len()))
                .remedy(DAMAGED));
        }
        let values = match self.dense_bytes() {
            // Files keep numbers where they can be read as such, unless someone hands them in from elsewhere.
            Cow::Borrowed(dense) if self.dtype == Dtype::F32 && cfg!(target_endian = "little") => {
                bytemuck::try_cast_slice(dense)
                    .map_or_else(|_| self.decode(dense).map(Cow::Owned), |all| Ok(Cow::Borrowed(all)))
            }
            dense => self.decode(&dense).map(Cow::Owned),
        }?;
        if all_finite(&values) {
            return Ok(values);
        }
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(index) => {
                let at = self.byte_of(index);
                Err(Error::new(Kind::NotFinite, format!("tensor `{}`, element {index} at byte {at}", self.name))
                    .expected("a finite number")
                    .found(print_decimal(values[index].into()))
                    .remedy("The weights are damaged or their training diverged; use another checkpoint."))
            }
        }
    }

    #[cfg_attr(
        feature = "full",
        expect(clippy::cast_possible_truncation, reason = "rounding doubles to singles is what the caller asked for")
    )]
    fn decode(&self, dense: &[u8]) -> Result<Vec<f32>> {
        let values = match self.dtype {
            Dtype::F32 => dense.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Dtype::F16 => dense.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
            #[cfg(feature = "full")]
            Dtype::BF16 => dense.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32()).collect(),
            #[cfg(feature = "full")]
            Dtype::F64 => dense.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
            Dtype::I32 | Dtype::I16 | Dtype::I8 | Dtype::U8 if let Some(quantization) = &self.quantization => {
                quantization.dequantise(self.dtype, &self.shape, dense)
            }
            // No file that this crate wrote has others.
            #[cfg(not(feature = "full"))]
            _ => return Err(super::lean::needs_importer()),
            #[cfg(feature = "full")]
            Dtype::I64 | Dtype::I32 | Dtype::I16 | Dtype::I8 | Dtype::U8 | Dtype::Bool => {
                return Err(Error::new(Kind::WrongDtype, self.place())
                    .expected("F32, F16, BF16 or F64")
                    .found(self.dtype.name())
                    .remedy("Convert the weights to floating point, e.g. `state_dict[name].float()`."));
            }
        };
        Ok(values)
    }

    /// Where the element of this row-major index is in the file.
    fn byte_of(&self, mut index: usize) -> usize {
        let mut at = 0;
        for (&dim, &stride) in self.shape.iter().zip(&self.strides).rev() {
            at += index % dim * stride;
            index /= dim;
        }
        self.offset_bytes + at * self.dtype.size_bytes()
    }
}
