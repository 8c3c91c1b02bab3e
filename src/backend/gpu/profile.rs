//! How long each dispatch of a frame takes, by timestamps: each gets a pass of its own, so that together they take longer
//! than a frame does.

use super::readback::Pending;
use super::{FRAME, Gpu, Picture, stored_bytes};
use crate::error::{Error, Kind, Result};
use crate::frame::View;

/// Times on their way.
#[derive(Debug)]
pub struct Timed {
    pending: Pending,
    ns_per_tick: f64,
    /// Bytes that each of the frame's passes moves; none of a tensor, which needs none.
    pub frame_bytes: Vec<u64>,
}

impl Timed {
    /// Nanoseconds of each dispatch: the frame's, then the plan's.
    ///
    /// # Errors
    /// What went wrong with the GPU meanwhile.
    pub async fn ns(self) -> Result<Vec<f64>> {
        let bytes = self.pending.bytes().await?;
        let ticks: Vec<u64> = bytes.as_chunks().0.iter().map(|&eight| u64::from_le_bytes(eight)).collect();
        // A timestamp may lie before the one that it follows where the GPU's clock was set meanwhile.
        let ns = |&[begin, end]: &[u64; 2]| end.saturating_sub(begin) as f64 * self.ns_per_tick;
        Ok(ticks.as_chunks().0.iter().map(ns).collect())
    }
}

impl Gpu {
    /// Runs one frame as [`Gpu::run`] does, but for its answer, which is how long each dispatch took.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the adapter has no timestamps; as [`Gpu::run`].
    pub fn profile(&mut self, plan: usize, picture: &Picture<'_>, view: &View) -> Result<Timed> {
        if !self.device.has_timestamps() {
            return Err(Error::new(Kind::Unsupported, "gpu")
                .expected("an adapter with the feature timestamp-query")
                .found(self.device.name.clone())
                .remedy("Time whole calls instead."));
        }
        let frames = self.upload(plan, picture, view)?;
        let passes = frames.len() + self.prepared[plan].dispatches.len();
        let count = passes as u32 * 2;
        let queries = self.device.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("times"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let mut encoder = self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for index in 0..passes {
            let at = index as u32 * 2;
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(at),
                end_of_pass_write_index: Some(at + 1),
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            match index.checked_sub(frames.len()) {
                None => self.frame_passes(&mut pass, index..index + 1),
                Some(index) => self.plan_passes(&mut pass, plan, index..index + 1),
            }
        }
        let bytes = u64::from(count) * 8;
        let resolved = self.device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("times"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        let staging = self.pool.take(&self.device, bytes);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
        self.device.queue.submit([encoder.finish()]);
        let pending = self.pool.read(&self.device, staging, bytes);
        let frame_bytes = self.stage.bytes(stored_bytes(self.variant().f16));
        let frame_bytes = frame_bytes.into_iter().take(frames.len()).collect();
        Ok(Timed { pending, ns_per_tick: f64::from(self.device.queue.get_timestamp_period()), frame_bytes })
    }

    /// The names of the shaders of a frame's passes, where there are such passes.
    pub fn frame_stems(&self) -> impl Iterator<Item = &'static str> + use<> {
        FRAME.iter().take(self.frame.len()).map(|shader| shader.stem)
    }
}
