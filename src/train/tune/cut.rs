//! Where training begins: an endpoint's name, or a layer as Keras counts them, → nodes.

use crate::error::{Error, Kind, Result};
use crate::graph::{Endpoint, Graph, NodeId, Op};
use crate::model::Version;
use crate::train::options::bad;

/// What is trained is everything from here on, the head included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The layers whose last output this endpoint is (a name or an alias of [`Graph::endpoint`]), and all after them.
    Endpoint(String),
    /// The layer of this index in `model.layers` of `keras.applications` (Keras 3.15), and all after it.
    Layer(usize),
    /// The same in a base of so many layers, as `len(base.layers)` tells: V2 had 155 while a `ZeroPadding2D` of its own stood
    /// before its first convolution (keras-applications 1.0.8), and has 154 now.
    LayerOf(usize, usize),
}

/// The maps that training starts from, and what it trains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last endpoint before the cut through which all later layers see the picture; none where it is the picture itself.
    pub endpoint: Option<Endpoint>,
    /// The first node whose parameters are trained.
    pub first: NodeId,
}

impl Place {
    /// The node whose maps are taken.
    #[must_use]
    pub fn input(&self) -> NodeId {
        self.endpoint.as_ref().map_or(0, |endpoint| endpoint.node)
    }
}

/// What Keras calls a layer, and the node at which training begins where it begins with that layer. Without the top.
#[must_use]
pub fn keras_layers(graph: &Graph, pads_stem: bool) -> Vec<(&'static str, NodeId)> {
    let mut layers = vec![("InputLayer", 0)];
    let scales = !matches!(graph.version, Version::V1 | Version::V2 | Version::Custom);
    if scales {
        // V3 has its preprocessing inside.
        layers.push(("Rescaling", 0));
    }
    for (id, node) in graph.nodes.iter().enumerate().skip(1) {
        let class = match node.op {
            Op::Conv(window) => {
                if window.kernel > 1 && pads_stem {
                    layers.push(("ZeroPadding2D", id));
                }
                "Conv2D"
            }
            Op::Depthwise(window) => {
                if window.stride == 2 {
                    layers.push(("ZeroPadding2D", id));
                }
                "DepthwiseConv2D"
            }
            // The two layers of a gate are 1×1 convolutions there.
            Op::Dense => "Conv2D",
            Op::BatchNorm => "BatchNormalization",
            Op::Activation(_) => "Activation",
            Op::Add => "Add",
            Op::Scale => "Multiply",
            Op::GlobalPool(_) if node.name.ends_with("squeeze_excite/pool") => "GlobalAveragePooling2D",
            Op::GlobalPool(_) => break,
            _ => continue,
        };
        layers.push((class, id));
    }
    layers
}

impl Cut {
    /// Where that is in `graph`.
    ///
    /// # Errors
    /// [`Kind::UnknownEndpoint`]; [`Kind::BadOption`] for a layer that is not there.
    pub fn place(&self, graph: &Graph) -> Result<Place> {
        let first = match self {
            Self::Endpoint(name) => first_of(graph, name)?,
            Self::Layer(index) => layer(&keras_layers(graph, false), *index)?,
            Self::LayerOf(index, count) => {
                let lists = [false, true].map(|pads_stem| keras_layers(graph, pads_stem));
                let Some(layers) = lists.iter().find(|layers| layers.len() == *count) else {
                    let counts =
                        format!("{} or {}, as Keras counts this base's layers", lists[0].len(), lists[1].len());
                    return Err(bad("layers", &counts, count.to_string()));
                };
                layer(layers, *index)?
            }
        };
        let last = graph.endpoint("logits")?.node;
        let is_only_way = |node: NodeId| {
            graph.nodes[node + 1..=last].iter().flat_map(|node| &node.inputs).all(|&input| input >= node)
        };
        let endpoint = graph.endpoints.iter().rfind(|endpoint| endpoint.node < first && is_only_way(endpoint.node));
        Ok(Place { endpoint: endpoint.cloned(), first })
    }
}

/// The first node of what computes an endpoint.
fn first_of(graph: &Graph, name: &str) -> Result<NodeId> {
    let endpoint = graph.endpoint(name)?;
    let name = &*endpoint.name;
    let of_block = graph
        .nodes
        .iter()
        .position(|node| node.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    // An endpoint inside a block begins where the one before it ends; that of the predictions has nothing to train.
    let before = graph.endpoints.iter().rfind(|other| other.node < endpoint.node).map_or(0, |other| other.node);
    let first = of_block.unwrap_or(before + 1);
    let logits = graph.endpoint("logits")?.node;
    Ok(first.min(logits))
}

fn layer(layers: &[(&str, NodeId)], index: usize) -> Result<NodeId> {
    // Nothing before the first convolution is trained.
    layers.get(index).map(|&(_, node)| node.max(1)).ok_or_else(|| {
        Error::new(Kind::BadOption, "fineTuneFrom")
            .expected(format!("a layer below {}, as Keras counts this base's layers, or an endpoint", layers.len()))
            .found(index.to_string())
            .remedy("`info.endpoints` lists the endpoints.")
    })
}
