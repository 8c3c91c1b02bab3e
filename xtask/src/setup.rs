//! What a machine needs beside Rust, Node and Python: the wasm target, npm's packages, a Chromium, a GPU.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use mobilenet_web::net::{Gpus, connect};

use crate::run::{capture, command, stream, which};
use crate::stamp::Inputs;
use crate::steps::Step;
use crate::{paths, run};

/// Rust's standard library for wasm.
pub fn wasm_target() -> Step<'static> {
    Step::new(
        "wasm target",
        "`rustup target add wasm32-unknown-unknown`; without rustup's server, Debian's `rust-web-src` can build it",
        || {
            let sysroot = capture(command("rustc").args(["--print", "sysroot"]))?;
            let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot).trim());
            if sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir() {
                return Ok("up to date".into());
            }
            stream(command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))?;
            Ok("added".into())
        },
    )
}

/// `npm ci`, when the lock file is not the one of last time.
pub fn npm() -> Step<'static> {
    Step::new("npm packages", "install Node 20 or later with npm, and see what npm says above", || {
        let stamp = Inputs::default().path("package-lock.json")?.path("package.json")?.stamp("npm");
        if stamp.is_fresh(&[&paths::at("node_modules/.package-lock.json")]) {
            return Ok("up to date".into());
        }
        stream(command("npm").args(["ci", "--no-audit", "--no-fund"]))?;
        stamp.keep()?;
        Ok("installed".into())
    })
}

/// A Chromium for the browser tests.
pub fn chromium() -> Step<'static> {
    Step::new(
        "Chromium",
        "install Chromium or Chrome, or say where it is: CHROMIUM=/path/to/chromium cargo xtask …",
        || {
            if find_chromium().is_none() {
                apt_install("chromium")?;
            }
            let found = find_chromium().context("Chromium is still not on the PATH")?;
            Ok(found.display().to_string())
        },
    )
}

/// A GPU for the native tests, which may be a CPU that pretends to be one.
pub fn vulkan() -> Step<'static> {
    Step::new("Vulkan", "install a Vulkan driver; Debian's `mesa-vulkan-drivers` needs no GPU", || {
        let adapter = || pollster::block_on(connect(Gpus::new())).map(|device| device.name);
        if let Ok(name) = adapter() {
            return Ok(name);
        }
        let installed = apt_install("mesa-vulkan-drivers").and_then(|()| Ok(adapter()?));
        match installed {
            Err(why) if std::env::var_os("CI").is_none_or(|ci| ci != "true") => {
                Ok(format!("absent, tests of the GPU are skipped: {why:#}"))
            }
            installed => installed,
        }
    })
}

/// `CHROMIUM`, else the first that is installed.
pub fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let elsewhere = || {
        let mac = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
        mac.is_file().then_some(mac)
    };
    which(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]).or_else(elsewhere)
}

/// pip, which Debian packs apart from Python.
pub fn pip() -> Result<()> {
    if capture(run::command("python3").args(["-m", "pip", "--version"])).is_ok() {
        return Ok(());
    }
    if which(&["python3"]).is_none() {
        bail!("`python3` is not on the PATH; install Python 3 with pip");
    }
    apt_install("python3-pip")
}

/// Installs a Debian package where this user may.
fn apt_install(package: &str) -> Result<()> {
    let Some(apt) = which(&["apt-get"]) else {
        bail!("`{package}` is missing and there is no apt-get to install it with");
    };
    let root = capture(command("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0");
    let sudo = !root && which(&["sudo"]).is_some() && capture(command("sudo").args(["-n", "true"])).is_ok();
    if !root && !sudo {
        bail!("`{package}` is missing and this user may not install it; ask for `apt-get install {package}`");
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = if sudo { command("sudo") } else { command("env") };
        if sudo {
            command.args(["-n", "env"]);
        }
        stream(command.arg("DEBIAN_FRONTEND=noninteractive").arg(&apt).args(arguments))
    };
    apt_get(&["update", "-q"])?;
    apt_get(&["install", "-q", "-y", "--no-install-recommends", package])
}
