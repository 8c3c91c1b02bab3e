//! How each framework names the tensors of a network, driven by the model's table.

use super::{File, Tensor};
use crate::error::{Error, Kind, Result};
use crate::model::{Block, Padding, Spec, Version, preset, table};
use crate::small::print_decimal;

/// A convolution with its batch norm inside a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The row is nothing else.
    Whole,
    Expand,
    Depthwise,
    Project,
}

const fn parts(block: &Block) -> &'static [Part] {
    match block {
        Block::Conv { .. } => &[Part::Whole],
        Block::InvertedResidual { expansion: 1, .. } => &[Part::Depthwise, Part::Project],
        Block::InvertedResidual { .. } => &[Part::Expand, Part::Depthwise, Part::Project],
    }
}

/// The canonical name of a convolution: TF-slim's numbering, `layer_1` is the table's first row.
fn node(row: usize, part: Part) -> String {
    let suffix = match part {
        Part::Whole => "",
        Part::Expand => "/expand",
        Part::Depthwise => "/depthwise",
        Part::Project => "/project",
    };
    format!("layer_{}{suffix}", row + 1)
}

/// A tensor that the network needs.
pub(super) struct Name {
    pub(super) canonical: String,
    /// Without the prefix that wrappers add.
    pub(super) in_file: String,
    /// The table's row whose output channels are this tensor's first axis.
    pub(super) ends_row: Option<usize>,
}

/// How one framework names tensors, and what its networks agree on without saying.
pub(super) struct Naming {
    /// Whose names these are.
    pub(super) framework: &'static str,
    /// The version that the framework uses these names for.
    pub(super) version: Version,
    /// Convolution and batch norm of the `index`th of `parts` in this row.
    convolution: fn(row: usize, parts: &[Part], index: usize) -> (String, String),
    /// Ends of a batch norm's scale, offset, mean and variance.
    batch_norm: [&'static str; 4],
    /// The classifier's weights and biases.
    logits: [&'static str; 2],
    preset: &'static str,
    padding: Padding,
    batch_norm_epsilon: f32,
    resolution_px: usize,
}

/// Every naming that is tried, in this order.
const NAMINGS: [Naming; 1] = [Naming {
    framework: "torchvision",
    version: Version::V2,
    convolution: torchvision_v2,
    batch_norm: [".weight", ".bias", ".running_mean", ".running_var"],
    logits: ["classifier.1.weight", "classifier.1.bias"],
    preset: "torchvision",
    padding: Padding::Symmetric,
    batch_norm_epsilon: 1e-5,
    resolution_px: 224,
}];

/// `ConvBNReLU` is a list of convolution, batch norm and activation; a block is a list of these that ends with a bare
/// convolution and its batch norm.
fn torchvision_v2(row: usize, parts: &[Part], index: usize) -> (String, String) {
    match parts[index] {
        Part::Whole => (format!("features.{row}.0"), format!("features.{row}.1")),
        Part::Project => (format!("features.{row}.conv.{index}"), format!("features.{row}.conv.{}", index + 1)),
        Part::Expand | Part::Depthwise => {
            (format!("features.{row}.conv.{index}.0"), format!("features.{row}.conv.{index}.1"))
        }
    }
}

impl Naming {
    /// Every tensor of the network, from the stem to the logits.
    pub(super) fn names(&self) -> Vec<Name> {
        const CANONICAL: [&str; 4] = ["gamma", "beta", "moving_mean", "moving_variance"];
        let mut names = Vec::new();
        for (row, block) in table(self.version).iter().enumerate() {
            let parts = parts(block);
            for (index, &part) in parts.iter().enumerate() {
                let node = node(row, part);
                let (convolution, batch_norm) = (self.convolution)(row, parts, index);
                names.push(Name {
                    canonical: format!("{node}/weights"),
                    in_file: convolution + ".weight",
                    ends_row: (index + 1 == parts.len()).then_some(row),
                });
                names.extend(CANONICAL.iter().zip(self.batch_norm).map(|(canonical, end)| Name {
                    canonical: format!("{node}/batch_norm/{canonical}"),
                    in_file: format!("{batch_norm}{end}"),
                    ends_row: None,
                }));
            }
        }
        names.extend(
            ["logits/weights", "logits/biases"].into_iter().zip(self.logits).map(|(canonical, in_file)| Name {
                canonical: canonical.into(),
                in_file: in_file.into(),
                ends_row: None,
            }),
        );
        names
    }

    /// What the framework's networks are unless their metadata says otherwise.
    pub(super) fn spec(&self, multiplier: f32, classes: usize) -> Result<Spec> {
        let preprocessing =
            preset(self.preset).ok_or_else(|| Error::new(Kind::BadMetadata, format!("preset `{}`", self.preset)))?;
        Ok(Spec {
            version: self.version,
            multiplier,
            resolution_px: self.resolution_px,
            classes,
            padding: self.padding,
            batch_norm_epsilon: self.batch_norm_epsilon,
            preprocessing,
            label_set: String::new(),
            labels: Vec::new(),
        })
    }
}

/// The naming whose tensors the file holds, its names, and the prefix before them (`module.`, `model.` …).
pub(super) fn recognise<'f>(file: &'f File<'_>) -> Result<(&'static Naming, Vec<Name>, &'f str)> {
    for naming in &NAMINGS {
        let names = naming.names();
        // Any convolution that ends a row tells the prefix; the first may be the one that is missing.
        let prefix = names.iter().filter(|name| name.ends_row.is_some()).find_map(|name| {
            let prefixes = file.iter().filter_map(|tensor| tensor.name.strip_suffix(&name.in_file));
            prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')).min_by_key(|prefix| prefix.len())
        });
        if let Some(prefix) = prefix {
            return Ok((naming, names, prefix));
        }
    }
    let some: Vec<_> = file.iter().take(3).map(|tensor| format!("`{}`", tensor.name)).collect();
    Err(Error::new(Kind::NotMobileNet, format!("{} tensors", file.iter().len()))
        .expected(format!("the names that {} gives", NAMINGS.map(|naming| naming.framework).join(" or ")))
        .found(if some.is_empty() { "an empty file".into() } else { format!("names such as {}", some.join(", ")) })
        .remedy("Choose weights of a MobileNetV2 image classifier."))
}

/// The widths that are published, narrowest first.
const MULTIPLIERS: [f32; 6] = [0.35, 0.5, 0.75, 1.0, 1.3, 1.4];

/// The multiplier under which every row's output channels are those of its last convolution.
///
/// # Errors
/// [`Kind::WrongShape`] with the first row that disagrees under the multiplier that agrees longest.
pub(super) fn multiplier(version: Version, ends: &[(usize, &Tensor<'_>)], stated: Option<f32>) -> Result<f32> {
    let blocks = table(version);
    let disagreement = |multiplier: f32| {
        ends.iter().position(|&(row, tensor)| tensor.shape.first() != Some(&blocks[row].out_channels(multiplier)))
    };
    let candidates = stated.as_ref().map_or(&MULTIPLIERS[..], std::slice::from_ref);
    let mut best = (0, candidates[0]);
    for &multiplier in candidates {
        match disagreement(multiplier) {
            None => return Ok(multiplier),
            Some(rows) if rows > best.0 => best = (rows, multiplier),
            Some(_) => {}
        }
    }
    let (row, tensor) = ends[best.0];
    Err(Error::new(Kind::WrongShape, format!("layer_{}, {}", row + 1, tensor.place()))
        .expected(format!(
            "{} output channels, as at multiplier {}",
            blocks[row].out_channels(best.1),
            print_decimal(best.1.into())
        ))
        .found(format!("shape {:?}", tensor.shape))
        .remedy(if stated.is_some() {
            "The metadata and the tensors belong to different networks; convert the weights again."
        } else {
            "If this width is intended, state it in the metadata key `mobilenet.multiplier`."
        }))
}
