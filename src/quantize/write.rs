//! The network in integers as a file.

use std::borrow::Cow;

use super::maps::{Both, Map};
use super::moments::Moments;
use super::rounding::{self, MOST};
use crate::error::Result;
use crate::graph::{Graph, Op};
use crate::weights::{Checkpoint, Dtype, Integer, Integers, Quantization, Rule, Steps, Tensor, write_safetensors_with};

/// The greatest bias, so that sums of products still fit 32 bits beside it.
const MOST_BIAS: f64 = (1 << 29) as f64;

/// All that is known of a map.
pub(super) struct Known {
    pub(super) map: Map,
    pub(super) steps: Both,
    /// What each channel is multiplied by before it becomes integers; empty where none is.
    pub(super) gains: Vec<f32>,
    /// Of what its weights read, where it has some.
    pub(super) moments: Option<Moments>,
}

impl Known {
    fn gain(&self, channel: usize) -> f64 {
        self.gains.get(channel).map_or(1.0, |&gain| f64::from(gain))
    }
}

/// Safetensors of the checkpoint's network, whose maps have these integers.
pub(super) fn file(checkpoint: &Checkpoint<'_>, graph: &Graph, all: &[Known]) -> Result<Vec<u8>> {
    let (mut tensors, mut nodes) = (Vec::new(), Vec::new());
    for known in all {
        let Known { map, steps: Both { before, after }, .. } = known;
        let node = &graph.nodes[map.first];
        let rule = match (node.op, &known.moments) {
            (Op::Input, _) => Rule::Input,
            (Op::Add, _) => Rule::Sum,
            (Op::Scale, _) => Rule::Product,
            (_, Some(moments)) => {
                let layer = Layer::new(checkpoint, graph, (known, moments, &all[map.inputs[0]]))?;
                tensors.extend(layer.tensors(&node.name)?);
                Rule::Weighted(layer.integer_biases)
            }
            _ => Rule::CentredMean,
        };
        let channels = known.gains.iter().map(|gain| 1.0 / gain).collect();
        nodes
            .push((node.name.clone(), Integer { steps: *before, channels, bounds: before.within(map.bounds()), rule }));
        if let Some(curve) = map.curve() {
            let rule = Rule::Lookup(table(*before, *after, curve));
            let integer = Integer { steps: *after, channels: Vec::new(), bounds: after.centred(), rule };
            nodes.push((graph.nodes[map.last].name.clone(), integer));
        }
    }
    tensors.extend(nodes.into_iter().collect::<Integers>().tensors()?);
    Ok(write_safetensors_with(&tensors, &checkpoint.spec, &checkpoint.wnids))
}

/// What a curve makes of each integer, from the least on.
#[expect(clippy::cast_possible_truncation, reason = "clamped to eight bits less a zero point")]
fn table(before: Steps, after: Steps, curve: fn(f32) -> f32) -> Vec<i16> {
    let (low, high) = after.centred();
    let (least, greatest) = before.centred();
    let of = |integer: i32| (curve(integer as f32 * before.scale) / after.scale).round();
    (least..=greatest).map(|integer| of(integer).clamp(low as f32, high as f32) as i16).collect()
}

/// A layer's weights as integers.
#[derive(Default)]
struct Layer {
    shape: Vec<usize>,
    integers: Vec<i8>,
    /// What they stand for, and the biases: of the network as it was trained.
    scales: Vec<f32>,
    columns: Vec<f32>,
    biases: Vec<f32>,
    integer_biases: Vec<i32>,
}

impl Layer {
    /// The weights of a map that is computed from another.
    #[expect(clippy::cast_possible_truncation, reason = "biases are bounded, scales are kept in single precision")]
    fn new(
        checkpoint: &Checkpoint<'_>,
        graph: &Graph,
        (known, moments, reads): (&Known, &Moments, &Known),
    ) -> Result<Self> {
        let parameter = graph.parameters(known.map.first).swap_remove(0);
        let (out, n) = (parameter.shape[0], moments.inputs());
        let (factors, biases) = checkpoint.folded(&graph.nodes[known.map.first].name, out)?;
        let weights = checkpoint.parameter(&parameter.name, &parameter.shape)?;
        let is_depthwise = moments.is_depthwise();
        let taps = n / parameter.shape[1];
        let columns = if is_depthwise { Vec::new() } else { reads.gains.clone() };
        let mut layer = Self { shape: parameter.shape, columns, ..Self::default() };
        let step = f64::from(reads.steps.after.scale);
        let mut factored = (usize::MAX, Vec::new());
        for (o, weights) in weights.chunks_exact(n).enumerate() {
            let group = moments.group(o);
            if factored.0 != group {
                factored = (group, rounding::factor(moments.covariance(group), n));
            }
            // What these weights are multiplied by was multiplied already, as their sum is to be.
            let gain = |at: usize| known.gain(o) / reads.gain(if is_depthwise { o } else { at / taps });
            let weights = weights.iter().enumerate();
            let weights: Vec<f64> =
                weights.map(|(at, &weight)| f64::from(weight) * f64::from(factors[o]) * gain(at)).collect();
            let bias = f64::from(biases[o]) * known.gain(o);
            let most = weights.iter().fold(0.0_f64, |most, weight| most.max(weight.abs()));
            let scale = (most / MOST).max(bias.abs() / (step * MOST_BIAS)) as f32;
            // Of a channel without weights any scale is right.
            let scale = f64::from(if scale > 0.0 { scale } else { 1.0 });
            let integers = rounding::round(&weights, scale, &factored.1);
            let [expected, found] = moments.means(o);
            let expected: f64 = weights.iter().zip(expected).map(|(weight, mean)| weight * mean).sum();
            let found: f64 = integers.iter().zip(found).map(|(&integer, mean)| f64::from(integer) * mean).sum();
            // What is left of the mean.
            let bias = bias + expected - found * scale;
            let own = if is_depthwise { gain(0) } else { known.gain(o) };
            layer.integers.extend(integers);
            layer.scales.push((scale / own) as f32);
            layer.biases.push((bias / known.gain(o)) as f32);
            layer.integer_biases.push((bias / (step * scale)).round() as i32);
        }
        Ok(layer)
    }

    /// As tensors: weights with scales, and biases as numbers, for who computes in floats.
    fn tensors(&self, node: &str) -> Result<[Tensor<'static>; 2]> {
        let (scales, columns) = (self.scales.clone(), self.columns.clone());
        let quantization = Quantization { axis: 0, zero_points: vec![0; scales.len()], scales, columns };
        let tensor = |end: &str, dtype, shape, bytes: Vec<u8>| {
            Tensor::decoded(format!("{node}/{end}").into(), dtype, shape, (Cow::Owned(bytes), 0))
        };
        let integers = self.integers.iter().map(|integer| integer.cast_unsigned()).collect();
        let biases: Vec<u8> = self.biases.iter().flat_map(|bias| bias.to_le_bytes()).collect();
        let weights = tensor("weights", Dtype::I8, self.shape.clone(), integers)?;
        let biases = tensor("biases", Dtype::F32, vec![self.biases.len()], biases)?;
        Ok([Tensor { quantization: Some(Box::new(quantization)), ..weights }, biases])
    }
}
