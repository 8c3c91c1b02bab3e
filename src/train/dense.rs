//! A dense layer over a batch: forward and backward.

use super::random::Random;
use crate::kernels::rows;

/// Weights `[outputs, inputs]` and a bias for each output.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// One row an output.
    pub weights: Vec<f32>,
    /// One an output.
    pub biases: Vec<f32>,
}

impl Dense {
    /// All zeros.
    #[must_use]
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { weights: vec![0.0; inputs * outputs], biases: vec![0.0; outputs] }
    }

    /// First weights as Glorot has them: evenly within `√(6 / (inputs + outputs))`; biases 0.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "layers have far fewer than 2²⁴ units")]
    pub fn glorot(inputs: usize, outputs: usize, random: &mut Random) -> Self {
        let most = (6.0 / (inputs + outputs) as f32).sqrt();
        let weights = (0..inputs * outputs).map(|_| random.within(most)).collect();
        Self { weights, biases: vec![0.0; outputs] }
    }

    /// From weights `[inputs, outputs]`, as Keras and TensorFlow.js keep them.
    #[must_use]
    pub fn from_kernel(kernel: &[f32], biases: Vec<f32>) -> Self {
        Self { weights: transposed(kernel, biases.len()), biases }
    }

    /// The weights as `[inputs, outputs]`.
    #[must_use]
    pub fn kernel(&self) -> Vec<f32> {
        transposed(&self.weights, self.inputs())
    }

    /// How many.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// How many.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.len() / self.biases.len().max(1)
    }

    /// One output's weights.
    #[must_use]
    pub fn row(&self, output: usize) -> &[f32] {
        &self.weights[output * self.inputs()..][..self.inputs()]
    }

    /// How many numbers are trained.
    #[must_use]
    pub const fn params(&self) -> usize {
        self.weights.len() + self.biases.len()
    }

    /// `input` of shape `[samples, inputs]` → `output` of `[samples, outputs]`.
    pub fn forward(&self, input: &[f32], output: &mut Vec<f32>) {
        output.clear();
        output.resize(input.len() / self.inputs() * self.outputs(), 0.0);
        rows::products(input, &self.weights, self.inputs(), output);
        for row in output.chunks_exact_mut(self.outputs()) {
            rows::add_scaled(row, 1.0, &self.biases);
        }
    }

    /// The loss's derivative by every weight and bias, added to `sums`, from that by the outputs.
    pub fn backward(&self, input: &[f32], by_output: &[f32], sums: &mut Self) {
        let inputs = self.inputs();
        for (input, by_output) in input.chunks_exact(inputs).zip(by_output.chunks_exact(self.outputs())) {
            rows::add_scaled(&mut sums.biases, 1.0, by_output);
            for (sum, &factor) in sums.weights.chunks_exact_mut(inputs).zip(by_output) {
                rows::add_scaled(sum, factor, input);
            }
        }
    }

    /// And by every input.
    pub fn backward_input(&self, by_output: &[f32], by_input: &mut Vec<f32>) {
        let inputs = self.inputs();
        by_input.clear();
        by_input.resize(by_output.len() / self.outputs() * inputs, 0.0);
        for (sum, by_output) in by_input.chunks_exact_mut(inputs).zip(by_output.chunks_exact(self.outputs())) {
            for (row, &factor) in self.weights.chunks_exact(inputs).zip(by_output) {
                rows::add_scaled(sum, factor, row);
            }
        }
    }

    /// All of it 0 again.
    pub fn clear(&mut self) {
        self.weights.fill(0.0);
        self.biases.fill(0.0);
    }
}

/// A matrix with rows of `width`, turned.
pub(super) fn transposed(matrix: &[f32], width: usize) -> Vec<f32> {
    let height = matrix.len() / width.max(1);
    (0..matrix.len()).map(|index| matrix[index % height * width + index / height]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::*;

    const INPUTS: usize = 5;
    const OUTPUTS: usize = 3;
    const SAMPLES: usize = 4;

    fn random(count: usize, place: u64) -> Vec<f32> {
        let mut random = Random::new(7, Purpose::Weights, [place, 0]);
        (0..count).map(|_| random.within(1.0)).collect()
    }

    /// `Σ factor · (W x + b)` over all samples and outputs, in f64: a number whose derivatives are known.
    fn definition(weights: &[f64], biases: &[f64], input: &[f64], factors: &[f64]) -> f64 {
        let mut sum = 0.0;
        for sample in 0..SAMPLES {
            for output in 0..OUTPUTS {
                let product = (0..INPUTS).map(|k| weights[output * INPUTS + k] * input[sample * INPUTS + k]);
                sum += factors[sample * OUTPUTS + output] * (product.sum::<f64>() + biases[output]);
            }
        }
        sum
    }

    /// Central differences by each of `values`.
    fn slopes(values: &[f64], of: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
        const STEP: f64 = 1e-4;
        let at = |index: usize, step: f64| {
            let mut values = values.to_vec();
            values[index] += step;
            of(&values)
        };
        (0..values.len()).map(|index| (at(index, STEP) - at(index, -STEP)) / (2.0 * STEP)).collect()
    }

    #[test]
    fn gradients_are_central_differences_of_the_definition() {
        let layer = Dense { weights: random(INPUTS * OUTPUTS, 1), biases: random(OUTPUTS, 2) };
        let (input, by_output) = (random(SAMPLES * INPUTS, 3), random(SAMPLES * OUTPUTS, 4));
        let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let [w, b, x, f] = [&layer.weights, &layer.biases, &input, &by_output].map(|values| double(values));
        let mut sums = Dense::zeros(INPUTS, OUTPUTS);
        layer.backward(&input, &by_output, &mut sums);
        let mut by_input = vec![f32::NAN; 99];
        layer.backward_input(&by_output, &mut by_input);
        let cases = [
            ("weights", &sums.weights, slopes(&w, &|w| definition(w, &b, &x, &f))),
            ("biases", &sums.biases, slopes(&b, &|b| definition(&w, b, &x, &f))),
            ("inputs", &by_input, slopes(&x, &|x| definition(&w, &b, x, &f))),
        ];
        for (what, found, expected) in cases {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{what}: {found} for {expected}");
            }
        }
        let mut output = vec![f32::NAN; 99];
        layer.forward(&input, &mut output);
        let sum: f32 = output.iter().zip(&by_output).map(|(output, factor)| output * factor).sum();
        assert!((f64::from(sum) - definition(&w, &b, &x, &f)).abs() < 1e-5);
    }

    #[test]
    fn kernels_turn_and_turn_back() {
        let kernel = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let layer = Dense::from_kernel(&kernel, vec![0.0; 2]);
        assert_eq!(layer.weights, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(layer.row(1), [2.0, 4.0, 6.0]);
        assert_eq!(layer.kernel(), kernel);
        assert_eq!((layer.inputs(), layer.outputs(), layer.params()), (3, 2, 8));
    }

    #[test]
    fn first_weights_are_glorots() {
        let layer = Dense::glorot(1280, 1, &mut Random::new(1, Purpose::Weights, [0, 0]));
        let most = (6.0_f32 / 1281.0).sqrt();
        assert_eq!(layer.params(), 1281);
        assert!(layer.weights.iter().all(|weight| weight.abs() <= most));
        assert!(layer.weights.iter().any(|weight| weight.abs() > most * 0.99));
        assert_eq!(layer.biases, [0.0]);
    }
}
