//! Parameters out of a seed: for measuring a network's speed, and testing it, without its weights.

use crate::graph::Graph;
use crate::lane::Vec4;
use crate::plan::Packing;

const SEED: u32 = 0x5eed;

/// Packed parameters such as a freshly initialised network has (He et al. 2015): uniform, with a variance of two over
/// the inputs of a channel, so that maps neither grow nor fade towards denormals, whose arithmetic is slow.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "inputs are few")]
pub fn parameters(graph: &Graph, packing: &Packing) -> Vec<Vec4> {
    let mut packed = vec![Vec4::default(); packing.length()];
    let mut state = SEED;
    for (id, node) in graph.nodes.iter().enumerate() {
        let Some(weights) = graph.parameters(id).into_iter().next() else { continue };
        let inputs = weights.shape.iter().skip(1).product::<usize>();
        let limit = (6.0 / inputs as f32).sqrt();
        for (at, group) in packed[packing.range(id)].chunks_exact_mut(1 + inputs).enumerate() {
            // Lanes past the last channel stay 0, as in every map.
            let channels = (node.shape.channels - at * 4).min(4);
            for value in group.iter_mut().flat_map(|vec4| &mut vec4[..channels]) {
                *value = limit * random(&mut state);
            }
        }
    }
    packed
}

/// From −1 to 1, the same on every machine (xorshift).
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
fn random(state: &mut u32) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
}
