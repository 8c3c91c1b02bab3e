//! Weights as integers whose errors cancel on what the weights are multiplied by.

/// The upper factor `R` of a matrix `Rᵀ · R`, given by its upper half: `[n][n]`.
pub(super) fn factor(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * n);
        let row = &mut row[i..n];
        for above in above.chunks_exact(n) {
            let share = above[i];
            for (value, other) in row.iter_mut().zip(&above[i..]) {
                *value -= share * other;
            }
        }
        // Rounding errors alone make it less than what was added to the diagonal.
        let root = row[0].max(f64::MIN_POSITIVE).sqrt();
        row.iter_mut().for_each(|value| *value /= root);
    }
    matrix
}

/// `weights / scale` as integers of at most ±127, from the last to the first, each taking over the errors of those before it as
/// far as their inputs vary with its own: successive cancellation, known from lattices (Babai 1986), and for weights of
/// networks as GPTQ (Frantar et al., ICLR 2023).
#[expect(clippy::cast_possible_truncation, reason = "from −127 to 127")]
pub(super) fn round(weights: &[f64], scale: f64, factor: &[f64]) -> Vec<i8> {
    let n = weights.len();
    let (mut errors, mut integers) = (vec![0.0; n], vec![0; n]);
    for i in (0..n).rev() {
        let row = &factor[i * n + i..(i + 1) * n];
        let taken: f64 = row[1..].iter().zip(&errors[i + 1..]).map(|(share, error)| share * error).sum();
        let integer = ((weights[i] + taken / row[0]) / scale).round().clamp(-MOST, MOST);
        errors[i] = weights[i] - integer * scale;
        integers[i] = integer as i8;
    }
    integers
}

/// The greatest integer of a weight.
pub(super) const MOST: f64 = 127.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is lost: `eᵀ · matrix · e`, where the matrix is given by its upper half.
    fn loss(weights: &[f64], integers: &[i8], scale: f64, matrix: &[f64]) -> f64 {
        let n = weights.len();
        let error = |i: usize| weights[i] - f64::from(integers[i]) * scale;
        let at = |i: usize, j: usize| matrix[i.min(j) * n + i.max(j)];
        (0..n * n).map(|ij| error(ij / n) * at(ij / n, ij % n) * error(ij % n)).sum()
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        let matrix = vec![4.0, 2.0, -2.0, 0.0, 10.0, 5.0, 0.0, 0.0, 9.0];
        let factor = factor(matrix.clone(), 3);
        for (i, j) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
            let product: f64 = (0..=i).map(|k| factor[k * 3 + i] * factor[k * 3 + j]).sum();
            assert!((product - matrix[i * 3 + j]).abs() < 1e-12, "{i}, {j}: {product}");
        }
    }

    #[test]
    fn without_company_weights_go_to_the_nearest() {
        let identity = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(round(&[0.4, -1.6, 300.0], 1.0, &factor(identity, 3)), [0, -2, 127]);
    }

    /// Inputs that are nearly the same: the second weight's error goes to the first.
    #[test]
    fn errors_go_to_inputs_that_vary_alike() {
        let alike = vec![1.0, 0.9, 0.9, 0.0, 1.0, 0.9, 0.0, 0.0, 1.0];
        let weights = [0.4, 0.4, 0.4];
        let rounded = round(&weights, 1.0, &factor(alike.clone(), 3));
        assert_eq!(rounded.iter().map(|&integer| i32::from(integer)).sum::<i32>(), 1);
        assert!(loss(&weights, &rounded, 1.0, &alike) < 0.5 * loss(&weights, &[0; 3], 1.0, &alike));
    }
}
