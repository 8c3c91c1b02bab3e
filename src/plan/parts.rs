//! Steps in parts, for several threads. Each part is a call of the same kernel on some rows, pixels or groups of channels, and
//! writes a slice of its own. Bodies compute every output by itself, so that parts give what the whole call gives, bit for
//! bit.

#[cfg(feature = "training")]
use crate::kernels::gradients::{Lanes, TrainBend, TrainNormInput};
#[cfg(feature = "integers")]
use crate::kernels::integers::{IntegerPointwise, eights};
use crate::kernels::{Call, Io, Pointwise};
use crate::lane::{Body, Vec4, lanes};
use crate::threads::{Part, Pool};

/// A step is cut into so many at most.
pub const MOST: usize = 16;

/// Parts for each thread: one that begins late leaves the others more.
const FOR_EACH_THREAD: usize = 2;

/// What a part must be worth, in multiply-adds of a 1×1 convolution: some 5 µs. Handing a step over and waiting for its end
/// takes one or two, in which nothing is computed.
const LEAST_WORK: u64 = 1 << 16;
/// One more vector of a map, in such: kernels other than 1×1 convolutions compute less than they move.
pub const VECTOR: u64 = 32;

/// Each part of a 1×1 convolution reads all weights. So few pixels are worth that where a thread would have nothing to do …
const FEW_PIXELS: usize = 8;
/// … and so many where it would have less to do than another.
const MANY_PIXELS: usize = 20;

/// What of a call is cut.
struct Cut<'a> {
    /// How many units there are, which is a word of the parameter block.
    units: &'a mut u32,
    /// Parts begin at multiples of it, so that they are made of whole tiles.
    tile: usize,
    /// What each unit has of every slice; 0 where all parts read all of it.
    input: usize,
    side: usize,
    parameters: usize,
    output: usize,
    sees: Sight<'a>,
}

/// What a part sees of the maps that it reads.
enum Sight<'a> {
    /// Its own units, or all of them.
    Units,
    /// The rows that its own see.
    Rows(Window<'a>),
    /// All of them, and which of their groups of channels are its own: those from this one on.
    #[cfg(feature = "training")]
    From(&'a mut u32),
}

/// The height of what a part sees, and the rows above that.
struct Window<'a> {
    height: &'a mut u32,
    pad: &'a mut u32,
    /// Rows under the window, and from one window to the next.
    span: u32,
    stride: u32,
    /// Length of a row of the input.
    row: usize,
}

/// Pixels, each by itself.
const fn pixels(units: &mut u32, input: usize, side: usize, output: usize) -> Cut<'_> {
    Cut { units, tile: 4, input, side, parameters: 0, output, sees: Sight::Units }
}

/// Groups of outputs of a single pixel.
const fn groups(units: &mut u32, inputs: u32) -> Cut<'_> {
    Cut { units, tile: 8, input: 0, side: 1, parameters: 1 + inputs as usize, output: 1, sees: Sight::Units }
}

/// Rows of the output, of so many vectors, unless some window sees nothing of the input.
fn rows<'a>(units: &'a mut u32, output: u32, window: Window<'a>) -> Option<Cut<'a>> {
    let seen = *window.pad < window.span && (*units - 1) * window.stride < *window.height + *window.pad;
    let sees = Sight::Rows(window);
    seen.then_some(Cut { units, tile: 1, input: 0, side: 0, parameters: 0, output: output as usize, sees })
}

/// Groups of channels, sums over all pixels; each has so many parameters and outputs.
#[cfg(feature = "training")]
const fn channels(lanes: &mut Lanes, tile: usize, parameters: usize, output: usize) -> Cut<'_> {
    let Lanes { first, count: units, .. } = lanes;
    Cut { units, tile, input: 0, side: 0, parameters, output, sees: Sight::From(first) }
}

/// Of calls whose block says `kernel`, `stride` and the input's rows and padding.
macro_rules! rows {
    ($p:ident, $dilation:expr, $in_lanes:expr, $out_lanes:expr) => {{
        let (span, row) = (($p.kernel - 1) * $dilation + 1, $p.in_width as usize * $in_lanes);
        let window = Window { height: &mut $p.in_height, pad: &mut $p.pad_top, span, stride: $p.stride, row };
        rows(&mut $p.out_height, $p.out_width * $out_lanes, window)
    }};
}

/// How a call is cut; not at all where it is one sum, or small in every network.
fn cut(call: &mut Call) -> Option<Cut<'_>> {
    Some(match call {
        Call::Pointwise(Pointwise { pixels: 1, out_lanes, in_channels, .. }) => groups(out_lanes, *in_channels),
        Call::Pointwise(p) => {
            let output = p.out_lanes as usize;
            pixels(&mut p.pixels, lanes(p.in_channels as usize), output, output)
        }
        Call::Dense(p) => groups(&mut p.out_lanes, p.in_channels),
        Call::Conv(p) => rows!(p, 1, lanes(p.in_channels as usize), p.out_lanes)?,
        Call::Depthwise(p) => rows!(p, p.dilation, p.lanes as usize, p.lanes)?,
        Call::Add(p) => pixels(&mut p.count, 1, 1, 1),
        Call::Scale(p) => pixels(&mut p.pixels, p.lanes as usize, 0, p.lanes as usize),
        #[cfg(feature = "integers")]
        Call::IntegerPointwise(IntegerPointwise { pixels: 1, .. }) => return None,
        #[cfg(feature = "integers")]
        Call::IntegerPointwise(p) => pixels(&mut p.pixels, eights(p.in_channels as usize), 0, p.out_eights as usize),
        #[cfg(feature = "integers")]
        Call::IntegerConv(p) => rows!(p, 1, eights(p.in_channels as usize), p.out_eights)?,
        #[cfg(feature = "integers")]
        Call::IntegerDepthwise(p) => rows!(p, p.dilation, p.eights as usize, p.eights)?,
        #[cfg(feature = "integers")]
        Call::IntegerAdd(p) => pixels(&mut p.count, 1, 1, 1),
        #[cfg(feature = "integers")]
        Call::IntegerScale(p) => pixels(&mut p.pixels, p.eights as usize, 0, p.eights as usize),
        #[cfg(feature = "integers")]
        Call::IntegerLookup(p) => {
            let width = eights(p.channels as usize);
            pixels(&mut p.pixels, width, 0, width)
        }
        #[cfg(feature = "integers")]
        Call::IntegerFromFloat(p) => {
            let channels = p.channels as usize;
            pixels(&mut p.pixels, lanes(channels), 0, eights(channels))
        }
        #[cfg(feature = "training")]
        Call::TrainProduct(p) => pixels(&mut p.pixels, lanes(p.in_channels as usize), 0, p.out_lanes as usize),
        #[cfg(feature = "training")]
        Call::TrainPointwise(p) => channels(&mut p.out_lanes, 2, 0, 1 + p.in_channels as usize),
        #[cfg(feature = "training")]
        Call::TrainMoments(p) => channels(&mut p.lanes, 4, 0, 2),
        #[cfg(feature = "training")]
        Call::TrainNorm(p) => channels(&mut p.lanes, 4, 2, 2),
        #[cfg(feature = "training")]
        Call::TrainAffine(p) => pixels(&mut p.pixels, p.lanes as usize, 0, p.lanes as usize),
        #[cfg(feature = "training")]
        Call::TrainBend(TrainBend { pixels: units, lanes, .. })
        | Call::TrainNormInput(TrainNormInput { pixels: units, lanes }) => {
            let width = *lanes as usize;
            pixels(units, width, width, width)
        }
        _ => return None,
    })
}

/// Into how many parts a call is best cut for so many threads: one of so many multiply-accumulates that writes so many vectors.
#[must_use]
pub fn count(mut call: Call, macs: u64, outputs: usize, threads: usize) -> usize {
    let whole = call;
    let Some(cut) = cut(&mut call).filter(|_| threads > 1) else { return 1 };
    let units = *cut.units as usize / cut.tile;
    let vectors = outputs as u64 * VECTOR;
    let of_pixels = |pixels: u32| (macs, pixels as usize / FEW_PIXELS, pixels as usize / MANY_PIXELS);
    let (work, few, many) = match whole {
        Call::Pointwise(p) if p.pixels > 1 => of_pixels(p.pixels),
        #[cfg(feature = "training")]
        Call::TrainProduct(p) => of_pixels(p.pixels),
        Call::Depthwise(_) | Call::Conv(_) => (vectors * 4, units, units),
        _ => (macs.max(vectors), units, units),
    };
    let most = many.min(threads * FOR_EACH_THREAD).max(few.min(threads)).min(MOST);
    usize::try_from(work / LEAST_WORK).map_or(most, |worth| worth.min(most)).max(1)
}

/// Runs a call by as many threads as its multiply-accumulates are worth.
pub fn run(pool: &Pool, body: Body, call: Call, macs: u64, io: Io<'_>) {
    let count = count(call, macs, io.output.len(), pool.threads());
    if count == 1 {
        return call.run(body, io);
    }
    let mut parts = Parts::new(body, call, io, count);
    let mut list: [_; MOST] = std::array::from_fn(|_| parts.next());
    pool.run(&mut list[..count]);
}

/// Computes parts of any number, which together read or write so many vectors.
#[cfg(feature = "training")]
pub fn compute<'a>(pool: &Pool, mut parts: impl Iterator<Item = Part<'a>>, vectors: usize) {
    if (vectors as u64) * VECTOR < 2 * LEAST_WORK {
        return parts.for_each(|Part { body, call, io }| call.run(body, io));
    }
    loop {
        let mut list: [_; MOST] = std::array::from_fn(|_| parts.next());
        let count = list.iter().flatten().count();
        if count == 0 {
            return;
        }
        pool.run(&mut list[..count]);
    }
}

/// A call in parts, from first to last.
#[derive(Debug)]
pub struct Parts<'a> {
    rest: Option<Part<'a>>,
    begin: usize,
    each: usize,
}

impl<'a> Parts<'a> {
    /// At most `count` of them, which together are `call`.
    #[must_use]
    pub fn new(body: Body, mut call: Call, io: Io<'a>, count: usize) -> Self {
        let each = cut(&mut call).map_or(0, |cut| (*cut.units as usize).div_ceil(count).next_multiple_of(cut.tile));
        Self { rest: Some(Part { body, call, io }), begin: 0, each }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    #[expect(clippy::cast_possible_truncation, reason = "no more than the call has")]
    fn next(&mut self) -> Option<Part<'a>> {
        let Part { body, call, io } = self.rest.take()?;
        let Io { mut input, side, parameters, output } = io;
        let mut part = call;
        let Some(cut) = cut(&mut part) else {
            return Some(Part { body, call, io: Io { input, side, parameters, output } });
        };
        let (from, units) = (self.begin, *cut.units as usize);
        let to = units.min(from + self.each);
        let (mine, others) = output.split_at_mut((to - from) * cut.output);
        if to < units {
            self.begin = to;
            self.rest = Some(Part { body, call, io: Io { input, side, parameters, output: others } });
        }
        let share = |all: &'a [Vec4], each: usize| {
            if each == 0 || all.is_empty() { all } else { &all[from * each..to * each] }
        };
        *cut.units = (to - from) as u32;
        let (side, parameters) = (share(side, cut.side), share(parameters, cut.parameters));
        match cut.sees {
            Sight::Units => input = share(input, cut.input),
            Sight::Rows(Window { height, pad, span, stride, row }) => {
                let (first, last) = (from as u32 * stride, (to as u32 - 1) * stride + span);
                let (top, bottom) = (first.saturating_sub(*pad), last.saturating_sub(*pad).min(*height));
                input = &input[top as usize * row..bottom as usize * row];
                *pad = pad.saturating_sub(first);
                *height = bottom - top;
            }
            #[cfg(feature = "training")]
            Sight::From(first) => *first += from as u32,
        }
        Some(Part { body, call: part, io: Io { input, side, parameters, output: mine } })
    }
}
