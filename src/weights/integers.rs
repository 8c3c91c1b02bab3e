//! What a quantised network's file says of its integers, whatever the format: what those of each map stand for, and by
//! which rule they are computed.

use std::collections::BTreeMap;

use super::{Checkpoint, DAMAGED, Dtype, Tensor};
use crate::error::{Error, Kind, Result};

/// What the integers of a map stand for: `(integer − zero_point) · scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Above 0.
    pub scale: f32,
    /// One of the integers.
    pub zero_point: i32,
    /// Whether they are −128 … 127 rather than 0 … 255.
    pub signed: bool,
}

impl Steps {
    /// Those of a map, where its integers have eight bits and 0 is one of them.
    #[must_use]
    pub fn new(dtype: Dtype, scale: f32, zero_point: i32) -> Option<Self> {
        let signed = match dtype {
            Dtype::I8 => true,
            Dtype::U8 => false,
            _ => return None,
        };
        let steps = Self { scale, zero_point, signed };
        let (least, greatest) = steps.range();
        (scale.is_finite() && scale > 0.0 && (least..=greatest).contains(&zero_point)).then_some(steps)
    }

    /// The least and the greatest integer.
    #[must_use]
    pub const fn range(&self) -> (i32, i32) {
        if self.signed { (-128, 127) } else { (0, 255) }
    }

    /// The same less the zero point.
    #[must_use]
    pub const fn centred(&self) -> (i32, i32) {
        let (least, greatest) = self.range();
        (least - self.zero_point, greatest - self.zero_point)
    }

    /// The integers, less the zero point, that numbers between these bounds have.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped")]
    pub fn within(&self, (low, high): (f32, f32)) -> (i32, i32) {
        let (least, greatest) = self.centred();
        let bound = |bound: f32| ((bound / self.scale).round() as i32).clamp(least, greatest);
        (bound(low), bound(high))
    }
}

/// How a node's integers are computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// They are the input's.
    Input,
    /// Of weights, and biases of 32 bits.
    Weighted(Vec<i32>),
    /// The sum of integers over their count, halves away from zero.
    Average,
    /// The sum of integers times one factor, halves up; the zero point's share is rounded by itself.
    Mean,
    /// The sum of integers less the zero point times one factor, halves away from zero.
    CentredMean,
    /// Of two maps.
    Sum,
    /// Of two maps.
    Product,
    /// By a table, from the least integer to the greatest; less the zero point.
    Lookup(Vec<i16>),
    /// Of exponentials.
    Softmax,
}

/// A node of a quantised network.
#[derive(Clone, Debug, PartialEq)]
pub struct Integer {
    /// What comes out.
    pub steps: Steps,
    /// What each channel's numbers are times that; empty where all channels are as the steps say.
    pub channels: Vec<f32>,
    /// The least and the greatest of it, less the zero point.
    pub bounds: (i32, i32),
    /// How.
    pub rule: Rule,
}

/// The nodes of a quantised network by canonical name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Integers {
    pub(super) nodes: BTreeMap<String, Integer>,
}

impl FromIterator<(String, Integer)> for Integers {
    fn from_iter<I: IntoIterator<Item = (String, Integer)>>(nodes: I) -> Self {
        Self { nodes: nodes.into_iter().collect() }
    }
}

impl Integer {
    /// What the numbers of channel `index` are times what its steps say.
    #[must_use]
    pub fn channel(&self, index: usize) -> f32 {
        self.channels.get(index).copied().unwrap_or(1.0)
    }
}

impl Integers {
    /// What is said of the node of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Integer> {
        self.nodes.get(name)
    }
}

/// Weights less their zero points, and their scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Centred {
    /// Dense, in the order of [`Checkpoint::parameter`].
    pub weights: Vec<i16>,
    /// One, or one an output channel.
    pub scales: Vec<f32>,
}

impl Checkpoint<'_> {
    /// The integers of the weights of that canonical name.
    ///
    /// # Errors
    /// As [`Checkpoint::parameter`]; [`Kind::WrongDtype`] where they are no integers of eight bits, or where scales differ
    /// along another axis than the first.
    pub fn centred(&self, name: &str, shape: &[usize]) -> Result<Centred> {
        self.shaped(name, shape, |tensor| centred(tensor, shape))
    }
}

/// The integers of weights of that shape.
fn centred(tensor: &Tensor<'_>, shape: &[usize]) -> Result<Centred> {
    let wrong = |found: String| {
        Error::new(Kind::WrongDtype, tensor.place())
            .expected("integers of eight bits, and scales for all of them or for each output channel")
            .found(found)
            .remedy(DAMAGED)
    };
    let signed = match tensor.dtype {
        Dtype::I8 => true,
        Dtype::U8 => false,
        other => return Err(wrong(other.name().into())),
    };
    let bytes = tensor.dense_bytes();
    let each = match &tensor.quantization {
        Some(q) if q.scales.len() == q.zero_points.len() && (q.scales.len() == 1 || q.axis == 0) => q,
        _ => return Err(wrong("others".into())),
    };
    let inputs = shape.iter().skip(1).product::<usize>().max(1);
    let (least, greatest) = if signed { (-128, 127) } else { (0, 255) };
    let count = each.scales.len();
    if (count != 1 && count * inputs != bytes.len())
        || each.zero_points.iter().any(|zero| !(least..=greatest).contains(zero))
    {
        return Err(wrong(format!("{count} scales and zero points {:?}", each.zero_points.first())));
    }
    let weights = bytes.iter().enumerate().map(|(at, &byte)| {
        let zero = if count == 1 { each.zero_points[0] } else { each.zero_points[at / inputs] };
        let value = if signed { i16::from(byte.cast_signed()) } else { i16::from(byte) };
        #[expect(clippy::cast_possible_truncation, reason = "eight bits")]
        let zero = zero as i16;
        value - zero
    });
    Ok(Centred { weights: weights.collect(), scales: each.scales.clone() })
}
