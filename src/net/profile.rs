//! How long each step of a frame takes on the CPU, in the rows that the GPU has for its dispatches.

use super::{Dispatched, Net};
use crate::error::Result;
use crate::frame::{Frame, View};
use crate::lane::Vec4;
use crate::plan::{self, Step};

impl Net {
    /// How long each step takes that computes `endpoints` for a frame, in order, by a `clock` of milliseconds. Each runs by
    /// itself, as often as it takes for a coarse clock, so that what it reads lies in the nearest cache: about a second in all
    /// or, of slower networks, three frames. The frame's own preparation is not among them.
    ///
    /// # Errors
    /// As [`Net::infer`].
    pub fn profile(
        &mut self,
        frame: &Frame<'_>,
        view: &View,
        endpoints: &[&str],
        clock: &mut dyn FnMut() -> f64,
    ) -> Result<Vec<Dispatched>> {
        let index = self.plan_index(endpoints)?;
        let plan = &self.plans[index].1;
        let times = self.executor.profile(plan, frame, view, clock)?;
        let row = |(step, ms): (&Step, f64)| Dispatched {
            layers: vec![step.name.clone()],
            kernel: step.call.stem(),
            us: ms * 1e3,
            macs: step.macs,
            bytes: (plan::moved(std::slice::from_ref(step)) * size_of::<Vec4>()) as u64,
        };
        Ok(plan.steps.iter().zip(times).map(row).collect())
    }
}
