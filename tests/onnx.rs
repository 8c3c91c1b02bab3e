//! ONNX files against what their networks' framework computes.

mod graphs;

use graphs::fixtures::Fixtures;
use graphs::{PROBABILITY_TOLERANCE, bench_file, bench_golden, difference, predict, top};
use mobilenet_web::model::{Padding, Version};
use mobilenet_web::weights::{self, Format, Overrides};

#[test]
fn float_networks_compute_what_keras_does() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, version) in [("v2_1.0_224", Version::V2), ("v3s_1.0_224", Version::V3Small)] {
        let file = bench_file(&fixtures, &format!("{name}.onnx"));
        let read = weights::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.format, Format::Onnx);
        let checkpoint = weights::checkpoint(read, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let spec = &checkpoint.spec;
        assert_eq!((spec.version, spec.multiplier, spec.height_px, spec.classes), (version, 1.0, 224, 1001), "{name}");
        assert_eq!(spec.padding, Padding::Same, "{name}");
        let (input, expected) = bench_golden(&fixtures, name);
        let found = predict(&file, &input);
        let worst = difference(&found, &expected);
        println!("{name}.onnx: max |Δprobability| {worst:.1e}");
        assert!(worst <= PROBABILITY_TOLERANCE, "{name}: {worst}");
        assert_eq!(top(&found), top(&expected), "{name}");
    }
}
