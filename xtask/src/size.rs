//! What a page downloads before the weights: raw, gzip and brotli. Measured in target/site/pkg/, whose scripts are
//! minified, and not in pkg/, where they are as people read them.

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::serve::Encoding;

/// Everything that a page needs to run a network, WebGPU included, brotli. Issue 4 sets it: the runtimes that people use
/// today cost megabytes, and a budget that is not checked is not kept.
const CORE_BROTLI_MAX_BYTES: usize = 150_000;

/// One file, or all of them.
pub struct Row {
    name: String,
    /// Bytes on disk.
    pub raw: usize,
    /// Bytes after gzip.
    pub gzip: usize,
    /// Bytes after brotli.
    pub brotli: usize,
}

/// Prints the table; with `check`, fails above the budget.
pub fn table(check: bool) -> Result<String> {
    let rows = rows()?;
    let core = sum(&rows);
    println!("{:<34} {:>10} {:>10} {:>10}", "file (bytes)", "raw", "gzip", "brotli");
    for row in rows.iter().chain([&core]) {
        println!("{:<34} {:>10} {:>10} {:>10}", row.name, row.raw, row.gzip, row.brotli);
    }
    let share = format!("core is {} of at most {CORE_BROTLI_MAX_BYTES} bytes brotli", core.brotli);
    ensure!(!check || core.brotli <= CORE_BROTLI_MAX_BYTES, "{share}");
    Ok(share)
}

/// All files together.
pub fn core() -> Result<Row> {
    Ok(sum(&rows()?))
}

fn sum(rows: &[Row]) -> Row {
    let sum = |pick: fn(&Row) -> usize| rows.iter().map(pick).sum();
    Row { name: "core".into(), raw: sum(|r| r.raw), gzip: sum(|r| r.gzip), brotli: sum(|r| r.brotli) }
}

fn rows() -> Result<Vec<Row>> {
    let pkg = paths::at("target/site/pkg");
    let mut rows = Vec::new();
    for file in paths::files_below(&pkg).with_context(|| format!("reading {}", pkg.display()))? {
        let name = file.strip_prefix(&pkg)?.to_string_lossy().replace('\\', "/");
        let is_code = name.ends_with(".js") || name.ends_with(".wasm");
        // The full module is fetched only for files that the core cannot read, and so is what gathers several files.
        if !is_code || name == "parts.js" || name.starts_with("wasm/full/") || name.contains("node_modules/") {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let gzip = Encoding::Gzip.compress(&bytes)?.len();
        let brotli = Encoding::Brotli.compress(&bytes)?.len();
        rows.push(Row { name, raw: bytes.len(), gzip, brotli });
    }
    ensure!(
        rows.iter().any(|row| row.name.ends_with(".wasm")),
        "target/site/pkg is empty; run `cargo xtask build` first"
    );
    Ok(rows)
}
