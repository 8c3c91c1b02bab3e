//! Runs a tape: forward, and backward from the gradient of the logits.

use super::calls::Calls;
use super::tape::{Hand, Step, Tape, Work};
use super::variables::{Derived, Variables, bends};
use crate::graph::{Graph, NodeId, Op};
use crate::kernels::gradients::{
    TrainAffine, TrainBend, TrainDepthwise, TrainDepthwiseInput, TrainMoments, TrainNorm, TrainNormInput,
    TrainPointwise, TrainPool, TrainProduct, TrainScale, TrainStem, add_to, turn, turned,
};
use crate::kernels::{Add, Call, Curve, Io, Scale};
use crate::lane::{Vec4, lanes};
use crate::plan::{Slot, borrow};

/// Buffers of a tape.
pub(super) struct Runner {
    pub(super) calls: Calls,
    pub(super) arena: Vec<Vec4>,
    /// Packed as [`Variables::weights`] are.
    pub(super) gradients: Vec<Vec4>,
    /// By step: what a norm computes with.
    derived: Vec<Option<Derived>>,
    /// By step: 1×1 weights the other way round.
    turned: Vec<Vec<Vec4>>,
    /// The gradients of some maps' weights.
    shares: Vec<Vec4>,
    /// What dropout multiplies the inputs of the last step by; empty where nothing is left out.
    pub(super) dropout: Vec<Vec4>,
}

/// Maps whose gradients of weights are computed side by side before they are added.
const SHARES: usize = 16;

/// How batch norms normalise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistics {
    /// By moving statistics.
    Moving,
    /// By the batch's own, which move the others: so much of them stays.
    Batch { momentum: f32 },
}

impl Runner {
    /// None where there is not as much memory.
    pub(super) fn new(graph: &Graph, tape: &Tape, variables: &Variables) -> Option<Self> {
        let mut arena = Vec::new();
        arena.try_reserve_exact(tape.arena).ok()?;
        arena.resize(tape.arena, Vec4::default());
        let derived = |step: &Step| {
            let norm = matches!(step.work, Work::Norm(_));
            norm.then(|| Derived::plain(lanes(graph.nodes[step.output].shape.channels)))
        };
        let of_maps = tape.steps.iter().filter(|step| matches!(step.work, Work::Maps(_)));
        let ranges = of_maps.filter_map(|step| Some(variables.all[step.variable?].range.len()));
        let mut runner = Self {
            calls: Calls::default(),
            arena,
            gradients: vec![Vec4::default(); variables.weights.len()],
            derived: tape.steps.iter().map(derived).collect(),
            turned: vec![Vec::new(); tape.steps.len()],
            shares: vec![Vec4::default(); ranges.max().unwrap_or(0) * SHARES],
            dropout: Vec::new(),
        };
        runner.turn(tape, variables, false);
        Some(runner)
    }

    /// Turns the weights that gradients are handed on through; of those that training changed, or of all.
    pub(super) fn turn(&mut self, tape: &Tape, variables: &Variables, changed: bool) {
        for (step, to) in tape.steps.iter().zip(&mut self.turned) {
            let (Work::Pixels(p, outputs), Some(variable)) = (step.work, step.variable) else { continue };
            let variable = &variables.all[variable];
            if step.hands.first().is_some_and(|hand| *hand != Hand::No) && (variable.trains || !changed) {
                let inputs = p.in_channels as usize;
                to.resize(turned(inputs, outputs), Vec4::default());
                turn(&variables.weights[variable.range.clone()], inputs, outputs, to);
            }
        }
    }

    /// Computes every map of a batch of so many.
    pub(super) fn forward(
        &mut self,
        graph: &Graph,
        tape: &Tape,
        variables: &mut Variables,
        run: (usize, Statistics, f32),
    ) {
        let (batch, statistics, epsilon) = run;
        for (index, step) in tape.steps.iter().enumerate() {
            let input = of(tape, &tape.values, step.inputs[0], batch);
            let output = of(tape, &tape.values, step.output, batch);
            let parameters = step.variable.map_or(0..0, |index| variables.all[index].range.clone());
            self.drop_out(tape, index, &input);
            match step.work {
                Work::Pixels(p, _) => {
                    let call = product(p.pixels * count(batch), p.in_channels, p.out_lanes);
                    let parameters = &variables.weights[parameters];
                    self.call(call, [&input, &(0..0), &output], parameters);
                }
                Work::Maps(call) => {
                    let side = step.inputs.get(1).map(|&side| of(tape, &tape.values, side, batch));
                    let slots = [&input, &side.unwrap_or(0..0), &output];
                    self.each(call, slots, &variables.weights[parameters], batch);
                }
                Work::Norm(curve) => {
                    let lanes = lanes(graph.nodes[step.output].shape.channels);
                    let pixels = count(output.len() / lanes);
                    if let Some(variable) = step.variable {
                        // What is not trained stays as it is in inference, as Keras' layers do.
                        let statistics = if variables.all[variable].trains { statistics } else { Statistics::Moving };
                        self.derive(index, variables, parameters, (&input, pixels, lanes), (statistics, epsilon));
                    }
                    let Some(derived) = &self.derived[index] else { continue };
                    let call = Call::TrainAffine(TrainAffine { pixels, lanes: count(lanes), curve });
                    let (input, side, output) = borrow(&mut self.arena, &input, &(0..0), &output);
                    self.calls.run(call, Io { input, side, parameters: &derived.applies, output });
                }
                Work::Add => {
                    let side = of(tape, &tape.values, step.inputs[1], batch);
                    self.call(Call::Add(Add { count: count(output.len()) }), [&input, &side, &output], &[]);
                }
            }
        }
    }

    /// What a batch norm computes with, from its parameters and statistics.
    fn derive(
        &mut self,
        index: usize,
        variables: &mut Variables,
        range: Slot,
        (input, pixels, lanes): (&Slot, u32, usize),
        (statistics, epsilon): (Statistics, f32),
    ) {
        let Some(derived) = &mut self.derived[index] else { return };
        let (weights, moving) = (&variables.weights[range.clone()], &mut variables.moving[range]);
        let Statistics::Batch { momentum } = statistics else {
            derived.set(weights, moving, epsilon);
            return;
        };
        let call = Call::TrainMoments(TrainMoments { pixels, lanes: count(lanes).into() });
        let (input, output) = (&self.arena[input.clone()], &mut derived.batch);
        self.calls.run(call, Io { input, side: &[], parameters: &[], output });
        for (moving, batch) in moving.iter_mut().flatten().zip(derived.batch.iter().flatten()) {
            *moving = *moving * momentum + batch * (1.0 - momentum);
        }
        let batch = std::mem::take(&mut derived.batch);
        derived.set(weights, &batch, epsilon);
        derived.batch = batch;
    }

    /// Computes every gradient, from that of the logits in its slot.
    pub(super) fn backward(
        &mut self,
        graph: &Graph,
        tape: &Tape,
        variables: &Variables,
        (batch, statistics): (usize, Statistics),
    ) {
        for (index, step) in tape.steps.iter().enumerate().rev().filter(|(_, step)| step.learns) {
            let side = of(tape, &tape.gradients, step.output, batch);
            let input = of(tape, &tape.values, step.inputs[0], batch);
            let variable = step.variable.map(|index| &variables.all[index]);
            match step.work {
                Work::Pixels(p, outputs) => {
                    let pixels = p.pixels * count(batch);
                    if let Some(variable) = variable.filter(|variable| variable.trains) {
                        let (in_channels, out_lanes) = (p.in_channels, p.out_lanes.into());
                        let call = Call::TrainPointwise(TrainPointwise { pixels, in_channels, out_lanes });
                        let output = &mut self.gradients[variable.range.clone()];
                        let (input, side) = (&self.arena[input], &self.arena[side.clone()]);
                        self.calls.run(call, Io { input, side, parameters: &[], output });
                        if graph.nodes[variable.node].op != Op::Dense {
                            without_biases(output, 1 + in_channels as usize);
                        }
                    }
                    let (in_channels, out_lanes) = (count(outputs), count(lanes(p.in_channels as usize)));
                    let call = product(pixels, in_channels, out_lanes);
                    let turned = std::mem::take(&mut self.turned[index]);
                    self.hand(tape, step, 0, batch, |runner, to| {
                        runner.call(call, [&side, &(0..0), to], &turned);
                    });
                    self.turned[index] = turned;
                }
                Work::Norm(curve) => self.norm(tape, variables, (index, step), batch, (curve, statistics)),
                Work::Add => {
                    for (at, hand) in step.hands.iter().enumerate().filter(|(_, hand)| **hand != Hand::No) {
                        let to = of(tape, &tape.gradients, step.inputs[at], batch);
                        let (side, _, to) = borrow(&mut self.arena, &side, &(0..0), &to);
                        match hand {
                            Hand::Adds => add_to(to, side),
                            _ => to.copy_from_slice(side),
                        }
                    }
                }
                Work::Maps(call) => {
                    if let Some(variable) = variable.filter(|variable| variable.trains) {
                        self.weights_of_maps(call, &variable.range, [&input, &side], batch);
                    }
                    let parameters = variable.map_or(&[][..], |variable| &variables.weights[variable.range.clone()]);
                    self.inputs_of_maps(tape, step, (call, parameters), [&input, &side], batch);
                }
            }
            self.drop_out(tape, index, &of(tape, &tape.gradients, step.inputs[0], batch));
        }
    }

    /// Leaves out what dropout leaves out of the inputs of the last step, or of their gradients.
    fn drop_out(&mut self, tape: &Tape, index: usize, slot: &Slot) {
        if index + 1 == tape.steps.len() {
            let factors = self.dropout.iter().flatten();
            self.arena[slot.clone()].iter_mut().flatten().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
    }

    /// Gradients of parameters, map by map.
    fn weights_of_maps(&mut self, call: Call, range: &Slot, [input, side]: [&Slot; 2], batch: usize) {
        let (call, group) = match call {
            Call::Depthwise(layer) => (Call::TrainDepthwise(TrainDepthwise { layer }), layer.kernel * layer.kernel),
            Call::Conv(layer) => {
                (Call::TrainStem(TrainStem { layer }), layer.kernel * layer.kernel * layer.in_channels)
            }
            _ => return,
        };
        let sum = &mut self.gradients[range.clone()];
        sum.fill(Vec4::default());
        for first in (0..batch).step_by(SHARES) {
            let maps = first..batch.min(first + SHARES);
            let output = &mut self.shares[..maps.len() * range.len()];
            let [input, side] = [input, side].map(|slot| &self.arena[some(slot, &maps, batch)]);
            self.calls.each(call, Io { input, side, parameters: &[], output }, maps.len());
            // In their order, whoever computed them.
            output.chunks_exact(range.len()).for_each(|share| add_to(sum, share));
        }
        without_biases(sum, 1 + group as usize);
    }

    /// Gradients of the maps that were read, map by map.
    fn inputs_of_maps(
        &mut self,
        tape: &Tape,
        step: &Step,
        (call, parameters): (Call, &[Vec4]),
        [input, side]: [&Slot; 2],
        batch: usize,
    ) {
        match call {
            Call::Depthwise(layer) => self.hand(tape, step, 0, batch, |runner, to| {
                let call = Call::TrainDepthwiseInput(TrainDepthwiseInput { layer });
                runner.each(call, [side, &(0..0), to], parameters, batch);
            }),
            Call::Scale(Scale { pixels, lanes }) => {
                let gate = of(tape, &tape.values, step.inputs[1], batch);
                self.hand(tape, step, 0, batch, |runner, to| {
                    runner.each(call, [side, &gate, to], &[], batch);
                });
                self.hand(tape, step, 1, batch, |runner, to| {
                    let call = Call::TrainScale(TrainScale { pixels, lanes });
                    runner.each(call, [input, side, to], &[], batch);
                });
            }
            Call::GlobalPool(p) => self.hand(tape, step, 0, batch, |runner, to| {
                let in_height = count(to.len() / batch) / (p.in_width * p.lanes);
                let (in_width, height, width) = (p.in_width, p.height, p.width);
                let call =
                    Call::TrainPool(TrainPool { in_height, in_width, height, width, lanes: p.lanes, max: p.max });
                runner.each(call, [input, side, to], &[], batch);
            }),
            // Nothing is trained before the first convolution, nor before what pads its input.
            _ => {}
        }
    }

    /// A batch norm's parameters and its input.
    fn norm(
        &mut self,
        tape: &Tape,
        variables: &Variables,
        (index, step): (usize, &Step),
        batch: usize,
        (curve, statistics): (Curve, Statistics),
    ) {
        let Some(mut derived) = self.derived[index].take() else { return };
        let input = of(tape, &tape.values, step.inputs[0], batch);
        let mut side = of(tape, &tape.gradients, step.output, batch);
        let lanes = derived.back.len() / 3;
        let (pixels, lanes) = (count(input.len() / lanes), count(lanes));
        if bends(curve) {
            let spare = step.spare.start..step.spare.start + side.len();
            self.call(Call::TrainBend(TrainBend { pixels, lanes, curve }), [&input, &side, &spare], &derived.applies);
            side = spare;
        }
        let variable = step.variable.map(|index| &variables.all[index]);
        let mut sums = None;
        if let Some(variable) = variable.filter(|variable| variable.trains) {
            let call = Call::TrainNorm(TrainNorm { pixels, lanes: lanes.into() });
            let output = &mut self.gradients[variable.range.clone()];
            let (input, side) = (&self.arena[input.clone()], &self.arena[side.clone()]);
            self.calls.run(call, Io { input, side, parameters: &derived.normalises, output });
            if matches!(statistics, Statistics::Batch { .. }) {
                #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2²⁴ pixels")]
                let pixels = pixels as f32;
                sums = Some((&self.gradients[variable.range.clone()], pixels));
            }
        }
        derived.set_back(sums);
        if variables.folded
            && let Some(variable) = variable
        {
            // There is no scale: it is part of the convolution.
            self.gradients[variable.range.clone()].iter_mut().skip(1).step_by(2).for_each(|scale| *scale = [0.0; 4]);
        }
        self.hand(tape, step, 0, batch, |runner, to| {
            let call = Call::TrainNormInput(TrainNormInput { pixels, lanes });
            runner.call(call, [&input, &side, to], &derived.back);
        });
        self.derived[index] = Some(derived);
    }

    /// Hands a gradient to an input: `compute` writes it to the slot that it is told.
    fn hand(&mut self, tape: &Tape, step: &Step, at: usize, batch: usize, compute: impl FnOnce(&mut Self, &Slot)) {
        let to = of(tape, &tape.gradients, step.inputs[at], batch);
        match step.hands[at] {
            Hand::No => {}
            Hand::Writes => compute(self, &to),
            Hand::Adds => {
                let part = step.part.start..step.part.start + to.len();
                compute(self, &part);
                let (part, _, to) = borrow(&mut self.arena, &part, &(0..0), &to);
                add_to(to, part);
            }
        }
    }

    fn call(&mut self, call: Call, [input, side, output]: [&Slot; 3], parameters: &[Vec4]) {
        let (input, side, output) = borrow(&mut self.arena, input, side, output);
        self.calls.run(call, Io { input, side, parameters, output });
    }

    /// Map by map.
    fn each(&mut self, call: Call, [input, side, output]: [&Slot; 3], parameters: &[Vec4], batch: usize) {
        let (input, side, output) = borrow(&mut self.arena, input, side, output);
        self.calls.each(call, Io { input, side, parameters, output }, batch);
    }
}

/// What so many maps of a node take of its slot.
pub(super) fn of(tape: &Tape, slots: &[Slot], node: NodeId, batch: usize) -> Slot {
    let start = slots[node].start;
    // Of what nothing is kept for there is nothing to read.
    if slots[node].is_empty() { 0..0 } else { start..start + tape.sizes[node] * batch }
}

/// Some maps of a batch.
fn some(slot: &Slot, maps: &Slot, batch: usize) -> Slot {
    let size = slot.len() / batch;
    slot.start + maps.start * size..slot.start + maps.end * size
}

const fn product(pixels: u32, in_channels: u32, out_lanes: u32) -> Call {
    Call::TrainProduct(TrainProduct { pixels, in_channels, out_lanes })
}

/// Convolutions have none.
fn without_biases(gradients: &mut [Vec4], group: usize) {
    gradients.iter_mut().step_by(group).for_each(|bias| *bias = Vec4::default());
}

#[expect(clippy::cast_possible_truncation, reason = "Spec::check and the batch's bound keep every size below 2³²")]
const fn count(size: usize) -> u32 {
    size as u32
}
