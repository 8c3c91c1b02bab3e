//! Functions of one map's integers as tables: what quantised files make of a map before others read it, computed by
//! TensorFlow Lite's own arithmetic for each of the 256 integers there are.

use super::{Arithmetic, Bounds};
use crate::fixed::{Rescale, Sum, Ties};
use crate::weights::Steps;

/// What becomes of each integer of a map, from the least to the greatest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// What results stand for.
    pub(super) steps: Steps,
    /// Results less their zero point.
    pub(super) table: Vec<i16>,
}

/// The 3 and 6 of hard-swish in the sixteen bits it is computed in: 1 stands for 2¹⁵ parts of 3.
const RELUISH_SCALE: f32 = 3.0 / 32768.0;

/// An integer of eight bits in sixteen.
const HIGH_RESOLUTION: i32 = 1 << 7;

impl Curve {
    /// Each integer as it is.
    pub(super) fn identity(steps: Steps) -> Self {
        let (least, greatest) = steps.centred();
        Self { steps, table: (least..=greatest).map(narrow).collect() }
    }

    /// Whether that is what it is, of a map of these steps.
    pub(super) fn is_identity(&self, of: Steps) -> bool {
        self.table == Self::identity(of).table && self.steps.scale.to_bits() == of.scale.to_bits()
    }

    fn with(&self, steps: Steps, of: impl Fn(i32) -> i32) -> Self {
        let (least, greatest) = steps.centred();
        let result = |&value: &i16| narrow(of(i32::from(value)).clamp(least, greatest));
        Self { steps, table: self.table.iter().map(result).collect() }
    }

    /// In other steps, between bounds.
    pub(super) fn requantised(&self, steps: Steps, bounds: Bounds) -> Option<Self> {
        let rescale = Rescale::new(f64::from(self.steps.scale) / f64::from(steps.scale))?;
        let (low, high) = steps.within(bounds);
        Some(self.with(steps, |value| rescale.apply(value, Ties::Away).clamp(low, high)))
    }

    /// `x · relu6(x + 3) / 6`, in sixteen bits.
    #[expect(clippy::cast_possible_truncation, reason = "scales of single precision, as in the file")]
    pub(super) fn hard_swish(&self, steps: Steps) -> Option<Self> {
        let scale = self.steps.scale / HIGH_RESOLUTION as f32;
        let output = Rescale::new(f64::from(scale / steps.scale))?;
        let gate = Rescale::new(f64::from(scale / RELUISH_SCALE))?;
        let half = |rescale: Rescale| ((i64::from(rescale.multiplier) + (1 << 15)) >> 16).min(i16::MAX.into()) as i32;
        let (output_half, gate_half) = (half(output), half(gate));
        let times = |value: i32, half: i32| saturated((value * half + (1 << 14)) >> 15);
        if output.shift > 0 || gate.shift > 15 {
            return None;
        }
        Some(self.with(steps, |value| {
            let value = saturated(value * HIGH_RESOLUTION);
            let mut open = value;
            if gate.shift > 0 {
                open = saturated(open << (gate.shift - 1));
            }
            open = times(open, gate_half);
            if gate.shift > 0 {
                open = saturated(open << 1);
            }
            open = shifted(open, -gate.shift.min(0));
            // From −1 … 1 to 0 … 1.
            let open = (open + (1 << 15)) >> 1;
            // Towards zero.
            let product = saturated(open * times(value, output_half) / (1 << 15));
            shifted(product, -output.shift)
        }))
    }

    /// With a constant: its integer less its zero point, and its scale.
    pub(super) fn constant(
        &self,
        arithmetic: Arithmetic,
        (constant, scale): (i32, f32),
        (steps, bounds): (Steps, Bounds),
    ) -> Option<Self> {
        combined(arithmetic, [self.steps.scale, scale], (steps, bounds), |of| {
            self.with(steps, |value| of(value, constant))
        })
    }

    /// With another function of the same map.
    pub(super) fn both(&self, arithmetic: Arithmetic, other: &Self, (steps, bounds): (Steps, Bounds)) -> Option<Self> {
        combined(arithmetic, [self.steps.scale, other.steps.scale], (steps, bounds), |of| {
            let pairs = self.table.iter().zip(&other.table);
            Self { steps, table: pairs.map(|(&a, &b)| narrow(of(a.into(), b.into()))).collect() }
        })
    }
}

/// The sum or product of integers of two scales, handed to `make`.
fn combined(
    arithmetic: Arithmetic,
    [a, b]: [f32; 2],
    (steps, bounds): (Steps, Bounds),
    make: impl FnOnce(&dyn Fn(i32, i32) -> i32) -> Curve,
) -> Option<Curve> {
    let (low, high) = steps.within(bounds);
    match arithmetic {
        Arithmetic::Mul => {
            let rescale = Rescale::new(f64::from(a * b / steps.scale))?;
            Some(make(&|a, b| rescale.apply(a * b, Ties::Away).clamp(low, high)))
        }
        Arithmetic::Add => {
            let sum = Sum::new([a, b], steps.scale)?;
            Some(make(&|a, b| sum.apply(a, b).clamp(low, high)))
        }
        Arithmetic::Sub | Arithmetic::Div => None,
    }
}

fn saturated(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// Over 2^`bits`, halves away from zero.
fn shifted(value: i32, bits: i32) -> i32 {
    if bits == 0 {
        return value;
    }
    let bits = bits.min(30);
    (value + (1 << (bits - 1)) - i32::from(value < 0)) >> bits
}

#[expect(clippy::cast_possible_truncation, reason = "eight bits less a zero point")]
const fn narrow(value: i32) -> i16 {
    value as i16
}
