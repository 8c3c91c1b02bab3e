//! `cargo xtask classify`: the browser's code path without the browser.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use mobilenet_web::net::{Dispatched, Gpus, Picture as OnGpu, connect};
use mobilenet_web::output::top_k;
use mobilenet_web::{Arithmetic, Choice, Fit, Frame, Label, Net, Options, Query, Tensor, View};
use serde_json::{Value, json};

use crate::picture::{self, Picture};
use crate::weights::labels;
use crate::{npy, stamp};

const PROBABILITIES: &str = "predictions";
/// What every picture is asked for, and the names under which `--dump` writes them.
const ALWAYS: [&str; 3] = ["logits", PROBABILITIES, "global_pool"];
const DUMPED: [&str; 3] = ["logits", "probabilities", "features"];

/// What `classify` was asked to do.
#[derive(Default)]
pub struct Classify {
    /// A file of any format that the crate reads.
    pub weights: PathBuf,
    /// One row of output each.
    pub images: Vec<PathBuf>,
    /// The pictures have the input's size: no crop, no resize.
    pub as_is: bool,
    /// Which bodies of the kernels run.
    pub backend: Choice,
    /// Also print how long each step takes, or each dispatch of the GPU.
    pub profile: bool,
    /// Also print this endpoint's shape and first values.
    pub endpoint: Option<String>,
    /// Which labels.
    pub query: Query,
    /// Where `.npy` files go.
    pub dump: Option<PathBuf>,
    /// One JSON array instead of lines.
    pub json: bool,
}

/// How many values of an endpoint are shown; `--json` has them all.
const SHOWN: usize = 8;

/// Runs every picture through one network.
pub fn run(classify: &Classify) -> Result<()> {
    let path = &classify.weights;
    let file = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    // GPUs have no kernels of integers.
    let arithmetic = if classify.backend == Choice::Gpu { Arithmetic::Floats } else { Arithmetic::Own };
    let options = Options { backend: classify.backend, arithmetic, ..Options::default() };
    let mut net = Net::open(&file, &options).with_context(|| path.display().to_string())?;
    if net.is_nameless()
        && let Err(error) = labels::imagenet().and_then(|table| Ok(net.name_imagenet(&table)?))
    {
        eprintln!("classes keep their numbers: {error:#}");
    }
    if classify.backend == Choice::Gpu {
        let device = pollster::block_on(connect(Gpus::new()))?;
        net.attach(&device, device.variant())?;
        // Beside the answers, which may be JSON.
        eprintln!("on {}", device.name);
    }
    let mut rows = Vec::new();
    for image in &classify.images {
        let row = classify.one(&mut net, image).with_context(|| image.display().to_string())?;
        if classify.json {
            rows.push(row.json(&net));
        } else {
            row.print(&net);
        }
    }
    if classify.json {
        println!("{:#}", Value::from(rows));
    }
    Ok(())
}

struct Row<'a> {
    image: &'a Path,
    labels: Vec<Label>,
    profile: Vec<Dispatched>,
    endpoint: Option<Tensor>,
}

impl Classify {
    fn one<'a>(&self, net: &mut Net, image: &'a Path) -> Result<Row<'a>> {
        let Picture { rgba, width_px, height_px } = picture::read(image)?;
        let frame = Frame { rgba: &rgba, width_px, height_px };
        let fit = if self.as_is { Fit::AsIs } else { Fit::Preset };
        let view = View { fit, ..View::default() };
        let mut endpoints = ALWAYS.to_vec();
        endpoints.extend(self.endpoint.as_deref().filter(|name| !ALWAYS.contains(name)));
        let mut tensors = if net.is_attached() {
            pollster::block_on(net.gpu_infer(&OnGpu::Bytes(frame), &view, &endpoints)?)?
        } else {
            net.infer(&frame, &view, &endpoints)?
        };
        if let Some(folder) = &self.dump {
            let stem = image.file_stem().unwrap_or_default().to_string_lossy();
            for (tensor, name) in tensors.iter().zip(DUMPED) {
                stamp::write(&folder.join(format!("{stem}.{name}.npy")), &npy::encode(&tensor.data))?;
            }
        }
        let probabilities = tensors.iter().find(|tensor| tensor.endpoint == PROBABILITIES).context(PROBABILITIES)?;
        let labels = top_k(&probabilities.data, &self.query);
        let position = tensors.iter().position(|tensor| Some(&tensor.endpoint) == self.endpoint.as_ref());
        let profile = if self.profile { profile(net, frame, &view)? } else { Vec::new() };
        Ok(Row { image, labels, profile, endpoint: position.map(|position| tensors.swap_remove(position)) })
    }
}

/// The second frame's times on a GPU, for the first one's compile and upload; on the CPU the shortest of several.
fn profile(net: &mut Net, frame: Frame<'_>, view: &View) -> Result<Vec<Dispatched>> {
    if !net.is_attached() {
        let start = Instant::now();
        let mut clock = || start.elapsed().as_secs_f64() * 1e3;
        return Ok(net.profile(&frame, view, &[PROBABILITIES], &mut clock)?);
    }
    let mut once =
        || -> Result<_> { Ok(pollster::block_on(net.gpu_profile(&OnGpu::Bytes(frame), view, &[PROBABILITIES])?)?) };
    once()?;
    once()
}

impl Row<'_> {
    fn json(&self, net: &Net) -> Value {
        let label = |&Label { index, probability }: &Label| {
            let (name, wnid) = (net.label_name(index), net.wnid(index));
            json!({ "index": index, "name": name, "wnid": wnid, "probability": probability })
        };
        let mut row = json!({
            "image": self.image.to_string_lossy(),
            "labels": self.labels.iter().map(label).collect::<Vec<_>>(),
        });
        if let Some(tensor) = &self.endpoint {
            row["endpoint"] = json!({ "name": tensor.endpoint, "shape": tensor.shape, "data": tensor.data });
        }
        if !self.profile.is_empty() {
            let line = |row: &Dispatched| {
                json!({
                    "layers": row.layers, "kernel": row.kernel, "us": row.us,
                    "macs": row.macs, "gflops": row.gflops(), "bytes": row.bytes,
                })
            };
            row["profile"] = self.profile.iter().map(line).collect();
        }
        row
    }

    fn print(&self, net: &Net) {
        println!("{}", self.image.display());
        for label in &self.labels {
            let percent = 100.0 * label.probability;
            println!("  {percent:6.2} %  {:>4}  {}", label.index, net.label_name(label.index));
        }
        if let Some(tensor) = &self.endpoint {
            let first = &tensor.data[..tensor.data.len().min(SHOWN)];
            println!("  {} {:?}: {first:.4?} …", tensor.endpoint, tensor.shape);
        }
        if !self.profile.is_empty() {
            println!("  {:>9}  {:>8}  {:>7}  {:>9}  {:<17}  layers", "µs", "GFLOP/s", "GB/s", "bytes", "kernel");
        }
        for row in &self.profile {
            let (gflops, gbytes, layers) = (row.gflops(), row.gbytes(), row.layers.join(" + "));
            println!("  {:9.1}  {gflops:8.1}  {gbytes:7.2}  {:9}  {:<17}  {layers}", row.us, row.bytes, row.kernel);
        }
        if !self.profile.is_empty() {
            let us: f64 = self.profile.iter().map(|row| row.us).sum();
            println!("  {us:9.1}  in {} steps, one after the other", self.profile.len());
        }
    }
}
