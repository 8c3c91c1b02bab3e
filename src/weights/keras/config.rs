//! What a model's configuration says beyond the names and shapes of tensors.

use std::collections::BTreeMap;

use super::super::json::Json;
use crate::error::{Error, Kind, Result};
use crate::model::preset;
use crate::small::print_decimal;

/// Models in models in models …
const MAX_DEPTH: usize = 16;

/// Layers of all models together: V3 Large has 263.
const MAX_LAYERS: usize = 4096;

/// A layer, or a model that is one.
pub(super) struct Layer {
    pub(super) class: String,
    pub(super) name: String,
    /// The model that it is in.
    model: Option<usize>,
}

/// A model's configuration, as far as it matters.
#[derive(Default)]
pub(super) struct Config {
    layers: Vec<Layer>,
    /// Rows and columns of the first input that states them.
    sides: Option<(usize, usize)>,
    /// Of the first batch norm.
    epsilon: Option<f64>,
    /// What stands before the first convolution: `value · scale + offset`.
    rescaling: Option<(f64, f64)>,
    /// A layer before the first convolution that does something else to values.
    unknown: Option<String>,
    convolved: bool,
    /// The last of softmax and sigmoid.
    classifier: Option<&'static str>,
    /// What follows each dense layer.
    dense: Vec<String>,
}

/// A layer's own values.
#[derive(Default)]
struct Values {
    name: String,
    function: String,
    activation: String,
    epsilon: Option<f64>,
    scale: Option<f64>,
    offset: Option<f64>,
}

impl Config {
    /// Reads `{"class_name": …, "config": …}`.
    pub(super) fn read(&mut self, text: &str, what: &'static str, offset_bytes: usize) -> Result<()> {
        let mut json = Json::new(text, what, offset_bytes);
        self.layer(&mut json, None, MAX_DEPTH)?;
        json.end()
    }

    /// The outermost model.
    pub(super) const fn root(&self) -> Option<usize> {
        if self.layers.is_empty() { None } else { Some(0) }
    }

    /// A model's layers in order, with their indices.
    pub(super) fn children(&self, model: Option<usize>) -> impl Iterator<Item = (usize, &Layer)> {
        self.layers.iter().enumerate().filter(move |(_, layer)| model.is_some() && layer.model == model)
    }

    fn layer(&mut self, json: &mut Json<'_>, model: Option<usize>, depth: usize) -> Result<()> {
        let at = json.position();
        if depth == 0 || self.layers.len() == MAX_LAYERS {
            return Err(Error::new(Kind::BadHeader, format!("model configuration, byte {at}"))
                .expected(format!("at most {MAX_LAYERS} layers in models {MAX_DEPTH} deep"))
                .found("more"));
        }
        let index = self.layers.len();
        self.layers.push(Layer { class: String::new(), name: String::new(), model });
        let (mut values, mut operand) = (Values::default(), None);
        json.object(&mut |json, key| match &*key {
            "class_name" if json.begins(b'"') => {
                self.layers[index].class = json.string()?.into_owned();
                Ok(())
            }
            "config" if json.begins(b'{') => self.values(json, index, depth, &mut values),
            // A Sequential's layers alone, as Keras wrote them before 2.2.3.
            "config" if json.begins(b'[') => json.array(&mut |json| self.layer(json, Some(index), depth - 1)),
            "inbound_nodes" => scalar(json, MAX_DEPTH, &mut operand),
            _ => json.skip(),
        })?;
        self.note(index, values, operand);
        Ok(())
    }

    /// A layer's `config`.
    fn values(&mut self, json: &mut Json<'_>, index: usize, depth: usize, values: &mut Values) -> Result<()> {
        json.object(&mut |json, key| {
            match &*key {
                "layers" if json.begins(b'[') => json.array(&mut |json| self.layer(json, Some(index), depth - 1))?,
                "name" if json.begins(b'"') => values.name = json.string()?.into_owned(),
                "function" if json.begins(b'"') => values.function = json.string()?.into_owned(),
                "activation" if json.begins(b'"') => values.activation = json.string()?.into_owned(),
                "batch_shape" | "batch_input_shape" | "build_input_shape" if json.begins(b'[') => {
                    let sides = sides(json)?;
                    self.sides = self.sides.or(sides);
                }
                "epsilon" => values.epsilon = number(json)?,
                "scale" => values.scale = number(json)?,
                "offset" => values.offset = number(json)?,
                _ => json.skip()?,
            }
            Ok(())
        })
    }

    /// Keeps what a layer says, all of it read; a model's layers are noted before itself.
    fn note(&mut self, index: usize, values: Values, operand: Option<f64>) {
        self.layers[index].name = values.name;
        let class = match &*self.layers[index].class {
            "TFOpLambda" | "TensorFlowOpLayer" => &*values.function,
            class => class,
        };
        let (scale, offset) = match class {
            "Rescaling" => (values.scale, values.offset.or(Some(0.0))),
            "TrueDivide" | "Divide" | "math.truediv" | "math.divide" => {
                (operand.filter(|operand| *operand != 0.0).map(f64::recip), Some(0.0))
            }
            "Multiply" | "math.multiply" => (operand, Some(0.0)),
            "Subtract" | "math.subtract" => (Some(1.0), operand.map(|operand| -operand)),
            "Add" | "math.add" | "__operators__.add" => (Some(1.0), operand),
            _ => (None, None),
        };
        if let (Some(scale), Some(offset), false) = (scale, offset, self.convolved) {
            let (before, added) = self.rescaling.unwrap_or((1.0, 0.0));
            self.rescaling = Some((before * scale, added * scale + offset));
        }
        if !self.convolved && (class == "Normalization" || (class == "Rescaling" && scale.is_none())) {
            self.unknown = Some(format!("layer `{}` of class {class}", self.layers[index].name));
        }
        match class {
            "Conv2D" => self.convolved = true,
            "BatchNormalization" => self.epsilon = self.epsilon.or(values.epsilon),
            "Dense" => self.dense.push(values.activation.clone()),
            _ => {}
        }
        let activation = if class == "Softmax" { "softmax" } else { &values.activation };
        self.classifier = ["softmax", "sigmoid"].into_iter().find(|name| *name == activation).or(self.classifier);
    }

    /// The same under the keys of a file's metadata.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::new();
        let mut put = |key: &str, value: String| metadata.insert(key.into(), value);
        if let Some((height, width)) = self.sides {
            put("mobilenet.height", height.to_string());
            put("mobilenet.width", width.to_string());
        }
        if let Some(epsilon) = self.epsilon {
            #[expect(clippy::cast_possible_truncation, reason = "networks compute with singles, whose digits are few")]
            put("mobilenet.batch_norm_epsilon", format!("{:?}", epsilon as f32));
        }
        if let Some(classifier) = self.classifier {
            put("mobilenet.classifier", classifier.into());
        }
        // What no preset does is an error with these words, unless nobody asks for the network.
        if let Some(words) = self.unknown.clone().or_else(|| self.rescaling.map(preprocessing)) {
            put("mobilenet.preprocessing", words);
        }
        if let [.., hidden, _] = &*self.dense {
            put("keras.hidden_activation", hidden.clone());
        }
        metadata
    }
}

/// The preset that feeds a network what it makes of values from 0 to 255 itself; otherwise words for the error.
fn preprocessing((scale, offset): (f64, f64)) -> String {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-4;
    let own = ["keras", "keras-unit"].into_iter().filter_map(preset).find(|preset| {
        let std = f64::from(preset.std[0]);
        near(scale * std, 1.0) && near(offset, -f64::from(preset.mean[0]) / std)
    });
    let words = || format!("value · {} + {}", print_decimal(scale), print_decimal(offset));
    own.map_or_else(words, |preset| preset.name.into())
}

/// A number, or nothing where it is null or a list.
fn number(json: &mut Json<'_>) -> Result<Option<f64>> {
    if (b'0'..=b'9').chain([b'-']).any(|byte| json.begins(byte)) {
        return json.number().map(Some);
    }
    json.skip()?;
    Ok(None)
}

/// Rows and columns of `[null, rows, columns, 3]`.
fn sides(json: &mut Json<'_>) -> Result<Option<(usize, usize)>> {
    let (mut sides, mut axis) = ([None; 4], 0);
    json.array(&mut |json| {
        let side = number(json)?;
        if let Some(place) = sides.get_mut(axis) {
            *place = side.filter(|&side| (1.0..=65_536.0).contains(&side));
        }
        axis += 1;
        Ok(())
    })?;
    let [_, Some(rows), Some(columns), Some(3.0)] = sides else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small count")]
    let count = |side: f64| side as usize;
    Ok((axis == 4).then(|| (count(rows), count(columns))))
}

/// The number among an operation's arguments: in Keras 3's list `args`, or Keras 2's `y`.
fn scalar(json: &mut Json<'_>, depth: usize, found: &mut Option<f64>) -> Result<()> {
    if depth > 0 && json.begins(b'[') {
        return json.array(&mut |json| scalar(json, depth - 1, found));
    }
    if depth == 0 || !json.begins(b'{') {
        return json.skip();
    }
    json.object(&mut |json, key| match &*key {
        "args" if json.begins(b'[') => json.array(&mut |json| {
            *found = number(json)?.or(*found);
            Ok(())
        }),
        "y" => {
            *found = number(json)?.or(*found);
            Ok(())
        }
        _ => json.skip(),
    })
}

/// `BatchNormalization` → `batch_normalization`, by Keras' rule: an underscore before each capital that begins a word.
pub(super) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let mut name = String::with_capacity(class.len() + 4);
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let begins = letter.is_ascii_uppercase() && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let turns = letter.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase());
        if before.is_some() && (begins || turns) && before != Some('_') {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
