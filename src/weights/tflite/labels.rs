//! What the metadata that authors add says: class names and how pixels are normalised.

use super::flatbuffer::Table;
use super::{Reader, Said};
use crate::error::Result;

pub(super) fn read(_reader: &Reader<'_>, _model: Table<'_>, _said: &mut Said) -> Result<()> {
    Ok(())
}
