//! All that is wrong with a file's tensors, in one error.

use super::infer::Fit;
use super::names::{Layer, Recognised, node};
use super::{File, Tensor};
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;

/// Tensors listed in one error.
const LISTED: usize = 12;

/// Tensors that are missing or mis-shaped so far.
pub(super) struct Problems<'p> {
    file: &'p File<'p>,
    recognised: &'p Recognised<'p>,
    fit: &'p Fit,
    /// The first layer with one.
    first: Option<String>,
    /// Layers with wrong or without weights.
    layers: usize,
    missing: usize,
    wrong: usize,
    expected: String,
    found: String,
}

impl<'p> Problems<'p> {
    pub(super) fn new(file: &'p File<'p>, recognised: &'p Recognised<'p>, fit: &'p Fit) -> Self {
        let (expected, found) = Default::default();
        Self { file, recognised, fit, first: None, layers: 0, missing: 0, wrong: 0, expected, found }
    }

    #[cold]
    #[inline(never)]
    fn note(&mut self, layer: &Layer, name: &str, shape: &[usize], found: Option<&Tensor<'_>>) {
        if self.first.is_none() {
            self.first = Some(node(layer));
        }
        self.layers += usize::from(shape.len() > 1);
        if self.missing + self.wrong > LISTED {
            return;
        }
        let comma = |text: &str| if text.is_empty() { "" } else { ", " };
        self.expected.push_str(&format!("{}`{name}` {shape:?}", comma(&self.expected)));
        if let Some(tensor) = found {
            let Tensor { shape, offset_bytes, .. } = tensor;
            self.found.push_str(&format!("{}`{name}` {shape:?} at byte {offset_bytes}", comma(&self.found)));
        }
    }

    /// No tensor goes by `name`.
    pub(super) fn missing(&mut self, layer: &Layer, name: &str, shape: &[usize]) {
        self.missing += 1;
        self.note(layer, name, shape, None);
    }

    /// The tensor has another shape.
    #[inline(never)]
    pub(super) fn wrong(&mut self, layer: &Layer, tensor: &Tensor<'_>, shape: &[usize]) {
        self.wrong += 1;
        self.note(layer, &tensor.name, shape, Some(tensor));
    }

    /// The error about everything noted, of a network with that many layers; `told` whether its rows or channels are
    /// stated rather than inferred.
    pub(super) fn check(self, layers: usize, told: bool) -> Result<()> {
        let Some(first) = self.first else { return Ok(()) };
        let (kind, remedy) = if self.layers * 4 > layers * 3 && !told {
            (Kind::NotMobileNet, "Choose the weights of a MobileNet V1, V2 or V3.")
        } else if self.missing > 0 {
            (Kind::MissingTensor, "Use the complete checkpoint of a MobileNet.")
        } else {
            (Kind::WrongShape, "The weights belong to another network than their names, metadata or options say.")
        };
        let more = (self.missing + self.wrong).saturating_sub(LISTED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let place = format!(
            "{first}, the first block of a {} file to disagree with {}'s MobileNet {} {}",
            self.file.format.name(),
            self.recognised.naming.framework,
            self.recognised.version.name(),
            print_decimal(self.fit.multiplier.into()),
        );
        let plural = if self.missing + self.wrong > 1 { "s" } else { "" };
        let expected = format!("tensor{plural} {}{more}", self.expected);
        let found = match (self.missing, self.found.is_empty()) {
            (_, true) => "none".into(),
            (0, false) => self.found,
            (_, false) => self.found + " and none of the others",
        };
        Err(Error::new(kind, place).expected(expected).found(found).remedy(remedy))
    }
}
