//! How safetensors hold what a quantised network's nodes compute: beside its tensors, for each node `NAME`, lies
//! `NAME/map` (F32): scale, zero point, whether integers are signed, the least and the greatest less the zero point, and
//! the rule's place in [`RULES`]. Weighted nodes have `NAME/map/biases` (I32), those with a table `NAME/map/table` (I16); where
//! channels differ in what their integers stand for, `NAME/map/channels` (F32) are factors of the scale.

use super::{DAMAGED, Dtype, File, Integer, Integers, Rule, Steps, Tensor};
use crate::error::{Error, Kind, Result};

/// What these tensors' names end with.
pub(super) const MAP: &str = "/map";
pub(super) const BIASES: &str = "/map/biases";
pub(super) const TABLE: &str = "/map/table";
pub(super) const CHANNELS: &str = "/map/channels";

/// Numbers of a node.
const NUMBERS: usize = 6;

/// Rules, each at the place that [`place`] says.
const RULES: [Rule; 9] = [
    Rule::Input,
    Rule::Weighted(Vec::new()),
    Rule::Average,
    Rule::Mean,
    Rule::CentredMean,
    Rule::Sum,
    Rule::Product,
    Rule::Lookup(Vec::new()),
    Rule::Softmax,
];

/// A rule's number in files, which stays what it is.
#[cfg(feature = "full")]
const fn place(rule: &Rule) -> u8 {
    match rule {
        Rule::Input => 0,
        Rule::Weighted(_) => 1,
        Rule::Average => 2,
        Rule::Mean => 3,
        Rule::CentredMean => 4,
        Rule::Sum => 5,
        Rule::Product => 6,
        Rule::Lookup(_) => 7,
        Rule::Softmax => 8,
    }
}

impl Integers {
    /// The nodes that a file of safetensors describes; none where it is not a quantised network's.
    ///
    /// # Errors
    /// [`Kind::BadHeader`] for numbers that no map has, and for biases or tables that are missing or of another kind.
    pub(super) fn read(file: &File<'_>) -> Result<Option<Self>> {
        let mut nodes = Self::default();
        for tensor in &file.tensors {
            let Some(name) = tensor.name.strip_suffix(MAP) else { continue };
            let bad = || {
                Error::new(Kind::BadHeader, tensor.place())
                    .expected(format!("the {NUMBERS} numbers of a map of eight bits, its biases or its table"))
                    .remedy(DAMAGED)
            };
            let numbers = tensor.to_f32()?;
            let beside = |end, dtype| file.get(&format!("{name}{end}")).filter(|tensor| tensor.dtype == dtype);
            let channels = beside(CHANNELS, Dtype::F32).map_or_else(|| Ok(Vec::new()), Tensor::to_f32)?;
            if !channels.iter().all(|&factor| factor > 0.0) {
                return Err(bad());
            }
            let integer = integer(&numbers, channels, |rule| match rule {
                Rule::Weighted(_) => {
                    let biases = beside(BIASES, Dtype::I32)?.dense_bytes();
                    Some(Rule::Weighted(biases.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect()))
                }
                Rule::Lookup(_) => {
                    let table = beside(TABLE, Dtype::I16)?.dense_bytes();
                    Some(Rule::Lookup(table.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b)).collect()))
                }
                other => Some(other.clone()),
            });
            nodes.nodes.insert(name.to_owned(), integer.ok_or_else(bad)?);
        }
        Ok((!nodes.nodes.is_empty()).then_some(nodes))
    }

    /// The same as tensors of a file.
    ///
    /// # Errors
    /// None that its own numbers could be the cause of.
    #[cfg(feature = "full")]
    pub fn tensors(&self) -> Result<Vec<Tensor<'static>>> {
        let mut tensors = Vec::new();
        for (name, Integer { steps, channels, bounds, rule }) in &self.nodes {
            let mut push = |end: &str, dtype: Dtype, bytes: Vec<u8>| {
                let shape = vec![bytes.len() / dtype.size_bytes()];
                tensors.push(Tensor::decoded(format!("{name}{end}").into(), dtype, shape, (bytes.into(), 0))?);
                Ok(())
            };
            #[expect(clippy::cast_precision_loss, reason = "integers of eight bits")]
            let numbers = [
                steps.scale,
                steps.zero_point as f32,
                f32::from(u8::from(steps.signed)),
                bounds.0 as f32,
                bounds.1 as f32,
                f32::from(place(rule)),
            ];
            push(MAP, Dtype::F32, numbers.into_iter().flat_map(f32::to_le_bytes).collect())?;
            if !channels.is_empty() {
                push(CHANNELS, Dtype::F32, channels.iter().flat_map(|factor| factor.to_le_bytes()).collect())?;
            }
            match rule {
                Rule::Weighted(biases) => {
                    push(BIASES, Dtype::I32, biases.iter().flat_map(|bias| bias.to_le_bytes()).collect())?;
                }
                Rule::Lookup(table) => {
                    push(TABLE, Dtype::I16, table.iter().flat_map(|value| value.to_le_bytes()).collect())?;
                }
                _ => {}
            }
        }
        Ok(tensors)
    }
}

/// A node's numbers, checked.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is checked")]
fn integer(numbers: &[f32], channels: Vec<f32>, lists: impl Fn(&Rule) -> Option<Rule>) -> Option<Integer> {
    let &[scale, zero_point, signed, low, high, code] = numbers else { return None };
    let dtype = if signed == 0.0 { Dtype::U8 } else { Dtype::I8 };
    let steps = Steps::new(dtype, scale, zero_point as i32)?;
    let (least, greatest) = steps.centred();
    let bounds = (low as i32, high as i32);
    if !(least <= bounds.0 && bounds.0 <= bounds.1 && bounds.1 <= greatest) {
        return None;
    }
    let rule = lists(RULES.get(code as usize)?)?;
    let fits = |value: &i16| (least..=greatest).contains(&i32::from(*value));
    match &rule {
        Rule::Lookup(table) if !table.iter().all(fits) => None,
        _ => Some(Integer { steps, channels, bounds, rule }),
    }
}

#[cfg(all(test, feature = "full"))]
mod tests {
    use super::*;

    #[test]
    fn rules_are_at_their_places() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!(usize::from(place(rule)), index, "{rule:?}");
        }
    }
}
