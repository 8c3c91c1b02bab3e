//! Which network a file holds, as text beside its tensors: the keys `mobilenet.*`.

use std::collections::BTreeMap;

use super::json::{Json, push_string};
use super::{DAMAGED, File, Overrides, parse_table, print_table};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Activation, Classifier, Dilating, PRESETS, Padding, Pooling, Preprocessing, Spec, Version, Widths, preset, table,
};
use crate::small::{crc32, parse_decimal, print_decimal};

pub(super) const PREFIX: &str = "mobilenet.";
/// A JSON object: tensor → CRC-32 of its bytes as eight hexadecimal digits.
pub(super) const CRC32: &str = "crc32";

/// Above ImageNet's 21,843 classes; lines cost memory before their number is known to be right.
const MAX_LINES: usize = 1 << 15;

const POOLINGS: [(Pooling, &str); 4] =
    [(Pooling::Average, "avg"), (Pooling::Max, "max"), (Pooling::None, "none"), (Pooling::Slim7, "slim7")];

const DILATINGS: [(Dilating, &str); 2] = [(Dilating::Next, "next"), (Dilating::Same, "same")];

const GATES: [(Activation, &str); 2] =
    [(Activation::HardSigmoid, "hard-sigmoid"), (Activation::SlimSigmoid, "slim-sigmoid")];

const CLASSIFIERS: [(Classifier, &str); 3] =
    [(Classifier::Softmax, "softmax"), (Classifier::Sigmoid, "sigmoid"), (Classifier::Linear, "linear")];

/// Some are equal; the first is written.
const WIDTHS: [(Widths, &str); 8] = [
    (Widths::V1_SLIM, "v1-slim"),
    (Widths::V1_KERAS, "v1-keras"),
    (Widths::V2, "v2"),
    (Widths::V3_SLIM, "v3-slim"),
    (Widths::V3_KERAS, "v3-keras"),
    (Widths::V3_TIMM, "v3-timm"),
    (Widths::V3_TORCHVISION, "v3-torchvision"),
    (Widths::V2_SLIM_COARSE, "v2-slim-coarse"),
];

#[cold]
#[inline(never)]
fn bad_metadata(key: &str, expected: String, found: &str) -> Error {
    Error::new(Kind::BadMetadata, format!("metadata `{PREFIX}{key}`"))
        .expected(expected)
        .found(format!("`{found}`"))
        .remedy("Correct the metadata, or write the file again with `cargo xtask weights`.")
}

/// The values of one file's keys, or of a caller's options by the same names.
struct Keys<'f> {
    values: &'f BTreeMap<String, String>,
    asked: bool,
}

impl<'f> Keys<'f> {
    const fn of(file: &'f File<'_>) -> Self {
        Self { values: &file.metadata, asked: false }
    }

    #[inline(never)]
    fn text(&self, key: &str) -> Option<&'f str> {
        let value = if self.asked { self.values.get(key) } else { self.values.get(&format!("{PREFIX}{key}")) };
        value.map(String::as_str)
    }

    #[cold]
    #[inline(never)]
    fn bad(&self, key: &str, expected: String, found: &str) -> Error {
        if !self.asked {
            return bad_metadata(key, expected, found);
        }
        let error = Error::new(Kind::BadOption, format!("option `{key}`")).expected(expected);
        error.found(format!("`{found}`")).remedy("Leave the option out for what the weights say.")
    }

    #[inline(never)]
    fn number(&self, key: &str) -> Result<Option<f64>> {
        let parse = |text: &str| {
            parse_decimal(text.trim()).ok_or_else(|| self.bad(key, "a number such as 1.0 or 1e-3".into(), text))
        };
        self.text(key).map(parse).transpose()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small count")]
    fn count(&self, key: &str) -> Result<Option<usize>> {
        match self.number(key)? {
            None => Ok(None),
            Some(value) if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) => {
                Ok(Some(value as usize))
            }
            Some(value) => Err(self.bad(key, "a whole number such as 224".into(), &print_decimal(value))),
        }
    }

    /// Three numbers, in the place of a preset's.
    #[expect(clippy::cast_possible_truncation, reason = "rounded to singles, as presets are")]
    fn channels(&self, key: &str, numbers: &mut [f32; 3]) -> Result<()> {
        let Some(text) = self.text(key) else { return Ok(()) };
        let mut words = text.split(' ');
        for number in numbers {
            let word = words.next().and_then(parse_decimal).map(|value| value as f32);
            *number = word.ok_or_else(|| self.bad(key, "three numbers".into(), text))?;
        }
        Ok(())
    }

    /// The value that goes by one of these names.
    fn one_of<T: Copy, const N: usize>(&self, key: &str, names: [(T, &'static str); N]) -> Result<Option<T>> {
        Ok(self.position(key, &names.map(|row| row.1))?.map(|index| names[index].0))
    }

    #[inline(never)]
    fn position(&self, key: &str, names: &[&str]) -> Result<Option<usize>> {
        let Some(found) = self.text(key) else { return Ok(None) };
        match names.iter().position(|name| *name == found) {
            Some(index) => Ok(Some(index)),
            None => Err(self.bad(key, format!("one of {}", names.join(", ")), found)),
        }
    }

    #[inline(never)]
    fn lines(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(text) = self.text(key).filter(|text| !text.is_empty()) else { return Ok(None) };
        let count = text.lines().count();
        if count > MAX_LINES {
            return Err(self.bad(key, format!("at most {MAX_LINES} lines"), &count.to_string()));
        }
        let mut lines = Vec::with_capacity(count);
        lines.extend(text.lines().map(str::to_owned));
        Ok(Some(lines))
    }
}

/// What the file states.
pub(super) fn read(file: &File<'_>) -> Result<Overrides> {
    overrides(&Keys::of(file))
}

impl Overrides {
    /// Overrides as text, under the names of the metadata's keys without their prefix: `multiplier`, `output_stride` …
    ///
    /// # Errors
    /// [`Kind::BadOption`] for a value that its option cannot have; what [`parse_table`] says of a bad table.
    pub fn from_text(values: &BTreeMap<String, String>) -> Result<Self> {
        overrides(&Keys { values, asked: true })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "multipliers and epsilons have a few digits")]
fn overrides(keys: &Keys<'_>) -> Result<Overrides> {
    let side = keys.count("resolution")?;
    let mut widths = keys.one_of("widths", WIDTHS)?;
    for (key, place) in [("divisible_by", 0), ("min_depth", 1)] {
        let Some(value) = keys.count(key)? else { continue };
        let Some(widths) = &mut widths else {
            return Err(keys.bad("widths", format!("a rule that `{key}` changes"), "none"));
        };
        *(if place == 0 { &mut widths.divisible_by } else { &mut widths.min_depth }) = value;
    }
    let mut preprocessing = keys.one_of("preprocessing", PRESETS.map(|preset| (preset, preset.name)))?;
    if let Some(rule) = &mut preprocessing {
        for (key, numbers) in [("mean", &mut rule.mean), ("std", &mut rule.std)] {
            keys.channels(key, numbers)?;
        }
    }
    Ok(Overrides {
        version: keys.one_of("version", Version::ALL)?,
        table: keys.text("table").map(parse_table).transpose()?,
        multiplier: keys.number("multiplier")?.map(|value| value as f32),
        widths,
        height_px: keys.count("height")?.or(side),
        width_px: keys.count("width")?.or(side),
        pad_to_32: keys.one_of("pad_to_32", [(true, "true"), (false, "false")])?,
        output_stride: keys.count("output_stride")?,
        dilating: keys.one_of("dilating", DILATINGS)?,
        gate: keys.one_of("gate", GATES)?,
        classes: keys.count("classes")?,
        pooling: keys.one_of("pooling", POOLINGS)?,
        classifier: keys.one_of("classifier", CLASSIFIERS)?,
        padding: keys.one_of("padding", PADDINGS)?,
        batch_norm_epsilon: keys.number("batch_norm_epsilon")?.map(|value| value as f32),
        preprocessing,
        label_set: keys.text("label_set").map(str::to_owned),
        labels: keys.lines("labels")?,
        wnids: keys.lines("wnids")?,
    })
}

const PADDINGS: [(Padding, &str); 3] = [
    (Padding::Same, Padding::Same.name()),
    (Padding::Symmetric, Padding::Symmetric.name()),
    (Padding::After, Padding::After.name()),
];

/// Compares every tensor with its checksum, where the file states one.
pub(super) fn check_crc32(file: &File<'_>) -> Result<()> {
    let Some(text) = Keys::of(file).text(CRC32) else {
        return Ok(());
    };
    let mut json = Json::new(text, "metadata `mobilenet.crc32`", 0);
    json.object(&mut |json, name| {
        let stated = json.string()?;
        let stated = u32::from_str_radix(&stated, 16)
            .map_err(|_| bad_metadata(CRC32, format!("eight hexadecimal digits for `{name}`"), &stated))?;
        let tensor = file.get(&name).ok_or_else(|| bad_metadata(CRC32, "names of the file's tensors".into(), &name))?;
        let place = tensor.offset_bytes..tensor.offset_bytes + tensor.bytes.len();
        let taken = file.sums.iter().find(|sum| sum.0 == place);
        let computed = taken.map_or_else(|| crc32(&tensor.bytes), |sum| sum.1);
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

/// Checksums by tensor, as text.
pub(super) fn checksums<'n>(crcs: impl Iterator<Item = (&'n str, u32)>) -> String {
    let mut checksums = String::new();
    for (name, crc) in crcs {
        checksums.push(if checksums.is_empty() { '{' } else { ',' });
        push_string(&mut checksums, name);
        checksums.push_str(&format!(":\"{crc:08x}\""));
    }
    checksums.push_str(if checksums.is_empty() { "{}" } else { "}" });
    checksums
}

/// In the module that trains without what the standard library prints numbers with, a tenth of it.
fn single(value: f32) -> String {
    #[cfg(feature = "trainer")]
    return crate::small::print_single(value);
    #[cfg(not(feature = "trainer"))]
    format!("{value:?}")
}

/// Every key of `spec`, WordNet ids if any, and the checksums.
pub(super) fn write(spec: &Spec, wnids: &[String], checksums: String) -> BTreeMap<String, String> {
    fn name<T: PartialEq>(names: &[(T, &str)], value: &T) -> String {
        names.iter().find(|row| row.0 == *value).map_or("", |row| row.1).into()
    }
    let mut keys = BTreeMap::new();
    let mut put = |key: &str, value: String| keys.insert(format!("{PREFIX}{key}"), value);
    put("version", spec.version.name().into());
    // Debug keeps the fraction of whole numbers and the exponent of small ones.
    put("multiplier", single(spec.multiplier));
    put("batch_norm_epsilon", single(spec.batch_norm_epsilon));
    if spec.height_px == spec.width_px {
        put("resolution", spec.height_px.to_string());
    } else {
        put("height", spec.height_px.to_string());
        put("width", spec.width_px.to_string());
    }
    put("pad_to_32", spec.pad_to_32.to_string());
    put("output_stride", spec.output_stride.to_string());
    put("dilating", name(&DILATINGS, &spec.dilating));
    if spec.gate != Activation::HardSigmoid {
        put("gate", name(&GATES, &spec.gate));
    }
    put("classes", spec.classes.to_string());
    put("pooling", name(&POOLINGS, &spec.pooling));
    put("classifier", name(&CLASSIFIERS, &spec.classifier));
    put("label_set", spec.label_set.clone());
    put("preprocessing", spec.preprocessing.name.into());
    let preset = preset(spec.preprocessing.name);
    for (key, of) in [("mean", (|rule| rule.mean) as fn(&Preprocessing) -> [f32; 3]), ("std", |rule| rule.std)] {
        let numbers = of(&spec.preprocessing);
        if preset.as_ref().map(of) != Some(numbers) {
            put(key, numbers.map(single).join(" "));
        }
    }
    put("padding", spec.padding.name().into());
    put(CRC32, checksums);
    let base = |widths: &Widths| Widths { divisible_by: 1, min_depth: 1, ..*widths };
    if let Some(row) = WIDTHS.iter().find(|row| row.0 == spec.widths) {
        put("widths", row.1.into());
    } else if let Some(row) = WIDTHS.iter().find(|row| base(&row.0) == base(&spec.widths)) {
        put("widths", row.1.into());
        put("divisible_by", spec.widths.divisible_by.to_string());
        put("min_depth", spec.widths.min_depth.to_string());
    }
    if spec.blocks != table(spec.version) {
        put("table", print_table(&spec.blocks));
    }
    for (key, names) in [("labels", &*spec.labels), ("wnids", wnids)] {
        if !names.is_empty() {
            let lines: Vec<_> = names.iter().map(|name| name.replace(['\n', '\r'], " ")).collect();
            // A last line that is empty counts only where it ends.
            let end = if lines.last().is_some_and(String::is_empty) { "\n" } else { "" };
            put(key, lines.join("\n") + end);
        }
    }
    keys
}
