//! Names of layers that a file only counts by kind, from the order in which Keras' networks have them.

use std::collections::BTreeMap;

use super::super::names::{Layer, NAMINGS, Part, Table};
use crate::model::{Version, Widths, table};

/// The groups of one model by kind, each in the order of their numbers.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) convolutions: Vec<String>,
    pub(super) depthwise: Vec<String>,
    pub(super) norms: Vec<String>,
}

/// Names by group, where a network has as many layers of each kind.
pub(super) fn names(groups: &Groups, names: &mut BTreeMap<String, String>) {
    let Some(naming) = NAMINGS.iter().find(|naming| naming.framework == "keras") else { return };
    for (version, _) in Version::ALL {
        let blocks = table(version);
        let table = Table { version, blocks: &blocks, widths: Widths::V2, multiplier: 1.0, classes: 1 };
        // A dense layer ends V2.
        let dense = version == Version::V2;
        let layers: Vec<Layer> =
            table.layers().into_iter().filter(|layer| !(dense && layer.part == Part::Logits)).collect();
        let of = |depthwise: bool| layers.iter().filter(move |layer| (layer.part == Part::Depthwise) == depthwise);
        let without_top = of(false).filter(|layer| !matches!(layer.part, Part::Head | Part::Logits)).count();
        let convolutions = groups.convolutions.len();
        let norms = layers.iter().filter(|layer| !layer.part.is_biased()).count();
        let whole = convolutions == of(false).count() || convolutions == without_top;
        if !whole || groups.depthwise.len() != of(true).count() || groups.norms.len() != norms || norms == 0 {
            continue;
        }
        let bases = |layer: &Layer| naming.bases("", layer).unwrap_or_default();
        let mut put = |group: &String, name: String| drop(names.insert(group.clone(), name));
        groups.convolutions.iter().zip(of(false)).for_each(|(group, layer)| put(group, bases(layer).0));
        groups.depthwise.iter().zip(of(true)).for_each(|(group, layer)| put(group, bases(layer).0));
        let normed = layers.iter().filter(|layer| !layer.part.is_biased());
        groups.norms.iter().zip(normed).for_each(|(group, layer)| put(group, bases(layer).1));
        return;
    }
}
