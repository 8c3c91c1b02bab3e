//! Bytes → named tensors.
//!
//! [`read`] sniffs the [`Format`] and lists the tensors of a [`File`], each a view of the file's own bytes: nothing is
//! copied before [`Tensor::to_f32`]. [`checkpoint()`] then finds out which framework named them, which network they are,
//! and hands them out under canonical names, so that the layers above never see a framework.
//!
//! Nothing here is hot, and a browser downloads all of it: what is called from several places is kept out of line, which
//! saves 2.4 kB of the compressed module.
//!
//! A file is untrusted input. No count that it states is allocated for before the bytes it stands for are known to be
//! there, and every error names a tensor or a byte offset.

#[cfg(feature = "full")]
mod assemble;
mod checkpoint;
#[cfg(feature = "full")]
mod extras;
#[cfg(feature = "full")]
mod habits;
mod honesty;
#[cfg(feature = "full")]
mod infer;
mod json;
mod labels;
#[cfg(not(feature = "full"))]
mod lean;
mod metadata;
mod names;
#[cfg(feature = "full")]
mod onnx;
mod overrides;
#[cfg(feature = "full")]
mod problems;
mod safetensors;
mod table;
mod tensor;
#[cfg(feature = "full")]
mod tflite;
#[cfg(feature = "full")]
mod torch;
#[cfg(feature = "full")]
mod walk;

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::small::sort;

pub use checkpoint::{Checkpoint, checkpoint};
pub use labels::{parse_imagenet, parse_labels};
pub use overrides::Overrides;
pub use safetensors::{write_safetensors, write_safetensors_with};
pub use table::{parse_table, print_table};
pub use tensor::{Dtype, Quantization, Tensor};

/// More tensors than any MobileNet checkpoint holds (V2 with Adam's state: 630), few enough that listing them stays
/// well under a mebibyte.
const MAX_TENSORS: usize = 2048;

/// A kind of weights file. Adding one is a variant here; the compiler then shows the other places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON header, then raw tensors.
    Safetensors,
    /// What `torch.save` writes since PyTorch 1.6: a zip archive of a pickle and one entry a storage.
    TorchZip,
    /// What `torch.save` wrote before: five pickles, then the storages.
    TorchLegacy,
    /// A FlatBuffer of operators, tensors and constants.
    TfLite,
    /// A protocol buffer of operators and constants.
    Onnx,
}

/// Formats that people hand in by mistake or too early: where their mark stands, the mark, what it is.
const KNOWN_BUT_UNREAD: [(usize, &[u8], &str); 7] = [
    (0, b"<", "an HTML or XML page"),
    (0, b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
    (0, b"\x89HDF", "an HDF5 (Keras .h5) file"),
    (0, b"{", "a JSON file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\x80", "a pickle that torch.save did not write"),
    (0, b"\x08", "perhaps a TensorFlow protocol buffer"),
];

impl Format {
    /// The format of these bytes, told from their beginning.
    ///
    /// # Errors
    /// [`Kind::UnsupportedFormat`], saying what the bytes look like instead.
    pub fn sniff(file: &[u8]) -> Result<Self> {
        if file.starts_with(b"PK\x03\x04") {
            return Ok(Self::TorchZip);
        }
        #[cfg(feature = "full")]
        if file.starts_with(&torch::LEGACY_MAGIC) {
            return Ok(Self::TorchLegacy);
        }
        if file.get(4..).is_some_and(|rest| rest.starts_with(b"TFL3")) {
            return Ok(Self::TfLite);
        }
        // The first field is the format's version: 3 or more of a model, 1 of a SavedModel.
        if matches!(file, [8, 3..=32, ..]) {
            return Ok(Self::Onnx);
        }
        // Eight bytes of header length, then the header, which must begin so.
        if file.get(8) == Some(&b'{') {
            return Ok(Self::Safetensors);
        }
        let looks_like = KNOWN_BUT_UNREAD
            .iter()
            .find(|(at, mark, _)| file.get(*at..).is_some_and(|tail| tail.starts_with(mark)))
            .map_or_else(
                || format!("{} bytes that begin with {:02x?}", file.len(), &file[..file.len().min(8)]),
                |(_, _, what)| (*what).to_owned(),
            );
        Err(Error::new(Kind::UnsupportedFormat, "weights, byte 0")
            .expected("a safetensors, PyTorch (.pth, .pt), TensorFlow Lite (.tflite) or ONNX (.onnx) file")
            .found(looks_like)
            .remedy("Check the address or the file that was chosen, or convert the weights to safetensors."))
    }

    /// The format's usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::TorchZip => "PyTorch",
            Self::TorchLegacy => "PyTorch (before 1.6)",
            Self::TfLite => "TensorFlow Lite",
            Self::Onnx => "ONNX",
        }
    }
}

/// Something that a file does not state, what it was taken to be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// Which property, e.g. `multiplier`.
    pub what: &'static str,
    /// Its value.
    pub value: String,
    /// What told it.
    pub why: String,
}

/// Something suspicious that is no reason to refuse a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable, e.g. `batch_norm_variance_one`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// The tensors of a weights file, and what it says about them.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// How the file is written.
    pub format: Format,
    /// Free text by key; empty in formats that carry none.
    pub metadata: BTreeMap<String, String>,
    /// Sorted by name, each name once.
    tensors: Vec<Tensor<'a>>,
    /// What the file says otherwise than by metadata.
    #[cfg(feature = "full")]
    said: walk::Said,
}

impl<'a> File<'a> {
    fn new(format: Format, metadata: BTreeMap<String, String>, mut tensors: Vec<Tensor<'a>>) -> Result<Self> {
        sort(&mut tensors, &|a, b| a.name < b.name);
        if let Some([first, second]) = tensors.array_windows().find(|[a, b]| a.name == b.name) {
            return Err(Error::new(Kind::BadHeader, second.place())
                .expected("each name once")
                .found(format!("the same name at byte {}", first.offset_bytes))
                .remedy(DAMAGED));
        }
        Ok(Self {
            format,
            metadata,
            tensors,
            #[cfg(feature = "full")]
            said: walk::Said::default(),
        })
    }

    /// A file that says more than its tensors.
    #[cfg(feature = "full")]
    fn said(format: Format, (said, tensors): (walk::Said, Vec<Tensor<'a>>)) -> Result<Self> {
        Ok(Self { said, ..Self::new(format, BTreeMap::new(), tensors)? })
    }

    /// The tensor of that name in the file.
    #[must_use]
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<&Tensor<'a>> {
        self.position(name).map(|index| &self.tensors[index])
    }

    /// All tensors, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tensor<'a>> {
        self.tensors.iter()
    }

    #[inline(never)]
    fn position(&self, name: &str) -> Option<usize> {
        self.tensors.binary_search_by(|tensor| (*tensor.name).cmp(name)).ok()
    }
}

/// The remedy where a file contradicts itself.
const DAMAGED: &str = "The file is damaged or was written wrongly; download or convert it again.";

/// Lists the tensors of a file of any [`Format`].
///
/// # Errors
/// [`Kind::UnsupportedFormat`], [`Kind::Truncated`], [`Kind::BadHeader`], [`Kind::Corrupt`], [`Kind::WrongDtype`] or
/// [`Kind::RefusedPickle`], each with the tensor or the byte offset.
pub fn read(file: &[u8]) -> Result<File<'_>> {
    let format = Format::sniff(file)?;
    let (metadata, tensors) = match format {
        Format::Safetensors => safetensors::read(file)?,
        #[cfg(feature = "full")]
        Format::TorchZip => (BTreeMap::new(), torch::read_zip(file)?),
        #[cfg(feature = "full")]
        Format::TorchLegacy => (BTreeMap::new(), torch::read_legacy(file)?),
        #[cfg(feature = "full")]
        Format::TfLite => return File::said(format, tflite::read(file)?),
        #[cfg(feature = "full")]
        Format::Onnx => return File::said(format, onnx::read(file)?),
        #[cfg(not(feature = "full"))]
        _ => return Err(lean::needs_full_module()),
    };
    File::new(format, metadata, tensors)
}
