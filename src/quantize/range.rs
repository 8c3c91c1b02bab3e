//! How large the numbers of a map become, and which of them integers of eight bits had best reach.

use crate::weights::Steps;

/// From the least number to the greatest; 0 is always one of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) low: f32,
    pub(super) high: f32,
}

/// Steps from one end of eight bits to the other.
const STEPS: f32 = 255.0;

impl Range {
    pub(super) const EMPTY: Self = Self { low: 0.0, high: 0.0 };

    pub(super) fn add(&mut self, values: &[f32]) {
        for &value in values {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    fn width(self) -> f32 {
        // Of a map of zeros any scale is right.
        if self.high > self.low { self.high - self.low } else { 1.0 }
    }

    /// Integers from −128 to 127 that reach so far; 0 is one of them.
    #[expect(clippy::cast_possible_truncation, reason = "from −128 to 127")]
    pub(super) fn steps(self) -> Steps {
        let scale = self.width() / STEPS;
        let zero_point = (-128.0 - self.low / scale).round().clamp(-128.0, 127.0) as i32;
        Steps { scale, zero_point, signed: true }
    }
}

const BINS: usize = 2048;

/// How often numbers of a range occur. Zeros do not count: integers have them exactly.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    range: Range,
    counts: Vec<u64>,
}

/// How far ends are moved in, at most and at once, as shares of where they were.
const NARROWINGS: u8 = 32;
const NARROWING: f32 = 1.0 / 40.0;

impl Histogram {
    pub(super) fn new(range: Range) -> Self {
        Self { range, counts: vec![0; BINS] }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the place of a bin")]
    pub(super) fn add(&mut self, values: &[f32]) {
        let (low, per_unit) = (self.range.low, BINS as f32 / self.range.width());
        for &value in values.iter().filter(|&&value| value != 0.0) {
            self.counts[(((value - low) * per_unit) as usize).min(BINS - 1)] += 1;
        }
    }

    /// The integers that lose least: a narrower range has finer steps, and clips more.
    pub(super) fn steps(&self) -> Steps {
        let shares = || (0..NARROWINGS).map(|step| 1.0 - NARROWING * f32::from(step));
        let (mut best, mut least) = (self.range, f64::INFINITY);
        for low in shares().map(|share| self.range.low * share) {
            for high in shares().map(|share| self.range.high * share) {
                let range = Range { low, high };
                let error = self.error(range);
                if error < least {
                    (best, least) = (range, error);
                }
            }
            if self.range.low == 0.0 {
                break;
            }
        }
        best.steps()
    }

    /// The sum of squared errors: of rounding a twelfth of a step's square each, and what is clipped.
    fn error(&self, range: Range) -> f64 {
        let step = f64::from(range.width() / STEPS);
        let bin = self.range.width() / BINS as f32;
        let mut error = 0.0;
        for (index, &count) in self.counts.iter().enumerate().filter(|bin| *bin.1 > 0) {
            let value = bin.mul_add(index as f32 + 0.5, self.range.low);
            let clipped = f64::from(value - value.clamp(range.low, range.high));
            error += count as f64 * (clipped * clipped).max(step * step / 12.0);
        }
        error
    }
}
