//! Batch norms folded into the convolutions before them.

use super::Checkpoint;
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;

impl Checkpoint<'_> {
    /// The factor and the bias of each of the `out` channels of convolution `node`, with the batch norm that follows it
    /// folded in: `γ · (x − mean) / √(variance + ε) + β`. What has no batch norm, or had it folded before the file was
    /// written, has biases instead.
    ///
    /// # Errors
    /// What [`Checkpoint::parameter`] finds missing or mis-shaped; [`Kind::NotFinite`] for a batch norm that divides by
    /// nothing.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f64, kept in f32")]
    pub fn folded(&self, node: &str, out: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        let biases = format!("{node}/biases");
        if self.has(&biases) {
            return Ok((vec![1.0; out], self.parameter(&biases, &[out])?));
        }
        let named = |end: &str| format!("{node}/batch_norm/{end}");
        let read = |end: &str| self.parameter(&named(end), &[out]);
        let (gamma, beta) = (read("gamma")?, read("beta")?);
        let (mean, variance) = (read("moving_mean")?, read("moving_variance")?);
        let epsilon = f64::from(self.spec.batch_norm_epsilon);
        let mut scales = Vec::with_capacity(out);
        let mut shifts = Vec::with_capacity(out);
        for o in 0..out {
            let spread = f64::from(variance[o]) + epsilon;
            if spread <= 0.0 {
                return Err(Error::new(Kind::NotFinite, format!("{}[{o}]", named("moving_variance")))
                    .expected("a variance of at least 0")
                    .found(print_decimal(variance[o].into()))
                    .remedy("The file is damaged, or this tensor is not a moving variance."));
            }
            let scale = f64::from(gamma[o]) / spread.sqrt();
            scales.push(scale as f32);
            shifts.push((f64::from(beta[o]) - f64::from(mean[o]) * scale) as f32);
        }
        Ok((scales, shifts))
    }
}
