//! Which network a file holds, as text beside its tensors: [`Spec`] ↔ the keys `mobilenet.*`.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::json::{Json, push_string};
use super::{DAMAGED, File};
use crate::error::{Error, Kind, Result};
use crate::model::{PRESETS, Padding, Spec, Version, preset};
use crate::small::{crc32, parse_decimal, print_decimal};

const VERSION: &str = "mobilenet.version";
const MULTIPLIER: &str = "mobilenet.multiplier";
const RESOLUTION: &str = "mobilenet.resolution";
const CLASSES: &str = "mobilenet.classes";
const LABEL_SET: &str = "mobilenet.label_set";
/// One class name a line, by index.
const LABELS: &str = "mobilenet.labels";
const PREPROCESSING: &str = "mobilenet.preprocessing";
const EPSILON: &str = "mobilenet.batch_norm_epsilon";
const PADDING: &str = "mobilenet.padding";
/// A JSON object: tensor → CRC-32 of its bytes as eight hexadecimal digits.
const CRC32: &str = "mobilenet.crc32";

fn bad_metadata(key: &str, expected: impl Into<String>, found: &str) -> Error {
    Error::new(Kind::BadMetadata, format!("metadata `{key}`"))
        .expected(expected)
        .found(format!("`{found}`"))
        .remedy("Correct the metadata, or write the file again with `cargo xtask weights`.")
}

/// The version that the file states.
pub(super) fn version(file: &File<'_>) -> Result<Option<Version>> {
    let parse = |name: &String| {
        Version::from_name(name).ok_or_else(|| bad_metadata(VERSION, format!("`{}`", Version::V2.name()), name))
    };
    file.metadata.get(VERSION).map(parse).transpose()
}

fn number(file: &File<'_>, key: &str, what: &str) -> Result<Option<f64>> {
    let parse = |text: &String| parse_decimal(text.trim()).ok_or_else(|| bad_metadata(key, what, text));
    file.metadata.get(key).map(parse).transpose()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small count")]
fn count(file: &File<'_>, key: &str, what: &str) -> Result<Option<usize>> {
    match number(file, key, what)? {
        None => Ok(None),
        Some(value) if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) => Ok(Some(value as usize)),
        Some(value) => Err(bad_metadata(key, what, &print_decimal(value))),
    }
}

/// The multiplier that the file states.
#[expect(clippy::cast_possible_truncation, reason = "multipliers have a few digits")]
pub(super) fn multiplier(file: &File<'_>) -> Result<Option<f32>> {
    Ok(number(file, MULTIPLIER, "a number such as 1.0")?.map(|value| value as f32))
}

/// `inferred`, with what the file states in place of what its tensors could not tell.
#[expect(clippy::cast_possible_truncation, reason = "an epsilon is kept in f32")]
pub(super) fn apply(file: &File<'_>, inferred: Spec) -> Result<Spec> {
    let mut spec = inferred;
    if let Some(resolution_px) = count(file, RESOLUTION, "a whole number of pixels such as 224")? {
        spec.resolution_px = resolution_px;
    }
    if let Some(classes) = count(file, CLASSES, "a whole number such as 1000")? {
        spec.classes = classes;
    }
    if let Some(epsilon) = number(file, EPSILON, "a number such as 1e-5")? {
        spec.batch_norm_epsilon = epsilon as f32;
    }
    if let Some(name) = file.metadata.get(PREPROCESSING) {
        let known = || format!("one of {}", PRESETS.map(|preset| preset.name).join(", "));
        spec.preprocessing = preset(name).ok_or_else(|| bad_metadata(PREPROCESSING, known(), name))?;
    }
    if let Some(name) = file.metadata.get(PADDING) {
        spec.padding = Padding::from_name(name).ok_or_else(|| bad_metadata(PADDING, "`same` or `symmetric`", name))?;
    }
    if let Some(name) = file.metadata.get(LABEL_SET) {
        spec.label_set.clone_from(name);
    }
    if let Some(names) = file.metadata.get(LABELS).filter(|names| !names.is_empty()) {
        spec.labels = names.lines().map(str::to_owned).collect();
    }
    spec.check()?;
    Ok(spec)
}

/// Compares every tensor with its checksum, where the file states one.
pub(super) fn check_crc32(file: &File<'_>) -> Result<()> {
    let Some(text) = file.metadata.get(CRC32) else {
        return Ok(());
    };
    let mut json = Json::new(text, "metadata `mobilenet.crc32`", 0);
    json.object(|json, name| {
        let stated = json.string()?;
        let stated = u32::from_str_radix(&stated, 16)
            .map_err(|_| bad_metadata(CRC32, format!("eight hexadecimal digits for `{name}`"), &stated))?;
        let tensor = file.get(&name).ok_or_else(|| bad_metadata(CRC32, "names of the file's tensors", &name))?;
        let computed = crc32(tensor.bytes);
        if computed == stated {
            return Ok(());
        }
        Err(Error::new(Kind::Corrupt, tensor.place())
            .expected(format!("{} bytes of CRC-32 {stated:08x}", tensor.bytes.len()))
            .found(format!("{computed:08x}"))
            .remedy(DAMAGED))
    })?;
    json.end()
}

/// Every key of `spec`, and the checksums.
pub(super) fn write<'n>(spec: &Spec, crcs: impl Iterator<Item = (&'n str, u32)>) -> BTreeMap<&'static str, String> {
    let mut checksums = String::new();
    for (name, crc) in crcs {
        checksums.push(if checksums.is_empty() { '{' } else { ',' });
        push_string(&mut checksums, name);
        checksums.push_str(&format!(":\"{crc:08x}\""));
    }
    checksums.push_str(if checksums.is_empty() { "{}" } else { "}" });

    let text = |value: &dyn Display| value.to_string();
    let mut keys = BTreeMap::from([
        (VERSION, text(&spec.version.name())),
        // Debug keeps the fraction of whole numbers and the exponent of small ones.
        (MULTIPLIER, format!("{:?}", spec.multiplier)),
        (EPSILON, format!("{:?}", spec.batch_norm_epsilon)),
        (RESOLUTION, text(&spec.resolution_px)),
        (CLASSES, text(&spec.classes)),
        (LABEL_SET, spec.label_set.clone()),
        (PREPROCESSING, text(&spec.preprocessing.name)),
        (PADDING, text(&spec.padding.name())),
        (CRC32, checksums),
    ]);
    if !spec.labels.is_empty() {
        let lines: Vec<_> = spec.labels.iter().map(|label| label.replace(['\n', '\r'], " ")).collect();
        keys.insert(LABELS, lines.join("\n"));
    }
    keys
}
