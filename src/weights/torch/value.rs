//! What a pickle may be made of: its values, the globals it may name, and how much of each it may build.

use super::super::Dtype;

/// How much a program may build.
pub(super) struct Limits {
    pub(super) stack: usize,
    pub(super) memo: usize,
    pub(super) tuple_items: usize,
    pub(super) items: usize,
    pub(super) tensors: usize,
}

impl Limits {
    /// About 900 tensors; V2 with Adam's state has 630. Together under 0.8 MiB.
    pub(super) const OBJECT: Self = Self { stack: 4096, memo: 8192, tuple_items: 16_384, items: 4096, tensors: 1024 };
    /// For the numbers, flags and list of names around the object in legacy files.
    pub(super) const PLAIN: Self = Self { stack: 2048, memo: 2048, tuple_items: 0, items: 1024, tensors: 0 };
}

/// The globals that a state dictionary needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// Module, name and meaning; any other global is refused.
pub(super) const GLOBALS: [(&str, &str, Global); 13] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "FloatStorage", Global::Storage(Dtype::F32)),
    ("torch", "HalfStorage", Global::Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Global::Storage(Dtype::BF16)),
    ("torch", "DoubleStorage", Global::Storage(Dtype::F64)),
    ("torch", "LongStorage", Global::Storage(Dtype::I64)),
    ("torch", "IntStorage", Global::Storage(Dtype::I32)),
    ("torch", "ShortStorage", Global::Storage(Dtype::I16)),
    ("torch", "CharStorage", Global::Storage(Dtype::I8)),
    ("torch", "ByteStorage", Global::Storage(Dtype::U8)),
    ("torch", "BoolStorage", Global::Storage(Dtype::Bool)),
];

/// One value on the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A number that no tensor is made of: a float, an integer of more than eight bytes.
    Number,
    /// UTF-8 in the pickle's bytes.
    Text {
        at: u32,
        length: u32,
    },
    Global(Global),
    /// Index into `storages`.
    Storage(u32),
    /// Index into `tensors`.
    Tensor(u32),
    /// Range of `tuple_items`.
    Tuple {
        first: u32,
        length: u32,
    },
    /// A list or dictionary: the owner of its `items`.
    Container(u32),
}

/// An entry of a dictionary, or with `key` none, of a list.
pub(super) struct Item {
    pub(super) owner: u32,
    pub(super) key: Value,
    pub(super) value: Value,
}

/// A run of elements elsewhere in the file.
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: Dtype,
    pub(super) count: usize,
}

/// Arguments of `_rebuild_tensor_v2` that matter.
#[derive(Clone, Copy)]
pub(super) struct TensorRef {
    pub(super) storage: u32,
    pub(super) start: i64,
    pub(super) shape: Value,
    pub(super) strides: Value,
}
