//! Files with graphs of operators, written on the spot.

pub mod onnx;
pub mod tflite;
