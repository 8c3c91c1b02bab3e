//! `shaders/*.wgsl` → the same without comments and indentation, each behind the parameter blocks that it names, in OUT_DIR:
//! pages download what is included, and browsers read it anew for every shader.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let out = Path::new(&out).join("shaders");
    let blocks = plain(&fs::read_to_string("shaders/lib/blocks.wgsl")?);
    copy(Path::new("shaders/lib"), &out.join("lib"), "")?;
    copy(Path::new("shaders"), &out, &blocks)
}

/// Copies the shaders of a folder, with those of `blocks` that each names.
fn copy(from: &Path, to: &Path, blocks: &str) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", from.display());
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let from = entry?.path();
        if from.extension().is_some_and(|extension| extension == "wgsl") {
            println!("cargo:rerun-if-changed={}", from.display());
            let text = plain(&fs::read_to_string(&from)?);
            let named = |block: &&str| block.split(' ').nth(1).is_some_and(|name| text.contains(&format!(": {name},")));
            let blocks: String = blocks.split_inclusive("}\n").filter(named).collect();
            fs::write(to.join(from.file_name().unwrap_or_default()), blocks + &text)?;
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
