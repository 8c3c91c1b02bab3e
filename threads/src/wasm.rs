//! What `pkg/threads.js` and `pkg/thread.js` call. One module has one pool.

#![allow(unsafe_code, reason = "exports keep the names that scripts call them by")]

use super::Pool;

/// The module's pool. Its workers are JavaScript's to start and to end.
pub static POOL: Pool = Pool::new();

/// The deepest kernel needs 20 kB of it.
const STACK_BYTES: usize = 128 << 10;

/// Memory of a worker's stack, aligned as stacks are.
#[repr(align(16))]
struct Stack([u8; STACK_BYTES]);

/// A stack for one worker: its upper end, where stacks begin. It stays.
#[unsafe(no_mangle)]
extern "C" fn thread_stack() -> *const u8 {
    let layout = std::alloc::Layout::new::<Stack>();
    // SAFETY: the layout has a size, and nothing is done with the pointer where there is no memory.
    let stack = unsafe { std::alloc::alloc(layout) };
    if stack.is_null() { stack } else { stack.wrapping_add(STACK_BYTES) }
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
