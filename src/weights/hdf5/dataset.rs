//! Datasets: shape, type and where the numbers are.

use super::super::tensor::{MAX_RANK, place, product};
use super::super::{DAMAGED, Dtype};
use super::bytes::{Found, Numbers};
use super::chunks::{Chunked, Index};
use super::cursor::{Cursor, Hdf5};
use super::datatype::Element;
use super::header::kind;
use crate::error::{Error, Kind, Result};

/// The shape that a dataspace message states; `None` for one without elements.
pub(super) fn space(at: &mut Cursor<'_>) -> Result<Option<Vec<usize>>> {
    let version = at.version(&[1, 2])?;
    let before = *at;
    let rank = usize::from(at.byte()?);
    if rank > MAX_RANK {
        return Err(before.bad().expected(format!("at most {MAX_RANK} axes")).found(rank.to_string()));
    }
    at.skip(1)?;
    let nothing = if version == 1 {
        at.skip(5)?;
        false
    } else {
        at.byte()? == 2
    };
    let shape = (0..rank).map(|_| at.count(8)).collect::<Result<Vec<usize>>>()?;
    Ok((!nothing).then_some(shape))
}

const COMPACT: u8 = 0;
const CONTIGUOUS: u8 = 1;
const CHUNKED: u8 = 2;

impl<'a> Hdf5<'a> {
    /// A dataset of numbers, for a tensor of that name.
    pub(in super::super) fn numbers(&self, address: usize, name: String) -> Result<Found> {
        let (mut shape, mut element, mut layout, mut filters, mut external) = (None, None, None, None, false);
        self.messages(address, &mut |kind, message| {
            match kind {
                kind::SPACE => shape = Some(message),
                kind::TYPE => element = Some(message),
                kind::LAYOUT => layout = Some(message),
                kind::FILTERS => filters = Some(message),
                kind::EXTERNAL => external = true,
                _ => {}
            }
            Ok(true)
        })?;
        let missing = |what: &str| {
            Error::new(Kind::BadHeader, place(&name, self.offset(address)))
                .expected(format!("a dataset with {what}"))
                .found("none")
                .remedy(DAMAGED)
        };
        let (Some(mut at), Some(mut of), Some(mut layout)) = (shape, element, layout) else {
            return Err(missing("a space, a type and a layout"));
        };
        if external {
            return Err(Error::new(Kind::UnsupportedFormat, place(&name, self.offset(address)))
                .expected("numbers in this file")
                .found("a reference to another file")
                .remedy("Save the weights in one file."));
        }
        let shape = space(&mut at)?.ok_or_else(|| missing("elements"))?;
        let at = of.at;
        let element = Element::read(&mut of)?;
        // Keras keeps bfloat16 as two bytes of no kind, and says so beside them.
        let dtype = match element {
            Element::Other(_, 2) if self.label(address, "dtype")? == Some("bfloat16") => Dtype::BF16,
            element => element.number(place(&name, self.offset(at)))?,
        };
        let length = product(dtype.size_bytes(), &shape);
        let Some(length) = length else {
            return Err(Error::new(Kind::BadHeader, place(&name, self.offset(address)))
                .expected("a shape that fits in memory")
                .found(format!("{shape:?}"))
                .remedy(DAMAGED));
        };
        layout.what = "data layout";
        let (numbers, offset_bytes) = match self.data(layout, &shape, filters, dtype.size_bytes())? {
            Data::At(from, stored) => {
                let end = from.saturating_add(length);
                if stored < length || end > self.bytes.len() {
                    let (kind, found) = if stored < length {
                        (Kind::BadHeader, format!("{stored} bytes"))
                    } else {
                        (Kind::Truncated, format!("an HDF5 file of {} bytes", self.bytes.len()))
                    };
                    return Err(Error::new(kind, place(&name, self.offset(from)))
                        .expected(format!("{length} bytes for shape {shape:?} of {}", dtype.name()))
                        .found(found)
                        .remedy("Download the file again: its end is missing, or a size in it is wrong."));
                }
                (Numbers::Here(from..end), self.offset(from))
            }
            Data::Chunks(chunked) => (Numbers::Unpacked(self.chunks(&chunked, &name, length)?), self.offset(address)),
            Data::None if length == 0 => (Numbers::Unpacked(Vec::new()), self.offset(address)),
            Data::None => return Err(missing("numbers that were written")),
        };
        Ok(Found { name, dtype, shape, offset_bytes, numbers })
    }

    fn data<'d>(
        &'d self,
        mut at: Cursor<'d>,
        shape: &[usize],
        filters: Option<Cursor<'d>>,
        size: usize,
    ) -> Result<Data<'d>> {
        let version = at.version(&[1, 2, 3, 4])?;
        let (class, rank);
        if version < 3 {
            (rank, class) = (usize::from(at.byte()?), at.byte()?);
            at.skip(5)?;
        } else {
            class = at.byte()?;
            rank = if class == CHUNKED && version == 3 { usize::from(at.byte()?) } else { 0 };
        }
        let before = at;
        match class {
            COMPACT => {
                at.skip(if version < 3 { 4 * rank } else { 0 })?;
                let length = at.count(if version < 3 { 4 } else { 2 })?;
                let from = at.at;
                at.skip(length)?;
                Ok(Data::At(from, length))
            }
            CONTIGUOUS => {
                let Some(address) = at.address()? else { return Ok(Data::None) };
                // The old versions leave the length to shape and type.
                let length = if version < 3 { usize::MAX } else { at.count(8)? };
                Ok(Data::At(address, length))
            }
            CHUNKED => {
                let index = if version == 4 {
                    return Index::modern(at, shape, filters, size);
                } else {
                    at.address()?
                };
                // One more than the shape's: the element's size.
                let dims = (0..rank).map(|_| at.count(4)).collect::<Result<Vec<usize>>>()?;
                let Some((_, dims)) =
                    dims.split_last().filter(|(last, dims)| **last == size && dims.len() == shape.len())
                else {
                    return Err(before
                        .bad()
                        .expected(format!("chunks of {} axes", shape.len()))
                        .found(format!("{dims:?}")));
                };
                let Some(index) = index.map(Index::Tree) else { return Ok(Data::None) };
                Ok(Data::Chunks(Chunked { index, shape: shape.to_vec(), dims: dims.to_vec(), size, filters }))
            }
            _ => Err(before.bad().expected("compact, contiguous or chunked data").found(format!("class {class}"))),
        }
    }
}

/// Where a dataset's numbers are.
pub(super) enum Data<'d> {
    None,
    /// From an address, so many bytes.
    At(usize, usize),
    Chunks(Chunked<'d>),
}
