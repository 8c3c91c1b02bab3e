//! What a page downloads before the weights: raw, gzip and brotli. Measured in target/site/pkg/, whose scripts are
//! minified, and not in pkg/, where they are as people read them.

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::serve::Encoding;

/// Everything that a page needs to run a network, WebGPU included, brotli. Issue 4 sets it: the runtimes that people use
/// today cost megabytes, and a budget that is not checked is not kept.
const CORE_BROTLI_MAX_BYTES: usize = 150_000;

/// The second module, which is fetched only for files that the core cannot read, with its glue. Issue 5 sets it.
const IMPORTERS_BROTLI_MAX_BYTES: usize = 250_000;

/// Where the second module lies.
const IMPORTERS: &str = "wasm/importer/";

/// The module with the scalar bodies, which only who compares with them downloads.
const REFERENCE: &str = "wasm/reference/";

/// Scripts that are fetched with it: what gathers models of several files, and what only conversion needs.
const BESIDE: [&str; 2] = ["parts.js", "convert.js"];

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
    let (rows, importers) = rows()?;
    let (core, importers) = (sum("core", &rows), sum("importers", &importers));
    println!("{:<34} {:>10} {:>10} {:>10}", "file (bytes)", "raw", "gzip", "brotli");
    for row in rows.iter().chain([&core, &importers]) {
        println!("{:<34} {:>10} {:>10} {:>10}", row.name, row.raw, row.gzip, row.brotli);
    }
    let mut shares = Vec::new();
    for (row, most) in [(&core, CORE_BROTLI_MAX_BYTES), (&importers, IMPORTERS_BROTLI_MAX_BYTES)] {
        let share = format!("{}: {} of at most {most} bytes brotli", row.name, row.brotli);
        ensure!(!check || row.brotli <= most, "{share}");
        shares.push(share);
    }
    Ok(shares.join("; "))
}

/// All of the core's files together.
pub fn core() -> Result<Row> {
    Ok(sum("core", &rows()?.0))
}

fn sum(name: &str, rows: &[Row]) -> Row {
    let sum = |pick: fn(&Row) -> usize| rows.iter().map(pick).sum();
    Row { name: name.into(), raw: sum(|r| r.raw), gzip: sum(|r| r.gzip), brotli: sum(|r| r.brotli) }
}

/// The core's files, and the importers'.
fn rows() -> Result<(Vec<Row>, Vec<Row>)> {
    let pkg = paths::at("target/site/pkg");
    let (mut rows, mut importers) = (Vec::new(), Vec::new());
    for file in paths::files_below(&pkg).with_context(|| format!("reading {}", pkg.display()))? {
        let name = file.strip_prefix(&pkg)?.to_string_lossy().replace('\\', "/");
        let is_code = name.ends_with(".js") || name.ends_with(".wasm");
        if !is_code || name.starts_with(REFERENCE) || name.contains("node_modules/") {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let gzip = Encoding::Gzip.compress(&bytes)?.len();
        let brotli = Encoding::Brotli.compress(&bytes)?.len();
        let is_importers = name.starts_with(IMPORTERS) || BESIDE.contains(&&*name);
        let group = if is_importers { &mut importers } else { &mut rows };
        group.push(Row { name, raw: bytes.len(), gzip, brotli });
    }
    ensure!(
        rows.iter().any(|row| row.name.ends_with(".wasm")),
        "target/site/pkg is empty; run `cargo xtask build` first"
    );
    Ok((rows, importers))
}
