//! ONNX's tensors: dimensions, a type, and elements either raw or as fields of their own.

use std::borrow::Cow;

use super::super::proto::{Field, Message};
use super::super::tensor::{MAX_RANK, place, product};
use super::super::{Dtype, Tensor, damaged};
use crate::error::{Error, Kind, Result};

/// Integers of 64 bits are shapes and axes; more than any of these has.
const MAX_LONG: usize = 1 << 12;

const fn dtype(number: u64) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::F32,
        2 => Dtype::U8,
        3 => Dtype::I8,
        5 => Dtype::I16,
        6 => Dtype::I32,
        7 => Dtype::I64,
        9 => Dtype::Bool,
        10 => Dtype::F16,
        11 => Dtype::F64,
        16 => Dtype::BF16,
        _ => return None,
    })
}

/// Adds a repeated number, alone or packed, of a message.
pub(super) fn numbers(list: &mut Vec<i64>, most: usize, field: Field<'_>, message: &Message<'_>) -> Result<()> {
    let mut push = |number: u64| {
        if list.len() == most {
            return Err(message.bad(&format!("at most {most} numbers")).found("more"));
        }
        list.push(number.cast_signed());
        Ok(())
    };
    match field {
        Field::Varint(number) => push(number),
        Field::Bytes(mut packed) => {
            while !packed.is_empty() {
                push(packed.varint()?)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A tensor and its name; none where its type is of no use to a network.
pub(super) fn read(mut message: Message<'_>) -> Result<(&str, Option<Tensor<'_>>)> {
    let whole = message;
    let (_, at) = message.rest();
    let (mut dims, mut kind, mut name, mut external) = (Vec::new(), 0, "", false);
    let (mut raw, mut floats, mut single) = (None, None, Vec::new());
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, field) => numbers(&mut dims, MAX_RANK, field, &message)?,
            (2, Field::Varint(number)) => kind = number,
            (4, Field::Bytes(packed)) => floats = Some(packed.rest()),
            (4, Field::Fixed32(bits)) => single.extend(bits.to_le_bytes()),
            (8, Field::Bytes(text)) => name = text.text()?,
            (9, Field::Bytes(bytes)) => raw = Some(bytes.rest()),
            (14, Field::Varint(location)) => external = location == 1,
            _ => {}
        }
    }
    if external {
        return Err(Error::new(Kind::UnsupportedFormat, place(name, at))
            .expected("elements in the file itself")
            .found("elements in another file")
            .remedy("Export the network with its weights in one file."));
    }
    let Some(kind) = dtype(kind) else { return Ok((name, None)) };
    let shape = dims.iter().map(|&dim| usize::try_from(dim)).collect::<std::result::Result<Vec<_>, _>>();
    let Ok(shape) = shape else {
        return Err(damaged(place(name, at), "lengths that are not negative", format!("{dims:?}")));
    };
    let (bytes, offset_bytes): (Cow<'_, [u8]>, usize) = match (raw, floats) {
        (Some((raw, at)), _) => (raw.into(), at),
        (None, Some((floats, at))) if kind == Dtype::F32 && single.is_empty() => (floats.into(), at),
        _ if !single.is_empty() => (single.into(), at),
        _ => (elements(whole, kind, &shape)?.into(), at),
    };
    let tensor = Tensor::decoded(name.into(), kind, shape, (bytes, offset_bytes))?;
    Ok((name, Some(tensor)))
}

/// Elements that have a field each, in as many bytes as their type has; none where their number is another.
fn elements(mut message: Message<'_>, kind: Dtype, shape: &[usize]) -> Result<Vec<u8>> {
    // Sixteen bits and less share the field of 32.
    let field = match kind {
        Dtype::I64 => 7,
        Dtype::F32 | Dtype::F64 => return Ok(Vec::new()),
        _ => 5,
    };
    let length = message.rest().0.len();
    let most = if kind == Dtype::I64 { MAX_LONG } else { length };
    let size = kind.size_bytes();
    // Each takes a byte of the file at least.
    let count = product(1, shape);
    let Some(count) = count.filter(|&count| count <= most.min(length)) else { return Ok(Vec::new()) };
    let mut bytes = Vec::with_capacity(count * size);
    let mut add = |number: u64, message: &Message<'_>| {
        if bytes.len() == count * size {
            return Err(message.bad(&format!("{count} elements")).found("more"));
        }
        bytes.extend_from_slice(&number.to_le_bytes()[..size]);
        Ok(())
    };
    while let Some((number, value)) = message.next()? {
        match value {
            Field::Varint(value) if number == field => add(value, &message)?,
            Field::Bytes(mut packed) if number == field => {
                while !packed.is_empty() {
                    add(packed.varint()?, &packed)?;
                }
            }
            _ => {}
        }
    }
    Ok(bytes)
}
