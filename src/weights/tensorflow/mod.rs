//! TensorFlow's own files: TensorFlow.js models, checkpoints and frozen graphs.

pub(super) mod bundle;
mod checksum;
mod dtype;
mod graph;
pub(super) mod graph_def;
pub(super) mod js;
mod snappy;
mod table;
mod topology;
