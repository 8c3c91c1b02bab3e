//! A file whose tensors are those of a known network, under canonical names.

use std::borrow::Cow;

#[cfg(feature = "integers")]
use super::Integers;
#[cfg(feature = "full")]
use super::assemble::assemble;
#[cfg(not(feature = "full"))]
use super::lean::assemble;
use super::{File, Inferred, Overrides, Tensor, Warning, metadata};
use crate::error::{Error, Kind, Result};
use crate::model::Spec;

/// The tensors of one network.
#[derive(Clone, Debug)]
pub struct Checkpoint<'a> {
    /// Which network, and under which conventions it was trained.
    pub spec: Spec,
    /// Whose names the file uses, e.g. `torchvision`.
    pub naming: &'static str,
    /// What of `spec` the file does not state, and why it was taken to be so.
    pub inferred: Vec<Inferred>,
    /// What is suspicious about the file, but no reason to refuse it.
    pub warnings: Vec<Warning>,
    /// WordNet ids by class; empty where the file does not hold them.
    pub wnids: Vec<String>,
    /// How it computes in integers, where it can.
    #[cfg(feature = "integers")]
    pub integers: Option<Integers>,
    pub(super) file: File<'a>,
    pub(super) entries: Vec<Entry>,
}

/// A parameter of the network.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) canonical: String,
    /// Of the file's tensors.
    pub(super) index: usize,
    /// Of weights: where the file's axes are in `[out, in, height, width]`; what the core module opens has them so.
    #[cfg(feature = "full")]
    pub(super) axes: Option<[usize; 4]>,
}

/// A network found in a file.
pub(super) struct Assembled {
    pub(super) spec: Spec,
    pub(super) naming: &'static str,
    pub(super) inferred: Vec<Inferred>,
    pub(super) warnings: Vec<Warning>,
    pub(super) entries: Vec<Entry>,
}

/// Finds the network in a file: whose names its tensors bear, which version and width they are of, and what its
/// metadata says beyond that. `overrides` go before metadata, and that before what tensors tell. Checks that every
/// tensor is there in the right shape, and that stated checksums hold.
///
/// # Errors
/// [`Kind::NotMobileNet`], [`Kind::MissingTensor`] or [`Kind::WrongShape`] with all tensors that are missing or have
/// other shapes and the first block that disagrees; [`Kind::BadOption`] or [`Kind::BadMetadata`] where a stated value
/// contradicts the tensors; [`Kind::Corrupt`] or [`Kind::BadModel`].
pub fn checkpoint<'a>(file: File<'a>, overrides: &Overrides) -> Result<Checkpoint<'a>> {
    let mut stated = overrides.clone();
    stated.fill(metadata::read(&file)?);
    #[cfg(feature = "full")]
    stated.fill(file.said.stated.clone());
    let assembled = assemble(&file, &mut stated, overrides)?;
    metadata::check_crc32(&file)?;
    let mut checkpoint = Checkpoint {
        spec: assembled.spec,
        naming: assembled.naming,
        inferred: assembled.inferred,
        warnings: assembled.warnings,
        wnids: stated.wnids.unwrap_or_default(),
        #[cfg(feature = "integers")]
        integers: None,
        file,
        entries: assembled.entries,
    };
    #[cfg(feature = "full")]
    {
        checkpoint.inferred.extend(checkpoint.file.said.inferred.iter().cloned());
        checkpoint.warnings.extend(checkpoint.file.said.warnings.iter().cloned());
        checkpoint.integers = checkpoint.file.said.integers.take();
    }
    #[cfg(feature = "integers")]
    if checkpoint.integers.is_none() {
        checkpoint.integers = Integers::read(&checkpoint.file)?;
    }
    let suspicions = super::honesty::check(&checkpoint);
    checkpoint.warnings.extend(suspicions);
    Ok(checkpoint)
}

impl<'a> Checkpoint<'a> {
    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.canonical == name)
    }

    /// Whether the file has the tensor of that canonical name: `…/biases` of a convolution whose batch norm was folded.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The tensor of that canonical name, as the file has it.
    ///
    /// # Errors
    /// [`Kind::MissingTensor`] where the network has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<&Tensor<'a>> {
        Ok(&self.file.tensors[self.named(name)?.index])
    }

    fn named(&self, name: &str) -> Result<&Entry> {
        self.entry(name).ok_or_else(|| {
            Error::new(Kind::MissingTensor, format!("tensor `{name}`"))
                .expected(format!("a tensor of MobileNet {}", self.spec.version.name()))
        })
    }

    /// The numbers of the tensor of that canonical name, dense in the order `[out, in, height, width]` or `[out, in]`
    /// whatever the file's is.
    ///
    /// # Errors
    /// [`Kind::MissingTensor`], [`Kind::WrongShape`] with the file's name, byte offset, expected and found shapes, or
    /// any error of [`Tensor::to_f32`].
    pub fn parameter(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.shaped(name, shape, Tensor::to_f32)
    }

    /// What `work` makes of those numbers, without a copy of them where the file has them so.
    ///
    /// # Errors
    /// As [`Checkpoint::parameter`], and those of `work`.
    pub fn with_parameter<T>(&self, name: &str, shape: &[usize], work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
        self.shaped(name, shape, |tensor| work(&tensor.floats()?))
    }

    /// What `read` makes of the tensor of that canonical name, its axes in the order of [`Checkpoint::parameter`].
    #[inline(always)]
    pub(super) fn shaped<T>(
        &self,
        name: &str,
        shape: &[usize],
        read: impl FnOnce(&Tensor<'a>) -> Result<T>,
    ) -> Result<T> {
        let entry = self.named(name)?;
        let tensor = self.turned(entry);
        let fits = match (&*tensor.shape, shape) {
            ([dims @ .., 1, 1], [_, _]) if dims.len() == 2 => dims == shape,
            (dims, shape) => dims == shape,
        };
        if !fits {
            return Err(Error::new(Kind::WrongShape, format!("{} ({name})", tensor.place()))
                .expected(format!("shape {shape:?}"))
                .found(format!("{:?}", tensor.shape))
                .remedy("The weights belong to another network than their names or metadata say."));
        }
        read(&tensor)
    }

    /// A parameter with its axes in this crate's order.
    fn turned(&self, entry: &Entry) -> Cow<'_, Tensor<'a>> {
        let tensor = &self.file.tensors[entry.index];
        #[cfg(feature = "full")]
        if let Some(turned) = entry.axes.and_then(|axes| tensor.turned(axes)) {
            return Cow::Owned(turned);
        }
        Cow::Borrowed(tensor)
    }

    /// The network's tensors as the file has them, from the stem to the logits; what else the file holds is left out.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &Tensor<'a>> {
        self.entries.iter().map(|entry| &self.file.tensors[entry.index])
    }

    /// The same under this crate's own names, weights in the order `[out, in, height, width]`: what the core module opens.
    #[must_use]
    pub fn canonical(&self) -> Vec<Tensor<'a>> {
        let canonical =
            |entry: &Entry| Tensor { name: entry.canonical.clone().into(), ..self.turned(entry).into_owned() };
        self.entries.iter().map(canonical).collect()
    }

    /// The whole file.
    #[must_use]
    pub const fn file(&self) -> &File<'a> {
        &self.file
    }
}
