//! A table's convolutions one by one, counted the ways in which frameworks count them.

use crate::model::{Block, Version, Widths};

/// What a convolution is inside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Part {
    /// The first row.
    Stem,
    /// A later whole convolution: the 1×1 that ends the base.
    Last,
    Expand,
    Depthwise,
    /// The first 1×1 of a squeeze-excite gate.
    Reduce,
    /// The second.
    Gate,
    Project,
    /// The 1×1 of a separable row.
    Pointwise,
    /// V3's 1×1 after the pool.
    Head,
    /// After all rows.
    Logits,
}

impl Part {
    /// Whether biases belong to it rather than a batch norm.
    pub(in crate::weights) const fn is_biased(self) -> bool {
        matches!(self, Self::Reduce | Self::Gate | Self::Head | Self::Logits)
    }

    /// Whether networks exist that end before it.
    pub(in crate::weights) const fn is_top(self) -> bool {
        matches!(self, Self::Head | Self::Logits)
    }
}

/// Where a convolution is.
#[derive(Clone, Copy, Debug)]
pub(in crate::weights) struct Layer {
    pub(in crate::weights) version: Version,
    /// Of the table, from 0.
    pub(in crate::weights) row: usize,
    pub(in crate::weights) part: Part,
    /// Whole convolutions and heads before it.
    pub(in crate::weights) convolutions: usize,
    /// Inverted residuals and separable rows before its own.
    pub(in crate::weights) blocks: usize,
    /// Runs of inner rows of equal channels before its own.
    pub(in crate::weights) stage: usize,
    /// Rows of its run before its own.
    pub(in crate::weights) position: usize,
    /// Whether its row begins with an expanding 1×1.
    pub(in crate::weights) expands: bool,
    /// Whether its row has a squeeze-excite gate.
    pub(in crate::weights) gated: bool,
    /// Output and input channels, window height and width; zeros where this width leaves the convolution out.
    pub(in crate::weights) shape: [usize; 4],
}

/// A network's rows and how wide they are.
#[derive(Clone, Copy, Debug)]
pub(in crate::weights) struct Table<'b> {
    pub(in crate::weights) version: Version,
    pub(in crate::weights) blocks: &'b [Block],
    pub(in crate::weights) widths: Widths,
    pub(in crate::weights) multiplier: f32,
    /// None leaves the logits out.
    pub(in crate::weights) classes: usize,
}

impl Table<'_> {
    /// Shows `visit` every convolution from the stem to the logits, until it returns false.
    pub(in crate::weights) fn walk(&self, visit: &mut dyn FnMut(&Layer) -> bool) {
        let widths = &self.widths;
        let mut layer = Layer {
            version: self.version,
            row: 0,
            part: Part::Stem,
            convolutions: 0,
            blocks: 0,
            stage: 0,
            position: 0,
            expands: false,
            gated: false,
            shape: [0; 4],
        };
        let mut channels = 3;
        for (row, block) in self.blocks.iter().enumerate() {
            layer.row = row;
            if row > 1 {
                let same = scaled(block) == scaled(&self.blocks[row - 1]);
                (layer.stage, layer.position) =
                    if same { (layer.stage, layer.position + 1) } else { (layer.stage + 1, 0) };
            }
            let out = widths.out_channels(block, channels, self.multiplier);
            let mut show = |part, shape| {
                layer.part = part;
                layer.shape = shape;
                visit(&layer)
            };
            let more = match *block {
                Block::Conv { kernel, .. } => {
                    let part = if row == 0 { Part::Stem } else { Part::Last };
                    let more = show(part, [out, channels, kernel, kernel]);
                    layer.convolutions += 1;
                    more
                }
                Block::Separable { .. } => {
                    let more =
                        show(Part::Depthwise, [channels, 1, 3, 3]) && show(Part::Pointwise, [out, channels, 1, 1]);
                    layer.blocks += 1;
                    more
                }
                Block::InvertedResidual { kernel, expansion, squeeze_excite, .. } => {
                    layer.expands = expansion.0 != expansion.1;
                    layer.gated = squeeze_excite;
                    let expanded = widths.expanded(expansion, channels, self.multiplier);
                    let inner = expanded.unwrap_or(channels);
                    let squeezed = widths.squeezed(inner);
                    let mut show = |part, shape| {
                        layer.part = part;
                        layer.shape = shape;
                        visit(&layer)
                    };
                    let more = (expansion.0 == expansion.1
                        || show(Part::Expand, expanded.map_or([0; 4], |inner| [inner, channels, 1, 1])))
                        && show(Part::Depthwise, [inner, 1, kernel, kernel])
                        && (!squeeze_excite
                            || (show(Part::Reduce, [squeezed, inner, 1, 1])
                                && show(Part::Gate, [inner, squeezed, 1, 1])))
                        && show(Part::Project, [out, inner, 1, 1]);
                    layer.blocks += 1;
                    more
                }
                Block::Pool => true,
                Block::Head { .. } => {
                    let more = show(Part::Head, [out, channels, 1, 1]);
                    layer.convolutions += 1;
                    more
                }
            };
            if !more {
                return;
            }
            channels = out;
        }
        if self.classes > 0 {
            layer.row = self.blocks.len();
            layer.part = Part::Logits;
            layer.shape = [self.classes, channels, 1, 1];
            visit(&layer);
        }
    }

    /// Every convolution.
    #[inline(never)]
    pub(in crate::weights) fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        self.walk(&mut |layer| {
            layers.push(*layer);
            true
        });
        layers
    }
}

/// A row's channels in the table.
const fn scaled(block: &Block) -> usize {
    match *block {
        Block::Conv { channels, .. }
        | Block::Separable { channels, .. }
        | Block::InvertedResidual { channels, .. }
        | Block::Head { channels, .. } => channels,
        Block::Pool => 0,
    }
}
