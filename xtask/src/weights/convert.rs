//! `cargo xtask convert IN… OUT`: a model of any format, of one file or several, as safetensors.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mobilenet_web::quantize::{Calibration, Cost, Quantized};
use mobilenet_web::weights::{Checkpoint, Overrides, Part, Precision, checkpoint, main_part, read_parts, wanted};
use mobilenet_web::{Frame, View};

use crate::picture::{self, Picture};
use crate::{paths, stamp};

/// What `convert` was asked to do.
#[derive(Default)]
pub struct Convert {
    /// How weights are written.
    pub precision: Precision,
    /// A folder of pictures that say how large maps become, so that they are of integers as well.
    pub calibrate: Option<PathBuf>,
}

impl Convert {
    /// Writes `to` from a file, the main one of several that lie beside each other, a folder, or a list of files.
    pub fn run(&self, from: &[PathBuf], to: &Path) -> Result<()> {
        let files = gather(from)?;
        let parts: Vec<Part<'_>> = files.iter().map(|(name, bytes)| Part { name, bytes }).collect();
        let place = || format!("converting {}", files[0].0);
        let read = read_parts(&parts).with_context(place)?;
        let checkpoint = checkpoint(read, &Overrides::default()).with_context(place)?;
        let (written, cost) = match &self.calibrate {
            None => (checkpoint.to_safetensors(self.precision).with_context(place)?, None),
            Some(folder) => {
                let Quantized { file, cost } = calibrated(&checkpoint, folder).with_context(place)?;
                (file, Some(cost))
            }
        };
        stamp::write(to, &written)?;
        let before: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        println!(
            "{}\n{}: {} bytes of {before}, {}",
            describe(&checkpoint),
            to.display(),
            written.len(),
            stamp::integrity(&written)
        );
        if let Some(cost) = cost {
            print(&cost);
        }
        for warning in &checkpoint.warnings {
            eprintln!("{}: {}", warning.code, warning.message);
        }
        Ok(())
    }
}

/// The network in integers, by the pictures of a folder.
fn calibrated(checkpoint: &Checkpoint<'_>, folder: &Path) -> Result<Quantized> {
    let mut calibration = Calibration::new(checkpoint)?;
    let files = paths::files_below(folder).with_context(|| format!("reading the folder {}", folder.display()))?;
    for file in &files {
        let Picture { rgba, width_px, height_px } = picture::read(file)?;
        let frame = Frame { rgba: &rgba, width_px, height_px };
        calibration.add(&frame, &View::default()).with_context(|| file.display().to_string())?;
    }
    calibration.finish().with_context(|| folder.display().to_string())
}

fn print(cost: &Cost) {
    println!("what integers lose of the floats, by the pictures that they were calibrated by:");
    for noise in &cost.endpoints {
        println!("  {:<32} {:6.1} dB", noise.endpoint, noise.decibels());
    }
    println!("  first label of {} of {} pictures", cost.agreeing, cost.pictures);
    println!("  a logit is off by at most {:.3}, a probability by {:.4}", cost.logits, cost.probabilities);
}

fn describe(checkpoint: &Checkpoint<'_>) -> String {
    let (spec, format) = (&checkpoint.spec, checkpoint.file().format.name());
    format!(
        "{format}, named as by {}: MobileNet {} {:?}, {} × {} px, {} classes, preprocessing {}",
        checkpoint.naming,
        spec.version.name(),
        spec.multiplier,
        spec.height_px,
        spec.width_px,
        spec.classes,
        spec.preprocessing.name
    )
}

/// All files of a model by the names that its main file, the first, has for them.
fn gather(from: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for path in from {
        if path.is_dir() {
            files.extend(paths::files_below(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
    let main = &files[main_part(&names.iter().map(|name| &**name).collect::<Vec<_>>())?];
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let mut found = vec![(name(main), read(main)?)];
    let asked = wanted(&Part { name: &found[0].0, bytes: &found[0].1 }).with_context(|| main.display().to_string())?;
    for path in asked.needed.into_iter().chain(asked.optional) {
        let beside = main.with_file_name(&path);
        // Files that were listed may have lost their folders.
        let mut listed = files.iter().filter(|file| Path::new(&path).file_name() == file.file_name());
        let only = listed.next().filter(|_| listed.next().is_none());
        // What is not there is named by who reads the model, all of it at once.
        if let Some(file) = beside.is_file().then_some(&beside).or(only) {
            found.push((path, read(file)?));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, read, remove_dir_all, write};

    use mobilenet_web::{Net, Options};
    use serde_json::json;

    use super::*;

    /// A V2 0.35 of 5 classes in two shards, as TensorFlow.js saves it.
    fn model(folder: &Path) -> Result<()> {
        let listed = std::fs::read_to_string(paths::at("tests/data/names/keras_v2_0.35.txt"))?;
        let (mut weights, mut data) = (Vec::new(), Vec::<u8>::new());
        for line in listed.lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            for pair in words[1..].chunks_exact(2) {
                let shape: Vec<usize> = pair[1].split(',').map(str::parse).collect::<Result<_, _>>()?;
                let count: usize = shape.iter().product();
                weights
                    .push(json!({ "name": format!("{}/{}", words[0], pair[0]), "shape": shape, "dtype": "float32" }));
                data.extend((0..count).flat_map(|index| (0.01 + index as f32 % 7.0 / 8.0).to_le_bytes()));
            }
        }
        let (first, second) = data.split_at(1_000_001);
        create_dir_all(folder.join("shards"))?;
        write(folder.join("shards/1.bin"), first)?;
        write(folder.join("shards/2.bin"), second)?;
        let manifest = json!([{ "paths": ["shards/1.bin", "shards/2.bin"], "weights": weights }]);
        Ok(write(folder.join("model.json"), json!({ "weightsManifest": manifest }).to_string())?)
    }

    fn run(from: &[PathBuf], to: &Path, precision: Precision) -> Result<()> {
        Convert { precision, calibrate: None }.run(from, to)
    }

    #[test]
    fn several_files_are_one_model_however_they_are_named() -> Result<()> {
        let folder = paths::cargo_target().join(format!("convert-{}", std::process::id()));
        model(&folder.join("in"))?;
        let at = |path: &str| folder.join(path);
        let list = ["in/shards/2.bin", "in/model.json", "in/shards/1.bin"].map(at).to_vec();
        let mut written = Vec::new();
        for (index, from) in [vec![at("in")], vec![at("in/model.json")], list].into_iter().enumerate() {
            let out = at(&format!("{index}.safetensors"));
            run(&from, &out, Precision::Int8)?;
            written.push(read(out)?);
        }
        assert!(written.iter().all(|bytes| *bytes == written[0]));
        let net = Net::open(&written[0], &Options::default())?;
        assert_eq!((net.spec().version.name(), net.spec().multiplier, net.spec().classes), ("v2", 0.35, 5));
        // Without its folder a shard is found by its name.
        create_dir_all(at("flat"))?;
        for (from, to) in
            [("in/model.json", "flat/model.json"), ("in/shards/1.bin", "flat/1.bin"), ("in/shards/2.bin", "flat/2.bin")]
        {
            std::fs::copy(at(from), at(to))?;
        }
        run(&[at("flat")], &at("flat.safetensors"), Precision::Int8)?;
        assert!(read(at("flat.safetensors"))? == written[0]);
        std::fs::remove_file(at("flat/2.bin"))?;
        let error = format!("{:#}", run(&[at("flat")], &at("never"), Precision::Kept).expect_err("a shard is missing"));
        assert!(error.contains("`shards/2.bin`") && !error.contains("1.bin") && !at("never").exists(), "{error}");
        Ok(remove_dir_all(folder)?)
    }

    #[test]
    fn pictures_of_a_folder_calibrate() -> Result<()> {
        let folder = paths::cargo_target().join(format!("calibrate-{}", std::process::id()));
        let at = |path: &str| folder.join(path);
        model(&at("in"))?;
        ["none", "text", "pictures"].map(at).iter().try_for_each(create_dir_all)?;
        write(at("text/notes.txt"), "no picture")?;
        for (name, shade) in [("a.png", 60), ("b.bmp", 200)] {
            image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([shade, x as u8 * 6, y as u8 * 8]))
                .save(at("pictures").join(name))?;
        }
        let calibrated = |from: &str, pictures: &str| {
            let calibrate = Some(at(pictures));
            Convert { precision: Precision::Int8, calibrate }.run(&[at(from)], &at("out.safetensors"))
        };
        for (from, pictures, says) in [
            ("in", "none", ["none", "pictures"]),
            ("in", "text", ["notes.txt", "expected a PNG"]),
            ("in", "nowhere", ["nowhere", "reading the folder"]),
        ] {
            let error = format!("{:#}", calibrated(from, pictures).expect_err(pictures));
            assert!(says.iter().all(|part| error.contains(part)) && !at("out.safetensors").exists(), "{error}");
        }
        calibrated("in", "pictures")?;
        let net = Net::open(&read(at("out.safetensors"))?, &Options::default())?;
        assert!(net.is_integer());
        // What is quantised already stays so.
        let error = format!("{:#}", calibrated("out.safetensors", "pictures").expect_err("integers"));
        assert!(error.contains("a network of floats"), "{error}");
        Ok(remove_dir_all(folder)?)
    }
}
