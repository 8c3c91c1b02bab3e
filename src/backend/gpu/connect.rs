//! A GPU to talk to: adapter, device, and what has gone wrong with it since.

use super::pipelines::Shared;
use super::shaders::Variant;
use crate::error::{Error, Kind, Result};
use std::sync::{Arc, Mutex};

/// A device, shared by everything that runs on it.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// Which GPU it is, in words.
    pub name: String,
    /// Whether it is a CPU that pretends to be a GPU.
    pub fallback: bool,
    faults: Faults,
    pub(super) pipelines: Shared,
}

/// The first thing that went wrong, in words, and whether the device is gone.
#[derive(Clone, Debug, Default)]
struct Faults(Arc<Mutex<Option<(Kind, String)>>>);

impl Faults {
    fn note(&self, kind: Kind, what: String) {
        if let Ok(mut first) = self.0.lock() {
            // A lost device explains everything that came before it.
            if first.is_none() || kind == Kind::GpuLost {
                *first = Some((kind, what));
            }
        }
    }

    fn first(&self) -> Option<(Kind, String)> {
        self.0.lock().ok()?.clone()
    }
}

/// Features that are used where they exist. In browsers `pkg/wake.js` asks for them.
const WANTED: wgpu::Features =
    wgpu::Features::SHADER_F16.union(wgpu::Features::SUBGROUP).union(wgpu::Features::TIMESTAMP_QUERY);

/// The way to GPUs: `navigator.gpu` as it is at this moment, or the machine's Vulkan drivers.
#[derive(Clone, Debug)]
pub struct Gpus(wgpu::Instance);

impl Gpus {
    /// Asks for nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "what it finds depends on the moment")]
    pub fn new() -> Self {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::BROWSER_WEBGPU | wgpu::Backends::VULKAN;
        Self(wgpu::Instance::new(descriptor))
    }
}

/// How much of an adapter is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// Everything that it has: large inputs need large buffers.
    #[default]
    Adapter,
    /// What every WebGPU adapter has.
    Least,
}

/// Connects to the GPU that the browser, or Vulkan, prefers.
///
/// # Errors
/// [`Kind::GpuUnavailable`].
pub async fn connect(gpus: Gpus) -> Result<Device> {
    connect_within(gpus, Limits::Adapter).await
}

/// The same within `limits`, which tests lower.
///
/// # Errors
/// As [`connect`].
pub async fn connect_within(Gpus(instance): Gpus, limits: Limits) -> Result<Device> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..wgpu::RequestAdapterOptions::default()
    };
    let adapter = instance.request_adapter(&options).await.map_err(|why| {
        // In a browser the reason lists what natively might have been tried.
        let why: &dyn std::fmt::Display = if cfg!(target_arch = "wasm32") { &"none" } else { &why };
        unavailable("a WebGPU adapter", why)
    })?;
    let info = adapter.get_info();
    let wanted = wgpu::DeviceDescriptor {
        label: Some("mobilenet-web"),
        required_features: adapter.features() & WANTED,
        required_limits: match limits {
            Limits::Adapter => adapter.limits(),
            Limits::Least => wgpu::Limits::default(),
        },
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = adapter.request_device(&wanted).await.map_err(|why| unavailable("a WebGPU device", &why))?;
    let faults = Faults::default();
    let lost = faults.clone();
    device.set_device_lost_callback(move |_, why| lost.note(Kind::GpuLost, why));
    let wrong = faults.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let kind =
            if matches!(error, wgpu::Error::OutOfMemory { .. }) { Kind::GpuOutOfMemory } else { Kind::GpuFailed };
        wrong.note(kind, error.to_string());
    }));
    let fallback = info.device_type == wgpu::DeviceType::Cpu;
    Ok(Device { device, queue, name: name(&info), fallback, faults, pipelines: Shared::default() })
}

fn unavailable(expected: &str, why: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::GpuUnavailable, "gpu")
        .expected(expected)
        .found(why.to_string())
        .remedy("Use backend \"auto\", which falls back to the CPU, or another browser or driver.")
}

/// The adapter and its driver in words. A browser tells no driver, and of the adapter often nothing.
fn name(info: &wgpu::AdapterInfo) -> String {
    let parts = [&info.name, &info.driver].map(|part| part.trim());
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

impl Device {
    /// The fastest variant of the shaders that this device can run with maps of 32 bits.
    #[must_use]
    pub fn variant(&self) -> Variant {
        Variant { f16: false, quads: self.has_subgroups(), software: self.fallback }
    }

    /// Drops the pipelines that no network uses.
    pub fn forget_pipelines(&self) {
        self.pipelines.borrow_mut().clear();
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn has_subgroups(&self) -> bool {
        self.device.features().contains(wgpu::Features::SUBGROUP)
    }

    /// wgpu does not know the feature of browsers, which `pkg/wake.js` asks for.
    #[cfg(target_arch = "wasm32")]
    fn has_subgroups(&self) -> bool {
        let features = js_sys::Reflect::get(&self.handle(), &"features".into()).unwrap_or_default();
        let has = js_sys::Reflect::get(&features, &"has".into()).unwrap_or_default();
        let has = js_sys::Function::from(has);
        has.call1(&features, &"subgroups".into()).is_ok_and(|has| has.is_truthy())
    }

    /// Whether maps can have 16 bits.
    #[must_use]
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// The browser's object.
    #[cfg(target_arch = "wasm32")]
    #[must_use]
    pub fn handle(&self) -> js_sys::Object {
        self.device.as_webgpu().map(|device| AsRef::<js_sys::Object>::as_ref(device).clone()).unwrap_or_default()
    }

    /// Whether dispatches can be timed.
    #[must_use]
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Gives the device up, as a driver that crashes would: for tests of what happens then.
    pub fn lose(&self) {
        self.device.destroy();
    }

    /// # Errors
    /// The first thing that went wrong on this device: [`Kind::GpuLost`], [`Kind::GpuOutOfMemory`] or
    /// [`Kind::GpuFailed`].
    pub fn check(&self) -> Result<()> {
        match self.faults.first() {
            None => Ok(()),
            Some((kind, found)) => Err(failed(kind, found)),
        }
    }
}

impl Device {
    /// # Errors
    /// [`Kind::GpuFailed`] where a buffer of so many bytes, for `what`, is larger than the adapter allows.
    pub(super) fn fits(&self, what: &str, bytes: u64) -> Result<()> {
        let limits = self.device.limits();
        let most = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        if bytes > most { Err(exceeded(what, format!("{bytes} bytes"), &most)) } else { Ok(()) }
    }
}

/// The error for what is larger than the adapter allows.
pub(super) fn exceeded(what: &str, found: String, most: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::GpuFailed, format!("gpu, {what}"))
        .expected(format!("at most {most}, the adapter's limit"))
        .found(found)
        .remedy("The CPU answers. A smaller input or a narrower network would fit.")
}

/// The error for a device that has failed.
pub(super) fn failed(kind: Kind, found: String) -> Error {
    Error::new(kind, "gpu")
        .expected("a device that works")
        .found(found)
        .remedy("Nothing is lost: the CPU answers, and the GPU is tried again.")
}
