//! The CPU: one thread, or as many as there are.

use super::Executor;
use super::stopwatch::{ROUNDS, Stopwatch};
use crate::error::{Error, Kind, Result};
use crate::frame::{Frame, Preprocessor, View};
use crate::kernels::Io;
use crate::lane::{Body, Vec4};
#[cfg(feature = "threads")]
use crate::plan::parts;
use crate::plan::{Output, Plan, Step, borrow};
#[cfg(feature = "threads")]
use crate::threads::Pool;

/// Runs plans with one of the CPU bodies in an arena that grows to the largest plan seen and then stays.
#[derive(Debug)]
pub struct Cpu {
    body: Body,
    preprocessor: Preprocessor,
    parameters: Vec<Vec4>,
    arena: Vec<Vec4>,
    #[cfg(feature = "threads")]
    pool: Option<&'static Pool>,
}

impl Cpu {
    /// An executor over packed `parameters` (see [`crate::plan::Packing::pack`]).
    #[must_use]
    pub const fn new(body: Body, preprocessor: Preprocessor, parameters: Vec<Vec4>) -> Self {
        Self {
            body,
            preprocessor,
            parameters,
            arena: Vec::new(),
            #[cfg(feature = "threads")]
            pool: None,
        }
    }
}

impl Cpu {
    fn compute(&mut self, plan: &Plan) {
        for step in &plan.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        let (input, side, output) = borrow(&mut self.arena, &step.input, &step.side, &step.output);
        let io = Io { input, side, parameters: &self.parameters[step.parameters.clone()], output };
        #[cfg(feature = "threads")]
        if let Some(pool) = self.pool {
            return parts::run(pool, self.body, step.call, step.macs, io);
        }
        step.call.run(self.body, io);
    }
}

impl Executor for Cpu {
    fn parameters(&self) -> &[Vec4] {
        &self.parameters
    }

    #[cfg(feature = "threads")]
    fn share(&mut self, pool: &'static Pool) {
        self.pool = Some(pool);
    }

    fn prepare(&mut self, plan: &Plan) {
        if self.arena.len() < plan.arena {
            self.arena.resize(plan.arena, Vec4::default());
        }
    }

    fn run(&mut self, plan: &Plan, frame: &Frame<'_>, view: &View) -> Result<()> {
        self.prepare(plan);
        self.preprocessor.run(self.body, frame, view, &mut self.arena[plan.input.clone()])?;
        self.compute(plan);
        Ok(())
    }

    fn run_tensor(&mut self, plan: &Plan, values: &[f32]) -> Result<()> {
        self.prepare(plan);
        let input = &mut self.arena[plan.input.clone()];
        let (pixels, rest) = values.as_chunks::<3>();
        if pixels.len() != input.len() || !rest.is_empty() {
            return Err(Error::new(Kind::SourceWrongLength, "input tensor")
                .expected(format!("{} values for {}", input.len() * 3, plan.input_shape))
                .found(values.len().to_string())
                .remedy("Pass [height, width, 3], row by row."));
        }
        for (to, &[red, green, blue]) in input.iter_mut().zip(pixels) {
            *to = [red, green, blue, 0.0];
        }
        self.compute(plan);
        Ok(())
    }

    /// A step may run again at once, since it does not write what it reads; later ones may write over that, so that each
    /// round is a whole frame.
    fn profile(
        &mut self,
        plan: &Plan,
        frame: &Frame<'_>,
        view: &View,
        clock: &mut dyn FnMut() -> f64,
    ) -> Result<Vec<f64>> {
        self.prepare(plan);
        let span_ms = Stopwatch::span_ms(plan.steps.len());
        let mut watches = vec![Stopwatch::NEW; plan.steps.len()];
        for _ in 0..ROUNDS {
            self.preprocessor.run(self.body, frame, view, &mut self.arena[plan.input.clone()])?;
            for (step, watch) in plan.steps.iter().zip(&mut watches) {
                watch.time(span_ms, clock, &mut || self.step(step));
            }
        }
        Ok(watches.into_iter().map(|watch| watch.ms).collect())
    }

    fn read(&self, output: &Output, values: &mut Vec<f32>) {
        let channels = output.shape.channels;
        let map: &[f32] = bytemuck::cast_slice(&self.arena[output.slot.clone()]);
        values.clear();
        for pixel in map.chunks_exact(channels.next_multiple_of(4)) {
            values.extend_from_slice(&pixel[..channels]);
        }
    }
}
