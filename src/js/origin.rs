//! What is told of where a network came from.

use crate::weights;
use serde::Serialize;

#[derive(Serialize)]
pub struct Inferred<'a> {
    what: &'a str,
    value: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
pub struct Warning<'a> {
    code: &'a str,
    message: &'a str,
}

pub fn inferred(found: &[weights::Inferred]) -> Vec<Inferred<'_>> {
    found.iter().map(|it| Inferred { what: it.what, value: &it.value, why: &it.why }).collect()
}

pub fn warnings(found: &[weights::Warning]) -> Vec<Warning<'_>> {
    found.iter().map(|it| Warning { code: it.code, message: &it.message }).collect()
}
