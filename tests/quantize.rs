//! Networks of floats quantised by pictures: what they lose on others.

mod fixtures;
mod graphs;

use fixtures::Fixtures;
use graphs::{difference, top};
use mobilenet_web::quantize::{Calibration, Quantized};
use mobilenet_web::weights::{self, Overrides};
use mobilenet_web::{Fit, Frame, Net, Options, View};

const AS_IS: View = View { fit: Fit::AsIs, background: [255; 3] };

fn quantised(fixtures: &Fixtures, file: &[u8], names: &[&String]) -> Quantized {
    let checkpoint = weights::checkpoint(weights::read(file).expect("reads"), &Overrides::default()).expect("a network");
    let side = checkpoint.spec.height_px;
    let mut calibration = Calibration::new(&checkpoint).expect("floats");
    for name in names {
        let picture = fixtures.picture(&format!("images/in{side}/{name}.png"));
        calibration.add(&Frame { rgba: picture.as_raw(), width_px: side, height_px: side }, &AS_IS).expect("a picture");
    }
    calibration.finish().unwrap_or_else(|error| panic!("{error}"))
}

/// Logits and predictions of a picture.
fn outputs(fixtures: &Fixtures, net: &mut Net, name: &str) -> [Vec<f32>; 2] {
    let side = net.spec().height_px;
    let picture = fixtures.picture(&format!("images/in{side}/{name}.png"));
    let frame = Frame { rgba: picture.as_raw(), width_px: side, height_px: side };
    let tensors = net.infer(&frame, &AS_IS, &["logits", "predictions"]).expect("infers");
    let mut data = tensors.into_iter().map(|tensor| tensor.data);
    [data.next().expect("logits"), data.next().expect("predictions")]
}

/// Each half of the photographs is shown to the network that the other half calibrated.
fn check(file: &str, golden: &str, agreeing: usize) {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(&format!("weights/{file}"));
    let names = fixtures.golden_names(&format!("golden/{golden}"));
    let mut floats = Net::open(&file, &Options::default()).expect("opens");
    let (mut same, mut worst, mut noise, mut signal, mut logit) = (0, 0.0_f32, 0.0_f64, 0.0_f64, 0.0_f32);
    for fold in 0..2 {
        let half = |odd: usize| names.iter().enumerate().filter(move |row| row.0 % 2 == odd).map(|row| row.1);
        let start = std::time::Instant::now();
        let Quantized { file, cost } = quantised(&fixtures, &file, &half(fold).collect::<Vec<_>>());
        println!("{:.1} s, {} bytes, on its own: {} of {}, logits {:.3}, probabilities {:.3}", start.elapsed().as_secs_f64(), file.len(), cost.agreeing, cost.pictures, cost.logits, cost.probabilities);
        let list: Vec<String> = cost.endpoints.iter().map(|noise| format!("{} {:.1}", noise.endpoint, noise.decibels())).collect();
        if fold == 0 { println!("{}", list.join(", ")); }
        let mut net = Net::open(&file, &Options::default()).expect("opens");
        assert!(net.is_integer());
        for name in half(1 - fold) {
            let [expected, found] = [&mut floats, &mut net].map(|net| outputs(&fixtures, net, name));
            let is_same = top(&expected[1]) == top(&found[1]);
            if !is_same {
                let best = |v: &[f32], i| v[i];
                println!("  {name}: {} {:.3}, {} {:.3} for {:.3}, {:.3}", top(&found[1]), found[1][top(&found[1])], top(&expected[1]), found[1][top(&expected[1])], best(&expected[1], top(&found[1])), best(&expected[1], top(&expected[1])));
            }
            same += usize::from(is_same);
            worst = worst.max(difference(&expected[1], &found[1]));
            logit = logit.max(difference(&expected[0], &found[0]));
            for (a, b) in expected[0].iter().zip(&found[0]) {
                signal += f64::from(a * a);
                noise += f64::from((a - b) * (a - b));
            }
        }
    }
    println!("{golden}: {same} of {}, |Δprobability| at most {worst:.3}, |Δlogit| {logit:.3}, logits {:.2} dB", names.len(), 10.0 * (signal / noise).log10());
    assert!(same >= agreeing);
}

#[test]
fn v2() {
    check("v2_1.0_224_torchvision/mobilenet_v2.safetensors", "v2_1.0_224_torchvision", 23);
}

#[test]
fn v1() {
    check("v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors", "v1_1.0_224_slim", 23);
}

#[test]
fn v3() {
    check("v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors", "v3_small_1.0_224_dequant", 23);
}
