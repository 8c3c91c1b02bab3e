//! Top-1 on `ImageNet` as the trainers of the published weights state it, and which variants are listed at all.

use mobilenet_web::model::Version::{
    self, V1, V2, V3Large, V3LargeMinimalistic as LargeMinimalistic, V3Small, V3SmallMinimalistic as SmallMinimalistic,
};

/// Where a figure was published.
pub struct Source {
    /// Short, for a column.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Where to read it.
    pub url: &'static str,
}

/// Every source; rows name one by its place here.
pub const SOURCES: [Source; 2] = [
    Source {
        name: "slim-v1",
        title: "TF-slim, pre-trained MobileNet_v1 models (single crop, float)",
        url: "https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet_v1.md",
    },
    Source {
        name: "slim-v2-v3",
        title: "TF-slim, MobileNet V2 and V3 ImageNet checkpoints (float)",
        url: "https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/README.md",
    },
];

/// Networks that differ in their input only.
pub struct Width {
    /// Which table.
    pub version: Version,
    /// Its multiplier.
    pub multiplier: f32,
    /// Input side in px, and top-1 in per cent where weights of that size were published.
    pub sizes: &'static [(usize, Option<f32>)],
    /// Which of [`SOURCES`].
    pub source: usize,
}

const fn width(version: Version, multiplier: f32, source: usize, sizes: &'static [(usize, Option<f32>)]) -> Width {
    Width { version, multiplier, sizes, source }
}

/// The wide V2 were trained at 224 px only; their other sizes are listed for what they cost.
const fn only_at_224(top1: f32) -> [(usize, Option<f32>); 5] {
    [(96, None), (128, None), (160, None), (192, None), (224, Some(top1))]
}

/// Every variant that is compared.
pub const WIDTHS: [Width; 16] = [
    width(V1, 0.25, 0, &[(128, Some(41.5)), (160, Some(45.5)), (192, Some(47.7)), (224, Some(49.8))]),
    width(V1, 0.5, 0, &[(128, Some(56.3)), (160, Some(59.1)), (192, Some(61.7)), (224, Some(63.3))]),
    width(V1, 0.75, 0, &[(128, Some(62.1)), (160, Some(65.3)), (192, Some(67.2)), (224, Some(68.4))]),
    width(V1, 1.0, 0, &[(128, Some(65.2)), (160, Some(68.0)), (192, Some(70.0)), (224, Some(70.9))]),
    width(V2, 0.35, 1, &[(96, Some(45.5)), (128, Some(50.8)), (160, Some(55.7)), (192, Some(58.2)), (224, Some(60.3))]),
    width(V2, 0.5, 1, &[(96, Some(51.2)), (128, Some(57.7)), (160, Some(61.0)), (192, Some(63.9)), (224, Some(65.4))]),
    width(V2, 0.75, 1, &[(96, Some(58.8)), (128, Some(63.2)), (160, Some(66.4)), (192, Some(68.7)), (224, Some(69.8))]),
    width(V2, 1.0, 1, &[(96, Some(60.3)), (128, Some(65.3)), (160, Some(68.8)), (192, Some(70.7)), (224, Some(71.8))]),
    width(V2, 1.3, 1, &only_at_224(74.4)),
    width(V2, 1.4, 1, &only_at_224(75.0)),
    width(V3Large, 0.75, 1, &[(224, Some(73.3))]),
    width(V3Large, 1.0, 1, &[(224, Some(75.2))]),
    width(LargeMinimalistic, 1.0, 1, &[(224, Some(72.3))]),
    width(V3Small, 0.75, 1, &[(224, Some(65.4))]),
    width(V3Small, 1.0, 1, &[(224, Some(67.5))]),
    width(SmallMinimalistic, 1.0, 1, &[(224, Some(61.9))]),
];
