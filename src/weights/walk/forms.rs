//! What elementwise operators make of a map, as a closed list: how files spell ReLU6, hard-swish and gates.

use super::Bounds;
use crate::model::Activation;

/// A function of one point's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Plain,
    /// `x · scale + offset` by channel: only of the input.
    Affine([f32; 3], [f32; 3]),
    /// `x · k`.
    Scaled(f32),
    /// `x + k`.
    Shifted(f32),
    Relu,
    Relu6,
    /// `relu6(x + 3)`.
    Six,
    /// `x · relu6(x + 3)`.
    SwishSix,
    HardSwish,
    /// `relu6(x + 3) / 6`, in one of two roundings of 1/6.
    Gate(Activation),
    /// `relu6(x) / 6`: a gate whose 3 is part of the biases.
    FoldedGate(Activation),
    Softmax,
    Sigmoid,
}

/// Which rounding of 1/6 a factor is.
pub(super) fn sixth(factor: f32) -> Option<Activation> {
    /// TF-slim's.
    const SLIM: f32 = 0.166_67;
    let off = |from: f32| (factor - from).abs();
    if off(SLIM) < off(1.0 / 6.0) && off(SLIM) < 1e-5 {
        return Some(Activation::SlimSigmoid);
    }
    // A quantised constant is right to eight bits.
    (off(1.0 / 6.0) < 1e-3).then_some(Activation::HardSigmoid)
}

fn is(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-3 * b.abs().max(1.0)
}

/// Whether these are the bounds of ReLU6, as near as integers of eight bits come to them.
pub(super) fn is_relu6(bounds: Bounds) -> bool {
    bounds.0.abs() < 0.03 && (bounds.1 - 6.0).abs() < 0.05
}

impl Form {
    /// After an added constant.
    pub(super) fn shifted(self, by: f32) -> Option<Self> {
        match self {
            form if by == 0.0 => Some(form),
            Self::Plain => Some(Self::Shifted(by)),
            Self::Shifted(before) => Some(Self::Shifted(before + by)),
            _ => None,
        }
    }

    /// After a constant factor.
    pub(super) fn scaled(self, by: f32) -> Option<Self> {
        match self {
            #[expect(clippy::float_cmp, reason = "the very number 1 changes nothing")]
            form if by == 1.0 => Some(form),
            Self::Plain => Some(Self::Scaled(by)),
            Self::Scaled(before) => Some(Self::Scaled(before * by)),
            Self::Six => sixth(by).map(Self::Gate),
            Self::Relu6 => sixth(by).map(Self::FoldedGate),
            Self::SwishSix => sixth(by).map(|_| Self::HardSwish),
            _ => None,
        }
    }

    /// Between bounds.
    pub(super) fn clamped(self, (least, greatest): Bounds) -> Option<Self> {
        match (self, least, greatest) {
            (form, f32::NEG_INFINITY, f32::INFINITY) => Some(form),
            (Self::Plain, 0.0, f32::INFINITY) => Some(Self::Relu),
            (Self::Plain | Self::Relu | Self::Relu6, least, 6.0) if least == 0.0 || self != Self::Plain => {
                Some(Self::Relu6)
            }
            (Self::Relu | Self::Relu6, 0.0, f32::INFINITY) => Some(self),
            (Self::Shifted(by), 0.0, 6.0) if is(by, 3.0) => Some(Self::Six),
            _ => None,
        }
    }

    /// The product of two functions of one point.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Plain, Self::Six) | (Self::Six, Self::Plain) => Some(Self::SwishSix),
            (Self::Plain, Self::Gate(_)) | (Self::Gate(_), Self::Plain) => Some(Self::HardSwish),
            (Self::Scaled(by), Self::Six) | (Self::Six, Self::Scaled(by)) => sixth(by).map(|_| Self::HardSwish),
            _ => None,
        }
    }

    /// The activation that this is, of a convolution.
    pub(super) const fn activation(self) -> Option<Activation> {
        match self {
            Self::Plain | Self::Softmax | Self::Sigmoid => Some(Activation::Linear),
            Self::Relu => Some(Activation::Relu),
            Self::Relu6 => Some(Activation::Relu6),
            Self::HardSwish => Some(Activation::HardSwish),
            Self::Gate(gate) | Self::FoldedGate(gate) => Some(gate),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_hard_swish_is_one() {
        let six = Form::Plain.shifted(3.0).and_then(|form| form.clamped((0.0, 6.0)));
        assert_eq!(six, Some(Form::Six));
        let gate = six.and_then(|form| form.scaled(1.0 / 6.0));
        assert_eq!(gate, Some(Form::Gate(Activation::HardSigmoid)));
        assert_eq!(gate.and_then(|gate| Form::Plain.times(gate)), Some(Form::HardSwish));
        assert_eq!(six.and_then(|six| six.times(Form::Plain)?.scaled(1.0 / 6.0)), Some(Form::HardSwish));
        assert_eq!(Form::Plain.scaled(1.0 / 6.0).and_then(|scaled| scaled.times(six?)), Some(Form::HardSwish));
    }

    #[test]
    fn roundings_of_a_sixth_are_told_apart() {
        assert_eq!(sixth(0.16667), Some(Activation::SlimSigmoid));
        assert_eq!(sixth(0.000_653_608 * 255.0), Some(Activation::SlimSigmoid));
        assert_eq!(sixth(1.0 / 6.0), Some(Activation::HardSigmoid));
        assert_eq!(sixth(0.2), None);
    }

    #[test]
    fn other_functions_are_none() {
        assert_eq!(Form::Plain.clamped((-1.0, 1.0)), None);
        assert_eq!(Form::Plain.shifted(2.0).and_then(|form| form.clamped((0.0, 6.0))), None);
        assert_eq!(Form::Relu.shifted(3.0), None);
        assert_eq!(Form::HardSwish.scaled(2.0), None);
        assert_eq!(Form::Relu.times(Form::Plain), None);
    }
}
