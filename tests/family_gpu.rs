//! Networks of the whole family on the GPU: every endpoint is the CPU's.

mod adapter;

use mobilenet_web::backend::gpu::{Device, Variant};
use mobilenet_web::model::{Activation, Block, Classifier, Padding, Pooling, Spec, Version, Widths};
use mobilenet_web::net::Picture;
use mobilenet_web::{Choice, Fit, Frame, Net, Options, Query, Tensor, View};

/// Sums in another order, products fused with them, and quotients a few units off, as a share of a map's largest value.
const TOLERANCE: f32 = 2e-5;
/// A map that relu6 has cut off at 6: in V2 its sums would reach three times that and more after a dozen residuals, and
/// errors grow with the sums, not with what the clamp leaves of them. The most seen is 5.2e-5, at the end of V2, whose
/// logits are off by 2.3e-6 again.
const TOLERANCE_CLAMPED: f32 = 1e-4;

fn sides(spec: Spec, height_px: usize, width_px: usize) -> Spec {
    Spec { height_px, width_px, ..spec }
}

/// Channels that fill no lanes, windows up to 7×7, gates on large maps and small ones.
fn custom() -> Spec {
    let gated = |kernel, expansion, stride, channels| Block::InvertedResidual {
        kernel,
        expansion,
        stride,
        channels,
        squeeze_excite: true,
        activation: Activation::HardSwish,
    };
    let plain = |kernel, expansion, stride, channels| Block::InvertedResidual {
        kernel,
        expansion,
        stride,
        channels,
        squeeze_excite: false,
        activation: Activation::Relu,
    };
    let blocks = vec![
        Block::Conv { kernel: 5, stride: 2, channels: 10, activation: Activation::HardSwish },
        plain(7, (3, 1), 1, 10),
        plain(5, (2, 1), 1, 10),
        gated(5, (37, 10), 2, 37),
        plain(7, (2, 1), 1, 37),
        Block::Separable { stride: 2, channels: 41 },
        gated(7, (1, 1), 1, 41),
        Block::Conv { kernel: 1, stride: 1, channels: 75, activation: Activation::Relu },
        Block::Pool,
        Block::Head { channels: 35, activation: Activation::HardSwish },
    ];
    Spec { blocks: blocks.into(), widths: Widths::V1_KERAS, classes: 7, ..Spec::new(Version::Custom) }
}

fn specs() -> Vec<(&'static str, Spec)> {
    let new = Spec::new;
    vec![
        ("v1 symmetric", sides(Spec { padding: Padding::Symmetric, ..new(Version::V1) }, 97, 130)),
        (
            "v1 0.25 after, dilated",
            sides(Spec { multiplier: 0.25, padding: Padding::After, output_stride: 8, ..new(Version::V1) }, 128, 96),
        ),
        ("v1 slim pool", sides(Spec { multiplier: 0.5, pooling: Pooling::Slim7, ..new(Version::V1) }, 290, 66)),
        ("v2", sides(new(Version::V2), 224, 224)),
        (
            "v2 0.35 padded",
            sides(
                Spec { multiplier: 0.35, pad_to_32: true, classifier: Classifier::Sigmoid, ..new(Version::V2) },
                97,
                130,
            ),
        ),
        (
            "v2 1.4 dilated, max",
            sides(
                Spec {
                    multiplier: 1.4,
                    output_stride: 16,
                    pooling: Pooling::Max,
                    padding: Padding::Symmetric,
                    ..new(Version::V2)
                },
                128,
                160,
            ),
        ),
        ("v2 without top", sides(Spec { classes: 0, pooling: Pooling::None, ..new(Version::V2) }, 33, 65)),
        ("v3 large", sides(Spec { gate: Activation::SlimSigmoid, ..new(Version::V3Large) }, 130, 97)),
        (
            "v3 large 0.35 minimalistic",
            sides(
                Spec { multiplier: 0.35, classifier: Classifier::Linear, ..new(Version::V3LargeMinimalistic) },
                96,
                96,
            ),
        ),
        ("v3 small", sides(Spec { padding: Padding::Symmetric, ..new(Version::V3Small) }, 224, 224)),
        ("v3 small 1.4 dilated", sides(Spec { multiplier: 1.4, output_stride: 8, ..new(Version::V3Small) }, 97, 130)),
        ("v3 small minimalistic", sides(Spec { classes: 3, ..new(Version::V3SmallMinimalistic) }, 64, 32)),
        ("custom", sides(custom(), 97, 130)),
        ("custom dilated", sides(Spec { output_stride: 8, ..custom() }, 130, 66)),
    ]
}

/// A picture of noise, opaque.
fn noise(width_px: usize, height_px: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()
    };
    (0..width_px * height_px).flat_map(|_| next()[..3].iter().copied().chain([255]).collect::<Vec<u8>>()).collect()
}

/// A network whose biggest difference between tensors is told.
struct Both {
    name: &'static str,
    net: Net,
    rgba: Vec<u8>,
}

const AS_IS: View = View { fit: Fit::AsIs, background: [255; 3] };

impl Both {
    /// With fused blocks, as on a GPU that is one.
    fn new(device: &Device, name: &'static str, spec: Spec) -> Self {
        Self::variant(device, Variant { software: false, ..device.variant() }, name, spec)
    }

    fn variant(device: &Device, variant: Variant, name: &'static str, spec: Spec) -> Self {
        let rgba = noise(spec.width_px, spec.height_px, 1);
        let options = Options { backend: Choice::Simd, ..Options::default() };
        let mut net = Net::synthetic(spec, &options).expect(name);
        net.attach(device, variant).expect(name);
        Self { name, net, rgba }
    }

    fn gpu(&mut self, endpoints: &[&str]) -> Vec<Tensor> {
        let (width_px, height_px) = (self.net.spec().width_px, self.net.spec().height_px);
        let picture = Picture::Bytes(Frame { rgba: &self.rgba, width_px, height_px });
        let answer = self.net.gpu_infer(&picture, &AS_IS, endpoints).expect(self.name);
        pollster::block_on(answer).expect(self.name)
    }

    fn cpu(&mut self, endpoints: &[&str]) -> Vec<Tensor> {
        let (width_px, height_px) = (self.net.spec().width_px, self.net.spec().height_px);
        self.net.infer(&Frame { rgba: &self.rgba, width_px, height_px }, &AS_IS, endpoints).expect(self.name)
    }

    /// The worst error over these endpoints, asked for together.
    fn check(&mut self, endpoints: &[&str]) -> f32 {
        let (expected, found) = (self.cpu(endpoints), self.gpu(endpoints));
        let mut worst = 0f32;
        assert_eq!(expected.len(), found.len());
        for (expected, found) in expected.iter().zip(&found) {
            let what = format!("{}: {} of {}", self.name, found.endpoint, endpoints.len());
            assert_eq!((&expected.endpoint, &expected.shape), (&found.endpoint, &found.shape), "{what}");
            assert_eq!(expected.data.len(), found.data.len(), "{what}");
            let range = expected.data.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
            let tolerance = if range == 6.0 { TOLERANCE_CLAMPED } else { TOLERANCE };
            for (at, (a, b)) in expected.data.iter().zip(&found.data).enumerate() {
                let error = (a - b).abs() / range;
                assert!(error <= tolerance, "{what}: element {at} is {b}, {a} on the CPU: {error:.1e} of the range");
                worst = worst.max(error);
            }
        }
        worst
    }
}

#[test]
fn every_endpoint_is_the_cpus() {
    let Some(device) = adapter::adapter() else { return };
    for (name, spec) in specs() {
        let mut both = Both::new(&device, name, spec);
        let endpoints: Vec<String> = both.net.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        let together = both.check(&endpoints);
        // Alone, blocks are fused that were not when their inner maps were asked for.
        let alone = [0, endpoints.len() / 3, endpoints.len() * 2 / 3, endpoints.len() - 1];
        let alone = alone.map(|at| both.check(&endpoints[at..=at])).into_iter().fold(0f32, f32::max);
        println!("{name}: {together:.1e} of {} endpoints together, {alone:.1e} alone", endpoints.len());
        both.net.detach();
    }
}

#[test]
fn a_software_adapters_answers_are_the_cpus() {
    let Some(device) = adapter::adapter() else { return };
    for (name, spec) in specs() {
        let mut both = Both::variant(&device, Variant { software: true, ..device.variant() }, name, spec);
        let last = both.net.last_endpoint().to_owned();
        both.check(&[&last]);
    }
}

#[test]
fn labels_are_the_cpus() {
    let Some(device) = adapter::adapter() else { return };
    for (name, spec) in specs().into_iter().filter(|(_, spec)| spec.classes > 0) {
        let (width_px, height_px, classes) = (spec.width_px, spec.height_px, spec.classes);
        let mut both = Both::new(&device, name, spec);
        let frame = Frame { rgba: &both.rgba, width_px, height_px };
        let query = |top_k| Query { top_k, ..Query::default() };
        let allowed = Query { allow: vec![0, 2], ..query(5) };
        let unlikely = Query { threshold: 0.5, ..query(5) };
        for query in [query(1), query(5), query(32), query(33), query(0), allowed, unlikely] {
            let expected = both.net.classify(&frame, &AS_IS, &query).expect(name);
            let found = both.net.gpu_classify(&Picture::Bytes(frame), &AS_IS, &query).expect(name);
            let found = pollster::block_on(found).expect(name);
            assert_eq!(expected.len(), found.len(), "{name}: {query:?} of {classes}");
            for (a, b) in expected.iter().zip(&found) {
                // Equally likely classes may change places; the places keep their probabilities.
                assert!(
                    (a.probability - b.probability).abs() <= TOLERANCE * a.probability.abs().max(1.0),
                    "{name}: {query:?}: {a:?} {b:?}"
                );
            }
            if let (Some(a), Some(b)) = (expected.first(), found.first()) {
                assert_eq!(a.index, b.index, "{name}: {query:?}");
            }
        }
    }
}

#[test]
fn frames_in_flight_are_answered_one_by_one() {
    let Some(device) = adapter::adapter() else { return };
    let mut both = Both::new(&device, "v2", sides(Spec::new(Version::V2), 96, 96));
    // Sizes alternate, so that textures and tables are made anew while frames are on their way.
    let pictures = [(96, 96), (200, 150), (96, 96), (33, 7), (200, 150)];
    let pictures: Vec<(usize, usize, Vec<u8>)> =
        (2..).zip(pictures).map(|(seed, (width, height))| (width, height, noise(width, height, seed))).collect();
    let view = View::default();
    let mut submit = |at: usize| {
        let (width_px, height_px, rgba) = &pictures[at];
        let picture = Picture::Bytes(Frame { rgba, width_px: *width_px, height_px: *height_px });
        both.net.gpu_infer(&picture, &view, &["logits"]).expect("runs")
    };
    let alone: Vec<_> = (0..pictures.len()).map(|at| pollster::block_on(submit(at)).expect("answers")).collect();
    let flying: Vec<_> = (0..pictures.len()).map(&mut submit).collect();
    // The last first, and one that nobody waits for.
    for (at, answer) in flying.into_iter().enumerate().rev().filter(|(at, _)| *at != 1) {
        assert_eq!(pollster::block_on(answer).expect("answers"), alone[at], "frame {at}");
    }
    assert_eq!(pollster::block_on(submit(1)).expect("answers"), alone[1]);
}

/// The budgets, and what V2 costs.
#[test]
fn v2_stays_within_its_budgets() {
    let Some(device) = adapter::adapter() else { return };
    let both = Both::new(&device, "v2", Spec::new(Version::V2));
    let cost = both.net.gpu_cost().expect("is attached");
    println!("{cost:?}");
    assert!(cost.dispatches <= 40 && cost.pipelines <= 14 && cost.readback_bytes <= 256, "{cost:?}");
}
