//! A frame on the GPU: its texture, and the two passes that make it the input tensor.

use super::connect::{Device, exceeded};
use crate::error::Result;
#[cfg(target_arch = "wasm32")]
use crate::error::{Error, Kind};
use crate::frame::{Frame, Preprocessor, Tables, View};
use crate::lane::{Body, Vec4};

/// What a call looks at.
#[derive(Debug)]
pub enum Picture<'a> {
    /// Bytes in memory.
    Bytes(Frame<'a>),
    /// A canvas, bitmap or video frame, which goes to the GPU without being read back.
    #[cfg(target_arch = "wasm32")]
    External(External),
    /// An input tensor, `[height, width, 3]`, already preprocessed.
    Tensor(&'a [f32]),
}

/// A picture that the browser copies to the GPU.
#[cfg(target_arch = "wasm32")]
#[derive(Debug)]
pub struct External {
    /// An ImageBitmap or a VideoFrame.
    pub source: js_sys::Object,
    /// Pixels a row.
    pub width_px: usize,
    /// Rows.
    pub height_px: usize,
}

#[cfg(target_arch = "wasm32")]
impl External {
    /// wgpu's own call takes it for granted that browsers can copy any picture; some refuse some video frames.
    fn copy(&self, device: &Device, texture: &wgpu::Texture) -> Result<()> {
        use js_sys::{Array, Function, Object, Reflect};
        let (Some(queue), Some(texture)) = (device.queue.as_webgpu(), texture.as_webgpu()) else { return Ok(()) };
        let copy = || {
            let (from, to) = (Object::new(), Object::new());
            Reflect::set(&from, &"source".into(), &self.source)?;
            Reflect::set(&to, &"texture".into(), texture)?;
            let size = Array::of2(&(self.width_px as f64).into(), &(self.height_px as f64).into());
            Function::from(Reflect::get(queue, &"copyExternalImageToTexture".into())?).call3(queue, &from, &to, &size)
        };
        copy().map(drop).map_err(|_| not_copied())
    }
}

/// The error after which a caller hands in the picture's bytes.
#[cfg(target_arch = "wasm32")]
fn not_copied() -> Error {
    Error::new(Kind::SourceUnsupported, "frame")
        .expected("a picture that the browser copies to its GPU")
        .found("one that it does not")
        .remedy("Draw it on a canvas first.")
}

/// The texture and the buffers of the two passes; kept while frames keep their size.
#[derive(Debug)]
pub(super) struct Stage {
    preprocessor: Preprocessor,
    tables: Option<Tables>,
    /// The picture of the frame before.
    texture: Option<wgpu::Texture>,
    frame: wgpu::Buffer,
    taps: Option<wgpu::Buffer>,
    across: Option<wgpu::Buffer>,
    bound: Option<wgpu::BindGroup>,
    words: [u32; WORDS],
}

/// Length of `Frame` in `shaders/lib/frame.wgsl`.
const WORDS: usize = 16;

impl Stage {
    pub(super) fn new(device: &Device, preprocessor: Preprocessor) -> Self {
        let frame = buffer(device, "frame", WORDS as u64 * 4, wgpu::BufferUsages::STORAGE);
        Self {
            preprocessor,
            tables: None,
            texture: None,
            frame,
            taps: None,
            across: None,
            bound: None,
            words: [0; WORDS],
        }
    }

    pub(super) fn destroy(&self) {
        [Some(&self.frame), self.taps.as_ref(), self.across.as_ref()]
            .into_iter()
            .flatten()
            .for_each(wgpu::Buffer::destroy);
        self.texture.iter().for_each(wgpu::Texture::destroy);
    }

    /// The arena has moved, so that what is bound must be bound anew.
    pub(super) fn unbind(&mut self) {
        self.bound = None;
    }

    /// The input tensor of a picture in memory, of so many pixels, computed here.
    pub(super) fn read(&mut self, picture: &Picture<'_>, view: &View, pixels: usize) -> Result<Vec<Vec4>> {
        let mut tensor = vec![[0.0; 4]; pixels];
        match picture {
            Picture::Bytes(frame) => self.preprocessor.run(Body::Simd, frame, view, &mut tensor)?,
            #[cfg(target_arch = "wasm32")]
            Picture::External(_) => return Err(not_copied()),
            Picture::Tensor(_) => {}
        }
        Ok(tensor)
    }

    /// Uploads a picture and describes it to the shaders.
    pub(super) fn upload(&mut self, device: &Device, picture: &Picture<'_>, view: &View, input: usize) -> Result<()> {
        let (width, height) = match picture {
            Picture::Bytes(frame) => (frame.width_px, frame.height_px),
            #[cfg(target_arch = "wasm32")]
            Picture::External(external) => (external.width_px, external.height_px),
            Picture::Tensor(_) => return Ok(()),
        };
        if let Picture::Bytes(frame) = picture {
            frame.check()?;
        }
        let largest = device.device.limits().max_texture_dimension_2d as usize;
        if width.max(height) > largest {
            return Err(exceeded("frame", format!("{width} × {height} px"), &format!("{largest} px")));
        }
        if let Some(tables) = self.preprocessor.tables(width, height, view)? {
            let taps = buffer(device, "taps", tables.taps.len() as u64 * 4, wgpu::BufferUsages::STORAGE);
            device.queue.write_buffer(&taps, 0, bytemuck::cast_slice(&tables.taps));
            self.taps = Some(taps);
            self.tables = Some(tables);
            self.bound = None;
        }
        let (rows, columns) = self.tables.as_ref().map_or((0, 0), |tables| (tables.rows.1, tables.size_px.0));
        let across = rows as u64 * columns as u64 * 16;
        device.fits("frame", across)?;
        if self.across.as_ref().is_none_or(|buffer| buffer.size() < across) {
            self.across = Some(buffer(device, "rows", across, wgpu::BufferUsages::STORAGE));
            self.bound = None;
        }
        let size = wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 };
        if self.texture.as_ref().is_none_or(|texture| texture.size() != size) {
            self.texture = Some(texture(device, size));
            self.bound = None;
        }
        let Some(texture) = &self.texture else { return Ok(()) };
        match picture {
            Picture::Bytes(frame) => device.queue.write_texture(
                texture.as_image_copy(),
                frame.rgba,
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(size.width * 4), rows_per_image: None },
                size,
            ),
            #[cfg(target_arch = "wasm32")]
            Picture::External(external) => external.copy(device, texture)?,
            Picture::Tensor(_) => {}
        }
        self.describe(device, view, input);
        Ok(())
    }

    fn describe(&mut self, device: &Device, view: &View, input: usize) {
        let Some(tables) = &self.tables else { return };
        let mut words = [0; WORDS];
        let whole = [
            input,
            tables.size_px.0,
            tables.size_px.1,
            tables.rows.0,
            tables.rows.1,
            usize::from(tables.rounded),
            tables.row_taps,
        ];
        for (to, from) in words.iter_mut().zip(whole) {
            *to = from as u32;
        }
        let background = view.background.map(f32::from);
        let scale = tables.std.map(|std| 1.0 / std);
        let numbers = [background, tables.mean, scale];
        for (to, from) in words[whole.len()..].iter_mut().zip(numbers.as_flattened()) {
            *to = from.to_bits();
        }
        if words != self.words {
            device.queue.write_buffer(&self.frame, 0, bytemuck::cast_slice(&words));
            self.words = words;
        }
    }

    /// Bytes that each of the two passes reads and writes, where a map has `stored` bytes a pixel.
    pub(super) fn bytes(&self, stored: u64) -> [u64; 2] {
        let Some((tables, texture)) = self.tables.as_ref().zip(self.texture.as_ref()) else { return [0; 2] };
        let (width, height) = tables.size_px;
        let across = (tables.rows.1 * width * 16) as u64;
        let read = tables.rows.1 as u64 * u64::from(texture.width()) * 4;
        [read + across, across + (width * height) as u64 * stored]
    }

    /// What the two passes bind, and how many workgroups each takes.
    pub(super) fn bind(
        &mut self,
        device: &Device,
        layout: &wgpu::BindGroupLayout,
        arena: &wgpu::Buffer,
    ) -> Option<(&wgpu::BindGroup, [(u32, u32); 2])> {
        let tables = self.tables.as_ref()?;
        if self.bound.is_none() {
            let picture = self.texture.as_ref()?.create_view(&wgpu::TextureViewDescriptor::default());
            let resources = [
                self.frame.as_entire_binding(),
                self.taps.as_ref()?.as_entire_binding(),
                wgpu::BindingResource::TextureView(&picture),
                self.across.as_ref()?.as_entire_binding(),
                arena.as_entire_binding(),
            ];
            self.bound = Some(super::bind_group(device, layout, resources));
        }
        let tiles = |length: usize| length.div_ceil(8) as u32;
        let (width, height) = tables.size_px;
        Some((self.bound.as_ref()?, [(tiles(width), tiles(tables.rows.1)), (tiles(width), tiles(height))]))
    }
}

/// A buffer that can be written to.
pub(super) fn buffer(device: &Device, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes.max(16),
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn texture(device: &Device, size: wgpu::Extent3d) -> wgpu::Texture {
    device.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        // Browsers draw external images into the texture.
        usage: wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    })
}
