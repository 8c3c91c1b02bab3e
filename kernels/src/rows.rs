//! Matrices of plain `f32` rows of any length: the inner loops of training. Here, because this crate is compiled for speed.

use crate::lane::F32x4;
use std::ops::Range;

/// How many rows of either matrix [`products`] takes at once: eight sums stay in registers beside what they are made of.
const TILE: [usize; 2] = [4, 2];

/// `out[i, j]` = row `i` of `a` · row `j` of `b`; rows are `length` long, and `out` is `[rows of a, rows of b]`.
#[inline(never)]
pub fn products(a: &[f32], b: &[f32], length: usize, out: &mut [f32]) {
    let columns = b.len() / length;
    if columns == 0 {
        return;
    }
    let [high, wide] = TILE;
    for (a, out) in a.chunks(high * length).zip(out.chunks_mut(high * columns)) {
        for (tile, b) in b.chunks(wide * length).enumerate() {
            let first = tile * wide;
            if a.len() == high * length && b.len() == wide * length {
                let sums = dots::<{ TILE[0] }, { TILE[1] }>(a, b, length);
                for (i, sums) in sums.iter().enumerate() {
                    out[i * columns + first..][..wide].copy_from_slice(sums);
                }
                continue;
            }
            for (i, a) in a.chunks_exact(length).enumerate() {
                for (j, b) in b.chunks_exact(length).enumerate() {
                    out[i * columns + first + j] = dots::<1, 1>(a, b, length)[0][0];
                }
            }
        }
    }
}

/// The products of `I` rows with `J` rows.
#[inline(always)]
fn dots<const I: usize, const J: usize>(a: &[f32], b: &[f32], length: usize) -> [[f32; J]; I] {
    let quads = length / 4;
    let a: [_; I] = std::array::from_fn(|i| a[i * length..][..length].as_chunks::<4>());
    let b: [_; J] = std::array::from_fn(|j| b[j * length..][..length].as_chunks::<4>());
    let mut sums = [[F32x4::splat(0.0); J]; I];
    for quad in 0..quads {
        let b: [F32x4; J] = std::array::from_fn(|j| F32x4::load(b[j].0[quad]));
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = F32x4::load(a[i].0[quad]);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = sum.mul_add(a, b);
            }
        }
    }
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let [s0, s1, s2, s3] = sums[i][j].store();
            let rest: f32 = a[i].1.iter().zip(b[j].1).map(|(a, b)| a * b).sum();
            (s0 + s1) + (s2 + s3) + rest
        })
    })
}

/// Rows that [`gram`] takes at once, either way.
pub const GRAM_ROWS: usize = 3;

/// `out[i, j]` = row `i` · row `j` of one matrix, in double precision, for `i` in `range`, which begins at a multiple of
/// [`GRAM_ROWS`] and ends at one or with the matrix, and `j` from 0 to `i`; `out` is square.
#[inline(never)]
pub fn gram(rows: &[f32], length: usize, range: Range<usize>, out: &mut [f64]) {
    const SIDE: usize = GRAM_ROWS;
    let count = rows.len() / length;
    for i in range.step_by(SIDE) {
        for j in (0..=i).step_by(SIDE) {
            if i + SIDE <= count {
                let sums = dots_in_double::<SIDE, SIDE>(&rows[i * length..], &rows[j * length..], length);
                for (row, sums) in sums.iter().enumerate() {
                    out[(i + row) * count + j..][..SIDE].copy_from_slice(sums);
                }
                continue;
            }
            for i in i..count {
                for j in j..(j + SIDE).min(i + 1) {
                    let [[sum]] = dots_in_double::<1, 1>(&rows[i * length..], &rows[j * length..], length);
                    out[i * count + j] = sum;
                }
            }
        }
    }
}

#[inline(always)]
fn dots_in_double<const I: usize, const J: usize>(a: &[f32], b: &[f32], length: usize) -> [[f64; J]; I] {
    let a: [_; I] = std::array::from_fn(|i| a[i * length..][..length].as_chunks::<2>());
    let b: [_; J] = std::array::from_fn(|j| b[j * length..][..length].as_chunks::<2>());
    let mut sums = [[[0.0_f64; 2]; J]; I];
    for pair in 0..length / 2 {
        let b: [[f64; 2]; J] = std::array::from_fn(|j| b[j].0[pair].map(f64::from));
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = a[i].0[pair].map(f64::from);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = [sum[0] + a[0] * b[0], sum[1] + a[1] * b[1]];
            }
        }
    }
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let rest: f64 = a[i].1.iter().zip(b[j].1).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            sums[i][j][0] + sums[i][j][1] + rest
        })
    })
}

/// `sum += factor · row`.
#[inline(never)]
pub fn add_scaled(sum: &mut [f32], factor: f32, row: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += factor * value;
    }
}

/// The same in double precision.
#[inline(never)]
pub fn add_scaled_in_double(sum: &mut [f64], factor: f64, row: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += factor * value;
    }
}

/// The product of two rows of doubles.
#[inline(never)]
#[must_use]
pub fn dot_in_double(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The product of a row of doubles with eight columns that lie beside one another.
#[inline(never)]
#[must_use]
pub fn dots_of_eight(row: &[f64], columns: &[[f64; 8]]) -> [f64; 8] {
    let mut sums = [0.0; 8];
    for (factor, values) in row.iter().zip(columns) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += factor * value;
        }
    }
    sums
}

/// What Adam does to weights at one step: `decay` is β₁ and β₂, and `rate` the learning rate with the corrections of a
/// step that comes early.
#[inline(never)]
pub fn adam(
    weights: &mut [f32],
    gradients: &[f32],
    [means, squares]: [&mut [f32]; 2],
    decay: [f32; 2],
    rate: f32,
    epsilon: f32,
) {
    let moments = means.iter_mut().zip(squares);
    for ((weight, gradient), (mean, square)) in weights.iter_mut().zip(gradients).zip(moments) {
        *mean += (gradient - *mean) * (1.0 - decay[0]);
        *square += (gradient * gradient - *square) * (1.0 - decay[1]);
        *weight -= rate * *mean / (square.sqrt() + epsilon);
    }
}

/// What gradient descent with momentum does: `speed = momentum · speed − rate · gradient`, and weights move so far.
#[inline(never)]
pub fn momentum(weights: &mut [f32], gradients: &[f32], speeds: &mut [f32], momentum: f32, rate: f32) {
    for ((weight, gradient), speed) in weights.iter_mut().zip(gradients).zip(speeds) {
        *speed = momentum * *speed - rate * gradient;
        *weight += *speed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are exact in any order of addition: small multiples of 1/8.
    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + salt * 11) % 23) as f32 / 8.0 - 1.25).collect()
    }

    #[test]
    fn products_are_sums_of_products_at_every_size() {
        for length in [1, 3, 4, 5, 7, 8, 16, 33] {
            for (high, wide) in [(1, 1), (3, 1), (4, 2), (5, 3), (8, 2), (9, 5), (1, 7), (0, 3), (3, 0)] {
                let (a, b) = (numbers(high * length, 1), numbers(wide * length, 2));
                let mut out = vec![f32::NAN; high * wide];
                products(&a, &b, length, &mut out);
                for i in 0..high {
                    for j in 0..wide {
                        let expected: f32 = (0..length).map(|k| a[i * length + k] * b[j * length + k]).sum();
                        assert_eq!(out[i * wide + j], expected, "{high}×{length} · {length}×{wide} at {i}, {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn gram_is_the_lower_half_at_every_size() {
        for length in [1, 2, 3, 8, 9] {
            for count in [0, 1, 2, 3, 4, 5, 6, 7, 11] {
                let rows = numbers(count * length, 3);
                let mut out = vec![f64::NAN; count * count];
                // In two parts, as whoever has other things to do meanwhile.
                let half = count / 2 / GRAM_ROWS * GRAM_ROWS;
                gram(&rows, length, 0..half, &mut out);
                gram(&rows, length, half..count, &mut out);
                for i in 0..count {
                    for j in 0..=i {
                        let expected: f32 = (0..length).map(|k| rows[i * length + k] * rows[j * length + k]).sum();
                        assert_eq!(out[i * count + j], f64::from(expected), "{count} rows of {length} at {i}, {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_are_added_and_multiplied_to_their_ends() {
        for length in [0, 1, 4, 7, 18] {
            let (row, mut sum) = (numbers(length, 4), numbers(length, 5));
            let before = sum.clone();
            add_scaled(&mut sum, 0.5, &row);
            assert!(sum.iter().zip(&before).zip(&row).all(|((sum, before), row)| *sum == before + 0.5 * row));
            let (a, b): (Vec<f64>, Vec<f64>) =
                row.iter().zip(&before).map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot_in_double(&a, &b), expected);
            let columns: Vec<[f64; 8]> = b.iter().map(|b| std::array::from_fn(|column| b * column as f64)).collect();
            assert_eq!(dots_of_eight(&a, &columns), std::array::from_fn(|column| expected * column as f64));
            let mut sum = b.clone();
            add_scaled_in_double(&mut sum, -2.0, &a);
            assert!(sum.iter().zip(&b).zip(&a).all(|((sum, b), a)| *sum == b - 2.0 * a));
        }
    }
}
