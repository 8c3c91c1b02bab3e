//! Samples that deserve a look: probably of another class than they are said to be, or nearly the same as another.

use super::Task;
use super::head::{Head, nearest, scaled_to_unit};
use super::loss::largest;
use super::options::bad;
use super::samples::Samples;
use crate::error::Result;
use crate::kernels::rows::products;
use crate::small::sort;

/// How many neighbours say what a sample looks like.
const NEIGHBOURS: usize = 5;
/// From this cosine on, two pictures are nearly the same.
const NEARLY_THE_SAME: f32 = 0.98;
/// Pairs that are told; those of the largest similarity.
const MOST_PAIRS: usize = 200;
/// Multiplications of one step: some 20 ms of a browser's.
const STEP: usize = 1 << 26;
/// Rows that [`products`] takes at once.
const ROWS: usize = 4;

/// A sample that its neighbours take for another class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mislabelled {
    /// Which sample.
    pub row: usize,
    /// What it is said to be; of one sigmoid output 0 for no, 1 for yes.
    pub label: usize,
    /// What most of its neighbours are.
    pub looks_like: usize,
    /// Half the share of its neighbours that speak against its label, and half what the head says against it.
    pub suspicion: f32,
}

/// Two samples that are nearly the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// Which samples.
    pub rows: [usize; 2],
    /// The cosine of their features.
    pub similarity: f32,
}

/// A search through all pairs of samples, some rows at a step.
#[derive(Debug)]
pub struct Findings {
    features: usize,
    units: Vec<f32>,
    /// By sample; of one sigmoid output no and yes. Empty where a sample has no one answer.
    classes: Vec<usize>,
    bursts: Vec<u32>,
    /// What the head says for each sample's label; empty without one.
    believed: Vec<f32>,
    done: usize,
    mislabelled: Vec<Mislabelled>,
    duplicates: Vec<Duplicate>,
}

impl Findings {
    /// Begins to search. Samples of one burst are alike and all wrong together, so they are not compared: `bursts` has one
    /// number a sample, or none at all.
    ///
    /// # Errors
    /// [`Kind::BadOption`](crate::Kind::BadOption) for another number of bursts;
    /// [`Kind::WrongBackbone`](crate::Kind::WrongBackbone) for a head of other features.
    pub fn begin(task: Task, samples: &Samples, head: Option<&Head>, bursts: &[u32]) -> Result<Self> {
        if !bursts.is_empty() && bursts.len() != samples.len() {
            return Err(bad("bursts", &format!("{}, one a sample", samples.len()), bursts.len().to_string()));
        }
        let rows = 0..samples.len();
        let classes: Vec<usize> = match task {
            Task::Softmax => rows.clone().map(|row| samples.class(row)).collect(),
            Task::Sigmoid if samples.outputs() == 1 => {
                rows.clone().map(|row| usize::from(samples.targets(row)[0] > 0.5)).collect()
            }
            _ => Vec::new(),
        };
        let mut believed = Vec::new();
        if let Some(head) = head.filter(|head| head.task == task && head.outputs == samples.outputs()) {
            head.check(samples.features())?;
            for (row, &class) in classes.iter().enumerate() {
                let probabilities = head.probabilities(samples.vector(row));
                let yes = probabilities[if task == Task::Softmax { class } else { 0 }];
                believed.push(if task == Task::Softmax || class == 1 { yes } else { 1.0 - yes });
            }
        }
        Ok(Self {
            features: samples.features(),
            units: rows.flat_map(|row| scaled_to_unit(samples.vector(row))).collect(),
            classes,
            bursts: bursts.to_vec(),
            believed,
            done: 0,
            mislabelled: Vec::new(),
            duplicates: Vec::new(),
        })
    }

    /// How many samples there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.units.len() / self.features
    }

    /// Compares some more samples with all others; how many are done, or none when all are.
    pub fn step(&mut self) -> Option<usize> {
        let total = self.total();
        if self.done >= total {
            return None;
        }
        let count = (STEP / self.units.len()).max(ROWS).min(total - self.done);
        let mut similarities = vec![0.0; count * total];
        let rows = &self.units[self.done * self.features..][..count * self.features];
        products(rows, &self.units, self.features, &mut similarities);
        for (index, similarities) in similarities.chunks_exact(total).enumerate() {
            self.look(self.done + index, similarities);
        }
        self.keep_closest();
        self.done += count;
        Some(self.done)
    }

    fn look(&mut self, row: usize, similarities: &[f32]) {
        let burst = |row: usize| self.bursts.get(row);
        let is_other = |&other: &usize| other != row && (burst(row).is_none() || burst(other) != burst(row));
        for other in (row + 1..similarities.len()).filter(is_other) {
            if similarities[other] >= NEARLY_THE_SAME {
                self.duplicates.push(Duplicate { rows: [row, other], similarity: similarities[other].min(1.0) });
            }
        }
        let Some(&label) = self.classes.get(row) else { return };
        let others = (0..similarities.len()).filter(is_other).map(|other| (other, similarities[other]));
        let near = nearest(others, NEIGHBOURS);
        let mut votes = vec![0.0; self.classes.iter().max().map_or(0, |most| most + 1)];
        near.iter().for_each(|(other, _)| votes[self.classes[*other]] += 1.0);
        let looks_like = largest(&votes);
        if near.is_empty() || votes[looks_like] <= votes[label] {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let against = 1.0 - votes[label] / near.len() as f32;
        let doubted = self.believed.get(row).map_or(against, |believed| 1.0 - believed);
        self.mislabelled.push(Mislabelled { row, label, looks_like, suspicion: f32::midpoint(against, doubted) });
    }

    fn keep_closest(&mut self) {
        sort(&mut self.duplicates, &|a, b| (-a.similarity, a.rows) < (-b.similarity, b.rows));
        self.duplicates.truncate(MOST_PAIRS);
    }

    /// What was found so far: the most suspicious and the most similar first.
    #[must_use]
    pub fn finish(&self) -> (Vec<Mislabelled>, Vec<Duplicate>) {
        let mut mislabelled = self.mislabelled.clone();
        sort(&mut mislabelled, &|a, b| (-a.suspicion, a.row) < (-b.suspicion, b.row));
        (mislabelled, self.duplicates.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, Random};
    use super::*;

    /// Two clouds of ten samples; the last of the second is labelled as the first.
    fn samples() -> Samples {
        let mut samples = Samples::new(16, 2).expect("counts");
        let mut random = Random::new(1, Purpose::Weights, [0, 0]);
        for row in 0..20 {
            let cloud = row / 10;
            let vector: Vec<f32> =
                (0..16).map(|index| f32::from(u8::from(index / 8 == cloud)) + random.within(0.5)).collect();
            let label = if row == 19 { 0 } else { cloud };
            samples
                .push(&vector, &[f32::from(u8::from(label == 0)), f32::from(u8::from(label == 1))])
                .expect("a sample");
        }
        samples
    }

    fn search(mut findings: Findings) -> (Vec<Mislabelled>, Vec<Duplicate>) {
        while findings.step().is_some() {}
        findings.finish()
    }

    #[test]
    fn a_wrong_label_is_found_and_nothing_else() {
        let (mislabelled, duplicates) =
            search(Findings::begin(Task::Softmax, &samples(), None, &[]).expect("a search"));
        let [found] = mislabelled[..] else { panic!("{mislabelled:?}") };
        assert_eq!((found.row, found.label, found.looks_like), (19, 0, 1));
        assert!(found.suspicion > 0.9, "{found:?}");
        assert_eq!(duplicates, []);
    }

    #[test]
    fn a_head_that_doubts_the_label_makes_it_more_suspicious() {
        let samples = samples();
        let rows: Vec<usize> = (0..19).collect();
        let doubting = super::super::nearest::centroids(Task::Softmax, &samples, &rows, &[]).expect("a head");
        let search = |head| search(Findings::begin(Task::Softmax, &samples, head, &[]).expect("a search")).0;
        assert_eq!(search(Some(&doubting)).len(), 1);
        assert!(doubting.probabilities(samples.vector(19))[0] < 0.5);
    }

    #[test]
    fn copies_are_found_but_not_within_a_burst() {
        let mut samples = samples();
        let copy: Vec<f32> = samples.vector(3).iter().map(|value| value * 1.01).collect();
        samples.push(&copy, &[1.0, 0.0]).expect("a sample");
        let of = |bursts: &[u32]| search(Findings::begin(Task::Softmax, &samples, None, bursts).expect("a search")).1;
        let apart: Vec<u32> = (0..21).collect();
        for bursts in [&[][..], &apart] {
            let [found] = of(bursts)[..] else { panic!("{:?}", of(bursts)) };
            assert_eq!(found.rows, [3, 20]);
            assert!((found.similarity - 1.0).abs() < 1e-5);
        }
        let mut together = apart.clone();
        together[20] = together[3];
        assert_eq!(of(&together), []);
    }

    #[test]
    fn few_samples_and_regressions_have_no_labels_to_doubt() {
        let empty = Samples::new(4, 2).expect("counts");
        let found = search(Findings::begin(Task::Softmax, &empty, None, &[]).expect("a search"));
        assert_eq!(found, (Vec::new(), Vec::new()));
        let mut one = Samples::new(1, 1).expect("counts");
        one.push(&[1.0], &[0.5]).expect("a sample");
        for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
            assert_eq!(search(Findings::begin(task, &one, None, &[]).expect("a search")), (Vec::new(), Vec::new()));
        }
        assert!(Findings::begin(Task::Softmax, &one, None, &[1, 2]).is_err());
    }
}
