//! Crop rule × source size × target size → one sampling grid per axis.

use crate::model::Crop;
use std::ops::Range;

/// One axis: a stretch of the source is laid out as `grid` pixels, of which the target takes `target` in a row.
#[derive(Debug)]
pub(super) struct Axis {
    /// Where the stretch begins, in source pixels.
    pub(super) start_px: f64,
    /// How long it is, in source pixels.
    pub(super) length_px: f64,
    /// How many pixels it becomes.
    pub(super) grid: f64,
    /// How many of those lie before the target's first.
    pub(super) skipped: f64,
    /// How many the target takes.
    pub(super) target: usize,
    /// Source pixels that a filter may read.
    pub(super) readable: Range<usize>,
}

/// The grids of rows and columns; `source` and `target` are `[height, width]`.
pub(super) fn axes(crop: Crop, source: [usize; 2], target: [usize; 2]) -> [Axis; 2] {
    let whole = |axis: usize| Axis {
        start_px: 0.0,
        length_px: source[axis] as f64,
        grid: target[axis] as f64,
        skipped: 0.0,
        target: target[axis],
        readable: 0..source[axis],
    };
    match crop {
        Crop::Squash => [0, 1].map(whole),
        Crop::ShortSide { fraction } => {
            let grid = short_side(source, target, f64::from(fraction));
            [0, 1].map(|axis| {
                let spare = grid[axis].saturating_sub(target[axis] as u64);
                Axis { grid: grid[axis] as f64, skipped: half_to_even(spare) as f64, ..whole(axis) }
            })
        }
        Crop::Central { fraction } => [0, 1].map(|axis| {
            let length = source[axis] as f64;
            let start = ((length - length * f64::from(fraction)) / 2.0) as usize;
            let readable = start..source[axis] - start;
            // The original cuts first and resamples then, so that its filter sees nothing outside.
            Axis { start_px: start as f64, length_px: readable.len() as f64, readable, ..whole(axis) }
        }),
        Crop::Cover => {
            let source_px = source.map(|side| side as f64);
            let target_px = target.map(|side| side as f64);
            let scale = (source_px[0] / target_px[0]).min(source_px[1] / target_px[1]);
            [0, 1].map(|axis| {
                let length_px = target_px[axis] * scale;
                // The original draws the whole picture past the canvas's edge: its filter sees what lies outside.
                Axis { start_px: (source_px[axis] - length_px) / 2.0, length_px, ..whole(axis) }
            })
        }
    }
}

/// The whole picture's size after torchvision's `Resize(round(target / fraction))`, which floors the longer side.
///
/// Torchvision knows one size for both sides; for a target that is not square, the "shorter" side is the one that has
/// less to spare, so that the target never reaches past the picture.
fn short_side(source: [usize; 2], target: [usize; 2], fraction: f64) -> [u64; 2] {
    let source = source.map(|side| side as u64);
    let size = target.map(|side| ((side as f64 / fraction).round() as u64).max(side as u64));
    if source[0] * size[1] <= source[1] * size[0] {
        [size[0], size[0] * source[1] / source[0]]
    } else {
        [size[1] * source[0] / source[1], size[1]]
    }
}

/// Half of `spare`, rounded as Python's `round` does in torchvision's `center_crop`.
fn half_to_even(spare: u64) -> u64 {
    let half = spare / 2;
    half + (spare & half & 1)
}

/// The part of a source that the network sees, in source pixels: `[x, y, width, height]`.
#[must_use]
pub fn region(crop: Crop, source: [usize; 2], target: [usize; 2]) -> [f64; 4] {
    let [(y, height), (x, width)] = axes(crop, source, target).map(|axis| {
        let pixel = axis.length_px / axis.grid;
        (axis.start_px + axis.skipped * pixel, axis.target as f64 * pixel)
    });
    [x, y, width, height]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_sees_lies_in_the_middle() {
        let of = |crop| region(crop, [480, 640], [224, 224]);
        assert_eq!(of(Crop::Squash), [0.0, 0.0, 640.0, 480.0]);
        assert_eq!(of(Crop::Central { fraction: 0.875 }), [40.0, 30.0, 560.0, 420.0]);
        assert_eq!(of(Crop::Cover), [80.0, 0.0, 480.0, 480.0]);
        // Of 341 × 256 px 224 × 224, the first at 58 and 16.
        let [x, y, width, height] = of(Crop::ShortSide { fraction: 0.875 });
        assert_eq!((y, height), (30.0, 420.0));
        assert!((x - 58.0 * 640.0 / 341.0).abs() < 1e-9 && (width - 224.0 * 640.0 / 341.0).abs() < 1e-9);
    }

    #[test]
    fn grids_and_offsets_are_torchvisions() {
        // Columns: source h × w, resized h × w, crop's top and left, each computed with torchvision's own formulas.
        let table = [
            ([480, 640], [256.0, 341.0], [16.0, 58.0]), // (341 − 224) / 2 = 58.5 → 58
            ([640, 480], [341.0, 256.0], [58.0, 16.0]),
            ([427, 640], [256.0, 383.0], [16.0, 80.0]), // 79.5 → 80
            ([512, 512], [256.0, 256.0], [16.0, 16.0]),
            ([1, 1], [256.0, 256.0], [16.0, 16.0]),
            ([1, 50], [256.0, 12800.0], [16.0, 6288.0]),
        ];
        for (source, grid, skipped) in table {
            let axes = axes(Crop::ShortSide { fraction: 0.875 }, source, [224, 224]);
            assert_eq!((axes[0].grid, axes[1].grid), (grid[0], grid[1]), "{source:?}");
            assert_eq!((axes[0].skipped, axes[1].skipped), (skipped[0], skipped[1]), "{source:?}");
        }
    }

    #[test]
    fn the_target_never_reaches_past_the_grid() {
        let crops = [Crop::ShortSide { fraction: 0.875 }, Crop::ShortSide { fraction: 1.0 }];
        for crop in crops {
            for source in [[1, 1000], [1000, 1], [300, 301], [7, 5]] {
                for target in [[224, 224], [96, 160], [160, 96], [1, 1]] {
                    for axis in axes(crop, source, target) {
                        assert!(axis.skipped + axis.target as f64 <= axis.grid, "{source:?} {target:?} {axis:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn central_keeps_what_slim_keeps() {
        // tf.image.central_crop: start = int((size − size · 0.875) / 2), size − 2 · start kept.
        for (side, start, kept) in [(640, 40, 560), (427, 26, 375), (15, 0, 15), (16, 1, 14), (1, 0, 1)] {
            let [rows, _] = axes(Crop::Central { fraction: 0.875 }, [side, 100], [224, 224]);
            assert_eq!((rows.start_px, rows.readable), (start as f64, start..start + kept), "{side}");
        }
    }
}
