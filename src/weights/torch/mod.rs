//! PyTorch's own files: a pickle that says which tensors there are, and storages that hold their elements.
//!
//! A pickle is a program. [`pickle`] runs only the instructions that build a state dictionary and knows only the
//! globals of [`value`]; [`state_dict`] finds the dictionary; [`zip`] and [`legacy`] find the storages.

mod legacy;
mod pickle;
mod state_dict;
mod value;
mod zip;

pub(super) use legacy::{MAGIC as LEGACY_MAGIC, read as read_legacy};
pub(super) use zip::{contents as stored, entries, read as read_zip};

/// The remedy where a file asks for more than tensors.
const STATE_DICT_ONLY: &str = "Nothing in a file is ever run. Save the state dictionary alone, \
     `torch.save(model.state_dict(), path)`, or convert the weights to safetensors.";

/// The remedy where a file stops too early.
const INCOMPLETE: &str = "Download the file again: its end is missing.";
