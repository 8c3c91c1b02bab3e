//! Bytes from the GPU: a pool of mappable buffers, and a future that ends when one has been filled.

use super::connect::{Device, failed};
use crate::error::{Kind, Result};
use futures_channel::oneshot;
use std::cell::RefCell;
use std::rc::Rc;

/// Mappable buffers that nobody is waiting for.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Rc<RefCell<Vec<wgpu::Buffer>>>);

impl Pool {
    /// A buffer of at least `bytes`.
    pub(super) fn take(&self, device: &Device, bytes: u64) -> wgpu::Buffer {
        let mut free = self.0.borrow_mut();
        // The smallest that does: or else one call for labels would take the maps' buffer from the next.
        let fitting = free.iter().enumerate().filter(|(_, buffer)| buffer.size() >= bytes);
        if let Some((index, _)) = fitting.min_by_key(|(_, buffer)| buffer.size()) {
            return free.swap_remove(index);
        }
        device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read-back"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Frees those that nobody is waiting for.
    pub(super) fn destroy(&self) {
        self.0.borrow_mut().drain(..).for_each(|buffer| buffer.destroy());
    }

    /// Asks for the first `bytes` of `buffer`, whose copy has been submitted.
    pub(super) fn read(&self, device: &Device, buffer: wgpu::Buffer, bytes: u64) -> Pending {
        let (sender, receiver) = oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // Nobody listens any more where the call was aborted.
            let _: std::result::Result<_, _> = sender.send(result.is_ok());
        });
        Pending { device: device.clone(), pool: self.clone(), buffer, bytes, receiver }
    }
}

/// Bytes on their way.
#[derive(Debug)]
pub(super) struct Pending {
    device: Device,
    pool: Pool,
    buffer: wgpu::Buffer,
    bytes: u64,
    receiver: oneshot::Receiver<bool>,
}

impl Pending {
    /// # Errors
    /// What has gone wrong with the device meanwhile. Never zeros in place of an answer.
    pub(super) async fn bytes(self) -> Result<Vec<u8>> {
        // Natively nothing happens unless somebody waits; a browser needs no asking.
        #[cfg(not(target_arch = "wasm32"))]
        self.device
            .device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|why| failed(Kind::GpuFailed, why.to_string()))?;
        let mapped = self.receiver.await.unwrap_or(false);
        self.device.check()?;
        if !mapped {
            return Err(failed(Kind::GpuLost, "a buffer that could not be read back".into()));
        }
        let view =
            self.buffer.get_mapped_range(..self.bytes).map_err(|why| failed(Kind::GpuFailed, why.to_string()))?;
        let bytes = view.to_vec();
        drop(view);
        self.buffer.unmap();
        self.pool.0.borrow_mut().push(self.buffer);
        Ok(bytes)
    }
}
