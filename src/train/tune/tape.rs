//! The end of a graph as steps that run forward and backward, and where each map lies: data, like a plan.

use super::variables::Variables;
use crate::error::Result;
use crate::graph::{Graph, NodeId, Op};
use crate::kernels::{Call, Curve, Pointwise};
use crate::lane::Vec4;
use crate::plan::{Map, Slot, bend, call, place, vec4s};

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Work {
    /// All pixels of the batch at once: a 1×1 convolution or a dense layer, and how many outputs it has.
    Pixels(Pointwise, usize),
    /// Map by map: anything that looks at pixels together.
    Maps(Call),
    /// Scale, offset and bend: a batch norm with the activation behind it, or an activation alone.
    Norm(Curve),
    /// The sum of two maps.
    Add,
}

/// One step of both ways.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) work: Work,
    /// Whose map it writes.
    pub(super) output: NodeId,
    /// Whose maps it reads.
    pub(super) inputs: Vec<NodeId>,
    /// Its parameters, by index in [`Variables::all`].
    pub(super) variable: Option<usize>,
    /// Whether anything at or before it is trained: it has a gradient then.
    pub(super) learns: bool,
    /// For each input, whether a gradient is handed to it, and whether another step did so before.
    pub(super) hands: Vec<Hand>,
    /// A map of its output's size, for its own backward step.
    pub(super) spare: Slot,
    /// One of its input's size.
    pub(super) part: Slot,
}

/// How an input gets its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    /// Not at all: nothing before it is trained.
    No,
    /// This step is the first.
    Writes,
    /// It had some before.
    Adds,
}

/// The steps from a map to the logits.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    pub(super) steps: Vec<Step>,
    /// By node: its map, and the gradient of its map.
    pub(super) values: Vec<Slot>,
    pub(super) gradients: Vec<Slot>,
    /// [`Vec4`]s of one map, by node.
    pub(super) sizes: Vec<usize>,
    /// Length of the arena.
    pub(super) arena: usize,
    /// Whether the map that it begins with has a gradient too.
    to_input: bool,
}

/// What lies in the arena beside the maps of nodes.
#[derive(Clone, Copy)]
enum Kept {
    Value(NodeId),
    Gradient(NodeId),
    Spare(usize),
    Part(usize),
}

impl Tape {
    /// From the map of node `input` to that of `logits`, for batches of so many maps; `to_input`: and back to that map.
    ///
    /// # Errors
    /// [`crate::Kind::BadModel`] for a node that no kernel computes.
    pub(super) fn new(
        graph: &Graph,
        variables: &Variables,
        [input, logits]: [NodeId; 2],
        (batch, to_input): (usize, bool),
    ) -> Result<Self> {
        let mut steps = Vec::new();
        let mut id = input + 1;
        while id <= logits {
            let (step, next) = step(graph, variables, id)?;
            steps.push(step);
            id = next;
        }
        let mut learns = vec![false; graph.nodes.len()];
        learns[input] = to_input;
        for step in &mut steps {
            let trains = step.variable.is_some_and(|index| variables.all[index].trains);
            step.learns = trains || step.inputs.iter().any(|&input| learns[input]);
            learns[step.output] = step.learns;
        }
        let mut had = vec![false; graph.nodes.len()];
        for step in steps.iter_mut().rev().filter(|step| step.learns) {
            let hand = |&input: &NodeId| match (learns[input], std::mem::replace(&mut had[input], true)) {
                (false, _) => Hand::No,
                (true, false) => Hand::Writes,
                (true, true) => Hand::Adds,
            };
            step.hands = step.inputs.iter().map(hand).collect();
        }
        let sizes = graph.nodes.iter().map(vec4s).collect();
        let nodes = graph.nodes.len();
        let none = vec![0..0; nodes];
        let mut tape = Self { steps, values: none.clone(), gradients: none, sizes, arena: 0, to_input };
        tape.lay_out([input, logits], batch);
        Ok(tape)
    }

    /// Of the arena.
    pub(super) const fn bytes(&self) -> usize {
        self.arena.saturating_mul(size_of::<Vec4>())
    }

    /// Forward steps happen at 1, 2 …, then the loss, then backward steps.
    fn lay_out(&mut self, [input, logits]: [NodeId; 2], batch: usize) {
        let loss = self.steps.len() + 1;
        let backward = |index: usize| 2 * loss - 1 - index;
        let mut kept = Vec::new();
        let mut maps = Vec::new();
        let mut keep = |what: Kept, size: usize, first: usize, last: usize| {
            maps.push(Map { node: kept.len(), size: size * batch, first, last });
            kept.push(what);
        };
        let written =
            |node: NodeId| self.steps.iter().position(|step| step.output == node).map_or(0, |index| index + 1);
        for node in std::iter::once(input).chain(self.steps.iter().map(|step| step.output)) {
            let readers = || self.steps.iter().enumerate().filter(move |(_, step)| step.inputs.contains(&node));
            let forward = readers().map(|(index, _)| index + 1).max();
            let again = readers().filter(|(_, step)| step.needs_inputs()).map(|(index, _)| backward(index)).max();
            let last = forward.max(again).unwrap_or(loss);
            keep(Kept::Value(node), self.sizes[node], written(node), last);
        }
        for (index, step) in self.steps.iter().enumerate().filter(|(_, step)| step.learns) {
            let readers = self.steps.iter().enumerate().filter(|(_, other)| other.inputs.contains(&step.output));
            let first = readers.map(|(index, _)| backward(index)).min().unwrap_or(loss);
            keep(Kept::Gradient(step.output), self.sizes[step.output], first, backward(index));
            if matches!(step.work, Work::Norm(_)) {
                keep(Kept::Spare(index), self.sizes[step.output], backward(index), backward(index));
            }
            if step.hands.contains(&Hand::Adds) && step.work != Work::Add {
                let part = step.inputs.iter().map(|&input| self.sizes[input]).max().unwrap_or(0);
                keep(Kept::Part(index), part, backward(index), backward(index));
            }
        }
        if self.to_input {
            let readers = self.steps.iter().enumerate().filter(|(_, step)| step.inputs.contains(&input));
            let first = readers.map(|(index, _)| backward(index)).min().unwrap_or(loss);
            keep(Kept::Gradient(input), self.sizes[input], first, backward(0));
        }
        debug_assert!(self.steps.last().is_some_and(|step| step.output == logits));
        for (map, slot) in place(maps) {
            self.arena = self.arena.max(slot.end);
            *match kept[map.node] {
                Kept::Value(node) => &mut self.values[node],
                Kept::Gradient(node) => &mut self.gradients[node],
                Kept::Spare(index) => &mut self.steps[index].spare,
                Kept::Part(index) => &mut self.steps[index].part,
            } = slot;
        }
    }
}

impl Step {
    /// Whether its backward step reads what it read forward.
    fn needs_inputs(&self) -> bool {
        self.learns && self.work != Work::Add
    }
}

/// The step that begins at node `id`, and the node after it.
fn step(graph: &Graph, variables: &Variables, id: NodeId) -> Result<(Step, NodeId)> {
    let node = &graph.nodes[id];
    let variable = variables.all.iter().position(|variable| variable.node == id);
    let mut output = id;
    let work = match node.op {
        Op::BatchNorm => {
            // A bend that nobody else looks behind is part of the norm.
            let mut readers = graph.nodes.iter().enumerate().filter(|(_, node)| node.inputs.contains(&id));
            match (readers.next(), readers.next()) {
                (Some((next, graph_node)), None) => match graph_node.op {
                    Op::Activation(activation) if next == id + 1 => {
                        output = next;
                        Work::Norm(bend(activation))
                    }
                    _ => Work::Norm(Curve::LINEAR),
                },
                _ => Work::Norm(Curve::LINEAR),
            }
        }
        Op::Activation(activation) => Work::Norm(bend(activation)),
        Op::Add => Work::Add,
        _ => match call(graph, id, Curve::LINEAR, false)? {
            Call::Pointwise(p) => Work::Pixels(p, node.shape.channels),
            Call::Dense(p) => {
                let (in_channels, out_lanes) = (p.in_channels, p.out_lanes);
                let p = Pointwise { pixels: 1, in_channels, out_lanes, residual: 0, curve: Curve::LINEAR };
                Work::Pixels(p, node.shape.channels)
            }
            call => Work::Maps(call),
        },
    };
    let inputs = node.inputs.clone();
    let step = Step { work, output, inputs, variable, learns: false, hands: Vec::new(), spare: 0..0, part: 0..0 };
    Ok((step, output + 1))
}
