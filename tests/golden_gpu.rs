//! Whole networks on the GPU against the frameworks' outputs, on every shared photograph.

mod adapter;
mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::net::{Device, Picture, Variant};
use mobilenet_web::{Fit, Frame, Net, Options, Query, View};

/// The bound for 32-bit maps; logits range over about ±20.
const LOGIT_TOLERANCE: f32 = 5e-3;
/// The bound for 16-bit maps, of 24 photographs: 98 % are 24 of them.
const F16_AGREEING: usize = 24;

const NETS: [(&str, &str); 3] = [
    ("weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors", "golden/v1_1.0_224_slim"),
    ("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors", "golden/v2_1.0_224_torchvision"),
    ("weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors", "golden/v3_small_1.0_224_dequant"),
];

/// Worst difference of a logit, and how many photographs have the same first label.
fn check(device: &Device, variant: Variant, fixtures: &Fixtures, weights: &str, golden: &str) -> (f32, usize) {
    let mut net = Net::open(&fixtures.read(weights), &Options::default()).expect("opens");
    net.attach(device, variant).expect("fits");
    let names = fixtures.golden_names(golden);
    let logits = fixtures.npy(&format!("{golden}/logits.npy"));
    let classes = logits.len() / names.len();
    let view = View { fit: Fit::AsIs, ..View::default() };
    let (mut worst, mut agreeing) = (0f32, 0);
    for (name, expected) in names.iter().zip(logits.chunks_exact(classes)) {
        let picture = fixtures.picture(&format!("images/in224/{name}.png"));
        let (width_px, height_px) = (picture.width() as usize, picture.height() as usize);
        let picture = || Picture::Bytes(Frame { rgba: picture.as_raw(), width_px, height_px });
        let tensors =
            pollster::block_on(net.gpu_infer(&picture(), &view, &["logits"]).expect("runs")).expect("answers");
        let difference = |(a, b): (&f32, &f32)| (a - b).abs();
        worst = tensors[0].data.iter().zip(expected).map(difference).fold(worst, f32::max);
        let labels = net.gpu_classify(&picture(), &view, &Query::default()).expect("runs");
        let labels = pollster::block_on(labels).expect("answers");
        assert_eq!(labels.len(), 5);
        agreeing += usize::from(labels[0].index == top(expected));
    }
    let cost = net.gpu_cost().expect("is attached");
    println!("{golden} {variant:?}: max |Δlogit| {worst:.2e}, top-1 {agreeing}/{}, {cost:?}", names.len());
    (worst, agreeing)
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).expect("classes")
}

#[test]
fn networks_agree_with_their_frameworks() {
    let (Some(device), Some(fixtures)) = (adapter::adapter(), Fixtures::find()) else { return };
    for (weights, golden) in NETS {
        let quads = device.variant().quads;
        for variant in [Variant { quads, ..Variant::default() }, Variant { software: true, ..Variant::default() }] {
            let (worst, agreeing) = check(&device, variant, &fixtures, weights, golden);
            assert!(worst <= LOGIT_TOLERANCE && agreeing == 24, "{golden}: {worst}, {agreeing}");
        }
    }
}

#[test]
fn networks_of_16_bits_agree_on_the_first_label() {
    let (Some(device), Some(fixtures)) = (adapter::adapter(), Fixtures::find()) else { return };
    if !device.has_f16() {
        println!("SKIPPED: {} has no 16-bit floats", device.name);
        return;
    }
    for (weights, golden) in NETS {
        let (_, agreeing) = check(&device, Variant { f16: true, ..Variant::default() }, &fixtures, weights, golden);
        assert!(agreeing >= F16_AGREEING, "{golden}: {agreeing}");
    }
}
