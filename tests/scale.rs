//! The same photograph at 4000 px and at 400 px: the network must see the same thing in both.

mod fixtures;

use fixtures::Fixtures;
use image::DynamicImage;
use image::imageops::FilterType;
use mobilenet_web::{Choice, Frame, Net, Options, View};

/// Longer sides of the two copies: a phone's photograph and a thumbnail.
const LARGE_PX: u32 = 4000;
const SMALL_PX: u32 = 400;

/// How far the probability may move between them. The bound.
const TOLERANCE: f32 = 0.03;

/// The bound holds for photographs of which torchvision itself is at least this sure. The copies are not the same
/// picture to the last pixel: most of 400 px have about 267 rows, hardly more than the preset's 256, and lose detail
/// that the large ones keep. Softmax turns a small change of logits into p · (1 − p) times as much probability: a
/// quarter at p = 0.5, at most 0.16 from 0.8 on.
const SURE: f32 = 0.8;

/// How far the others may move. Where Pillow makes the copies and resizes and crops them too, nine of the 24 move by
/// more than 0.03, eight of them the same as here, and the worst by 0.093.
const UNSURE_TOLERANCE: f32 = 0.1;

const OUTPUTS: &str = "golden/v2_1.0_224_torchvision";

#[test]
fn the_size_of_a_photograph_does_not_change_what_is_seen() {
    let Some(fixtures) = Fixtures::find() else { return };
    let weights = fixtures.read("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors");
    let mut net = Net::open(&weights, &Options { backend: Choice::Simd, ..Options::default() }).expect("opens");
    let names = fixtures.golden_names(OUTPUTS);
    let golden = fixtures.npy(&format!("{OUTPUTS}/probs.npy"));
    let table = String::from_utf8(fixtures.read("images/images.csv")).expect("text");
    let (mut sure, mut faults) = (0, Vec::new());
    println!("photograph                torchvision  {LARGE_PX} px      {SMALL_PX} px       moved");
    for (name, golden) in names.iter().zip(golden.chunks_exact(golden.len() / names.len())) {
        let file = table.lines().filter_map(|line| line.split_once(',')).find(|(first, _)| first == name);
        let file = file.and_then(|(_, rest)| rest.split(',').next()).expect("a row for each picture");
        let photograph = DynamicImage::from(fixtures.picture(&format!("images/orig/{file}")));
        let large = predict(&mut net, &copy(&photograph, LARGE_PX));
        let small = predict(&mut net, &copy(&photograph, SMALL_PX));
        let (class, confidence) = (top(&large), golden[top(golden)]);
        let moved = (large[class] - small[class]).abs();
        println!(
            "{name:24} {confidence:10.4} {:6} {:.4} {:6} {:.4} {moved:8.4}",
            class,
            large[class],
            top(&small),
            small[class]
        );
        if top(&small) != class {
            faults.push(format!("{name}: class {class} at {LARGE_PX} px, class {} at {SMALL_PX} px", top(&small)));
        }
        let is_sure = confidence >= SURE;
        sure += usize::from(is_sure);
        if is_sure && class != top(golden) {
            faults.push(format!("{name}: class {class}, torchvision {}", top(golden)));
        }
        let near = moved < if is_sure { TOLERANCE } else { UNSURE_TOLERANCE };
        // NaN must not pass.
        if !near {
            faults.push(format!("{name}: moved by {moved}, torchvision is {confidence} sure"));
        }
    }
    assert!(sure >= 6, "only {sure} photographs test the bound");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A copy whose longer side is `side_px`, by the cubic filter that most programs resize with.
fn copy(photograph: &DynamicImage, side_px: u32) -> DynamicImage {
    photograph.resize(side_px, side_px, FilterType::CatmullRom)
}

fn predict(net: &mut Net, picture: &DynamicImage) -> Vec<f32> {
    let (width_px, height_px) = (picture.width() as usize, picture.height() as usize);
    let rgba = picture.as_rgba8().expect("RGBA").as_raw();
    let frame = Frame { rgba, width_px, height_px };
    net.infer(&frame, &View::default(), &["predictions"]).expect("infers").remove(0).data
}

fn top(values: &[f32]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("not empty")
}
