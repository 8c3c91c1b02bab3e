//! Frames become tensors on the GPU: every rule, on every kind of frame, as the CPU's SIMD body does it.

mod adapter;

use mobilenet_web::backend::gpu::{Device, Gpu, Picture, Variant, Want};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Shape;
use mobilenet_web::kernels::{Call, Pad};
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::model::{PRESETS, Preprocessing, Sampling};
use mobilenet_web::plan::{Group, Output, Pattern, Plan, Step};
use mobilenet_web::{Fit, Frame, View};

/// In units of 0 … 255: sums of the same products in another order, and a quotient by 255 that a GPU may round otherwise.
const CLOSE: f32 = 1e-3;

/// Where pixels are partly transparent, a rule that rounds to whole units may fall to the other side of a half, by one
/// unit, in this share of the values: as between the CPU's bodies. 1e-4 is the most seen; of opaque pictures, none.
const FLIPS: f32 = 1e-3;

const TARGET_PX: usize = 224;

/// Width and height: reduced, turned, a single pixel, thin, and flat.
const SIZES: [(usize, usize); 6] = [(640, 480), (480, 640), (1, 1), (7, 300), (4000, 30), (224, 224)];

/// Noise in the colours, with that alpha.
fn noise(width_px: usize, height_px: usize, alpha: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    let pixel = |[red, green, blue, rest]: [u8; 4]| [red, green, blue, alpha(rest)];
    (0..width_px * height_px).flat_map(|_| pixel(next())).collect()
}

/// A plan that only copies its input.
fn plan() -> Plan {
    let pixels = TARGET_PX * TARGET_PX;
    let shape = Shape { height: TARGET_PX, width: TARGET_PX, channels: 4 };
    let side = TARGET_PX as u32;
    let pad = Pad { in_height: side, in_width: side, out_height: side, out_width: side, lanes: 1 };
    let step = Step {
        name: "copy".into(),
        call: Call::Pad(pad),
        input: 0..pixels,
        side: 0..0,
        output: pixels..2 * pixels,
        parameters: 0..0,
        shape,
        macs: 0,
    };
    Plan {
        input: 0..pixels,
        input_shape: Shape { channels: 3, ..shape },
        groups: vec![Group { steps: 0..1, pattern: Pattern::Single }],
        outputs: vec![Output { name: "copy".into(), slot: step.output.clone(), shape }],
        steps: vec![step],
        arena: 2 * pixels,
    }
}

struct Stage {
    gpu: Gpu,
    plan: usize,
    cpu: Preprocessor,
    rule: Preprocessing,
}

impl Stage {
    fn new(device: &Device, rule: &Preprocessing) -> Self {
        let [on_gpu, cpu] = [0; 2].map(|_| Preprocessor::new(rule, TARGET_PX, TARGET_PX));
        // A software adapter would leave frames to the CPU.
        let variant = Variant { software: false, ..device.variant() };
        let mut gpu = Gpu::new(device, variant, on_gpu, &[[0.0; 4]]).expect("fits");
        let plan = gpu.prepare(&plan(), Want::Maps).expect("fits");
        Self { gpu, plan, cpu, rule: *rule }
    }

    /// The share of values that are off by a unit, and the most that the others are off by, in units.
    fn check(&mut self, what: &str, frame: &Frame<'_>, view: &View) -> (f32, f32) {
        let mut expected: Vec<Vec4> = vec![[f32::NAN; 4]; TARGET_PX * TARGET_PX];
        self.cpu.run(Body::Simd, frame, view, &mut expected).expect(what);
        self.gpu.fill(self.plan, f32::NAN);
        let answer = self.gpu.run(self.plan, &Picture::Bytes(*frame), view).expect(what);
        let found = pollster::block_on(answer.maps()).expect(what).remove(0);
        let (mut flips, mut most) = (0, 0f32);
        for (at, (a, b)) in expected.iter().flatten().zip(&found).enumerate() {
            // The fourth lane is zero.
            let units = (a - b).abs() * self.rule.std.get(at % 4).copied().unwrap_or(1e9);
            if units <= CLOSE {
                most = most.max(units);
                continue;
            }
            flips += 1;
            assert!((units - 1.0).abs() <= CLOSE, "{what}: value {at} is {b}, {a} on the CPU: {units} units");
        }
        (flips as f32 / (3 * expected.len()) as f32, most)
    }
}

#[test]
fn frames_are_the_cpus() {
    let Some(device) = adapter::adapter() else { return };
    for rule in &PRESETS {
        let mut stage = Stage::new(&device, rule);
        let (mut flips, mut most) = (0f32, 0f32);
        for (width_px, height_px) in SIZES {
            for (alpha, rgba) in [
                ("opaque", noise(width_px, height_px, |_| 255)),
                ("transparent", noise(width_px, height_px, |noise| noise)),
                ("clear", noise(width_px, height_px, |_| 0)),
            ] {
                let frame = Frame { rgba: &rgba, width_px, height_px };
                for fit in [Fit::Preset, Fit::AsIs] {
                    if fit == Fit::AsIs && (width_px, height_px) != (TARGET_PX, TARGET_PX) {
                        continue;
                    }
                    let what = format!("{} {width_px} × {height_px} {alpha} {fit:?}", rule.name);
                    let view = View { fit, background: [10, 20, 30] };
                    let (share, close) = stage.check(&what, &frame, &view);
                    let rounded = fit == Fit::Preset && rule.sampling == Sampling::Antialiased;
                    let may_flip = rounded && alpha == "transparent";
                    assert!(share <= if may_flip { FLIPS } else { 0.0 }, "{what}: {share} of the values flip");
                    (flips, most) = (flips.max(share), most.max(close));
                }
            }
        }
        println!("{}: {flips:.1e} of the values flip, the others are off by {most:.1e} units", rule.name);
    }
}
