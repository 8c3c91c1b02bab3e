//! The sum of two maps.

use crate::{Add, Io};

/// `output = input + side`
pub fn run(p: &Add, io: Io<'_>) {
    for at in 0..p.count as usize {
        for lane in 0..4 {
            io.output[at][lane] = io.input[at][lane] + io.side[at][lane];
        }
    }
}
