//! What a layer's weights are multiplied by: means, and how inputs vary together.

use crate::graph::{Graph, NodeId, Op, Shape, Window};
use crate::weights::Steps;

/// Positions of a picture that are looked at, of which neighbours say much the same.
const POSITIONS: usize = 64;

/// Sums over what one layer reads, for each group of inputs that outputs share: a depthwise convolution has one a channel.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    input: Shape,
    output: Shape,
    window: Window,
    depthwise: bool,
    /// Products of a weight each.
    inputs: usize,
    samples: f64,
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    /// Of the numbers themselves.
    floats: Vec<f64>,
    /// Of what integers make of them.
    sums: Vec<f64>,
    /// Products of those, `[inputs][inputs]`, the upper half.
    products: Vec<f64>,
}

impl Moments {
    /// Of nothing yet; none for a node without weights.
    pub(super) fn new(graph: &Graph, id: NodeId) -> Option<Self> {
        let node = &graph.nodes[id];
        let point = Window { kernel: 1, stride: 1, dilation: 1, pad_top: 0, pad_left: 0 };
        let (window, depthwise) = match node.op {
            Op::Conv(window) => (window, false),
            Op::Depthwise(window) => (window, true),
            Op::Dense => (point, false),
            _ => return None,
        };
        let input = graph.nodes[node.inputs[0]].shape;
        let taps = window.kernel * window.kernel;
        let (inputs, groups) = if depthwise { (taps, input.channels) } else { (input.channels * taps, 1) };
        let group = Group { floats: vec![0.0; inputs], sums: vec![0.0; inputs], products: vec![0.0; inputs * inputs] };
        let groups = vec![group; groups];
        Some(Self { input, output: node.shape, window, depthwise, inputs, samples: 0.0, groups })
    }

    /// Looks at a map, and at what integers make of it.
    pub(super) fn add(&mut self, map: &[f32], steps: Steps) {
        let (low, high) = steps.centred();
        let rounded: Vec<f32> = map
            .iter()
            .map(|value| (value / steps.scale).round().clamp(low as f32, high as f32) * steps.scale)
            .collect();
        let pixels = self.output.pixels();
        // A stride that no width is a multiple of, so that all columns are seen.
        let stride = (pixels / POSITIONS).max(1);
        let stride = if stride > 1 { stride | 1 } else { 1 };
        let taps = self.window.kernel * self.window.kernel;
        let (mut floats, mut integers) = (vec![0.0; self.inputs], vec![0.0; self.inputs]);
        for position in (0..pixels).step_by(stride) {
            for (index, group) in self.groups.iter_mut().enumerate() {
                for at in 0..self.inputs {
                    let (channel, tap) = if self.depthwise { (index, at) } else { (at / taps, at % taps) };
                    let from = place(self.input, self.window, (position, self.output.width), tap);
                    let of =
                        |map: &[f32]| from.map_or(0.0, |pixel| f64::from(map[pixel * self.input.channels + channel]));
                    (floats[at], integers[at]) = (of(map), of(&rounded));
                }
                group.add(&floats, &integers);
            }
            self.samples += 1.0;
        }
    }

    /// The mean of what output `out`'s weights are multiplied by: of numbers, and of integers.
    pub(super) fn means(&self, out: usize) -> [Vec<f64>; 2] {
        let group = &self.groups[self.group(out)];
        [&group.floats, &group.sums].map(|sums| sums.iter().map(|sum| sum / self.samples).collect())
    }

    /// Whether each output reads its own channel.
    pub(super) const fn is_depthwise(&self) -> bool {
        self.depthwise
    }

    /// Which group output `out` reads.
    pub(super) const fn group(&self, out: usize) -> usize {
        if self.depthwise { out } else { 0 }
    }

    /// How many weights an output has.
    pub(super) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// How the inputs of a group vary together, `[inputs][inputs]`, the upper half. The fewer samples there are for the
    /// inputs, the more their own variances count.
    pub(super) fn covariance(&self, group: usize) -> Vec<f64> {
        let (n, Group { sums, products, .. }) = (self.inputs, &self.groups[group]);
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            for j in i..n {
                covariance[i * n + j] =
                    products[i * n + j] / self.samples - sums[i] * sums[j] / (self.samples * self.samples);
            }
        }
        let own: f64 = (0..n).map(|i| covariance[i * n + i]).sum::<f64>() / n as f64;
        let share = 1.0 + n as f64 / self.samples;
        for i in 0..n {
            covariance[i * n + i] = covariance[i * n + i].max(0.0) * share + own * LEAST_VARIANCE + f64::MIN_POSITIVE;
        }
        covariance
    }
}

/// What an input that never varies counts, as a share of the mean variance.
const LEAST_VARIANCE: f64 = 1e-3;

/// The pixel of the input that tap `tap` of the window at an output's position reads; none outside.
fn place(input: Shape, window: Window, (position, width): (usize, usize), tap: usize) -> Option<usize> {
    let along = |out: usize, tap: usize, pad: usize, length: usize| {
        (out * window.stride + tap * window.dilation).checked_sub(pad).filter(|&at| at < length)
    };
    let y = along(position / width, tap / window.kernel, window.pad_top, input.height)?;
    let x = along(position % width, tap % window.kernel, window.pad_left, input.width)?;
    Some(y * input.width + x)
}

impl Group {
    fn add(&mut self, floats: &[f64], integers: &[f64]) {
        let n = integers.len();
        for (sum, value) in self.floats.iter_mut().zip(floats) {
            *sum += value;
        }
        for (i, &value) in integers.iter().enumerate().filter(|input| *input.1 != 0.0) {
            self.sums[i] += value;
            for (product, other) in self.products[i * n + i..(i + 1) * n].iter_mut().zip(&integers[i..]) {
                *product += value * other;
            }
        }
    }
}
