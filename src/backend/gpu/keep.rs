//! Maps that stay on the GPU, for whoever computes on there.

use super::picture::buffer;
use super::{Gpu, Picture};
use crate::error::Result;
use crate::frame::View;

/// A map that stays on the GPU, in a buffer of its own.
#[derive(Debug)]
pub struct Kept(wgpu::Buffer);

impl Kept {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.size()
    }

    /// The browser's object.
    #[cfg(target_arch = "wasm32")]
    #[must_use]
    pub fn handle(&self) -> js_sys::Object {
        self.0.as_webgpu().map(|buffer| AsRef::<js_sys::Object>::as_ref(buffer).clone()).unwrap_or_default()
    }
}

impl Gpu {
    /// As [`Gpu::run`], but the maps stay there: each output's slot in a buffer of its own, the caller's.
    ///
    /// # Errors
    /// As [`Gpu::run`].
    pub fn keep(&mut self, plan: usize, picture: &Picture<'_>, view: &View) -> Result<Vec<Kept>> {
        let mut encoder = self.encode(plan, picture, view)?;
        let mut kept = Vec::new();
        for (arena, offset, bytes) in self.outputs(plan) {
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
            let copy = buffer(&self.device, "embedding", bytes, usage);
            encoder.copy_buffer_to_buffer(arena, offset, &copy, 0, bytes);
            kept.push(Kept(copy));
        }
        self.device.queue.submit([encoder.finish()]);
        Ok(kept)
    }
}
