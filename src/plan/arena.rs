//! One arena for all maps: two maps share bytes when their lifetimes do not overlap.

use super::{Group, Slot, fuse::Fused, vec4s};
use crate::graph::{Endpoint, Graph, NodeId};
use crate::lane::Vec4;
use crate::small::sort;

/// Where every map that is written lies.
pub(super) struct Arena {
    /// By node; empty where no map is written.
    slots: Vec<Slot>,
}

impl Arena {
    pub(super) fn slot(&self, node: NodeId) -> Slot {
        self.slots[node].clone()
    }

    pub(super) fn length(&self) -> usize {
        self.slots.iter().map(|slot| slot.end).max().unwrap_or(0)
    }
}

/// A map that must keep its place from the step that writes it to the last that reads it.
pub(crate) struct Map {
    /// Whose map it is.
    pub(crate) node: NodeId,
    /// In [`Vec4`]s.
    pub(crate) size: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

pub(super) fn lay_out(graph: &Graph, steps: &[Fused], groups: &[Group], asked: &[Endpoint]) -> Arena {
    let mut maps = lifetimes(graph, steps, asked);
    // The steps of a group happen at the same time.
    for map in &mut maps {
        map.first = moment(groups, map.first);
        map.last = moment(groups, map.last);
    }
    let mut slots = vec![0..0; graph.nodes.len()];
    for (map, slot) in place(maps) {
        slots[map.node] = slot;
    }
    Arena { slots }
}

/// Largest maps first, each at the lowest place that no map alive at the same time occupies.
pub(crate) fn place(mut maps: Vec<Map>) -> Vec<(Map, Slot)> {
    sort(&mut maps, &|a, b| (b.size, a.first) < (a.size, b.first));
    let mut placed: Vec<(Map, Slot)> = Vec::new();
    for map in maps {
        let mut taken: Vec<&Slot> = placed
            .iter()
            .filter(|(other, _)| other.first <= map.last && map.first <= other.last)
            .map(|(_, slot)| slot)
            .collect();
        sort(&mut taken, &|a, b| a.start < b.start);
        let mut start = 0;
        for slot in taken {
            if slot.start >= start + map.size {
                break;
            }
            start = start.max(slot.end);
        }
        let slot = start..start + map.size;
        placed.push((map, slot));
    }
    placed
}

/// The output to write and the two maps to read, which lie on either side of it: a plan never lets them overlap.
pub(crate) fn borrow<'a>(
    arena: &'a mut [Vec4],
    input: &Slot,
    side: &Slot,
    output: &Slot,
) -> (&'a [Vec4], &'a [Vec4], &'a mut [Vec4]) {
    let (below, rest) = arena.split_at_mut(output.start);
    let (written, above) = rest.split_at_mut(output.len());
    let (below, above) = (&*below, &*above);
    let read = |slot: &Slot| {
        if slot.end <= output.start {
            &below[slot.clone()]
        } else {
            &above[slot.start - output.end..slot.end - output.end]
        }
    };
    (read(input), read(side), written)
}

/// The group of step `step`; the number of groups for the end.
fn moment(groups: &[Group], step: usize) -> usize {
    groups.iter().position(|group| group.steps.contains(&step)).unwrap_or(groups.len())
}

fn lifetimes(graph: &Graph, steps: &[Fused], asked: &[Endpoint]) -> Vec<Map> {
    let map = |node: NodeId, first| Map { node, size: vec4s(&graph.nodes[node]), first, last: first };
    // The picture is there before the first step.
    let mut maps = vec![map(0, 0)];
    maps.extend(steps.iter().enumerate().map(|(index, step)| map(step.output, index)));
    for map in &mut maps {
        let reads = |step: &Fused| step.input == map.node || step.side == Some(map.node);
        if asked.iter().any(|endpoint| endpoint.node == map.node) {
            map.last = steps.len();
        } else if let Some(index) = steps.iter().rposition(reads) {
            map.last = index;
        }
    }
    maps
}
