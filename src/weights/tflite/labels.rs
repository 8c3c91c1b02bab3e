//! What the metadata that authors add says: how pixels are normalised, and the class names, a file of the zip archive
//! that stands behind the model.
//!
//! Numbers of fields are those of `metadata_schema.fbs`, version 1.

use super::flatbuffer::{Buffer, Table};
use super::{Reader, model};
use crate::error::{Error, Kind, Result};
use crate::weights::walk::Pixels;
use crate::weights::zip::Archive;
use crate::weights::{Warning, parse_labels};

/// Under which name a model has its metadata.
const METADATA: &str = "TFLITE_METADATA";

/// What an associated file is for: names along an axis of the output.
const AXIS_LABELS: u8 = 2;

/// Of the kinds of processing, normalisation.
const NORMALIZATION: u8 = 1;

/// Above any list of names.
const MAX_ROWS: usize = 64;

/// Above ImageNet's 21,843 classes.
const MAX_NAMES: usize = 1 << 15;

/// Above any file of names.
const MAX_LABELS_BYTES: usize = 1 << 20;

/// What the metadata says.
#[derive(Default)]
pub(super) struct Described {
    /// Of inputs that are not integers.
    pub(super) pixels: Option<Pixels>,
    /// By class.
    pub(super) labels: Option<Vec<String>>,
    pub(super) warnings: Vec<Warning>,
}

/// The tables of a field.
fn tables<'a>(table: Table<'a>, field: usize) -> Result<Vec<Table<'a>>> {
    let vector = table.vector(field, 4)?;
    (0..vector.len().min(MAX_ROWS)).map(|index| vector.table(index)).collect()
}

pub(super) fn read<'a>(reader: &Reader<'a>, file: Table<'a>) -> Result<Described> {
    let mut described = Described::default();
    for row in tables(file, model::METADATA)? {
        if row.text(0)? != Some(METADATA) {
            continue;
        }
        let Some((bytes, offset_bytes)) = reader.buffer(row.u32(1)?)? else { continue };
        let metadata = Buffer { bytes, offset_bytes }.root()?;
        for graph in tables(metadata, 3)? {
            for input in tables(graph, 2)? {
                described.pixels = described.pixels.or(normalisation(input)?);
            }
            for output in tables(graph, 3)? {
                for associated in tables(output, 6)? {
                    if associated.u8(2)? == AXIS_LABELS
                        && described.labels.is_none()
                        && let Some(name) = associated.text(0)?
                    {
                        described.labels(reader.file, name);
                    }
                }
            }
        }
    }
    Ok(described)
}

/// `(pixel − mean) / std`, of one number for all channels or one a channel.
fn normalisation(input: Table<'_>) -> Result<Option<Pixels>> {
    for unit in tables(input, 4)? {
        let Some(options) = unit.table(1)?.filter(|_| unit.u8(0).is_ok_and(|kind| kind == NORMALIZATION)) else {
            continue;
        };
        let (means, stds) = (options.vector(0, 4)?, options.vector(1, 4)?);
        if means.len() == 0 || stds.len() == 0 {
            continue;
        }
        let mut pixels = Pixels { scale: [1.0; 3], offset: [0.0; 3] };
        for channel in 0..3 {
            let std = stds.f32(channel.min(stds.len() - 1))?;
            pixels.scale[channel] = 1.0 / std;
            pixels.offset[channel] = -means.f32(channel.min(means.len() - 1))? / std;
        }
        return Ok(Some(pixels));
    }
    Ok(None)
}

impl Described {
    /// Names that cannot be read are no reason to refuse a network.
    fn labels(&mut self, file: &[u8], name: &str) {
        let read = || -> Result<Option<Vec<String>>> {
            let mut archive = Archive::open(file)?;
            let Some(entry) = archive.find(&[name]) else { return Ok(None) };
            let (bytes, _) = archive.unpacked(entry, &mut { MAX_LABELS_BYTES })?;
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            if lines > MAX_NAMES {
                return Err(Error::new(Kind::BadHeader, format!("`{name}`"))
                    .expected(format!("at most {MAX_NAMES} lines"))
                    .found(lines.to_string()));
            }
            parse_labels(&String::from_utf8_lossy(&bytes)).map(Some)
        };
        let message = match read() {
            Ok(Some(labels)) => {
                self.labels = Some(labels);
                return;
            }
            Ok(None) => format!("class names are said to be in `{name}`, which the file does not hold"),
            Err(error) => format!("class names could not be read: {error}"),
        };
        self.warnings.push(Warning { code: "labels_unread", message });
    }
}
