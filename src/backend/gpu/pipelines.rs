//! Compiled shaders, each once a device and variant.

use super::connect::Device;
use super::shaders::{Bindings, Shader, Variant};
use std::cell::RefCell;
use std::rc::Rc;

/// Bind group layouts and the pipelines compiled so far, for every network of a device.
#[derive(Debug)]
pub(super) struct Pipelines {
    variant: Variant,
    maps: Layout,
    frame: Layout,
    compiled: RefCell<Vec<(&'static Shader, wgpu::ComputePipeline)>>,
}

/// The pipelines of each variant.
pub(super) type Shared = Rc<RefCell<Vec<Rc<Pipelines>>>>;

#[derive(Debug)]
struct Layout {
    group: wgpu::BindGroupLayout,
    pipeline: wgpu::PipelineLayout,
}

impl Pipelines {
    /// Those of that variant.
    pub(super) fn of(device: &Device, variant: Variant) -> Rc<Self> {
        let mut shared = device.pipelines.borrow_mut();
        let known = shared.iter().find(|pipelines| pipelines.variant == variant).cloned();
        known.unwrap_or_else(|| {
            let new = Rc::new(Self::new(device, variant));
            shared.push(new.clone());
            new
        })
    }

    fn new(device: &Device, variant: Variant) -> Self {
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
            compiled: RefCell::default(),
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

    /// That shader's pipeline, compiled now if it has not been.
    pub(super) fn get(&self, device: &Device, shader: &'static Shader) -> wgpu::ComputePipeline {
        let mut compiled = self.compiled.borrow_mut();
        if let Some((_, pipeline)) = compiled.iter().find(|(known, _)| std::ptr::eq(*known, shader)) {
            return pipeline.clone();
        }
        let module = device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(shader.stem),
            source: wgpu::ShaderSource::Wgsl(shader.source(self.variant).into()),
        });
        let layout = match shader.bindings {
            Bindings::Maps => &self.maps,
            Bindings::Frame => &self.frame,
        };
        let mut constants = shader.constants.to_vec();
        if shader.bindings == Bindings::Maps {
            constants.push(("WIDTH", f64::from(shader.width(self.variant))));
        }
        let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(shader.stem),
            layout: Some(&layout.pipeline),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                // Every kernel writes before it reads.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        compiled.push((shader, pipeline.clone()));
        pipeline
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
