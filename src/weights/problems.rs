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

    fn note(&mut self, layer: &Layer, name: &str, shape: &[usize], found: &str) {
        if self.first.is_none() {
            self.first = Some(node(layer));
        }
        self.layers += usize::from(shape.len() > 1);
        if self.missing + self.wrong <= LISTED {
            let comma = if self.expected.is_empty() { "" } else { ", " };
            self.expected.push_str(&format!("{comma}`{name}` {shape:?}"));
            self.found.push_str(&format!("{comma}{found}"));
        }
    }

    /// No tensor goes by `name`.
    pub(super) fn missing(&mut self, layer: &Layer, name: &str, shape: &[usize]) {
        self.missing += 1;
        self.note(layer, name, shape, "none");
    }

    /// The tensor has another shape.
    pub(super) fn wrong(&mut self, layer: &Layer, tensor: &Tensor<'_>, shape: &[usize]) {
        self.wrong += 1;
        self.note(layer, &tensor.name, shape, &format!("{:?} at byte {}", tensor.shape, tensor.offset_bytes));
    }

    /// The error about everything noted, of a network with that many layers.
    pub(super) fn check(self, layers: usize) -> Result<()> {
        let Some(first) = self.first else { return Ok(()) };
        let (kind, remedy) = if self.layers * 2 > layers {
            (Kind::NotMobileNet, "Choose the weights of a MobileNet V1, V2 or V3.")
        } else if self.missing > 0 {
            (Kind::MissingTensor, "Use the complete checkpoint of a MobileNet.")
        } else {
            (Kind::WrongShape, "The weights belong to another network than their names, metadata or options say.")
        };
        let more = (self.missing + self.wrong).saturating_sub(LISTED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let place = format!(
            "{} file of {} tensors, read as MobileNet {} {} under {}'s names, which {first} is the first to disagree with",
            self.file.format.name(),
            self.file.tensors.len(),
            self.recognised.version.name(),
            print_decimal(self.fit.multiplier.into()),
            self.recognised.naming.framework,
        );
        let expected = format!("tensors {}{more}", self.expected);
        Err(Error::new(kind, place).expected(expected).found(self.found).remedy(remedy))
    }
}
