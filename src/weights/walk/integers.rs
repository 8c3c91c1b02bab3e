//! What a quantised file's operators do to integers, beside what they do to numbers: each point's own, and the table of
//! what others read of them.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::forms::Form;
use super::rows::Network;
use super::trace::{Convolution, Map, Point, Source, Trace, Tracer};
use super::{Arithmetic, Bounds, Node, Op, UNBOUNDED};
use crate::model::{Block, Widths};
use crate::weights::names::{Part, Table, node};
use crate::weights::{Dtype, Integer, Integers, Rule, Steps, Tensor};

/// A point's integers.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed {
    /// What they stand for as its own operator leaves them, and the bounds that it keeps.
    own: Option<(Steps, Bounds)>,
    /// The curve that each reader sees.
    pub(super) read: Vec<Option<usize>>,
    /// What softmax reads, and what its results stand for.
    softmax: Option<(usize, Steps)>,
    /// How a pool computes.
    pool: Option<Rule>,
}

impl<'a> Tracer<'a> {
    fn steps(&self, value: Option<usize>) -> Option<Steps> {
        self.graph.values.get(value?)?.steps
    }

    fn add(&mut self, curve: Curve) -> Option<usize> {
        self.trace.curves.push(curve);
        Some(self.trace.curves.len() - 1)
    }

    /// What the graph's input holds.
    pub(super) fn follow_input(&mut self) {
        let Some(steps) = self.steps(Some(self.graph.input)) else { return };
        self.trace.points[0].integers.own = Some((steps, UNBOUNDED));
        let curve = self.add(Curve::identity(steps));
        if let Some(Some(map)) = self.maps.get_mut(self.graph.input) {
            map.curve = curve;
        }
    }

    /// The curve of what `node` made of its inputs, `map`; `points` were there before it.
    pub(super) fn follow(&mut self, node: &Node<'a>, points: usize, map: Map) -> Option<usize> {
        let steps = self.steps(Some(node.output));
        if map.point >= points {
            let bounds = match node.op {
                Op::Conv { bounds, .. } | Op::Dense { bounds } | Op::Arithmetic { bounds, .. } => bounds,
                _ => UNBOUNDED,
            };
            let rank = self.graph.values.get(node.output).map_or(0, |value| value.dims.len());
            let followed = &mut self.trace.points[map.point].integers;
            followed.own = Some((steps?, bounds));
            followed.pool = Some(match node.op {
                Op::Pool { window: Some(_), .. } => Rule::Average,
                // TensorFlow Lite has another kernel for means that lose their axes.
                _ if rank == 4 => Rule::Mean,
                _ => Rule::CentredMean,
            });
            return self.add(Curve::identity(steps?));
        }
        let input = |index: usize| node.inputs.get(index).copied().flatten();
        let of = |tracer: &Self, index: usize| tracer.maps.get(input(index)?).copied().flatten();
        let before = of(self, 0).and_then(|map| map.curve);
        // From or to floats.
        if node.op == Op::Pass {
            match (before, steps) {
                (None, Some(steps)) if map.point == 0 && self.trace.points[0].integers.own.is_none() => {
                    self.trace.points[0].integers.own = Some((steps, UNBOUNDED));
                    return self.add(Curve::identity(steps));
                }
                (before, None) => return before,
                _ => {}
            }
        }
        let steps = steps?;
        if let Op::Arithmetic { arithmetic, bounds } = node.op {
            let curve = match (of(self, 0), of(self, 1)) {
                (Some(a), Some(b)) => {
                    let [a, b] = [a, b].map(|map| map.curve.and_then(|curve| self.trace.curves.get(curve)));
                    a?.both(arithmetic, b?, (steps, bounds))
                }
                (Some(map), None) => self.with_constant(map, arithmetic, self.constant(node, 1)?, (steps, bounds)),
                (None, Some(map)) if arithmetic != Arithmetic::Sub && arithmetic != Arithmetic::Div => {
                    self.with_constant(map, arithmetic, self.constant(node, 0)?, (steps, bounds))
                }
                _ => None,
            };
            return self.add(curve?);
        }
        let curve = self.trace.curves.get(before?)?;
        let curve = match node.op {
            Op::Pass | Op::Pool { .. } | Op::Pad(_) if curve.steps == steps => return before,
            Op::Pass => curve.requantised(steps, UNBOUNDED),
            Op::Clamp(bounds) => curve.requantised(steps, bounds),
            Op::HardSwish => curve.hard_swish(steps),
            Op::Softmax => {
                self.trace.points[map.point].integers.softmax = Some((before?, steps));
                Some(Curve::identity(steps))
            }
            _ => None,
        };
        self.add(curve?)
    }

    fn with_constant(
        &self,
        map: Map,
        arithmetic: Arithmetic,
        constant: &Tensor<'_>,
        into: (Steps, Bounds),
    ) -> Option<Curve> {
        let quantization = constant.quantization.as_ref()?;
        let ([scale], [zero], [byte]) = (&*quantization.scales, &*quantization.zero_points, &*constant.bytes) else {
            return None;
        };
        let steps = Steps::new(constant.dtype, *scale, *zero)?;
        let integer = if steps.signed { i32::from(byte.cast_signed()) } else { i32::from(*byte) };
        self.trace.curves.get(map.curve?)?.constant(arithmetic, (integer - zero, *scale), into)
    }
}

/// Every node of the network in integers; none where the file leaves one out.
pub(super) fn collect(network: &Network, trace: &Trace<'_>) -> Option<Integers> {
    Collector { network, trace, nodes: BTreeMap::new() }.collect()
}

struct Collector<'t, 'a> {
    network: &'t Network,
    trace: &'t Trace<'a>,
    nodes: BTreeMap<String, Integer>,
}

impl<'t, 'a> Collector<'t, 'a> {
    fn collect(mut self) -> Option<Integers> {
        let trace = self.trace;
        let Network { version, blocks, parts, .. } = self.network;
        let table = Table { version: *version, blocks, widths: Widths::V2, multiplier: 1.0, classes: 1 };
        let layers = table.layers();
        let input = self.seen(&trace.points[0])?;
        // A picture may be requantised, as long as that changes no integer.
        let (own, bounds) = trace.points[0].integers.own?;
        self.put("input".into(), (input.is_identity(own).then_some(input.steps)?, bounds), Rule::Input);
        let mut last = 0;
        for (convolution, (row, part)) in trace.convolutions.iter().zip(parts) {
            let layer =
                layers.iter().find(|layer| layer.part == *part && (layer.row == *row || *part == Part::Logits))?;
            let name = node(layer);
            self.weighted(&name, convolution)?;
            let block = format!("layer_{}", row.saturating_add(1));
            match part {
                Part::Project => {
                    let is_sum = |point: &Point| matches!(point.source, Source::Sum(_, b) if b == convolution.point);
                    if let Some(sum) = trace.points.iter().find(|point| is_sum(point)) {
                        self.plain(format!("{block}/add"), sum, Rule::Sum)?;
                    }
                }
                Part::Gate => {
                    let is_gated =
                        |point: &&Point| matches!(point.source, Source::Gated(_, b) if b == convolution.point);
                    let product = trace.points.iter().find(is_gated)?;
                    let Source::Gated(map, _) = product.source else { return None };
                    self.plain(format!("{block}/squeeze_excite/scale"), product, Rule::Product)?;
                    self.pool(format!("{block}/squeeze_excite/pool"), map)?;
                }
                _ => {}
            }
            if !part.is_top() {
                last = convolution.point;
            }
        }
        // The point that ends the last row: its sum, where it has one.
        let sum = trace.points.iter().position(|point| matches!(point.source, Source::Sum(_, b) if b == last));
        let last = sum.unwrap_or(last);
        if trace.points.iter().any(|point| matches!(point.source, Source::Pool(from, _) if from == last)) {
            let row = blocks.iter().position(|block| *block == Block::Pool);
            self.pool(row.map_or_else(|| "global_pool".into(), |row| format!("layer_{}", row + 1)), last)?;
        }
        Some(Integers { nodes: self.nodes })
    }

    fn put(&mut self, name: String, (steps, bounds): (Steps, Bounds), rule: Rule) {
        self.nodes.insert(name, Integer { steps, channels: Vec::new(), bounds: steps.within(bounds), rule });
    }

    /// What all readers of a point see.
    fn seen(&self, point: &Point) -> Option<&'t Curve> {
        let (first, others) = point.integers.read.split_first()?;
        let curve = self.trace.curves.get((*first)?)?;
        let same = |other: &Option<usize>| other.and_then(|other| self.trace.curves.get(other)) == Some(curve);
        others.iter().all(same).then_some(curve)
    }

    /// A point whose readers see it as its operator leaves it.
    fn plain(&mut self, name: String, point: &Point, rule: Rule) -> Option<()> {
        let (steps, bounds) = point.integers.own?;
        self.seen(point)?.is_identity(steps).then(|| self.put(name, (steps, bounds), rule))
    }

    /// The mean of a point.
    fn pool(&mut self, name: String, from: usize) -> Option<()> {
        let pool = self.trace.points.iter().find(|point| point.source == Source::Pool(from, false))?;
        let rule = pool.integers.pool.clone()?;
        // A pool that divides leaves steps as they are.
        let same = self.seen(self.trace.points.get(from)?)?.steps == pool.integers.own?.0;
        (rule != Rule::Average || same).then_some(())?;
        self.plain(name, pool, rule)
    }

    fn weighted(&mut self, name: &str, convolution: &Convolution<'a>) -> Option<()> {
        let point = self.trace.points.get(convolution.point)?;
        let integers = matches!(convolution.weights.dtype, Dtype::I8 | Dtype::U8);
        if !integers || convolution.weights.quantization.is_none() || convolution.norm.is_some() {
            return None;
        }
        let biases = match &convolution.biases {
            None => vec![0; convolution.shape[0]],
            Some(biases) if biases.dtype == Dtype::I32 => {
                biases.dense_bytes().as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect()
            }
            Some(_) => return None,
        };
        let (steps, bounds) = point.integers.own?;
        if biases.len() != convolution.shape[0] {
            return None;
        }
        self.put(name.into(), (steps, bounds), Rule::Weighted(biases));
        let curve = self.seen(point)?;
        let (before, after) = match point.integers.softmax {
            Some((before, after)) => (self.trace.curves.get(before)?, Some((after, curve))),
            None => (curve, None),
        };
        if let Some((steps, curve)) = after {
            // Probabilities that are requantised must stay the same integers.
            curve.is_identity(steps).then(|| self.put("predictions".into(), (steps, UNBOUNDED), Rule::Softmax))?;
        }
        if before.is_identity(steps) {
            return Some(());
        }
        // ReLU of its own steps is a curve as well; where nothing marks it as one, no node would compute it.
        if matches!(point.form, None | Some(Form::Plain | Form::Softmax | Form::Sigmoid)) {
            return None;
        }
        let table = before.table.clone();
        self.put(format!("{name}/activation"), (before.steps, UNBOUNDED), Rule::Lookup(table));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::RELU;
    use super::*;

    #[test]
    fn a_curve_of_hard_swish_is_within_one_step_of_the_function() {
        let steps = |scale, zero_point, signed| Steps { scale, zero_point, signed };
        for (before, after) in [
            (steps(0.292_073, 99, false), steps(0.173_324, 2, false)),
            (steps(0.069_667, -2, true), steps(0.036_708, -118, true)),
            (steps(0.057_834, 170, false), steps(0.019_54, 19, false)),
        ] {
            let curve = Curve::identity(before).hard_swish(after).expect("a table");
            let (least, greatest) = before.centred();
            for (value, &found) in (least..=greatest).zip(&curve.table) {
                let x = value as f32 * before.scale;
                let (low, high) = after.centred();
                let exact = (x * (x + 3.0).clamp(0.0, 6.0) / 6.0 / after.scale).clamp(low as f32, high as f32);
                assert!((f32::from(found) - exact).abs() <= 1.0, "{x}: {found} for {exact}");
            }
        }
    }

    #[test]
    fn requantising_to_the_same_steps_with_another_sign_changes_nothing() {
        let unsigned = Steps { scale: 0.0078, zero_point: 127, signed: false };
        let signed = Steps { zero_point: -1, signed: true, ..unsigned };
        let curve = Curve::identity(unsigned).requantised(signed, UNBOUNDED).expect("a table");
        assert!(curve.is_identity(unsigned));
        let relu = Curve::identity(unsigned).requantised(signed, RELU).expect("a table");
        assert!(!relu.is_identity(unsigned) && relu.table.iter().all(|&value| value >= 0));
    }
}
