//! Whole networks against the outputs of the framework that trained them, on every shared photograph.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::{Choice, Fit, Frame, Net, Options, View};

/// What a logit may differ by: sums of thousands of f32 products in another order than the framework's, through 53
/// layers. The bound; logits range over about ±20.
const LOGIT_TOLERANCE: f32 = 2e-3;

/// The same for the pooled features, which range over 0 … 6.
const FEATURE_TOLERANCE: f32 = 1e-3;

/// A network, its golden folder and the size of its pictures.
struct Golden {
    weights: &'static str,
    outputs: &'static str,
    pictures: &'static str,
}

const V2: Golden = Golden {
    weights: "weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors",
    outputs: "golden/v2_1.0_224_torchvision",
    pictures: "images/in224",
};

const V1: Golden = Golden {
    weights: "weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors",
    outputs: "golden/v1_1.0_224_slim",
    pictures: "images/in224",
};

const V3: Golden = Golden {
    weights: "weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors",
    outputs: "golden/v3_small_1.0_224_dequant",
    pictures: "images/in224",
};

fn check(golden: &Golden, backend: Choice) {
    let Some(fixtures) = Fixtures::find() else { return };
    let mut net = Net::open(&fixtures.read(golden.weights), &Options { backend, ..Options::default() }).expect("opens");
    let names = fixtures.golden_names(golden.outputs);
    assert_eq!(names.len(), 24);
    let logits = fixtures.npy(&format!("{}/logits.npy", golden.outputs));
    let features = fixtures.npy(&format!("{}/features.npy", golden.outputs));
    let view = View { fit: Fit::AsIs, ..View::default() };
    let (mut worst_logit, mut worst_feature) = (0f32, 0f32);
    for (row, name) in names.iter().enumerate() {
        let picture = fixtures.picture(&format!("{}/{name}.png", golden.pictures));
        let frame =
            Frame { rgba: picture.as_raw(), width_px: picture.width() as usize, height_px: picture.height() as usize };
        let tensors = net.infer(&frame, &view, &["logits", "global_pool"]).expect("infers");
        worst_logit = worst_logit.max(difference(&tensors[0].data, row_of(&logits, names.len(), row)));
        worst_feature = worst_feature.max(difference(&tensors[1].data, row_of(&features, names.len(), row)));
        assert_eq!(top(&tensors[0].data), top(row_of(&logits, names.len(), row)), "{name}");
    }
    println!(
        "{} {}: max |Δlogit| {worst_logit:.2e}, max |Δfeature| {worst_feature:.2e}",
        golden.outputs,
        backend.name()
    );
    assert!(worst_logit <= LOGIT_TOLERANCE, "logits differ by {worst_logit}");
    assert!(worst_feature <= FEATURE_TOLERANCE, "features differ by {worst_feature}");
}

fn row_of(values: &[f32], rows: usize, row: usize) -> &[f32] {
    let length = values.len() / rows;
    &values[row * length..][..length]
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    // NaN must not pass for a small difference.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d <= worst { worst } else { d })
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("not empty")
}

#[test]
fn v1_slim_simd() {
    check(&V1, Choice::Simd);
}

#[test]
fn v1_slim_reference() {
    check(&V1, Choice::Reference);
}

#[test]
fn v2_torchvision_simd() {
    check(&V2, Choice::Simd);
}

#[test]
fn v2_torchvision_reference() {
    check(&V2, Choice::Reference);
}

#[test]
fn v3_small_dequantised_simd() {
    check(&V3, Choice::Simd);
}

#[test]
fn v3_small_dequantised_reference() {
    check(&V3, Choice::Reference);
}
