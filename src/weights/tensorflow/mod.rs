//! TensorFlow's own files: TensorFlow.js models, checkpoints and frozen graphs.

pub(super) mod js;
mod topology;

pub(super) use topology::HIDDEN;
