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

/// Safetensors of the checkpoint's network, whose maps have these integers.
pub(super) fn file(
    checkpoint: &Checkpoint<'_>,
    graph: &Graph,
    (maps, steps, moments): (&[Map], &[Both], &[Option<Moments>]),
) -> Result<Vec<u8>> {
    let (mut tensors, mut nodes) = (Vec::new(), Vec::new());
    for ((map, &Both { before, after }), moments) in maps.iter().zip(steps).zip(moments) {
        let node = &graph.nodes[map.first];
        let rule = match (node.op, moments) {
            (Op::Input, _) => Rule::Input,
            (Op::Add, _) => Rule::Sum,
            (Op::Scale, _) => Rule::Product,
            (_, Some(moments)) => {
                let input = steps[map.inputs[0]].after;
                let layer = Layer::new(checkpoint, graph, (map, moments), input.scale)?;
                tensors.extend(layer.tensors(&node.name)?);
                Rule::Weighted(layer.integer_biases)
            }
            _ => Rule::CentredMean,
        };
        nodes.push((node.name.clone(), Integer { steps: before, bounds: before.within(map.bounds()), rule }));
        if let Some(curve) = map.curve() {
            let rule = Rule::Lookup(table(before, after, curve));
            let name = graph.nodes[map.last].name.clone();
            nodes.push((name, Integer { steps: after, bounds: after.centred(), rule }));
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
struct Layer {
    shape: Vec<usize>,
    integers: Vec<i8>,
    scales: Vec<f32>,
    biases: Vec<f32>,
    integer_biases: Vec<i32>,
}

impl Layer {
    /// Of the weights of a map, whose inputs are `scale` apart.
    #[expect(clippy::cast_possible_truncation, reason = "biases are bounded, scales are kept in single precision")]
    fn new(checkpoint: &Checkpoint<'_>, graph: &Graph, (map, moments): (&Map, &Moments), scale: f32) -> Result<Self> {
        let parameter = graph.parameters(map.first).swap_remove(0);
        let (out, n) = (parameter.shape[0], moments.inputs());
        let (factors, biases) = checkpoint.folded(&graph.nodes[map.first].name, out)?;
        let weights = checkpoint.parameter(&parameter.name, &parameter.shape)?;
        let mut layer =
            Self { shape: parameter.shape, integers: Vec::new(), scales: Vec::new(), biases: Vec::new(), integer_biases: Vec::new() };
        let mut factored = (usize::MAX, Vec::new());
        for (o, weights) in weights.chunks_exact(n).enumerate() {
            if factored.0 != moments.group(o) {
                factored = (moments.group(o), rounding::factor(moments.covariance(moments.group(o)), n));
            }
            let weights: Vec<f64> = weights.iter().map(|&weight| f64::from(weight) * f64::from(factors[o])).collect();
            let bias = f64::from(biases[o]);
            let most = weights.iter().fold(0.0_f64, |most, weight| most.max(weight.abs()));
            let least = bias.abs() / (f64::from(scale) * MOST_BIAS);
            // Of a channel without weights any scale is right.
            let each = (most / MOST).max(least) as f32;
            let each = if each > 0.0 { each } else { 1.0 };
            let integers = rounding::round(&weights, f64::from(each), &factored.1);
            // What is left of the mean.
            let [floats, rounded] = moments.means(o);
            let expected: f64 = weights.iter().zip(&floats).map(|(weight, mean)| weight * mean).sum();
            let found: f64 =
                integers.iter().zip(&rounded).map(|(&integer, mean)| f64::from(integer) * f64::from(each) * mean).sum();
            let bias = bias + expected - found;
            layer.integers.extend(integers);
            layer.scales.push(each);
            layer.biases.push(bias as f32);
            layer.integer_biases.push((bias / (f64::from(scale) * f64::from(each))).round() as i32);
        }
        Ok(layer)
    }

    /// As tensors: weights with scales, and biases as numbers, for who computes in floats.
    fn tensors(&self, node: &str) -> Result<[Tensor<'static>; 2]> {
        let zero_points = vec![0; self.scales.len()];
        let quantization = Quantization { axis: 0, scales: self.scales.clone(), zero_points };
        let tensor = |end: &str, dtype, shape, bytes: Vec<u8>| {
            Tensor::decoded(format!("{node}/{end}").into(), dtype, shape, (Cow::Owned(bytes), 0))
        };
        let integers = self.integers.iter().map(|integer| integer.cast_unsigned()).collect();
        let biases: Vec<u8> = self.biases.iter().flat_map(|bias| bias.to_le_bytes()).collect();
        let weights = Tensor {
            quantization: Some(quantization),
            ..tensor("weights", Dtype::I8, self.shape.clone(), integers)?
        };
        Ok([weights, tensor("biases", Dtype::F32, vec![self.biases.len()], biases)?])
    }
}
