//! Channels of a linear bottleneck made alike large, so that integers of one scale for all lose less of the small ones: what
//! writes and what reads the maps takes the factors into its weights, and who asks for a map sees none of it. Nagel et al.,
//! Data-Free Quantization (ICCV 2019), do so with layers in pairs.
//!
//! Of V2's logits, on pictures that did not calibrate it: 16.5 dB without, 18.5 with. The maps between a block's ends gained V2
//! another 0.7 so, but cost V1 1.2 (of 24.4): a channel that the pictures hardly woke is clipped when another
//! picture does.

use super::maps::Map;
use crate::graph::{Graph, Op};

/// Halfway to the same largest number in each channel: all the way, the weights that read the small ones are too small
/// themselves.
const EXPONENT: f32 = 0.5;

/// Shares of the map's largest number below this count as this.
const LEAST_SHARE: f32 = 1.0 / 16.0;

/// Maps that are added up, one after the other, and so have the same factors.
struct Chain {
    maps: Vec<usize>,
    /// For a reason of its own one of them has to stay as it is.
    fixed: bool,
}

/// What each channel of each map is multiplied by, where its largest numbers are these; nothing for maps that stay.
pub(super) fn gains(graph: &Graph, maps: &[Map], largest: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut gains = vec![Vec::new(); maps.len()];
    for chain in chains(graph, maps).iter().filter(|chain| chain.maps.len() > 1 && !chain.fixed) {
        let mut shares = vec![LEAST_SHARE; largest[chain.maps[0]].len()];
        for &map in &chain.maps {
            let all = largest[map].iter().fold(f32::MIN_POSITIVE, |most, &value| most.max(value));
            shares.iter_mut().zip(&largest[map]).for_each(|(share, &value)| *share = share.max(value / all));
        }
        let of_chain: Vec<f32> = shares.iter().map(|share| share.powf(-EXPONENT)).collect();
        chain.maps.iter().for_each(|&map| gains[map].clone_from(&of_chain));
    }
    gains
}

fn chains(graph: &Graph, maps: &[Map]) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    for (index, map) in maps.iter().enumerate() {
        let op = graph.nodes[map.first].op;
        let mut chain = Chain { maps: vec![index], fixed: map.curve().is_some() || op == Op::Input };
        for input in &map.inputs {
            let Some(place) = chains.iter().position(|chain| chain.maps.contains(input)) else { continue };
            match op {
                Op::Add => {
                    let other = chains.swap_remove(place);
                    chain.maps.extend(other.maps);
                    chain.fixed |= other.fixed;
                }
                // Without weights that could take a factor back.
                Op::Scale | Op::GlobalPool(_) => {
                    chains[place].fixed = true;
                    chain.fixed = true;
                }
                _ => {}
            }
        }
        chains.push(chain);
    }
    // As it is where nothing reads it.
    let is_read = |map: &usize| maps.iter().any(|reader| reader.inputs.contains(map));
    chains.iter_mut().for_each(|chain| chain.fixed |= !chain.maps.iter().all(is_read));
    chains
}
