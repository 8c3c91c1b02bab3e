//! The kernels of nodes that compute in integers, and their parameters.

use crate::error::{Error, Kind, Result};
use crate::fixed::{Rescale, Sum, Ties};
use crate::graph::{Element, Graph, Node, NodeId, Op};
use crate::kernels::Call;
use crate::kernels::dots::Dots;
use crate::kernels::integers::{
    HEADER, IntegerAdd, IntegerConv, IntegerDepthwise, IntegerFromFloat, IntegerLookup, IntegerPointwise, IntegerPool,
    IntegerScale, IntegerSoftmax, IntegerToFloat, RESCALES, TABLE, eights, fours, lengths, pairs,
};
use crate::lane::Vec4;
use crate::weights::{Centred, Checkpoint, Integer, Integers, Rule, Steps};

/// The kernel of node `id`; none where it is none of integers.
#[expect(clippy::cast_possible_truncation, reason = "Spec::check keeps every size far below 2³²")]
pub(super) fn call(graph: &Graph, id: NodeId) -> Option<Call> {
    let node = &graph.nodes[id];
    let to = node.shape;
    let from = node.inputs.first().map_or(to, |&input| graph.nodes[input].shape);
    let (pixels, channels) = (to.pixels() as u32, to.channels as u32);
    let (in_channels, out_eights) = (from.channels as u32, eights(to.channels) as u32);
    if node.op == Op::Dequantize {
        return Some(Call::IntegerToFloat(IntegerToFloat { pixels, channels }));
    }
    if node.element == Element::Float {
        return None;
    }
    Some(match node.op {
        Op::Quantize => Call::IntegerFromFloat(IntegerFromFloat { pixels, channels }),
        Op::Conv(window) if window.kernel == 1 && window.stride == 1 => {
            Call::IntegerPointwise(IntegerPointwise { pixels, in_channels, out_eights })
        }
        Op::Dense => Call::IntegerPointwise(IntegerPointwise { pixels: 1, in_channels, out_eights }),
        Op::Conv(window) => Call::IntegerConv(IntegerConv {
            in_height: from.height as u32,
            in_width: from.width as u32,
            in_channels,
            out_height: to.height as u32,
            out_width: to.width as u32,
            out_eights,
            kernel: window.kernel as u32,
            stride: window.stride as u32,
            pad_top: window.pad_top as u32,
            pad_left: window.pad_left as u32,
        }),
        Op::Depthwise(window) => Call::IntegerDepthwise(IntegerDepthwise {
            in_height: from.height as u32,
            in_width: from.width as u32,
            out_height: to.height as u32,
            out_width: to.width as u32,
            eights: out_eights,
            kernel: window.kernel as u32,
            stride: window.stride as u32,
            dilation: window.dilation as u32,
            pad_top: window.pad_top as u32,
            pad_left: window.pad_left as u32,
        }),
        Op::Add => Call::IntegerAdd(IntegerAdd { count: pixels * out_eights }),
        Op::Scale => Call::IntegerScale(IntegerScale { pixels, eights: out_eights }),
        Op::GlobalPool(pooling) => {
            let [height, width] = super::fuse::pooled(pooling, from);
            Call::IntegerPool(IntegerPool { in_width: from.width as u32, height, width, channels })
        }
        Op::Lookup => Call::IntegerLookup(IntegerLookup { pixels, channels }),
        Op::Softmax => Call::IntegerSoftmax(IntegerSoftmax { classes: channels }),
        _ => return None,
    })
}

/// How many [`Vec4`]s of parameters node `id` has.
pub(super) fn length(graph: &Graph, id: NodeId) -> usize {
    match call(graph, id) {
        Some(Call::IntegerConv(p)) => p.parameters(),
        Some(Call::IntegerDepthwise(p)) => p.parameters(),
        Some(Call::IntegerPointwise(p)) => p.parameters(),
        Some(Call::IntegerAdd(_)) => lengths::ADD,
        Some(Call::IntegerScale(_)) => lengths::SCALE,
        Some(Call::IntegerPool(_)) => lengths::POOL,
        Some(Call::IntegerLookup(_)) => lengths::LOOKUP,
        Some(Call::IntegerSoftmax(_)) => lengths::SOFTMAX,
        Some(Call::IntegerFromFloat(_)) => lengths::FLOAT,
        Some(Call::IntegerToFloat(p)) => p.parameters(),
        _ => 0,
    }
}

/// Writes the parameters of node `id`, which computes in integers.
pub(super) fn pack(
    graph: &Graph,
    checkpoint: &Checkpoint<'_>,
    id: NodeId,
    dots: Dots,
    packed: &mut [Vec4],
) -> Result<()> {
    let node = &graph.nodes[id];
    let missing = || {
        Error::new(Kind::BadModel, format!("{}, in integers", node.name))
            .expected("a map whose scale and zero point the file states, and a factor between scales below 2³⁰")
            .found("none")
            .remedy("Open the network in floats: `precision: \"f32\"`.")
    };
    let Some(integers) = &checkpoint.integers else { return Err(missing()) };
    let packer = Packer { graph, checkpoint, integers, id, node, dots };
    packer.pack(packed, &missing)
}

struct Packer<'p> {
    graph: &'p Graph,
    checkpoint: &'p Checkpoint<'p>,
    integers: &'p Integers,
    id: NodeId,
    node: &'p Node,
    dots: Dots,
}

/// Bytes of a packed parameter.
fn bytes(values: &mut [Vec4]) -> &mut [i8] {
    bytemuck::cast_slice_mut(values)
}

/// Words of a packed parameter.
fn words(values: &mut [Vec4]) -> &mut [i32] {
    bytemuck::cast_slice_mut(values)
}

impl Packer<'_> {
    /// What is said of node `id`, or of the convolution before it whose map it bounds.
    fn said(&self, mut id: NodeId) -> Option<&Integer> {
        loop {
            let node = &self.graph.nodes[id];
            match node.op {
                Op::BatchNorm | Op::Activation(_) => id = *node.inputs.first()?,
                Op::Quantize => {
                    // Only the picture is known in both.
                    let from = &self.graph.nodes[*node.inputs.first()?];
                    let is_picture = matches!(from.op, Op::Input | Op::Pad);
                    return self.integers.get("input").filter(|_| is_picture);
                }
                _ => return self.integers.get(&node.name),
            }
        }
    }

    /// What is said of input `index`.
    fn read(&self, index: usize) -> Option<&Integer> {
        self.said(*self.node.inputs.get(index)?)
    }

    /// What the integers of input `index` stand for.
    fn input(&self, index: usize) -> Option<Steps> {
        self.read(index).map(|said| said.steps)
    }

    fn pack(&self, packed: &mut [Vec4], missing: &dyn Fn() -> Error) -> Result<()> {
        match self.node.op {
            Op::Conv(_) | Op::Depthwise(_) | Op::Dense => self.weighted(packed, missing),
            _ => self.unweighted(packed).ok_or_else(missing),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a row of eight bits")]
    fn unweighted(&self, packed: &mut [Vec4]) -> Option<()> {
        if self.node.op == Op::Dequantize {
            let said = self.read(0)?;
            let scales = packed.as_flattened_mut().iter_mut().take(self.node.shape.channels);
            scales.enumerate().for_each(|(channel, scale)| *scale = said.steps.scale * said.channel(channel));
            return Some(());
        }
        let Integer { steps, bounds: (low, high), rule, .. } = self.said(self.id)?;
        match self.node.op {
            Op::Quantize => {
                packed[0][0] = steps.scale;
                words(packed)[1..3].copy_from_slice(&[*low, *high]);
            }
            Op::Add => {
                let Sum { output, sides: [a, b] } =
                    Sum::new([self.input(0)?.scale, self.input(1)?.scale], steps.scale)?;
                let numbers =
                    [*low, *high, output.multiplier, output.shift, a.multiplier, a.shift, b.multiplier, b.shift];
                words(packed).copy_from_slice(&numbers);
            }
            Op::Scale => {
                let product = self.input(0)?.scale * self.input(1)?.scale;
                let Rescale { multiplier, shift } = Rescale::new(f64::from(product / steps.scale))?;
                words(packed).copy_from_slice(&[*low, *high, multiplier, shift]);
            }
            Op::GlobalPool(_) => words(packed).copy_from_slice(&self.pool(*steps, (*low, *high), rule)?),
            Op::Lookup => {
                let (Rule::Lookup(table), (least, _)) = (rule, self.input(0)?.centred()) else { return None };
                words(packed)[0] = -least;
                bytemuck::cast_slice_mut(&mut packed[1..]).copy_from_slice(table.get(..TABLE)?);
            }
            Op::Softmax => {
                let scale = self.input(0)?.scale;
                packed[0][0] = steps.scale;
                words(packed)[1..3].copy_from_slice(&[*low, *high]);
                let table: &mut [f32] = bytemuck::cast_slice_mut(&mut packed[1..]);
                for (row, exponential) in table.iter_mut().rev().enumerate() {
                    *exponential = (-scale * row as f32).exp();
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Either the files' integers summed and divided, or multiplied by what makes a mean in other steps of them.
    #[expect(clippy::cast_possible_truncation, reason = "pixels are few, and so are steps between zero points")]
    fn pool(&self, steps: Steps, (low, high): (i32, i32), rule: &Rule) -> Option<[i32; 8]> {
        let Some(Call::IntegerPool(p)) = call(self.graph, self.id) else { return None };
        let (count, before) = (p.height * p.width, self.input(0)?);
        let zeros = before.zero_point.wrapping_mul(count.cast_signed());
        if *rule == Rule::Average {
            return Some([low, high, zeros, -before.zero_point, 0, 0, 0, 0]);
        }
        if *rule == Rule::CentredMean {
            let factor = Rescale::new(f64::from(before.scale) / f64::from(steps.scale))?.over(count)?;
            return Some([low, high, 0, 0, 2, factor.multiplier, factor.shift, 0]);
        }
        let factor = f64::from(before.scale) / (f64::from(count) * f64::from(steps.scale));
        let Rescale { multiplier, shift } = Rescale::new(factor)?;
        let zero = f64::from(before.zero_point) * f64::from(before.scale) / f64::from(steps.scale);
        Some([low, high, zeros, -(zero.round() as i32), 1, multiplier, shift, 0])
    }

    /// Of weights and a zero point that fit bytes, in a kernel that takes them, what was asked for.
    fn dots(&self, weights: &[i16], zero: i32) -> Dots {
        let takes_fours = match call(self.graph, self.id) {
            Some(Call::IntegerConv(p)) => p.takes_fours(),
            Some(Call::IntegerDepthwise(p)) => p.takes_fours(),
            Some(Call::IntegerPointwise(p)) => p.takes_fours(),
            _ => false,
        };
        let fit = u8::try_from(zero).is_ok() && weights.iter().all(|&weight| i8::try_from(weight).is_ok());
        if takes_fours && fit { self.dots } else { Dots::Pairs }
    }

    fn weighted(&self, packed: &mut [Vec4], missing: &dyn Fn() -> Error) -> Result<()> {
        let parameter = self.graph.parameters(self.id).swap_remove(0);
        let Centred { weights, scales } = self.checkpoint.centred(&parameter.name, &parameter.shape)?;
        let shape = &parameter.shape;
        let (out, channels, taps) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
        let (Some(said @ Integer { steps, bounds, rule: Rule::Weighted(biases), .. }), Some(reads)) =
            (self.said(self.id), self.read(0))
        else {
            return Err(missing());
        };
        let before = reads.steps;
        if biases.len() != out || (scales.len() != 1 && scales.len() != out) {
            return Err(missing());
        }
        let depthwise = match call(self.graph, self.id) {
            Some(Call::IntegerDepthwise(p)) => Some(p),
            _ => None,
        };
        // Depthwise kernels of unsigned files alone round halves away from zero.
        let ties = if depthwise.is_some() && !before.signed { Ties::Away } else { Ties::Up };
        let zero = -before.centred().0;
        let dots = self.dots(&weights, zero);
        words(packed)[..3].copy_from_slice(&[bounds.0, bounds.1, i32::from(ties == Ties::Up)]);
        words(packed)[4..6].copy_from_slice(&[dots.code(), zero]);
        let group = match depthwise {
            Some(p) => (p.parameters() - HEADER) / p.eights as usize,
            None => dots.group(channels, taps),
        };
        for (eight, group) in packed[HEADER..].chunks_exact_mut(group).take(eights(out)).enumerate() {
            let (rescales, places) = group.split_at_mut(RESCALES);
            let rescales = words(rescales);
            for (lane, o) in (eight * 8..out.min(eight * 8 + 8)).enumerate() {
                let factor = match *scales {
                    // One scale for all channels meets the input's in single precision.
                    [scale] if !before.signed => f64::from(before.scale * scale),
                    [scale] => f64::from(before.scale) * f64::from(scale),
                    _ => f64::from(before.scale) * f64::from(scales[o]),
                };
                // Weights are numbers of numbers; what inputs are times their steps is a factor of columns, which a depthwise
                // convolution does not have.
                let column = if depthwise.is_some() { reads.channel(o) } else { 1.0 };
                let factor = factor * f64::from(column) / f64::from(said.channel(o));
                let rescale = Rescale::new(factor / f64::from(steps.scale)).ok_or_else(missing)?;
                let weights = &weights[o * channels * taps..][..channels * taps];
                rescales[lane] = biases[o].wrapping_sub(dots.added(zero, weights));
                rescales[8 + lane] = rescale.multiplier;
                rescales[16 + lane] = rescale.shift;
                for (at, &weight) in weights.iter().enumerate() {
                    let (channel, tap) = (at / taps, at % taps);
                    match (dots, depthwise) {
                        (Dots::Pairs, Some(_)) => bytemuck::cast_slice_mut::<_, [i16; 8]>(places)[tap][lane] = weight,
                        (Dots::Pairs, None) => {
                            let pair = (tap * pairs(channels) + channel / 2) * 2;
                            bytemuck::cast_slice_mut::<_, [i16; 8]>(places)[pair + lane / 4]
                                [lane % 4 * 2 + channel % 2] = weight;
                        }
                        (_, Some(p)) => {
                            let (row, column) = (tap / p.kernel as usize, tap % p.kernel as usize);
                            bytes(places)[p.place(row, column, lane)] = weight as i8;
                        }
                        (_, None) => {
                            let four = tap * fours(channels) + channel / 4;
                            bytes(places)[(four * 8 + lane) * 4 + channel % 4] = weight as i8;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
