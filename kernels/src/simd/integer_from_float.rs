//! As the reference.

pub use crate::reference::integer_from_float::run;
