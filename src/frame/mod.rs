//! Pixels → input tensor.
