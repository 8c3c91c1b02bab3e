//! Sums and products: of a map and constants, a step of an activation or a normalisation; of two maps, a residual or a
//! gate.

use super::forms::Form;
use super::trace::{Map, Source, Tracer};
use super::{Arithmetic, Node};
use crate::error::Result;
use crate::weights::Tensor;

/// More elements than any constant beside weights has: one a class.
const MAX_CONSTANT: usize = 1 << 16;

enum Operand {
    Map(Map),
    Numbers(Vec<f32>),
}

impl<'a> Tracer<'a> {
    fn operand(&self, node: &Node<'_>, input: usize) -> Result<Operand> {
        let Some(tensor) = self.constant(node, input) else { return self.map(node, input).map(Operand::Map) };
        let count: usize = tensor.shape.iter().product();
        if count == 0 || count > MAX_CONSTANT {
            return Err(node.refuse("a constant of a few numbers", format!("shape {:?}", tensor.shape)));
        }
        tensor.to_f32().map(Operand::Numbers)
    }

    pub(super) fn arithmetic(&mut self, node: &Node<'a>, arithmetic: Arithmetic) -> Result<Map> {
        use Arithmetic::{Add, Mul};
        match (self.operand(node, 0)?, self.operand(node, 1)?) {
            (Operand::Map(map), Operand::Numbers(numbers)) => self.constants(node, map, arithmetic, (&numbers, 1)),
            (Operand::Numbers(numbers), Operand::Map(map)) if matches!(arithmetic, Add | Mul) => {
                self.constants(node, map, arithmetic, (&numbers, 0))
            }
            (Operand::Map(a), Operand::Map(b)) if a.point == b.point && arithmetic == Mul => {
                let form = a.form.times(b.form);
                let form = form.ok_or_else(|| node.refuse("hard-swish", format!("{:?} · {:?}", a.form, b.form)))?;
                Ok(Map { form, ..a })
            }
            (Operand::Map(a), Operand::Map(b)) if a.point != b.point && matches!(arithmetic, Add | Mul) => {
                let gates = |map: &Map| matches!(map.form, Form::Gate(_) | Form::FoldedGate(_));
                let (a, b) = if gates(&a) { (b, a) } else { (a, b) };
                if (arithmetic == Mul) != gates(&b) {
                    return Err(node.refuse("a hard-sigmoid as the factor of a map", format!("{:?}", b.form)));
                }
                let size = self.trace.points[a.point].size;
                let (a, b) = (self.read(node, a)?, self.read(node, b)?);
                let source = if arithmetic == Add { Source::Sum(a.min(b), a.max(b)) } else { Source::Gated(a, b) };
                Ok(self.point(node, source, size))
            }
            _ => Err(node.refuse("operands of a residual sum, a gate or an activation", format!("{arithmetic:?}"))),
        }
    }

    /// A map and constants; `input` is which operand they are.
    fn constants(
        &mut self,
        node: &Node<'a>,
        map: Map,
        arithmetic: Arithmetic,
        (numbers, input): (&[f32], usize),
    ) -> Result<Map> {
        let shifts = matches!(arithmetic, Arithmetic::Add | Arithmetic::Sub);
        let number = |number: f32| match arithmetic {
            Arithmetic::Add | Arithmetic::Mul => number,
            Arithmetic::Sub => -number,
            Arithmetic::Div => 1.0 / number,
        };
        let refuse = || node.refuse("a constant of an activation", format!("{} of {:?}", numbers.len(), map.form));
        if map.point == 0 {
            let (mut scale, mut offset) = match map.form {
                Form::Affine(scale, offset) => (scale, offset),
                _ => ([1.0; 3], [0.0; 3]),
            };
            let by: [f32; 3] = match *numbers {
                [one] => [one; 3],
                [r, g, b] => [r, g, b],
                _ => return Err(refuse()),
            };
            for (channel, by) in by.into_iter().map(number).enumerate() {
                if shifts {
                    offset[channel] += by;
                } else {
                    scale[channel] *= by;
                    offset[channel] *= by;
                }
            }
            return Ok(Map { form: Form::Affine(scale, offset), ..map });
        }
        let tensor = self.constant(node, input).cloned();
        if let Some(maker) = self.maker(map)
            && (arithmetic == Arithmetic::Add && maker.biases.is_none() && maker.norm.is_none())
            && (numbers.len() > 1 && numbers.len() == maker.shape[0])
        {
            maker.biases = tensor.map(|tensor| Tensor { shape: vec![numbers.len()], strides: vec![1], ..tensor });
            return Ok(map);
        }
        let first = numbers[0];
        if numbers.iter().any(|number| number.to_bits() != first.to_bits()) {
            return Err(refuse());
        }
        let form = if shifts { map.form.shifted(number(first)) } else { map.form.scaled(number(first)) };
        Ok(Map { form: form.ok_or_else(refuse)?, ..map })
    }
}
