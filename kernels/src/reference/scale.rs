//! A map times a vector, channel by channel.

use crate::{Io, Scale};

/// `output[p, c] = input[p, c] · side[c]`
pub fn run(p: &Scale, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for at in 0..p.pixels as usize * lanes {
        for lane in 0..4 {
            io.output[at][lane] = io.input[at][lane] * io.side[at % lanes][lane];
        }
    }
}
