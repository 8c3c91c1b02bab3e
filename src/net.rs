//! The whole path in one type: bytes of a file in, maps and labels of a frame out.

use crate::backend::{Cpu, Executor};
use crate::error::{Error, Kind, Result};
use crate::frame::{Frame, Preprocessor, View};
use crate::graph::{Graph, Shape};
use crate::lane::{Body, Vec4};
use crate::model::Spec;
use crate::output::{Label, Query, top_k};
use crate::plan::{Packing, Plan};
use crate::weights;

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
}

impl Choice {
    const ALL: [(Self, &'static str); 3] = [(Self::Auto, "auto"), (Self::Simd, "simd"), (Self::Reference, "reference")];

    /// The name that options use.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|row| row.0 == self).map_or("auto", |row| row.1)
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

/// How a network is opened. The default needs no thought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which backend.
    pub backend: Choice,
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

/// One endpoint that a network can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointInfo {
    /// Its name.
    pub name: String,
    /// `[h, w, c]` of a map, `[c]` of a vector.
    pub shape: Vec<usize>,
}

/// A network that is ready for frames.
pub struct Net {
    spec: Spec,
    graph: Graph,
    packing: Packing,
    backend: Choice,
    why: String,
    executor: Box<dyn Executor>,
    /// One plan for each set of endpoints asked for so far.
    plans: Vec<(Vec<String>, Plan)>,
}

/// The endpoint that [`Net::classify`] asks for.
const PREDICTIONS: &str = "predictions";

impl Net {
    /// Opens a file of weights, of any format that [`weights::Format`] lists.
    ///
    /// # Errors
    /// What is wrong with the file, as one of the weights' kinds of [`Kind`].
    pub fn open(file: &[u8], options: &Options) -> Result<Self> {
        let checkpoint = weights::checkpoint(weights::read(file)?, &weights::Overrides::default())?;
        let graph = Graph::build(&checkpoint.spec)?;
        let packing = Packing::new(&graph);
        let parameters = packing.pack(&graph, &checkpoint)?;
        let spec = checkpoint.spec.clone();
        let (backend, body, why) = match options.backend {
            Choice::Auto => (Choice::Simd, Body::Simd, "the fastest backend that this build has"),
            Choice::Simd => (Choice::Simd, Body::Simd, "asked for"),
            Choice::Reference => (Choice::Reference, Body::Reference, "asked for"),
        };
        let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
        let executor = Box::new(Cpu::new(body, preprocessor, parameters));
        let mut net = Self { spec, graph, packing, backend, why: why.into(), executor, plans: Vec::new() };
        // What `classify` needs is planned now, so that the first frame pays for nothing.
        if net.spec.classes > 0 {
            net.plan(&[PREDICTIONS])?;
        }
        Ok(net)
    }

    /// What kind of network it is, and by which rules it was trained.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The network, node by node.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
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
    pub fn endpoints(&self) -> Vec<EndpointInfo> {
        let info = |endpoint: &crate::graph::Endpoint| EndpointInfo {
            name: endpoint.name.clone(),
            shape: dimensions(self.graph.nodes[endpoint.node].shape),
        };
        self.graph.endpoints.iter().map(info).collect()
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
        let tensor = |output: &crate::plan::Output| {
            let mut data = Vec::new();
            self.executor.read(output, &mut data);
            Tensor { endpoint: output.name.clone(), shape: dimensions(output.shape), data }
        };
        Ok(plan.outputs.iter().map(tensor).collect())
    }

    /// The labels of one frame.
    ///
    /// # Errors
    /// As [`Net::infer`].
    pub fn classify(&mut self, frame: &Frame<'_>, view: &View, query: &Query) -> Result<Vec<Label>> {
        let tensors = self.infer(frame, view, &[PREDICTIONS])?;
        Ok(tensors.first().map_or_else(Vec::new, |predictions| top_k(&predictions.data, query)))
    }

    /// The name of class `index`; its number where the file holds no names.
    #[must_use]
    pub fn label_name(&self, index: usize) -> String {
        self.spec.labels.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
    }
}

/// `[h, w, c]` of a map, `[c]` of a vector.
fn dimensions(shape: Shape) -> Vec<usize> {
    if shape.pixels() == 1 { vec![shape.channels] } else { vec![shape.height, shape.width, shape.channels] }
}
