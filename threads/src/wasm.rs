//! What `pkg/threads.js` and `pkg/thread.js` call. One module has one pool.

#![allow(unsafe_code, reason = "exports keep the names that scripts call them by")]

use super::Pool;

/// The module's pool. Its workers are JavaScript's to start and to end.
pub static POOL: Pool = Pool::new();

/// The deepest kernel needs 20 kB of it.
const STACK_BYTES: usize = 128 << 10;

/// A stack for one worker: its upper end, where stacks begin. It stays.
#[unsafe(no_mangle)]
extern "C" fn thread_stack() -> *const u128 {
    // As vectors, which are aligned as stacks are. (On wasm a `u128` is, too.)
    let stack: &'static [u128] = Vec::leak(vec![0; STACK_BYTES / size_of::<u128>()]);
    stack.as_ptr_range().end
}

/// What a worker runs, in its own instance, once its stack is in place.
#[unsafe(no_mangle)]
extern "C" fn thread_work() {
    POOL.work();
}

/// Called for a worker that was stopped by a fault, by itself.
#[unsafe(no_mangle)]
extern "C" fn thread_failed() {
    POOL.fail();
}

/// Lets all workers leave.
#[unsafe(no_mangle)]
extern "C" fn threads_dismissed() {
    POOL.dismiss();
}
