//! `shaders/**.wgsl` → the same without comments and indentation, in OUT_DIR: pages download what is included.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    copy(Path::new("shaders"), &Path::new(&out).join("shaders"))
}

/// Copies a folder of shaders and those below it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", from.display());
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let from = entry?.path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy(&from, &to)?;
        } else if from.extension().is_some_and(|extension| extension == "wgsl") {
            println!("cargo:rerun-if-changed={}", from.display());
            fs::write(to, plain(&fs::read_to_string(&from)?))?;
        }
    }
    Ok(())
}

/// WGSL has no strings, so that two slashes always begin a comment.
fn plain(text: &str) -> String {
    assert!(!text.contains("/*"), "shaders have line comments only");
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code).trim());
    lines.filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}
