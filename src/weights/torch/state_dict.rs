//! From what a pickle built to the tensors of its state dictionary.

use std::borrow::Cow;

use super::super::DAMAGED;
use super::super::tensor::{MAX_RANK, Tensor, place};
use super::pickle::Pickle;
use super::value::{TensorRef, Value};
use crate::error::{Error, Kind, Result};

/// Under which key training scripts keep the state dictionary.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// A wrapper in a wrapper is known; what goes deeper holds itself.
const MAX_WRAPPERS: usize = 4;

impl<'a> Pickle<'a> {
    /// The value of a dictionary's entry.
    pub(super) fn entry(&self, dictionary: Value, name: &str) -> Option<Value> {
        let Value::Container(owner) = dictionary else { return None };
        let mut items = self.items.iter().filter(|item| item.owner == owner);
        items.find(|item| self.text(item.key) == Some(name)).map(|item| item.value)
    }

    /// The texts of a list, or `None` where the pickle is anything else.
    pub(super) fn texts(&self) -> Option<Vec<&'a str>> {
        let Value::Container(owner) = self.result else { return None };
        self.items.iter().filter(|item| item.owner == owner).map(|item| self.text(item.value)).collect()
    }

    fn state_dict(&self) -> Result<u32> {
        let mut found = self.result;
        for _ in 0..MAX_WRAPPERS {
            let Value::Container(owner) = found else {
                return Err(self.refuse(0, "another kind of object"));
            };
            let wrapped = WRAPPERS.iter().filter_map(|name| self.entry(found, name));
            match wrapped.into_iter().find(|value| matches!(value, Value::Container(_))) {
                Some(inner) => found = inner,
                None => return Ok(owner),
            }
        }
        Err(self.refuse(0, format!("state dictionaries nested {MAX_WRAPPERS} deep or inside themselves")))
    }

    /// Name and reference of every tensor in the state dictionary; its other entries are left out.
    pub(super) fn named(&self) -> Result<impl Iterator<Item = (&'a str, TensorRef)>> {
        let owner = self.state_dict()?;
        Ok(self.items.iter().filter(move |item| item.owner == owner).filter_map(|item| match item.value {
            Value::Tensor(index) => Some((self.text(item.key)?, self.tensors[index as usize])),
            _ => None,
        }))
    }

    /// "tensor `name`", or the storage's key where only parts outside the state dictionary use it.
    pub(super) fn user(&self, storage: usize) -> String {
        let user = self.named().ok().and_then(|mut named| named.find(|(_, tensor)| tensor.storage as usize == storage));
        match user {
            Some((name, _)) => format!("tensor `{name}`"),
            None => format!("storage `{}`", self.storages[storage].key),
        }
    }

    /// The tensors, given where a storage's bytes are: `locate(index of the storage)`.
    pub(super) fn views(&self, mut locate: impl FnMut(usize) -> Result<(&'a [u8], usize)>) -> Result<Vec<Tensor<'a>>> {
        let mut tensors = Vec::with_capacity(self.named()?.count());
        for (name, tensor) in self.named()? {
            let storage = tensor.storage as usize;
            let (bytes, offset_bytes) = locate(storage)?;
            let sizes = |value| {
                let items = self.tuple(value).filter(|items| items.len() <= MAX_RANK)?.iter();
                items.map(|&item| if let Value::Int(size) = item { usize::try_from(size).ok() } else { None }).collect()
            };
            let sizes = (sizes(tensor.shape), sizes(tensor.strides), usize::try_from(tensor.start));
            let (Some(shape), Some(strides), Ok(start)) = sizes else {
                return Err(Error::new(Kind::BadHeader, place(name, offset_bytes))
                    .expected("a start, and a shape and strides of at most 8 whole numbers, that are not negative")
                    .found("others")
                    .remedy(DAMAGED));
            };
            let dtype = self.storages[storage].dtype;
            tensors.push(Tensor::view(Cow::Borrowed(name), dtype, (shape, strides), start, (bytes, offset_bytes))?);
        }
        Ok(tensors)
    }
}
