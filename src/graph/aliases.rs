//! What other frameworks call the endpoints that go by TF-slim's names here.

use crate::model::Version;

/// The canonical name behind `alias`: a Keras layer, a torchvision or timm feature index, or an older name of TF-slim.
pub(super) fn canonical(version: Version, alias: &str) -> Option<String> {
    let common = match alias {
        "avg_pool" | "global_average_pooling2d" | "pooled" | "embedding" => Some("global_pool"),
        "classifier" | "conv_preds" => Some("logits"),
        "softmax" | "act_softmax" | "Predictions" => Some("predictions"),
        _ => None,
    };
    common.map(Into::into).or_else(|| match version {
        Version::V1 => v1(alias),
        Version::V2 => v2(alias),
        _ => v3(version, alias),
    })
}

/// `prefix` followed by nothing but a number.
fn number(alias: &str, prefix: &str) -> Option<usize> {
    alias.strip_prefix(prefix)?.parse().ok()
}

/// Without what Keras appends for the batch norm and activation of a layer.
fn stem(alias: &str) -> &str {
    ["_relu", "_BN", "_bn"].into_iter().find_map(|end| alias.strip_suffix(end)).unwrap_or(alias)
}

fn v1(alias: &str) -> Option<String> {
    let layer = stem(alias);
    if layer == "conv1" || layer == "conv_stem" {
        return Some("Conv2d_0".into());
    }
    let part = |prefix: &str, part: &str| Some(format!("Conv2d_{}_{part}", number(layer, prefix)?));
    part("conv_dw_", "depthwise").or_else(|| part("conv_pw_", "pointwise"))
}

fn v2(alias: &str) -> Option<String> {
    let row = |row: usize| Some(format!("layer_{row}"));
    if let Some(feature) = number(alias, "features.") {
        return row(feature + 1);
    }
    match alias {
        // Some articles count the pool's input as one more layer.
        "layer_20" | "out_relu" | "Conv_1" | "Conv_1_bn" => return row(19),
        "Conv1" | "Conv1_relu" | "bn_Conv1" | "conv_stem" => return row(1),
        "expanded_conv_depthwise_relu" => return Some("layer_2/depthwise_output".into()),
        "expanded_conv_project_BN" => return row(2),
        _ => {}
    }
    // Keras counts blocks from the first that expands: block_1 is layer_3.
    let (block, part) = alias.strip_prefix("block_")?.split_once('_')?;
    let block: usize = block.parse().ok()?;
    let name = format!("layer_{}", block + 2);
    match part {
        "add" => Some(name),
        "expand_relu" => Some(format!("{name}/expansion_output")),
        "depthwise_relu" => Some(format!("{name}/depthwise_output")),
        // The blocks that change shape have no sum: their projection is the block's output.
        "project_BN" if [1, 3, 6, 10, 13, 16].contains(&block) => Some(name),
        "project_BN" => Some(format!("{name}/projection_output")),
        _ => None,
    }
}

fn v3(version: Version, alias: &str) -> Option<String> {
    if let Some(feature) = number(alias, "features.") {
        return Some(format!("layer_{}", feature + 1));
    }
    let large = matches!(version, Version::V3Large | Version::V3LargeMinimalistic);
    let base = if large { 17 } else { 13 };
    match stem(alias) {
        "conv" | "Conv" | "conv_stem" => Some("layer_1".into()),
        "conv_1" | "Conv_1" => Some(format!("layer_{base}")),
        "conv_2" | "Conv_2" | "conv_head" => Some(format!("layer_{}", base + 2)),
        _ => None,
    }
}
