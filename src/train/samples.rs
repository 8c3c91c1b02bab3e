//! What there is to learn from: one row of features and one of targets a picture.

use super::Task;
use super::loss::largest;
use super::options::bad;
use crate::error::{Error, Kind, Result};
use crate::small::{all_finite, print_decimal};

/// Features with what is to be learnt of them, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Samples {
    features: usize,
    outputs: usize,
    vectors: Vec<f32>,
    targets: Vec<f32>,
}

impl Samples {
    /// No samples yet, of so many features, with so many targets each.
    ///
    /// # Errors
    /// [`Kind::BadOption`] where either is none.
    pub fn new(features: usize, outputs: usize) -> Result<Self> {
        for (option, count) in [("features", features), ("outputs", outputs)] {
            if count == 0 {
                return Err(bad(option, "a whole number from 1", "0"));
            }
        }
        Ok(Self { features, outputs, vectors: Vec::new(), targets: Vec::new() })
    }

    /// Adds one. Targets of a class are 1 for it and 0 for the others.
    ///
    /// # Errors
    /// [`Kind::WrongShape`] for vectors of another length; [`Kind::NotFinite`] for what holds NaN or infinity.
    pub fn push(&mut self, vector: &[f32], targets: &[f32]) -> Result<usize> {
        let row = self.len();
        self.check(row, vector)?;
        check("targets", row, self.outputs, targets)?;
        self.vectors.extend_from_slice(vector);
        self.targets.extend_from_slice(targets);
        Ok(row)
    }

    /// Another vector for a sample: of the same picture, changed otherwise.
    ///
    /// # Errors
    /// As [`Samples::push`]; [`Kind::BadOption`] for a row that is not there.
    pub fn replace(&mut self, row: usize, vector: &[f32]) -> Result<()> {
        self.check(row, vector)?;
        if row >= self.len() {
            return Err(bad("row", &format!("a row below {}", self.len()), row.to_string()));
        }
        self.vectors[row * self.features..][..self.features].copy_from_slice(vector);
        Ok(())
    }

    fn check(&self, row: usize, vector: &[f32]) -> Result<()> {
        check("features", row, self.features, vector)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len() / self.features
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Numbers a vector.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Targets a sample.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// One sample's features.
    #[must_use]
    pub fn vector(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.features..][..self.features]
    }

    /// All of them, one row a sample.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// One sample's targets.
    #[must_use]
    pub fn targets(&self, row: usize) -> &[f32] {
        &self.targets[row * self.outputs..][..self.outputs]
    }

    /// Those of `rows` one behind another.
    #[must_use]
    pub fn targets_of(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.targets(row)).copied().collect()
    }

    /// Which class a sample is of.
    #[must_use]
    pub fn class(&self, row: usize) -> usize {
        largest(self.targets(row))
    }

    /// Rows one behind another: their features and their targets.
    pub(super) fn gather(&self, rows: &[usize], vectors: &mut Vec<f32>, targets: &mut Vec<f32>) {
        vectors.clear();
        targets.clear();
        for &row in rows {
            vectors.extend_from_slice(self.vector(row));
            targets.extend_from_slice(self.targets(row));
        }
    }

    /// Whether `rows` are enough to learn `task` from; `names` are the classes', for the error.
    ///
    /// # Errors
    /// [`Kind::TooFewSamples`], saying which class lacks them; [`Kind::BadOption`] for targets that the task does not have.
    pub fn check_enough(&self, task: Task, rows: &[usize], names: &[String]) -> Result<()> {
        let name = |output: usize| match names.get(output) {
            Some(name) => format!("class \"{name}\""),
            None => format!("class {output}"),
        };
        let too_few = |place: String, expected: &str, found: String| {
            Err(Error::new(Kind::TooFewSamples, place)
                .expected(expected)
                .found(found)
                .remedy("Add pictures, or hold fewer of them out."))
        };
        if task == Task::Regression {
            return match rows.len() {
                0 | 1 => too_few("training samples".into(), "at least 2", rows.len().to_string()),
                _ => Ok(()),
            };
        }
        if task == Task::Softmax && self.outputs == 1 {
            return too_few("classes".into(), "at least 2, or the task \"sigmoid\"", "1".into());
        }
        for &row in rows {
            let targets = self.targets(row);
            let is_right = targets.iter().all(|target| [0.0, 1.0].contains(target))
                && (task == Task::Sigmoid || targets.iter().sum::<f32>() == 1.0);
            if !is_right {
                let expected = if task == Task::Softmax { "a 1 for one class, else zeros" } else { "zeros and ones" };
                let found: Vec<String> = targets.iter().map(|target| print_decimal(f64::from(*target))).collect();
                return Err(bad(&format!("targets of sample {row}"), expected, found.join(", ")));
            }
        }
        for output in 0..self.outputs {
            let those = rows.iter().filter(|&&row| self.targets(row)[output] == 1.0).count();
            if those == 0 {
                return too_few(name(output), "a training sample", "none".into());
            }
            if task == Task::Sigmoid && those == rows.len() {
                return too_few(name(output), "a training sample that is not of it", "none".into());
            }
        }
        Ok(())
    }
}

fn check(what: &str, row: usize, length: usize, values: &[f32]) -> Result<()> {
    let place = || format!("{what} of sample {row}");
    if values.len() != length {
        return Err(Error::new(Kind::WrongShape, place())
            .expected(format!("{length} numbers"))
            .found(values.len().to_string())
            .remedy("Take all vectors from one endpoint of one network."));
    }
    if !all_finite(values) {
        return Err(Error::new(Kind::NotFinite, place())
            .expected("finite numbers")
            .found("NaN or infinity")
            .remedy("Leave the picture out, or look for what is wrong with the network's weights."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(targets: &[&[f32]]) -> Samples {
        let mut samples = Samples::new(2, targets[0].len()).expect("counts");
        for targets in targets {
            samples.push(&[1.0, 2.0], targets).expect("a sample");
        }
        samples
    }

    fn refusal(task: Task, targets: &[&[f32]]) -> Error {
        let samples = samples(targets);
        let rows: Vec<usize> = (0..samples.len()).collect();
        samples.check_enough(task, &rows, &["cup".into(), "hand".into()]).expect_err("a refusal")
    }

    #[test]
    fn wrong_lengths_and_nan_are_refused_and_change_nothing() {
        let mut samples = samples(&[&[1.0, 0.0]]);
        let cases: [(&[f32], &[f32], Kind); 4] = [
            (&[1.0], &[1.0, 0.0], Kind::WrongShape),
            (&[1.0, 2.0], &[1.0], Kind::WrongShape),
            (&[1.0, f32::NAN], &[1.0, 0.0], Kind::NotFinite),
            (&[1.0, 2.0], &[f32::INFINITY, 0.0], Kind::NotFinite),
        ];
        for (vector, targets, kind) in cases {
            let error = samples.push(vector, targets).expect_err("a refusal");
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("sample 1"), "{error}");
            assert_eq!(samples.len(), 1);
        }
        assert_eq!(samples.replace(0, &[f32::NAN, 0.0]).expect_err("NaN").kind(), Kind::NotFinite);
        assert_eq!(samples.replace(1, &[0.0, 0.0]).expect_err("no row").kind(), Kind::BadOption);
        assert_eq!(samples.vector(0), [1.0, 2.0]);
        samples.replace(0, &[3.0, 4.0]).expect("a row");
        assert_eq!(samples.vector(0), [3.0, 4.0]);
        for (features, outputs) in [(0, 1), (1, 0)] {
            assert_eq!(Samples::new(features, outputs).expect_err("none").kind(), Kind::BadOption);
        }
    }

    #[test]
    fn what_is_too_little_is_named() {
        let words = |error: Error| (error.kind(), error.to_string());
        let (kind, text) = words(refusal(Task::Softmax, &[&[1.0, 0.0], &[1.0, 0.0]]));
        assert_eq!(kind, Kind::TooFewSamples);
        assert!(text.contains("\"hand\""), "{text}");
        let (kind, text) = words(refusal(Task::Softmax, &[&[1.0]]));
        assert_eq!(kind, Kind::TooFewSamples, "{text}");
        let (kind, text) = words(refusal(Task::Sigmoid, &[&[1.0], &[1.0]]));
        assert_eq!(kind, Kind::TooFewSamples);
        assert!(text.contains("not of it"), "{text}");
        let (kind, _) = words(refusal(Task::Regression, &[&[1.0]]));
        assert_eq!(kind, Kind::TooFewSamples);
        let (kind, text) = words(refusal(Task::Softmax, &[&[1.0, 1.0]]));
        assert_eq!(kind, Kind::BadOption, "{text}");
        let (kind, text) = words(refusal(Task::Sigmoid, &[&[0.5, 1.0]]));
        assert_eq!(kind, Kind::BadOption, "{text}");
    }

    #[test]
    fn enough_is_enough() {
        let enough = |task, targets: &[&[f32]]| {
            let samples = samples(targets);
            samples.check_enough(task, &(0..samples.len()).collect::<Vec<_>>(), &[])
        };
        assert_eq!(enough(Task::Softmax, &[&[1.0, 0.0], &[0.0, 1.0]]), Ok(()));
        assert_eq!(enough(Task::Sigmoid, &[&[1.0], &[0.0]]), Ok(()));
        assert_eq!(enough(Task::Regression, &[&[0.5], &[-3.0]]), Ok(()));
    }
}
