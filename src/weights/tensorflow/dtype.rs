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
    let lengths = message.lengths(2, MAX_RANK + 1)?;
    if lengths.len() > MAX_RANK {
        return Err(message.bad(&format!("at most {MAX_RANK} axes")));
    }
    let mut known = true;
    while let Some((number, field)) = message.next()? {
        known &= !matches!((number, field), (3, Field::Varint(1)));
    }
    Ok(lengths.into_iter().collect::<Option<_>>().filter(|_| known))
}
