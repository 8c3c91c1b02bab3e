//! Heads without training: the most similar samples vote, or the most similar mean of a class is the answer. Both take one
//! picture a class.

use super::calibrate::factor;
use super::dense::Dense;
use super::head::{Body, Head, scaled_to_unit};
use super::options::bad;
use super::samples::Samples;
use super::{Method, Task};
use crate::error::Result;
use crate::kernels::rows::{add_scaled, products};

/// A sample that is more similar by 0.1 counts `e` times as much.
const SHARPNESS: f32 = 10.0;

/// The `count` most similar samples vote; similarity is the cosine. Of a regression, the mean of their numbers.
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption) for a `count` of 0; as [`Samples::check_enough`].
pub fn neighbours(task: Task, samples: &Samples, rows: &[usize], count: usize, names: &[String]) -> Result<Head> {
    if count == 0 {
        return Err(bad("neighbours", "a whole number from 1", "0"));
    }
    samples.check_enough(task, rows, names)?;
    let vectors = rows.iter().flat_map(|&row| scaled_to_unit(samples.vector(row))).collect();
    let targets = rows.iter().flat_map(|&row| samples.targets(row)).copied().collect();
    let count = count.min(rows.len());
    Ok(Head {
        task,
        method: Method::Neighbours,
        features: samples.features(),
        outputs: samples.outputs(),
        body: Body::Stored { vectors, targets, count, sharpness: SHARPNESS },
        optimizer: None,
    })
}

/// The mean of each class's samples, all of length 1; the cosine to it, times one factor for all, is its logit. Of a sigmoid,
/// the cosine to those of the class less that to the others. The factor suits cosines to means without the sample
/// itself; where no class has two samples it is that of [`neighbours`].
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption) of a regression; as [`Samples::check_enough`].
pub fn centroids(task: Task, samples: &Samples, rows: &[usize], names: &[String]) -> Result<Head> {
    if task == Task::Regression {
        return Err(bad("method", "\"gradient\", \"ridge\" or \"neighbours\" of a regression", "\"centroids\""));
    }
    samples.check_enough(task, rows, names)?;
    let (features, outputs) = (samples.features(), samples.outputs());
    let units: Vec<f32> = rows.iter().flat_map(|&row| scaled_to_unit(samples.vector(row))).collect();
    let sides = if task == Task::Softmax { 1 } else { 2 };
    // By output: what is of it and, of a sigmoid, what is not.
    let side = |row: usize, output: usize| {
        let is = samples.targets(rows[row])[output] > 0.5;
        if is { Some(0) } else { Some(1).filter(|side| *side < sides) }
    };
    let mut sums = vec![vec![0.0; features]; outputs * sides];
    let mut counts = vec![0; outputs * sides];
    for (row, unit) in units.chunks_exact(features).enumerate() {
        for output in 0..outputs {
            if let Some(side) = side(row, output) {
                add_scaled(&mut sums[output * sides + side], 1.0, unit);
                counts[output * sides + side] += 1;
            }
        }
    }
    let cosine = |mean: &[f32], unit: &[f32]| {
        let mut product = [0.0];
        products(&scaled_to_unit(mean), unit, features, &mut product);
        product[0]
    };
    // Cosines of every sample that is not alone in its class, to means without it.
    let (mut scores, mut targets) = (Vec::new(), Vec::new());
    for (row, unit) in units.chunks_exact(features).enumerate() {
        let own = |output: usize| side(row, output).map(|side| output * sides + side);
        if (0..outputs).filter_map(own).any(|place| counts[place] < 2) {
            continue;
        }
        for output in 0..outputs {
            let score = |side: usize| {
                let place = output * sides + side;
                if own(output) != Some(place) {
                    return cosine(&sums[place], unit);
                }
                let mut others = sums[place].clone();
                add_scaled(&mut others, -1.0, unit);
                cosine(&others, unit)
            };
            scores.push(score(0) - if sides == 2 { score(1) } else { 0.0 });
        }
        targets.extend_from_slice(samples.targets(rows[row]));
    }
    let factor = if scores.is_empty() { SHARPNESS } else { factor(task, outputs, &scores, &targets) };
    let mut out = Dense::zeros(features, outputs);
    for (output, weights) in out.weights.chunks_exact_mut(features).enumerate() {
        for (side, sign) in [1.0, -1.0].into_iter().enumerate().take(sides) {
            add_scaled(weights, sign * factor, &scaled_to_unit(&sums[output * sides + side]));
        }
    }
    Ok(Head {
        task,
        method: Method::Centroids,
        features,
        outputs,
        body: Body::Dense { unit: true, hidden: None, out },
        optimizer: None,
    })
}

#[cfg(test)]
#[path = "nearest_tests.rs"]
mod tests;
