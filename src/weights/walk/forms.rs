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
    /// `x · relu6(x + 3) / 6`.
    HardSwish(Sixth),
    /// `relu6(x + 3) / 6`.
    Gate(Sixth),
    /// `relu6(x) / 6`: a gate whose 3 is part of the biases.
    FoldedGate(Sixth),
    Softmax,
    Sigmoid,
}

/// The 1/6 of a file as it is rounded there: to sixteen bits, or to eight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sixth {
    /// Where it is on `x` instead of on the result: `relu6(6 · factor · x + 3) / 6`.
    inside: bool,
    factor: f32,
}

/// TF-slim's rounding.
const SLIM: f32 = 0.166_67;

impl Sixth {
    /// A factor on the result, if it is 1/6.
    pub(super) fn outside(factor: f32) -> Option<Self> {
        // A quantised constant is right to eight bits.
        ((factor - 1.0 / 6.0).abs() < 1e-3).then_some(Self { inside: false, factor })
    }

    /// A hard-sigmoid's slope, if it is 1/6: its bounds stay 0 and 1.
    pub(super) fn inside(slope: f32) -> Option<Self> {
        Self::outside(slope).map(|sixth| Self { inside: true, ..sixth })
    }

    /// Which of the two activations computes it with the nearest factor.
    pub(super) const fn gate(self) -> Activation {
        let off = (self.factor - SLIM).abs();
        if !self.inside && off < (self.factor - 1.0 / 6.0).abs() && off < 1e-5 {
            return Activation::SlimSigmoid;
        }
        Activation::HardSigmoid
    }

    /// The file's factor over that of `activation`; 1 where they are the same single but for its last bits.
    fn over(self, activation: Activation) -> f64 {
        let own = if activation == Activation::SlimSigmoid { f64::from(SLIM) } else { 1.0 / 6.0 };
        let ratio = f64::from(self.factor) / own;
        if (ratio - 1.0).abs() < 1e-6 { 1.0 } else { ratio }
    }
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
            Self::Six => Sixth::outside(by).map(Self::Gate),
            Self::Relu6 => Sixth::outside(by).map(Self::FoldedGate),
            Self::SwishSix => Sixth::outside(by).map(Self::HardSwish),
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
            (Self::Plain, Self::Gate(sixth)) | (Self::Gate(sixth), Self::Plain) => Some(Self::HardSwish(sixth)),
            (Self::Scaled(by), Self::Six) | (Self::Six, Self::Scaled(by)) => Sixth::outside(by).map(Self::HardSwish),
            _ => None,
        }
    }

    /// The activation that this is, of a convolution.
    pub(super) const fn activation(self) -> Option<Activation> {
        match self {
            Self::Plain | Self::Softmax | Self::Sigmoid => Some(Activation::Linear),
            Self::Relu => Some(Activation::Relu),
            Self::Relu6 => Some(Activation::Relu6),
            Self::HardSwish(_) => Some(Activation::HardSwish),
            Self::Gate(sixth) | Self::FoldedGate(sixth) => Some(sixth.gate()),
            _ => None,
        }
    }

    /// What the activation's input, and what its result, have to be multiplied by to be the file's: for a file may round
    /// 1/6, and activations have factors of their own.
    pub(super) fn factors(self) -> (f64, f64) {
        let sixth = match self {
            Self::HardSwish(sixth) | Self::Gate(sixth) | Self::FoldedGate(sixth) => sixth,
            _ => return (1.0, 1.0),
        };
        let ratio = sixth.over(self.activation().unwrap_or(Activation::HardSigmoid));
        match self {
            // `x · relu6(r·x + 3) / 6` is hard-swish of `r·x`, over `r`.
            Self::HardSwish(_) if sixth.inside => (ratio, 1.0 / ratio),
            _ if sixth.inside => (ratio, 1.0),
            _ => (1.0, ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_hard_swish_is_one() {
        let sixth = Sixth::outside(1.0 / 6.0);
        let swish = sixth.map(Form::HardSwish);
        let six = Form::Plain.shifted(3.0).and_then(|form| form.clamped((0.0, 6.0)));
        assert_eq!(six, Some(Form::Six));
        let gate = six.and_then(|form| form.scaled(1.0 / 6.0));
        assert_eq!(gate, sixth.map(Form::Gate));
        assert_eq!(gate.and_then(|gate| Form::Plain.times(gate)), swish);
        assert_eq!(six.and_then(|six| six.times(Form::Plain)?.scaled(1.0 / 6.0)), swish);
        assert_eq!(Form::Plain.scaled(1.0 / 6.0).and_then(|scaled| scaled.times(six?)), swish);
        assert_eq!(swish.and_then(Form::activation), Some(Activation::HardSwish));
    }

    #[test]
    fn roundings_of_a_sixth_are_told_apart() {
        let gate = |factor| Sixth::outside(factor).map(Sixth::gate);
        assert_eq!(gate(0.16667), Some(Activation::SlimSigmoid));
        assert_eq!(gate(0.000_653_608 * 255.0), Some(Activation::SlimSigmoid));
        assert_eq!(gate(1.0 / 6.0), Some(Activation::HardSigmoid));
        assert_eq!(gate(0.2), None);
    }

    #[test]
    fn what_activations_lack_of_a_factor_is_told() {
        let factors = |form: fn(Sixth) -> Form, sixth: Option<Sixth>| sixth.map(|sixth| form(sixth).factors());
        for exact in [0.16667, 0.000_653_608 * 255.0, 1.0 / 6.0] {
            assert_eq!(factors(Form::Gate, Sixth::outside(exact)), Some((1.0, 1.0)), "{exact}");
        }
        let half = 0.166_625_98;
        let ratio = f64::from(half) * 6.0;
        assert_eq!(factors(Form::Gate, Sixth::outside(half)), Some((1.0, ratio)));
        assert_eq!(factors(Form::FoldedGate, Sixth::outside(half)), Some((1.0, ratio)));
        assert_eq!(factors(Form::HardSwish, Sixth::outside(half)), Some((1.0, ratio)));
        assert_eq!(factors(Form::Gate, Sixth::inside(half)), Some((ratio, 1.0)));
        assert_eq!(factors(Form::HardSwish, Sixth::inside(half)), Some((ratio, 1.0 / ratio)));
    }

    #[test]
    fn other_functions_are_none() {
        assert_eq!(Form::Plain.clamped((-1.0, 1.0)), None);
        assert_eq!(Form::Plain.shifted(2.0).and_then(|form| form.clamped((0.0, 6.0))), None);
        assert_eq!(Form::Relu.shifted(3.0), None);
        assert_eq!(Sixth::outside(1.0 / 6.0).and_then(|sixth| Form::HardSwish(sixth).scaled(2.0)), None);
        assert_eq!(Form::Relu.times(Form::Plain), None);
    }
}
