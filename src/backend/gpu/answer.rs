//! What a run brings back: maps or labels, once the GPU has computed them.

use super::connect::failed;
use super::readback::Pending;
use crate::error::{Kind, Result};
use crate::plan::Output;

/// An answer that is still being computed.
#[derive(Debug)]
pub struct Answer {
    pub(super) pending: Pending,
    pub(super) outputs: Vec<Output>,
    pub(super) f16: bool,
}

impl Answer {
    /// The maps that were asked for, `[height, width, channels]` without lane padding.
    ///
    /// # Errors
    /// What went wrong with the GPU meanwhile.
    pub async fn maps(self) -> Result<Vec<Vec<f32>>> {
        let Self { pending, outputs, f16 } = self;
        let bytes = pending.bytes().await?;
        let values: Vec<f32> = if f16 {
            bytes.as_chunks().0.iter().map(|&two| half::f16::from_le_bytes(two).to_f32()).collect()
        } else {
            bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
        };
        let mut rest = values.as_slice();
        let mut maps = Vec::new();
        for Output { slot, shape, .. } in &outputs {
            let (map, after) = rest.split_at(slot.len() * 4);
            rest = after;
            let pixels = map.chunks_exact(shape.channels.next_multiple_of(4));
            maps.push(pixels.flat_map(|pixel| &pixel[..shape.channels]).copied().collect());
        }
        Ok(maps)
    }

    /// Class and probability of the most likely classes.
    ///
    /// # Errors
    /// What went wrong with the GPU meanwhile; [`Kind::GpuFailed`] where the probabilities are no numbers.
    pub async fn labels(self) -> Result<Vec<(usize, f32)>> {
        let bytes = self.pending.bytes().await?;
        let words: Vec<u32> = bytes.as_chunks().0.iter().map(|&four| u32::from_le_bytes(four)).collect();
        let labels: Vec<(usize, f32)> =
            words.as_chunks().0.iter().map(|&[class, value]| (class as usize, f32::from_bits(value))).collect();
        if labels.first().is_some_and(|(class, _)| *class == u32::MAX as usize) {
            return Err(failed(Kind::GpuFailed, "probabilities that are not numbers".into()));
        }
        Ok(labels.into_iter().filter(|(class, _)| *class != u32::MAX as usize).collect())
    }
}
