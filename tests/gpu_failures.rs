//! A GPU that goes away or is too small: every call ends with an error that says so, or with the right answer.

mod adapter;

use mobilenet_web::backend::gpu::{Device, Limits, Variant};
use mobilenet_web::error::Kind;
use mobilenet_web::model::{Activation, Block, Spec, Version};
use mobilenet_web::net::Picture;
use mobilenet_web::{Choice, Error, Frame, Net, Options, Query, Tensor, View};

/// As in `tests/family_gpu.rs`.
const TOLERANCE: f32 = 2e-5;

/// The shaders that a real GPU would run: a software adapter leaves frames to the CPU.
fn hardware(device: &Device) -> Variant {
    Variant { software: false, ..device.variant() }
}

fn net(device: &Device, spec: Spec) -> Net {
    let mut net = cpu(spec);
    net.attach(device, hardware(device)).expect("fits");
    net
}

fn cpu(spec: Spec) -> Net {
    Net::synthetic(spec, &Options { backend: Choice::Simd, ..Options::default() }).expect("a valid spec")
}

fn small() -> Spec {
    Spec { height_px: 96, width_px: 96, multiplier: 0.35, ..Spec::new(Version::V2) }
}

/// A picture that owns its pixels.
struct Drawn(Vec<u8>, usize, usize);

impl Drawn {
    fn new(width_px: usize, height_px: usize) -> Self {
        let pixel = |at: usize| [at % 251, at % 83, at % 7 * 30, 255].map(|value| value as u8);
        Self((0..width_px * height_px).flat_map(pixel).collect(), width_px, height_px)
    }

    fn frame(&self) -> Frame<'_> {
        Frame { rgba: &self.0, width_px: self.1, height_px: self.2 }
    }
}

fn on_gpu(net: &mut Net, drawn: &Drawn, endpoint: &str) -> Result<Vec<Tensor>, Error> {
    let answer = net.gpu_infer(&Picture::Bytes(drawn.frame()), &View::default(), &[endpoint])?;
    pollster::block_on(answer)
}

fn assert_equal(expected: &[Tensor], found: &[Tensor]) {
    let largest = expected[0].data.iter().fold(0f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.0 && expected[0].data.len() == found[0].data.len());
    for (a, b) in expected[0].data.iter().zip(&found[0].data) {
        assert!((a - b).abs() <= TOLERANCE * largest, "{a} {b}");
    }
}

fn assert_lost<T>(answer: Result<T, Error>) {
    let error = answer.map(|_| ()).expect_err("the device is gone");
    assert_eq!(error.kind(), Kind::GpuLost, "{error}");
    assert!(error.to_string().contains("the CPU answers"), "{error}");
}

#[test]
fn a_device_that_is_lost_between_calls_answers_no_more() {
    let Some(device) = adapter::adapter() else { return };
    let drawn = Drawn::new(120, 90);
    let mut net = net(&device, small());
    let expected = net.infer(&drawn.frame(), &View::default(), &["logits"]).expect("runs");
    assert_equal(&expected, &on_gpu(&mut net, &drawn, "logits").expect("answers"));
    device.lose();
    for endpoint in ["logits", "layer_3", "logits"] {
        assert_lost(on_gpu(&mut net, &drawn, endpoint));
    }
    let labels = net.gpu_classify(&Picture::Bytes(drawn.frame()), &View::default(), &Query::default());
    assert_lost(labels.and_then(pollster::block_on));
    assert_lost(net.attach(&device, hardware(&device)));
    assert!(!net.is_attached());
    // The CPU never noticed, and another device takes over.
    assert_eq!(net.infer(&drawn.frame(), &View::default(), &["logits"]).expect("runs"), expected);
    let Some(device) = adapter::adapter() else { return };
    net.attach(&device, hardware(&device)).expect("fits");
    assert_equal(&expected, &on_gpu(&mut net, &drawn, "logits").expect("answers"));
}

#[test]
fn a_device_that_is_lost_during_calls_answers_them_right_or_not_at_all() {
    let drawn = Drawn::new(120, 90);
    let expected = cpu(small()).infer(&drawn.frame(), &View::default(), &["logits"]).expect("runs");
    let mut right = 0;
    for round in 0..8 {
        let Some(device) = adapter::adapter() else { return };
        let mut net = net(&device, small());
        let submit =
            |net: &mut Net| net.gpu_infer(&Picture::Bytes(drawn.frame()), &View::default(), &["logits"]).expect("runs");
        let answers: Vec<_> = (0..3).map(|_| submit(&mut net)).collect();
        if round % 2 == 1 {
            // Nothing of the network is left but the calls.
            drop(net);
        }
        device.lose();
        for answer in answers {
            match pollster::block_on(answer) {
                Ok(found) => {
                    right += 1;
                    assert_equal(&expected, &found);
                }
                error => assert_lost(error),
            }
        }
    }
    println!("{right} of 24 calls were answered before the device was gone");
}

#[test]
fn the_least_limits_are_enough() {
    let Some(device) = adapter::adapter_within(Limits::Least) else { return };
    let drawn = Drawn::new(640, 480);
    for version in [Version::V1, Version::V2, Version::V3Small, Version::V3Large] {
        let mut net = net(&device, Spec::new(version));
        let expected = net.infer(&drawn.frame(), &View::default(), &["logits"]).expect("runs");
        assert_equal(&expected, &on_gpu(&mut net, &drawn, "logits").expect("answers"));
        device.check().expect("nothing went wrong");
    }
}

/// A network of one row.
fn stem(channels: usize, height_px: usize, width_px: usize, classes: usize) -> Spec {
    let row = Block::Conv { kernel: 3, stride: 2, channels, activation: Activation::Relu };
    Spec { blocks: vec![row].into(), height_px, width_px, classes, ..Spec::new(Version::Custom) }
}

fn assert_exceeds<T>(answer: Result<T, Error>, words: &[&str]) {
    let error = answer.map(|_| ()).expect_err("exceeds a limit");
    assert_eq!(error.kind(), Kind::GpuFailed, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn what_exceeds_a_limit_is_refused_by_name_and_left_to_the_cpu() {
    let Some(device) = adapter::adapter_within(Limits::Least) else { return };
    let drawn = Drawn::new(50, 40);

    let mut wide = cpu(stem(512, 32, 32, 70_000));
    assert_exceeds(wide.attach(&device, hardware(&device)), &["weights", "134217728"]);
    assert!(!wide.is_attached() && wide.infer(&drawn.frame(), &View::default(), &["logits"]).is_ok());

    let mut large = cpu(stem(8, 3000, 3000, 3));
    assert_exceeds(large.attach(&device, hardware(&device)), &["maps", "134217728"]);
    assert!(!large.is_attached() && large.infer(&drawn.frame(), &View::default(), &["logits"]).is_ok());

    // The network fits; the frame does not.
    let mut flat = net(&device, stem(8, 32, 2100, 3));
    let before = flat.infer(&drawn.frame(), &View::default(), &["logits"]).expect("runs");
    let long = Drawn::new(9000, 1);
    assert_exceeds(on_gpu(&mut flat, &long, "logits"), &["9000", "8192"]);
    assert!(flat.infer(&long.frame(), &View::default(), &["logits"]).is_ok());
    let tall = Drawn::new(1, 8000);
    for _ in 0..2 {
        assert_exceeds(on_gpu(&mut flat, &tall, "logits"), &["frame", "134217728"]);
    }
    assert!(flat.infer(&tall.frame(), &View::default(), &["logits"]).is_ok());

    // Nothing of that was the device's fault: it goes on.
    assert_equal(&before, &on_gpu(&mut flat, &drawn, "logits").expect("answers"));
}
