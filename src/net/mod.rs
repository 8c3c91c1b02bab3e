//! The whole path in one type: bytes of a file in, maps and labels of a frame out.

mod gpu;
mod profile;

#[cfg(target_arch = "wasm32")]
pub use crate::backend::gpu::External;
pub use crate::backend::gpu::{Device, Gpus, Kept, Picture, Variant, connect};
pub use gpu::{Dispatched, GpuCost};

use crate::backend::{Cpu, Executor};
use crate::describe::{self, EndpointInfo, Layer};
use crate::error::{Error, Kind, Result};
use crate::frame::{Frame, Preprocessor, View};
use crate::graph::Graph;
use crate::lane::{Body, Vec4};
use crate::model::Spec;
use crate::output::{Label, Query, top_k};
use crate::plan::{Packing, Plan};
use crate::synthetic;
use crate::weights::{self, Inferred, Overrides, Warning};
use gpu::Accelerator;

/// Which backend the caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The fastest that gives right answers here.
    #[default]
    Auto,
    /// SIMD on the CPU.
    Simd,
    /// The scalar definition on the CPU: slow, for comparison.
    Reference,
    /// WebGPU in the browser, Vulkan natively.
    Gpu,
}

impl Choice {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Auto, "auto"), (Self::Simd, "simd"), (Self::Reference, "reference"), (Self::Gpu, "webgpu")];

    /// The name that options use.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|row| row.0 == self).map_or("auto", |row| row.1)
    }

    /// What of the CPU runs until a GPU is attached, and why.
    fn cpu(self) -> Result<(Self, Body, &'static str)> {
        match self {
            // Whoever opens a network attaches a GPU where that is wanted and possible.
            Self::Auto | Self::Gpu => Ok((Self::Simd, Body::Simd, "no GPU is attached")),
            Self::Simd => Ok((Self::Simd, Body::Simd, "asked for")),
            #[cfg(feature = "reference")]
            Self::Reference => Ok((Self::Reference, Body::Reference, "asked for")),
            #[cfg(not(feature = "reference"))]
            Self::Reference => Err(Error::new(Kind::BadOption, "backend")
                .found("the scalar reference")
                .remedy("Use the module that has it.")),
        }
    }

    /// The choice of that name.
    ///
    /// # Errors
    /// [`Kind::BadOption`] listing the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|row| row.1 == name).map(|row| row.0).ok_or_else(|| {
            Error::new(Kind::BadOption, "backend")
                .expected(Self::ALL.map(|row| row.1).join(", "))
                .found(format!("{name:?}"))
                .remedy("Leave the option out for the fastest backend.")
        })
    }
}

/// What a quantised network is computed in.
#[cfg(feature = "integers")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arithmetic {
    /// The file's own integers, where it states those of every map; floats otherwise.
    #[default]
    Own,
    /// Floats: weights are the numbers that their integers stand for.
    Floats,
}

/// How a network is opened. The default needs no thought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Which backend.
    pub backend: Choice,
    /// What is known better than the file and its tensors tell.
    pub overrides: Overrides,
    /// What it is computed in.
    #[cfg(feature = "integers")]
    pub arithmetic: Arithmetic,
}

/// A feature map or a vector, `[h, w, c]` or `[c]`, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Where in the network it was taken.
    pub endpoint: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// As many values as the product of its dimensions.
    pub data: Vec<f32>,
}

/// What a file told about its network beside the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whose names its tensors bear, e.g. `torchvision`; `synthetic` where there was no file.
    pub naming: &'static str,
    /// What it does not state, and why it was taken to be so.
    pub inferred: Vec<Inferred>,
    /// What is suspicious about it.
    pub warnings: Vec<Warning>,
    /// WordNet ids by class; empty where it holds none.
    pub wnids: Vec<String>,
}

/// A network that is ready for frames.
pub struct Net {
    spec: Spec,
    origin: Origin,
    graph: Graph,
    endpoints: Vec<EndpointInfo>,
    packing: Packing,
    backend: Choice,
    why: String,
    executor: Box<dyn Executor>,
    /// One plan for each set of endpoints asked for so far.
    plans: Vec<(Vec<String>, Plan)>,
    accelerator: Option<Accelerator>,
}

/// The endpoint that [`Net::classify`] asks for.
const PREDICTIONS: &str = "predictions";

impl Net {
    /// Opens a file of weights, of any format that [`weights::Format`] lists.
    ///
    /// # Errors
    /// What is wrong with the file, as one of the weights' kinds of [`Kind`]; [`Kind::BadOption`] for an override that
    /// its tensors contradict, [`Kind::BadModel`] for one that no network can have.
    pub fn open(file: &[u8], options: &Options) -> Result<Self> {
        Self::from_file(weights::read(file)?, options)
    }

    /// Takes the weights of a file that is read already: [`weights::read`], or of several files `weights::read_parts`.
    ///
    /// # Errors
    /// As [`Net::open`].
    pub fn from_file(file: weights::File<'_>, options: &Options) -> Result<Self> {
        let cpu = options.backend.cpu()?;
        let checkpoint = weights::checkpoint(file, &options.overrides)?;
        let graph = Graph::build(&checkpoint.spec)?;
        #[cfg(feature = "integers")]
        let graph = match &checkpoint.integers {
            Some(integers) if options.arithmetic == Arithmetic::Own => {
                graph.quantized(&|name| integers.get(name).is_some())
            }
            _ => graph,
        };
        let packing = Packing::new(&graph);
        let parameters = packing.pack(&graph, &checkpoint)?;
        let origin = Origin {
            naming: checkpoint.naming,
            inferred: checkpoint.inferred,
            warnings: checkpoint.warnings,
            wnids: checkpoint.wnids,
        };
        #[cfg_attr(not(feature = "integers"), expect(unused_mut, reason = "there is one answer to why"))]
        let mut net = Self::new(checkpoint.spec, origin, (graph, packing, parameters), cpu)?;
        #[cfg(feature = "integers")]
        if options.backend == Choice::Auto && net.is_integer() {
            net.why = "its own integers are the CPU's to compute with".into();
        }
        Ok(net)
    }

    /// A network whose weights come out of a seed: as fast as a trained one, and as good as none. The overrides of
    /// `options` go before `spec`.
    ///
    /// # Errors
    /// [`Kind::BadModel`].
    pub fn synthetic(spec: Spec, options: &Options) -> Result<Self> {
        let cpu = options.backend.cpu()?;
        let spec = options.overrides.apply(spec);
        let graph = Graph::build(&spec)?;
        let packing = Packing::new(&graph);
        let parameters = synthetic::parameters(&graph, &packing);
        let wnids = options.overrides.wnids.clone().unwrap_or_default();
        let origin = Origin { naming: "synthetic", wnids, ..Origin::default() };
        Self::new(spec, origin, (graph, packing, parameters), cpu)
    }

    fn new(spec: Spec, origin: Origin, built: (Graph, Packing, Vec<Vec4>), cpu: (Choice, Body, &str)) -> Result<Self> {
        if !origin.wnids.is_empty() && origin.wnids.len() != spec.classes {
            return Err(Error::new(Kind::BadModel, "wnids")
                .expected(format!("{} WordNet ids, one a class", spec.classes))
                .found(format!("{}", origin.wnids.len()))
                .remedy("Leave them out, or give an id for every class."));
        }
        let (graph, packing, parameters) = built;
        let (backend, body, why) = cpu;
        let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
        let executor = Box::new(Cpu::new(body, preprocessor, parameters));
        let endpoints = describe::endpoints(&graph);
        let mut net = Self {
            spec,
            origin,
            graph,
            endpoints,
            packing,
            backend,
            why: why.into(),
            executor,
            plans: Vec::new(),
            accelerator: None,
        };
        // What `classify` needs is planned now, so that the first frame pays for nothing.
        let last = net.last_endpoint().to_owned();
        net.plan(&[&last])?;
        Ok(net)
    }

    /// Has the CPU's steps computed by all threads of `pool`. Results stay the same, bit for bit.
    #[cfg(feature = "threads")]
    pub fn share(&mut self, pool: &'static crate::threads::Pool) {
        self.executor.share(pool);
    }

    /// `predictions`; of a network without top, the endpoint that is computed last.
    #[must_use]
    pub fn last_endpoint(&self) -> &str {
        self.endpoints.last().map_or(PREDICTIONS, |endpoint| &endpoint.name)
    }

    /// What kind of network it is, and by which rules it was trained.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What the file told beside the numbers.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The network, layer by layer.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer> {
        describe::layers(&self.graph)
    }

    /// The network, node by node.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether it is computed in integers.
    #[cfg(feature = "integers")]
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.graph.nodes.iter().any(|node| node.element == crate::graph::Element::Integer)
    }

    /// Which backend runs, and why.
    #[must_use]
    pub fn backend(&self) -> (Choice, &str) {
        (self.backend, &self.why)
    }

    /// Bytes of packed weights.
    #[must_use]
    pub const fn weights_bytes(&self) -> usize {
        self.packing.length() * size_of::<Vec4>()
    }

    /// Bytes of the arena that holds every map of a frame.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.plans.iter().map(|(_, plan)| plan.arena).max().unwrap_or(0) * size_of::<Vec4>()
    }

    /// Every endpoint that can be asked for, in the order in which they are computed.
    #[must_use]
    pub fn endpoints(&self) -> &[EndpointInfo] {
        &self.endpoints
    }

    /// The steps that compute `endpoints`; planned on the first call, remembered after it.
    ///
    /// # Errors
    /// [`Kind::UnknownEndpoint`].
    pub fn plan(&mut self, endpoints: &[&str]) -> Result<&Plan> {
        let index = self.plan_index(endpoints)?;
        Ok(&self.plans[index].1)
    }

    fn plan_index(&mut self, endpoints: &[&str]) -> Result<usize> {
        if let Some(index) = self.plans.iter().position(|(names, _)| names.iter().eq(endpoints)) {
            return Ok(index);
        }
        let plan = Plan::new(&self.graph, &self.packing, endpoints)?;
        self.executor.prepare(&plan);
        self.plans.push((endpoints.iter().map(ToString::to_string).collect(), plan));
        Ok(self.plans.len() - 1)
    }

    /// The maps of `endpoints` for one frame, in that order.
    ///
    /// # Errors
    /// [`Kind::UnknownEndpoint`]; what is wrong with the frame, as one of the sources' kinds of [`Kind`].
    pub fn infer(&mut self, frame: &Frame<'_>, view: &View, endpoints: &[&str]) -> Result<Vec<Tensor>> {
        let index = self.plan_index(endpoints)?;
        let plan = &self.plans[index].1;
        self.executor.run(plan, frame, view)?;
        let tensor = |((endpoint, shape), output)| {
            let mut data = Vec::new();
            self.executor.read(output, &mut data);
            Tensor { endpoint, shape, data }
        };
        Ok(self.shapes(endpoints)?.into_iter().zip(&plan.outputs).map(tensor).collect())
    }

    /// Names and shapes of `endpoints`, which may be asked for by other frameworks' names.
    fn shapes(&self, endpoints: &[&str]) -> Result<Vec<(String, Vec<usize>)>> {
        endpoints
            .iter()
            .map(|name| {
                let name = self.graph.endpoint(name)?.name.clone();
                let shape = self.endpoints.iter().find(|endpoint| endpoint.name == name);
                Ok((name, shape.map_or_else(Vec::new, |endpoint| endpoint.shape.clone())))
            })
            .collect()
    }

    /// The maps of `endpoints` for each frame: those that [`Net::infer`] gives, bit for bit.
    ///
    /// # Errors
    /// As [`Net::infer`], for the first frame that has one, which it names: `frames[2]`.
    pub fn infer_batch(&mut self, frames: &[Frame<'_>], view: &View, endpoints: &[&str]) -> Result<Vec<Vec<Tensor>>> {
        self.plan_index(endpoints)?;
        let of = |index: usize| move |error: Error| error.within(&format!("frames[{index}]"));
        frames.iter().enumerate().map(|(index, frame)| self.infer(frame, view, endpoints).map_err(of(index))).collect()
    }

    /// The labels of one frame.
    ///
    /// # Errors
    /// As [`Net::infer`].
    pub fn classify(&mut self, frame: &Frame<'_>, view: &View, query: &Query) -> Result<Vec<Label>> {
        let tensors = self.infer(frame, view, &[PREDICTIONS])?;
        Ok(tensors.first().map_or_else(Vec::new, |predictions| top_k(&predictions.data, query)))
    }

    /// Whether its classes are ImageNet's and have no names yet: see [`Net::name_imagenet`].
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.spec.labels.is_empty() && matches!(&*self.spec.label_set, "imagenet-1000" | "imagenet-1001")
    }

    /// Names the classes by a table of ImageNet's, as [`weights::parse_imagenet`] reads it. WordNet ids that the
    /// network has already stay.
    ///
    /// # Errors
    /// [`Kind::BadOption`] where the table does not fit the classes.
    pub fn name_imagenet(&mut self, table: &str) -> Result<()> {
        let (labels, wnids) = weights::parse_imagenet(table, self.spec.classes)?;
        self.spec.labels = labels;
        if self.origin.wnids.is_empty() {
            self.origin.wnids = wnids;
        }
        self.origin.inferred.push(Inferred {
            what: "labels",
            value: self.spec.label_set.clone(),
            why: "the file brings no names, and its classes are ImageNet's, in order".into(),
        });
        Ok(())
    }

    /// The WordNet id of class `index`, where it has one: the background has none.
    #[must_use]
    pub fn wnid(&self, index: usize) -> Option<&str> {
        self.origin.wnids.get(index).map(String::as_str).filter(|id| !id.is_empty())
    }

    /// The name of class `index`; its number where the file holds no names.
    #[must_use]
    pub fn label_name(&self, index: usize) -> String {
        self.spec.labels.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
    }
}
