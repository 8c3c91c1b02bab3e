//! Pictures, where training begins with them.

use super::Tuner;
use crate::error::Result;
use crate::frame::{Frame, Preprocessor, View};
use crate::lane::{Body, Vec4};

impl Tuner {
    /// What the network is given of a picture, `[h, w, 3]`: cut out, resampled and normalised as the engine does it. These are
    /// the maps that [`Tuner::step`] takes where it has no endpoint.
    ///
    /// # Errors
    /// [`Kind::SourceEmpty`](crate::Kind::SourceEmpty), [`Kind::SourceWrongLength`](crate::Kind::SourceWrongLength).
    pub fn picture(&mut self, frame: &Frame<'_>) -> Result<Vec<f32>> {
        let shape = self.graph.nodes[0].shape;
        let preprocessing = &self.spec.preprocessing;
        let new = || Preprocessor::new(preprocessing, shape.height, shape.width);
        let mut pixels = vec![Vec4::default(); shape.pixels()];
        self.preprocessor.get_or_insert_with(new).run(Body::Simd, frame, &View::default(), &mut pixels)?;
        Ok(pixels.iter().flat_map(|pixel| &pixel[..shape.channels]).copied().collect())
    }
}
