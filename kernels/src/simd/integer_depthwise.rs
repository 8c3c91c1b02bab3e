//! As the reference.

pub use crate::reference::integer_depthwise::run;
