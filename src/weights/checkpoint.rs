//! A file whose tensors are those of a known network, under canonical names.

use std::collections::BTreeMap;

use super::{File, Tensor, metadata, names};
use crate::error::{Error, Kind, Result};
use crate::model::Spec;

/// Names listed in one error.
const LISTED: usize = 12;

/// The tensors of one network.
#[derive(Clone, Debug)]
pub struct Checkpoint<'a> {
    /// Which network, and under which conventions it was trained.
    pub spec: Spec,
    /// Whose names the file uses, e.g. `torchvision`.
    pub naming: &'static str,
    file: File<'a>,
    /// Canonical name → index in the file.
    indices: BTreeMap<String, usize>,
}

/// Finds the network in a file: whose names its tensors bear, which version and width they are of, and what its
/// metadata says beyond that. Checks that every tensor is there and that stated checksums hold; shapes are checked by
/// [`Checkpoint::parameter`].
///
/// # Errors
/// [`Kind::NotMobileNet`], [`Kind::MissingTensor`] with all missing names, [`Kind::WrongShape`] with the first block
/// that fits no multiplier, [`Kind::Corrupt`], [`Kind::BadMetadata`] or [`Kind::BadModel`].
pub fn checkpoint(file: File<'_>) -> Result<Checkpoint<'_>> {
    let stated_version = metadata::version(&file)?;
    let (naming, names, prefix) = names::recognise(&file)?;
    if let Some(version) = stated_version.filter(|&version| version != naming.version) {
        return Err(Error::new(Kind::BadMetadata, "metadata `mobilenet.version`")
            .expected(format!("`{}`, as the tensors' names say", naming.version.name()))
            .found(format!("`{}`", version.name()))
            .remedy("The metadata and the tensors belong to different networks; convert the weights again."));
    }

    let mut indices = BTreeMap::new();
    let mut ends = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let in_file = format!("{prefix}{}", name.in_file);
        match file.position(&in_file) {
            Some(index) => {
                ends.extend(name.ends_row.map(|row| (row, &file.tensors[index])));
                indices.insert(name.canonical, index);
            }
            None => missing.push(in_file),
        }
    }
    if !missing.is_empty() {
        return Err(missing_tensors(&file, &missing));
    }

    let stated_multiplier = metadata::multiplier(&file)?;
    if let Some(multiplier) = stated_multiplier {
        // Channels are computed from it next; a wild value would overflow them.
        naming.spec(multiplier, 1)?.check()?;
    }
    let multiplier = names::multiplier(naming.version, &ends, stated_multiplier)?;
    let logits = &file.tensors[indices["logits/biases"]];
    let classes = logits.shape.first().copied().unwrap_or(0);
    let spec = metadata::apply(&file, naming.spec(multiplier, classes)?)?;
    metadata::check_crc32(&file)?;
    Ok(Checkpoint { spec, naming: naming.framework, file, indices })
}

fn missing_tensors(file: &File<'_>, missing: &[String]) -> Error {
    let listed: Vec<_> = missing.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = missing.len() - listed.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Error::new(Kind::MissingTensor, format!("{} file", file.format.name()))
        .expected(format!("tensor{} {}{more}", if missing.len() == 1 { "" } else { "s" }, listed.join(", ")))
        .found(format!("{} other tensors", file.tensors.len()))
        .remedy("Use the complete checkpoint of a MobileNet classifier.")
}

impl<'a> Checkpoint<'a> {
    /// The tensor of that canonical name, as the file has it.
    ///
    /// # Errors
    /// [`Kind::MissingTensor`] where the network has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<&Tensor<'a>> {
        self.indices.get(name).map(|&index| &self.file.tensors[index]).ok_or_else(|| {
            Error::new(Kind::MissingTensor, format!("tensor `{name}`"))
                .expected(format!("a tensor of MobileNet {}", self.spec.version.name()))
        })
    }

    /// The numbers of the tensor of that canonical name, dense in the order `[out, in, height, width]` or `[out, in]`.
    ///
    /// # Errors
    /// [`Kind::MissingTensor`], [`Kind::WrongShape`] with the file's name, byte offset, expected and found shapes, or
    /// any error of [`Tensor::to_f32`].
    pub fn parameter(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.tensor(name)?;
        if tensor.shape != shape {
            return Err(Error::new(Kind::WrongShape, format!("{} ({name})", tensor.place()))
                .expected(format!("shape {shape:?}"))
                .found(format!("{:?}", tensor.shape))
                .remedy("The weights belong to another network than their names or metadata say."));
        }
        tensor.to_f32()
    }

    /// The network's tensors as the file has them, in the order of canonical names; what else the file holds is left
    /// out.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &Tensor<'a>> {
        self.indices.values().map(|&index| &self.file.tensors[index])
    }

    /// The whole file.
    #[must_use]
    pub const fn file(&self) -> &File<'a> {
        &self.file
    }
}
