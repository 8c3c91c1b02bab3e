//! What a file holds beside its network.

use super::checkpoint::Entry;
use super::names::SHADOW;
use super::quantization::{COLUMNS, SCALES, ZERO_POINTS};
use super::stored_integers::{BIASES, CHANNELS, MAP, TABLE};
use super::{File, Warning};

/// Names listed in one warning.
const LISTED: usize = 6;

/// Ends of names that training and converters leave behind, and inference has no use for.
const HARMLESS: [&str; 18] = [
    "num_batches_tracked",
    "global_step",
    SHADOW,
    "/Momentum",
    "/RMSProp",
    "/RMSProp_1",
    "/Adam",
    "/Adam_1",
    // Constants of squeeze-excite's gate: 3 and 1/6.
    "/add/y",
    "/mul/y",
    "_power",
    // What integers stand for is part of them by now.
    SCALES,
    ZERO_POINTS,
    COLUMNS,
    // And what quantised networks compute.
    MAP,
    BIASES,
    TABLE,
    CHANNELS,
];

/// In the names of what training kept for itself.
const OPTIMIZER: &[u8] = b"optimizer";

/// A word about tensors that are neither the network's nor harmless.
pub(super) fn warnings(file: &File<'_>, entries: &[Entry]) -> Vec<Warning> {
    let mut used = vec![false; file.tensors.len()];
    for entry in entries {
        used[entry.index] = true;
    }
    let (mut count, mut listed) = (0, String::new());
    for (tensor, used) in file.tensors.iter().zip(used) {
        let name = tensor.name.strip_suffix(":0").unwrap_or(&tensor.name);
        // Not `contains`: its two-way search takes 2 kB of the module.
        let of_optimizer = || name.as_bytes().windows(OPTIMIZER.len()).any(|part| part == OPTIMIZER);
        if used
            || HARMLESS.iter().any(|end| name.ends_with(end))
            || of_optimizer()
            || file.get(&format!("{name}{SHADOW}")).is_some()
        {
            continue;
        }
        count += 1;
        if count <= LISTED {
            listed.push_str(&format!("{}`{}`", if count == 1 { "" } else { ", " }, tensor.name));
        }
    }
    if count == 0 {
        return Vec::new();
    }
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    let message = format!("{count} tensors are not of this network and were left out: {listed}{more}");
    vec![Warning { code: "extra_tensors", message }]
}
