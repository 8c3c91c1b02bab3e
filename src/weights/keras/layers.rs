//! The names of tensors in the two layouts of Keras' HDF5 files.

use std::collections::BTreeMap;

use super::super::hdf5::{Hdf5, Node};
use super::config::{Config, snake_case};
use super::missing;
use super::order::{self, Groups};
use crate::error::Result;

/// A tensor's name and its dataset.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) address: usize,
}

/// Where the later layout lists a model's layers; the second until TensorFlow 2.12.
const CONTAINERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// What training keeps beside the model.
const BESIDE: [&str; 3] = ["optimizer", "optimizer_weights", "_metrics"];

/// A tensor as `layer/variable`, and the group or path above it, which tells tensors of that name apart.
struct Named {
    above: String,
    name: String,
    address: usize,
}

/// The tensors below a group, whatever the layout.
pub(super) fn rows(file: &Hdf5<'_>, group: usize, config: &Config) -> Result<Vec<Row>> {
    let nodes = file.tree(group, &BESIDE)?;
    let named = if let Some(layers) = list(file, group, "layer_names")? {
        by_name(file, group, &nodes, &layers)?
    } else if CONTAINERS.iter().any(|name| find(&nodes, name).is_some()) {
        by_kind(file, &nodes, config)?
    } else {
        let datasets = nodes.into_iter().filter(|node| node.dataset);
        datasets.map(|node| Named { above: String::new(), name: node.path, address: node.address }).collect()
    };
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &named {
        *count.entry(&row.name).or_default() += 1;
    }
    let name =
        |row: &Named| if count[&*row.name] > 1 { format!("{}/{}", row.above, row.name) } else { row.name.clone() };
    Ok(named.iter().map(|row| Row { name: name(row), address: row.address }).collect())
}

fn find<'n>(nodes: &'n [Node], path: &str) -> Option<&'n Node> {
    nodes.binary_search_by(|node| (*node.path).cmp(path)).ok().map(|index| &nodes[index])
}

/// A list of names, which is spread over `name0`, `name1` … where it is longer than an attribute may be.
fn list<'d>(file: &'d Hdf5<'_>, group: usize, name: &str) -> Result<Option<Vec<&'d str>>> {
    if let Some(names) = file.texts(group, name)? {
        return Ok(Some(names));
    }
    let mut all = None;
    for part in 0.. {
        let Some(names) = file.texts(group, &format!("{name}{part}"))? else { break };
        all.get_or_insert_with(Vec::new).extend(names);
    }
    Ok(all)
}

/// The layout of `.h5`: each layer has a group, and lists its variables.
fn by_name(file: &Hdf5<'_>, group: usize, nodes: &[Node], layers: &[&str]) -> Result<Vec<Named>> {
    let mut rows = Vec::new();
    for layer in layers {
        let of = find(nodes, layer).filter(|node| !node.dataset);
        let Some(of) = of else { return Err(missing(file, group, format!("the group `{layer}`"))) };
        for name in list(file, of.address, "weight_names")?.unwrap_or_default() {
            let dataset = find(nodes, &format!("{layer}/{name}")).filter(|node| node.dataset);
            let Some(dataset) = dataset else {
                return Err(missing(file, of.address, format!("the dataset `{layer}/{name}`")));
            };
            rows.push(Named { above: (*layer).into(), name: name.into(), address: dataset.address });
        }
    }
    Ok(rows)
}

/// The later layout: each layer has a group by its kind and a number, and its variables are counted.
fn by_kind(file: &Hdf5<'_>, nodes: &[Node], config: &Config) -> Result<Vec<Named>> {
    let mut names = BTreeMap::new();
    number(nodes, "", config, config.root(), &mut names);
    let mut rows = Vec::new();
    for node in nodes.iter().filter(|node| node.dataset) {
        let Some((group, variable)) = node.path.rsplit_once("/vars/") else { continue };
        let (above, kind) = group.rsplit_once('/').unwrap_or(("", group));
        let container = above.rsplit('/').next().unwrap_or_default();
        if !CONTAINERS.contains(&container) {
            // Of a layer's inner parts: the state of random numbers and the like.
            continue;
        }
        let stated = match find(nodes, &format!("{group}/vars")) {
            Some(vars) => file.label(vars.address, "name")?,
            None => None,
        };
        let layer = stated.or(names.get(group).map(String::as_str)).unwrap_or(kind);
        let variables: &[&str] = match split(kind).0 {
            "conv2d" | "dense" => &["kernel", "bias"],
            "depthwise_conv2d" => &["depthwise_kernel", "bias"],
            "batch_normalization" => &["gamma", "beta", "moving_mean", "moving_variance"],
            _ => &[],
        };
        let index = variable.parse().ok().and_then(|index: usize| variables.get(index));
        let name = format!("{layer}/{}", index.copied().unwrap_or(variable));
        rows.push(Named { above: above.into(), name, address: node.address });
    }
    Ok(rows)
}

/// A kind of layer and its number: `conv2d_12` is the thirteenth or a later one.
fn split(name: &str) -> (&str, usize) {
    let number = name.rsplit_once('_').and_then(|(kind, number)| Some((kind, number.parse().ok()?)));
    number.unwrap_or((name, 0))
}

/// Finds the name of every group: the layers of one kind have rising numbers in the configuration's order, or in that of
/// Keras' own networks. Some versions pass over numbers, so that only their order counts.
fn number(nodes: &[Node], model: &str, config: &Config, of: Option<usize>, names: &mut BTreeMap<String, String>) {
    for container in CONTAINERS {
        let above = if model.is_empty() { format!("{container}/") } else { format!("{model}/{container}/") };
        let groups = nodes.iter().filter_map(|node| node.path.strip_prefix(&*above));
        let mut groups: Vec<(&str, usize)> = groups.filter(|name| !name.contains('/')).map(split).collect();
        crate::small::sort(&mut groups, &|a, b| a < b);
        let mut before = ("", 0);
        let mut unnamed = Groups::default();
        for (kind, number_of) in groups {
            before = if before.0 == kind { (kind, before.1 + 1) } else { (kind, 0) };
            let layer = config.children(of).filter(|(_, layer)| snake_case(&layer.class) == kind).nth(before.1);
            let group = match number_of {
                0 => format!("{above}{kind}"),
                number => format!("{above}{kind}_{number}"),
            };
            if layer.is_some() || config.root().is_none() {
                number(nodes, &group, config, layer.map(|layer| layer.0), names);
            }
            match (layer, kind) {
                (Some((_, layer)), _) => drop(names.insert(group, layer.name.clone())),
                (None, "conv2d") => unnamed.convolutions.push(group),
                (None, "depthwise_conv2d") => unnamed.depthwise.push(group),
                (None, "batch_normalization") => unnamed.norms.push(group),
                _ => {}
            }
        }
        if config.root().is_none() {
            order::names(&unnamed, names);
        }
    }
}
