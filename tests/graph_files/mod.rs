//! Files with graphs of operators, written on the spot.

pub mod integers;
pub mod onnx;
pub mod tflite;
