//! Zeros added below and to the right of a map.

use crate::{Io, Pad};

/// `output[y, x] = input[y, x]` where the input has that pixel, else 0.
pub fn run(p: &Pad, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for y in 0..p.out_height {
        for x in 0..p.out_width {
            for lane in 0..lanes {
                let inside = y < p.in_height && x < p.in_width;
                io.output[(y * p.out_width + x) as usize * lanes + lane] =
                    if inside { io.input[(y * p.in_width + x) as usize * lanes + lane] } else { [0.0; 4] };
            }
        }
    }
}
