//! Files as Keras 3 and Keras 2 write them, where `tools/golden/keras_files.py` has left some.

use std::path::PathBuf;

use mobilenet_web::model::Padding;
use mobilenet_web::weights::{self, Overrides};
use mobilenet_web::{Choice, Fit, Frame, Net, Options, View};
use serde_json::Value;

/// What a probability may differ by from Keras' own.
const PROBABILITY_TOLERANCE: f32 = 1e-4;

#[test]
fn every_spelling_answers_what_keras_answers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/keras");
    let Ok(manifest) = std::fs::read(folder.join("expected.json")) else {
        println!(
            "skipped: {} is empty; fill it by `python3 tools/golden/keras_files.py target/keras`",
            folder.display()
        );
        return;
    };
    let picture = image::open(folder.join("frame.png")).unwrap().into_rgba8();
    let frame = Frame { rgba: picture.as_raw(), width_px: 64, height_px: 64 };
    let (mut worst, mut failures) = (0f32, Vec::new());
    let rows: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
    for row in &rows {
        let name = row["file"].as_str().unwrap();
        match difference(&folder.join(name), row, &frame) {
            Ok(difference) => {
                println!("{name}: max |Δprobability| {difference:.2e}");
                worst = worst.max(difference);
                if difference.is_nan() || difference > PROBABILITY_TOLERANCE {
                    failures.push(format!("{name}: differs by {difference}"));
                }
            }
            Err(why) => failures.push(format!("{name}: {why}")),
        }
    }
    println!("{} files: max |Δprobability| {worst:.2e}", rows.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn difference(path: &std::path::Path, row: &Value, frame: &Frame<'_>) -> Result<f32, String> {
    let bytes = std::fs::read(path).expect("as the tool writes it");
    let mut overrides = Overrides::default();
    if row["bare"] == true {
        // Weights alone say nothing about the input or the last activation.
        overrides.height_px = Some(64);
        let sigmoid = row["net"] == "v2_functional";
        overrides.classifier = sigmoid.then_some(mobilenet_web::model::Classifier::Sigmoid);
        overrides.preprocessing = mobilenet_web::model::preset(row["preset"].as_str().expect("as the tool writes it"));
    }
    let checkpoint = weights::checkpoint(weights::read(&bytes).map_err(|why| why.to_string())?, &overrides)
        .map_err(|why| why.to_string())?;
    let spec = &checkpoint.spec;
    let expected: Vec<f32> = serde_json::from_value(row["answer"].clone()).expect("as the tool writes it");
    let preset = &row["preset"];
    if (spec.classes, spec.height_px, spec.preprocessing.name)
        != (expected.len(), 64, preset.as_str().expect("as the tool writes it"))
    {
        return Err(format!("{} classes, {} px, {}", spec.classes, spec.height_px, spec.preprocessing.name));
    }
    // Seeded variances are what that warning is about.
    let odd = checkpoint.warnings.iter().any(|warning| warning.code != "batch_norm_decayed");
    if odd || (spec.padding == Padding::After) != (row["net"] == "v1") {
        return Err(format!("{:?}, {:?}", spec.padding, checkpoint.warnings));
    }
    let options = Options { backend: Choice::Simd, overrides, ..Options::default() };
    let mut net = Net::open(&bytes, &options).map_err(|why| why.to_string())?;
    let view = View { fit: Fit::AsIs, ..View::default() };
    let found = net.infer(frame, &view, &["predictions"]).map_err(|why| why.to_string())?;
    Ok(found[0].data.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
}
