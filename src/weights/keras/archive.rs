//! `.keras`: a zip archive of `config.json` and `model.weights.h5`, stored or deflated.

use super::super::hdf5::{Hdf5, allowance};
use super::super::zip::Archive;
use super::config::Config;
use super::{Contents, read as read_weights};
use crate::error::{Error, Kind, Result};

const WEIGHTS: &str = "model.weights.h5";
const CONFIG: &str = "config.json";

/// Whether a zip archive holds a Keras model; one whose directory cannot be read is for others to tell about.
pub(in super::super) fn is_archive(file: &[u8]) -> bool {
    Archive::open(file).is_ok_and(|archive| archive.ending(WEIGHTS).is_some() || archive.ending(CONFIG).is_some())
}

pub(in super::super) fn read(file: &[u8]) -> Result<Contents<'_>> {
    let mut archive = Archive::open(file)?;
    let mut left = allowance(file.len());
    let mut config = Config::default();
    if let Some(index) = archive.ending(CONFIG) {
        let (bytes, at) = archive.unpacked(index, &mut left)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Error::new(Kind::BadHeader, format!("zip entry `{CONFIG}` at byte {at}"))
                .expected("text in UTF-8")
                .found(format!("another byte after {}", error.valid_up_to()))
        })?;
        config.read(text, CONFIG, if archive.is_stored(index) { at } else { 0 })?;
    }
    let Some(index) = archive.ending(WEIGHTS) else {
        return Err(Error::new(Kind::UnsupportedFormat, "zip archive of a Keras model")
            .expected(format!("an entry `{WEIGHTS}`"))
            .found("none")
            .remedy("Save the model as one file with `model.save(\"name.keras\")`."));
    };
    let stored = archive.is_stored(index);
    let (bytes, at) = archive.unpacked(index, &mut left)?;
    read_weights(Hdf5::open(bytes, at, stored, left)?, config)
}
