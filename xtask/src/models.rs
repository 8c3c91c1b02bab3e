//! `cargo xtask models`: what each member of the family costs, computed by its graph, beside what it was published to
//! be worth.

mod published;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use mobilenet_web::graph::{Graph, NodeId, Op};
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::{Fit, Frame, Net, Options, Query, View};
use serde_json::{Value, json};

use published::{SOURCES, Source, WIDTHS};

/// What `models` was asked for.
#[derive(Default)]
pub struct Models {
    /// As JSON.
    pub json: bool,
    /// The layers of that one variant instead of the table.
    pub layers: Option<String>,
    /// With the time that a frame takes on this machine.
    pub measure: bool,
}

/// One variant with what it costs.
struct Model {
    name: String,
    spec: Spec,
    params: usize,
    macs: u64,
    download_bytes: usize,
    top1: Option<f32>,
    source: &'static Source,
}

/// One row of a network's table of layers.
struct Layer {
    name: String,
    kind: String,
    shape: String,
    params: usize,
    batch_norm_params: usize,
    macs: u64,
}

/// Prints the table, or one variant's layers.
pub fn run(models: &Models) -> Result<()> {
    if let Some(name) = &models.layers {
        return print_layers(name, models.json);
    }
    if models.json {
        let mut list = index()?;
        if models.measure {
            for (model, row) in all()?.iter().zip(list["models"].as_array_mut().into_iter().flatten()) {
                row["nativeMs"] = json!(native_ms(&model.spec)?);
            }
        }
        println!("{list:#}");
        return Ok(());
    }
    println!(
        "{:<32} {:>10} {:>13} {:>11} {:>8} {:>6}  source",
        "model (1000 classes)", "params", "macs", "f32 bytes", "ms here", "top-1"
    );
    for Model { name, params, macs, download_bytes, top1, source, spec } in all()? {
        let ms = if models.measure { format!("{:.2}", native_ms(&spec)?) } else { String::new() };
        let (top1, source) = top1.map_or_else(Default::default, |top1| (format!("{top1:.1}"), source.name));
        println!("{name:<32} {params:>10} {macs:>13} {download_bytes:>11} {ms:>8} {top1:>6}  {source}");
    }
    if models.measure {
        let checks = if cfg!(debug_assertions) { "with overflow checks, which releases lack" } else { "a release" };
        println!(
            "ms here: {MEASURED_RUNS} runs' median from pixels to labels, random weights, an optimised build, {checks}"
        );
    }
    for Source { name, title, url } in SOURCES {
        println!("{name}: {title}, {url}");
    }
    Ok(())
}

/// models.json of the site: the one list that its page shows.
pub fn index() -> Result<Value> {
    let models = all()?;
    let rows = models.iter().map(|model| {
        json!({
            "name": model.name,
            "version": model.spec.version.name(),
            "multiplier": decimal(model.spec.multiplier),
            "resolution": model.spec.height_px,
            "classes": model.spec.classes,
            "params": model.params,
            "macs": model.macs,
            "downloadBytes": model.download_bytes,
            "top1": model.top1.map(decimal),
            "source": model.top1.map(|_| model.source.name),
        })
    });
    let sources = SOURCES.iter().map(|Source { name, title, url }| json!({ "name": name, "title": title, "url": url }));
    Ok(json!({ "models": rows.collect::<Value>(), "sources": sources.collect::<Value>() }))
}

/// Every listed variant, in the list's order.
fn all() -> Result<Vec<Model>> {
    let each = |width: &'static published::Width| width.sizes.iter().map(move |size| (width, *size));
    let model = |(width, (side_px, top1)): (&'static published::Width, (usize, Option<f32>))| {
        let spec = spec(width.version, width.multiplier, side_px);
        let graph = Graph::build(&spec)?;
        Ok(Model {
            name: name(&spec),
            params: graph.params(),
            macs: graph.macs(),
            download_bytes: numbers(&graph) * size_of::<f32>(),
            top1,
            source: &SOURCES[width.source],
            spec,
        })
    };
    WIDTHS.iter().flat_map(each).map(model).collect()
}

const WARM_UP_RUNS: usize = 3;
const MEASURED_RUNS: usize = 15;

/// Median milliseconds from pixels to labels on this machine, with random weights.
fn native_ms(spec: &Spec) -> Result<f64> {
    let mut net = Net::synthetic(spec.clone(), &Options::default())?;
    let (width_px, height_px) = (spec.width_px, spec.height_px);
    // Any picture that is not flat.
    let rgba: Vec<u8> = (0..=u8::MAX).cycle().take(width_px * height_px * 4).collect();
    let frame = Frame { rgba: &rgba, width_px, height_px };
    let view = View { fit: Fit::AsIs, ..View::default() };
    let mut times = Vec::with_capacity(MEASURED_RUNS);
    for run in 0..WARM_UP_RUNS + MEASURED_RUNS {
        let begun = Instant::now();
        net.classify(&frame, &view, &Query::default())?;
        if run >= WARM_UP_RUNS {
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[MEASURED_RUNS / 2])
}

fn spec(version: Version, multiplier: f32, side_px: usize) -> Spec {
    Spec { multiplier, height_px: side_px, width_px: side_px, ..Spec::new(version) }
}

/// As in the names of weights' files: `v2_1.0_224`.
fn name(spec: &Spec) -> String {
    format!("{}_{:?}_{}", spec.version.name(), spec.multiplier, spec.height_px)
}

/// The spec of a name, listed or not.
fn parse(name: &str) -> Result<Spec> {
    let form = || format!("`{name}` is no variant: expected for example `v2_1.0_224` or `v3-small_0.75_224`");
    let [version, multiplier, side] = name.split('_').collect::<Vec<_>>()[..] else { bail!(form()) };
    let Some(version) = Version::from_name(version) else {
        let names: Vec<&str> = Version::ALL.iter().map(|row| row.1).collect();
        bail!("there is no version `{version}`; there are {}", names.join(", "));
    };
    let multiplier = multiplier.parse().with_context(form)?;
    Ok(spec(version, multiplier, side.parse().with_context(form)?))
}

/// An f32 as the decimal it was written as: JSON would print 0.35f32's own digits.
fn decimal(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

/// Every number of the weights, moving statistics included: what a file of f32 holds beside its header.
fn numbers(graph: &Graph) -> usize {
    (0..graph.nodes.len()).map(|id| count(graph, id, |_| true)).sum()
}

fn count(graph: &Graph, id: NodeId, wanted: impl Fn(bool) -> bool) -> usize {
    let parameters = graph.parameters(id).into_iter().filter(|parameter| wanted(parameter.trainable));
    parameters.map(|parameter| parameter.shape.iter().product::<usize>()).sum()
}

fn print_layers(name: &str, as_json: bool) -> Result<()> {
    let spec = parse(name)?;
    let graph = Graph::build(&spec)?;
    let layers = layers(&graph);
    if as_json {
        let row = |layer: &Layer| {
            json!({
                "name": layer.name,
                "kind": layer.kind,
                "shape": layer.shape,
                "params": layer.params,
                "batchNormParams": layer.batch_norm_params,
                "macs": layer.macs,
            })
        };
        let rows: Value = layers.iter().map(row).collect();
        println!("{:#}", json!({ "name": name, "params": graph.params(), "macs": graph.macs(), "layers": rows }));
        return Ok(());
    }
    println!("{:<34} {:<19} {:<11} {:>9} {:>10} {:>12}", "layer", "kind", "output", "params", "batch norm", "macs");
    for Layer { name, kind, shape, params, batch_norm_params, macs } in layers {
        println!("{name:<34} {kind:<19} {shape:<11} {params:>9} {batch_norm_params:>10} {macs:>12}");
    }
    println!("{:<34} {:<19} {:<11} {:>20} {:>12}", "total", "", "", graph.params(), graph.macs());
    Ok(())
}

/// The nodes that multiply, each with the trained numbers of the batch norm behind it.
fn layers(graph: &Graph) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        let trained = count(graph, id, |trainable| trainable);
        let kind = match node.op {
            Op::Conv(window) => format!("{0}×{0} / {1}", window.kernel, window.stride),
            Op::Depthwise(window) => format!("depthwise {0}×{0} / {1}", window.kernel, window.stride),
            Op::Dense => "dense".into(),
            _ => {
                if let (Op::BatchNorm, Some(layer)) = (node.op, layers.last_mut()) {
                    layer.batch_norm_params += trained;
                }
                continue;
            }
        };
        let (name, shape) = (node.name.clone(), node.shape.to_string());
        layers.push(Layer { name, kind, shape, params: trained, batch_norm_params: 0, macs: graph.node_macs(id) });
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for model in all().expect("every listed variant is a network") {
            assert_eq!(parse(&model.name).expect("a name"), model.spec);
        }
        assert_eq!(name(&spec(Version::V3Small, 0.75, 224)), "v3-small_0.75_224");
        for wrong in ["", "v2", "v9_1.0_224", "v2_wide_224", "v2_1.0_224_extra"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// The sources print the multiply-accumulates too, rounded to millions: a row in the wrong place would show. Left
    /// out are V1 0.75 and 0.25 at 192 px and V3 Small, where the source's figure is not that of its own network.
    #[test]
    fn published_rows_stand_at_their_networks() {
        let macs = |name: &str| Graph::build(&parse(name).expect("a name")).expect("a network").macs() as f64 / 1e6;
        let published = [
            ("v1_1.0_224", 569.0),
            ("v1_0.5_160", 77.0),
            ("v1_0.25_128", 14.0),
            ("v2_1.4_224", 582.0),
            ("v2_1.3_224", 509.0),
            ("v2_1.0_192", 221.0),
            ("v2_0.5_224", 97.0),
            ("v2_0.35_160", 30.0),
            ("v3-large_1.0_224", 217.0),
            ("v3-large_0.75_224", 155.0),
            ("v3-large-minimalistic_1.0_224", 209.0),
            ("v3-small_0.75_224", 44.0),
        ];
        for (name, expected) in published {
            let found = macs(name);
            assert!((found - expected).abs() <= 0.02 * expected + 0.5, "{name}: {found} M, published {expected} M");
        }
    }

    #[test]
    fn layers_sum_to_the_network() {
        let graph = Graph::build(&spec(Version::V3Large, 0.75, 192)).expect("a network");
        let layers = layers(&graph);
        assert_eq!(layers.iter().map(|layer| layer.params + layer.batch_norm_params).sum::<usize>(), graph.params());
        assert_eq!(layers.iter().map(|layer| layer.macs).sum::<u64>(), graph.macs());
    }
}
