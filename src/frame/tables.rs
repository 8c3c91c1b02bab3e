//! What a shader needs to do the same sums: the taps of both axes as words.

use super::{Fit, Preprocessor, Source, View, taps::Taps};
use crate::error::Result;
use crate::model::Sampling;

/// How a picture of one size becomes the input tensor, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    /// For each output pixel of a row and then of a column: first source pixel, where its weights begin in these
    /// words, and where they end; then all weights, as the bits of `f32`s.
    pub taps: Vec<u32>,
    /// Where the columns' runs begin.
    pub row_taps: usize,
    /// Source rows that are used: the first, and how many.
    pub rows: (usize, usize),
    /// Columns and rows of the input tensor.
    pub size_px: (usize, usize),
    /// Whether each pass's result is kept in whole units.
    pub rounded: bool,
    /// Subtracted from each colour of 0 … 255 …
    pub mean: [f32; 3],
    /// … before it is divided by this.
    pub std: [f32; 3],
}

impl Preprocessor {
    /// The tables for pictures of that size; none where they are those of the call before.
    ///
    /// # Errors
    /// [`crate::Kind::SourceEmpty`], or [`crate::Kind::SourceWrongSize`] under [`Fit::AsIs`].
    pub fn tables(&mut self, width_px: usize, height_px: usize, view: &View) -> Result<Option<Tables>> {
        self.check_size(width_px, height_px, view.fit)?;
        let source = Source { height_px, width_px, fit: view.fit };
        if self.planned == Some(source) {
            return Ok(None);
        }
        self.plan(source);
        let row_taps = self.columns.len() * 3;
        let mut taps = Vec::new();
        let mut begin = row_taps + self.rows.len() * 3;
        for axis in [&self.columns, &self.rows] {
            for (first, weights) in axis.iter() {
                taps.extend([first, begin, begin + weights.len()].map(|value| value as u32));
                begin += weights.len();
            }
        }
        for axis in [&self.columns, &self.rows] {
            taps.extend(axis.iter().flat_map(|(_, weights)| weights).map(|weight| weight.to_bits()));
        }
        let used = Taps::used(&self.rows);
        Ok(Some(Tables {
            taps,
            row_taps,
            rows: (used.start, used.len()),
            size_px: (self.width_px, self.height_px),
            rounded: self.rounded(view.fit),
            mean: self.rule.mean,
            std: self.rule.std,
        }))
    }

    /// Whether each pass's result is kept in whole units.
    pub(super) fn rounded(&self, fit: Fit) -> bool {
        fit == Fit::Preset && self.rule.sampling == Sampling::Antialiased
    }
}
