//! From names and shapes to the network that they are of.

use super::names::{Layer, Layout, Naming, Part, Table};
use super::{File, Overrides, Tensor};
use crate::model::Widths;

/// Depth multipliers with published weights, the usual first: where several give the same channels, the first counts.
const PUBLISHED: [f32; 8] = [1.0, 0.75, 0.5, 0.35, 0.25, 1.4, 1.3, 1.25];

/// Every hundredth up to this many is tried.
const MAX_HUNDREDTHS: u16 = 400;

/// Every rule for channels; each framework's own is tried first.
const WIDTHS: [Widths; 10] = [
    Widths::V1_SLIM,
    Widths::V1_KERAS,
    Widths::V2,
    Widths::V3_SLIM,
    Widths::V3_KERAS,
    Widths::V3_TIMM,
    Widths::V3_TORCHVISION,
    // V3 in TF-slim, fine-grained.
    Widths { head: crate::model::Scaling::Never, ..Widths::V3_SLIM },
    // TF-slim's detectors.
    Widths { min_depth: 16, ..Widths::V2 },
    Widths { min_depth: 16, ..Widths::V3_SLIM },
];

/// A layer of the table, and the file's tensor of its weights.
pub(super) type Found = (Layer, Option<usize>);

/// The shape of a weights tensor as `[out, in, height, width]`.
#[inline(never)]
pub(super) fn dims(shape: &[usize], layout: Layout, part: Part) -> Option<[usize; 4]> {
    let mut dims = [1; 4];
    let axes = layout.axes(part);
    match shape.len() {
        4 => axes.iter().zip(shape).for_each(|(&axis, &dim)| dims[axis] = dim),
        // Without a window: a 1×1 convolution is a matrix.
        2 => axes.iter().filter(|axis| **axis < 2).zip(shape).for_each(|(&axis, &dim)| dims[axis] = dim),
        _ => return None,
    }
    Some(dims)
}

/// How a file's shapes follow from a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) layout: Layout,
    pub(super) widths: Widths,
    pub(super) multiplier: f32,
    /// Layers whose tensors have other shapes.
    pub(super) wrong: usize,
}

/// Compares the file's shapes with tables of all widths.
#[derive(Clone, Copy)]
pub(super) struct Search<'s> {
    pub(super) file: &'s File<'s>,
    /// Everything but widths and multiplier counts.
    pub(super) table: Table<'s>,
    pub(super) found: &'s [Found],
    pub(super) naming: &'s Naming,
    pub(super) stated: &'s Overrides,
}

impl Search<'_> {
    /// Tensors whose shapes disagree, up to `most` of them.
    #[inline(never)]
    fn disagreeing(&self, layout: Layout, widths: Widths, multiplier: f32, most: usize) -> Vec<usize> {
        let mut wrong = Vec::new();
        let mut found = self.found.iter();
        Table { widths, multiplier, ..self.table }.walk(&mut |layer| {
            let Some(index) = found.next().and_then(|found| found.1) else { return true };
            let agrees = match dims(&self.file.tensors[index].shape, layout, layer.part) {
                // How many classes there are is for the tensor to say.
                Some(shape) if layer.part == Part::Logits => shape[1..] == layer.shape[1..],
                shape => shape == Some(layer.shape),
            };
            if !agrees {
                wrong.push(index);
            }
            wrong.len() < most
        });
        wrong
    }

    fn wrong(&self, layout: Layout, widths: Widths, multiplier: f32, most: usize) -> usize {
        self.disagreeing(layout, widths, multiplier, most).len()
    }

    /// The first tensor that speaks for `fit` and against `other`.
    pub(super) fn evidence(&self, fit: &Fit, other: &Fit) -> Option<&Tensor<'_>> {
        let [against, others] =
            [fit, other].map(|fit| self.disagreeing(fit.layout, fit.widths, fit.multiplier, usize::MAX));
        others.into_iter().find(|index| !against.contains(index)).map(|index| &self.file.tensors[index])
    }

    /// The first fit without disagreements, else the one with the fewest among published multipliers.
    pub(super) fn fit(&self) -> Fit {
        let own = self.naming.habits(self.table.version).widths;
        let stated = self.stated.widths;
        let rules = || {
            stated
                .into_iter()
                .chain(stated.is_none().then_some(own))
                .chain(WIDTHS.into_iter().filter(move |_| stated.is_none()))
        };
        let layouts = || {
            let others = Layout::ALL.map(|row| row.0).into_iter().filter(|layout| *layout != self.naming.layout);
            std::iter::once(self.naming.layout).chain(others)
        };
        // Who gives a table gives its channels; only a stated multiplier changes them.
        let stated = self.stated.multiplier.or(self.stated.table.as_ref().map(|_| 1.0));
        let hundredths = (1..=MAX_HUNDREDTHS).map(|hundredths| f32::from(hundredths) / 100.0);
        let published: Vec<f32> = stated.map_or_else(|| PUBLISHED.to_vec(), |stated| vec![stated]);
        let all: Vec<f32> = published.iter().copied().chain(hundredths.filter(|_| stated.is_none())).collect();
        for layout in layouts() {
            for widths in rules() {
                if let Some(&multiplier) =
                    all.iter().find(|multiplier| self.wrong(layout, widths, **multiplier, 1) == 0)
                {
                    return Fit { layout, widths, multiplier, wrong: 0 };
                }
            }
        }
        let mut best = Fit { layout: self.naming.layout, widths: own, multiplier: 1.0, wrong: usize::MAX };
        for layout in layouts() {
            for widths in rules() {
                for &multiplier in &published {
                    let wrong = self.wrong(layout, widths, multiplier, best.wrong);
                    if wrong < best.wrong {
                        best = Fit { layout, widths, multiplier, wrong };
                    }
                }
            }
        }
        best
    }
}
