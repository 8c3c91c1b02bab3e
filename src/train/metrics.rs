//! How good a head is on samples whose answers are known.

use super::Task;
use super::head::Head;
use super::loss::{Loss, largest};
use super::samples::Samples;
use crate::error::Result;

/// What a head makes of some samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean over the samples; no class counts more than another.
    pub loss: f64,
    /// The share of right answers; of several sigmoid outputs, of right outputs. None of a regression.
    pub accuracy: Option<f64>,
    /// Of a regression.
    pub mean_squared_error: Option<f64>,
    /// Samples by what they are and, in each row, by what they were taken for. Of one sigmoid output, no and yes. Empty
    /// of several, which have no single answer, and of a regression.
    pub cells: Vec<Vec<Vec<usize>>>,
    /// One a class, no and yes of one sigmoid output.
    pub classes: Vec<Class>,
}

/// One class of an [`Evaluation`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Class {
    /// Of those taken for it, the share that it is; none where there are none.
    pub precision: Option<f64>,
    /// Of those that it is, the share that was taken for it; none where there are none.
    pub recall: Option<f64>,
    /// How many it is.
    pub samples: usize,
}

impl Class {
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    fn new(both: usize, taken_for: usize, samples: usize) -> Self {
        let share = |of: usize| (of > 0).then(|| both as f64 / of as f64);
        Self { precision: share(taken_for), recall: share(samples), samples }
    }
}

/// Right answers among `[samples, outputs]`, of several sigmoid outputs in parts of one; 0 of a regression.
#[expect(clippy::cast_precision_loss, reason = "counts of outputs")]
pub(super) fn hits(task: Task, logits: &[f32], targets: &[f32], outputs: usize) -> f64 {
    let rows = logits.chunks_exact(outputs).zip(targets.chunks_exact(outputs));
    let hit = |(logits, targets): (&[f32], &[f32])| match task {
        Task::Softmax => f64::from(u8::from(largest(logits) == largest(targets))),
        Task::Sigmoid => {
            let right = logits.iter().zip(targets).filter(|(logit, target)| (**logit > 0.0) == (**target > 0.5));
            right.count() as f64 / outputs as f64
        }
        Task::Regression => 0.0,
    };
    rows.map(hit).sum()
}

/// Sums over samples of one head: those of an epoch's validation, piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub loss: f64,
    pub hits: f64,
    pub count: usize,
}

impl Tally {
    /// Adds one sample.
    pub fn add(&mut self, loss: &Loss, logits: &[f32], targets: &[f32], scratch: &mut [f32]) {
        self.loss += loss.sample(logits, targets, scratch);
        self.hits += hits(loss.task, logits, targets, targets.len());
        self.count += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.count.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub fn accuracy(&self, task: Task) -> Option<f64> {
        (task != Task::Regression).then(|| self.hits / self.count.max(1) as f64)
    }
}

/// What `head` makes of the samples at `rows`.
///
/// # Errors
/// [`Kind::WrongBackbone`](crate::Kind::WrongBackbone) for vectors of another length than it was trained on.
pub fn evaluate(head: &Head, samples: &Samples, rows: &[usize]) -> Result<Evaluation> {
    head.check(samples.features())?;
    let (task, outputs) = (head.task, head.outputs);
    let loss = Loss::new(task);
    let mut tally = Tally::default();
    let mut scratch = vec![0.0; outputs];
    // Answers that a sample is one of: no and yes of one sigmoid output.
    let kinds = match task {
        Task::Softmax => outputs,
        Task::Sigmoid if outputs == 1 => 2,
        _ => 0,
    };
    let kind = |values: &[f32], least: f32| if outputs == 1 { usize::from(values[0] > least) } else { largest(values) };
    let mut cells = vec![vec![Vec::new(); kinds]; kinds];
    // By output: both, taken for it, is it.
    let mut counts = vec![[0; 3]; outputs];
    for &row in rows {
        let (logits, targets) = (head.logits(samples.vector(row)), samples.targets(row));
        tally.add(&loss, &logits, targets, &mut scratch);
        if kinds > 0 {
            cells[kind(targets, 0.5)][kind(&logits, 0.0)].push(row);
        }
        for (counts, (logit, target)) in counts.iter_mut().zip(logits.iter().zip(targets)) {
            let (taken_for, is) = (*logit > 0.0, *target > 0.5);
            for (count, holds) in counts.iter_mut().zip([taken_for && is, taken_for, is]) {
                *count += usize::from(holds);
            }
        }
    }
    let classes = if kinds > 0 {
        let column = |kind: usize| cells.iter().map(|row| row[kind].len()).sum();
        let class =
            |kind: usize| Class::new(cells[kind][kind].len(), column(kind), cells[kind].iter().map(Vec::len).sum());
        (0..kinds).map(class).collect()
    } else if task == Task::Sigmoid {
        counts.into_iter().map(|[both, taken_for, is]| Class::new(both, taken_for, is)).collect()
    } else {
        Vec::new()
    };
    Ok(Evaluation {
        loss: tally.mean_loss(),
        accuracy: tally.accuracy(task),
        mean_squared_error: (task == Task::Regression).then(|| tally.mean_loss()),
        cells,
        classes,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Method;
    use super::super::dense::Dense;
    use super::*;

    /// A head that says what its features are.
    fn mirror(task: Task, outputs: usize) -> Head {
        let mut layer = Dense::zeros(outputs, outputs);
        (0..outputs).for_each(|output| layer.weights[output * outputs + output] = 1.0);
        Head::dense(task, Method::Gradient, None, layer)
    }

    fn samples(rows: &[(&[f32], &[f32])]) -> (Samples, Vec<usize>) {
        let mut samples = Samples::new(rows[0].0.len(), rows[0].1.len()).expect("counts");
        let rows = rows.iter().map(|(vector, targets)| samples.push(vector, targets).expect("a sample")).collect();
        (samples, rows)
    }

    #[test]
    fn confusion_says_what_was_taken_for_what() {
        let (samples, rows) = samples(&[
            (&[2.0, 0.0, 0.0], &[1.0, 0.0, 0.0]),
            (&[0.0, 2.0, 0.0], &[1.0, 0.0, 0.0]),
            (&[0.0, 2.0, 0.0], &[0.0, 1.0, 0.0]),
            (&[0.0, 1.0, 0.0], &[0.0, 1.0, 0.0]),
        ]);
        let evaluation = evaluate(&mirror(Task::Softmax, 3), &samples, &rows).expect("an evaluation");
        let none = Vec::<usize>::new;
        assert_eq!(
            evaluation.cells,
            [[vec![0], vec![1], none()], [none(), vec![2, 3], none()], [none(), none(), none()]]
        );
        assert_eq!(evaluation.accuracy, Some(0.75));
        assert_eq!(evaluation.classes[0], Class { precision: Some(1.0), recall: Some(0.5), samples: 2 });
        assert_eq!(evaluation.classes[1], Class { precision: Some(2.0 / 3.0), recall: Some(1.0), samples: 2 });
        assert_eq!(evaluation.classes[2], Class::default());
        let some = evaluate(&mirror(Task::Softmax, 3), &samples, &rows[..1]).expect("an evaluation");
        assert!((some.loss - (1.0 + 2.0 * (-2.0_f64).exp()).ln()).abs() < 1e-6);
    }

    #[test]
    fn one_sigmoid_is_no_and_yes_and_several_are_each_by_itself() {
        let (one, rows) = samples(&[(&[1.0], &[1.0]), (&[-1.0], &[0.0]), (&[-1.0], &[1.0])]);
        let evaluation = evaluate(&mirror(Task::Sigmoid, 1), &one, &rows).expect("an evaluation");
        assert_eq!(evaluation.cells, [[vec![1], vec![]], [vec![2], vec![0]]]);
        assert_eq!(evaluation.classes[1], Class { precision: Some(1.0), recall: Some(0.5), samples: 2 });

        let (two, rows) = samples(&[(&[1.0, -1.0], &[1.0, 0.0]), (&[1.0, 1.0], &[1.0, 0.0])]);
        let evaluation = evaluate(&mirror(Task::Sigmoid, 2), &two, &rows).expect("an evaluation");
        assert_eq!((evaluation.accuracy, evaluation.cells.len()), (Some(0.75), 0));
        assert_eq!(evaluation.classes[1], Class { precision: Some(0.0), recall: None, samples: 0 });
    }

    #[test]
    fn a_regression_has_a_squared_error_and_nothing_is_no_division_by_zero() {
        let (samples, rows) = samples(&[(&[1.0, 0.0], &[0.0, 0.0]), (&[0.0, 0.0], &[0.0, 3.0])]);
        let head = mirror(Task::Regression, 2);
        let evaluation = evaluate(&head, &samples, &rows).expect("an evaluation");
        assert_eq!((evaluation.mean_squared_error, evaluation.accuracy), (Some(2.5), None));
        assert!(evaluation.cells.is_empty() && evaluation.classes.is_empty());
        assert_eq!(evaluate(&head, &samples, &[]).expect("an evaluation").loss, 0.0);
    }
}
