//! From a file's tensors to every parameter of a network, or to everything that is wrong with them.

use std::borrow::Cow;

use super::checkpoint::{Assembled, Entry};
use super::infer::{Fit, Found, Search, dims};
use super::keras::HIDDEN;
use super::names::{Bases, Index, Layer, Layout, Naming, Part, Recognised, Table, node, recognise};
use super::overrides::{check_widths, contradiction};
use super::problems::Problems;
use super::{File, Inferred, Overrides, extras, habits};
use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block, Spec, Version};
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
    let mut names = Names { index: &index, naming, prefix: recognised.prefix, dense: None, hidden: None };
    let mut blocks = spec.blocks.clone();
    let Spec { version, widths, multiplier, .. } = spec;
    let whole = Table { version, blocks: &spec.blocks, widths, multiplier, classes: 1 };
    // A hidden layer's activation is in no name or shape.
    let told = stated.table.is_some() || file.metadata.contains_key(HIDDEN);
    if let Some((hidden, last)) = dense(file, &names, &whole, told) {
        (names.hidden, names.dense) = (hidden, Some(last));
        add_hidden(file, &names, &mut blocks)?;
    }
    let rows = blocks.clone();
    let top = top(&names, &Table { blocks: &rows, ..whole }, stated, &mut blocks);
    let table = Table { blocks: &blocks, classes: usize::from(top.is_some()), ..whole };
    let found: Vec<Found> = table.layers().into_iter().map(|layer| (layer, names.weights(&layer))).collect();
    let search = Search { file, table, found: &found, naming, stated };
    let fit = search.fit();
    if fit.wrong > 0 && (stated.multiplier.is_some() || stated.widths.is_some()) {
        let free = Overrides { multiplier: None, widths: None, ..Overrides::default() };
        let free = Search { stated: &free, ..search }.fit();
        // A file may be damaged besides, and still say its width.
        if let Some(tensor) = search.evidence(&free, &fit).filter(|_| free.wrong * 2 < fit.wrong) {
            let shows = format!("`{}` {:?} shows", tensor.name, tensor.shape);
            let decimal = |multiplier: f32| print_decimal(multiplier.into());
            return Err(match stated.multiplier.filter(|&multiplier| multiplier != free.multiplier) {
                Some(stated) => {
                    let expected = format!("{}, as {shows}", decimal(free.multiplier));
                    contradiction("multiplier", asked.multiplier.is_some(), expected, decimal(stated))
                }
                None => {
                    let expected = format!("a rule for channels as {shows}");
                    contradiction("widths", asked.widths.is_some(), expected, "another".into())
                }
            });
        }
    }
    let classes = top.map_or(Ok(0), |top| classes(file, &fit, &top, stated, asked))?;
    let table = Table { widths: fit.widths, multiplier: fit.multiplier, classes, ..table };
    let entries = entries(file, &names, &table, (&fit, &recognised), stated)?;
    let folded = !entries.iter().any(|entry| entry.canonical.ends_with("/moving_variance"));
    let mut spec = Spec { blocks, widths: fit.widths, multiplier: fit.multiplier, classes, ..spec };
    let mut inferred = habits::apply(&mut spec, &recognised, &fit, stated, folded)?;
    if let Some(dense) = names.dense.filter(|_| classes > 0) {
        let why = "no layer goes by the classifier's name, and this matrix alone is as wide as what is before it";
        inferred.push(Inferred { what: "logits", value: dense.into(), why: why.into() });
        if let Some(hidden) = names.hidden {
            let why = "it lies between the features and the logits";
            inferred.push(Inferred { what: "hidden_layer", value: hidden.into(), why: why.into() });
        }
    }
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
    /// The layer that stands in for the logits'.
    dense: Option<&'f str>,
    /// The layer before it, where there is one after the pool.
    hidden: Option<&'f str>,
}

impl Names<'_, '_> {
    /// What the names of the layer's tensors, and of its batch norm's, begin with.
    #[inline(never)]
    fn bases(&self, layer: &Layer) -> Bases {
        if let Some(dense) = self.dense.filter(|_| layer.part == Part::Logits) {
            return (dense.into(), String::new());
        }
        if let Some(hidden) = self.hidden.filter(|_| layer.part == Part::Head) {
            return (hidden.into(), String::new());
        }
        self.naming.bases(self.prefix, layer).unwrap_or_default()
    }

    #[inline(never)]
    fn weights(&self, layer: &Layer) -> Option<usize> {
        self.index.any(&self.bases(layer).0, self.naming.ends.weights)
    }

    #[inline(never)]
    fn biases(&self, layer: &Layer) -> Option<usize> {
        self.index.any(&self.bases(layer).0, self.naming.ends.biases)
    }

    #[inline(never)]
    fn has_norm(&self, layer: &Layer) -> bool {
        !layer.part.is_biased() && self.index.any(&self.bases(layer).1, &self.naming.ends.norm).is_some()
    }
}

/// The logits' tensors.
struct Top {
    weights: Option<usize>,
    biases: Option<usize>,
}

/// The layer on top of a Keras base: a matrix, and vector, of any name, alone in its kind and as wide as the features; or
/// two of them, the second as wide as the first is long, where the file has `told` what is between them.
fn dense<'f>(
    file: &File<'_>,
    names: &Names<'_, 'f>,
    table: &Table<'_>,
    told: bool,
) -> Option<(Option<&'f str>, &'f str)> {
    let Naming { framework, ends, layout, .. } = names.naming;
    let layers = table.layers();
    let there = |layer: &&Layer| names.weights(layer).is_some();
    if !framework.starts_with("keras") || layers.iter().rfind(there).is_none_or(|layer| layer.part == Part::Logits) {
        return None;
    }
    let mut matrices = names.index.matrices(file, ends.weights[0]);
    matrices.retain(|(name, _)| names.index.any(name, ends.biases).is_some());
    let last = layers.iter().rfind(there)?;
    let shape = |index: usize, part| dims(&file.tensors[index].shape, *layout, part);
    let features = shape(names.weights(last)?, last.part)?[0];
    let takes = |matrix: &(&str, usize)| shape(matrix.1, Part::Logits).map(|shape| shape[1]);
    let gives = |matrix: &(&str, usize)| shape(matrix.1, Part::Logits).map(|shape| shape[0]);
    match &*matrices {
        [only] => (takes(only)? == features).then_some((None, only.0)),
        [a, b] if told => [(a, b), (b, a)].into_iter().find_map(|(first, second)| {
            (takes(first)? == features && takes(second) == gives(first)).then_some((Some(first.0), second.0))
        }),
        _ => None,
    }
}

/// Lets a hidden layer on top of the base take the place of the network's own head, where no table is stated that has it.
fn add_hidden(file: &File<'_>, names: &Names<'_, '_>, blocks: &mut Cow<'static, [Block]>) -> Result<()> {
    let Some(hidden) = names.hidden else { return Ok(()) };
    let kernel = names.index.any(hidden, names.naming.ends.weights).map(|index| &file.tensors[index].shape);
    let Some(&channels) = kernel.and_then(|shape| shape.last()) else { return Ok(()) };
    let activation = match file.metadata.get(HIDDEN).map(String::as_str) {
        None | Some("relu") => Activation::Relu,
        Some("relu6") => Activation::Relu6,
        Some("linear") => Activation::Linear,
        Some("hard_swish" | "hard_silu") => Activation::HardSwish,
        Some(other) => {
            return Err(Error::new(Kind::BadModel, format!("layer `{hidden}`"))
                .expected("the activation relu, relu6, linear or hard_swish")
                .found(format!("`{other}`"))
                .remedy("Train the layer with one of these."));
        }
    };
    if !blocks.iter().any(|block| matches!(block, Block::Head { channels: stated, .. } if *stated == channels)) {
        let rows = blocks.iter().filter(|block| !matches!(block, Block::Pool | Block::Head { .. })).copied();
        *blocks = rows.chain([Block::Pool, Block::Head { channels, activation }]).collect();
    }
    Ok(())
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
    let top = Top { weights: names.weights(logits), biases: names.biases(logits) };
    let wanted = stated.classes != Some(0);
    let head = layers.iter().find(|layer| layer.part == Part::Head);
    let headless = head.is_some_and(|head| names.weights(head).is_none());
    let keep = wanted && (top.weights.is_some() || top.biases.is_some() || stated.classes.is_some());
    if keep && !(headless && names.dense.is_some()) {
        return Some(top);
    }
    // A head goes with the logits, unless the file ends between the two.
    if (headless || top.weights.is_some()) && stated.table.is_none() {
        let rows = blocks.iter().filter(|block| !matches!(block, Block::Pool | Block::Head { .. }));
        *blocks = rows.copied().collect();
    }
    keep.then_some(top)
}

/// Every parameter of the table, or all that is wrong with them.
fn entries(
    file: &File<'_>,
    names: &Names<'_, '_>,
    table: &Table<'_>,
    (fit, recognised): (&Fit, &Recognised<'_>),
    stated: &Overrides,
) -> Result<Vec<Entry>> {
    let layers = table.layers();
    // Where the first batch norm is folded, all are; one of the layers may be what is missing.
    let normed = layers.iter().filter(|layer| !layer.part.is_biased()).find_map(|layer| {
        let norm = names.has_norm(layer);
        (norm || names.biases(layer).is_some()).then_some(norm)
    });
    let normed = normed.unwrap_or(true);
    let problems = Problems::new(file, recognised, fit);
    let mut found = Collected { file, index: names.index, layout: fit.layout, entries: Vec::new(), problems };
    let ends = names.naming.ends;
    for layer in layers.iter().filter(|layer| layer.shape != [0; 4]) {
        let node = node(layer);
        let (base, norm) = names.bases(layer);
        // A depthwise convolution's weights may have a name of their own, the last.
        let usual = if layer.part == Part::Depthwise { ends.weights.len() - 1 } else { 0 };
        found.put(layer, node.clone() + "/weights", &base, (ends.weights, usual));
        if layer.part.is_biased() || (!names.has_norm(layer) && (!normed || names.biases(layer).is_some())) {
            found.put(layer, node + "/biases", &base, (ends.biases, 0));
            continue;
        }
        for (end, canonical) in ends.norm.iter().zip(["gamma", "beta", "moving_mean", "moving_variance"]) {
            found.put(layer, format!("{node}/batch_norm/{canonical}"), &norm, (&[end], 0));
        }
    }
    let told = stated.multiplier.is_some() || stated.widths.is_some() || stated.table.is_some();
    found.problems.check(layers.len(), told)?;
    Ok(found.entries)
}

/// Parameters found so far.
struct Collected<'c> {
    file: &'c File<'c>,
    index: &'c Index<'c>,
    layout: Layout,
    entries: Vec<Entry>,
    problems: Problems<'c>,
}

impl Collected<'_> {
    /// Looks for `base` with one of `ends`, of which one is the usual.
    #[inline(never)]
    fn put(&mut self, layer: &Layer, canonical: String, base: &str, (ends, usual): (&[&str], usize)) {
        let found = self.index.any(base, ends);
        let tensor = found.map(|index| &self.file.tensors[index]);
        let weights = canonical.ends_with("/weights");
        let axes = weights.then(|| self.layout.axes(layer.part));
        let expected = match axes {
            None => layer.shape[..1].to_vec(),
            Some(axes) => {
                // Where there is no window, the tensor may be a matrix.
                let rank = tensor.map_or(if layer.part.is_top() { 2 } else { 4 }, |tensor| tensor.shape.len());
                axes.into_iter().filter(|&axis| rank != 2 || axis < 2).map(|axis| layer.shape[axis]).collect()
            }
        };
        let Some((index, tensor)) = found.zip(tensor) else {
            return self.problems.missing(layer, &format!("{base}{}", ends[usual]), &expected);
        };
        let fits = match axes {
            Some(_) => dims(&tensor.shape, self.layout, layer.part) == Some(layer.shape),
            None => tensor.shape == expected,
        };
        if !fits {
            self.problems.wrong(layer, tensor, &expected);
        }
        self.entries.push(Entry { canonical, index, axes });
    }
}
