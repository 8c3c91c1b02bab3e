//! `cargo xtask bench`: this package and others, timed in turns in one Chromium, and this package's kernels.

use std::ffi::OsString;

use anyhow::{Context, Result, bail};

use crate::run::{command, stream};
use crate::stamp::Inputs;
use crate::steps::{self, Step};
use crate::{paths, setup, site, wasm};

/// Runs one benchmark with the options of its script; a machine without the models is told so, which is no failure.
pub fn run(which: &str, options: &[OsString]) -> Result<()> {
    let (script, has_peers) = match which {
        "cpu" => ("bench/cpu.mjs", true),
        "gpu" => ("bench/gpu.mjs", true),
        "kernels" => ("bench/kernels.mjs", false),
        "tune" => ("bench/tune.mjs", true),
        _ => bail!("there is no benchmark `{which}`; there are `cpu`, `gpu`, `kernels` and `tune`"),
    };
    let models = paths::bench_models();
    // Fine-tuning has weights out of a formula.
    if has_peers && which != "tune" && models.is_none() {
        println!("SKIPPED: ../shared/bench-models is missing; set MOBILENET_BENCH_MODELS to the folder of models");
        return Ok(());
    }
    let mut steps = vec![setup::wasm_target(), setup::npm()];
    if has_peers {
        steps.push(peers());
    }
    steps.extend([
        wasm::module(true),
        site::shipped(),
        setup::chromium(),
        Step::new("measurement", "read what the script says above; `node bench/NAME.mjs` runs it alone", || {
            let chromium = setup::find_chromium().context("no Chromium is installed")?;
            let mut node = command("node");
            node.arg(script).args(options);
            node.env("CHROMIUM", chromium).env("XTASK", std::env::current_exe()?);
            if let Some(models) = models {
                node.env("MOBILENET_BENCH_MODELS", models);
            }
            stream(&mut node)?;
            Ok("the tables and figures lie where the line above says".into())
        }),
    ]);
    steps::run(steps)
}

/// The other runtimes: 350 MB that nothing but a benchmark needs.
fn peers() -> Step<'static> {
    Step::new("peers' npm packages", "see what npm says above", || {
        let stamp = Inputs::default().path("bench/package-lock.json")?.path("bench/package.json")?.stamp("bench");
        if stamp.is_fresh(&[&paths::at("bench/node_modules/.package-lock.json")]) {
            return Ok("up to date".into());
        }
        // Their scripts after installation print requests for donations.
        stream(command("npm").args(["ci", "--prefix", "bench", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
        stamp.keep()?;
        Ok("installed".into())
    })
}
