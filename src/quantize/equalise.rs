//! Channels of a map made alike large, so that integers of one scale for all lose less of the small ones: what writes and
//! what reads the map takes the factors into its weights, and who asks for the map sees none of it. Nagel et al., Data-Free
//! Quantization (ICCV 2019), do so with layers in pairs.

use super::maps::Map;
use crate::graph::{Graph, Op};

/// What channels are enlarged by, over what would make the largest of each the same. Maps that depthwise convolutions
/// alone read cost nothing, for those have a scale for each channel; of others the weights of small channels shrink as those
/// grow. On V2 exponents of 0, ½ and 1 of maps between a block's ends came to 18.5, 19.3 and 18.1 dB of the logits.
const DEPTHWISE: f32 = 1.0;
const OTHERS: f32 = 0.5;

/// Channels that pictures hardly woke may still be wanted by others.
const MOST: f32 = 16.0;

/// Maps that must have the same factors: those that are added, and what is pooled.
struct Class {
    maps: Vec<usize>,
    /// For a reason of its own one of them has to stay as it is.
    fixed: bool,
    exponent: f32,
}

/// What each channel of each map is multiplied by, where its largest numbers are these; nothing for maps that stay.
pub(super) fn gains(graph: &Graph, maps: &[Map], largest: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut gains = vec![Vec::new(); maps.len()];
    for class in classes(graph, maps).iter().filter(|class| !class.fixed) {
        let mut shares = vec![1.0 / MOST; largest[class.maps[0]].len()];
        for &map in &class.maps {
            let all = largest[map].iter().fold(f32::MIN_POSITIVE, |most, &value| most.max(value));
            shares.iter_mut().zip(&largest[map]).for_each(|(share, &value)| *share = share.max(value / all));
        }
        let of_class: Vec<f32> = shares.iter().map(|share| share.powf(-class.exponent)).collect();
        class.maps.iter().for_each(|&map| gains[map].clone_from(&of_class));
    }
    gains
}

fn classes(graph: &Graph, maps: &[Map]) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for (index, map) in maps.iter().enumerate() {
        let op = graph.nodes[map.first].op;
        let mut class = Class { maps: vec![index], fixed: map.is_fixed(graph), exponent: DEPTHWISE };
        let joins = matches!(op, Op::Add | Op::GlobalPool(_));
        for &input in &map.inputs {
            let Some(place) = classes.iter().position(|class| class.maps.contains(&input)) else { continue };
            if joins {
                let other = classes.swap_remove(place);
                class.maps.extend(other.maps);
                class.fixed |= other.fixed;
                class.exponent = OTHERS;
            } else if op == Op::Scale {
                classes[place].fixed = true;
            } else if !matches!(op, Op::Depthwise(_)) {
                classes[place].exponent = OTHERS;
            }
        }
        classes.push(class);
    }
    // What nothing reads in integers has no weights to take a factor back.
    for class in &mut classes {
        let is_read = |map: &usize| maps.iter().any(|reader| reader.inputs.contains(map));
        class.fixed |= !class.maps.iter().all(is_read);
    }
    classes
}
