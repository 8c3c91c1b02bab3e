//! Bytes → named tensors.
