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
/// … and maps of 16 bits, whose 11 digits are rounded once a layer, where they show 5e-4. A wrong kernel is off by the
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
const GATED: [Block; 9] = [
    conv(3, 2, 10),
    // Large maps: whole blocks, without an expansion and with one and its residual.
    Block::Separable { stride: 1, channels: 10 },
    residual(3, 2, 1, 10, false),
    // Middling ones: expand and depthwise, with a gate and without, and a residual for each.
    residual(5, 2, 2, 13, true),
    residual(5, 3, 1, 13, true),
    residual(3, 3, 1, 13, false),
    // By themselves: depthwise, pointwise.
    Block::Separable { stride: 2, channels: 18 },
    residual(3, 1, 1, 18, true),
    conv(1, 1, 37),
];

/// The same of V1 and V2, which need fewer shaders: on a CPU that pretends to be a GPU, each takes a while to compile.
const PLAIN: [Block; 7] = [
    conv(3, 2, 10),
    Block::Separable { stride: 1, channels: 10 },
    residual(3, 2, 1, 10, false),
    residual(3, 2, 2, 13, false),
    residual(3, 3, 1, 13, false),
    Block::Separable { stride: 2, channels: 18 },
    conv(1, 1, 37),
];

/// Width and height of the input: no multiples of a tile, and resampled on both axes.
const INPUT_PX: (usize, usize) = (60, 58);

/// Width and height of [`pixels`].
pub const PICTURE_PX: (usize, usize) = (83, 71);

const CLASSES: usize = 10;

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
    pub const fn stored(self) -> [f32; CLASSES] {
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

const PLAIN_STORED: [f32; CLASSES] = [
    -0.028443784,
    0.12562883,
    -0.14110729,
    -0.94484895,
    -0.7693758,
    -1.0422255,
    1.3519452,
    0.22880994,
    0.9593592,
    -0.7645868,
];
const GATED_STORED: [f32; CLASSES] =
    [-1.5868781, 4.390484, -5.510684, -0.25371256, 1.2372233, -2.6495159, -1.6198695, 3.686728, 0.57569176, 1.0154836];

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

/// The endpoint that is compared.
const LOGITS: &str = "logits";

/// Runs the small network on that device and says by which share of the logits' range it is off at most.
///
/// # Errors
/// [`Kind::GpuWrong`] where that is more than a right device's; what went wrong with the device.
pub async fn probe(device: &Device, variant: Variant, small: Small) -> Result<f32> {
    let mut net = net(small, Choice::Gpu)?;
    net.attach(device, variant)?;
    let rgba = pixels();
    let picture = Picture::Bytes(frame(&rgba));
    let view = View::default();
    // Both are on their way before either is waited for.
    let logits = net.gpu_infer(&picture, &view, &[LOGITS])?;
    let labels = net.gpu_classify(&picture, &view, &Query::default())?;
    let logits = logits.await?;
    let found = logits.first().map_or(&[][..], |tensor| &tensor.data);
    compare(&small.stored(), found, &labels.await?, if variant.f16 { TOLERANCE_F16 } else { TOLERANCE })
}

/// The same for one of the CPU's bodies: [`Choice::Reference`], else SIMD.
///
/// # Errors
/// As [`probe`].
pub fn probe_cpu(body: Choice, small: Small) -> Result<f32> {
    let mut net = net(small, body)?;
    let rgba = pixels();
    let logits = net.infer(&frame(&rgba), &View::default(), &[LOGITS])?;
    let labels = net.classify(&frame(&rgba), &View::default(), &Query::default())?;
    compare(&small.stored(), logits.first().map_or(&[][..], |tensor| &tensor.data), &labels, TOLERANCE)
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

/// By which share of the range of `stored` `logits` are off at most; an error where that, or the order of `labels`, is
/// not a right backend's.
fn compare(stored: &[f32], logits: &[f32], labels: &[Label], tolerance: f32) -> Result<f32> {
    let (low, high) = stored.iter().fold((f32::MAX, f32::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    // `f32::max` would drop a NaN.
    let most = |worst: f32, (a, b): (&f32, &f32)| if (a - b).abs() <= worst { worst } else { (a - b).abs() };
    let worst = stored.iter().zip(logits).fold(0.0, most) / (high - low);
    let right = logits.len() == CLASSES && worst <= tolerance;
    let refuse = |found: String| {
        Err(Error::new(Kind::GpuWrong, "probe")
            .expected("the answer that is stored with the small network")
            .found(found)
            .remedy("It is not used: another backend answers. A newer driver or browser may mend it."))
    };
    if !right {
        return refuse(format!(
            "{} % of the logits' range beside it",
            crate::small::print_decimal(f64::from(100.0 * worst))
        ));
    }
    let order = crate::output::top_k(stored, &Query { threshold: f32::MIN, ..Query::default() });
    if !labels.iter().map(|label| label.index).eq(order.iter().map(|label| label.index)) {
        return refuse("right logits, and labels in another order".into());
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: [f32; CLASSES] = GATED_STORED;
    const BOTH: [Small; 2] = [Small::Plain, Small::Gated];

    fn ordered(classes: [usize; 5]) -> Vec<Label> {
        classes.map(|index| Label { index, probability: 0.0 }).to_vec()
    }

    #[test]
    fn a_tampered_answer_is_refused() {
        let right = ordered([1, 7, 4, 9, 8]);
        let with = |class: usize, value: f32| {
            let mut logits = STORED;
            logits[class] = value;
            logits.to_vec()
        };
        assert_eq!(compare(&STORED, &STORED, &right, TOLERANCE).unwrap(), 0.0);
        assert!(compare(&STORED, &with(3, STORED[3] + 0.005), &right, TOLERANCE).unwrap() > 0.0);
        let cases = [
            ("a logit that is off", with(3, STORED[3] + 0.02), right.clone()),
            ("a NaN", with(9, f32::NAN), right.clone()),
            ("an infinity", with(0, f32::NEG_INFINITY), right.clone()),
            ("zeros", vec![0.0; CLASSES], right.clone()),
            ("nothing", Vec::new(), right.clone()),
            ("a logit too few", STORED[1..].to_vec(), right.clone()),
            ("a logit too many", [&STORED[..], &[0.0]].concat(), right),
            ("another order", STORED.to_vec(), ordered([7, 1, 4, 9, 8])),
            ("too few labels", STORED.to_vec(), Vec::new()),
        ];
        for (what, logits, labels) in cases {
            for tolerance in [TOLERANCE, TOLERANCE_F16] {
                if tolerance > TOLERANCE && what == "a logit that is off" {
                    continue;
                }
                let error = compare(&STORED, &logits, &labels, tolerance).expect_err(what);
                assert_eq!(error.kind(), Kind::GpuWrong, "{what}");
            }
        }
    }

    /// Right labels' gaps are wider than what 16-bit maps may be off by, on either side.
    #[test]
    fn a_right_backend_cannot_swap_labels() {
        for small in BOTH {
            let mut sorted = small.stored();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let range = sorted[0] - sorted[CLASSES - 1];
            for pair in sorted[..6].windows(2) {
                assert!(pair[0] - pair[1] > 2.0 * TOLERANCE_F16 * range, "{small:?}: {pair:?}");
            }
        }
    }

    /// What the picture is drawn on, and each of its parts, is seen.
    #[test]
    fn the_answer_depends_on_the_frame() {
        for small in BOTH {
            let mut net = net(small, Choice::Simd).unwrap();
            let mut answer = |rgba: &[u8], view: &View| {
                let logits = net.infer(&frame(rgba), view, &[LOGITS]).unwrap().remove(0).data;
                compare(&small.stored(), &logits, &[], TOLERANCE).unwrap_err().to_string()
            };
            let labels_only = "labels in another order";
            assert!(answer(&pixels(), &View::default()).contains(labels_only));
            let black = View { background: [0; 3], ..View::default() };
            assert!(!answer(&pixels(), &black).contains(labels_only));
            let mut turned = pixels();
            turned.reverse();
            assert!(!answer(&turned, &View::default()).contains(labels_only));
        }
    }
}
