//! Gradients → new weights: Adam, and gradient descent with momentum. Definitions are Keras'.

use crate::kernels::rows;

/// Which rule moves the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `w −= rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)`.
    Adam,
    /// `v = momentum · v − rate · g; w += v`.
    Sgd {
        /// 0 for plain gradient descent.
        momentum: f32,
    },
}

/// β₁ and β₂: what is kept of the means of gradients and of their squares.
const DECAY: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-7;

/// A rule with what it remembers of each tensor.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    rate: f32,
    /// Steps so far, the one that was begun last included.
    steps: i32,
    /// By slot: Adam's means and squares, or speeds and nothing.
    memory: Vec<[Vec<f32>; 2]>,
}

impl Optimizer {
    /// One that remembers nothing yet.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule, rate: 0.0, steps: 0, memory: Vec::new() }
    }

    /// Its rule.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Begins the step of one batch; [`Optimizer::step`] follows for each tensor.
    pub const fn begin(&mut self, learning_rate: f32) {
        self.rate = learning_rate;
        self.steps = self.steps.saturating_add(1);
    }

    /// Moves one tensor's weights. `slot` is the same number for the same tensor at each step, counted from 0.
    #[expect(clippy::cast_possible_truncation, reason = "rates are f32")]
    pub fn step(&mut self, slot: usize, weights: &mut [f32], gradients: &[f32]) {
        if self.memory.len() <= slot {
            self.memory.resize_with(slot + 1, Default::default);
        }
        let [first, second] = &mut self.memory[slot];
        first.resize(weights.len(), 0.0);
        match self.rule {
            Rule::Adam => {
                second.resize(weights.len(), 0.0);
                let [left, left_of_squares] = DECAY.map(|decay| 1.0 - f64::from(decay).powi(self.steps));
                let rate = (f64::from(self.rate) * left_of_squares.sqrt() / left) as f32;
                rows::adam(weights, gradients, [first, second], DECAY, rate, EPSILON);
            }
            Rule::Sgd { momentum } => rows::momentum(weights, gradients, first, momentum, self.rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definitions in f64, one weight at a time.
    fn definition(rule: Rule, rate: f64, gradients: &[f64]) -> f64 {
        let (mut weight, mut first, mut second) = (1.0, 0.0, 0.0);
        for (index, gradient) in gradients.iter().enumerate() {
            match rule {
                Rule::Adam => {
                    let step = index as i32 + 1;
                    first = 0.9 * first + 0.1 * gradient;
                    second = 0.999 * second + 0.001 * gradient * gradient;
                    let rate = rate * (1.0 - 0.999_f64.powi(step)).sqrt() / (1.0 - 0.9_f64.powi(step));
                    weight -= rate * first / (f64::sqrt(second) + 1e-7);
                }
                Rule::Sgd { momentum } => {
                    first = f64::from(momentum) * first - rate * gradient;
                    weight += first;
                }
            }
        }
        weight
    }

    #[test]
    fn weights_move_as_defined() {
        let gradients = [0.5, -0.25, 2.0, 0.0, 1.0, -3.0, 0.125];
        for rule in [Rule::Adam, Rule::Sgd { momentum: 0.0 }, Rule::Sgd { momentum: 0.9 }] {
            let mut optimizer = Optimizer::new(rule);
            let mut weights = [[1.0_f32; 5], [1.0; 5]];
            for gradient in gradients {
                optimizer.begin(0.01);
                for (slot, weights) in weights.iter_mut().enumerate() {
                    let sign = if slot == 0 { 1.0 } else { -1.0 };
                    optimizer.step(slot, weights, &[gradient as f32 * sign; 5]);
                }
            }
            for (weights, sign) in weights.iter().zip([1.0, -1.0]) {
                let expected = definition(rule, 0.01, &gradients.map(|gradient| gradient * sign));
                assert!(weights.iter().all(|weight| (f64::from(*weight) - expected).abs() < 1e-6), "{rule:?}");
            }
        }
    }

    #[test]
    fn no_gradient_moves_nothing_at_the_first_step() {
        for rule in [Rule::Adam, Rule::Sgd { momentum: 0.9 }] {
            let mut weights = [0.5, -0.5];
            let mut optimizer = Optimizer::new(rule);
            optimizer.begin(0.1);
            optimizer.step(3, &mut weights, &[0.0; 2]);
            assert_eq!(weights, [0.5, -0.5]);
        }
    }
}
