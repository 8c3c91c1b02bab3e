//! Where a plan runs. One trait, one implementation a kind of hardware.

mod cpu;
pub mod gpu;
mod stopwatch;

pub use cpu::Cpu;

use crate::error::Result;
use crate::frame::{Frame, View};
use crate::lane::Vec4;
use crate::plan::{Output, Plan};

/// Runs plans over one set of packed parameters, which it owns.
pub trait Executor {
    /// The packed parameters, for another executor to copy.
    fn parameters(&self) -> &[Vec4];

    /// From now on others compute parts of steps: results are the same, bit for bit.
    #[cfg(feature = "threads")]
    fn share(&mut self, pool: &'static crate::threads::Pool);

    /// Makes room for `plan`, so that running it allocates nothing.
    fn prepare(&mut self, plan: &Plan);

    /// Computes every map of `plan` for one frame.
    ///
    /// # Errors
    /// What [`crate::frame`] finds wrong with the frame.
    fn run(&mut self, plan: &Plan, frame: &Frame<'_>, view: &View) -> Result<()>;

    /// The same for an input that is already what the network expects: `[height, width, 3]`, preprocessed.
    ///
    /// # Errors
    /// [`crate::error::Kind::SourceWrongLength`].
    fn run_tensor(&mut self, plan: &Plan, values: &[f32]) -> Result<()>;

    /// Computes them as [`Executor::run`] does, each step several times: the milliseconds of each by that `clock`.
    ///
    /// # Errors
    /// As [`Executor::run`].
    fn profile(
        &mut self,
        plan: &Plan,
        frame: &Frame<'_>,
        view: &View,
        clock: &mut dyn FnMut() -> f64,
    ) -> Result<Vec<f64>>;

    /// Copies a map of the plan that ran last to `values`: `[height, width, channels]`, without lane padding.
    fn read(&self, output: &Output, values: &mut Vec<f32>);
}
