//! The kernel suite as values.
