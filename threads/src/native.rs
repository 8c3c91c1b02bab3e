//! Threads of the operating system, for tests and tools.

use super::Pool;
use std::thread;

impl Pool {
    /// A pool of so many threads, the one that asks among them. It stays for as long as the program runs, as that of a
    /// browser's module does.
    ///
    /// # Panics
    /// Where the system has no thread to give.
    #[must_use]
    pub fn start(threads: usize) -> &'static Self {
        let pool: &'static Self = Box::leak(Box::new(Self::new()));
        for _ in 1..threads {
            thread::spawn(move || {
                let _failing = Failing(pool);
                pool.work();
            });
        }
        // So that whoever asks first has all of them.
        while pool.threads() < threads {
            thread::yield_now();
        }
        pool
    }
}

/// Tells of a panic while it unwinds.
struct Failing(&'static Pool);

impl Drop for Failing {
    fn drop(&mut self) {
        self.0.fail();
    }
}
