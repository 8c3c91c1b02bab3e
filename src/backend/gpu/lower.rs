//! Plan → dispatches, as data: which shader, how many workgroups, and the words of its step block.

use super::shaders::{self, Shader, WIDTH};
use crate::kernels::{Call, Pointwise};
use crate::lane::lanes;
use crate::plan::{Group, Pattern, Plan, Step};
use std::fmt;
use std::ops::Range;

/// One dispatch of a shader.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Which shader.
    pub shader: &'static Shader,
    /// Which steps of the plan it computes.
    pub steps: Range<usize>,
    /// How many workgroups.
    pub groups: u32,
    /// The shader's `Step`: where its maps lie, then the calls' parameter blocks.
    pub words: Vec<u32>,
}

/// The dispatches of a plan, in order; with `labels` those that find so many of the most likely classes in its one output,
/// where a softmax is part of finding them. On a `software` adapter fewer shaders share the work.
#[must_use]
pub fn lower(plan: &Plan, labels: usize, software: bool) -> Vec<Dispatch> {
    let lower = |group: &Group| dispatch(&plan.steps[group.steps.clone()], group, software);
    let mut dispatches: Vec<Dispatch> = plan.groups.iter().map(lower).collect();
    if let ([output], 1..) = (&plan.outputs[..], labels) {
        let softmax = dispatches.pop_if(|last| std::ptr::eq(last.shader, &shaders::SOFTMAX));
        let (input, steps) = softmax
            .as_ref()
            .map_or((word(output.slot.start), 0..0), |softmax| (softmax.words[0], softmax.steps.clone()));
        let words = vec![input, 0, 0, 0, word(output.shape.channels), word(labels), u32::from(softmax.is_some())];
        dispatches.push(Dispatch { shader: &shaders::TOP_K, steps, groups: 1, words });
    }
    dispatches
}

fn dispatch(steps: &[Step], group: &Group, software: bool) -> Dispatch {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return Dispatch { shader: &shaders::PAD, steps: 0..0, groups: 0, words: Vec::new() };
    };
    // Parameters are packed alike, and a pipeline takes longer to compile than this tile of one pixel longer to compute.
    if let (Call::Dense(p), Pattern::Single, true) = (&first.call, group.pattern, software) {
        let curve = p.curve;
        let p = Pointwise { pixels: 1, in_channels: p.in_channels, out_lanes: p.out_lanes, residual: 0, curve };
        return dispatch(&[Step { call: Call::Pointwise(p), ..first.clone() }], group, software);
    }
    let mut words = vec![word(first.input.start), word(last.side.start), word(last.output.start)];
    if let (Some(sum), Pattern::Single, true) = (sum(first), group.pattern, software) {
        words.push(0);
        words.extend(sum);
        let groups = sum[4].div_ceil(WIDTH);
        return Dispatch { shader: &shaders::SUM, steps: group.steps.clone(), groups, words };
    }
    let shader = match group.pattern {
        Pattern::Single => shader(&first.call, software),
        Pattern::InvertedResidual | Pattern::Separable => &shaders::INVERTED_RESIDUAL,
        Pattern::ExpandDepthwise => &shaders::EXPAND_DEPTHWISE,
        Pattern::SqueezeExcite => &shaders::SQUEEZE_EXCITE,
        Pattern::GatedProject => &shaders::GATED_POINTWISE,
    };
    if group.pattern == Pattern::Separable {
        // No parameters and a block full of zeros stand for "no expansion".
        words.extend([0; 8]);
    }
    for step in steps {
        match (&step.call, group.pattern) {
            // No gate.
            (Call::Pointwise(_), Pattern::Single) => words.push(0),
            (Call::Scale(_), Pattern::GatedProject) => {
                words.push(word(step.side.start));
                continue;
            }
            (Call::GlobalPool(_), Pattern::SqueezeExcite) => {
                words.extend_from_slice(step.call.words());
                continue;
            }
            _ => {}
        }
        words.push(word(step.parameters.start));
        words.extend_from_slice(step.call.words());
    }
    Dispatch { shader, steps: group.steps.clone(), groups: groups(last, group.pattern), words }
}

/// The words of the `Sum` of `shaders/sum.wgsl` that computes a step: of two maps, or of a map's pixels.
fn sum(step: &Step) -> Option<[u32; 6]> {
    match &step.call {
        Call::Add(p) => Some([1, 2, word(step.side.start).wrapping_sub(word(step.input.start)), 0, p.count, 1]),
        Call::GlobalPool(p) if p.max == 0 => {
            Some([p.height, p.width, p.lanes, p.in_width * p.lanes, p.lanes, p.height * p.width])
        }
        _ => None,
    }
}

const fn shader(call: &Call, software: bool) -> &'static Shader {
    match call {
        Call::Conv(_) => &shaders::STEM,
        Call::Depthwise(_) if software => &shaders::DEPTHWISE,
        Call::Depthwise(p) => match (p.kernel, p.dilation, p.stride) {
            (3, 1, 1) => &shaders::DEPTHWISE_3X3,
            (3, 1, 2) => &shaders::DEPTHWISE_3X3_STRIDE_2,
            _ => &shaders::DEPTHWISE,
        },
        Call::Pointwise(p) if p.residual != 0 => &shaders::POINTWISE_RESIDUAL,
        Call::Pointwise(_) => &shaders::POINTWISE,
        Call::Add(_) => &shaders::ADD,
        Call::GlobalPool(_) => &shaders::GLOBAL_POOL,
        Call::Scale(_) => &shaders::SCALE,
        Call::Pad(_) => &shaders::PAD,
        Call::Dense(_) => &shaders::DENSE,
        Call::Sigmoid(_) => &shaders::SIGMOID,
        Call::Softmax(_) => &shaders::SOFTMAX,
        // `Gpu::prepare` refuses plans that have such steps.
        #[cfg(any(feature = "integers", feature = "training"))]
        _ => &shaders::PAD,
    }
}

/// How many workgroups compute a group that ends with `last`, as the head of each shader says who computes what.
fn groups(last: &Step, pattern: Pattern) -> u32 {
    match pattern {
        Pattern::Single | Pattern::GatedProject => call_groups(&last.call),
        Pattern::InvertedResidual | Pattern::Separable => {
            word(last.shape.width).div_ceil(8) * word(last.shape.height).div_ceil(8)
        }
        Pattern::ExpandDepthwise => word(lanes(last.shape.channels)),
        Pattern::SqueezeExcite => 1,
    }
}

const fn call_groups(call: &Call) -> u32 {
    let items = match call {
        Call::Softmax(_) => return 1,
        Call::GlobalPool(p) => return p.lanes,
        Call::Dense(p) => return p.out_lanes,
        Call::Conv(p) => (p.out_width.div_ceil(4) * p.out_height).next_multiple_of(4) * p.out_lanes,
        Call::Depthwise(p) => p.lanes * p.out_width.div_ceil(4) * p.out_height,
        Call::Pointwise(p) => p.pixels.div_ceil(12) * p.out_lanes.div_ceil(4) * 4,
        Call::Add(p) => p.count,
        Call::Scale(p) => p.pixels * p.lanes,
        Call::Pad(p) => p.out_height * p.out_width * p.lanes,
        Call::Sigmoid(p) => p.classes.div_ceil(4),
        #[cfg(any(feature = "integers", feature = "training"))]
        _ => 0,
    };
    items.div_ceil(WIDTH)
}

#[expect(clippy::cast_possible_truncation, reason = "slots and counts are far below 2³²: an arena has at most 4 GiB")]
const fn word(value: usize) -> u32 {
    value as u32
}

impl fmt::Display for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<17} × {:<5} steps {}..{}", self.shader.stem, self.groups, self.steps.start, self.steps.end)
    }
}
