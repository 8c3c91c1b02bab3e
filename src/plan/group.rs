//! Steps that one GPU dispatch computes together: fewer dispatches, and maps that never leave workgroup memory.

use super::fuse::Fused;
use crate::graph::NodeId;
use crate::kernels::{Call, Depthwise, Pointwise};
use std::ops::Range;

/// What a group of steps is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One step by itself.
    Single,
    /// Expand, depthwise, project.
    InvertedResidual,
    /// Depthwise, project: a block without expansion.
    Separable,
    /// Expand, depthwise.
    ExpandDepthwise,
    /// Global pool and two dense layers: the gate of squeeze-excite.
    SqueezeExcite,
    /// The gate's product and the projection that reads it.
    GatedProject,
}

/// Neighbouring steps, and what they are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which steps.
    pub steps: Range<usize>,
    /// What they are.
    pub pattern: Pattern,
}

/// Whether steps are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Each step by itself, as the CPU runs them.
    #[default]
    None,
    /// Each step by itself, and additions too, which otherwise are part of the convolution before them: a software
    /// adapter compiles `sum`, which it needs anyway, in less time than a second `pointwise`.
    Software,
    /// As `shaders/` can.
    Gpu,
}

/// Output channels that an invocation of `inverted_residual` keeps in registers, in groups of four.
const MOST_OUT_LANES: u32 = 8;
/// Pixels that `inverted_residual` keeps of the expanded map: 8 outputs of a 5×5 window of stride 2 span 19.
const MOST_SPAN_PX: u32 = 19;
/// A block of fewer output pixels gives too few workgroups of 64 pixels to fill a GPU …
const LEAST_BLOCK_PX: u32 = 28 * 28;
/// … and of a larger expanded map than this, four channels do not fit into 16 KiB of workgroup memory.
const MOST_EXPANDED_PX: u32 = 1024;
/// Channels that `squeeze_excite` has room for, and reduced channels.
const MOST_SQUEEZED_LANES: u32 = 256;
const MOST_REDUCED_LANES: u32 = 128;

/// The groups, in order; every step is in one.
pub(super) fn group(steps: &[Fused], asked: &[NodeId], grouping: Grouping) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while at < steps.len() {
        let pattern = match grouping {
            Grouping::None | Grouping::Software => Pattern::Single,
            Grouping::Gpu => pattern(steps, asked, at),
        };
        groups.push(Group { steps: at..at + pattern.steps(), pattern });
        at += pattern.steps();
    }
    groups
}

impl Pattern {
    const fn steps(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Separable | Self::ExpandDepthwise | Self::GatedProject => 2,
            Self::InvertedResidual | Self::SqueezeExcite => 3,
        }
    }
}

/// What begins at step `at`.
fn pattern(steps: &[Fused], asked: &[NodeId], at: usize) -> Pattern {
    let call = |offset: usize| steps.get(at + offset).map(|step| step.call);
    // Whether nobody but the next step reads what step `at + offset` writes.
    let passed = |offset: usize| {
        let map = steps[at + offset].output;
        let reads = |step: &Fused| usize::from(step.input == map) + usize::from(step.side == Some(map));
        !asked.contains(&map)
            && steps.iter().map(reads).sum::<usize>() == 1
            && steps.get(at + offset + 1).is_some_and(|next| next.input == map)
    };
    match (call(0), call(1), call(2)) {
        (Some(Call::Pointwise(expand)), Some(Call::Depthwise(depthwise)), project) if passed(0) && plain(&expand) => {
            match project {
                Some(Call::Pointwise(project)) if passed(1) && whole(&depthwise, &project) => Pattern::InvertedResidual,
                _ if expand.pixels <= MOST_EXPANDED_PX => Pattern::ExpandDepthwise,
                _ => Pattern::Single,
            }
        }
        (Some(Call::Depthwise(depthwise)), Some(Call::Pointwise(project)), _)
            if passed(0) && whole(&depthwise, &project) =>
        {
            Pattern::Separable
        }
        (Some(Call::GlobalPool(pool)), Some(Call::Dense(reduce)), Some(Call::Dense(_)))
            if passed(0)
                && passed(1)
                && pool.max == 0
                && pool.lanes <= MOST_SQUEEZED_LANES
                && reduce.out_lanes <= MOST_REDUCED_LANES =>
        {
            Pattern::SqueezeExcite
        }
        (Some(Call::Scale(_)), Some(Call::Pointwise(_)), _) if passed(0) => Pattern::GatedProject,
        _ => Pattern::Single,
    }
}

const fn plain(expand: &Pointwise) -> bool {
    expand.residual == 0
}

/// Whether a block is worth computing whole.
const fn whole(depthwise: &Depthwise, project: &Pointwise) -> bool {
    let span = 7 * depthwise.stride + (depthwise.kernel - 1) * depthwise.dilation + 1;
    project.out_lanes <= MOST_OUT_LANES && project.pixels >= LEAST_BLOCK_PX && span <= MOST_SPAN_PX
}
