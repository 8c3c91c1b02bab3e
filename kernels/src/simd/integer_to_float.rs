//! As the reference.

pub use crate::reference::integer_to_float::run;
