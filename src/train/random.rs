//! Random numbers that come again: everything drawn follows from one seed, what it is drawn for, and a count.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// What numbers are drawn for. Each has numbers of its own, so that one more draw here changes nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which pictures are held out.
    Split = 1,
    /// A head's first weights.
    Weights = 2,
    /// In which order an epoch takes its samples.
    Order = 3,
    /// Which inputs a batch leaves out.
    Dropout = 4,
    /// How a picture is changed in an epoch.
    Augmentation = 5,
}

/// A generator of numbers (PCG32).
#[derive(Debug)]
pub struct Random(Pcg32);

impl Random {
    /// That of a seed, a purpose and a place: the epoch, the batch, the sample.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, place: [u64; 2]) -> Self {
        let state = place.into_iter().fold(mix(seed), |state, part| mix(state ^ part));
        Self(Pcg32::new(state, purpose as u64))
    }

    /// From 0 to below 1, in steps of 2⁻²⁴.
    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// From `-most` to below `most`.
    pub fn within(&mut self, most: f32) -> f32 {
        (2.0 * self.unit() - 1.0) * most
    }

    /// A whole number below `count`, each as likely.
    #[expect(clippy::cast_possible_truncation, reason = "below `count`")]
    pub fn below(&mut self, count: usize) -> usize {
        // Lists are far shorter than 2³²: the high half of the product is off by less than one in 2³² · 2³² / count.
        let draw = u64::from(self.0.next_u32()) << 32 | u64::from(self.0.next_u32());
        ((u128::from(draw) * count as u128) >> 64) as usize
    }

    /// Puts the items in an order in which any is as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The output function of SplitMix64: neighbouring seeds become strangers.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_others_draw_others() {
        let draw = |seed, purpose, place| {
            let mut random = Random::new(seed, purpose, place);
            std::array::from_fn::<_, 8, _>(|_| random.below(1 << 20))
        };
        let first = draw(1, Purpose::Order, [0, 0]);
        assert_eq!(first, draw(1, Purpose::Order, [0, 0]));
        for other in [draw(2, Purpose::Order, [0, 0]), draw(1, Purpose::Split, [0, 0]), draw(1, Purpose::Order, [0, 1])]
        {
            assert_ne!(first, other);
        }
        assert_ne!(draw(1, Purpose::Order, [1, 0]), draw(1, Purpose::Order, [0, 1]));
    }

    #[test]
    fn numbers_fill_their_range_evenly() {
        let mut random = Random::new(3, Purpose::Weights, [0, 0]);
        let draws: Vec<f32> = (0..40_000).map(|_| random.within(2.0)).collect();
        assert!(draws.iter().all(|draw| (-2.0..2.0).contains(draw)));
        let mean = draws.iter().sum::<f32>() / 40_000.0;
        let square = draws.iter().map(|draw| draw * draw).sum::<f32>() / 40_000.0;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((square - 4.0 / 3.0).abs() < 0.03, "{square}");
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(1, Purpose::Order, [0, 0]).shuffle(&mut items);
        assert!(items.iter().enumerate().any(|(place, item)| place != *item));
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
        Random::new(1, Purpose::Order, [0, 0]).shuffle::<u8>(&mut []);
    }
}
