//! MobileNet in the browser: labels and feature vectors from a canvas, a video or any other frame.
//!
//! Read the modules in this order and you have followed a frame from bytes to labels: [`model`] says what a MobileNet
//! is, [`weights`] finds its tensors in a file.

pub mod error;
pub mod frame;
pub mod lane;
pub mod model;
pub mod output;
pub mod weights;
