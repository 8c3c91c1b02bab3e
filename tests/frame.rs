//! Frames become tensors: the bodies agree, the rules are the frameworks' own, and bad frames are refused.

use mobilenet_web::error::Kind;
use mobilenet_web::frame::{Fit, Frame, Preprocessor, View};
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::model::{Crop, PRESETS, Preprocessing, Sampling, preset};
use std::path::{Path, PathBuf};

/// SIMD against reference, in normalised units: `f32` sums of values up to 255 against `f64`, divided by deviations
/// down to 57.
const BODIES: f32 = 2e-5;

/// Against formulas in `f64`, in units of 0 … 255: `f32` weights and sums.
const EXACT: f32 = 1e-3;

/// A rule that rounds to whole units may fall to the other side of a half: by one unit, in this share of the values
/// between the bodies (whose sums differ by about 1e-4 of a unit) …
const FLIPS_OF_BODIES: f32 = 1e-3;

/// … and in this share against Pillow, whose fixed-point weights break exact ties to either side: 3.4 % is the most
/// seen, where 3 × 2 px become 24 px high and so many sums end in a half; below 1 % where a picture is reduced.
const FLIPS_OF_PILLOW: f32 = 5e-2;

/// [`Fit::AsIs`] against the formula in `f64`: a few `f32` roundings of values below 2.7.
const AS_IS: f64 = 1e-6;

/// A picture that owns its pixels.
struct Picture {
    rgba: Vec<u8>,
    width_px: usize,
    height_px: usize,
}

impl Picture {
    /// Every pixel from its `[y, x]`.
    fn new(height_px: usize, width_px: usize, mut pixel: impl FnMut(usize, usize) -> [u8; 4]) -> Self {
        let mut rgba = Vec::with_capacity(height_px * width_px * 4);
        for y in 0..height_px {
            for x in 0..width_px {
                rgba.extend(pixel(y, x));
            }
        }
        Self { rgba, width_px, height_px }
    }

    /// Noise in the colours, with that alpha.
    fn noise(height_px: usize, width_px: usize, alpha: impl Fn(u32) -> u8) -> Self {
        let mut state = 0x2545_f491_u32;
        Self::new(height_px, width_px, |_, _| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let [r, g, b, _] = state.to_le_bytes();
            [r, g, b, alpha(state >> 24)]
        })
    }

    fn frame(&self) -> Frame<'_> {
        Frame { rgba: &self.rgba, width_px: self.width_px, height_px: self.height_px }
    }
}

/// Fills a poisoned tensor, so that a pixel that is left out shows.
fn run(rule: &Preprocessing, target: [usize; 2], body: Body, picture: &Picture, view: &View) -> Vec<Vec4> {
    let mut out = vec![[f32::NAN; 4]; target[0] * target[1]];
    Preprocessor::new(rule, target[0], target[1]).run(body, &picture.frame(), view, &mut out).expect("test data");
    out
}

/// Asserts equality to within `allowed`, but for a share of `flips` values that may be off by `unit`.
fn assert_close(what: &str, a: &[Vec4], b: &[Vec4], allowed: f32, unit: f32, flips: f32) {
    let over: Vec<f32> = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).collect();
    let over: Vec<f32> = over.into_iter().filter(|d| d.is_nan() || *d > allowed).collect();
    let share = over.len() as f32 / (3 * a.len()) as f32;
    assert!(share <= flips, "{what}: {share} of the values differ, e.g. by {:?}", over[0]);
    assert!(over.iter().all(|d| *d <= unit + allowed), "{what}: {over:?}");
}

fn max_difference(a: &[Vec4], b: &[Vec4]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs());
    // `max` would drop a NaN, which is what a skipped pixel is.
    differences.fold(0.0, |most, d| if d <= most { most } else { d })
}

#[test]
fn simd_is_the_reference_on_every_preset_and_edge() {
    let opaque = |_: u32| 255;
    let cases = [
        ("one_pixel", Picture::noise(1, 1, opaque), [32, 32]),
        ("one_row", Picture::noise(1, 301, opaque), [32, 32]),
        ("one_column", Picture::noise(301, 1, opaque), [32, 32]),
        ("upscaling", Picture::noise(9, 11, opaque), [64, 64]),
        ("same_size", Picture::noise(48, 48, opaque), [48, 48]),
        ("odd_sizes", Picture::noise(149, 203, opaque), [97, 97]),
        ("huge_reduction", Picture::noise(3000, 4000, opaque), [24, 24]),
        ("wide_target", Picture::noise(120, 90, opaque), [32, 80]),
        ("tall_target", Picture::noise(90, 120, opaque), [80, 32]),
        ("to_one_pixel", Picture::noise(40, 50, opaque), [1, 1]),
        ("transparent", Picture::noise(50, 60, |_| 0), [32, 32]),
        ("half_transparent", Picture::noise(50, 60, |_| 128), [32, 32]),
        ("mixed_alpha", Picture::noise(50, 60, |noise| noise as u8), [32, 32]),
    ];
    let view = View { background: [10, 20, 30], ..View::default() };
    for rule in &PRESETS {
        for (name, picture, target) in &cases {
            let reference = run(rule, *target, Body::Reference, picture, &view);
            let simd = run(rule, *target, Body::Simd, picture, &view);
            let unit = 1.0 / rule.std.into_iter().fold(f32::INFINITY, f32::min);
            assert_close(&format!("{} {name}", rule.name), &reference, &simd, BODIES, unit, FLIPS_OF_BODIES);
            assert!(simd.iter().chain(&reference).all(|pixel| pixel[3] == 0.0), "{} {name}: fourth lane", rule.name);
        }
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/frame")
}

fn npy<T: npyz::Deserialize>(name: &str) -> (Vec<usize>, Vec<T>) {
    let bytes = std::fs::read(data().join(format!("{name}.npy"))).expect("test data");
    let file = npyz::NpyFile::new(&bytes[..]).expect("test data");
    (file.shape().iter().map(|side| *side as usize).collect(), file.into_vec().expect("test data"))
}

#[test]
fn every_rule_is_its_frameworks() {
    let cases = std::fs::read(data().join("cases.json")).expect("test data");
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&cases).expect("test data");
    assert!(cases.len() >= 29, "tools/golden/frame.py writes more");
    for case in cases {
        let text = |key: &str| case[key].as_str().expect("test data");
        let number = |key: &str| case[key].as_u64().expect("test data") as usize;
        let (shape, source) = npy::<u8>(&format!("source_{}", text("source")));
        let picture = Picture::new(shape[0], shape[1], |y, x| {
            let at = (y * shape[1] + x) * 3;
            [source[at], source[at + 1], source[at + 2], 255]
        });
        let crop = match text("crop") {
            "squash" => Crop::Squash,
            "short_side" => Crop::ShortSide { fraction: 0.875 },
            "central" => Crop::Central { fraction: 0.875 },
            "cover" => Crop::Cover,
            other => panic!("{other}"),
        };
        let sampling = match text("sampling") {
            "antialiased" => Sampling::Antialiased,
            "half_pixel" => Sampling::HalfPixel,
            "legacy" => Sampling::Legacy,
            "align_corners" => Sampling::AlignCorners,
            other => panic!("{other}"),
        };
        // Units of 0 … 255, as the golden tensors are.
        let rule = Preprocessing { name: "golden", crop, sampling, mean: [0.0; 3], std: [1.0; 3] };
        let (shape, expected) = npy::<f32>(text("name"));
        assert_eq!(shape, [number("height"), number("width"), 3]);
        let expected: Vec<Vec4> = expected.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 0.0]).collect();
        let flips = if sampling == Sampling::Antialiased { FLIPS_OF_PILLOW } else { 0.0 };
        for body in [Body::Reference, Body::Simd] {
            let found = run(&rule, [shape[0], shape[1]], body, &picture, &View::default());
            let what = format!("{} {body:?}", text("name"));
            assert_close(&what, &found, &expected, EXACT, 1.0, flips);
        }
    }
}

#[test]
fn as_is_only_normalises() {
    let picture = Picture::noise(40, 56, |_| 255);
    let view = View { fit: Fit::AsIs, ..View::default() };
    for rule in &PRESETS {
        for body in [Body::Reference, Body::Simd] {
            let out = run(rule, [40, 56], body, &picture, &view);
            for (pixel, rgba) in out.iter().zip(picture.rgba.as_chunks::<4>().0) {
                for channel in 0..3 {
                    let (mean, std) = (f64::from(rule.mean[channel]), f64::from(rule.std[channel]));
                    let exact = (f64::from(rgba[channel]) - mean) / std;
                    let off = (f64::from(pixel[channel]) - exact).abs();
                    assert!(off <= AS_IS, "{} {body:?}: {off}", rule.name);
                }
            }
        }
    }
}

#[test]
fn transparent_pixels_show_the_background() {
    let clear = Picture::new(20, 30, |_, _| [200, 100, 50, 0]);
    let half = Picture::new(20, 30, |_, _| [200, 100, 50, 51]);
    let rule = Preprocessing { mean: [0.0; 3], std: [1.0; 3], ..PRESETS[0] };
    let blue = View { background: [0, 0, 255], ..View::default() };
    let mixed = [40.0, 20.0, 214.0, 0.0]; // A fifth of the colour, four fifths of the background.
    let cases = [
        (&clear, View::default(), [255.0, 255.0, 255.0, 0.0]),
        (&clear, blue, [0.0, 0.0, 255.0, 0.0]),
        (&half, blue, mixed),
    ];
    for (picture, view, expected) in cases {
        for body in [Body::Reference, Body::Simd] {
            for pixel in run(&rule, [16, 16], body, picture, &view) {
                assert!(max_difference(&[pixel], &[expected]) <= EXACT, "{body:?}: {pixel:?} for {expected:?}");
            }
        }
    }
}

#[test]
fn colours_of_transparent_pixels_do_not_leak() {
    // The left half is opaque black, the right half fully transparent in a colour that must not be seen.
    let draw = |hidden: u8| {
        Picture::new(30, 30, move |_, x| if x < 15 { [0, 0, 0, 255] } else { [hidden, hidden, hidden, 0] })
    };
    for body in [Body::Reference, Body::Simd] {
        let [a, b] = [0, 255].map(|hidden| run(&PRESETS[0], [16, 16], body, &draw(hidden), &View::default()));
        assert_eq!(max_difference(&a, &b), 0.0, "{body:?}");
    }
}

#[test]
fn the_same_photograph_is_nearly_the_same_tensor_at_4000_and_at_400_px() {
    /// In normalised units, where a photograph spans about 4: the camera's own sampling of the scene differs by less.
    const MEAN: f32 = 0.02;
    let photograph = |height: usize, width: usize| {
        Picture::new(height, width, |y, x| {
            let (v, u) = ((y as f32 + 0.5) / height as f32, (x as f32 + 0.5) / width as f32);
            let wave = |a: f32, b: f32, c: f32| (127.5 + 127.5 * (a * u + b * v + c).sin()) as u8;
            [wave(23.0, 11.0, 0.0), wave(-9.0, 31.0, 1.0), wave(40.0, -27.0, 2.0), 255]
        })
    };
    let rule = preset("torchvision").expect("test data");
    let [large, small] = [photograph(3000, 4000), photograph(300, 400)]
        .map(|picture| run(&rule, [224, 224], Body::Simd, &picture, &View::default()));
    let sum: f32 = large.iter().flatten().zip(small.iter().flatten()).map(|(a, b)| (a - b).abs()).sum();
    let mean = sum / (3 * large.len()) as f32;
    assert!(mean <= MEAN, "{mean}");
}

#[test]
fn a_reduction_passes_no_pixel_over() {
    // One white line in black, thinner than the distance between two target pixels.
    let picture = Picture::new(1000, 1000, |_, x| if x == 503 { [255; 4] } else { [0, 0, 0, 255] });
    for rule in PRESETS.iter().filter(|rule| rule.sampling == Sampling::Antialiased) {
        let rule = Preprocessing { mean: [0.0; 3], std: [1.0; 3], ..*rule };
        let out = run(&rule, [32, 32], Body::Simd, &picture, &View::default());
        let row: f32 = out[..32].iter().map(|pixel| pixel[0]).sum();
        assert!(row > 5.0, "{}: {row}", rule.name);
    }
}

#[test]
fn sizes_may_alternate() {
    let pictures = [Picture::noise(40, 60, |_| 255), Picture::noise(200, 30, |_| 90), Picture::noise(32, 32, |_| 255)];
    for rule in &PRESETS {
        let mut preprocessor = Preprocessor::new(rule, 32, 32);
        for turn in [0, 1, 0, 2, 1, 2] {
            for fit in [Fit::Preset, Fit::AsIs] {
                if fit == Fit::AsIs && turn != 2 {
                    continue;
                }
                let view = View { fit, ..View::default() };
                let mut out = vec![[f32::NAN; 4]; 32 * 32];
                preprocessor.run(Body::Simd, &pictures[turn].frame(), &view, &mut out).expect("test data");
                assert_eq!(out, run(rule, [32, 32], Body::Simd, &pictures[turn], &view), "{} {turn}", rule.name);
            }
        }
    }
}

#[test]
fn bad_frames_are_refused() {
    let half = usize::MAX / 2 + 1;
    let cases = [
        ("no_width", 0, 5, 0, Fit::Preset, Kind::SourceEmpty, "0 × 5 px"),
        ("no_height", 5, 0, 0, Fit::AsIs, Kind::SourceEmpty, "5 × 0 px"),
        ("empty_with_bytes", 0, 0, 4, Fit::Preset, Kind::SourceEmpty, "0 × 0 px"),
        ("too_short", 2, 2, 15, Fit::Preset, Kind::SourceWrongLength, "expected 16 bytes of RGBA, found 15 bytes"),
        ("too_long", 2, 2, 17, Fit::Preset, Kind::SourceWrongLength, "expected 16 bytes of RGBA, found 17 bytes"),
        ("rgb", 2, 2, 12, Fit::Preset, Kind::SourceWrongLength, "expected 16 bytes of RGBA, found 12 bytes"),
        ("area_overflows", half, 2, 0, Fit::Preset, Kind::SourceWrongLength, "address space"),
        ("bytes_overflow", half / 2, 1, 0, Fit::Preset, Kind::SourceWrongLength, "address space"),
        ("as_is_small", 2, 2, 16, Fit::AsIs, Kind::SourceWrongSize, "expected 8 × 6 px, found 2 × 2 px"),
        ("as_is_turned", 6, 8, 192, Fit::AsIs, Kind::SourceWrongSize, "expected 8 × 6 px, found 6 × 8 px"),
    ];
    let rgba = [0; 256];
    for (name, width_px, height_px, bytes, fit, kind, words) in cases {
        for body in [Body::Reference, Body::Simd] {
            let frame = Frame { rgba: &rgba[..bytes], width_px, height_px };
            let mut out = [[0.0; 4]; 48];
            let view = View { fit, ..View::default() };
            let error = Preprocessor::new(&PRESETS[0], 6, 8).run(body, &frame, &view, &mut out).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}");
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
    }
}

#[test]
fn a_tensor_of_another_size_is_refused() {
    let picture = Picture::noise(4, 4, |_| 255);
    let mut out = [[0.0; 4]; 15];
    let mut preprocessor = Preprocessor::new(&PRESETS[0], 4, 4);
    let error = preprocessor.run(Body::Simd, &picture.frame(), &View::default(), &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::WrongShape);
}
