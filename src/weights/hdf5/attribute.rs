//! Attributes of text.

use super::super::tensor::product;
use super::cursor::{Cursor, Hdf5};
use super::dataset::space;
use super::datatype::Element;
use super::header::kind;
use crate::error::Result;

/// An attribute that is wanted, once it was found.
struct Wanted<'n, 'd> {
    name: &'n str,
    texts: Option<Vec<&'d str>>,
}

impl<'a> Hdf5<'a> {
    /// The texts of an object's attribute; `None` where it has none of that name.
    pub(in super::super) fn texts<'d>(&'d self, address: usize, name: &str) -> Result<Option<Vec<&'d str>>> {
        let mut wanted = Wanted { name, texts: None };
        self.messages(address, &mut |kind, mut message| {
            match kind {
                kind::ATTRIBUTE => self.attribute(message, &mut wanted)?,
                kind::ATTRIBUTE_INFO => {
                    message.version(&[0])?;
                    let flags = message.byte()?;
                    message.skip(if flags & 1 != 0 { 2 } else { 0 })?;
                    if let (Some(heap), Some(tree)) = (message.address()?, message.address()?) {
                        self.dense(heap, tree, &mut |attribute| self.attribute(attribute, &mut wanted))?;
                    }
                }
                _ => {}
            }
            Ok(wanted.texts.is_none())
        })?;
        Ok(wanted.texts)
    }

    /// The only text of an attribute.
    pub(in super::super) fn label<'d>(&'d self, address: usize, name: &str) -> Result<Option<&'d str>> {
        Ok(self.texts(address, name)?.and_then(|texts| texts.first().copied()))
    }

    fn attribute<'d>(&'d self, mut at: Cursor<'d>, wanted: &mut Wanted<'_, 'd>) -> Result<()> {
        at.what = "attribute";
        let version = at.version(&[1, 2, 3])?;
        let shared = at.byte()? & 3 != 0 && version > 1;
        let sizes = [at.count(2)?, at.count(2)?, at.count(2)?];
        at.skip(if version == 3 { 1 } else { 0 })?;
        // The first version pads each part to 8 bytes.
        let padded = |size: usize| if version == 1 { size.next_multiple_of(8) } else { size };
        let name = at.part(padded(sizes[0]))?.zero_terminated()?;
        if name != wanted.name || shared {
            return Ok(());
        }
        let mut element = at.part(padded(sizes[1]))?;
        let mut shape = at.part(padded(sizes[2]))?;
        let element = Element::read(&mut element)?;
        let Some(shape) = space(&mut shape)? else {
            wanted.texts = Some(Vec::new());
            return Ok(());
        };
        let count = product(1, &shape).unwrap_or(usize::MAX);
        let size = element.size_bytes();
        let mut data = at.part(count.saturating_mul(size))?;
        if !matches!(element, Element::Fixed(_) | Element::Variable) {
            // Keras keeps a list of no names as a list of no numbers.
            wanted.texts = (count == 0).then(Vec::new);
            return Ok(());
        }
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            self.step("attribute", data.at)?;
            let mut item = data.part(size)?;
            texts.push(match element {
                Element::Variable => {
                    let (length, address, index) = (item.count(4)?, item.address()?, item.number(4)?);
                    // Nothing is where there is no text.
                    address
                        .filter(|&address| address != 0)
                        .map_or(Ok(""), |address| self.text(length, address, index))?
                }
                _ => item.text(size)?.split('\0').next().unwrap_or_default().trim_end(),
            });
        }
        wanted.texts = Some(texts);
        Ok(())
    }
}
