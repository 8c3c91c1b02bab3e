//! What elements are.

use super::cursor::Cursor;
use crate::error::{Error, Kind, Result};
use crate::weights::Dtype;

/// A datatype message's contents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Element {
    Number(Dtype),
    /// Text of so many bytes.
    Fixed(usize),
    /// Text in the global heap: a length, an address and an index.
    Variable,
    /// Of another class and so many bytes.
    Other(u8, usize),
}

const FIXED_POINT: u8 = 0;
const FLOATING_POINT: u8 = 1;
const STRING: u8 = 3;
const ENUMERATION: u8 = 8;
const VARIABLE: u8 = 9;

impl Element {
    pub(super) fn read(at: &mut Cursor<'_>) -> Result<Self> {
        let before = *at;
        let (class, flags, size) = (at.byte()?, at.number(3)?, at.count(4)?);
        if !(1..=3).contains(&(class >> 4)) || size == 0 {
            return Err(before.bad().expected("a data type of version 1 to 3").found(format!("{class:#04x}, {size}")));
        }
        let class = class & 15;
        let little = flags & 1 == 0;
        Ok(match (class, size) {
            (STRING, _) => Self::Fixed(size),
            (VARIABLE, 16) if flags & 15 == 1 => Self::Variable,
            // h5py's booleans; the numbers behind them come first.
            (ENUMERATION, 1) => Self::Number(Dtype::Bool),
            (FIXED_POINT, _) if little || size == 1 => match (size, flags & 8 != 0) {
                (1, false) => Self::Number(Dtype::U8),
                (1, true) => Self::Number(Dtype::I8),
                (2, true) => Self::Number(Dtype::I16),
                (4, true) => Self::Number(Dtype::I32),
                (8, true) => Self::Number(Dtype::I64),
                _ => Self::Other(class, size),
            },
            (FLOATING_POINT, _) if little && flags & 64 == 0 => {
                // Where the first bit is, and bits in all; then where the exponent is and how many bits it has.
                at.skip(5)?;
                match (size, at.byte()?) {
                    (2, 5) => Self::Number(Dtype::F16),
                    (2, 8) => Self::Number(Dtype::BF16),
                    (4, 8) => Self::Number(Dtype::F32),
                    (8, 11) => Self::Number(Dtype::F64),
                    _ => Self::Other(class, size),
                }
            }
            _ => Self::Other(class, size),
        })
    }

    pub(super) const fn size_bytes(self) -> usize {
        match self {
            Self::Number(dtype) => dtype.size_bytes(),
            Self::Variable => 16,
            Self::Fixed(size) | Self::Other(_, size) => size,
        }
    }

    /// The type of a tensor's elements.
    pub(super) fn number(self, place: String) -> Result<Dtype> {
        let found = match self {
            Self::Number(dtype) => return Ok(dtype),
            Self::Fixed(_) | Self::Variable => "text".into(),
            Self::Other(FIXED_POINT | FLOATING_POINT, size) => {
                format!("a number of {size} bytes that is big-endian or of another kind")
            }
            Self::Other(class, size) => format!("class {class} of {size} bytes"),
        };
        Err(Error::new(Kind::WrongDtype, place)
            .expected("little-endian numbers: float16, float32, float64 or integers")
            .found(found)
            .remedy("Convert the weights to float32 and save them again."))
    }
}
