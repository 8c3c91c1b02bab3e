//! One error type for the whole crate: where → expected → found → remedy.

use std::fmt;

/// Shorthand for a result that fails with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, as a closed list. JavaScript sees [`Kind::code`] as `MobileNetError.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The bytes are none of the formats that this crate reads.
    UnsupportedFormat,
    /// The file ends before the data that it announces.
    Truncated,
    /// A header, index or pickle is not what its format allows.
    BadHeader,
    /// A checksum stored in the file does not match its data.
    Corrupt,
    /// A pickle asks for something other than a state dictionary of tensors.
    RefusedPickle,
    /// The file holds tensors, but not those of a MobileNet.
    NotMobileNet,
    /// Metadata names a version, preset, padding … that this crate does not know.
    BadMetadata,
    /// The model consists of several files, and one of them was not given.
    MissingPart,
    /// A tensor that the network needs is not in the file.
    MissingTensor,
    /// A tensor has another shape than the network needs.
    WrongShape,
    /// A tensor has a data type that this crate does not read.
    WrongDtype,
    /// A tensor holds NaN or infinity.
    NotFinite,
    /// A model parameter (multiplier, resolution, classes …) is out of range.
    BadModel,
    /// No endpoint has that name.
    UnknownEndpoint,
    /// An option of a call has a value outside its range.
    BadOption,
    /// A frame has no pixels.
    SourceEmpty,
    /// A frame's bytes do not fit its width and height.
    SourceWrongLength,
    /// A frame that should be used as it is has another size than the network's input.
    SourceWrongSize,
    /// Something that is no frame was handed in.
    SourceUnsupported,
    /// A canvas or picture may not be read: it holds another origin's pixels.
    SourceTainted,
    /// A frame was closed or transferred before it was read.
    SourceDetached,
    /// The core module reads only files that say what they are; the importer reads this one.
    NeedsImporter,
    /// A quantised network, which a module with the kernels of integers runs.
    NeedsIntegers,
    /// There is no GPU that can be used from here.
    GpuUnavailable,
    /// The GPU went away: its driver crashed, or it was reset or unplugged.
    GpuLost,
    /// The GPU's memory is full.
    GpuOutOfMemory,
    /// The GPU, its driver or its limits refused what was asked.
    GpuFailed,
    /// A backend's answer to the stored question is wrong.
    GpuWrong,
    /// The browser lacks something that this package needs.
    Unsupported,
    /// There is too little to learn from: one class, a class without a sample.
    #[cfg(feature = "training")]
    TooFewSamples,
    /// A loss or a weight became NaN or infinite.
    #[cfg(feature = "training")]
    TrainingDiverged,
    /// There is no head yet.
    #[cfg(feature = "training")]
    NotTrained,
    /// A head was trained on the features of another network.
    #[cfg(feature = "training")]
    WrongBackbone,
}

impl Kind {
    /// The stable code that JavaScript sees, e.g. `"missing_tensor"`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported_format",
            Self::Truncated => "truncated",
            Self::BadHeader => "bad_header",
            Self::Corrupt => "corrupt",
            Self::RefusedPickle => "refused_pickle",
            Self::NotMobileNet => "not_mobilenet",
            Self::BadMetadata => "bad_metadata",
            Self::MissingPart => "missing_part",
            Self::MissingTensor => "missing_tensor",
            Self::WrongShape => "wrong_shape",
            Self::WrongDtype => "wrong_dtype",
            Self::NotFinite => "not_finite",
            Self::BadModel => "bad_model",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::BadOption => "bad_option",
            Self::SourceEmpty => "source_empty",
            Self::SourceWrongLength => "source_wrong_length",
            Self::SourceWrongSize => "source_wrong_size",
            Self::SourceUnsupported => "source_unsupported",
            Self::SourceTainted => "source_tainted",
            Self::SourceDetached => "source_detached",
            Self::NeedsImporter => "needs_importer",
            Self::NeedsIntegers => "needs_integers",
            Self::GpuUnavailable => "gpu_unavailable",
            Self::GpuLost => "gpu_lost",
            Self::GpuOutOfMemory => "gpu_out_of_memory",
            Self::GpuFailed => "gpu_failed",
            Self::GpuWrong => "gpu_wrong",
            Self::Unsupported => "unsupported",
            #[cfg(feature = "training")]
            Self::TooFewSamples => "too_few_samples",
            #[cfg(feature = "training")]
            Self::TrainingDiverged => "training_diverged",
            #[cfg(feature = "training")]
            Self::NotTrained => "not_trained",
            #[cfg(feature = "training")]
            Self::WrongBackbone => "wrong_backbone",
        }
    }
}

/// An error that says where it happened, what was expected, what was found, and what to do about it.
///
/// One word wide and built out of line: errors are made in hundreds of places, none of them hot, and the core module is
/// small because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Sentence>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    kind: Kind,
    place: String,
    expected: String,
    found: String,
    remedy: String,
}

impl Error {
    /// An error at `place` (a tensor, a byte offset, an option); see [`Error::expected`], [`Error::found`] and
    /// [`Error::remedy`] for the rest of the sentence.
    #[cold]
    #[inline(never)]
    pub fn new(kind: Kind, place: impl Into<String>) -> Self {
        let (expected, found, remedy) = Default::default();
        Self(Box::new(Sentence { kind, place: place.into(), expected, found, remedy }))
    }

    /// What should have been there.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = expected.into();
        self
    }

    /// What was there.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.0.found = found.into();
        self
    }

    /// What the reader can do about it: a whole sentence.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = remedy.into();
        self
    }

    /// Where the place itself is, in front of it.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn within(mut self, outer: &str) -> Self {
        self.0.place.insert_str(0, ", ");
        self.0.place.insert_str(0, outer);
        self
    }

    /// Which of the closed list of errors this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sentence { kind, place, expected, found, remedy } = &*self.0;
        // Names in hostile files may be as long as the files; the longest list of this crate's own is shorter than this.
        write!(f, "{place:.16384}: ")?;
        match (expected.is_empty(), found.is_empty()) {
            (false, false) => write!(f, "expected {expected:.16384}, found {found:.16384}")?,
            (false, true) => write!(f, "expected {expected:.16384}")?,
            (true, false) => write!(f, "found {found:.16384}")?,
            (true, true) => f.write_str(kind.code())?,
        }
        if !remedy.is_empty() {
            write!(f, ". {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
