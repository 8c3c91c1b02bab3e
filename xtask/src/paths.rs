//! Where things lie in the repository.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The repository's root: the nearest folder above the current one that holds this program's manifest.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let holds_xtask = |folder: &&Path| folder.join("xtask/Cargo.toml").is_file();
        here.ancestors().find(holds_xtask).unwrap_or(&here).to_path_buf()
    })
}

/// A path below the root.
pub fn at(path: &str) -> PathBuf {
    root().join(path)
}

/// Where cargo puts what it builds.
pub fn cargo_target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => at("target"),
    }
}

/// The shared fixtures, where this machine has them.
pub fn fixtures() -> Option<PathBuf> {
    let folder = match std::env::var_os("MOBILENET_FIXTURES") {
        Some(folder) => root().join(folder),
        None => at("../shared/fixtures"),
    };
    folder.join("README.md").is_file().then(|| folder.canonicalize().unwrap_or(folder))
}

/// The models of the benchmark, where this machine has them.
pub fn bench_models() -> Option<PathBuf> {
    let folder = match std::env::var_os("MOBILENET_BENCH_MODELS") {
        Some(folder) => root().join(folder),
        None => at("../shared/bench-models"),
    };
    folder.join("README.md").is_file().then(|| folder.canonicalize().unwrap_or(folder))
}

/// All files below a folder, sorted, so that hashes and listings are the same everywhere.
pub fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
