//! Bodies that work on four lanes at a time, and on several of those at once.

pub mod add;
pub mod dense;
pub mod depthwise;
pub mod global_pool;
#[cfg(feature = "integers")]
pub mod integer_add;
#[cfg(feature = "integers")]
pub mod integer_conv;
#[cfg(feature = "integers")]
pub mod integer_depthwise;
#[cfg(feature = "integers")]
pub mod integer_from_float;
#[cfg(feature = "integers")]
pub mod integer_lookup;
#[cfg(feature = "integers")]
pub mod integer_pointwise;
#[cfg(feature = "integers")]
pub mod integer_pool;
#[cfg(feature = "integers")]
pub mod integer_scale;
#[cfg(feature = "integers")]
pub mod integer_softmax;
#[cfg(feature = "integers")]
pub mod integer_to_float;
pub mod pad;
pub mod pointwise;
pub mod scale;
pub mod sigmoid;
pub mod softmax;
pub mod stem;
#[cfg(feature = "gradients")]
pub mod train_affine;
#[cfg(feature = "gradients")]
pub mod train_bend;
#[cfg(feature = "gradients")]
pub mod train_depthwise;
#[cfg(feature = "gradients")]
pub mod train_depthwise_input;
#[cfg(feature = "gradients")]
pub mod train_moments;
#[cfg(feature = "gradients")]
pub mod train_norm;
#[cfg(feature = "gradients")]
pub mod train_norm_input;
#[cfg(feature = "gradients")]
pub mod train_pointwise;
#[cfg(feature = "gradients")]
pub mod train_pool;
#[cfg(feature = "gradients")]
pub mod train_product;
#[cfg(feature = "gradients")]
pub mod train_scale;
#[cfg(feature = "gradients")]
pub mod train_stem;

use super::Curve;
#[cfg(feature = "gradients")]
use crate::gradients::Lanes;
use crate::lane::F32x4;
#[cfg(feature = "gradients")]
use crate::lane::Vec4;

/// Pixels of a tile. Their sums, a value each and weights fit fifteen registers, which is what browsers use of sixteen.
pub(crate) const TILE_PIXELS: usize = 4;

/// The first pixels of the tiles that cover `pixels`: the last one ends with them and may have some in common with the one
/// before, which it computes again. Fewer than a tile's are one that reaches beyond them.
#[inline(always)]
pub(crate) fn tiles(pixels: usize) -> impl Iterator<Item = usize> {
    let last = pixels.saturating_sub(TILE_PIXELS);
    (0..pixels).step_by(TILE_PIXELS).map(move |first| first.min(last))
}

/// An activation, its numbers ready in registers.
#[derive(Clone, Copy)]
struct Bend {
    kind: u32,
    low: F32x4,
    high: F32x4,
}

impl Bend {
    #[inline(always)]
    fn new(curve: Curve) -> Self {
        Self { kind: curve.kind, low: F32x4::splat(curve.low), high: F32x4::splat(curve.high) }
    }

    #[inline(always)]
    fn apply(self, value: F32x4) -> F32x4 {
        let [value] = self.apply_to([value]);
        value
    }

    /// A tile's sums. Asks once which curve it is: in front of each of a tile's stores the question costs as much as a dozen
    /// of its products.
    #[inline(always)]
    fn apply_to<const N: usize>(self, values: [F32x4; N]) -> [F32x4; N] {
        if self.kind == 0 {
            return values.map(|value| value.clamp(self.low, self.high));
        }
        let three = F32x4::splat(3.0);
        let gate = |value: F32x4| (value + three).clamp(F32x4::splat(0.0), F32x4::splat(6.0)) * self.high;
        if self.kind == 1 { values.map(|value| value * gate(value)) } else { values.map(gate) }
    }

    /// `side` times the activation's slope at `value`.
    #[cfg(feature = "gradients")]
    #[inline(always)]
    fn slope(self, value: F32x4, side: F32x4) -> F32x4 {
        if self.kind == 0 {
            return side.where_between(value, self.low, self.high);
        }
        let [low, high] = [-3.0, 3.0].map(F32x4::splat);
        if self.kind == 1 {
            let gate = (value + high).clamp(F32x4::splat(0.0), F32x4::splat(6.0)) * self.high;
            return side * (gate + (value * self.high).where_between(value, low, high));
        }
        (side * self.high).where_between(value, low, high)
    }
}

/// `N` sums over the pixels of `maps`, for each of some groups of their channels, in blocks of [`crate::gradients::BLOCK`]: `term`
/// adds a pixel, with what `prepare` made of the group; `write` takes the sums. Both count the groups from the first of `lanes`.
#[cfg(feature = "gradients")]
#[inline(always)]
fn sums<const M: usize, const N: usize, P: Copy>(
    (maps, lanes): ([&[Vec4]; M], Lanes),
    output: &mut [Vec4],
    prepare: impl Fn(&[Vec4], usize) -> P,
    term: impl Fn(P, [F32x4; N], [F32x4; M]) -> [F32x4; N],
    write: impl Fn(&mut [Vec4], usize, [F32x4; N]),
) {
    /// What lies in one cache line.
    const TILE: usize = 4;
    let [all, start, count] = [lanes.all, lanes.first, lanes.count].map(|lanes| lanes as usize);
    let pixels = maps[0].len() / all;
    for first in (0..count).step_by(TILE) {
        // The last tile begins earlier; fewer groups are computed twice, some of them.
        let tile: [usize; TILE] = std::array::from_fn(|t| first.min(count.saturating_sub(TILE)) + t.min(count - 1));
        let prepared = tile.map(|lane| prepare(output, lane));
        let mut totals = [[F32x4::splat(0.0); N]; TILE];
        for begin in (0..pixels).step_by(crate::gradients::BLOCK) {
            let mut sums = [[F32x4::splat(0.0); N]; TILE];
            for pixel in begin..pixels.min(begin + crate::gradients::BLOCK) {
                for t in 0..TILE {
                    let values = maps.map(|map| F32x4::load(map[pixel * all + start + tile[t]]));
                    sums[t] = term(prepared[t], sums[t], values);
                }
            }
            for (total, sums) in totals.iter_mut().zip(sums) {
                *total = std::array::from_fn(|n| total[n] + sums[n]);
            }
        }
        for (lane, total) in tile.into_iter().zip(totals) {
            write(output, lane, total);
        }
    }
}

/// One axis under a window.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    /// Pixels.
    pub(crate) length: usize,
    /// Positions of the window.
    pub(crate) positions: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    dilation: usize,
    pad: usize,
}

impl Axis {
    /// One axis of a parameter block: its input, its output, its padding, and the block's kernel, stride and dilation.
    pub(crate) fn new(length: u32, positions: u32, pad: u32, [kernel, stride, dilation]: [u32; 3]) -> Self {
        let [length, positions, pad] = [length, positions, pad].map(|pixels| pixels as usize);
        let [kernel, stride, dilation] = [kernel, stride, dilation].map(|pixels| pixels as usize);
        Self { length, positions, kernel, stride, dilation, pad }
    }

    /// Where the window begins at `position` (which may lie before the axis, hence wrapping arithmetic), and its offsets
    /// that lie inside the axis.
    #[inline(always)]
    fn window(&self, position: usize) -> (usize, std::ops::Range<usize>) {
        let begin = position * self.stride;
        let first = self.pad.saturating_sub(begin).div_ceil(self.dilation).min(self.kernel);
        let end = (self.length + self.pad).saturating_sub(begin).div_ceil(self.dilation).min(self.kernel);
        (begin.wrapping_sub(self.pad), first..end.max(first))
    }

    /// The pixel that lies at `place` of the axis with its padding; none outside.
    #[cfg(all(feature = "integers", any(not(target_arch = "wasm32"), target_feature = "relaxed-simd")))]
    #[inline(always)]
    pub(crate) fn inside_at(&self, place: usize) -> Option<usize> {
        place.checked_sub(self.pad).filter(|&pixel| pixel < self.length)
    }

    #[cfg(feature = "integers")]
    /// The positions at which the window lies wholly inside the axis.
    fn inside(&self) -> std::ops::Range<usize> {
        let span = (self.kernel - 1) * self.dilation + 1;
        let first = self.pad.div_ceil(self.stride).min(self.positions);
        let room = (self.length + self.pad).checked_sub(span);
        let end = room.map_or(first, |room| (room / self.stride + 1).min(self.positions));
        first..end.max(first)
    }
}
