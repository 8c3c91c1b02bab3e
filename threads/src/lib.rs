//! Kernel calls in parts, each computed by whichever thread comes first.
//!
//! The thread that asks computes parts too: it waits for others only where they have begun something, never for them to
//! wake up, so that a thread that comes late, or never, costs nothing. Parts are claimed by adding to one word, and a step
//! ends when all are done.
//!
//! # Threads of a browser
//! They are workers with an instance each of one module over one memory. That module is compiled as if it were alone: the
//! standard library, its allocator and what wasm-bindgen keeps are those of one thread. This is sound because workers
//! run nothing but [`Part::run`]: kernels neither allocate nor touch anything but the slices that they are given
//! (`tests/tidy.rs` looks after that), and the type of [`Pool::run`] lets nothing else in. What threads tell one another goes
//! through [`word::Word`], whose atomic instructions the build puts in.

mod word;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(target_arch = "wasm32")]
pub use wasm::POOL;

use mobilenet_kernels::lane::Body;
use mobilenet_kernels::{Call, Io};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use word::Word;

/// One part of a step: a kernel call with what it reads, and a slice of its own to write.
#[derive(Debug)]
pub struct Part<'a> {
    /// Which of the bodies runs.
    pub body: Body,
    /// The kernel and its parameter block.
    pub call: Call,
    /// What it reads and writes.
    pub io: Io<'a>,
}

impl Part<'_> {
    fn run(&mut self) {
        let Io { input, side, parameters, output } = &mut self.io;
        self.call.run(self.body, Io { input, side, parameters, output });
    }
}

/// Times that a worker looks for parts before it sleeps: about 100 µs, longer than the steps between two that are cut.
const LOOKS: u32 = 1 << 16;

/// Of a ticket: the lower half is the next part, the upper half how many there are.
const NEXT_BITS: u32 = 16;

/// Threads that share the work of one that asks.
#[derive(Debug)]
pub struct Pool {
    /// The next part and the number of parts. As one word, so that who claims a part knows at once whether there is one.
    ticket: Word,
    /// Parts that workers have computed.
    done: Word,
    asleep: Word,
    workers: Word,
    /// Counts up whenever workers are to leave.
    shift: Word,
    failed: Word,
    /// Whether a thread has its parts here. Two of a program may have networks of their own; a module has one.
    busy: AtomicBool,
    parts: AtomicPtr<Option<Part<'static>>>,
}

impl Pool {
    /// A pool that nobody works for yet.
    const fn new() -> Self {
        Self {
            ticket: Word::new(),
            done: Word::new(),
            asleep: Word::new(),
            workers: Word::new(),
            shift: Word::new(),
            failed: Word::new(),
            busy: AtomicBool::new(false),
            parts: AtomicPtr::new(null_mut()),
        }
    }

    /// How many threads there are, with the one that asks.
    pub fn threads(&self) -> usize {
        self.workers.load() as usize + 1
    }

    /// Computes all `parts`; none is nothing to do.
    ///
    /// # Panics
    /// Where a part does, on whichever thread.
    #[expect(clippy::cast_possible_truncation, reason = "a step has few parts")]
    pub fn run(&self, parts: &mut [Option<Part<'_>>]) {
        if parts.len() < 2 || self.busy.swap(true, Ordering::Acquire) {
            parts.iter_mut().flatten().for_each(Part::run);
            return;
        }
        let mut round = Round { pool: self, count: parts.len() as u32, begun: 0 };
        self.parts.store(parts.as_mut_ptr().cast(), Ordering::Relaxed);
        self.done.store(0);
        self.ticket.store(round.count << NEXT_BITS);
        if self.asleep.load() != 0 {
            self.ticket.notify(round.count - 1);
        }
        while let Some(part) = self.claim() {
            round.begun += 1;
            self.compute(part);
        }
        drop(round);
        assert!(self.failed.load() == 0, "another thread failed");
    }

    /// The next part that nobody has begun.
    fn claim(&self) -> Option<usize> {
        let ticket = self.ticket.add(1);
        is_open(ticket).then_some((ticket & ((1 << NEXT_BITS) - 1)) as usize)
    }

    #[allow(unsafe_code, reason = "each part is claimed once, and those who gave them wait until all are done")]
    fn compute(&self, part: usize) {
        let first = self.parts.load(Ordering::Relaxed);
        // SAFETY: the ticket, which was stored after `parts` and `done`, gave `part` to this thread alone, and `Round` keeps
        // the caller of `run`, who lent the slice, until the last part that was claimed is done.
        if let Some(part) = unsafe { &mut *first.add(part) } {
            part.run();
        }
    }

    /// What a worker does until it may leave: parts as they come.
    fn work(&self) {
        let shift = self.shift.load();
        self.workers.add(1);
        while self.shift.load() == shift {
            while let Some(part) = self.claim() {
                self.compute(part);
                self.done.add(1);
            }
            self.rest();
        }
    }

    /// Until there are parts to claim, or were.
    fn rest(&self) {
        let mut ticket = 0;
        for _ in 0..LOOKS {
            ticket = self.ticket.load();
            if is_open(ticket) {
                return;
            }
            word::pause();
        }
        // Whoever stores a ticket after this line sees that it must wake somebody, and one stored before it ends the wait.
        self.asleep.add(1);
        self.ticket.wait(ticket);
        self.asleep.add(u32::MAX);
    }

    /// Lets all workers go. Nobody waits for them: one that finds a part on its way out computes it.
    pub fn dismiss(&self) {
        self.workers.store(0);
        self.shift.add(1);
        self.ticket.notify(u32::MAX);
    }

    /// Ends the wait for a worker's part that will not be done.
    fn fail(&self) {
        self.failed.store(1);
        self.done.add(1);
    }
}

/// Whether there are parts that nobody has claimed.
const fn is_open(ticket: u32) -> bool {
    ticket & ((1 << NEXT_BITS) - 1) < ticket >> NEXT_BITS
}

/// One step's parts, which stay where they are until no thread is at work on them: after a panic, too.
struct Round<'a> {
    pool: &'a Pool,
    count: u32,
    /// By this thread.
    begun: u32,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        // There are some only while this thread panics.
        while self.pool.claim().is_some() {
            self.begun += 1;
        }
        while self.pool.done.load() + self.begun < self.count {
            word::pause();
        }
        self.pool.busy.store(false, Ordering::Release);
    }
}
