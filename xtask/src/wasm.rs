//! Rust → wasm → JavaScript bindings → smaller wasm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::paths;
use crate::run::{cargo, command, stream};
use crate::shared;
use crate::stamp::{Inputs, write};
use crate::steps::Step;

const TARGET: &str = "wasm32-unknown-unknown";
const MODULE: &str = "mobilenet_web";
/// Goes before the flags in .cargo/config.toml.
const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// What wasm-opt may use: the features that every module is compiled with, and those that rustc enables by itself.
const FEATURES: [&str; 6] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-mutable-globals",
    "--enable-sign-ext",
];

/// What of wasm a module may use. `pkg/wasm.js` takes the first build that the browser validates.
struct Build {
    /// Where its modules lie in pkg/wasm/.
    folder: &'static str,
    /// What rustc is told.
    rustflags: &'static str,
    /// What wasm-opt is told besides.
    wasm_opt: &'static [&'static str],
    /// Whether several instances share its memory.
    shared: bool,
}

/// What every browser since 2023 runs.
const SIMD128: Build = Build { folder: "", rustflags: "-C target-feature=+simd128", wasm_opt: &[], shared: false };
/// Multiplies and adds in one instruction, and sums four products of bytes in one.
const RELAXED_SIMD: Build = Build {
    folder: "relaxed-simd",
    rustflags: "-C target-feature=+simd128,+relaxed-simd",
    wasm_opt: &["--enable-relaxed-simd"],
    shared: false,
};
/// The same on several threads, where a page is isolated. Compiled like it, so that dependencies are those of before.
const THREADS: Build =
    Build { folder: "threads", wasm_opt: &["--enable-relaxed-simd", "--enable-threads"], shared: true, ..RELAXED_SIMD };

/// What is compiled.
struct Crate {
    package: &'static str,
    profile: &'static str,
    /// Of cargo's output.
    folder: &'static str,
    features: &'static [&'static str],
    /// What its memory may grow to where several instances share it. Others may grow to 4.
    shared_gib: u64,
    /// Whether its glue can start it anew, which gives back the memory that it grew to.
    renews: bool,
}

const LIBRARY: Crate = Crate {
    package: "mobilenet-web",
    profile: "release",
    folder: "release",
    features: &[],
    shared_gib: 1,
    renews: false,
};
/// What a page downloads first: files that say what they are, nothing else.
const CORE: Crate = Crate { features: &["--no-default-features", "--features", "gpu"], ..LIBRARY };
/// What is fetched for any other file: it writes what the core opens, and runs nothing.
const IMPORTER: Crate =
    Crate { features: &["--no-default-features", "--features", "importer"], renews: true, ..LIBRARY };
/// The core with the scalar bodies, for comparison.
const REFERENCE: Crate =
    Crate { features: &["--no-default-features", "--features", "gpu,integers,reference"], ..LIBRARY };
/// For networks that compute in their own integers, on the CPU.
const INTEGERS: Crate = Crate { features: &["--no-default-features", "--features", "integers"], ..LIBRARY };
/// Both of these in parts.
const THREADED_CORE: Crate = Crate { features: &["--no-default-features", "--features", "gpu,threads"], ..LIBRARY };
const THREADED_INTEGERS: Crate =
    Crate { features: &["--no-default-features", "--features", "integers,threads"], ..LIBRARY };
/// For classes of one's own: fetched with the first `fit`. It runs no network.
const TRAINING: Crate = Crate { features: &["--no-default-features", "--features", "trainer"], ..LIBRARY };
/// The same in parts. It keeps all maps of a batch, and what one thread can train several can.
const THREADED_TRAINING: Crate =
    Crate { features: &["--no-default-features", "--features", "trainer,threads"], shared_gib: 4, ..LIBRARY };
/// The suite keeps overflow checks and debug assertions: it is there to find mistakes, not to be small.
const SUITE: Crate = Crate { package: "suite", profile: "dev", folder: "debug", ..LIBRARY };

/// All modules of pkg/wasm/ with their folders: a folder before those inside it. What only reads files, or is there for
/// comparison, is not worth a second build.
const MODULES: [(&Build, &Crate, &str); 11] = [
    (&SIMD128, &CORE, ""),
    (&SIMD128, &IMPORTER, "importer"),
    (&SIMD128, &INTEGERS, "integers"),
    (&SIMD128, &TRAINING, "training"),
    (&SIMD128, &REFERENCE, "reference"),
    (&RELAXED_SIMD, &CORE, ""),
    (&RELAXED_SIMD, &INTEGERS, "integers"),
    (&RELAXED_SIMD, &TRAINING, "training"),
    (&THREADS, &THREADED_CORE, ""),
    (&THREADS, &THREADED_INTEGERS, "integers"),
    (&THREADS, &THREADED_TRAINING, "training"),
];

/// pkg/wasm/, made anew when a source file changed.
pub fn module(optimise: bool) -> Step<'static> {
    Step::new(
        "wasm module",
        "read the compiler's message above; `cargo xtask build --no-opt` skips wasm-opt",
        move || {
            let out = paths::at("pkg/wasm");
            let wasm = out.join(format!("{MODULE}_bg.wasm"));
            let stamp = Inputs::default()
                .path("src")?
                .path("kernels")?
                .path("threads")?
                .path("shaders")?
                .path("build.rs")?
                .path("Cargo.toml")?
                .path("Cargo.lock")?
                .path(".cargo/config.toml")?
                .path("rust-toolchain.toml")?
                .path("package-lock.json")?
                .path("xtask/src/wasm.rs")?
                .path("xtask/src/shared.rs")?
                .word(if optimise { "optimised" } else { "as linked" })
                .stamp("wasm");
            if stamp.is_fresh(&[&wasm, &out.join(format!("{MODULE}.js"))]) {
                return Ok(format!("up to date, {}", size(&wasm)?));
            }
            // A linker and wasm-opt keep one core busy each: a module shrinks while the next one is compiled.
            thread::scope(|scope| {
                let mut shrinking = Vec::new();
                // Binding empties a folder, and others lie in it.
                for (build, what, folder) in MODULES {
                    let out = out.join(build.folder).join(folder);
                    let linked = compile(build, what)?;
                    bind(build, &linked, &out, (MODULE, what.renews))?;
                    if optimise {
                        shrinking.push(scope.spawn(move || shrink(build, &out.join(format!("{MODULE}_bg.wasm")))));
                    }
                }
                shrinking
                    .into_iter()
                    .try_for_each(|one| one.join().unwrap_or_else(|_| bail!("wasm-opt's thread stopped")))
            })?;
            stamp.keep()?;
            Ok(format!("{} modules, core {}", MODULES.len(), size(&wasm)?))
        },
    )
}

/// Clippy on each module with its own features: what one leaves out is what another is made of.
pub fn clippy() -> Step<'static> {
    Step::new("clippy, modules", "correct what clippy names above", || {
        for (build, Crate { package, features, .. }, _) in MODULES {
            let mut cargo = cargo();
            cargo.env(RUSTFLAGS, build.rustflags);
            cargo.args(["clippy", "--package", package, "--target", TARGET]).args(*features);
            stream(cargo.args(["--", "-D", "warnings"]))?;
        }
        Ok("passed".into())
    })
}

/// target/suite/: the kernel suite for the browser, in each build.
pub fn suite() -> Step<'static> {
    Step::new("wasm suite", "read the compiler's message above", || {
        for build in [&SIMD128, &RELAXED_SIMD] {
            let linked = compile(build, &SUITE)?;
            bind(build, &linked, &paths::at("target/suite").join(build.folder), (SUITE.package, SUITE.renews))?;
        }
        Ok("built".into())
    })
}

fn compile(build: &Build, what: &Crate) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.env(RUSTFLAGS, build.rustflags);
    cargo.args(["build", "--package", what.package, "--lib", "--target", TARGET, "--profile", what.profile]);
    cargo.args(what.features);
    stream(&mut cargo)?;
    let file = format!("{}.wasm", what.package.replace('-', "_"));
    let linked = paths::cargo_target().join(TARGET).join(what.folder).join(file);
    if !build.shared {
        return Ok(linked);
    }
    let shared = linked.with_extension("shared.wasm");
    shared::share(&linked, &shared, what.shared_gib)?;
    Ok(shared)
}

/// wasm-bindgen's command line tool, as a library of the exact version that the crate uses.
fn bind(build: &Build, linked: &Path, out: &Path, what: (&str, bool)) -> Result<()> {
    let (name, renews) = what;
    if out.is_dir() {
        std::fs::remove_dir_all(out).with_context(|| format!("emptying {}", out.display()))?;
    }
    let mut output = Bindgen::new()
        .input_path(linked)
        .out_name(name)
        .web(true)?
        // pkg/index.d.ts is the public face, kept by hand.
        .typescript(false)
        .remove_producers_section(true)
        .reset_state_function(renews)
        .generate_output()
        .with_context(|| format!("wasm-bindgen on {}", linked.display()))?;
    if build.shared {
        shared::lean(output.wasm_mut())?;
    }
    let imports = output.wasm_mut().imports.iter_mut();
    let names =
        imports.zip(short_names()).map(|(import, name)| (std::mem::replace(&mut import.name, name.clone()), name));
    let names = names.collect();
    output.emit(out)?;
    let glue = out.join(format!("{name}.js"));
    let text = std::fs::read_to_string(&glue)?;
    write(&glue, rename_imports(&text, names)?.as_bytes())
}

/// `a`, `b`, …, `z`, `aa`, `ba` …
fn short_names() -> impl Iterator<Item = String> {
    (0_u32..).map(|index| {
        let mut name = String::new();
        let mut rest = index + 1;
        while rest > 0 {
            rest -= 1;
            name.extend(char::from_digit(10 + rest % 26, 36));
            rest /= 26;
        }
        name
    })
}

/// Names the functions of the glue's import object as the module now does. wasm-bindgen's own names hold hashes, which
/// nothing compresses: with short ones the glue alone is 3.1 kB of brotli smaller.
fn rename_imports(glue: &str, mut names: BTreeMap<String, String>) -> Result<String> {
    let mut renamed = String::new();
    for line in glue.split_inclusive('\n') {
        let entry = line.split_once(": ").and_then(|(key, value)| Some((key, names.remove(key.trim_start())?, value)));
        match entry {
            Some((key, name, value)) => {
                let indentation = &key[..key.len() - key.trim_start().len()];
                renamed.extend([indentation, &name, ": ", value]);
            }
            None => renamed.push_str(line),
        }
    }
    ensure!(names.is_empty(), "the glue does not define {names:?}");
    Ok(renamed)
}

fn shrink(build: &Build, wasm: &Path) -> Result<()> {
    let tool = paths::at("node_modules/.bin/wasm-opt");
    ensure!(tool.is_file(), "npm's binaryen is not installed; run `npm ci`");
    let mut wasm_opt = command(tool);
    wasm_opt.args(FEATURES).args(build.wasm_opt).args([
        "-Oz",
        "--converge",
        // Functions with one caller are compressed better by themselves than as part of it: 4.6 kB of the core's brotli.
        "--one-caller-inline-max-function-size=20",
        // The stack's far end lies there, and a stack that long has overflowed: offsets can be folded into loads.
        "--low-memory-unused",
        "--strip-debug",
        "--strip-producers",
        "--strip-target-features",
    ]);
    stream(wasm_opt.arg(wasm).arg("-o").arg(wasm))
}

fn size(file: &Path) -> Result<String> {
    let bytes = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
    Ok(format!("{:.1} kB", kilo(bytes)))
}

#[expect(clippy::cast_precision_loss, reason = "file sizes are far below 2⁵²")]
fn kilo(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}
