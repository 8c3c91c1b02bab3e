//! Keras' own files: `.h5`, whose groups are layers under their names, and `.keras`, a zip archive of a configuration and
//! an HDF5 file whose groups are layers under their kinds.
//!
//! [`config`] reads what a configuration says beyond names and shapes, [`layers`] names the tensors of either layout, if
//! need be by their [`order`].

mod archive;
mod config;
mod layers;
mod order;

use std::borrow::Cow;

use super::hdf5::{Hdf5, allowance};
use super::{Contents, DAMAGED, Dtype, MAX_TENSORS, Tensor};
use crate::error::{Error, Kind, Result};

pub(super) use archive::{is_archive, read as read_archive};
pub(super) use config::{Config, HIDDEN};

/// What `Rescaling` layers do.
const PRESETS: [&str; 2] = ["keras", "keras-unit"];

/// A `.h5` file: weights alone, or a whole model with its weights in a group.
pub(super) fn read_h5(file: &[u8]) -> Result<Contents<'_>> {
    read(Hdf5::open(Cow::Borrowed(file), 0, true, allowance(file.len()))?, Config::default())
}

fn read<'a>(file: Hdf5<'a>, mut config: Config) -> Result<Contents<'a>> {
    let root = file.root();
    if let Some(text) = file.label(root, "model_config")? {
        config.read(text, "attribute `model_config`", 0)?;
    }
    let mut metadata = config.metadata(PRESETS);
    for name in ["class_names", "labels"] {
        if let Some(names) = file.texts(root, name)?.filter(|names| !names.is_empty()) {
            let names: Vec<_> = names.iter().map(|name| name.replace(['\n', '\r'], " ")).collect();
            metadata.insert("mobilenet.labels".into(), names.join("\n"));
        }
    }
    let weights = file.child(root, "model_weights")?.unwrap_or(root);
    let rows = layers::rows(&file, weights, &config)?;
    if rows.len() > MAX_TENSORS {
        return Err(Error::new(Kind::BadHeader, file.place("group", weights))
            .expected(format!("at most {MAX_TENSORS} tensors"))
            .found(rows.len().to_string())
            .remedy("Choose the weights of a MobileNet."));
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(file.numbers(row.address, row.name)?);
    }
    let mut tensors = file.into_tensors(found)?;
    add_biases(&mut tensors)?;
    Ok((metadata, tensors))
}

/// A classifier may be trained without biases; they are zeros then.
pub(super) fn add_biases(tensors: &mut Vec<Tensor<'_>>) -> Result<()> {
    let end = |name: &str| if name.ends_with(":0") { ":0" } else { "" };
    let bias = |tensor: &Tensor<'_>| {
        let number = end(&tensor.name);
        let layer = tensor.name.strip_suffix(number)?.strip_suffix("/kernel")?;
        // No wider than the kernel, whose bytes are there.
        let [_, units] = *<&[usize; 2]>::try_from(&*tensor.shape).ok().filter(|shape| shape[0] > 0)?;
        Some((format!("{layer}/bias{number}"), units, tensor.offset_bytes))
    };
    let biases: Vec<_> = tensors.iter().filter_map(bias).collect();
    for (name, units, offset_bytes) in biases {
        if tensors.iter().all(|tensor| tensor.name != name) {
            let zeros = vec![0; units.saturating_mul(Dtype::F32.size_bytes())];
            let bytes = (Cow::Owned(zeros), offset_bytes);
            tensors.push(Tensor::decoded(Cow::Owned(name), Dtype::F32, vec![units], bytes)?);
        }
    }
    Ok(())
}

/// An error about a group or dataset that should be there.
fn missing(file: &Hdf5<'_>, at: usize, expected: String) -> Error {
    Error::new(Kind::BadHeader, file.place("group", at)).expected(expected).found("none").remedy(DAMAGED)
}
