//! `cargo xtask demo`: from a fresh machine to a page that classifies.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::{command, stream};
use crate::serve::{self, Server};
use crate::steps::{self, Step};
use crate::{samples, setup, site, wasm, weights};

/// Tried when no port is asked for; any free one is taken when it is busy.
const USUAL_PORT: u16 = 8080;

/// What `demo` was asked to do.
#[derive(Default)]
pub struct Demo {
    /// On which port; the usual one if it is free.
    pub port: Option<u16>,
    /// Without a person: a headless Chromium goes through the page, then all ends.
    pub check: bool,
    /// Where the check writes what it saw.
    pub json: Option<PathBuf>,
    /// Where the check writes pictures of the page.
    pub screenshots: Option<PathBuf>,
}

/// What the site needs on this machine, and the site.
pub fn site_steps() -> Vec<Step<'static>> {
    vec![setup::wasm_target(), setup::npm(), wasm::module(true), weights::fetch(), samples::fetch(), site::assemble()]
}

/// Runs it; returns only from a check.
pub fn run(demo: &Demo) -> Result<()> {
    let mut steps = site_steps();
    if demo.check {
        steps.push(setup::chromium());
        steps.push(Step::new("check of the page", "open the page by `cargo xtask demo` and look at it", || {
            check(demo, &start(demo)?)
        }));
        return steps::run(steps);
    }
    steps::run(steps)?;
    start(demo)?.print();
    println!("Press Ctrl-C to stop.");
    serve::forever()
}

fn start(demo: &Demo) -> Result<Server> {
    match demo.port {
        Some(port) => Server::start(port, false),
        None => Server::start(USUAL_PORT, false).or_else(|_| Server::start(0, false)),
    }
}

fn check(demo: &Demo, server: &Server) -> Result<String> {
    let chromium = setup::find_chromium().context("no Chromium is installed")?;
    let mut node = command("node");
    node.arg("tests/web/demo-check.mjs").env("SITE_URL", &server.url).env("CHROMIUM", chromium);
    for (name, path) in [("CHECK_JSON", &demo.json), ("CHECK_SCREENSHOTS", &demo.screenshots)] {
        if let Some(path) = path {
            node.env(name, std::path::absolute(path)?);
        }
    }
    stream(&mut node)?;
    Ok("every label is right".into())
}
