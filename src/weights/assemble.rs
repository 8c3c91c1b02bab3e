//! From a file's tensors to every parameter of a network, or to everything that is wrong with them.

use std::borrow::Cow;

use super::checkpoint::{Assembled, Entry};
use super::infer::{Fit, Found, Search, dims};
use super::names::{Index, Layer, Layout, Naming, Part, Recognised, Table, node, recognise};
use super::overrides::{check_widths, contradiction};
use super::problems::Problems;
use super::{File, Overrides, extras, habits};
use crate::error::Result;
use crate::model::{Block, Spec, Version};
use crate::small::print_decimal;

/// Finds every parameter. `stated` are the file's metadata under the caller's `asked`.
pub(super) fn assemble(file: &File<'_>, stated: &mut Overrides, asked: &Overrides) -> Result<Assembled> {
    // Channels are computed from what is stated; wild values would overflow them.
    let mut spec = Spec::new(Version::V2);
    spec.multiplier = stated.multiplier.unwrap_or(spec.multiplier);
    spec.widths = stated.widths.unwrap_or(spec.widths);
    spec.blocks = stated.table.clone().map_or(spec.blocks, Cow::Owned);
    check_widths(&spec.widths)?;
    spec.check()?;

    let index = Index::new(file);
    let recognised = version(file, &index, stated, asked)?;
    let spec = Spec { version: recognised.version, blocks: recognised.blocks.clone(), ..spec };
    let naming = recognised.naming;
    let names = Names { index: &index, naming, prefix: recognised.prefix };
    let mut blocks = spec.blocks.clone();
    let Spec { version, widths, multiplier, .. } = spec;
    let whole = Table { version, blocks: &spec.blocks, widths, multiplier, classes: 1 };
    let top = top(&names, &whole, stated, &mut blocks);
    let table = Table { blocks: &blocks, classes: usize::from(top.is_some()), ..whole };
    let found: Vec<Found> = table.layers().into_iter().map(|layer| (layer, names.weights(&layer))).collect();
    let search = Search { file, table, found: &found, naming, stated };
    let fit = search.fit();
    if fit.wrong > 0 && (stated.multiplier.is_some() || stated.widths.is_some()) {
        let free = Overrides { multiplier: None, widths: None, ..Overrides::default() };
        let free = Search { stated: &free, ..search }.fit();
        if free.wrong == 0 {
            let (what, asked) = match stated.multiplier.filter(|&multiplier| multiplier != free.multiplier) {
                Some(_) => ("multiplier", asked.multiplier.is_some()),
                None => ("widths", asked.widths.is_some()),
            };
            let decimal = |multiplier: f32| print_decimal(multiplier.into());
            let expected = format!("{}, as the tensors' shapes say", decimal(free.multiplier));
            return Err(contradiction(what, asked, expected, decimal(fit.multiplier)));
        }
    }
    let classes = top.map_or(Ok(0), |top| classes(file, &fit, &top, stated, asked))?;
    let table = Table { widths: fit.widths, multiplier: fit.multiplier, classes, ..table };
    let entries = entries(file, &names, &table, (&fit, &recognised), stated)?;
    let folded = !entries.iter().any(|entry| entry.canonical.ends_with("/moving_variance"));
    let mut spec = Spec { blocks, widths: fit.widths, multiplier: fit.multiplier, classes, ..spec };
    let inferred = habits::apply(&mut spec, &recognised, &fit, stated, folded)?;
    let warnings = extras::warnings(file, &entries);
    Ok(Assembled { spec, naming: naming.framework, inferred, warnings, entries })
}

/// How many classes the logits are for.
fn classes(file: &File<'_>, fit: &Fit, top: &Top, stated: &Overrides, asked: &Overrides) -> Result<usize> {
    let Some(logits) = top.weights.or(top.biases).map(|index| &file.tensors[index]) else {
        return Ok(stated.classes.unwrap_or(1));
    };
    let weights = dims(&logits.shape, fit.layout, Part::Logits).map(|dims| dims[0]);
    let found = weights.or(logits.shape.first().copied()).unwrap_or(1).max(1);
    match stated.classes.filter(|&stated| stated != found) {
        None => Ok(found),
        Some(stated) => {
            let expected = format!("{found}, as {} has", logits.place());
            Err(contradiction("classes", asked.classes.is_some(), expected, stated.to_string()))
        }
    }
}

/// Which version the names are of, unless what is stated rules it out.
fn version<'f>(file: &File<'_>, index: &Index<'f>, stated: &Overrides, asked: &Overrides) -> Result<Recognised<'f>> {
    if let Some(rows) = &stated.table {
        return recognise(file, index, stated.version.or(Some(Version::Custom)), Some(rows));
    }
    let best = recognise(file, index, None, None)?;
    let Some(version) = stated.version.filter(|&version| version != best.version) else { return Ok(best) };
    let second = recognise(file, index, Some(version), None);
    if let Ok(second) = second
        && second.agree.0 >= best.agree.0
    {
        return Ok(second);
    }
    let expected = format!("`{}`, as the tensors' names say", best.version.name());
    Err(contradiction("version", asked.version.is_some(), expected, format!("`{}`", version.name())))
}

/// What the file calls its tensors.
pub(super) struct Names<'n, 'f> {
    index: &'n Index<'f>,
    naming: &'static Naming,
    prefix: &'f str,
}

impl Names<'_, '_> {
    /// Names of weights, of biases and of the batch norm's four.
    fn all(&self, layer: &Layer) -> [Vec<String>; 3] {
        let Some((base, norm)) = (self.naming.layer)(layer) else { return Default::default() };
        let ends = self.naming.ends;
        let with = |base: &str, ends: &[&str]| ends.iter().map(|end| format!("{}{base}{end}", self.prefix)).collect();
        [with(&base, ends.weights), with(&base, ends.biases), with(&norm, &ends.norm)]
    }

    fn any(&self, names: &[String]) -> Option<usize> {
        names.iter().find_map(|name| self.index.get(name))
    }

    fn weights(&self, layer: &Layer) -> Option<usize> {
        self.any(&self.all(layer)[0])
    }
}

/// The logits' tensors.
struct Top {
    weights: Option<usize>,
    biases: Option<usize>,
}

/// The top of the network, if the file has one and it is wanted; otherwise leaves it out of `blocks`.
fn top(
    names: &Names<'_, '_>,
    table: &Table<'_>,
    stated: &Overrides,
    blocks: &mut Cow<'static, [Block]>,
) -> Option<Top> {
    let layers = table.layers();
    let logits = layers.iter().rfind(|layer| layer.part == Part::Logits)?;
    let [weights, biases, _] = names.all(logits);
    let top = Top { weights: names.any(&weights), biases: names.any(&biases) };
    let wanted = stated.classes != Some(0);
    if wanted && (top.weights.is_some() || top.biases.is_some() || stated.classes.is_some()) {
        return Some(top);
    }
    // A head goes with the logits, unless the file ends between the two.
    let head = layers.iter().find(|layer| layer.part == Part::Head);
    let headless = head.is_some_and(|head| names.weights(head).is_none());
    if (headless || top.weights.is_some()) && stated.table.is_none() {
        let rows = blocks.iter().filter(|block| !matches!(block, Block::Pool | Block::Head { .. }));
        *blocks = rows.copied().collect();
    }
    None
}

/// Every parameter of the table, or all that is wrong with them.
fn entries(
    file: &File<'_>,
    names: &Names<'_, '_>,
    table: &Table<'_>,
    (fit, recognised): (&Fit, &Recognised<'_>),
    stated: &Overrides,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut problems = Problems::new(file, recognised, fit);
    let layers = table.layers();
    // Where the first batch norm is folded, all are; one of the layers may be what is missing.
    let kinds = layers.iter().filter(|layer| !layer.part.is_biased()).find_map(|layer| {
        let [_, biases, norm] = names.all(layer);
        let norm = names.any(&norm).is_some();
        (norm || names.any(&biases).is_some()).then_some(norm)
    });
    let normed = kinds.unwrap_or(true);
    for layer in layers.iter().filter(|layer| layer.shape != [0; 4]) {
        let node = node(layer);
        let [weights, biases, norm] = names.all(layer);
        let axes = fit.layout.axes(layer.part);
        let found = names.any(&weights);
        let rank = found.map_or(if layer.part.is_top() { 2 } else { 4 }, |index| file.tensors[index].shape.len());
        let shape = in_file(layer, fit.layout, rank);
        let mut put = |canonical: String, found: Option<usize>, name: Option<&String>, axes: Option<[usize; 4]>| {
            let expected = if axes.is_some() { &shape[..] } else { &layer.shape[..1] };
            match found {
                None => problems.missing(layer, name.map_or(&canonical, |name| name), expected),
                Some(index) => {
                    let tensor = &file.tensors[index];
                    let fits = match axes {
                        Some(_) => dims(&tensor.shape, fit.layout, layer.part) == Some(layer.shape),
                        None => tensor.shape == expected,
                    };
                    if !fits {
                        problems.wrong(layer, tensor, expected);
                    }
                    entries.push(Entry { canonical, index, axes });
                }
            }
        };
        let name = if layer.part == Part::Depthwise { weights.last() } else { weights.first() };
        put(format!("{node}/weights"), found, name, Some(axes));
        let bias = names.any(&biases);
        let has_norm = names.any(&norm).is_some();
        if layer.part.is_biased() || (!has_norm && (bias.is_some() || !normed)) {
            put(format!("{node}/biases"), bias, biases.first(), None);
            continue;
        }
        for (name, canonical) in norm.iter().zip(["gamma", "beta", "moving_mean", "moving_variance"]) {
            put(format!("{node}/batch_norm/{canonical}"), names.index.get(name), Some(name), None);
        }
    }
    let told = stated.multiplier.is_some() || stated.widths.is_some() || stated.table.is_some();
    problems.check(layers.len(), told)?;
    Ok(entries)
}

/// A layer's shape in the file's order of axes; of two axes where its tensor has no window.
fn in_file(layer: &Layer, layout: Layout, rank: usize) -> Vec<usize> {
    let axes = layout.axes(layer.part).into_iter();
    axes.filter(|&axis| rank != 2 || axis < 2).map(|axis| layer.shape[axis]).collect()
}
