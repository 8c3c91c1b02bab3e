//! `cargo xtask fuzz`: mutated files against every parser, as long as one likes.

use anyhow::Result;

use crate::run::{cargo, stream};
use crate::steps::Step;

/// For one format, in the step of `cargo xtask test`: a count rather than a time, so that a finding comes again. All
/// eleven formats take about a minute on two cores.
const EXECUTIONS: &str = "8000";

/// Runs `tests/fuzz` with these options.
pub fn run<S: AsRef<std::ffi::OsStr>>(options: impl IntoIterator<Item = S>) -> Result<()> {
    let mut fuzz = cargo();
    fuzz.args(["test", "--test", "fuzz", "--"]).args(options);
    if let Some(fixtures) = crate::paths::fixtures() {
        fuzz.env("MOBILENET_FIXTURES", fixtures);
    }
    stream(&mut fuzz)
}

/// The step of `cargo xtask test`.
pub fn step() -> Step<'static> {
    let remedy = "write a named test for the finding first: `cargo xtask fuzz --replay FILE` says again what it breaks";
    Step::new("mutated files", remedy, || {
        run(["--executions", EXECUTIONS, "--seed", "1"])?;
        Ok(format!("{EXECUTIONS} a format, no finding"))
    })
}
