//! Whole networks on the GPU against the frameworks' outputs, on every shared photograph.

mod adapter;
mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::net::{Device, Picture, Variant};
use mobilenet_web::{Fit, Frame, Net, Options, Query, View};

/// The bound for 32-bit maps; logits range over about ±20.
const LOGIT_TOLERANCE: f32 = 5e-3;
/// Photographs for each network with the fastest shaders, and so for one with 16-bit maps, of which 98 % must agree: of 24
/// all. The others differ in how they load weights, which `tests/gpu.rs` covers case by case.
const ALL: usize = 24;
/// Photographs for the rest.
const FEW: usize = 6;

const NETS: [(&str, &str); 3] = [
    ("weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors", "golden/v1_1.0_224_slim"),
    ("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors", "golden/v2_1.0_224_torchvision"),
    ("weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors", "golden/v3_small_1.0_224_dequant"),
];

/// Worst difference of a logit of the first photographs, all of whose first labels must be the framework's.
fn check(device: &Device, variant: Variant, fixtures: &Fixtures, (weights, golden): (&str, &str), count: usize) -> f32 {
    let mut net = Net::open(&fixtures.read(weights), &Options::default()).expect("opens");
    net.attach(device, variant).expect("fits");
    let mut names = fixtures.golden_names(golden);
    let logits = fixtures.npy(&format!("{golden}/logits.npy"));
    assert_eq!(names.len(), ALL);
    let classes = logits.len() / ALL;
    names.truncate(count);
    let view = View { fit: Fit::AsIs, ..View::default() };
    let (mut worst, mut agreeing) = (0f32, 0);
    for (at, (name, expected)) in names.iter().zip(logits.chunks_exact(classes)).enumerate() {
        let picture = fixtures.picture(&format!("images/in224/{name}.png"));
        let (width_px, height_px) = (picture.width() as usize, picture.height() as usize);
        let picture = || Picture::Bytes(Frame { rgba: picture.as_raw(), width_px, height_px });
        let tensors =
            pollster::block_on(net.gpu_infer(&picture(), &view, &["logits"]).expect("runs")).expect("answers");
        let difference = |(a, b): (&f32, &f32)| (a - b).abs();
        worst = tensors[0].data.iter().zip(expected).map(difference).fold(worst, f32::max);
        let first = top(&tensors[0].data);
        agreeing += usize::from(first == top(expected));
        if at < FEW {
            let labels = net.gpu_classify(&picture(), &view, &Query::default()).expect("runs");
            let labels = pollster::block_on(labels).expect("answers");
            assert_eq!((labels.len(), labels[0].index), (5, first));
        }
    }
    let cost = net.gpu_cost().expect("is attached");
    println!("{golden} {variant:?}: max |Δlogit| {worst:.2e}, top-1 {agreeing}/{}, {cost:?}", names.len());
    assert_eq!(agreeing, count, "{golden} {variant:?}");
    worst
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).expect("classes")
}

#[test]
fn networks_agree_with_their_frameworks() {
    let (Some(device), Some(fixtures)) = (adapter::adapter(), Fixtures::find()) else { return };
    let (quads, software) = (device.variant().quads, true);
    for net in NETS {
        let mut variants = vec![(Variant { quads, ..Variant::default() }, ALL)];
        variants.push((Variant { quads, software, ..Variant::default() }, FEW));
        if quads {
            variants.push((Variant::default(), FEW));
        }
        for (variant, count) in variants {
            let worst = check(&device, variant, &fixtures, net, count);
            assert!(worst <= LOGIT_TOLERANCE, "{}: {worst}", net.1);
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
    for net in NETS {
        check(&device, Variant { f16: true, quads: device.variant().quads, software: false }, &fixtures, net, ALL);
    }
}
