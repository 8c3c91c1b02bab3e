//! A machine for the part of the pickle language that state dictionaries of tensors are written in.
//!
//! Values are small and point into a few arenas, so there is nothing to recurse into: a dictionary that holds itself
//! is a number that occurs twice, and dropping the deepest nesting is dropping a vector. Every arena has a limit, so a
//! short program cannot ask for much memory.

use super::super::DAMAGED;
use super::value::{GLOBALS, Global, Item, Limits, Storage, TensorRef, Value};
use super::{INCOMPLETE, STATE_DICT_ONLY};
use crate::error::{Error, Kind, Result};

/// A pickle that has been run.
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin in the file.
    offset_bytes: usize,
    at: usize,
    limits: Limits,
    stack: Vec<Value>,
    /// Heights of the stack.
    marks: Vec<u32>,
    memo: Vec<Value>,
    tuple_items: Vec<Value>,
    containers: u32,
    pub(super) items: Vec<Item>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<TensorRef>,
    pub(super) result: Value,
}

impl<'a> Pickle<'a> {
    /// Runs the pickle at the beginning of `bytes`.
    pub(super) fn run(bytes: &'a [u8], offset_bytes: usize, limits: Limits) -> Result<Self> {
        let mut pickle = Self {
            // Positions are kept in 32 bits.
            bytes: &bytes[..bytes.len().min(u32::MAX as usize)],
            offset_bytes,
            at: 0,
            limits,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            tuple_items: Vec::new(),
            containers: 0,
            items: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            result: Value::None,
        };
        loop {
            let start = pickle.at;
            let [opcode] = pickle.take()?;
            if opcode == b'.' {
                pickle.result = pickle.pop(start)?;
                break;
            }
            pickle.step(opcode, start)?;
            if pickle.stack.len().max(pickle.marks.len()) > pickle.limits.stack {
                return Err(pickle.too_large(start, "values on the stack", pickle.limits.stack));
            }
        }
        (pickle.stack, pickle.marks, pickle.memo) = Default::default();
        Ok(pickle)
    }

    /// Where the pickle ends in the file.
    pub(super) const fn end(&self) -> usize {
        self.offset_bytes + self.at
    }

    /// The text of a value, if it is one.
    pub(super) fn text(&self, value: Value) -> Option<&'a str> {
        let Value::Text { at, length } = value else { return None };
        std::str::from_utf8(&self.bytes[at as usize..][..length as usize]).ok()
    }

    /// The items of a value, if it is a tuple.
    pub(super) fn tuple(&self, value: Value) -> Option<&[Value]> {
        let Value::Tuple { first, length } = value else { return None };
        Some(&self.tuple_items[first as usize..][..length as usize])
    }

    fn error(&self, kind: Kind, at: usize) -> Error {
        Error::new(kind, format!("pickle, byte {}", self.offset_bytes + at))
    }

    pub(super) fn refuse(&self, at: usize, found: impl Into<String>) -> Error {
        self.error(Kind::RefusedPickle, at)
            .expected("a state dictionary of tensors")
            .found(found)
            .remedy(STATE_DICT_ONLY)
    }

    fn too_large(&self, at: usize, what: &str, limit: usize) -> Error {
        self.refuse(at, format!("more than {limit} {what}"))
    }

    fn malformed(&self, at: usize, expected: &str) -> Error {
        self.error(Kind::BadHeader, at).expected(expected).remedy(DAMAGED)
    }

    fn take_slice(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or_else(|| {
            self.error(Kind::Truncated, self.at)
                .expected(format!("{length} more bytes"))
                .found(format!("{}", rest.len()))
                .remedy(INCOMPLETE)
        })?;
        self.at += length;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take_slice(N)?);
        Ok(bytes)
    }

    /// Up to a line feed, which is taken too; a global's names are far shorter than the limit.
    fn take_line(&mut self) -> Result<&'a [u8]> {
        const MAX_LINE_BYTES: usize = 256;
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().take(MAX_LINE_BYTES).position(|&byte| byte == b'\n') else {
            return Err(if rest.len() < MAX_LINE_BYTES {
                self.error(Kind::Truncated, self.at).expected("a line feed").remedy(INCOMPLETE)
            } else {
                self.malformed(self.at, "a name of at most 256 bytes")
            });
        };
        self.at += length + 1;
        Ok(&rest[..length])
    }

    /// The height below which the current instruction may not reach.
    fn floor(&self) -> usize {
        self.marks.last().map_or(0, |&mark| mark as usize)
    }

    fn pop(&mut self, at: usize) -> Result<Value> {
        if self.stack.len() <= self.floor() {
            return Err(self.malformed(at, "a value on the stack"));
        }
        self.stack.pop().ok_or_else(|| self.malformed(at, "a value on the stack"))
    }

    fn top(&self, at: usize) -> Result<Value> {
        let above = self.stack.get(self.floor()..).and_then(<[Value]>::last);
        above.copied().ok_or_else(|| self.malformed(at, "a value on the stack"))
    }

    /// The height of the topmost mark, which is taken.
    fn pop_mark(&mut self, at: usize) -> Result<usize> {
        self.marks.pop().map(|mark| mark as usize).ok_or_else(|| self.malformed(at, "a mark on the stack"))
    }

    fn step(&mut self, opcode: u8, at: usize) -> Result<()> {
        let value = match opcode {
            0x80 => {
                let [protocol] = self.take()?;
                if protocol != 2 {
                    return Err(self.refuse(at, format!("pickle protocol {protocol} instead of torch.save's 2")));
                }
                return Ok(());
            }
            b'(' => {
                self.marks.push(small(self.stack.len()));
                return Ok(());
            }
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(i64::from(u8::from_le_bytes(self.take()?))),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.take()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.take()?))),
            0x8a => self.long()?,
            b'G' => {
                self.take::<8>()?;
                Value::Number
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.take()?);
                self.string(length)?
            }
            b'U' => {
                let [length] = self.take()?;
                self.string(length.into())?
            }
            b'}' | b']' => self.container(),
            b')' => self.new_tuple(self.stack.len(), at)?,
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let first = self.stack.len().checked_sub(length).filter(|&first| first >= self.floor());
                self.new_tuple(first.ok_or_else(|| self.malformed(at, "a tuple's items"))?, at)?
            }
            b't' => {
                let first = self.pop_mark(at)?;
                self.new_tuple(first, at)?
            }
            b'q' => {
                let [index] = self.take()?;
                return self.memoize(index.into(), at);
            }
            b'r' => {
                let index = u32::from_le_bytes(self.take()?);
                return self.memoize(index as usize, at);
            }
            b'h' => {
                let [index] = self.take()?;
                self.recall(index.into(), at)?
            }
            b'j' => {
                let index = u32::from_le_bytes(self.take()?);
                self.recall(index as usize, at)?
            }
            b's' | b'a' => {
                let first = self.stack.len().saturating_sub(if opcode == b's' { 2 } else { 1 });
                return self.fill(first, opcode == b's', at);
            }
            b'u' | b'e' => {
                let first = self.pop_mark(at)?;
                return self.fill(first, opcode == b'u', at);
            }
            b'c' => self.global(at)?,
            b'Q' => self.persistent(at)?,
            b'R' => self.call(at)?,
            b'b' => {
                self.pop(at)?;
                // What torch attaches to a dictionary are versions of its modules.
                return match self.top(at)? {
                    Value::Container(_) => Ok(()),
                    other => Err(self.refuse(at, format!("state for {other:?}"))),
                };
            }
            other => return Err(self.refuse(at, format!("the instruction 0x{other:02x}"))),
        };
        self.stack.push(value);
        Ok(())
    }

    fn long(&mut self) -> Result<Value> {
        let [length] = self.take()?;
        let digits = self.take_slice(length.into())?;
        if digits.len() > 8 {
            return Ok(Value::Number);
        }
        let negative = digits.last().is_some_and(|&digit| digit >= 0x80);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        bytes[..digits.len()].copy_from_slice(digits);
        Ok(Value::Int(i64::from_le_bytes(bytes)))
    }

    fn string(&mut self, length: u32) -> Result<Value> {
        let at = self.at;
        let bytes = self.take_slice(length as usize)?;
        std::str::from_utf8(bytes).map_err(|error| self.malformed(at + error.valid_up_to(), "UTF-8 text"))?;
        Ok(Value::Text { at: small(at), length })
    }

    const fn container(&mut self) -> Value {
        self.containers += 1;
        Value::Container(self.containers)
    }

    /// A tuple of what is on the stack from `first`.
    fn new_tuple(&mut self, first: usize, at: usize) -> Result<Value> {
        let length = self.stack.len() - first;
        if self.tuple_items.len() + length > self.limits.tuple_items {
            return Err(self.too_large(at, "items of tuples", self.limits.tuple_items));
        }
        let begin = small(self.tuple_items.len());
        self.tuple_items.extend(self.stack.drain(first..));
        Ok(Value::Tuple { first: begin, length: small(length) })
    }

    fn memoize(&mut self, index: usize, at: usize) -> Result<()> {
        let value = self.top(at)?;
        if index >= self.limits.memo {
            return Err(self.too_large(at, "remembered values", self.limits.memo));
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, Value::None);
        }
        self.memo[index] = value;
        Ok(())
    }

    fn recall(&self, index: usize, at: usize) -> Result<Value> {
        self.memo.get(index).copied().ok_or_else(|| self.malformed(at, "a value that was remembered before"))
    }

    /// Moves what is on the stack from `first` into the container below it.
    fn fill(&mut self, first: usize, pairs: bool, at: usize) -> Result<()> {
        let below = first.checked_sub(1).filter(|&below| below >= self.floor());
        let Some(&Value::Container(owner)) = below.and_then(|below| self.stack.get(below)) else {
            return Err(self.malformed(at, "a list or dictionary on the stack"));
        };
        let width = if pairs { 2 } else { 1 };
        if !(self.stack.len() - first).is_multiple_of(width) {
            return Err(self.malformed(at, "a value for every key"));
        }
        if self.items.len() + (self.stack.len() - first) / width > self.limits.items {
            return Err(self.too_large(at, "items of lists and dictionaries", self.limits.items));
        }
        self.items.extend(self.stack[first..].chunks_exact(width).map(|item| Item {
            owner,
            key: if pairs { item[0] } else { Value::None },
            value: item[width - 1],
        }));
        self.stack.truncate(first);
        Ok(())
    }

    fn global(&mut self, at: usize) -> Result<Value> {
        let (module, name) = (self.take_line()?, self.take_line()?);
        let known = GLOBALS.iter().find(|(m, n, _)| m.as_bytes() == module && n.as_bytes() == name);
        known.map(|&(_, _, global)| Value::Global(global)).ok_or_else(|| {
            let (module, name) = (module.escape_ascii(), name.escape_ascii());
            self.refuse(at, format!("the global `{module}.{name}`"))
        })
    }

    /// `("storage", type, key, device, count)`, in legacy files with a view of another storage after it.
    fn persistent(&mut self, at: usize) -> Result<Value> {
        let id = self.pop(at)?;
        let fields = match self.tuple(id) {
            Some([kind, fields @ ..]) if self.text(*kind) == Some("storage") => fields,
            _ => return Err(self.refuse(at, "a persistent object that is no storage")),
        };
        let (dtype, key, count) = match *fields {
            [Value::Global(Global::Storage(dtype)), key, _, Value::Int(count)]
            | [Value::Global(Global::Storage(dtype)), key, _, Value::Int(count), Value::None] => (dtype, key, count),
            [.., Value::Tuple { .. }] => return Err(self.refuse(at, "a storage that is a view of another one")),
            _ => return Err(self.malformed(at, "a storage's type, key, device and length")),
        };
        let (Some(key), Ok(count)) = (self.text(key), usize::try_from(count)) else {
            return Err(self.malformed(at, "a storage's key and its length"));
        };
        if let Some(index) = self.storages.iter().position(|known| known.key == key) {
            let known = &self.storages[index];
            if (known.dtype, known.count) != (dtype, count) {
                return Err(self.malformed(at, &format!("storage {key} as it was before")));
            }
            return Ok(Value::Storage(small(index)));
        }
        if self.storages.len() == self.limits.tensors {
            return Err(self.too_large(at, "storages", self.limits.tensors));
        }
        self.storages.push(Storage { key, dtype, count });
        Ok(Value::Storage(small(self.storages.len() - 1)))
    }

    fn call(&mut self, at: usize) -> Result<Value> {
        let arguments = self.pop(at)?;
        let callee = self.pop(at)?;
        let values = self.tuple(arguments).ok_or_else(|| self.malformed(at, "a tuple of arguments"))?;
        match (callee, values) {
            (Value::Global(Global::OrderedDict), []) => Ok(self.container()),
            (Value::Global(Global::RebuildParameter), &[tensor @ Value::Tensor(_), ..]) => Ok(tensor),
            (
                Value::Global(Global::RebuildTensor),
                &[
                    Value::Storage(storage),
                    Value::Int(start),
                    shape @ Value::Tuple { .. },
                    strides @ Value::Tuple { .. },
                    ..,
                ],
            ) => {
                if self.tensors.len() == self.limits.tensors {
                    return Err(self.too_large(at, "tensors", self.limits.tensors));
                }
                self.tensors.push(TensorRef { storage, start, shape, strides });
                Ok(Value::Tensor(small(self.tensors.len() - 1)))
            }
            (Value::Global(global), _) => Err(self.refuse(at, format!("a call of {global:?} with other arguments"))),
            _ => Err(self.refuse(at, "a call of something that is no function")),
        }
    }
}

/// Every count here is below the length of `bytes`, which 32 bits hold.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
