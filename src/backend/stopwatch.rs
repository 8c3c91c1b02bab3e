//! How long a short piece of work takes, by a clock that is too coarse for it: browsers round to 100 µs.

/// So many times is the work timed, the whole plan between them: other programs, and compilers that are not done yet, only
/// ever add.
pub const ROUNDS: usize = 3;

/// What timing a plan takes at most in all, about; a step that takes longer by itself is still run in each round.
const BUDGET_MS: f64 = 1500.0;

/// What finding the number of repetitions may add to the rounds.
const SEARCH: f64 = 1.0;

/// More are not tried of work that the clock does not see at all.
const MOST: u32 = 1 << 16;

/// One piece of work: how often it is repeated, and the shortest time so far.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    times: u32,
    /// Milliseconds that it takes once.
    pub ms: f64,
}

impl Stopwatch {
    /// Before anything was timed.
    pub const NEW: Self = Self { times: 1, ms: f64::INFINITY };

    /// Milliseconds that repetitions must fill, so that all of `count` pieces keep within the budget.
    #[must_use]
    pub fn span_ms(count: usize) -> f64 {
        BUDGET_MS / (count as f64 * (ROUNDS as f64 + SEARCH))
    }

    /// Runs `work` as often as it takes to fill `span_ms` of the `clock`'s milliseconds.
    pub fn time(&mut self, span_ms: f64, clock: &mut dyn FnMut() -> f64, work: &mut dyn FnMut()) {
        loop {
            let start = clock();
            for _ in 0..self.times {
                work();
            }
            let took = clock() - start;
            if took >= span_ms || self.times >= MOST {
                self.ms = self.ms.min(took / f64::from(self.times));
                return;
            }
            // A first guess is worth little: the clock may have moved once or not at all.
            let more = if took > 0.0 { (span_ms / took).min(8.0) } else { 8.0 };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and at most 8 · MOST"
            )]
            let times = (f64::from(self.times) * more) as u32;
            self.times = times + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// What a stopwatch says of work that takes `us`, by a clock that rounds down to `tick_us`; and what that took in all.
    fn told(us: f64, tick_us: f64, span_ms: f64) -> (f64, f64) {
        // Away from a tick, as a clock is.
        let now = Cell::new(37.0);
        let mut stopwatch = Stopwatch::NEW;
        for _ in 0..ROUNDS {
            let mut clock = || (now.get() / tick_us).floor() * tick_us / 1e3;
            stopwatch.time(span_ms, &mut clock, &mut || now.set(now.get() + us));
        }
        (stopwatch.ms * 1e3, now.get() / 1e3)
    }

    #[test]
    fn a_coarse_clock_tells_short_times_within_its_tick() {
        let span_ms = Stopwatch::span_ms(73);
        for us in [0.3, 2.0, 11.0, 99.0, 100.0, 640.0, 4999.0, 30_000.0] {
            let (found, in_all) = told(us, 100.0, span_ms);
            assert!((found / us - 1.0).abs() <= 0.1 / span_ms, "{us} µs are told as {found}");
            // Three rounds and the search, or three runs of work that is longer than that.
            assert!(in_all <= (span_ms * 2.5 + us / 1e3) * ROUNDS as f64, "{us} µs: {in_all} ms in all");
        }
    }

    #[test]
    fn work_that_slows_down_and_a_clock_that_stands_still_come_to_an_end() {
        let mut runs = 0_u32;
        let mut stopwatch = Stopwatch::NEW;
        stopwatch.time(1.0, &mut || 5.0, &mut || runs += 1);
        assert!(runs < 3 * 8 * MOST, "{runs}");
        assert_eq!(stopwatch.ms.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn the_shortest_of_the_rounds_counts() {
        let now = Cell::new(0.0);
        let mut stopwatch = Stopwatch::NEW;
        for ms in [3.0, 2.0, 4.0] {
            stopwatch.time(1.0, &mut || now.get(), &mut || now.set(now.get() + ms));
        }
        assert_eq!(stopwatch.ms.to_bits(), 2.0_f64.to_bits());
    }
}
