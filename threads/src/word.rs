//! A number that threads share, with the five things that they do with it.

use std::sync::atomic::AtomicU32;

/// Every access is ordered before and after all others.
#[derive(Debug)]
#[repr(transparent)]
pub struct Word(AtomicU32);

impl Word {
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }
}

pub use body::pause;

/// wasm's own instructions. A crate that is not compiled for threads cannot ask for them, so they are imports here, each of which
/// `cargo xtask build` gives its instruction (`xtask/src/shared.rs`). A compiler takes an import for code that may read and
/// write any memory, so that it keeps the order of everything around it.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "imports")]
mod body {
    use super::Word;

    #[link(wasm_import_module = "atomics")]
    unsafe extern "C" {
        safe fn load(word: &Word) -> u32;
        safe fn store(word: &Word, value: u32);
        safe fn add(word: &Word, value: u32) -> u32;
        safe fn wait(word: &Word, seen: u32);
        safe fn notify(word: &Word, threads: u32);
    }

    impl Word {
        pub fn load(&self) -> u32 {
            load(self)
        }

        pub fn store(&self, value: u32) {
            store(self, value);
        }

        /// Adds, and answers with what was there before.
        pub fn add(&self, value: u32) -> u32 {
            add(self, value)
        }

        /// Sleeps until somebody notifies, unless it is no longer `seen`.
        pub fn wait(&self, seen: u32) {
            wait(self, seen);
        }

        /// Wakes so many of those who wait.
        pub fn notify(&self, threads: u32) {
            notify(self, threads);
        }
    }

    /// Between two looks of a thread that must not sleep: a page's own may not, and nothing else is to be done.
    pub const fn pause() {}
}

#[cfg(not(target_arch = "wasm32"))]
mod body {
    use super::Word;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::{Condvar, Mutex, PoisonError};

    /// One place to sleep for all words.
    static SLEEP: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

    impl Word {
        pub fn load(&self) -> u32 {
            self.0.load(SeqCst)
        }

        pub fn store(&self, value: u32) {
            self.0.store(value, SeqCst);
        }

        /// Adds, and answers with what was there before.
        pub fn add(&self, value: u32) -> u32 {
            self.0.fetch_add(value, SeqCst)
        }

        /// Sleeps until somebody notifies, unless it is no longer `seen`.
        pub fn wait(&self, seen: u32) {
            let guard = SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner);
            if self.load() == seen {
                drop(SLEEP.1.wait(guard).unwrap_or_else(PoisonError::into_inner));
            }
        }

        /// Wakes so many of those who wait, or more.
        pub fn notify(&self, _threads: u32) {
            drop(SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner));
            SLEEP.1.notify_all();
        }
    }

    /// Between two looks of a thread that has nothing else to do.
    pub fn pause() {
        std::thread::yield_now();
    }
}
