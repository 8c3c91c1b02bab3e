//! What `metadata_props` say: class names, as exporters keep them.

use super::wire::{Message, Wire};
use super::{Said, Tensor};
use crate::error::Result;

pub(super) fn read(_properties: &[Message<'_>], _tensors: &[Tensor<'_>], _said: &mut Said) -> Result<()> {
    Ok(())
}
