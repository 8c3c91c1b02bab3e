//! What the core module knows of files: those that say what they are, under torchvision's names or this crate's own.
//! Anything else is for the importer, which also finds the words for what is wrong with a file.

use std::borrow::Cow;

use super::checkpoint::{Assembled, Entry};
use super::names::{Layer, NAMINGS, Naming, Table, node};
use super::{File, Overrides};
use crate::error::{Error, Kind, Result};
use crate::model::{Classifier, Pooling, Spec, table};

/// The caller has the importer convert the file.
pub(super) fn needs_importer() -> Error {
    Error::new(Kind::NeedsImporter, "weights")
        .expected("safetensors that say which network they are")
        .remedy("Convert them with the importer.")
}

/// Finds every parameter of a file whose metadata states the network. `stated` are metadata under the caller's options.
pub(super) fn assemble(file: &File<'_>, stated: &mut Overrides, _: &Overrides) -> Result<Assembled> {
    #[cfg(not(feature = "integers"))]
    if file.get("input/map").is_some() {
        return Err(Error::new(Kind::NeedsIntegers, "weights").remedy("Open them with the module for integers."));
    }
    let spec = spec(file, stated).ok_or_else(needs_importer)?;
    spec.check()?;
    let table = Table {
        version: spec.version,
        blocks: &spec.blocks,
        widths: spec.widths,
        multiplier: spec.multiplier,
        classes: spec.classes,
    };
    let layers = table.layers();
    let entries = |naming: &Naming| layers.iter().map(|layer| entries(file, naming, layer)).collect::<Option<Vec<_>>>();
    let found = NAMINGS.iter().find_map(|naming| Some((naming.framework, entries(naming)?)));
    let (naming, entries) = found.ok_or_else(needs_importer)?;
    let entries = entries.into_iter().flatten().collect();
    Ok(Assembled { spec, naming, inferred: Vec::new(), warnings: Vec::new(), entries })
}

/// Nothing where the file leaves something open that the importer would infer.
fn spec(file: &File<'_>, stated: &mut Overrides) -> Option<Spec> {
    file.metadata.get("mobilenet.version")?;
    let version = stated.version?;
    let usual = Spec::new(version);
    Some(Spec {
        blocks: stated.table.take().map_or_else(|| table(version), Cow::Owned),
        multiplier: stated.multiplier?,
        widths: stated.widths.unwrap_or(usual.widths),
        height_px: stated.height_px?,
        width_px: stated.width_px?,
        pad_to_32: stated.pad_to_32.unwrap_or(false),
        output_stride: stated.output_stride.unwrap_or(usual.output_stride),
        dilating: stated.dilating.unwrap_or(usual.dilating),
        gate: stated.gate.unwrap_or(usual.gate),
        classes: stated.classes?,
        pooling: stated.pooling.unwrap_or(Pooling::Average),
        classifier: stated.classifier.unwrap_or(Classifier::Softmax),
        padding: stated.padding?,
        batch_norm_epsilon: stated.batch_norm_epsilon?,
        preprocessing: stated.preprocessing?,
        label_set: stated.label_set.take().unwrap_or_default(),
        labels: stated.labels.take().unwrap_or_default(),
        ..usual
    })
}

/// The parameters of one convolution; nothing where one of them is missing or has another shape.
fn entries(file: &File<'_>, naming: &Naming, layer: &Layer) -> Option<Vec<Entry>> {
    let (convolution, norm) = naming.bases("", layer)?;
    let node = node(layer);
    let entry = |canonical: String, name: String| Some(Entry { canonical, index: file.position(&name)? });
    let weights = entry(format!("{node}/weights"), format!("{convolution}{}", naming.ends.weights[0]))?;
    let shape = &file.tensors[weights.index].shape;
    if shape[..] != layer.shape && (shape[..] != layer.shape[..2] || layer.shape[2..] != [1, 1]) {
        return None;
    }
    let mut entries = vec![weights];
    let biases = entry(format!("{node}/biases"), format!("{convolution}{}", naming.ends.biases[0]));
    // Biases stand for a batch norm that was folded.
    if layer.part.is_biased() || biases.is_some() {
        entries.push(biases?);
    } else {
        for (canonical, end) in ["gamma", "beta", "moving_mean", "moving_variance"].iter().zip(naming.ends.norm) {
            entries.push(entry(format!("{node}/batch_norm/{canonical}"), format!("{norm}{end}"))?);
        }
    }
    Some(entries)
}
