//! What a page downloads before the weights: raw, gzip and brotli. Measured in target/site/pkg/, whose scripts are
//! minified, and not in pkg/, where they are as people read them.

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::serve::Encoding;

/// Files that are downloaded together, and what they may come to.
struct Group {
    name: &'static str,
    brotli_max_bytes: usize,
    /// How paths of its files begin.
    paths: &'static [&'static str],
    /// Whether all scripts that no group names belong to it as well.
    scripts: bool,
}

/// Everything that a page needs to run a network, WebGPU included. Issue 4 sets the budget: the runtimes that people use
/// today cost megabytes, and a budget that is not checked is not kept.
const CORE: Group = Group { name: "core", brotli_max_bytes: 150_000, paths: &["wasm/mobilenet_web"], scripts: true };

/// For networks that compute in integers. The core is fetched for them too, so that both are still small. It was 100 kB
/// while each product was one of 16 bits; bytes by fours, three times as fast, are worth the rest.
const INTEGERS: Group =
    Group { name: "integers", brotli_max_bytes: 115_000, paths: &["wasm/integers/"], scripts: false };

/// For classes of one's own, with the scripts that only they need. Heads by themselves kept to 100 kB; fine-tuning brings the
/// readers and the writer of networks, the graph, and every kernel, forward and backward.
const TRAINING: Group = Group {
    name: "training",
    brotli_max_bytes: 170_000,
    paths: &[
        "wasm/training/",
        "ahead.js",
        "backbone.js",
        "canvas.js",
        "dataset.js",
        "fitting.js",
        "folders.js",
        "head-files.js",
        "heat.js",
        "learner.js",
        "lesson.js",
        "store.js",
        "teaching.js",
        "tfjs-head.js",
        "trainer.js",
        "training-codes.js",
        "training.js",
        "tuning.js",
        "zip.js",
    ],
    scripts: false,
};

const GROUPS: [Group; 10] = [
    CORE,
    Group { name: "core, relaxed SIMD", paths: &["wasm/relaxed-simd/mobilenet_web"], ..CORE },
    // For files that the core cannot read, with what gathers models of several files and what only conversion needs.
    // Issue 5 sets the budget.
    Group {
        name: "importer",
        brotli_max_bytes: 250_000,
        paths: &["wasm/importer/", "parts.js", "convert.js"],
        scripts: false,
    },
    INTEGERS,
    Group { name: "integers, relaxed SIMD", paths: &["wasm/relaxed-simd/integers/"], ..INTEGERS },
    // The core, and what cuts steps, hands them out and starts workers: 1.1 kB of wasm and 0.8 kB of scripts.
    Group {
        name: "core, threads",
        brotli_max_bytes: CORE.brotli_max_bytes + 2_000,
        paths: &["wasm/threads/mobilenet_web", "team.js", "thread.js"],
        ..CORE
    },
    Group {
        name: "integers, threads",
        brotli_max_bytes: INTEGERS.brotli_max_bytes + 2_000,
        paths: &["wasm/threads/integers/"],
        ..INTEGERS
    },
    TRAINING,
    // Its scripts are counted above.
    Group { name: "training, relaxed SIMD", paths: &["wasm/relaxed-simd/training/"], ..TRAINING },
    Group { name: "training, threads", paths: &["wasm/threads/training/"], ..TRAINING },
];

impl Group {
    fn names(&self, file: &str) -> bool {
        self.paths.iter().any(|path| file.starts_with(path))
    }

    fn has(&self, file: &str) -> bool {
        self.names(file) || self.scripts && !GROUPS.iter().any(|group| group.names(file))
    }
}

/// Whether a file of the package is downloaded for training only.
pub fn is_for_training(file: &str) -> bool {
    GROUPS.iter().any(|group| group.name.starts_with("training") && group.names(file))
}

/// The module with the scalar bodies, which only who compares with them downloads.
const REFERENCE: &str = "wasm/reference/";

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

/// Prints the table; with `check`, fails above a budget.
pub fn table(check: bool) -> Result<String> {
    println!("{:<45} {:>10} {:>10} {:>10}", "file (bytes)", "raw", "gzip", "brotli");
    let print = |row: &Row| println!("{:<45} {:>10} {:>10} {:>10}", row.name, row.raw, row.gzip, row.brotli);
    let rows = rows()?;
    rows.iter().for_each(print);
    let mut shares = Vec::new();
    let mut over = false;
    for group in &GROUPS {
        let sum = sum(group, &rows);
        print(&sum);
        over |= sum.brotli > group.brotli_max_bytes;
        shares.push(format!("{}: {} of at most {} bytes brotli", group.name, sum.brotli, group.brotli_max_bytes));
    }
    let shares = shares.join("; ");
    ensure!(!check || !over, "{shares}");
    Ok(shares)
}

/// All of the core's files together, in its plain build.
pub fn core() -> Result<Row> {
    Ok(sum(&CORE, &rows()?))
}

fn sum(group: &Group, rows: &[Row]) -> Row {
    let none = Row { name: group.name.into(), raw: 0, gzip: 0, brotli: 0 };
    rows.iter().filter(|row| group.has(&row.name)).fold(none, |sum, row| Row {
        raw: sum.raw + row.raw,
        gzip: sum.gzip + row.gzip,
        brotli: sum.brotli + row.brotli,
        ..sum
    })
}

/// Every file of code.
fn rows() -> Result<Vec<Row>> {
    let pkg = paths::at("target/site/pkg");
    let mut rows = Vec::new();
    for file in paths::files_below(&pkg).with_context(|| format!("reading {}", pkg.display()))? {
        let name = file.strip_prefix(&pkg)?.to_string_lossy().replace('\\', "/");
        let is_code = name.ends_with(".js") || name.ends_with(".wasm");
        if !is_code || name.starts_with(REFERENCE) || name.contains("node_modules/") {
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
