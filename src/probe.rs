//! Whether a backend computes right: a small network that is part of the program runs there, and its answer is compared
//! with the stored one. A GPU that answers wrongly is found before it has answered anybody.

use crate::error::{Error, Kind, Result};
use crate::frame::{Frame, View};
use crate::model::{Activation, Block, PRESETS, Spec, Version, Widths};
use crate::net::{Choice, Device, Net, Options, Picture, Variant};
use crate::{Label, Query};

use Activation::{HardSwish, Relu};

/// Differences that a right backend may have, as shares of the logits' range: sums in another order, where 1e-7 is what
/// software adapters show …
const TOLERANCE: f32 = 1e-3;
/// … and maps of 16 bits, whose 11 digits are rounded once a layer, where they show 1e-3. A wrong kernel is off by the
/// range itself.
const TOLERANCE_F16: f32 = 1e-2;

/// A convolution and its activation.
const fn conv(kernel: usize, stride: usize, channels: usize) -> Block {
    Block::Conv { kernel, stride, channels, activation: HardSwish }
}

const fn residual(kernel: usize, expansion: usize, stride: usize, channels: usize, gate: bool) -> Block {
    let activation = if gate { HardSwish } else { Relu };
    Block::InvertedResidual { kernel, expansion: (expansion, 1), stride, channels, squeeze_excite: gate, activation }
}

/// Every way in which a GPU computes V3, and so any published network: see `tests/probe.rs`.
const GATED: [Block; 10] = [
    conv(3, 2, 10),
    // Large maps: whole blocks, without an expansion and with one and its residual.
    Block::Separable { stride: 1, channels: 10 },
    residual(3, 2, 1, 10, false),
    // Middling ones: expand and depthwise, with a gate and without, and a residual for each.
    residual(5, 2, 2, 13, true),
    residual(5, 3, 1, 13, true),
    residual(3, 3, 1, 13, false),
    // By themselves: depthwise, which is what follows a residual, and pointwise.
    residual(5, 1, 1, 13, true),
    Block::Separable { stride: 2, channels: 18 },
    residual(3, 1, 1, 18, true),
    conv(1, 1, 33),
];

/// The same of V1 and V2, which need fewer shaders: on a CPU that pretends to be a GPU, each takes a while to compile.
const PLAIN: [Block; 9] = [
    conv(3, 2, 10),
    Block::Separable { stride: 1, channels: 10 },
    residual(3, 2, 1, 10, false),
    residual(3, 2, 2, 13, false),
    residual(3, 3, 1, 13, false),
    Block::Separable { stride: 1, channels: 13 },
    residual(3, 3, 1, 13, false),
    Block::Separable { stride: 2, channels: 18 },
    conv(1, 1, 37),
];

/// Width and height of the input: no multiples of a tile, and resampled on both axes.
const INPUT_PX: (usize, usize) = (60, 58);

/// Width and height of [`pixels`].
pub const PICTURE_PX: (usize, usize) = (83, 71);

const CLASSES: usize = 10;

/// So many of the most likely classes are too far apart to change places.
const SURE: usize = 5;

/// Which of the two small networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Small {
    /// It stands for V1 and V2.
    Plain,
    /// It stands for V3, and for tables that nobody has published.
    Gated,
}

impl Small {
    /// That which runs whatever a network of that version does.
    #[must_use]
    pub const fn of(version: Version) -> Self {
        if matches!(version, Version::V1 | Version::V2) { Self::Plain } else { Self::Gated }
    }

    /// What the reference computes for [`pixels`].
    #[must_use]
    pub const fn stored(self) -> Stored {
        match self {
            Self::Plain => PLAIN_STORED,
            Self::Gated => GATED_STORED,
        }
    }

    /// The network: a table of its own, whose weights come out of a seed.
    #[must_use]
    pub fn spec(self) -> Spec {
        let blocks: &'static [Block] = match self {
            Self::Plain => &PLAIN,
            Self::Gated => &GATED,
        };
        spec(blocks)
    }
}

/// The reference's answer.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Of every class.
    pub probabilities: [f32; CLASSES],
    /// From the least logit to the largest. A probability that is off by some share of itself comes of a logit that is off by
    /// as much.
    pub range: f32,
}

const PLAIN_STORED: Stored = Stored {
    probabilities: [
        0.07014714,
        0.00010558756,
        1.2479465e-5,
        0.0020243118,
        0.024486795,
        0.014637177,
        0.0010157918,
        0.0036741209,
        0.25639892,
        0.62749773,
    ],
    range: 10.825411,
};
const GATED_STORED: Stored = Stored {
    probabilities: [
        0.00080897566,
        0.09465967,
        0.0003449324,
        0.01850115,
        0.0004661015,
        0.0006975851,
        0.004756571,
        0.033005733,
        0.5685161,
        0.27824327,
    ],
    range: 7.4074364,
};

fn spec(blocks: &'static [Block]) -> Spec {
    Spec {
        blocks: blocks.into(),
        widths: Widths::V1_KERAS,
        width_px: INPUT_PX.0,
        height_px: INPUT_PX.1,
        classes: CLASSES,
        preprocessing: PRESETS[0],
        ..Spec::new(Version::Custom)
    }
}

/// The picture: waves of several lengths, partly transparent.
#[must_use]
pub fn pixels() -> Vec<u8> {
    let (width_px, height_px) = PICTURE_PX;
    let pixel = |at: usize| {
        let (x, y) = (at % width_px, at / width_px);
        [x * 3 + y, x * y, (x ^ y) * 2, 255 - x.min(40) * y / 30].map(|value| (value % 256) as u8)
    };
    (0..width_px * height_px).flat_map(pixel).collect()
}

fn net(small: Small, backend: Choice) -> Result<Net> {
    Net::synthetic(small.spec(), &Options { backend, ..Options::default() })
}

fn frame(rgba: &[u8]) -> Frame<'_> {
    Frame { rgba, width_px: PICTURE_PX.0, height_px: PICTURE_PX.1 }
}

/// All classes, the most likely ones first.
fn every_class() -> Query {
    Query { top_k: CLASSES, ..Query::default() }
}

/// Runs the small network on that device and says by which share of the logits' range it is off at most.
///
/// # Errors
/// [`Kind::GpuWrong`] where that is more than a right device's; what went wrong with the device.
pub async fn probe(device: &Device, variant: Variant, small: Small) -> Result<f32> {
    let mut net = net(small, Choice::Gpu)?;
    net.attach(device, variant)?;
    let rgba = pixels();
    let labels = net.gpu_classify(&Picture::Bytes(frame(&rgba)), &View::default(), &every_class())?.await?;
    compare(&small.stored(), &labels, if variant.f16 { TOLERANCE_F16 } else { TOLERANCE })
}

/// The same for one of the CPU's bodies: [`Choice::Reference`], else SIMD.
///
/// # Errors
/// As [`probe`].
pub fn probe_cpu(body: Choice, small: Small) -> Result<f32> {
    let labels = net(small, body)?.classify(&frame(&pixels()), &View::default(), &every_class())?;
    compare(&small.stored(), &labels, TOLERANCE)
}

/// Asks the device for all pipelines that [`probe`] needs, and drops them: no network gets one of these. Where asking only
/// begins to compile, several compile side by side until they are asked for again: see `pkg/gpu.js`.
///
/// # Errors
/// What went wrong with the device.
pub fn warm(device: &Device, variant: Variant, small: Small) -> Result<()> {
    device.forget_pipelines();
    let mut net = net(small, Choice::Gpu)?;
    net.attach(device, variant)?;
    net.compile();
    device.forget_pipelines();
    Ok(())
}

/// By which share of their range the logits behind `labels` are off at most; an error where that, or the order of the first
/// ones, is not a right backend's.
fn compare(stored: &Stored, labels: &[Label], tolerance: f32) -> Result<f32> {
    let right = crate::output::top_k(&stored.probabilities, &every_class());
    let off = |right: &Label| {
        let found = labels.iter().find(|label| label.index == right.index).map_or(f32::NAN, |label| label.probability);
        (found / right.probability - 1.0).abs() / stored.range
    };
    // `f32::max` would drop a NaN.
    let worst = right.iter().map(off).fold(0.0, |worst, off| if off > worst || off.is_nan() { off } else { worst });
    let refuse = |found: String| {
        Err(Error::new(Kind::GpuWrong, "probe")
            .expected("the answer that is stored with the small network")
            .found(found)
            .remedy("It is not used: another backend answers. A newer driver or browser may mend it."))
    };
    if !(labels.len() == CLASSES && worst <= tolerance) {
        return refuse(format!(
            "{} % of the logits' range beside it",
            crate::small::print_decimal(f64::from(100.0 * worst))
        ));
    }
    let first = |labels: &[Label]| labels.iter().take(SURE).map(|label| label.index).collect::<Vec<_>>();
    if first(labels) != first(&right) {
        return refuse("right probabilities, and labels in another order".into());
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Small; 2] = [Small::Plain, Small::Gated];

    /// The labels of a backend that has found these probabilities.
    fn labels(probabilities: &[f32]) -> Vec<Label> {
        crate::output::top_k(probabilities, &Query { top_k: usize::MAX, ..Query::default() })
    }

    #[test]
    fn a_tampered_answer_is_refused() {
        let stored = GATED_STORED;
        let right = stored.probabilities;
        // By so much of the range as if its logit were off by it.
        let with = |class: usize, share: f32| {
            let mut found = right;
            found[class] *= 1.0 + share * stored.range;
            labels(&found)
        };
        assert_eq!(compare(&stored, &labels(&right), TOLERANCE).unwrap(), 0.0);
        assert!(compare(&stored, &with(3, 0.7 * TOLERANCE), TOLERANCE).unwrap() > 0.0);
        let mut swapped = labels(&right);
        swapped.swap(0, 1);
        let mut twice = labels(&right);
        twice[4] = twice[5];
        let cases = [
            ("a logit that is off", with(3, 1.5 * TOLERANCE)),
            ("an unlikely class that is off", with(labels(&right)[9].index, 1.5 * TOLERANCE)),
            ("a NaN", with(0, f32::NAN)),
            ("another NaN", with(9, f32::NAN)),
            ("a zero", with(0, -1.0 / stored.range)),
            ("zeros", labels(&[0.0; CLASSES])),
            ("nothing", Vec::new()),
            ("a class too few", labels(&right[1..])),
            ("a class too many", labels(&[&right[..], &[0.0]].concat())),
            ("a class twice", twice),
            ("another order", swapped),
            ("too few labels", labels(&right)[..5].to_vec()),
        ];
        for (what, labels) in cases {
            for tolerance in [TOLERANCE, TOLERANCE_F16] {
                if tolerance > TOLERANCE && what.ends_with("off") {
                    continue;
                }
                let error = compare(&stored, &labels, tolerance).expect_err(what);
                assert_eq!(error.kind(), Kind::GpuWrong, "{what}");
            }
        }
    }

    /// The gaps between the first labels are wider than what 16-bit maps may be off by, on either side.
    #[test]
    fn a_right_backend_cannot_swap_labels() {
        for small in BOTH {
            let stored = small.stored();
            for pair in labels(&stored.probabilities)[..=SURE].windows(2) {
                let gap = (pair[0].probability / pair[1].probability).ln();
                assert!(gap > 2.0 * TOLERANCE_F16 * stored.range, "{small:?}: {pair:?}");
            }
        }
    }

    /// What the picture is drawn on, and each of its parts, is seen.
    #[test]
    fn the_answer_depends_on_the_frame() {
        for small in BOTH {
            let mut net = net(small, Choice::Simd).unwrap();
            let mut answer = |rgba: &[u8], view: &View| {
                compare(&small.stored(), &net.classify(&frame(rgba), view, &every_class()).unwrap(), TOLERANCE)
            };
            answer(&pixels(), &View::default()).unwrap();
            let black = View { background: [0; 3], ..View::default() };
            answer(&pixels(), &black).unwrap_err();
            let mut turned = pixels();
            turned.reverse();
            answer(&turned, &View::default()).unwrap_err();
        }
    }
}
