//! MobileNet in the browser: labels and feature vectors from a canvas, a video or any other frame.
//!
//! ```text
//! bytes → weights ─┐
//!                  ├→ graph → plan → backend → output → js
//! model (tables) ──┘           ▲ kernels
//!        canvas / video → frame ┘
//! ```
//!
//! Read the modules in this order and you have followed a frame from bytes to labels: [`model`] says what a MobileNet
//! is, [`weights`] finds its tensors in a file, [`graph`] joins the two into nodes with shapes, [`plan`] turns nodes
//! into kernel calls, [`kernels`] defines and speeds up each call, [`frame`] turns pixels into the input tensor,
//! [`backend`] runs the plan, [`output`] turns probabilities into labels, and [`Net`] is all of it in one type. `js`,
//! compiled for the browser only, shows that type to JavaScript. `quantize` makes networks of integers beforehand, and
//! [`train`] stands beside all that: classes of one's own on what a network makes of pictures.
//!
//! ```no_run
//! use mobilenet_web::{Frame, Net, Options, Query, View};
//!
//! let file = std::fs::read("mobilenet_v2_1.0_224.safetensors")?;
//! let mut net = Net::open(&file, &Options::default())?;
//! let rgba = vec![0; 640 * 480 * 4];
//! let frame = Frame { rgba: &rgba, width_px: 640, height_px: 480 };
//! for label in net.classify(&frame, &View::default(), &Query::default())? {
//!     println!("{:.3} {}", label.probability, net.label_name(label.index));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(
    any(not(feature = "full"), feature = "importer"),
    allow(dead_code, unused_imports, unused_mut, reason = "each of the browser's modules leaves much out")
)]

pub mod error;

pub mod model;
pub mod weights;

pub mod graph;
pub mod plan;

pub use mobilenet_kernels as kernels;
#[cfg(feature = "integers")]
pub use mobilenet_kernels::fixed;
pub use mobilenet_kernels::{lane, pixels};
#[cfg(feature = "threads")]
pub use mobilenet_threads as threads;

pub mod frame;

pub mod backend;
pub mod output;

pub mod describe;
pub mod net;
pub mod probe;
#[cfg(feature = "full")]
pub mod quantize;
mod small;
mod synthetic;

#[cfg(feature = "training")]
pub mod train;

#[cfg(target_arch = "wasm32")]
mod js;

/// Half the size of the standard library's, which matters more here than what it gains: nothing is allocated per frame.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

pub use describe::{EndpointInfo, Layer};
pub use error::{Error, Kind, Result};
pub use frame::{Fit, Frame, View};
#[cfg(feature = "integers")]
pub use net::Arithmetic;
pub use net::{Choice, Net, Options, Origin, Tensor};
pub use output::{Label, Query};
