//! How each framework names and lays out the tensors of a network, driven by the model's table.

mod canonical;
#[cfg(feature = "full")]
mod index;
#[cfg(feature = "full")]
mod keras;
mod layers;
#[cfg(feature = "full")]
mod recognise;
#[cfg(feature = "full")]
mod slim;
mod spell;
#[cfg(feature = "full")]
mod timm;
mod torchvision;

pub(super) use canonical::node;
#[cfg(feature = "full")]
pub(super) use index::{Index, SHADOW};
pub(super) use layers::{Layer, Part, Table};
#[cfg(feature = "full")]
pub(super) use recognise::{Recognised, recognise};
pub(super) use spell::Bases;
use spell::{Row, spell};

use crate::model::{Activation, Dilating, Padding, Pooling, Version, Widths};

/// What the names of a layer's tensors end with; where several are listed, any of them may be there.
pub(super) struct Ends {
    /// The last is a depthwise convolution's.
    pub(super) weights: &'static [&'static str],
    pub(super) biases: &'static [&'static str],
    /// Scale, offset, mean, variance.
    pub(super) norm: [&'static str; 4],
}

const TF_NORM: [&str; 4] = ["/gamma", "/beta", "/moving_mean", "/moving_variance"];
const CANONICAL: Ends = Ends { weights: &["/weights"], biases: &["/biases"], norm: TF_NORM };
const TORCH: Ends =
    Ends { weights: &[".weight"], biases: &[".bias"], norm: [".weight", ".bias", ".running_mean", ".running_var"] };
const KERAS: Ends = Ends { weights: &["/kernel", "/depthwise_kernel"], biases: &["/bias"], norm: TF_NORM };
const SLIM: Ends = Ends { weights: &["/weights", "/depthwise_weights"], biases: &["/biases"], norm: TF_NORM };
const TFLITE: Ends = Ends {
    weights: &["/weights_quant/FakeQuantWithMinMaxVars"],
    biases: &["/Conv2D_Fold_bias", "/depthwise_Fold_bias", "/Conv2D_bias"],
    norm: TF_NORM,
};

/// Axes from outermost to innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// OIHW; depthwise C1HW.
    Torch,
    /// HWIO; depthwise HWC1.
    TensorFlow,
    /// OHWI; depthwise 1HWC.
    TfLite,
}

impl Layout {
    pub(super) const ALL: [(Self, &'static str); 3] =
        [(Self::Torch, "OIHW"), (Self::TensorFlow, "HWIO"), (Self::TfLite, "OHWI")];

    /// Where the file's axes are in `[out, in, height, width]`.
    pub(super) const fn axes(self, part: Part) -> [usize; 4] {
        match (self, matches!(part, Part::Depthwise)) {
            (Self::Torch, _) => [0, 1, 2, 3],
            (Self::TensorFlow, false) => [2, 3, 1, 0],
            (Self::TensorFlow, true) => [2, 3, 0, 1],
            (Self::TfLite, false) => [0, 2, 3, 1],
            (Self::TfLite, true) => [1, 2, 3, 0],
        }
    }
}

/// How one framework names tensors, and what its networks agree on without saying.
pub(super) struct Naming {
    /// Whose names these are.
    pub(super) framework: &'static str,
    rows: fn(Version) -> &'static [Row],
    pub(super) ends: &'static Ends,
    pub(super) layout: Layout,
    /// Whether the framework is one of PyTorch's.
    torch: bool,
}

/// Every naming that is tried, in this order.
pub(super) const NAMINGS: &[Naming] = &[
    naming("torchvision", torchvision::rows, &TORCH, Layout::Torch),
    #[cfg(feature = "full")]
    naming("timm", timm::rows, &TORCH, Layout::Torch),
    #[cfg(feature = "full")]
    naming("keras", keras::rows, &KERAS, Layout::TensorFlow),
    #[cfg(feature = "full")]
    naming("keras-2", keras::keras2, &KERAS, Layout::TensorFlow),
    #[cfg(feature = "full")]
    naming("tf-slim", slim::rows, &SLIM, Layout::TensorFlow),
    #[cfg(feature = "full")]
    naming("tflite-slim", slim::rows, &TFLITE, Layout::TfLite),
    Naming { torch: false, ..naming("canonical", canonical::rows, &CANONICAL, Layout::Torch) },
];

const fn naming(
    framework: &'static str,
    rows: fn(Version) -> &'static [Row],
    ends: &'static Ends,
    layout: Layout,
) -> Naming {
    Naming { framework, rows, ends, layout, torch: matches!(layout, Layout::Torch) }
}

/// What tensors cannot tell, and the framework's networks agree on.
pub(super) struct Habits {
    pub(super) widths: Widths,
    pub(super) padding: Padding,
    pub(super) batch_norm_epsilon: f32,
    pub(super) preset: &'static str,
    pub(super) pooling: Pooling,
    pub(super) dilating: Dilating,
    pub(super) gate: Activation,
    pub(super) why: &'static str,
}

impl Naming {
    /// What the names of a layer's tensors begin with, behind `prefix`; none where the framework has no such layer.
    pub(super) fn bases(&self, prefix: &str, layer: &Layer) -> Option<Bases> {
        spell((self.rows)(layer.version), prefix, layer)
    }

    pub(super) fn habits(&self, version: Version) -> Habits {
        let minimalistic = matches!(version, Version::V3LargeMinimalistic | Version::V3SmallMinimalistic);
        let keras = self.framework.starts_with("keras");
        let (v1, v2) = (version == Version::V1, matches!(version, Version::V2 | Version::Custom));
        let widths = match self.framework {
            "timm" if v1 => Widths::V1_TIMM,
            _ if v1 && keras => Widths::V1_KERAS,
            _ if v1 => Widths::V1_SLIM,
            _ if v2 => Widths::V2,
            "torchvision" => Widths::V3_TORCHVISION,
            "timm" => Widths::V3_TIMM,
            _ if keras => Widths::V3_KERAS,
            _ => Widths::V3_SLIM,
        };
        let mut habits = Habits {
            widths,
            padding: Padding::Same,
            batch_norm_epsilon: 1e-3,
            preset: if keras { "keras" } else { "tf-slim" },
            pooling: Pooling::Average,
            dilating: if self.framework == "torchvision" { Dilating::Same } else { Dilating::Next },
            gate: if self.framework == "tf-slim" { Activation::SlimSigmoid } else { Activation::HardSigmoid },
            why: "the framework's networks agree on it",
        };
        if self.torch && minimalistic {
            habits.preset = "timm-inception";
            habits.why = "timm's minimalistic networks are ports from TensorFlow";
        } else if self.torch {
            habits.padding = Padding::Symmetric;
            if v1 {
                habits.preset = "timm-inception";
                habits.why = "timm's V1 was trained on values from -1 to 1";
            } else {
                habits.preset = "torchvision";
            }
            if self.framework == "timm" {
                if !v1 {
                    habits.why =
                        "most of timm's networks agree on it; its tf_… ports use same, 1e-3 and timm-inception";
                }
                habits.batch_norm_epsilon = 1e-5;
            } else if v2 {
                habits.batch_norm_epsilon = 1e-5;
            }
        } else if v1 && keras {
            habits.padding = Padding::After;
        } else if v1 && self.framework != "canonical" {
            habits.pooling = Pooling::Slim7;
        }
        habits
    }
}
