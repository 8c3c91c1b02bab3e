//! Which samples are learnt from, and which are held out to see how well.

use super::options::bad;
use super::random::{Purpose, Random};
use crate::error::Result;
use crate::small::{print_decimal, sort};

/// What a sample is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// Learnt from.
    Train = 0,
    /// Held out to choose the best epoch by.
    Validation = 1,
    /// Held out from all of it.
    Test = 2,
}

/// Splits every class in the same `shares` of training, validation and test, whose sum is the whole.
///
/// Samples of one burst stay together: neighbouring frames are nearly one picture, and a head that has seen one knows the
/// other. A burst is of the class of its first sample. Each class's bursts are taken in random order while that brings a part
/// nearer to its share, the smallest one if all are too large; one burst at least is learnt from.
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption) for lists of different lengths, and for shares below 0 or of nothing.
pub fn split(labels: &[u32], bursts: &[u32], shares: [f32; 3], seed: u64) -> Result<Vec<Part>> {
    if labels.len() != bursts.len() {
        return Err(bad("bursts", &format!("{} of them, one a sample", labels.len()), bursts.len().to_string()));
    }
    for (name, share) in ["train", "validation", "test"].into_iter().zip(shares) {
        let is_right = share.is_finite() && share >= 0.0 && (name != "train" || share > 0.0);
        if !is_right {
            let expected = if name == "train" { "a share above 0" } else { "a share from 0" };
            return Err(bad(&format!("split.{name}"), expected, print_decimal(f64::from(share))));
        }
    }
    let whole: f32 = shares.iter().sum();

    let groups = grouped((0..labels.len()).collect(), &|row| bursts[*row]);
    let mut parts = vec![Part::Train; labels.len()];
    for mut groups in grouped(groups, &|rows| labels[rows[0]]) {
        let class = labels[groups[0][0]];
        Random::new(seed, Purpose::Split, [u64::from(class), 0]).shuffle(&mut groups);
        let count: usize = groups.iter().map(Vec::len).sum();
        for (part, share) in [(Part::Test, shares[2]), (Part::Validation, shares[1])] {
            #[expect(clippy::cast_precision_loss, reason = "fewer than 2²⁴ samples")]
            let wanted = share / whole * count as f32;
            for rows in take(&mut groups, wanted) {
                rows.into_iter().for_each(|row| parts[row] = part);
            }
        }
    }
    Ok(parts)
}

/// Items of the same key together, keys in order, items as they came.
fn grouped<T>(items: Vec<T>, key: &dyn Fn(&T) -> u32) -> Vec<Vec<T>> {
    let mut keyed: Vec<(u32, usize, T)> =
        items.into_iter().enumerate().map(|(place, item)| (key(&item), place, item)).collect();
    sort(&mut keyed, &|a, b| (a.0, a.1) < (b.0, b.1));
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut last = None;
    for (key, _, item) in keyed {
        match groups.last_mut().filter(|_| last == Some(key)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
        last = Some(key);
    }
    groups
}

/// About so many samples in whole groups, the last one never.
#[expect(clippy::cast_precision_loss, reason = "fewer than 2²⁴ samples")]
fn take(groups: &mut Vec<Vec<usize>>, wanted: f32) -> Vec<Vec<usize>> {
    let (mut taken, mut count) = (Vec::new(), 0.0);
    let mut index = 0;
    while index < groups.len() && groups.len() > 1 {
        let size = groups[index].len() as f32;
        if count + size / 2.0 <= wanted {
            count += size;
            taken.push(groups.remove(index));
        } else {
            index += 1;
        }
    }
    let smallest = (0..groups.len()).min_by_key(|&index| groups[index].len());
    if let Some(smallest) = smallest.filter(|_| taken.is_empty() && wanted >= 0.5 && groups.len() > 1) {
        taken.push(groups.remove(smallest));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    const EIGHTY_TWENTY: [f32; 3] = [80.0, 20.0, 0.0];

    fn count(parts: &[Part], labels: &[u32], part: Part, class: u32) -> usize {
        parts.iter().zip(labels).filter(|(p, label)| **p == part && **label == class).count()
    }

    #[test]
    fn every_class_is_split_in_the_same_shares() {
        let labels: Vec<u32> = (0..150).map(|row| u32::from(row >= 100)).collect();
        let bursts: Vec<u32> = (0..150).collect();
        let parts = split(&labels, &bursts, [60.0, 30.0, 10.0], 1).expect("a split");
        for (class, count_of) in [(0, 100), (1, 50)] {
            assert_eq!(count(&parts, &labels, Part::Validation, class), count_of * 3 / 10);
            assert_eq!(count(&parts, &labels, Part::Test, class), count_of / 10);
        }
    }

    #[test]
    fn bursts_never_straddle_whatever_the_seed() {
        let labels: Vec<u32> = (0..300).map(|row| row / 100).collect();
        let bursts: Vec<u32> = (0..300).map(|row| row / 7).collect();
        for seed in 0..50 {
            let parts = split(&labels, &bursts, [70.0, 20.0, 10.0], seed).expect("a split");
            for row in 1..300 {
                assert!(bursts[row] != bursts[row - 1] || parts[row] == parts[row - 1], "seed {seed}, row {row}");
            }
            for class in 0..3 {
                let held_out = count(&parts, &labels, Part::Validation, class);
                assert!((10..=30).contains(&held_out), "seed {seed}: {held_out} of class {class}");
            }
        }
    }

    #[test]
    fn seeds_split_the_same_again_and_otherwise_differently() {
        let labels = [0; 40];
        let bursts: Vec<u32> = (0..40).collect();
        let of = |seed| split(&labels, &bursts, EIGHTY_TWENTY, seed).expect("a split");
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }

    #[test]
    fn what_there_is_too_little_of_is_learnt_from() {
        let of = |labels: &[u32], bursts: &[u32]| split(labels, bursts, EIGHTY_TWENTY, 1).expect("a split");
        assert_eq!(of(&[], &[]), []);
        assert_eq!(of(&[0], &[0]), [Part::Train]);
        assert_eq!(of(&[0, 1], &[0, 1]), [Part::Train; 2]);
        // One burst a class, however long.
        assert_eq!(of(&[0; 50], &[9; 50]), [Part::Train; 50]);
        // Two long bursts: one is held out, since nothing is known of a class that is not.
        let parts = of(&[0; 60], &std::array::from_fn::<_, 60, _>(|row| u32::from(row >= 40)));
        assert_eq!(parts.iter().filter(|part| **part == Part::Validation).count(), 20);
    }

    #[test]
    fn shares_that_make_no_sense_are_refused() {
        let of = |shares| split(&[0], &[0], shares, 1).expect_err("a refusal");
        for (shares, option) in [
            ([0.0, 100.0, 0.0], "split.train"),
            ([80.0, -1.0, 0.0], "split.validation"),
            ([80.0, 20.0, f32::NAN], "split.test"),
        ] {
            let error = of(shares);
            assert_eq!(error.kind(), Kind::BadOption);
            assert!(error.to_string().starts_with(option), "{error}");
        }
        assert_eq!(split(&[0, 0], &[0], EIGHTY_TWENTY, 1).expect_err("lengths").kind(), Kind::BadOption);
    }
}
