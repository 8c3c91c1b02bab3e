//! A network in integers: the same nodes over maps of integers, with conversions where numbers come in and go out.

use super::{Element, Endpoint, Graph, Node, NodeId, Op};
use crate::model::Pooling;

impl Graph {
    /// This graph in integers. `known` says of which nodes it is known by their names how integers are computed; the
    /// others but activations, which convolutions bound, stay nodes of numbers. Endpoints are numbers.
    #[must_use]
    pub fn quantized(&self, known: &dyn Fn(&str) -> bool) -> Self {
        let nodes = Vec::with_capacity(self.nodes.len() + self.endpoints.len() + 1);
        let graph = Self { version: self.version, nodes, endpoints: Vec::new() };
        let mut rewriter = Rewriter { graph, places: Vec::with_capacity(self.nodes.len()), floats: Vec::new() };
        for node in &self.nodes {
            rewriter.node(node, known);
        }
        for Endpoint { name, node } in &self.endpoints {
            let node = rewriter.float(rewriter.places[*node]);
            rewriter.graph.endpoints.push(Endpoint { name: name.clone(), node });
        }
        rewriter.graph
    }
}

struct Rewriter {
    graph: Graph,
    /// Where each of the old nodes is.
    places: Vec<NodeId>,
    /// Maps of integers and their numbers.
    floats: Vec<(NodeId, NodeId)>,
}

impl Rewriter {
    fn push(&mut self, node: Node) -> NodeId {
        self.graph.nodes.push(node);
        self.graph.nodes.len() - 1
    }

    /// What converts node `id`.
    fn converted(&mut self, id: NodeId, op: Op, element: Element) -> NodeId {
        let Node { name, shape, .. } = &self.graph.nodes[id];
        let suffix = if op == Op::Quantize { "integers" } else { "floats" };
        let node = Node::new(format!("{name}/{suffix}"), op, vec![id], *shape);
        self.push(Node { element, ..node })
    }

    /// The numbers that node `id` stands for.
    fn float(&mut self, id: NodeId) -> NodeId {
        if self.graph.nodes[id].element == Element::Float {
            return id;
        }
        if let Some(&(_, float)) = self.floats.iter().find(|pair| pair.0 == id) {
            return float;
        }
        let float = self.converted(id, Op::Dequantize, Element::Float);
        self.floats.push((id, float));
        float
    }

    fn node(&mut self, node: &Node, known: &dyn Fn(&str) -> bool) {
        let integer = match node.op {
            // The largest of integers is no rule that files state.
            Op::Input | Op::Pad | Op::GlobalPool(Pooling::Max) => false,
            Op::BatchNorm | Op::Activation(_) => true,
            _ => known(&node.name),
        };
        let mut inputs: Vec<NodeId> = node.inputs.iter().map(|&input| self.places[input]).collect();
        for input in &mut inputs {
            let is_float = self.graph.nodes[*input].element == Element::Float;
            if integer && is_float {
                *input = self.converted(*input, Op::Quantize, Element::Integer);
            } else if !integer {
                *input = self.float(*input);
            }
        }
        let op =
            if integer && matches!(node.op, Op::Activation(_)) && known(&node.name) { Op::Lookup } else { node.op };
        let element = if integer { Element::Integer } else { Element::Float };
        let place = self.push(Node { op, inputs, element, ..node.clone() });
        self.places.push(place);
    }
}
