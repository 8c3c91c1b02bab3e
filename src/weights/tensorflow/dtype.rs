//! `DataType` and `TensorShapeProto`, which checkpoints and graphs share.

use super::super::Dtype;
use super::super::proto::{Field, Message};
use super::super::tensor::MAX_RANK;
use crate::error::Result;

/// Texts: not for tensors, but where checkpoints keep their object graph.
pub(super) const STRING: usize = 7;

/// The type of that number; none for texts, complex numbers and types that are quantised.
pub(super) const fn dtype(number: usize) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::F32,
        2 => Dtype::F64,
        3 => Dtype::I32,
        4 => Dtype::U8,
        5 => Dtype::I16,
        6 => Dtype::I8,
        9 => Dtype::I64,
        10 => Dtype::Bool,
        14 => Dtype::BF16,
        19 => Dtype::F16,
        _ => return None,
    })
}

/// `dim { size }…`; none of an unknown rank or of sizes that are not known.
pub(super) fn shape(mut message: Message<'_>) -> Result<Option<Vec<usize>>> {
    let (mut dims, mut known) = (Vec::new(), true);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (2, Field::Bytes(mut dim)) => {
                let mut size = 0;
                while let Some((number, field)) = dim.next()? {
                    if number == 1 {
                        // Minus one, a long number, stands for an unknown size.
                        size = field.count().filter(|&size| size <= u32::MAX as usize).unwrap_or(usize::MAX);
                    }
                }
                if dims.len() == MAX_RANK {
                    return Err(message.bad("at most 8 axes"));
                }
                known &= size != usize::MAX;
                dims.push(size);
            }
            (3, Field::Varint(1)) => known = false,
            _ => {}
        }
    }
    Ok(known.then_some(dims))
}
