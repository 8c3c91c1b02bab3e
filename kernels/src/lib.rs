//! One name, one parameter block, three bodies: `reference/x.rs` (scalar, the definition), `simd/x.rs` and
//! `shaders/x.wgsl`.
//!
//! Every tensor is a slice of [`Vec4`]; lanes past the last channel are zero on the way in and zero on the way out.
//! Packed parameters are, for each group of four output channels, one [`Vec4`] of biases and then one [`Vec4`] of
//! weights for each input that the group reads, in the order in which the kernel reads them.

pub mod bytes;
#[cfg(feature = "integers")]
pub mod dots;
#[cfg(feature = "integers")]
pub mod fixed;
#[cfg(all(feature = "integers", any(not(target_arch = "wasm32"), target_feature = "relaxed-simd")))]
mod fours;
#[cfg(feature = "gradients")]
pub mod gradients;
#[cfg(all(
    feature = "integers",
    any(feature = "reference", not(target_arch = "wasm32"), target_feature = "relaxed-simd")
))]
mod header;
#[cfg(feature = "integers")]
mod integer_lane;
#[cfg(feature = "integers")]
pub mod integers;
pub mod lane;
mod params;
pub mod pixels;
#[cfg(feature = "reference")]
pub mod reference;
#[cfg(feature = "integers")]
mod rounding;
#[cfg(feature = "gradients")]
pub mod rows;
#[cfg(feature = "integers")]
mod scalar;
pub mod simd;
#[cfg(feature = "gradients")]
pub mod warp;

pub use params::{Add, BLOCKS, Conv, Curve, Dense, Depthwise, GlobalPool, Pad, Pointwise, Scale, Sigmoid, Softmax};

#[cfg(feature = "gradients")]
use crate::gradients::{
    TrainAffine, TrainBend, TrainDepthwise, TrainDepthwiseInput, TrainMoments, TrainNorm, TrainNormInput,
    TrainPointwise, TrainPool, TrainProduct, TrainScale, TrainStem,
};
#[cfg(feature = "integers")]
use crate::integers::{
    IntegerAdd, IntegerConv, IntegerDepthwise, IntegerFromFloat, IntegerLookup, IntegerPointwise, IntegerPool,
    IntegerScale, IntegerSoftmax, IntegerToFloat,
};
use crate::lane::{Body, Vec4};
use std::fmt;

/// What a kernel reads and writes. Slices are exactly as long as the parameter block says.
#[derive(Debug)]
pub struct Io<'a> {
    /// The map that the kernel transforms.
    pub input: &'a [Vec4],
    /// A second map of the output's shape, added to the result; empty where there is none.
    pub side: &'a [Vec4],
    /// Packed biases and weights; empty where the kernel has none.
    pub parameters: &'a [Vec4],
    /// Every element is written; what was there before does not matter.
    pub output: &'a mut [Vec4],
}

/// The one list of kernels. A row names the module that holds each body and the type of its parameter block.
macro_rules! kernels {
    ($($(#[doc = $doc:literal])* $(#[cfg(feature = $feature:literal)])? $module:ident: $params:ident,)*) => {
        /// One kernel with its parameter block: what a step of a plan calls.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Call {
            $($(#[doc = $doc])* $(#[cfg(feature = $feature)])? $params($params),)*
        }

        /// Every kernel's stem, as its files are called.
        pub const STEMS: &[&str] = &[$($(#[cfg(feature = $feature)])? stringify!($module)),*];

        impl Call {
            /// The kernel's stem.
            #[must_use]
            pub const fn stem(&self) -> &'static str {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$params(_) => stringify!($module),)*
                }
            }

            /// Its parameter block, as the shader of that stem reads it.
            #[must_use]
            pub fn words(&self) -> &[u32] {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$params(p) => bytemuck::cast_slice(std::slice::from_ref(p)),)*
                }
            }

            /// Runs one of the CPU bodies.
            pub fn run(&self, body: Body, io: Io<'_>) {
                match (self, body) {
                    $($(#[cfg(feature = $feature)])?
                      #[cfg(feature = "reference")]
                      (Self::$params(p), Body::Reference) => reference::$module::run(p, io),
                      $(#[cfg(feature = $feature)])?
                      (Self::$params(p), Body::Simd) => simd::$module::run(p, io),)*
                }
            }
        }

        impl fmt::Display for Call {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$params(p) => write!(f, "{:<11} {p}", stringify!($module)),)*
                }
            }
        }
    };
}

kernels! {
    /// A convolution over the three channels of the picture.
    stem: Conv,
    /// A convolution of each channel by itself.
    depthwise: Depthwise,
    /// A 1×1 convolution, with the block's residual added where there is one.
    pointwise: Pointwise,
    /// The sum of two maps, where a fused addition would have hidden an endpoint.
    add: Add,
    /// One number a channel from all pixels: the mean or the largest.
    global_pool: GlobalPool,
    /// A map times a vector, channel by channel: the gate of squeeze-excite.
    scale: Scale,
    /// Zeros added below and to the right.
    pad: Pad,
    /// A matrix times a vector, plus a bias.
    dense: Dense,
    /// Each value by itself to 0 … 1.
    sigmoid: Sigmoid,
    /// Exponentials over their sum.
    softmax: Softmax,
    /// A convolution of integers over the channels of the picture.
    #[cfg(feature = "integers")]
    integer_conv: IntegerConv,
    /// One of integers of each channel by itself.
    #[cfg(feature = "integers")]
    integer_depthwise: IntegerDepthwise,
    /// A 1×1 convolution of integers, or a dense layer.
    #[cfg(feature = "integers")]
    integer_pointwise: IntegerPointwise,
    /// The sum of two maps of integers.
    #[cfg(feature = "integers")]
    integer_add: IntegerAdd,
    /// A map of integers times a vector, channel by channel.
    #[cfg(feature = "integers")]
    integer_scale: IntegerScale,
    /// The mean of all pixels, of integers.
    #[cfg(feature = "integers")]
    integer_pool: IntegerPool,
    /// Any function of eight bits.
    #[cfg(feature = "integers")]
    integer_lookup: IntegerLookup,
    /// Exponentials over their sum, as integers.
    #[cfg(feature = "integers")]
    integer_softmax: IntegerSoftmax,
    /// Floats to integers.
    #[cfg(feature = "integers")]
    integer_from_float: IntegerFromFloat,
    /// Integers to floats.
    #[cfg(feature = "integers")]
    integer_to_float: IntegerToFloat,
    /// A 1×1 convolution of many pixels, without curve.
    #[cfg(feature = "gradients")]
    train_product: TrainProduct,
    /// The gradient of a 1×1 convolution's biases and weights.
    #[cfg(feature = "gradients")]
    train_pointwise: TrainPointwise,
    /// The gradient of a depthwise convolution's biases and weights.
    #[cfg(feature = "gradients")]
    train_depthwise: TrainDepthwise,
    /// The gradient of its input.
    #[cfg(feature = "gradients")]
    train_depthwise_input: TrainDepthwiseInput,
    /// The gradient of the first convolution's biases and weights.
    #[cfg(feature = "gradients")]
    train_stem: TrainStem,
    /// Mean and variance of each channel.
    #[cfg(feature = "gradients")]
    train_moments: TrainMoments,
    /// Each channel times a number, plus a number, bent.
    #[cfg(feature = "gradients")]
    train_affine: TrainAffine,
    /// The gradient in front of such a bend.
    #[cfg(feature = "gradients")]
    train_bend: TrainBend,
    /// The gradient of a batch norm's offset and scale.
    #[cfg(feature = "gradients")]
    train_norm: TrainNorm,
    /// The gradient of its input.
    #[cfg(feature = "gradients")]
    train_norm_input: TrainNormInput,
    /// The gradient of a gate.
    #[cfg(feature = "gradients")]
    train_scale: TrainScale,
    /// The gradient of a map that was pooled.
    #[cfg(feature = "gradients")]
    train_pool: TrainPool,
}
