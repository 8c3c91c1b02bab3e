//! How each framework turns a photograph into numbers, as data.
//!
//! A network trained on one rule loses accuracy under another, so the rule belongs to the weights, never to the code.

/// Which part of the picture the network sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crop {
    /// All of it, squashed to the input's aspect ratio.
    Squash,
    /// The shorter side becomes `input / fraction` px, then the centre is cut out.
    ShortSide {
        /// Input size over resized shorter side, e.g. 224 / 256 = 0.875.
        fraction: f32,
    },
    /// The central `fraction` of both sides, squashed to the input's aspect ratio.
    Central {
        /// Kept share of each side.
        fraction: f32,
    },
    /// The largest centred rectangle of the input's aspect ratio (for square inputs: a square).
    Cover,
}

/// Where a resampled pixel takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// A triangle filter as wide as the reduction: no pixel of the source is passed over. Each pass is kept in 8 bits,
    /// as Pillow does.
    Antialiased,
    /// Two neighbours, pixel centres at ½ (`tf.image.resize`, OpenCV).
    HalfPixel,
    /// Two neighbours, `source = target · scale` (TensorFlow 1's `resize_bilinear`).
    Legacy,
    /// Two neighbours, corner pixels on corner pixels (`align_corners = true`).
    AlignCorners,
}

/// A whole preprocessing rule. Channel order is RGB everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocessing {
    /// The name under which weights ask for it.
    pub name: &'static str,
    /// Which part of the picture is used.
    pub crop: Crop,
    /// How it is brought to the input's size.
    pub sampling: Sampling,
    /// Subtracted from each channel, in units of 0 … 255.
    pub mean: [f32; 3],
    /// Each channel is then divided by this, in units of 0 … 255.
    pub std: [f32; 3],
}

const IMAGENET_CROP: f32 = 0.875;

/// Every preset, in the order in which documentation lists them.
pub const PRESETS: [Preprocessing; 7] = [
    // torchvision ImageClassification(crop_size=224, resize_size=256)
    Preprocessing {
        name: "torchvision",
        crop: Crop::ShortSide { fraction: IMAGENET_CROP },
        sampling: Sampling::Antialiased,
        mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
        std: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
    },
    // keras.utils.image_dataset_from_directory + mobilenet_v2.preprocess_input
    Preprocessing {
        name: "keras",
        crop: Crop::Squash,
        sampling: Sampling::HalfPixel,
        mean: [127.5; 3],
        std: [127.5; 3],
    },
    // keras.utils.image_dataset_from_directory + keras.layers.Rescaling(1 / 255)
    Preprocessing {
        name: "keras-unit",
        crop: Crop::Squash,
        sampling: Sampling::HalfPixel,
        mean: [0.0; 3],
        std: [255.0; 3],
    },
    // TF-slim inception_preprocessing.preprocess_for_eval
    Preprocessing {
        name: "tf-slim",
        crop: Crop::Central { fraction: IMAGENET_CROP },
        sampling: Sampling::Legacy,
        mean: [127.5; 3],
        std: [127.5; 3],
    },
    // @tensorflow-models/mobilenet: resizeBilinear(img, size, alignCorners = true), inputs in [0, 1]
    Preprocessing {
        name: "tfjs",
        crop: Crop::Squash,
        sampling: Sampling::AlignCorners,
        mean: [0.0; 3],
        std: [255.0; 3],
    },
    // @teachablemachine/image: centre square, canvas resize, value / 127 − 1
    Preprocessing {
        name: "teachable-machine",
        crop: Crop::Cover,
        sampling: Sampling::Antialiased,
        mean: [127.0; 3],
        std: [127.0; 3],
    },
    // timm.data.create_transform with the mean and std 0.5 of its tf_ ports and its V1
    Preprocessing {
        name: "timm-inception",
        crop: Crop::ShortSide { fraction: IMAGENET_CROP },
        sampling: Sampling::Antialiased,
        mean: [127.5; 3],
        std: [127.5; 3],
    },
];

/// The preset of that name.
#[must_use]
pub fn preset(name: &str) -> Option<Preprocessing> {
    PRESETS.into_iter().find(|preset| preset.name == name)
}
