//! Plan → dispatches, as data: which shader, how many workgroups, and the words of its step block.

use super::shaders::{self, Shader, WIDTH};
use crate::kernels::Call;
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

/// The dispatches of a plan, in order.
#[must_use]
pub fn lower(plan: &Plan) -> Vec<Dispatch> {
    plan.groups.iter().map(|group| dispatch(&plan.steps[group.steps.clone()], group)).collect()
}

/// The dispatch that finds the `count` most likely of `classes` in the map that begins at `input`.
#[must_use]
pub fn top_k(input: usize, classes: usize, count: usize) -> Dispatch {
    let words = [input, 0, 0, 0, classes, count].map(word).to_vec();
    Dispatch { shader: &shaders::TOP_K, steps: 0..0, groups: 1, words }
}

fn dispatch(steps: &[Step], group: &Group) -> Dispatch {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return Dispatch { shader: &shaders::PAD, steps: 0..0, groups: 0, words: Vec::new() };
    };
    let mut words = vec![word(first.input.start), word(last.side.start), word(last.output.start)];
    let shader = match group.pattern {
        Pattern::Single => shader(&first.call),
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

const fn shader(call: &Call) -> &'static Shader {
    match call {
        Call::Conv(_) => &shaders::STEM,
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
        Call::Conv(p) => (p.out_width.div_ceil(4) * p.out_height).next_multiple_of(4) * p.out_lanes.div_ceil(2),
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
