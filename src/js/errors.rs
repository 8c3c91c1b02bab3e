//! [`Error`] → `MobileNetError`.

use crate::error::Error;
use wasm_bindgen::JsValue;

/// What every export returns: a panic never leaves this crate, a JavaScript exception does.
pub type JsResult<T> = Result<T, JsValue>;

/// The exception for an error. `pkg/errors.js` gives it its class; here it is an `Error` with that name and a `code`.
pub fn thrown(error: Error) -> JsValue {
    let exception = js_sys::Error::new(&error.to_string());
    exception.set_name("MobileNetError");
    // Setting a property of an object that was made one line above cannot fail.
    let _ = js_sys::Reflect::set(&exception, &"code".into(), &error.kind().code().into());
    exception.into()
}
