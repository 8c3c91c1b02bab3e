//! The exponentials are scalar, one a class and frame; the rest is four at a time.

use crate::{Io, Sigmoid};

/// See the reference.
pub fn run(p: &Sigmoid, io: Io<'_>) {
    for (group, (output, input)) in io.output.iter_mut().zip(io.input).enumerate() {
        let classes = (p.classes as usize).saturating_sub(group * 4);
        *output = input.map(|value| 1.0 / (1.0 + (-value).exp()));
        output.iter_mut().skip(classes).for_each(|past| *past = 0.0);
    }
}
