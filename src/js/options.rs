//! Options as JavaScript writes them → options as Rust checks them.
//!
//! Read property by property rather than through serde: an error can then name the option, and deserialising would
//! double what serde adds to the module.

use super::errors::{JsResult, thrown};
use crate::error::{Error, Kind, Result};
use crate::frame::{Fit, View};
use crate::model::{Classifier, Spec, Version};
use crate::net::{Choice, Net, Options};
use crate::output::Query;
use crate::small::print_decimal;
use crate::weights::{Overrides, parse_labels};
use js_sys::{Array, Reflect};
use serde::Serialize;
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;

/// A plain JavaScript value; what is absent is null.
pub fn write<T: Serialize + ?Sized>(value: &T) -> JsResult<JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true))?)
}

/// The options object of one call; `undefined` and `null` mean all defaults.
pub struct Given<'a>(&'a JsValue);

impl<'a> Given<'a> {
    /// Nothing but an object, `undefined` or `null` can hold options.
    pub fn new(options: &'a JsValue) -> JsResult<Self> {
        if options.is_object() || options.is_undefined() || options.is_null() {
            return Ok(Self(options));
        }
        Err(thrown(bad("options", "an object", options, "See the types of the package for each option.")))
    }

    /// `{ precision?: "kept" | "f32" | "f16" | "int8" }`.
    #[cfg(feature = "importer")]
    pub fn precision(&self) -> JsResult<crate::weights::Precision> {
        use crate::weights::Precision;
        self.text("precision")?.map_or(Ok(Precision::default()), |name| Precision::from_name(&name).map_err(thrown))
    }

    /// `{ backend?: "auto" | "simd" | "reference", overrides?: { [key]: string } }`, keys as in
    /// [`Overrides::from_text`], and `labels_txt`.
    pub fn open(&self) -> JsResult<Options> {
        let backend = self.text("backend")?.map_or(Ok(Choice::Auto), |name| Choice::from_name(&name));
        let mut values = BTreeMap::new();
        if let Some(given) = self.get("overrides") {
            for key in Reflect::own_keys(&given)?.iter().filter_map(|key| key.as_string()) {
                if let Some(value) = Reflect::get(&given, &key.as_str().into())?.as_string() {
                    values.insert(key, value);
                }
            }
        }
        let overrides = || {
            let mut overrides = Overrides::from_text(&values)?;
            if let Some(text) = values.get("labels_txt") {
                overrides.labels = Some(parse_labels(text)?);
            }
            Ok(overrides)
        };
        Ok(Options {
            backend: backend.map_err(thrown)?,
            overrides: overrides().map_err(thrown)?,
            #[cfg(feature = "integers")]
            arithmetic: Default::default(),
        })
    }

    /// The network that the options describe by themselves: as [`Given::open`], with a version or a table.
    pub fn synthetic(&self) -> JsResult<(Spec, Options)> {
        let options = self.open()?;
        let custom = options.overrides.table.as_ref().map(|_| Version::Custom);
        let version = options.overrides.version.or(custom).ok_or_else(|| {
            let expected = Version::ALL.map(|row| row.1).join(", ");
            thrown(bad("version", &expected, &JsValue::UNDEFINED, "Say which network it is."))
        })?;
        Ok((options.overrides.apply(Spec::new(version)), options))
    }

    /// `{ topK?, threshold?, allow?, deny? }`, classes by name or index.
    pub fn query(&self, net: &Net) -> JsResult<Query> {
        let default = Query::default();
        let top_k = self.number("topK")?.map_or(Ok(default.top_k), |value| whole(value, "topK")).map_err(thrown)?;
        let threshold = self.number("threshold")?.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&threshold) && net.spec().classifier != Classifier::Linear {
            let found = self.get("threshold").unwrap_or_default();
            return Err(thrown(bad("threshold", "a probability from 0 to 1", &found, "All classes sum to 1.")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "probabilities are f32")]
        let threshold = threshold as f32;
        Ok(Query { top_k, threshold, allow: self.classes("allow", net)?, deny: self.classes("deny", net)? })
    }

    /// `{ resize?: "preset" | "none", background?: [r, g, b] }`.
    pub fn view(&self) -> JsResult<View> {
        let fit = match self.text("resize")?.as_deref() {
            None | Some("preset") => Fit::Preset,
            Some("none") => Fit::AsIs,
            Some(other) => {
                let remedy = "Leave the option out for the crop and resize that the weights ask for.";
                return Err(thrown(bad("resize", "\"preset\" or \"none\"", &other.into(), remedy)));
            }
        };
        let Some(list) = self.get("background") else { return Ok(View { fit, ..View::default() }) };
        let colour =
            |value: JsValue| value.as_f64().filter(|value| value.fract() == 0.0 && (0.0..=255.0).contains(value));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 0 … 255")]
        let background: Option<Vec<u8>> = Array::is_array(&list)
            .then(|| Array::from(&list).iter().map(|v| colour(v).map(|v| v as u8)).collect())
            .flatten();
        match background.as_deref().map(<[u8; 3]>::try_from) {
            Some(Ok(background)) => Ok(View { fit, background }),
            _ => Err(thrown(bad(
                "background",
                "[red, green, blue], each a whole number from 0 to 255",
                &list,
                "White is the default.",
            ))),
        }
    }

    /// `{ endpoints: string[] }`.
    pub fn endpoints(&self) -> JsResult<Vec<String>> {
        let list = self.get("endpoints").unwrap_or_default();
        let names =
            Array::is_array(&list).then(|| Array::from(&list).iter().map(|name| name.as_string()).collect()).flatten();
        names.ok_or_else(|| thrown(bad("endpoints", "an array of names", &list, "`info.endpoints` lists them all.")))
    }

    /// Names and numbers → indices. A name that two classes share stands for both.
    fn classes(&self, option: &str, net: &Net) -> JsResult<Vec<usize>> {
        let Some(list) = self.get(option) else { return Ok(Vec::new()) };
        let remedy = "`classify` with a large topK lists every label by name and index.";
        if !Array::is_array(&list) {
            return Err(thrown(bad(option, "an array of names and indices", &list, remedy)));
        }
        let mut indices = Vec::new();
        for class in Array::from(&list).iter() {
            let before = indices.len();
            if let Some(index) = class.as_f64() {
                indices.extend(Some(whole(index, option).map_err(thrown)?).filter(|&index| index < net.spec().classes));
            } else if let Some(name) = class.as_string() {
                let labels = net.spec().labels.iter().enumerate();
                indices.extend(labels.filter(|(_, label)| **label == name).map(|(index, _)| index));
            }
            if indices.len() == before {
                let expected = format!("names of this network's labels, or indices below {}", net.spec().classes);
                return Err(thrown(bad(option, &expected, &class, remedy)));
            }
        }
        Ok(indices)
    }

    pub(super) fn get(&self, option: &str) -> Option<JsValue> {
        let value = Reflect::get(self.0, &option.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    pub(super) fn text(&self, option: &str) -> JsResult<Option<String>> {
        let text = |value: JsValue| {
            value
                .as_string()
                .ok_or_else(|| thrown(bad(option, "a string", &value, "Leave the option out for its default.")))
        };
        self.get(option).map(text).transpose()
    }

    pub(super) fn number(&self, option: &str) -> JsResult<Option<f64>> {
        let number = |value: JsValue| {
            value
                .as_f64()
                .ok_or_else(|| thrown(bad(option, "a number", &value, "Leave the option out for its default.")))
        };
        self.get(option).map(number).transpose()
    }
}

/// A JavaScript number that counts something.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and small")]
pub(super) fn whole(value: f64, option: &str) -> Result<usize> {
    if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
        return Ok(value as usize);
    }
    Err(Error::new(Kind::BadOption, option)
        .expected("a whole number from 0")
        .found(print_decimal(value))
        .remedy("Leave the option out for its default."))
}

pub(super) fn bad(option: &str, expected: &str, found: &JsValue, remedy: &str) -> Error {
    let found = match (found.as_string(), found.as_f64()) {
        (Some(text), _) => format!("{text:?}"),
        (_, Some(number)) => print_decimal(number),
        _ => found.js_typeof().as_string().unwrap_or_default(),
    };
    Error::new(Kind::BadOption, option).expected(expected).found(found).remedy(remedy)
}
