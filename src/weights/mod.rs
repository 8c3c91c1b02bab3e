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

mod arrival;
#[cfg(feature = "full")]
mod assemble;
mod checkpoint;
#[cfg(feature = "full")]
mod convert;
#[cfg(feature = "full")]
mod extras;
mod fold;
#[cfg(feature = "full")]
mod habits;
#[cfg(feature = "full")]
mod hdf5;
mod honesty;
#[cfg(feature = "full")]
mod infer;
#[cfg(feature = "full")]
mod inflate;
#[cfg(feature = "integers")]
mod integers;
mod json;
#[cfg(feature = "full")]
mod keras;
mod labels;
#[cfg(not(feature = "full"))]
mod lean;
mod metadata;
mod names;
#[cfg(feature = "full")]
mod onnx;
mod overrides;
#[cfg(feature = "full")]
mod parts;
#[cfg(feature = "full")]
mod problems;
#[cfg(feature = "full")]
mod proto;
mod quantization;
mod safetensors;
#[cfg(feature = "integers")]
mod stored_integers;
mod table;
mod tensor;
#[cfg(feature = "full")]
mod tensorflow;
#[cfg(feature = "full")]
mod tflite;
#[cfg(feature = "full")]
mod torch;
#[cfg(feature = "full")]
mod walk;
#[cfg(feature = "full")]
mod zip;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Error, Kind, Result};
use crate::small::sort;

pub use arrival::Arrival;
pub use checkpoint::{Checkpoint, checkpoint};
#[cfg(feature = "full")]
pub use convert::{Precision, convert};
#[cfg(feature = "integers")]
pub use integers::{Centred, Integer, Integers, Rule, Steps};
#[cfg(feature = "training")]
pub(crate) use json::push_string;
pub use labels::{parse_imagenet, parse_labels};
pub use overrides::Overrides;
#[cfg(feature = "full")]
pub use parts::{Part, Wanted, main_part, read_parts, wanted};
pub use quantization::Quantization;
#[cfg(feature = "training")]
pub(crate) use safetensors::write_tensors;
pub use safetensors::{write_safetensors, write_safetensors_with};
pub use table::{parse_table, print_table};
pub use tensor::{Dtype, Tensor};

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
    /// HDF5 as Keras writes it.
    KerasH5,
    /// A zip archive of a configuration and such a file.
    Keras,
    /// A `model.json` that lists the tensors of its shards.
    TensorFlowJs,
    /// The index of a TensorFlow checkpoint, or of a SavedModel's variables.
    TensorFlowCheckpoint,
    /// A `GraphDef` whose variables were turned into constants: a frozen `.pb`.
    TensorFlowGraph,
}

/// What people hand in by mistake or too early: its mark at the beginning, and what it is.
#[cfg(feature = "full")]
const KNOWN_BUT_UNREAD: &[(&[u8], &str)] = &[
    (b"<", "an HTML or XML page"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{", "a JSON file"),
    (b"\x80", "a pickle that torch.save did not write"),
    (b"\x08", "perhaps a protocol buffer of another kind"),
];

#[cfg(feature = "full")]
const READABLE: &str = "a file of safetensors, PyTorch (.pth, .pt), Keras (.h5, .keras), TensorFlow Lite (.tflite), \
    ONNX (.onnx), TensorFlow.js (model.json) or TensorFlow (.pb, .index)";

impl Format {
    /// The format of these bytes, told from their beginning.
    ///
    /// # Errors
    /// [`Kind::UnsupportedFormat`], saying what the bytes look like instead.
    pub fn sniff(file: &[u8]) -> Result<Self> {
        // A header of less than 4 GiB: the length may begin with any other format's mark, but not go on so.
        #[cfg(feature = "full")]
        if file.get(4..9) != Some(b"\0\0\0\0{")
            && let Some(format) = Self::foreign(file)
        {
            return Ok(format);
        }
        // Eight bytes of header length, then the header, which must begin so.
        if file.get(8) == Some(&b'{') {
            return Ok(Self::Safetensors);
        }
        // The importer finds the words for what it is instead.
        #[cfg(not(feature = "full"))]
        return Err(lean::needs_importer());
        #[cfg(feature = "full")]
        Err(Self::unknown(file))
    }

    #[cfg(feature = "full")]
    #[cold]
    fn unknown(file: &[u8]) -> Error {
        let looks_like = KNOWN_BUT_UNREAD.iter().find(|(mark, _)| file.starts_with(mark)).map_or_else(
            || format!("{} bytes that begin with {:02x?}", file.len(), &file[..file.len().min(8)]),
            |(_, what)| (*what).to_owned(),
        );
        Error::new(Kind::UnsupportedFormat, "weights, byte 0")
            .expected(READABLE)
            .found(looks_like)
            .remedy("Check the address or the file that was chosen, or convert the weights to safetensors.")
    }

    /// Which of the formats that the core module does not read.
    #[cfg(feature = "full")]
    fn foreign(file: &[u8]) -> Option<Self> {
        if file.starts_with(b"PK\x03\x04") {
            return Some(if keras::is_archive(file) { Self::Keras } else { Self::TorchZip });
        }
        if file.starts_with(b"\x89HDF\r\n\x1a\n") {
            return Some(Self::KerasH5);
        }
        if file.starts_with(&torch::LEGACY_MAGIC) {
            return Some(Self::TorchLegacy);
        }
        if file.get(4..).is_some_and(|rest| rest.starts_with(b"TFL3")) {
            return Some(Self::TfLite);
        }
        if tensorflow::js::is_model(file) {
            return Some(Self::TensorFlowJs);
        }
        if tensorflow::bundle::is_index(file) {
            return Some(Self::TensorFlowCheckpoint);
        }
        if tensorflow::graph_def::is_graph(file) {
            return Some(Self::TensorFlowGraph);
        }
        // The first field is the format's version: 3 or more of a model, 1 of a SavedModel.
        matches!(file, [8, 3..=32, ..]).then_some(Self::Onnx)
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
            Self::KerasH5 => "Keras (HDF5)",
            Self::Keras => "Keras",
            Self::TensorFlowJs => "TensorFlow.js",
            Self::TensorFlowCheckpoint => "TensorFlow checkpoint",
            Self::TensorFlowGraph => "TensorFlow graph",
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
    /// Checksums of tensors, by their bytes in the file, that were taken already.
    sums: Vec<Sum>,
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
            sums: Vec::new(),
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

    /// Compares every tensor with its checksum, where the file states one.
    #[cfg(feature = "training")]
    pub(crate) fn check_crc32(&self) -> Result<()> {
        metadata::check_crc32(self)
    }

    #[inline(never)]
    fn position(&self, name: &str) -> Option<usize> {
        self.tensors.binary_search_by(|tensor| (*tensor.name).cmp(name)).ok()
    }
}

/// Bytes of the file, and their CRC-32.
type Sum = (Range<usize>, u32);

/// Metadata and tensors of a file, as its format's reader finds them.
type Contents<'a> = (BTreeMap<String, String>, Vec<Tensor<'a>>);

/// The remedy where a file contradicts itself.
const DAMAGED: &str = "The file is damaged or was written wrongly; download or convert it again.";

/// A file that contradicts itself or its format.
#[cfg(feature = "full")]
#[cold]
#[inline(never)]
fn damaged(place: String, expected: &str, found: String) -> Error {
    Error::new(Kind::BadHeader, place).expected(expected).found(found).remedy(DAMAGED)
}

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
        #[cfg(feature = "full")]
        Format::KerasH5 => keras::read_h5(file)?,
        #[cfg(feature = "full")]
        Format::Keras => keras::read_archive(file)?,
        #[cfg(feature = "full")]
        Format::TensorFlowJs => tensorflow::js::read(&Part { name: "", bytes: file }, &[])?,
        #[cfg(feature = "full")]
        Format::TensorFlowCheckpoint => tensorflow::bundle::read(&Part { name: "", bytes: file }, &[])?,
        #[cfg(feature = "full")]
        Format::TensorFlowGraph => tensorflow::graph_def::read(file)?,
        #[cfg(not(feature = "full"))]
        _ => return Err(lean::needs_importer()),
    };
    let mut file = File::new(format, metadata, tensors)?;
    if format == Format::Safetensors {
        quantization::attach(&mut file)?;
    }
    Ok(file)
}
