//! Models that consist of several files: which one says what the others are, and what they may be called.

use super::tensorflow::{bundle, js};
use super::{DAMAGED, File, Format, read};
use crate::error::{Error, Kind, Result};

/// One file of a model.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its name, with its folder where that is another than the main file's: `variables/variables.index`.
    pub name: &'a str,
    /// Its contents.
    pub bytes: &'a [u8],
}

/// Which other files a model's main file asks for, by paths relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Without one of these the model cannot be read.
    pub needed: Vec<String>,
    /// Labels and preprocessing, where they are there.
    pub optional: Vec<String>,
}

/// A path in a manifest is no longer than this.
const MAX_PATH_BYTES: usize = 512;

/// Models are cut into shards of 4 MB or more.
pub(super) const MAX_PARTS: usize = 1024;

/// Which of a model's files describes the others: `model.json`, or the index of a checkpoint; of one file alone, that.
///
/// # Errors
/// [`Kind::MissingPart`] where none of the names is that of such a file, or several are.
pub fn main_part(names: &[&str]) -> Result<usize> {
    if names.len() == 1 {
        return Ok(0);
    }
    let base = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    let candidates = |test: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names.iter().enumerate().filter(|(_, name)| test(&base(name))).map(|(index, _)| index).collect()
    };
    let extension = |name: &str, ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let whole = [".safetensors", ".tflite", ".onnx", ".h5", ".hdf5", ".keras", ".pth", ".pt"];
    let found = [
        candidates(&|name| name == "model.json"),
        candidates(&|name| extension(name, &[".json"]) && name != "metadata.json"),
        candidates(&|name| extension(name, &[".index"])),
        candidates(&|name| extension(name, &whole)),
        candidates(&|name| extension(name, &[".pb"]) && name != "saved_model.pb" && name != "keras_metadata.pb"),
    ];
    match found.iter().find(|found| !found.is_empty()).map(Vec::as_slice) {
        Some([index]) => Ok(*index),
        several => {
            let listed: Vec<_> = several.map_or_else(
                || names.iter().take(6).map(|name| format!("`{name}`")).collect(),
                |several| several.iter().take(6).map(|&index| format!("`{}`", names[index])).collect(),
            );
            Err(Error::new(Kind::MissingPart, format!("{} files", names.len()))
                .expected("one model: a model.json with its shards, or an .index with its .data files")
                .found(listed.join(", "))
                .remedy("Choose the files of one model."))
        }
    }
}

/// Which other files the model needs whose main file this is; none where it is a model by itself.
///
/// # Errors
/// What [`read`] says of the main file's own contents; [`Kind::BadHeader`] for a path that leads out of its folder.
pub fn wanted(main: &Part<'_>) -> Result<Wanted> {
    match format(main) {
        Ok(Format::TensorFlowJs) => js::wanted(main),
        Ok(Format::TensorFlowCheckpoint) => bundle::wanted(main),
        _ => Ok(Wanted::default()),
    }
}

/// That of the main file. An index is recognised by its end, which may be what is missing.
fn format(main: &Part<'_>) -> Result<Format> {
    Format::sniff(main.bytes)
        .or_else(|error| if main.name.ends_with(".index") { Ok(Format::TensorFlowCheckpoint) } else { Err(error) })
}

/// Lists the tensors of a model of several files, of which the first is the main one and the others go by the paths
/// that [`wanted`] gives. Files that the main one does not ask for are left out.
///
/// # Errors
/// As [`read`]; [`Kind::MissingPart`] with the names of all files that are needed and not there.
pub fn read_parts<'a>(parts: &[Part<'a>]) -> Result<File<'a>> {
    let Some((main, others)) = parts.split_first() else {
        return Err(Error::new(Kind::MissingPart, "weights").expected("a file").found("none"));
    };
    let format = format(main)?;
    let (metadata, tensors) = match format {
        Format::TensorFlowJs => js::read(main, others)?,
        Format::TensorFlowCheckpoint => bundle::read(main, others)?,
        _ => return read(main.bytes),
    };
    File::new(format, metadata, tensors)
}

/// The parts of these paths, in their order.
pub(super) fn all<'a>(main: &Part<'_>, others: &[Part<'a>], paths: &[&str]) -> Result<Vec<Part<'a>>> {
    let find = |path: &&str| others.iter().find(|part| part.name == *path).copied();
    let mut missing = paths.iter().filter(|path| find(path).is_none()).map(|path| format!("`{path}`"));
    let Some(first) = missing.next() else { return Ok(paths.iter().filter_map(find).collect()) };
    let listed: Vec<_> = std::iter::once(first).chain(missing).collect();
    let name = if main.name.is_empty() { "the model's main file" } else { main.name };
    Err(Error::new(Kind::MissingPart, name)
        .expected(format!("beside it {}", listed.join(", ")))
        .found(if others.is_empty() { "no other file".into() } else { format!("{} other files", others.len()) })
        .remedy("Choose all files of the model together, or its folder, or serve them at one address."))
}

/// Refuses a path that could lead anywhere but below the main file's folder, as it stands or as an address.
pub(super) fn check_path(path: &str, place: &dyn Fn() -> String) -> Result<()> {
    let refuse = |expected: &str| {
        let shown: String = path.chars().take(80).collect();
        Err(Error::new(Kind::BadHeader, place()).expected(expected).found(format!("`{}`", shown.escape_debug())))
            .map_err(|error| error.remedy(DAMAGED))
    };
    if path.len() > MAX_PATH_BYTES || path.is_empty() {
        return refuse(&format!("a path of 1 to {MAX_PATH_BYTES} bytes"));
    }
    // Addresses take an escaped dot for a dot, a backslash for a slash and a colon for the end of a scheme.
    if path.contains(|c: char| c.is_control() || matches!(c, '\\' | '%' | '?' | '#' | ':')) {
        return refuse("a path without control characters, backslashes, colons, `%`, `?` and `#`");
    }
    if path.split('/').any(|step| matches!(step.trim(), "" | "." | "..")) {
        return refuse("a path below the folder of the main file");
    }
    Ok(())
}
