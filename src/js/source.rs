//! A frame as JavaScript has it → RGBA bytes.

use super::errors::{JsResult, thrown};
use crate::error::{Error, Kind};
use crate::frame::Frame;
use crate::net::{External, Picture};
use crate::pixels::opaque_rgba;
use js_sys::{Object, Reflect, Uint8Array, Uint8ClampedArray};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    HtmlCanvasElement, ImageBitmap, ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d as Context,
    VideoFrame,
};

/// Reads frames through one canvas and into one buffer, both kept from frame to frame.
pub struct Pixels {
    canvas: Option<(OffscreenCanvas, Context)>,
    bytes: Vec<u8>,
}

impl Pixels {
    pub const fn new() -> Self {
        Self { canvas: None, bytes: Vec::new() }
    }

    /// The pixels of an ImageBitmap, VideoFrame, canvas, ImageData or `{ data, width, height }`.
    pub fn read(&mut self, source: &JsValue) -> JsResult<Frame<'_>> {
        let (width, height) = self.fill(source)?;
        Ok(Frame { rgba: &self.bytes, width_px: width as usize, height_px: height as usize })
    }

    fn fill(&mut self, source: &JsValue) -> JsResult<(u32, u32)> {
        if let Some(bitmap) = source.dyn_ref::<ImageBitmap>() {
            let size = not_closed((bitmap.width(), bitmap.height()), "ImageBitmap")?;
            self.draw(size, |context, (w, h)| {
                context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, w, h)
            })
        } else if let Some(frame) = source.dyn_ref::<VideoFrame>() {
            let size = not_closed((frame.display_width(), frame.display_height()), "VideoFrame")?;
            self.draw(size, |context, (w, h)| context.draw_image_with_video_frame_and_dw_and_dh(frame, 0.0, 0.0, w, h))
        } else if let Some(canvas) = source.dyn_ref::<OffscreenCanvas>() {
            let size = not_empty((canvas.width(), canvas.height()), "OffscreenCanvas")?;
            self.draw(size, |context, (w, h)| {
                context.draw_image_with_offscreen_canvas_and_dw_and_dh(canvas, 0.0, 0.0, w, h)
            })
        } else if let Some(canvas) = source.dyn_ref::<HtmlCanvasElement>() {
            let size = not_empty((canvas.width(), canvas.height()), "canvas")?;
            self.draw(size, |context, (w, h)| {
                context.draw_image_with_html_canvas_element_and_dw_and_dh(canvas, 0.0, 0.0, w, h)
            })
        } else if let Some(data) = source.dyn_ref::<ImageData>() {
            Ok(self.copy(&bytes_of(data)?, data.width(), data.height()))
        } else {
            self.raw(source)
        }
    }

    /// What goes to a GPU: the picture itself where the browser can copy it there, else its bytes.
    pub fn picture(&mut self, source: &JsValue) -> JsResult<Picture<'_>> {
        let (width, height) = if let Some(bitmap) = source.dyn_ref::<ImageBitmap>() {
            not_closed((bitmap.width(), bitmap.height()), "ImageBitmap")?
        } else if let Some(frame) = source.dyn_ref::<VideoFrame>() {
            not_closed((frame.display_width(), frame.display_height()), "VideoFrame")?
        } else {
            return Ok(Picture::Bytes(self.read(source)?));
        };
        let external =
            External { source: source.clone().unchecked_into(), width_px: width as usize, height_px: height as usize };
        Ok(Picture::External(external))
    }

    /// Draws something onto the canvas and reads it back.
    fn draw(
        &mut self,
        (width, height): (u32, u32),
        draw: impl FnOnce(&Context, (f64, f64)) -> Result<(), JsValue>,
    ) -> JsResult<(u32, u32)> {
        if self.canvas.is_none() {
            self.canvas = Some(canvas(width, height)?);
        }
        let Some((canvas, context)) = &self.canvas else { return Err(JsValue::UNDEFINED) };
        // Setting a size clears the canvas, even to the size that it has.
        if (canvas.width(), canvas.height()) == (width, height) {
            context.clear_rect(0.0, 0.0, f64::from(width), f64::from(height));
        } else {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        let data = draw(context, (f64::from(width), f64::from(height)))
            .and_then(|()| context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)));
        match data {
            Ok(data) => Ok(self.copy(&bytes_of(&data)?, width, height)),
            Err(why) => {
                // A canvas stays tainted by what was drawn on it; the next frame gets a fresh one.
                self.canvas = None;
                Err(unreadable(&why))
            }
        }
    }

    fn copy(&mut self, data: &Uint8ClampedArray, width: u32, height: u32) -> (u32, u32) {
        self.bytes.resize(data.length() as usize, 0);
        data.copy_to(&mut self.bytes);
        (width, height)
    }

    /// `{ data: Uint8Array | Uint8ClampedArray, width, height, frame?, isBgra? }`, the last two where they are the bytes of that frame.
    fn raw(&mut self, source: &JsValue) -> JsResult<(u32, u32)> {
        let field = |name: &str| source.dyn_ref::<Object>().and_then(|object| Reflect::get(object, &name.into()).ok());
        let number = |name: &str| field(name).and_then(|value| value.as_f64()).filter(|value| *value >= 0.0);
        let (Some(data), Some(width), Some(height)) = (field("data"), number("width"), number("height")) else {
            return Err(thrown(unsupported(source)));
        };
        if let Some(bytes) = data.dyn_ref::<Uint8Array>() {
            self.bytes.resize(bytes.length() as usize, 0);
            bytes.copy_to(&mut self.bytes);
        } else if let Some(bytes) = data.dyn_ref::<Uint8ClampedArray>() {
            self.copy(bytes, 0, 0);
        } else {
            return Err(thrown(unsupported(&data)));
        }
        if let Some(frame) = field("frame").filter(JsValue::is_object)
            && !opaque_rgba(&mut self.bytes, field("isBgra").is_some_and(|it| it.is_truthy()))
        {
            // Whether colours are multiplied by alpha in there, no standard says; of what is drawn it is known.
            return self.fill(&frame);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; the length is checked")]
        Ok((width as u32, height as u32))
    }
}

/// The array itself: `ImageData::data` of web-sys would copy it into a fresh `Vec` for every frame.
fn bytes_of(data: &ImageData) -> JsResult<Uint8ClampedArray> {
    Reflect::get(data, &"data".into())?.dyn_into()
}

/// A canvas that is read after every draw, so that the browser keeps it where reading is cheap.
fn canvas(width: u32, height: u32) -> JsResult<(OffscreenCanvas, Context)> {
    let canvas = OffscreenCanvas::new(width, height).map_err(|why| unreadable(&why))?;
    let options = Object::new();
    Reflect::set(&options, &"willReadFrequently".into(), &true.into())?;
    let context = canvas.get_context_with_context_options("2d", &options)?.and_then(|context| context.dyn_into().ok());
    let context = context.ok_or_else(|| {
        thrown(
            Error::new(Kind::Unsupported, "OffscreenCanvas")
                .expected("a 2d context")
                .found("none")
                .remedy("Use Chrome 69, Firefox 105, Safari 17 or newer, or pass { data, width, height }."),
        )
    })?;
    Ok((canvas, context))
}

fn not_closed(size: (u32, u32), what: &str) -> JsResult<(u32, u32)> {
    if size.0 > 0 && size.1 > 0 {
        return Ok(size);
    }
    Err(thrown(
        Error::new(Kind::SourceDetached, what)
            .expected("one that is open")
            .found("one that was closed or transferred away")
            .remedy("Close it only after the call has returned."),
    ))
}

fn not_empty(size: (u32, u32), what: &str) -> JsResult<(u32, u32)> {
    if size.0 > 0 && size.1 > 0 {
        return Ok(size);
    }
    Err(thrown(
        Error::new(Kind::SourceEmpty, what)
            .expected("at least 1×1 px")
            .found(format!("{}×{} px", size.0, size.1))
            .remedy("Set its width and height, and draw on it, before the call."),
    ))
}

fn unsupported(source: &JsValue) -> Error {
    let found = source
        .dyn_ref::<Object>()
        .map_or_else(|| source.js_typeof().as_string(), |object| object.constructor().name().as_string());
    Error::new(Kind::SourceUnsupported, "frame")
        .expected("a canvas, ImageBitmap, ImageData, VideoFrame, or { data, width, height } of RGBA bytes")
        .found(found.unwrap_or_else(|| "something else".into()))
        .remedy("Draw it on a canvas first.")
}

/// Why the browser would not draw or read a frame.
fn unreadable(why: &JsValue) -> JsValue {
    let name = why.dyn_ref::<web_sys::DomException>().map(web_sys::DomException::name).unwrap_or_default();
    let (kind, found, remedy) = match name.as_str() {
        "SecurityError" => (
            Kind::SourceTainted,
            "pixels of another origin",
            "Load the picture with crossorigin=\"anonymous\" from a server that sends Access-Control-Allow-Origin.",
        ),
        "InvalidStateError" => {
            (Kind::SourceDetached, "one that was closed", "Close it only after the call has returned.")
        }
        _ => (Kind::SourceUnsupported, "one that the browser cannot draw", "Draw it on a canvas first."),
    };
    thrown(Error::new(kind, "frame").expected("a readable frame").found(found).remedy(remedy))
}
