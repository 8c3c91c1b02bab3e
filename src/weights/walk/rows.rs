//! Convolutions and what connects them, read as the rows of a table.

use std::borrow::Cow;

use super::forms::{Form, is_relu6};
use super::trace::{Convolution, Source, Trace};
use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block, Dilating, Pooling, Version, table};
use crate::weights::Format;
use crate::weights::names::Part;

/// Of a base that is not dilated.
const LARGEST_STRIDE: usize = 32;

/// A row, and which convolutions have its activation.
struct Row {
    block: Block,
    activated: Vec<usize>,
    dilation: usize,
}

/// A MobileNet found in a graph.
pub(super) struct Network {
    pub(super) version: Version,
    pub(super) blocks: Cow<'static, [Block]>,
    /// Row and part of each convolution.
    pub(super) parts: Vec<(usize, Part)>,
    pub(super) output_stride: usize,
    pub(super) dilating: Dilating,
    pub(super) gate: Option<Activation>,
    /// How the last map becomes a vector.
    pub(super) pooling: Option<Pooling>,
}

struct Parser<'t, 'a> {
    trace: &'t Trace<'a>,
    format: Format,
    rows: Vec<Row>,
    /// Row and part of each convolution so far.
    parts: Vec<(usize, Part)>,
    /// The point that the rows so far end with.
    current: usize,
    gate: Option<Activation>,
}

/// Reads the whole graph.
pub(super) fn parse(trace: &Trace<'_>, format: Format) -> Result<Network> {
    let mut parser = Parser { trace, format, rows: Vec::new(), parts: Vec::new(), current: 0, gate: None };
    parser.stem()?;
    while parser.next().is_some_and(|convolution| convolution.from == parser.current) {
        parser.row()?;
    }
    let rows = parser.rows.len();
    let top = parser.top()?;
    parser.check_forms()?;
    parser.network(rows, &top)
}

impl<'t, 'a> Parser<'t, 'a> {
    fn next(&self) -> Option<&'t Convolution<'a>> {
        self.trace.convolutions.get(self.parts.len())
    }

    fn take(&mut self, part: Part) -> Option<&'t Convolution<'a>> {
        let convolution = self.next()?;
        self.parts.push((self.rows.len(), part));
        Some(convolution)
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, expected: &str, found: impl Into<String>) -> Error {
        let place = match (self.next(), self.trace.convolutions.last()) {
            (Some(convolution), _) => convolution.place.clone(),
            (None, Some(last)) => format!("{}, the last", last.place),
            (None, None) => "the graph".into(),
        };
        let place = format!("{place}, in row {} of a {} file", self.rows.len() + 1, self.format.name());
        Error::new(Kind::NotMobileNet, place)
            .expected(expected)
            .found(found)
            .remedy("Choose a MobileNet V1, V2 or V3 that ends in one classifier.")
    }

    /// The activation after a convolution.
    fn activation(&self, convolution: &Convolution<'_>) -> Result<Activation> {
        let point = &self.trace.points[convolution.point];
        let form = point.form.unwrap_or(Form::Plain);
        Ok(match (form.activation(), form, point.range) {
            // Quantised networks may leave it to the range.
            (_, Form::Plain, Some(range)) if is_relu6(range) => Activation::Relu6,
            (_, Form::Plain, Some((least, greatest))) if least.abs() < 1e-3 * greatest => Activation::Relu,
            (Some(activation), ..) => activation,
            (None, ..) => return Err(self.refuse("an activation that MobileNets have", format!("{form:?}"))),
        })
    }

    /// Whether a convolution's activation can be that one.
    fn admits(&self, convolution: usize, activation: Activation) -> bool {
        let Some(convolution) = self.trace.convolutions.get(convolution) else { return false };
        let point = &self.trace.points[convolution.point];
        let implied = match (point.form, point.range) {
            // A range that training found may end below 6.
            (None | Some(Form::Plain), Some((least, greatest))) if least.abs() < 1e-3 * greatest => {
                activation == Activation::Relu || (activation == Activation::Relu6 && greatest < 6.05)
            }
            _ => false,
        };
        implied || self.activation(convolution).is_ok_and(|found| found == activation)
    }

    fn find(&self, source: Source) -> Option<usize> {
        self.trace.points.iter().position(|point| point.source == source)
    }

    fn stem(&mut self) -> Result<()> {
        let stem = self.next().filter(|stem| stem.from == 0 && !stem.depthwise && stem.shape[1] == 3);
        let Some(stem) = stem else {
            return Err(self.refuse("a convolution of three channels first", "none"));
        };
        let block = Block::Conv {
            kernel: stem.shape[2],
            stride: stem.stride,
            channels: stem.shape[0],
            activation: self.activation(stem)?,
        };
        self.take(Part::Stem);
        self.current = stem.point;
        self.rows.push(Row { block, activated: vec![0], dilation: stem.dilation });
        Ok(())
    }

    fn row(&mut self) -> Result<()> {
        let (before, first) = (self.current, self.parts.len());
        let convolutions = &self.trace.convolutions;
        let Some(opening) = convolutions.get(first) else { return Ok(()) };
        let expands = !opening.depthwise;
        let widened = convolutions.get(first + 1).filter(|next| next.depthwise && next.from == opening.point);
        let Some(depthwise) = (if expands { widened } else { Some(opening) }) else {
            return self.last(opening);
        };
        if expands {
            self.one_by_one(opening)?;
            self.take(Part::Expand);
        }
        self.take(Part::Depthwise);
        let activation = self.activation(depthwise)?;
        let gated = self.gate(depthwise)?;
        let from = gated.unwrap_or(depthwise.point);
        let Some(project) = self.next().filter(|next| next.from == from && !next.depthwise) else {
            return Err(self.refuse("a 1×1 convolution after a depthwise one", "another operator"));
        };
        self.one_by_one(project)?;
        let linear = self.activation(project)?;
        let (kernel, stride, channels) = (depthwise.shape[2], depthwise.stride, project.shape[0]);
        let input = if expands { opening.shape[1] } else { depthwise.shape[0] };
        let last = self.parts.len();
        let mut activated: Vec<usize> = (first..=first + usize::from(expands)).collect();
        self.current = project.point;
        let block = if linear == Activation::Linear {
            let sum = self.find(Source::Sum(before.min(project.point), before.max(project.point)));
            if sum.is_some() != (stride == 1 && input == channels) {
                let found = if sum.is_some() { "one elsewhere" } else { "none" };
                return Err(self.refuse("a residual sum where stride is 1 and channels stay", found));
            }
            self.current = sum.unwrap_or(project.point);
            self.take(Part::Project);
            let expansion = (depthwise.shape[0], input);
            Block::InvertedResidual { kernel, expansion, stride, channels, squeeze_excite: gated.is_some(), activation }
        } else {
            if expands || gated.is_some() || kernel != 3 || linear != Activation::Relu6 {
                return Err(self.refuse("a 1×1 convolution without activation", format!("{linear:?}")));
            }
            self.take(Part::Pointwise);
            activated.push(last);
            Block::Separable { stride, channels }
        };
        self.rows.push(Row { block, activated, dilation: depthwise.dilation });
        Ok(())
    }

    /// A squeeze-excite gate on a depthwise convolution: the point of the product.
    fn gate(&mut self, depthwise: &Convolution<'_>) -> Result<Option<usize>> {
        let Some(pool) = self.find(Source::Pool(depthwise.point, false)) else { return Ok(None) };
        let Some(reduce) = self.next().filter(|next| next.from == pool && !next.depthwise) else {
            return Ok(None);
        };
        let Some(gate) = self.trace.convolutions.get(self.parts.len() + 1).filter(|gate| gate.from == reduce.point)
        else {
            return Ok(None);
        };
        let Some(product) = self.find(Source::Gated(depthwise.point, gate.point)) else { return Ok(None) };
        self.one_by_one(reduce)?;
        if !self.admits(self.parts.len(), Activation::Relu) {
            return Err(self.refuse("ReLU inside a squeeze-excite gate", "another activation"));
        }
        self.take(Part::Reduce);
        self.one_by_one(gate)?;
        let kind = self.activation(gate)?;
        if self.gate.is_some_and(|before| before != kind) {
            return Err(self.refuse("gates of one kind", format!("{kind:?}")));
        }
        self.gate = Some(kind);
        self.take(Part::Gate);
        Ok(Some(product))
    }

    /// The 1×1 that ends the base.
    fn last(&mut self, convolution: &Convolution<'_>) -> Result<()> {
        self.one_by_one(convolution)?;
        let activation = self.activation(convolution)?;
        let block = Block::Conv { kernel: 1, stride: 1, channels: convolution.shape[0], activation };
        let activated = vec![self.parts.len()];
        self.take(Part::Last);
        self.current = convolution.point;
        self.rows.push(Row { block, activated, dilation: 1 });
        Ok(())
    }

    fn one_by_one(&self, convolution: &Convolution<'_>) -> Result<()> {
        if convolution.shape[2] == 1 && convolution.stride == 1 && !convolution.depthwise {
            return Ok(());
        }
        Err(self.refuse(
            "a 1×1 convolution of stride 1",
            format!("a window of {} and stride {}", convolution.shape[2], convolution.stride),
        ))
    }

    /// What follows the rows: a pool, V3's head, logits.
    fn top(&mut self) -> Result<Top> {
        let average = self.find(Source::Pool(self.current, false));
        let pool = average.or_else(|| self.find(Source::Pool(self.current, true)));
        let max = average.is_none() && pool.is_some();
        self.current = pool.unwrap_or(self.current);
        let left = self.trace.convolutions.len() - self.parts.len();
        let mut top = Top { pool: pool.map(|_| max), head: None, logits: false };
        if left > 0 {
            let Some(dense) = self.next().filter(|next| pool.is_some() && next.from == self.current) else {
                return Err(self.refuse("a pool before the classifier", "none"));
            };
            self.one_by_one(dense)?;
            let activation = self.activation(dense)?;
            if left > 1 || matches!(activation, Activation::HardSwish) {
                top.head = Some(self.parts.len());
                // Behind the pool's row.
                self.parts.push((self.rows.len() + 1, Part::Head));
                self.current = dense.point;
            }
        }
        if let Some(logits) = self.next() {
            self.one_by_one(logits)?;
            if logits.from != self.current || self.trace.convolutions.len() > self.parts.len() + 1 {
                let found = format!("{} more layers", self.trace.convolutions.len() - self.parts.len());
                return Err(self.refuse("one classifier at the end", found));
            }
            top.logits = true;
            self.parts.push((usize::MAX, Part::Logits));
            self.current = logits.point;
        }
        if self.current != self.trace.last {
            return Err(self.refuse("the output of the last row or classifier", "another"));
        }
        Ok(top)
    }

    /// Activations are a convolution's; after anything else but the last map a table has no place for one.
    fn check_forms(&self) -> Result<()> {
        for (index, point) in self.trace.points.iter().enumerate() {
            let what = match point.source {
                Source::Input | Source::Convolution(_) => continue,
                Source::Pool(..) => "a pool",
                Source::Sum(..) => "a residual sum",
                Source::Gated(..) => "a gate",
            };
            let form = point.form.filter(|form| index != self.trace.last && *form != Form::Plain);
            if let Some(form) = form {
                return Err(self.refuse(&format!("no activation after {what}"), format!("{form:?}")));
            }
        }
        Ok(())
    }

    /// The published table that fits, else one of these rows.
    fn network(self, rows: usize, top: &Top) -> Result<Network> {
        let strides = self.rows.iter().map(|row| stride(&row.block)).product::<usize>();
        let pooling = match top.pool {
            Some(max) => Some(if max { Pooling::Max } else { Pooling::Average }),
            None => (!top.logits).then_some(Pooling::None),
        };
        let output_stride = if [8, 16].contains(&strides) { strides } else { LARGEST_STRIDE };
        for (version, _) in Version::ALL {
            let known = table(version);
            for dilating in [Dilating::Next, Dilating::Same] {
                if self.fits(&known, rows, top, (output_stride, dilating)) {
                    let (parts, gate) = (self.parts, self.gate);
                    return Ok(Network { version, blocks: known, parts, output_stride, dilating, gate, pooling });
                }
            }
        }
        if self.rows.iter().any(|row| row.dilation != 1) || strides > LARGEST_STRIDE {
            return Err(self.refuse("a known table where rows are dilated or the stride is above 32", "another"));
        }
        let mut blocks: Vec<Block> = self.rows.iter().map(|row| row.block).collect();
        if let Some(head) = top.head.and_then(|head| self.trace.convolutions.get(head)) {
            blocks.extend([Block::Pool, Block::Head { channels: head.shape[0], activation: self.activation(head)? }]);
        }
        Ok(Network {
            version: Version::Custom,
            blocks: Cow::Owned(blocks),
            parts: self.parts,
            output_stride: LARGEST_STRIDE,
            dilating: Dilating::Next,
            gate: self.gate,
            pooling,
        })
    }

    /// Whether these are the rows of a published table, whatever their channels.
    fn fits(&self, known: &[Block], rows: usize, top: &Top, (output_stride, dilating): (usize, Dilating)) -> bool {
        let base = known.iter().position(|block| *block == Block::Pool).unwrap_or(known.len());
        let head = known.iter().find_map(|block| match block {
            Block::Head { activation, .. } => Some(*activation),
            _ => None,
        });
        let heads = top.head.is_none_or(|found| head.is_some_and(|head| self.admits(found, head)));
        if base != rows || base == 0 || !heads {
            return false;
        }
        let (mut reached, mut dilation) = (1, 1);
        known.iter().zip(&self.rows).all(|(known, row)| {
            let asked = stride(known);
            let mut expected = (asked, 1);
            if reached >= output_stride {
                let before = dilation;
                dilation *= asked;
                expected = (1, if dilating == Dilating::Same { dilation } else { before });
            }
            reached *= expected.0;
            let one_by_one = matches!(known, Block::Conv { kernel: 1, .. });
            let strides = one_by_one || expected == (stride(&row.block), row.dilation);
            let admits = |activation| row.activated.iter().all(|&index| self.admits(index, activation));
            strides
                && match (*known, row.block) {
                    (Block::Conv { kernel, activation, .. }, Block::Conv { kernel: found, .. }) => {
                        kernel == found && admits(activation)
                    }
                    (Block::Separable { .. }, Block::Separable { .. }) => admits(Activation::Relu6),
                    (
                        Block::InvertedResidual { kernel, expansion, squeeze_excite, activation, .. },
                        Block::InvertedResidual { kernel: found, squeeze_excite: gated, .. },
                    ) => {
                        // Where widths make both equal, the expanding convolution is left out.
                        let expands = row.activated.len() > 1;
                        (kernel, squeeze_excite) == (found, gated)
                            && (expansion.0 != expansion.1 || !expands)
                            && admits(activation)
                    }
                    _ => false,
                }
        })
    }
}

/// A row's step in pixels.
const fn stride(block: &Block) -> usize {
    match *block {
        Block::Conv { stride, .. } | Block::Separable { stride, .. } | Block::InvertedResidual { stride, .. } => stride,
        Block::Pool | Block::Head { .. } => 1,
    }
}

/// What follows the rows.
struct Top {
    /// Whether the largest instead of the mean.
    pool: Option<bool>,
    /// Which convolution it is.
    head: Option<usize>,
    logits: bool,
}
