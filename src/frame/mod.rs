//! Pixels → input tensor: cut out, resample and normalise as the weights ask for it.
//!
//! [`model::Preprocessing`](crate::model::Preprocessing) says which part of the picture is used and how; `crop` turns
//! that into one grid per axis, `taps` into weighted source pixels per output pixel. The two bodies then do the same
//! sums: `reference` is the definition, `simd` is the fast one.

mod crop;
#[cfg(feature = "reference")]
mod reference;
mod simd;
mod tables;
mod taps;

use crate::error::{Error, Kind, Result};
use crate::lane::{Body, Vec4};
use crate::model::Preprocessing;
pub use crop::region;
pub use tables::Tables;
use taps::Taps;

/// A picture in memory: 8-bit RGBA, alpha not premultiplied, top row first, no padding between rows.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// `[height_px, width_px, 4]`.
    pub rgba: &'a [u8],
    /// Columns.
    pub width_px: usize,
    /// Rows.
    pub height_px: usize,
}

impl Frame<'_> {
    /// # Errors
    /// [`Kind::SourceWrongLength`] where there are not four bytes a pixel.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { rgba, width_px, height_px } = *self;
        let expected = width_px.checked_mul(height_px).and_then(|pixels| pixels.checked_mul(4));
        if expected == Some(rgba.len()) {
            return Ok(());
        }
        Err(Error::new(Kind::SourceWrongLength, place(width_px, height_px))
            .expected(expected.map_or("less than the address space".into(), |n| format!("{n} bytes of RGBA")))
            .found(format!("{} bytes", rgba.len()))
            .remedy("Hand in four bytes a pixel, rows without padding, and the width and height that belong to them."))
    }
}

/// How a frame becomes as large as the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Cut out and resampled as the weights' preprocessing says.
    #[default]
    Preset,
    /// Not at all: it has the input's size already, and is only normalised.
    AsIs,
}

/// How the network should look at a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// How the frame becomes as large as the network's input.
    pub fit: Fit,
    /// The colour behind transparent pixels.
    pub background: [u8; 3],
}

impl Default for View {
    /// The preset's fit on white, which is what most transparent pictures were drawn for.
    fn default() -> Self {
        Self { fit: Fit::Preset, background: [255; 3] }
    }
}

/// Turns frames into one network's input tensor.
///
/// It plans for a source size when it first sees it, and keeps its buffers: further frames of a size that was seen
/// allocate nothing.
#[derive(Debug)]
pub struct Preprocessor {
    rule: Preprocessing,
    height_px: usize,
    width_px: usize,
    planned: Option<Source>,
    rows: Taps,
    columns: Taps,
    buffers: simd::Buffers,
}

/// What the taps depend on, besides the rule and the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    height_px: usize,
    width_px: usize,
    fit: Fit,
}

/// All that a body needs to know to fill its output.
struct Job<'a> {
    frame: Frame<'a>,
    background: [u8; 3],
    rows: &'a Taps,
    columns: &'a Taps,
    /// Whether the frame has the output's size, so that there is nothing to resample.
    as_is: bool,
    /// Whether each pass's result is kept in whole units, as Pillow and canvases do, which resample bytes to bytes.
    /// Networks are that sensitive: without it, probabilities of V2 1.0 224 are up to 0.058 off torchvision's on 24
    /// photographs, with it up to 0.0023.
    rounded: bool,
    mean: [f32; 3],
    std: [f32; 3],
}

impl Preprocessor {
    /// For an input of `height_px` × `width_px` under that rule.
    #[must_use]
    pub fn new(rule: &Preprocessing, height_px: usize, width_px: usize) -> Self {
        Self {
            rule: *rule,
            height_px,
            width_px,
            planned: None,
            rows: Taps::default(),
            columns: Taps::default(),
            buffers: simd::Buffers::default(),
        }
    }

    /// Fills `out`, `[height_px, width_px]` pixels of R, G, B, 0.
    ///
    /// # Errors
    /// `SourceEmpty`, `SourceWrongLength` or, under [`Fit::AsIs`], `SourceWrongSize`.
    pub fn run(&mut self, body: Body, frame: &Frame<'_>, view: &View, out: &mut [Vec4]) -> Result<()> {
        self.check(frame, view.fit, out.len())?;
        self.plan(Source { height_px: frame.height_px, width_px: frame.width_px, fit: view.fit });
        let job = Job {
            frame: *frame,
            background: view.background,
            rows: &self.rows,
            columns: &self.columns,
            as_is: view.fit == Fit::AsIs,
            rounded: self.rounded(view.fit),
            mean: self.rule.mean,
            std: self.rule.std,
        };
        match body {
            #[cfg(feature = "reference")]
            Body::Reference => reference::resample(&job, out),
            Body::Simd => simd::resample(&job, &mut self.buffers, out),
        }
        Ok(())
    }

    fn check(&self, frame: &Frame<'_>, fit: Fit, out_len: usize) -> Result<()> {
        self.check_size(frame.width_px, frame.height_px, fit)?;
        frame.check()?;
        if out_len != self.height_px * self.width_px {
            return Err(Error::new(Kind::WrongShape, "input tensor")
                .expected(format!("{} × {} pixels", self.width_px, self.height_px))
                .found(format!("{out_len} pixels"))
                .remedy("Build the preprocessor for the size of the tensor that it fills."));
        }
        Ok(())
    }

    fn check_size(&self, width_px: usize, height_px: usize, fit: Fit) -> Result<()> {
        if width_px == 0 || height_px == 0 {
            return Err(Error::new(Kind::SourceEmpty, place(width_px, height_px))
                .expected("at least 1 × 1 px")
                .remedy("Wait until the picture or video has loaded, or give the canvas a size."));
        }
        if fit == Fit::AsIs && (width_px, height_px) != (self.width_px, self.height_px) {
            return Err(Error::new(Kind::SourceWrongSize, place(width_px, height_px))
                .expected(format!("{} × {} px", self.width_px, self.height_px))
                .found(format!("{width_px} × {height_px} px"))
                .remedy("Resize it beforehand, or let the preset do so (resize: \"preset\")."));
        }
        Ok(())
    }

    /// Taps and buffers for that source. Their memory is reused, so that it only ever grows.
    fn plan(&mut self, source: Source) {
        if self.planned == Some(source) {
            return;
        }
        match source.fit {
            Fit::AsIs => {
                self.rows.identity(self.height_px);
                self.columns.identity(self.width_px);
            }
            Fit::Preset => {
                let target = [self.height_px, self.width_px];
                let [rows, columns] = crop::axes(self.rule.crop, [source.height_px, source.width_px], target);
                self.rows.resample(&rows, self.rule.sampling);
                self.columns.resample(&columns, self.rule.sampling);
            }
        }
        self.buffers.fit(&self.rows, &self.columns);
        self.planned = Some(source);
    }
}

fn place(width_px: usize, height_px: usize) -> String {
    format!("frame of {width_px} × {height_px} px")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PRESETS;

    /// Where each buffer lies and how much it can hold: unchanged means that nothing was allocated.
    fn memory(preprocessor: &Preprocessor) -> Vec<(usize, usize)> {
        let Preprocessor { rows, columns, buffers, .. } = preprocessor;
        [rows.memory(), columns.memory(), buffers.memory()].concat()
    }

    #[test]
    fn a_size_that_was_seen_allocates_nothing() {
        let sizes = [(64, 48), (48, 64), (300, 7), (16, 16)];
        let rgba = vec![200; 300 * 64 * 4];
        for preset in &PRESETS {
            let mut preprocessor = Preprocessor::new(preset, 16, 16);
            let mut out = vec![[0.0; 4]; 16 * 16];
            let mut show_all = |preprocessor: &mut Preprocessor| {
                for (width_px, height_px) in sizes {
                    let frame = Frame { rgba: &rgba[..width_px * height_px * 4], width_px, height_px };
                    preprocessor.run(Body::Simd, &frame, &View::default(), &mut out).unwrap();
                }
                let frame = Frame { rgba: &rgba[..16 * 16 * 4], width_px: 16, height_px: 16 };
                let view = View { fit: Fit::AsIs, ..View::default() };
                preprocessor.run(Body::Simd, &frame, &view, &mut out).unwrap();
            };
            show_all(&mut preprocessor);
            let before = memory(&preprocessor);
            show_all(&mut preprocessor);
            assert_eq!(before, memory(&preprocessor), "{}", preset.name);
        }
    }
}
