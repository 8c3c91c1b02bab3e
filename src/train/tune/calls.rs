//! Kernel calls of a batch: one after the other, or by as many threads as there are, with the same results, bit for bit.

use super::Tuner;
use crate::kernels::{Call, Io};
use crate::lane::{Body, Vec4};
#[cfg(feature = "threads")]
use crate::plan::parts;
#[cfg(feature = "threads")]
use crate::threads::{Part, Pool};

/// Who computes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    pub(super) body: Body,
    #[cfg(feature = "threads")]
    pub(super) pool: Option<&'static Pool>,
}

impl Calls {
    /// Runs a call, whose outputs threads share.
    pub(super) fn run(self, call: Call, io: Io<'_>) {
        #[cfg(feature = "threads")]
        if let Some(pool) = self.pool {
            let macs = macs(&call, &io);
            return parts::run(pool, self.body, call, macs, io);
        }
        call.run(self.body, io);
    }

    /// Runs a call for each of so many maps, which lie one behind another in every slice but the parameters'. Threads share the
    /// maps, or where there are too few of them what each is made of.
    pub(super) fn each(self, call: Call, io: Io<'_>, maps: usize) {
        #[cfg(feature = "threads")]
        if let Some(pool) = self.pool.filter(|pool| maps >= pool.threads()) {
            let vectors = io.input.len().max(io.output.len());
            return parts::compute(pool, each(io, maps).map(|io| Part { body: self.body, call, io }), vectors);
        }
        each(io, maps).for_each(|io| self.run(call, io));
    }
}

/// Multiply-accumulates of a call; of what is no product, as many as take the time in which its input is read.
#[cfg(feature = "threads")]
fn macs(call: &Call, io: &Io<'_>) -> u64 {
    let product =
        |pixels: u32, inputs: u32, out_lanes: u32| [pixels, inputs, 4 * out_lanes].map(u64::from).iter().product();
    match call {
        Call::TrainProduct(p) => product(p.pixels, p.in_channels, p.out_lanes),
        Call::TrainPointwise(p) => product(p.pixels, p.in_channels, p.out_lanes.count),
        _ => io.input.len() as u64 * parts::VECTOR,
    }
}

impl Tuner {
    /// Which bodies of the kernels run.
    pub const fn set_body(&mut self, body: Body) {
        self.runner.calls.body = body;
    }

    /// Has steps computed by all threads of `pool`. Results stay the same, bit for bit.
    #[cfg(feature = "threads")]
    pub const fn share(&mut self, pool: &'static Pool) {
        self.runner.calls.pool = Some(pool);
    }
}

/// The share of each map.
fn each<'a>(io: Io<'a>, maps: usize) -> impl Iterator<Item = Io<'a>> {
    let Io { input, side, parameters, output } = io;
    let size = output.len() / maps;
    let nth = move |all: &'a [Vec4], map: usize| &all[map * all.len() / maps..(map + 1) * all.len() / maps];
    let outputs = output.chunks_exact_mut(size).enumerate();
    outputs.map(move |(map, output)| Io { input: nth(input, map), side: nth(side, map), parameters, output })
}
