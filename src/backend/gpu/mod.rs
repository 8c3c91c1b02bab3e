//! Plans on a GPU, over wgpu: WebGPU in the browser, Vulkan natively. One arena, one submit a frame, and nothing is
//! read back but what was asked for.

mod answer;
mod connect;
mod keep;
mod lower;
mod picture;
mod pipelines;
mod profile;
mod readback;
mod shaders;

pub use answer::Answer;
pub use connect::{Device, Gpus, Limits, connect, connect_within};
pub use keep::Kept;
pub use lower::{Dispatch, lower};
#[cfg(target_arch = "wasm32")]
pub use picture::External;
pub use picture::Picture;
pub use profile::Timed;
pub use shaders::{SHADERS, Shader, Variant};

use crate::error::Result;
use crate::frame::{Preprocessor, View};
use crate::lane::Vec4;
use crate::plan::{Output, Plan, Slot};
use picture::{Stage, buffer};
use pipelines::Pipelines;
use readback::Pool;
use shaders::Bindings;
use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

/// Step blocks lie this far apart: what every adapter can bind.
const STEP_BYTES: usize = 256;

/// What a frame runs before its plan.
static FRAME: [&Shader; 2] = [&shaders::FRAME_ROWS, &shaders::FRAME_COLUMNS];

/// The most labels that the GPU finds by itself; 256 bytes of results.
pub const MOST_LABELS: usize = 32;

/// A network on a GPU: its packed parameters, its arena, and the plans that have been prepared.
#[derive(Debug)]
pub struct Gpu {
    device: Device,
    pipelines: Rc<Pipelines>,
    /// [`FRAME`]; none on a software adapter, where the CPU reads a picture in less time than they take to compile.
    frame: &'static [&'static Shader],
    weights: wgpu::Buffer,
    results: wgpu::Buffer,
    arena: Option<wgpu::Buffer>,
    stage: Stage,
    prepared: Vec<Prepared>,
    pool: Pool,
}

/// One plan's dispatches, ready to be encoded.
#[derive(Debug)]
struct Prepared {
    /// Shader and workgroups of each.
    dispatches: Vec<(&'static Shader, u32)>,
    steps: wgpu::Buffer,
    bound: Option<wgpu::BindGroup>,
    input: Slot,
    outputs: Vec<Output>,
    arena: usize,
    /// How many labels the last dispatch finds; 0 where there is no such dispatch.
    labels: usize,
}

/// What a run should bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Every output of the plan.
    Maps,
    /// The most likely classes, at most [`MOST_LABELS`], of a plan whose one output is their probabilities.
    Labels(usize),
}

impl Gpu {
    /// A network's packed `parameters` on that device.
    ///
    /// # Errors
    /// [`crate::Kind::GpuFailed`] where they are more than the adapter can bind; what has gone wrong with the device before.
    pub fn new(device: &Device, variant: Variant, preprocessor: Preprocessor, parameters: &[Vec4]) -> Result<Self> {
        let bytes = stored(parameters, variant.f16);
        device.check()?;
        device.fits("weights", bytes.len() as u64)?;
        let weights = buffer(device, "weights", bytes.len() as u64, wgpu::BufferUsages::STORAGE);
        device.queue.write_buffer(&weights, 0, &bytes);
        let results = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let pipelines = Pipelines::of(device, variant);
        Ok(Self {
            device: device.clone(),
            frame: if variant.software { &[] } else { &FRAME },
            pipelines,
            weights,
            results: buffer(device, "results", MOST_LABELS as u64 * 8, results),
            arena: None,
            stage: Stage::new(device, preprocessor),
            prepared: Vec::new(),
            pool: Pool::default(),
        })
    }

    /// How its shaders are compiled.
    #[must_use]
    pub fn variant(&self) -> Variant {
        self.pipelines.variant()
    }

    /// How many pipelines its plans use, and the frame's.
    #[must_use]
    pub fn pipelines(&self) -> usize {
        let mut distinct: Vec<&Shader> = Vec::new();
        for shader in self.shaders() {
            if !distinct.iter().any(|known| std::ptr::eq(*known, shader)) {
                distinct.push(shader);
            }
        }
        distinct.len()
    }

    /// Those of its frames and plans, one more than once.
    fn shaders(&self) -> impl Iterator<Item = &'static Shader> {
        let planned = self.prepared.iter().flat_map(|prepared| &prepared.dispatches).map(|(shader, _)| *shader);
        self.frame.iter().copied().chain(planned)
    }

    /// Compiles what is not compiled yet, as the first run does.
    pub fn compile(&self) {
        self.shaders().for_each(|shader| drop(self.pipelines.get(&self.device, shader)));
    }

    /// How many dispatches a frame of that plan takes, from its texture on.
    #[must_use]
    pub fn dispatches(&self, plan: usize) -> usize {
        self.frame.len() + self.prepared[plan].dispatches.len()
    }

    /// Writes all that running `plan` takes, and says by which number it is run.
    ///
    /// # Errors
    /// [`crate::Kind::GpuFailed`] where its maps are more than the adapter can bind.
    pub fn prepare(&mut self, plan: &Plan, want: Want) -> Result<usize> {
        self.device.fits("maps", self.arena_bytes(plan.arena))?;
        let labels = match want {
            Want::Labels(count) if plan.outputs.len() == 1 => count.min(MOST_LABELS),
            _ => 0,
        };
        let dispatches = lower(plan, labels, self.variant().software);
        let mut blocks = vec![0_u32; dispatches.len() * STEP_BYTES / 4];
        for (block, dispatch) in blocks.chunks_exact_mut(STEP_BYTES / 4).zip(&dispatches) {
            block[..dispatch.words.len()].copy_from_slice(&dispatch.words);
        }
        let steps = buffer(&self.device, "steps", blocks.len() as u64 * 4, wgpu::BufferUsages::STORAGE);
        self.device.queue.write_buffer(&steps, 0, bytemuck::cast_slice(&blocks));
        let dispatches = dispatches.iter().map(|dispatch| (dispatch.shader, dispatch.groups)).collect();
        let outputs = plan.outputs.clone();
        let input = plan.input.clone();
        self.prepared.push(Prepared { dispatches, steps, bound: None, input, outputs, arena: plan.arena, labels });
        Ok(self.prepared.len() - 1)
    }

    fn arena_bytes(&self, vec4s: usize) -> u64 {
        vec4s as u64 * stored_bytes(self.variant().f16)
    }

    /// What that plan's outputs are copied from: the arena, the offset in bytes, the length in bytes.
    fn outputs(&self, plan: usize) -> impl Iterator<Item = (&wgpu::Buffer, u64, u64)> {
        let copy =
            |slot: &Slot| Some((self.arena.as_ref()?, self.arena_bytes(slot.start), self.arena_bytes(slot.len())));
        self.prepared[plan].outputs.iter().filter_map(move |output| copy(&output.slot))
    }

    /// Makes room for that plan's maps and binds them.
    fn bind(&mut self, plan: usize) {
        let bytes = self.arena_bytes(self.prepared[plan].arena);
        if self.arena.as_ref().is_none_or(|arena| arena.size() < bytes) {
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
            self.arena = Some(buffer(&self.device, "arena", bytes, usage));
            self.stage.unbind();
            for prepared in &mut self.prepared {
                prepared.bound = None;
            }
        }
        let prepared = &mut self.prepared[plan];
        let Some(arena) = self.arena.as_ref().filter(|_| prepared.bound.is_none()) else { return };
        let step = wgpu::BufferBinding {
            buffer: &prepared.steps,
            offset: 0,
            size: std::num::NonZeroU64::new(STEP_BYTES as u64),
        };
        let resources = [
            wgpu::BindingResource::Buffer(step),
            self.weights.as_entire_binding(),
            arena.as_entire_binding(),
            self.results.as_entire_binding(),
        ];
        prepared.bound = Some(bind_group(&self.device, self.pipelines.layout(Bindings::Maps), resources));
    }

    /// Computes one frame: uploads it, submits every dispatch at once, and asks for the answer.
    ///
    /// # Errors
    /// What is wrong with the frame, or with the GPU.
    pub fn run(&mut self, plan: usize, picture: &Picture<'_>, view: &View) -> Result<Answer> {
        let encoder = self.encode(plan, picture, view)?;
        Ok(self.answer(encoder, plan))
    }

    fn encode(&mut self, plan: usize, picture: &Picture<'_>, view: &View) -> Result<wgpu::CommandEncoder> {
        let frames = self.upload(plan, picture, view)?;
        let mut encoder =
            self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("frame") });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        self.frame_passes(&mut pass, frames);
        self.plan_passes(&mut pass, plan, 0..self.prepared[plan].dispatches.len());
        drop(pass);
        Ok(encoder)
    }

    /// Brings a picture to the GPU, and says which of the frame's passes it needs there.
    fn upload(&mut self, plan: usize, picture: &Picture<'_>, view: &View) -> Result<Range<usize>> {
        self.device.check()?;
        self.bind(plan);
        let input = self.prepared[plan].input.clone();
        let pixels: Vec<Vec4> = match picture {
            Picture::Tensor(values) => values.as_chunks::<3>().0.iter().map(|&[r, g, b]| [r, g, b, 0.0]).collect(),
            _ if self.frame.is_empty() => self.stage.read(picture, view, input.len())?,
            _ => {
                self.stage.upload(&self.device, picture, view, input.start)?;
                return Ok(0..self.frame.len());
            }
        };
        self.write(&input, &pixels);
        Ok(0..0)
    }

    fn frame_passes(&mut self, pass: &mut wgpu::ComputePass<'_>, passes: Range<usize>) {
        let Some(arena) = self.arena.as_ref().filter(|_| !passes.is_empty()) else { return };
        let layout = self.pipelines.layout(Bindings::Frame);
        let Some((group, sizes)) = self.stage.bind(&self.device, layout, arena) else { return };
        pass.set_bind_group(0, group, &[]);
        for (shader, (across, down)) in self.frame.iter().zip(sizes).take(passes.end).skip(passes.start) {
            pass.set_pipeline(&self.pipelines.get(&self.device, shader));
            pass.dispatch_workgroups(across, down, 1);
        }
    }

    fn plan_passes(&self, pass: &mut wgpu::ComputePass<'_>, plan: usize, passes: Range<usize>) {
        let prepared = &self.prepared[plan];
        for index in passes {
            let (shader, groups) = prepared.dispatches[index];
            pass.set_pipeline(&self.pipelines.get(&self.device, shader));
            pass.set_bind_group(0, prepared.bound.as_ref(), &[(index * STEP_BYTES) as u32]);
            pass.dispatch_workgroups(groups.min(ROW), groups.div_ceil(ROW), 1);
        }
    }

    /// Copies what was asked for to where it can be read, and submits.
    fn answer(&self, mut encoder: wgpu::CommandEncoder, plan: usize) -> Answer {
        let prepared = &self.prepared[plan];
        let copies: Vec<(&wgpu::Buffer, u64, u64)> = if prepared.labels > 0 {
            vec![(&self.results, 0, prepared.labels as u64 * 8)]
        } else {
            self.outputs(plan).collect()
        };
        let total = copies.iter().map(|(_, _, bytes)| bytes).sum();
        let staging = self.pool.take(&self.device, total);
        let mut at = 0;
        for (from, offset, bytes) in copies {
            encoder.copy_buffer_to_buffer(from, offset, &staging, at, bytes);
            at += bytes;
        }
        self.device.queue.submit([encoder.finish()]);
        let outputs = if prepared.labels > 0 { Vec::new() } else { prepared.outputs.clone() };
        Answer { pending: self.pool.read(&self.device, staging, total), outputs, f16: self.variant().f16 }
    }

    /// Writes a map.
    pub fn write(&mut self, slot: &Slot, values: &[Vec4]) {
        if let Some(arena) = &self.arena {
            let bytes = stored(values, self.variant().f16);
            self.device.queue.write_buffer(arena, self.arena_bytes(slot.start), &bytes);
        }
    }

    /// Writes the whole arena, as large as that plan needs it: how tests poison what a kernel should write.
    pub fn fill(&mut self, plan: usize, value: f32) {
        self.bind(plan);
        let length = self.prepared[plan].arena;
        self.write(&(0..length), &vec![[value; 4]; length]);
    }
}

/// A browser would keep their memory until it collects garbage. What was submitted is still computed.
impl Drop for Gpu {
    fn drop(&mut self) {
        let steps = self.prepared.iter().map(|prepared| &prepared.steps);
        for buffer in steps.chain([&self.weights, &self.results]).chain(&self.arena) {
            buffer.destroy();
        }
        self.stage.destroy();
        self.pool.destroy();
    }
}

/// Workgroups of a row of a dispatch: `group_index` of `shaders/lib/maps.wgsl`.
const ROW: u32 = 32_768;

/// Bytes of a [`Vec4`] in the arena.
#[must_use]
pub const fn stored_bytes(f16: bool) -> u64 {
    if f16 { 8 } else { 16 }
}

/// Values as the arena holds them.
fn stored(values: &[Vec4], f16: bool) -> Cow<'_, [u8]> {
    if f16 {
        values.as_flattened().iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
    } else {
        bytemuck::cast_slice(values).into()
    }
}

fn bind_group<const N: usize>(
    device: &Device,
    layout: &wgpu::BindGroupLayout,
    resources: [wgpu::BindingResource<'_>; N],
) -> wgpu::BindGroup {
    let entries: Vec<_> =
        (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
    device.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}
