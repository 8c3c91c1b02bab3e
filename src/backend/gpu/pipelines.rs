//! Compiled shaders, each once a device and variant.

use super::connect::Device;
use super::shaders::{Bindings, Shader, Variant};

/// Bind group layouts and the pipelines compiled so far.
#[derive(Debug)]
pub(super) struct Pipelines {
    variant: Variant,
    maps: Layout,
    frame: Layout,
    compiled: Vec<(&'static str, wgpu::ComputePipeline)>,
}

#[derive(Debug)]
struct Layout {
    group: wgpu::BindGroupLayout,
    pipeline: wgpu::PipelineLayout,
}

impl Pipelines {
    pub(super) fn new(device: &Device, variant: Variant) -> Self {
        let (read, write) = (storage(true, false), storage(false, false));
        let texture = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        Self {
            variant,
            maps: layout(device, &[storage(true, true), read, write, write]),
            frame: layout(device, &[read, read, texture, write, write]),
            compiled: Vec::new(),
        }
    }

    pub(super) const fn layout(&self, bindings: Bindings) -> &wgpu::BindGroupLayout {
        match bindings {
            Bindings::Maps => &self.maps.group,
            Bindings::Frame => &self.frame.group,
        }
    }

    pub(super) const fn variant(&self) -> Variant {
        self.variant
    }

    /// How many are compiled.
    pub(super) const fn count(&self) -> usize {
        self.compiled.len()
    }

    /// The index of that shader's pipeline, compiled now if it has not been.
    pub(super) fn index(&mut self, device: &Device, shader: &'static Shader) -> usize {
        if let Some(index) = self.compiled.iter().position(|(stem, _)| *stem == shader.stem) {
            return index;
        }
        let module = device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(shader.stem),
            source: wgpu::ShaderSource::Wgsl(shader.source(self.variant).into()),
        });
        let layout = match shader.bindings {
            Bindings::Maps => &self.maps,
            Bindings::Frame => &self.frame,
        };
        let width = [("WIDTH", f64::from(shader.width(self.variant)))];
        let constants = if shader.bindings == Bindings::Maps { width.as_slice() } else { &[] };
        let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(shader.stem),
            layout: Some(&layout.pipeline),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                // Every kernel writes before it reads.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        self.compiled.push((shader.stem, pipeline));
        self.compiled.len() - 1
    }

    pub(super) fn get(&self, index: usize) -> &wgpu::ComputePipeline {
        &self.compiled[index].1
    }
}

const fn storage(read_only: bool, has_dynamic_offset: bool) -> wgpu::BindingType {
    let ty = wgpu::BufferBindingType::Storage { read_only };
    wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None }
}

fn layout(device: &Device, types: &[wgpu::BindingType]) -> Layout {
    let entries: Vec<_> = (0..)
        .zip(types)
        .map(|(binding, &ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        })
        .collect();
    let group =
        device.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
    let pipeline = device.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&group)],
        immediate_size: 0,
    });
    Layout { group, pipeline }
}
