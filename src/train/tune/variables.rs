//! A network's parameters as they are trained: batch norms by themselves, everything packed as kernels read it.

use crate::error::{Error, Kind, Result};
use crate::graph::{Graph, NodeId, Op};
use crate::kernels::Curve;
use crate::lane::{Vec4, lanes};
use crate::model::Version;
use crate::weights::Checkpoint;
use std::ops::Range;

/// The parameters of one node: a convolution's or dense layer's biases and weights, or a batch norm's offsets and scales.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) node: NodeId,
    /// Where they lie among all, in [`Vec4`]s.
    pub(super) range: Range<usize>,
    pub(super) trains: bool,
}

/// All parameters from the cut on. Convolutions have no biases: they are 0, and stay.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) all: Vec<Variable>,
    pub(super) weights: Vec<Vec4>,
    /// Of batch norms, at the places of their offsets and scales: moving mean and variance. Unused elsewhere.
    pub(super) moving: Vec<Vec4>,
    /// Whether the file's batch norms are folded into biases: they stand in the place of offsets then.
    pub(super) folded: bool,
}

/// Of each number of a tensor `[out, channels, taps…]`, its place among packed floats (see [`crate::kernels`]).
fn places(shape: &[usize]) -> impl Iterator<Item = usize> {
    let (channels, taps) = (shape[1], shape[2..].iter().product::<usize>());
    let count = shape[0] * channels * taps;
    (0..count).map(move |at| {
        let (o, channel, tap) = (at / (channels * taps), at / taps % channels, at % taps);
        (o / 4 * (1 + channels * taps) + 1 + tap * channels + channel) * 4 + o % 4
    })
}

impl Variables {
    /// Reads those of the nodes behind `input`, up to `last`; that one's are zeros until a head is attached, unless the
    /// network's own are to be read.
    ///
    /// # Errors
    /// Those of [`Checkpoint::parameter`].
    pub(super) fn read(
        graph: &Graph,
        checkpoint: &Checkpoint<'_>,
        [input, last]: [NodeId; 2],
        (first, own_last): (NodeId, bool),
    ) -> Result<Self> {
        let mut variables = Self::default();
        for id in input + 1..=last {
            let node = &graph.nodes[id];
            let out = lanes(node.shape.channels);
            let parameters = graph.parameters(id);
            let Some(first_parameter) = parameters.first() else { continue };
            let size = match node.op {
                Op::BatchNorm => 2 * out,
                _ => out * (1 + first_parameter.shape[1..].iter().product::<usize>()),
            };
            let begin = variables.weights.len();
            variables.weights.resize(begin + size, Vec4::default());
            variables.moving.resize(begin + size, Vec4::default());
            variables.all.push(Variable { node: id, range: begin..begin + size, trains: id >= first });
            if id == last && !own_last {
                continue;
            }
            if node.op == Op::BatchNorm {
                variables.read_norm(graph, checkpoint, id, begin)?;
                continue;
            }
            let values = checkpoint.parameter(&first_parameter.name, &first_parameter.shape)?;
            let packed = bytemuck::cast_slice_mut(&mut variables.weights[begin..]);
            scatter(packed, &first_parameter.shape, &values);
            if node.op == Op::Dense {
                let biases = checkpoint.parameter(&parameters[1].name, &parameters[1].shape)?;
                scatter_biases(packed, &first_parameter.shape, &biases);
            }
        }
        Ok(variables)
    }

    fn read_norm(&mut self, graph: &Graph, checkpoint: &Checkpoint<'_>, id: NodeId, begin: usize) -> Result<()> {
        let channels = graph.nodes[id].shape.channels;
        let convolution = &graph.nodes[graph.nodes[id].inputs[0]].name;
        let biases = format!("{convolution}/biases");
        let [beta, gamma, mean, variance] = if checkpoint.has(&biases) {
            self.folded = true;
            let ones = vec![1.0; channels];
            // A variance that, with what is added to it, is 1.
            let spread = vec![1.0 - checkpoint.spec.batch_norm_epsilon; channels];
            [checkpoint.parameter(&biases, &[channels])?, ones, vec![0.0; channels], spread]
        } else {
            let read = |end: &str| checkpoint.parameter(&format!("{convolution}/batch_norm/{end}"), &[channels]);
            [read("beta")?, read("gamma")?, read("moving_mean")?, read("moving_variance")?]
        };
        for c in 0..channels {
            let at = begin + c / 4 * 2;
            self.weights[at][c % 4] = beta[c];
            self.weights[at + 1][c % 4] = gamma[c];
            self.moving[at][c % 4] = mean[c];
            self.moving[at + 1][c % 4] = variance[c];
        }
        Ok(())
    }

    /// How many numbers are trained.
    pub(super) fn params(&self, graph: &Graph) -> usize {
        let of = |variable: &Variable| {
            let node = &graph.nodes[variable.node];
            if node.op == Op::BatchNorm && self.folded {
                return node.shape.channels;
            }
            graph
                .parameters(variable.node)
                .iter()
                .filter(|it| it.trainable)
                .map(|it| it.shape.iter().product::<usize>())
                .sum()
        };
        self.all.iter().filter(|variable| variable.trains).map(of).sum()
    }

    /// The tensors of node `id` by canonical name, `[out, in, height, width]` dense; of a folded batch norm none.
    pub(super) fn tensors(&self, graph: &Graph, variable: &Variable) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let node = &graph.nodes[variable.node];
        let parameters = graph.parameters(variable.node);
        let packed: &[f32] = bytemuck::cast_slice(&self.weights[variable.range.clone()]);
        if node.op == Op::BatchNorm {
            let moving: &[f32] = bytemuck::cast_slice(&self.moving[variable.range.clone()]);
            let column = |floats: &[f32], which: usize| {
                (0..node.shape.channels).map(|c| floats[(c / 4 * 2 + which) * 4 + c % 4]).collect::<Vec<_>>()
            };
            if self.folded {
                let convolution = &graph.nodes[node.inputs[0]].name;
                return vec![(format!("{convolution}/biases"), vec![node.shape.channels], column(packed, 0))];
            }
            let values = [column(packed, 1), column(packed, 0), column(moving, 0), column(moving, 1)];
            return parameters.into_iter().zip(values).map(|(it, values)| (it.name, it.shape, values)).collect();
        }
        let shape = &parameters[0].shape;
        let mut tensors =
            vec![(parameters[0].name.clone(), shape.clone(), places(shape).map(|at| packed[at]).collect())];
        if let Some(biases) = parameters.get(1) {
            let group = 1 + shape[1..].iter().product::<usize>();
            let values = (0..shape[0]).map(|o| packed[o / 4 * group * 4 + o % 4]).collect();
            tensors.push((biases.name.clone(), biases.shape.clone(), values));
        }
        tensors
    }

    /// Puts a dense layer's weights `[outputs, inputs]` and biases in the place of those of the last variable.
    pub(super) fn set_last(&mut self, shape: &[usize], weights: &[f32], biases: &[f32]) {
        let Some(last) = self.all.last() else { return };
        let packed = &mut self.weights[last.range.clone()];
        packed.fill(Vec4::default());
        let packed = bytemuck::cast_slice_mut(packed);
        scatter(packed, shape, weights);
        scatter_biases(packed, shape, biases);
    }

    /// A NaN or an infinity among them, told by its node.
    pub(super) fn check_finite(&self, graph: &Graph) -> Result<()> {
        for variable in &self.all {
            if !self.weights[variable.range.clone()].iter().flatten().all(|value| value.is_finite()) {
                return Err(Error::new(Kind::TrainingDiverged, &*graph.nodes[variable.node].name)
                    .expected("finite weights")
                    .found("NaN or infinity")
                    .remedy("Use a smaller learning rate."));
            }
        }
        Ok(())
    }
}

fn scatter(packed: &mut [f32], shape: &[usize], values: &[f32]) {
    for (at, value) in places(shape).zip(values) {
        packed[at] = *value;
    }
}

fn scatter_biases(packed: &mut [f32], shape: &[usize], biases: &[f32]) {
    let group = 1 + shape[1..].iter().product::<usize>();
    for (o, bias) in biases.iter().enumerate() {
        packed[o / 4 * group * 4 + o % 4] = *bias;
    }
}

/// How much of a moving statistic a batch leaves, as the framework that trained the network has it: `keras.applications` 0.999
/// and V1 0.99; torchvision and timm 0.9, torchvision's V3 0.99; TF-slim 0.9997 of V1, 0.997 else.
pub(super) fn momentum(naming: &str, version: Version) -> f32 {
    let v3 = !matches!(version, Version::V1 | Version::V2 | Version::Custom);
    match naming {
        "torchvision" if v3 => 0.99,
        "torchvision" | "timm" => 0.9,
        "tf-slim" | "tflite-slim" if version == Version::V1 => 0.9997,
        "tf-slim" | "tflite-slim" => 0.997,
        _ if version == Version::V1 => 0.99,
        _ => 0.999,
    }
}

/// What is computed of a batch norm's parameters and statistics before maps are.
#[derive(Clone, Debug)]
pub(super) struct Derived {
    /// Mean and variance of this batch.
    pub(super) batch: Vec<Vec4>,
    /// `[bias, weight]`: the norm as one product and one sum.
    pub(super) applies: Vec<Vec4>,
    /// `[bias, weight]` that only normalise.
    pub(super) normalises: Vec<Vec4>,
    /// `[offset, direct, statistic]`, see `train_norm_input`.
    pub(super) back: Vec<Vec4>,
}

impl Derived {
    /// That of a bend that no batch norm precedes: nothing is done to what it bends.
    pub(super) fn plain(out: usize) -> Self {
        let applies = [[0.0; 4], [1.0; 4]].repeat(out);
        Self { batch: vec![[0.0; 4]; 2 * out], normalises: applies.clone(), applies, back: vec![[0.0; 4]; 3 * out] }
    }

    /// From `[offset, scale]` and `[mean, variance]`.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f64, kept in f32")]
    pub(super) fn set(&mut self, weights: &[Vec4], statistics: &[Vec4], epsilon: f32) {
        for at in (0..weights.len()).step_by(2) {
            for lane in 0..4 {
                let [beta, gamma] = [0, 1].map(|which| f64::from(weights[at + which][lane]));
                let [mean, variance] = [0, 1].map(|which| f64::from(statistics[at + which][lane]));
                let inverse = 1.0 / (variance + f64::from(epsilon)).sqrt();
                self.normalises[at][lane] = (-mean * inverse) as f32;
                self.normalises[at + 1][lane] = inverse as f32;
                self.applies[at][lane] = (beta - mean * inverse * gamma) as f32;
                self.applies[at + 1][lane] = (inverse * gamma) as f32;
            }
        }
    }

    /// What the gradient of the input is computed with; `sums` are the gradients of offset and scale where statistics are the
    /// batch's own, of so many pixels.
    pub(super) fn set_back(&mut self, sums: Option<(&[Vec4], f32)>) {
        for (group, back) in self.back.chunks_exact_mut(3).enumerate() {
            for lane in 0..4 {
                let [bias, inverse] = [0, 1].map(|which| self.normalises[2 * group + which][lane]);
                let direct = self.applies[2 * group + 1][lane];
                let (offset, statistic) = sums.map_or((0.0, 0.0), |(sums, pixels)| {
                    let [by_beta, by_gamma] = [0, 1].map(|which| sums[2 * group + which][lane] / pixels);
                    (-direct * (by_beta + bias * by_gamma), -direct * by_gamma * inverse)
                });
                [back[0][lane], back[1][lane], back[2][lane]] = [offset, direct, statistic];
            }
        }
    }
}

/// Whether a bend changes anything.
pub(super) fn bends(curve: Curve) -> bool {
    curve != Curve::LINEAR
}
