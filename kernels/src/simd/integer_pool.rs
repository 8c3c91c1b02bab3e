//! As the reference.

pub use crate::reference::integer_pool::run;
