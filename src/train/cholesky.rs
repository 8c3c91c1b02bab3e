//! Symmetric systems, solved: `A = L Lᵀ`.

use crate::kernels::rows::{add_scaled_in_double, dot_in_double, dots_of_eight};
use std::ops::Range;

/// The lower factor of a symmetric positive matrix.
#[derive(Debug)]
pub(super) struct Cholesky {
    size: usize,
    /// Row by row; what lies above the diagonal is left over from the matrix, and so are rows that are not factored yet.
    lower: Vec<f64>,
}

impl Cholesky {
    /// A matrix of zeros, of which nothing is factored yet.
    pub fn of(size: usize) -> Self {
        Self { size, lower: vec![0.0; size * size] }
    }

    /// The matrix, by its lower half, before it is factored.
    pub fn matrix(&mut self) -> &mut [f64] {
        &mut self.lower
    }

    /// Factors rows, those before them being done; none where the matrix is not positive.
    pub fn factor(&mut self, rows: Range<usize>) -> Option<()> {
        let size = self.size;
        for row in rows {
            let (before, rest) = self.lower.split_at_mut(row * size);
            for column in 0..row {
                let other = &before[column * size..];
                let sum = rest[column] - dot_in_double(&rest[..column], &other[..column]);
                rest[column] = sum / other[column];
            }
            let square = rest[row] - dot_in_double(&rest[..row], &rest[..row]);
            // What is left of rounding may be above 0 without meaning anything.
            if square.is_nan() || square <= f64::EPSILON * rest[row] {
                return None;
            }
            rest[row] = square.sqrt();
        }
        Some(())
    }

    fn row(&self, index: usize) -> &[f64] {
        &self.lower[index * self.size..][..=index]
    }

    /// The squared length of `L⁻¹ b` for eight of them, `b · A⁻¹ b`, which lie beside one another; they are overwritten.
    pub fn lengths_of_eight(&self, values: &mut [[f64; 8]]) -> [f64; 8] {
        let mut lengths = [0.0; 8];
        for index in 0..self.size {
            let row = self.row(index);
            let sums = dots_of_eight(&row[..index], &values[..index]);
            for ((value, sum), length) in values[index].iter_mut().zip(sums).zip(&mut lengths) {
                *value = (*value - sum) / row[index];
                *length += *value * *value;
            }
        }
        lengths
    }

    /// `A⁻¹ b`, in its place.
    pub fn solve(&self, values: &mut [f64]) {
        for index in 0..self.size {
            let row = self.row(index);
            values[index] = (values[index] - dot_in_double(&row[..index], &values[..index])) / row[index];
        }
        for index in (0..self.size).rev() {
            let row = self.row(index);
            values[index] /= row[index];
            let (before, rest) = values.split_at_mut(index);
            add_scaled_in_double(before, -rest[0], &row[..index]);
        }
    }

    /// The diagonal of `A⁻¹`, at some places.
    pub fn inverse_diagonal(&self, places: Range<usize>) -> Vec<f64> {
        // Column `c` of L⁻¹ begins at row `c`.
        let mut column = vec![0.0; self.size];
        let square = |first: usize| {
            column[first] = 1.0 / self.row(first)[first];
            for index in first + 1..self.size {
                let row = self.row(index);
                column[index] = -dot_in_double(&row[first..index], &column[first..index]) / row[index];
            }
            dot_in_double(&column[first..], &column[first..])
        };
        places.map(square).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: [f64; 9] = [4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0];

    fn whole(matrix: &[f64], size: usize) -> Option<Cholesky> {
        let mut cholesky = Cholesky::of(size);
        cholesky.matrix().copy_from_slice(matrix);
        cholesky.factor(0..size).map(|()| cholesky)
    }

    #[test]
    fn factors_and_solves() {
        let cholesky = whole(&MATRIX, 3).expect("positive");
        assert_eq!(cholesky.row(2), [-8.0, 5.0, 3.0]);
        let mut values = [1.0, -2.0, 0.5];
        cholesky.solve(&mut values);
        for (row, expected) in MATRIX.chunks(3).zip([1.0, -2.0, 0.5]) {
            assert!((dot_in_double(row, &values) - expected).abs() < 1e-10);
        }
        let mut eight = [1.0, -2.0, 0.5].map(|value| std::array::from_fn(|column| value * column as f64));
        let product: f64 = values.iter().zip([1.0, -2.0, 0.5]).map(|(a, b)| a * b).sum();
        for (column, length) in cholesky.lengths_of_eight(&mut eight).into_iter().enumerate() {
            let expected = product * (column * column) as f64;
            assert!((length - expected).abs() < 1e-8 * (1.0 + expected), "{length} for {expected}");
        }
        let diagonal = [cholesky.inverse_diagonal(0..1), cholesky.inverse_diagonal(1..3)].concat();
        for (index, found) in diagonal.into_iter().enumerate() {
            let mut unit = [0.0; 3];
            unit[index] = 1.0;
            cholesky.solve(&mut unit);
            assert!((found - unit[index]).abs() < 1e-10, "{found} for {}", unit[index]);
        }
    }

    #[test]
    fn what_is_not_positive_is_refused() {
        assert!(whole(&[1.0, 0.0, 2.0, 4.0], 2).is_none());
        assert!(whole(&[0.0], 1).is_none());
        assert!(whole(&[f64::NAN], 1).is_none());
        assert!(whole(&[], 0).is_some());
    }
}
