//! Whose names a file's tensors bear, and of which version.

use std::borrow::Cow;

use super::{Index, Layer, NAMINGS, Naming, Table};
use crate::error::{Error, Kind, Result};
use crate::model::{Block, Version, Widths, table};
use crate::weights::File;

/// What the names say.
pub(in crate::weights) struct Recognised<'f> {
    pub(in crate::weights) naming: &'static Naming,
    pub(in crate::weights) version: Version,
    pub(in crate::weights) blocks: Cow<'static, [Block]>,
    /// Before every name: `module.`, `model.` …
    pub(in crate::weights) prefix: &'f str,
    /// Convolutions that are there, and all but those of the top.
    pub(in crate::weights) agree: (usize, usize),
}

/// Any layer tells the prefix; the first may be the one that is missing.
#[inline(never)]
fn prefix<'f>(index: &Index<'f>, naming: &Naming, layers: &[Layer]) -> Option<&'f str> {
    layers.iter().find_map(|layer| {
        let (base, _) = naming.bases("", layer)?;
        naming.ends.weights.iter().find_map(|end| index.prefix(&format!("{base}{end}")))
    })
}

/// More than any table has rows.
const ROWS: usize = 1 << 12;

/// The naming and version under which most of the file's convolutions and fewest others are expected; `only` that
/// version, and these `rows`, where they are stated.
pub(in crate::weights) fn recognise<'f>(
    file: &File<'_>,
    index: &Index<'f>,
    only: Option<Version>,
    rows: Option<&[Block]>,
) -> Result<Recognised<'f>> {
    let mut best: Option<(usize, Recognised<'f>)> = None;
    for (version, _) in Version::ALL {
        let blocks = rows.map_or_else(|| table(version), |rows| Cow::Owned(rows.to_vec()));
        if blocks.is_empty() || only.is_some_and(|only| only != version) {
            continue;
        }
        let table = Table { version, blocks: &blocks, widths: Widths::V2, multiplier: 1.0, classes: 1 };
        let layers = table.layers();
        let needed = layers.iter().filter(|layer| !layer.part.is_top()).count();
        for naming in NAMINGS {
            let Some(prefix) = prefix(index, naming, &layers) else { continue };
            let (mut found, mut score) = (0, 0);
            for layer in &layers {
                let bases = naming.bases(prefix, layer);
                if bases.is_some_and(|bases| index.any(&bases.0, naming.ends.weights).is_some()) {
                    score += 2;
                    found += usize::from(!layer.part.is_top());
                }
            }
            // Twice what is there against what should be: the exact table beats those that hold more and fewer.
            let score = ROWS + score - needed;
            let before = best.as_ref().map_or(0, |best| best.0);
            if score > before {
                let blocks = blocks.clone();
                best = Some((score, Recognised { naming, version, blocks, prefix, agree: (found, needed) }));
            }
        }
    }
    if let Some((_, recognised)) = best {
        return Ok(recognised);
    }
    let some: Vec<_> = file.iter().take(3).map(|tensor| format!("`{}`", tensor.name)).collect();
    Err(Error::new(Kind::NotMobileNet, format!("{} tensors", file.iter().len()))
        .expected(format!(
            "the names that {} gives",
            NAMINGS.iter().map(|naming| naming.framework).collect::<Vec<_>>().join(", ")
        ))
        .found(if some.is_empty() { "an empty file".into() } else { format!("names such as {}", some.join(", ")) })
        .remedy("Choose the weights of a MobileNet V1, V2 or V3."))
}
