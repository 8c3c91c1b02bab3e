//! The kernel suite as values: every case runs each body of its kernel on the same numbers and compares.
//!
//! `cargo test` runs it natively (`tests/kernels.rs`), a browser test runs it as wasm through [`run_suite`].

mod cases;
mod integers;
mod training;

pub use cases::{Case, cases};

use mobilenet_web::kernels::{Call, Io};
use mobilenet_web::lane::{Body, Vec4};

/// Kernels add and multiply in the order of the reference and round as often, so most bodies agree to the last bit.
const EXACT: f32 = 0.0;

/// Softmax sums in four lanes and multiplies by a reciprocal where the reference sums in one and divides: a few units
/// in the last place of values up to 1.
const SOFTMAX: f32 = 1e-6;

impl Case {
    /// Runs both bodies, each on an output full of NaN.
    ///
    /// # Errors
    /// A sentence that names the first element that differs by more than the kernel's tolerance.
    pub fn run(&self) -> Result<(), String> {
        let tolerance = if matches!(self.call, Call::Softmax(_)) { SOFTMAX } else { EXACT };
        let expected = self.output(Body::Reference);
        let found = self.output(Body::Simd);
        if self.call.stem().starts_with("integer_") {
            // Half of each float is an integer, which may look like NaN.
            let halves = |output: &[Vec4]| bytemuck::cast_slice::<Vec4, i16>(output).to_vec();
            let (expected, found) = (halves(&expected), halves(&found));
            let differs = expected.iter().zip(&found).position(|(expected, found)| expected != found);
            return differs
                .map_or(Ok(()), |at| Err(format!("element {at}: reference {}, simd {}", expected[at], found[at])));
        }
        for (at, (expected, found)) in expected.iter().flatten().zip(found.iter().flatten()).enumerate() {
            let right = expected.is_finite() && (expected - found).abs() <= tolerance;
            if !right {
                return Err(format!("element {at}: reference {expected}, simd {found}"));
            }
        }
        Ok(())
    }

    fn output(&self, body: Body) -> Vec<Vec4> {
        let mut output = vec![[f32::NAN; 4]; self.output_length];
        let Self { input, side, parameters, .. } = self;
        self.call.run(body, Io { input, side, parameters, output: &mut output });
        output
    }
}

/// Runs every case: a line each, `ok NAME` or `FAILED NAME: WHY`.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen::prelude::wasm_bindgen)]
#[must_use]
pub fn run_suite() -> String {
    let line = |case: &Case| match case.run() {
        Ok(()) => format!("ok {} {}\n", case.call.stem(), case.name),
        Err(why) => format!("FAILED {} {}: {why}\n", case.call.stem(), case.name),
    };
    cases().iter().map(line).collect()
}
