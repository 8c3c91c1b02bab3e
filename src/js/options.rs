//! Options as JavaScript writes them → options as Rust checks them.

use super::errors::{JsResult, thrown};
use crate::error::{Error, Kind, Result};
use crate::frame::{Fit, View};
use crate::net::{Choice, Net, Options};
use crate::output::Query;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// Reads an options object; `undefined` and `null` mean all defaults.
pub fn read<T: DeserializeOwned + Default>(options: &JsValue, place: &str) -> JsResult<T> {
    if options.is_undefined() || options.is_null() {
        return Ok(T::default());
    }
    serde_wasm_bindgen::from_value(options.clone()).map_err(|why| {
        thrown(
            Error::new(Kind::BadOption, place)
                .expected("an object of the documented options")
                .found(why.to_string())
                .remedy("See the types of the package for each option."),
        )
    })
}

/// A plain JavaScript value.
pub fn write<T: Serialize + ?Sized>(value: &T) -> JsResult<JsValue> {
    Ok(serde_wasm_bindgen::to_value(value)?)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpenOptions {
    backend: Option<String>,
}

impl OpenOptions {
    pub fn check(&self) -> JsResult<Options> {
        let backend = self.backend.as_deref().map_or(Ok(Choice::Auto), Choice::from_name).map_err(thrown)?;
        Ok(Options { backend })
    }
}

/// A class, by name or by number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Class {
    Index(f64),
    Name(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassifyOptions {
    top_k: Option<f64>,
    threshold: Option<f32>,
    allow: Vec<Class>,
    deny: Vec<Class>,
    resize: Option<String>,
    background: Option<[u8; 3]>,
}

impl ClassifyOptions {
    pub fn query(&self, net: &Net) -> JsResult<Query> {
        self.checked_query(net).map_err(thrown)
    }

    fn checked_query(&self, net: &Net) -> Result<Query> {
        let mut query = Query::default();
        if let Some(top_k) = self.top_k {
            query.top_k = whole(top_k, "topK")?;
        }
        if let Some(threshold) = self.threshold {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(Error::new(Kind::BadOption, "threshold")
                    .expected("a probability from 0 to 1")
                    .found(threshold.to_string())
                    .remedy("Probabilities of all classes sum to 1."));
            }
            query.threshold = threshold;
        }
        query.allow = classes(&self.allow, net, "allow")?;
        query.deny = classes(&self.deny, net, "deny")?;
        Ok(query)
    }

    pub fn view(&self) -> JsResult<View> {
        view(self.resize.as_deref(), self.background).map_err(thrown)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InferOptions {
    pub endpoints: Vec<String>,
    resize: Option<String>,
    background: Option<[u8; 3]>,
}

impl InferOptions {
    pub fn view(&self) -> JsResult<View> {
        view(self.resize.as_deref(), self.background).map_err(thrown)
    }
}

fn view(resize: Option<&str>, background: Option<[u8; 3]>) -> Result<View> {
    let fit = match resize {
        None | Some("preset") => Fit::Preset,
        Some("none") => Fit::AsIs,
        Some(other) => {
            return Err(Error::new(Kind::BadOption, "resize")
                .expected("\"preset\" or \"none\"")
                .found(format!("{other:?}"))
                .remedy("Leave the option out for the crop and resize that the weights ask for."));
        }
    };
    Ok(View { fit, background: background.unwrap_or(View::default().background) })
}

/// A JavaScript number that counts something.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and small")]
fn whole(value: f64, place: &str) -> Result<usize> {
    if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
        return Ok(value as usize);
    }
    Err(Error::new(Kind::BadOption, place)
        .expected("a whole number from 0")
        .found(value.to_string())
        .remedy("Pass a count."))
}

/// Names and numbers → indices. A name that two classes share stands for both.
fn classes(classes: &[Class], net: &Net, place: &str) -> Result<Vec<usize>> {
    let mut indices = Vec::new();
    for class in classes {
        let before = indices.len();
        let found = match class {
            Class::Index(index) => {
                indices.extend(Some(whole(*index, place)?).filter(|&index| index < net.spec().classes));
                index.to_string()
            }
            Class::Name(name) => {
                let labels = net.spec().labels.iter().enumerate();
                indices.extend(labels.filter(|(_, label)| *label == name).map(|(index, _)| index));
                format!("{name:?}")
            }
        };
        if indices.len() == before {
            return Err(Error::new(Kind::BadOption, place)
                .expected(format!("names of this network's labels, or indices below {}", net.spec().classes))
                .found(found)
                .remedy("`classify` with a large topK lists every label by name and index."));
        }
    }
    Ok(indices)
}
