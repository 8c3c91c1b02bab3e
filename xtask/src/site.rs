//! target/site/: everything that a static host needs, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::run::{command, stream};
use crate::stamp::{Inputs, write};
use crate::steps::Step;
use crate::{models, paths, samples, size, weights};

/// What pages use that is another project's: files of npm's packages, and where the site has them.
const VENDORED: [(&str, &str); 3] = [
    ("uplot/dist/uPlot.esm.js", "vendor/uplot/uPlot.esm.js"),
    ("uplot/dist/uPlot.min.css", "vendor/uplot/uPlot.min.css"),
    ("uplot/LICENSE", "vendor/uplot/LICENSE.txt"),
];

/// Scripts of the package that have others within them, which a page that needs the one needs at the same moment: each
/// request takes a page longer than its bytes do. What keeps nothing may lie within two. `worker.js` has none, and lists
/// for nothing what its host has.
const MERGED: [(&str, &[&str]); 2] = [
    ("host.js", &["arrival.js", "backends.js", "decisions.js", "download.js", "gpu.js", "pixels.js", "wake.js"]),
    ("worker.js", &[]),
];

/// The one that pages ask for first, and what only it imports.
const INDEX: (&str, &[&str]) = ("index.js", &["client.js", "overrides.js", "sources.js", "wake.js"]);

/// What the index has within it and other scripts import as well: they have it from there, so that what keeps something, or is a
/// class that errors are told by, exists once. A page would ask for these after the index, and for weights and the module only then.
const SHARED: [&str; 3] = ["errors.js", "stream.js", "wasm.js"];

/// How paths begin that only the page of training asks for: most visitors never do, so the service worker keeps them
/// from the first visit to that page on.
const TEACH: [&str; 3] = ["teach.html", "teach/", "vendor/uplot/"];

/// Copies page, package (its scripts merged and minified), weights and samples together and writes their indices.
pub fn assemble() -> Step<'static> {
    Step::new("site", "remove target/site and run again", || {
        let site = paths::at("target/site");
        let fresh = paths::at("target/site.new");
        remove(&fresh)?;
        copy(&paths::at("www"), &fresh, |_| true)?;
        package(&fresh.join("pkg"))?;
        for (from, to) in VENDORED {
            copy_file(&paths::at("node_modules").join(from), &fresh.join(to)).context("run `npm ci`")?;
        }
        minify(&fresh.join("vendor"))?;
        for weights in weights::known::ALL {
            let name = format!("{}.safetensors", weights.name);
            copy_file(&paths::at("target/weights").join(&name), &fresh.join("weights").join(&name))?;
        }
        write(&fresh.join("weights/index.json"), &serde_json::to_vec_pretty(&weights::index()?)?)?;
        for sample in &samples::SAMPLES {
            let name = sample.member.name;
            copy_file(&paths::at("target/samples").join(name), &fresh.join("samples").join(name))?;
        }
        write(&fresh.join("samples/index.json"), &serde_json::to_vec_pretty(&samples::index()?)?)?;
        write(&fresh.join("models.json"), &serde_json::to_vec_pretty(&models::index()?)?)?;
        let files = precache(&fresh)?;
        remove(&site)?;
        std::fs::rename(&fresh, &site).with_context(|| format!("moving {} into place", fresh.display()))?;
        Ok(format!("{files} files to keep offline"))
    })
}

/// The package as a page gets it, in that folder: of its files those that browsers load, scripts merged and minified.
fn package(folder: &Path) -> Result<()> {
    copy(&paths::at("pkg"), folder, |file| {
        file.extension().is_some_and(|extension| ["js", "wasm", "txt"].iter().any(|wanted| extension == *wanted))
    })?;
    merge(folder)?;
    minify(folder)
}

/// target/package/: what `target/site/pkg/` is, for benchmarks, which need no more of a site.
pub fn shipped() -> Step<'static> {
    Step::new("package", "remove target/package and run again", || {
        let folder = paths::at("target/package");
        remove(&folder)?;
        package(&folder)?;
        Ok("as a page gets it".into())
    })
}

/// Each script of `MERGED` and the index with what they import of their own. All others keep their names, so that
/// `new URL("./worker.js", import.meta.url)` still finds them, and stay modules that exist once.
fn merge(folder: &Path) -> Result<()> {
    if esbuild(folder).is_none() {
        return Ok(());
    }
    // That imports have no other sake, package.json tells.
    let manifest = folder.join("package.json");
    copy_file(&paths::at("pkg/package.json"), &manifest)?;
    // An index of its own name could not import the index.
    let (whole, (index, own)) = (folder.join("whole.js"), INDEX);
    let exports = [index].into_iter().chain(SHARED).map(|name| format!("export * from \"./{name}\";\n"));
    write(&whole, exports.collect::<String>().as_bytes())?;
    bundle(folder, &[&[index], own, &SHARED].concat(), &["whole.js"])?;
    std::fs::rename(&whole, folder.join(index)).with_context(|| format!("moving {} into place", whole.display()))?;
    for script in scripts(folder)? {
        let text = std::fs::read_to_string(&script).with_context(|| format!("reading {}", script.display()))?;
        let once = SHARED.iter().fold(text, |text, name| text.replace(&format!("\"./{name}\""), "\"./index.js\""));
        write(&script, once.as_bytes())?;
    }
    bundle(folder, &MERGED.map(|(_, parts)| parts).concat(), &MERGED.map(|(whole, _)| whole))?;
    std::fs::remove_file(&manifest).with_context(|| format!("removing {}", manifest.display()))?;
    let parts: BTreeSet<_> = MERGED.iter().chain([&INDEX]).flat_map(|(_, parts)| *parts).chain(&SHARED).collect();
    for part in parts {
        std::fs::remove_file(folder.join(part)).with_context(|| format!("removing {part}"))?;
    }
    Ok(())
}

/// Each of `wholes`, in its place, with those of `parts` within it that it imports.
fn bundle(folder: &Path, parts: &[&str], wholes: &[&str]) -> Result<()> {
    let Some(mut esbuild) = esbuild(folder) else { return Ok(()) };
    for file in scripts(folder)? {
        if let Some(name) = file.strip_prefix(folder)?.to_str().filter(|name| !parts.contains(name)) {
            esbuild.arg(format!("--external:./{name}"));
        }
    }
    // What scripts ask for beforehand where they are not merged: statements of that label, and imports for nothing's sake.
    esbuild.args(["--bundle", "--drop-labels=APART", "--log-override:ignored-bare-import=silent"]);
    stream(esbuild.args(wholes.iter().map(|whole| folder.join(whole))))
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = paths::files_below(folder)?;
    scripts.retain(|file| file.extension().is_some_and(|extension| extension == "js"));
    Ok(scripts)
}

/// Each script by itself.
fn minify(folder: &Path) -> Result<()> {
    let Some(mut esbuild) = esbuild(folder) else { return Ok(()) };
    // Without `--bundle` imports stay imports.
    stream(esbuild.arg("--minify").args(scripts(folder)?))
}

/// npm's esbuild, told to write over the scripts in that folder; none where it is not installed.
fn esbuild(folder: &Path) -> Option<Command> {
    let tool = paths::at("node_modules/.bin/esbuild");
    if !tool.is_file() {
        println!("npm's esbuild is not installed, scripts stay as written; run `npm ci`");
        return None;
    }
    let mut esbuild = command(tool);
    esbuild.args([
        "--format=esm",
        "--target=es2022",
        "--legal-comments=none",
        "--log-level=warning",
        "--allow-overwrite",
    ]);
    esbuild.arg(format!("--outbase={}", folder.display())).arg(format!("--outdir={}", folder.display()));
    Some(esbuild)
}

/// precache.js: what the service worker keeps, for everybody and for the page of training, under a revision that changes
/// with any of its bytes. Weights are left out: the package caches them itself, by hash.
fn precache(site: &Path) -> Result<usize> {
    let (mut files, mut teach) = (Vec::new(), Vec::new());
    let mut inputs = Inputs::default();
    for file in paths::files_below(site)? {
        let url = file.strip_prefix(site)?.to_string_lossy().replace('\\', "/");
        if url == "sw.js" || url.ends_with(".safetensors") {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        inputs = inputs.word(&url).word(&crate::stamp::sha256(&bytes));
        let is_teach = TEACH.iter().any(|path| url.starts_with(path))
            || url.strip_prefix("pkg/").is_some_and(size::is_for_training);
        if is_teach { &mut teach } else { &mut files }.push(format!("./{url}"));
    }
    let revision: String = inputs.hash().chars().take(16).collect();
    let list = json!({ "revision": revision, "files": files, "sets": { "teach": teach } });
    write(&site.join("precache.js"), format!("self.PRECACHE = {list:#};\n").as_bytes())?;
    Ok(files.len() + teach.len())
}

fn copy(from: &Path, to: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    let hidden = |file: &PathBuf| {
        let below = file.strip_prefix(from).unwrap_or(file);
        below.iter().any(|part| part == "node_modules" || part.to_string_lossy().starts_with('.'))
    };
    for file in paths::files_below(from)?.iter().filter(|file| !hidden(file) && is_wanted(file)) {
        copy_file(file, &to.join(file.strip_prefix(from)?))?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    std::fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}
