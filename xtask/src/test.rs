//! `cargo xtask test`: everything that must hold, cheapest first.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::run::{cargo, command, stream};
use crate::serve::Server;
use crate::steps::{self, Step};
use crate::{fuzz, paths, samples, setup, site, size, wasm, weights};

/// Runs every check; the first that fails ends it.
pub fn run() -> Result<()> {
    steps::run(vec![
        cargo_step("format", "`cargo fmt --all`", &["fmt", "--all", "--check"]),
        setup::wasm_target(),
        cargo_step(
            "clippy, native",
            "correct what clippy names above",
            &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        ),
        // Among all targets are only those that `cargo test` runs by itself.
        cargo_step(
            "clippy, fuzz",
            "correct what clippy names above",
            &["clippy", "--test", "fuzz", "--", "-D", "warnings"],
        ),
        cargo_step(
            "clippy, wasm32",
            "correct what clippy names above",
            &[
                "clippy",
                "--package=mobilenet-web",
                "--package=mobilenet-kernels",
                "--package=mobilenet-threads",
                "--package=suite",
                "--target=wasm32-unknown-unknown",
                "--",
                "-D",
                "warnings",
            ],
        ),
        wasm::clippy(),
        cargo_step("tidy", "each line above names a file and the rule that it breaks", &["test", "--test", "tidy"]),
        fixtures(),
        setup::npm(),
        weights::fetch(),
        weights::fetch_for_tests(),
        samples::fetch(),
        setup::chromium(),
        setup::vulkan(),
        cargo_step("native tests", "run the failing test alone: `cargo test NAME`", &["test", "--workspace"]),
        cargo_step(
            "core module's tests",
            "run them alone: `cargo test --no-default-features --test lean`",
            &["test", "--no-default-features", "--test", "lean"],
        ),
        fuzz::step(),
        wasm::module(true),
        wasm::suite(),
        site::assemble(),
        Step::new("size", "see which part grew by `cargo xtask size`", || size::table(true)),
        Step::new("types", "correct pkg/index.d.ts or its users", types),
        Step::new(
            "browser tests",
            "run one alone: `cargo xtask build` once, then `node --test tests/web/FILE`",
            browser_tests,
        ),
    ])
}

fn cargo_step(name: &'static str, remedy: &'static str, arguments: &'static [&'static str]) -> Step<'static> {
    Step::new(name, remedy, move || {
        stream(cargo().args(arguments))?;
        Ok("passed".into())
    })
}

fn fixtures() -> Step<'static> {
    Step::new("fixtures", "set MOBILENET_FIXTURES to the folder of golden outputs", || match paths::fixtures() {
        Some(folder) => Ok(folder.display().to_string()),
        // A green run that compared nothing with the reference would be worth nothing.
        None if std::env::var_os("CI").is_some_and(|ci| ci == "true") => bail!("CI needs the fixtures"),
        None => Ok("absent: golden tests are skipped".into()),
    })
}

/// The types as each kind of project resolves them: one tsconfig a kind.
fn types() -> Result<String> {
    let mut projects = paths::files_below(&paths::at("pkg"))?;
    projects.retain(|file| file_name(file).starts_with("tsconfig") && file_name(file).ends_with(".json"));
    ensure!(!projects.is_empty(), "pkg/ holds no tsconfig*.json");
    for project in &projects {
        stream(command("node").args(["node_modules/typescript/bin/tsc", "--project"]).arg(project))?;
    }
    Ok(format!("{} projects without errors", projects.len()))
}

fn file_name(file: &Path) -> Cow<'_, str> {
    file.file_name().unwrap_or_default().to_string_lossy()
}

fn browser_tests() -> Result<String> {
    let folder = paths::at("tests/web");
    let mut files = paths::files_below(&folder).with_context(|| format!("reading {}", folder.display()))?;
    files.retain(|file| file.parent() == Some(&folder) && file_name(file).ends_with(".test.mjs"));
    ensure!(!files.is_empty(), "{} holds no *.test.mjs", folder.display());
    let server = Server::start(0, true)?;
    let chromium = setup::find_chromium().context("no Chromium is installed")?;
    let mut node = command("node");
    // One file at a time: some of them measure time.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(&files);
    node.env("SITE_URL", &server.url).env("CHROMIUM", chromium);
    if let Some(url) = &server.other_origin {
        node.env("OTHER_ORIGIN_URL", url);
    }
    if let Some(fixtures) = paths::fixtures() {
        node.env("MOBILENET_FIXTURES", fixtures);
    }
    stream(&mut node)?;
    Ok(format!("{} files passed", files.len()))
}
