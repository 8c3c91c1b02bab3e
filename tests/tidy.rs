//! The rules of ARCHITECTURE.md as code: who may mention whom, one stem a kernel, no file with two ideas.

use mobilenet_web::backend::gpu::SHADERS;
use mobilenet_web::kernels::STEMS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each folder of `src/`, and the crate of kernels, must never mention: other modules of the crate, and crates.
const FORBIDDEN: [(&str, &[&str]); 14] = [
    (
        "model",
        &["weights", "graph", "plan", "kernels", "frame", "backend", "output", "net", "js", "wgpu", "wasm_bindgen"],
    ),
    ("weights", &["graph", "plan", "kernels", "frame", "backend", "output", "net", "js", "wgpu", "wasm_bindgen"]),
    ("graph", &["weights", "plan", "kernels", "frame", "backend", "output", "net", "js", "wgpu", "wasm_bindgen"]),
    ("plan", &["frame", "backend", "output", "net", "js", "wgpu", "wasm_bindgen"]),
    // A crate of its own, which could not name the others if it wanted to.
    ("../kernels/src", &["wgpu", "wasm_bindgen"]),
    ("../threads/src", &["wgpu", "wasm_bindgen"]),
    ("frame", &["weights", "graph", "plan", "kernels", "backend", "output", "net", "js", "wgpu", "wasm_bindgen"]),
    ("backend", &["model", "weights", "graph", "output", "net", "js", "wasm_bindgen"]),
    (
        "output",
        &["model", "weights", "graph", "plan", "kernels", "frame", "backend", "net", "js", "wgpu", "wasm_bindgen"],
    ),
    ("js", &["plan", "kernels", "backend", "wgpu"]),
    ("quantize", &["net", "js", "kernels", "output", "wgpu", "wasm_bindgen"]),
    ("probe.rs", &["weights", "graph", "plan", "kernels", "backend", "js", "wgpu", "wasm_bindgen"]),
    ("net", &["js", "kernels", "wgpu", "wasm_bindgen"]),
    ("train", &["backend", "net", "js", "wgpu", "wasm_bindgen"]),
];

const LONGEST_FILE_LINES: usize = 400;

/// Folders whose files have a length limit.
const SOURCES: [&str; 10] = ["src", "kernels", "threads", "shaders", "pkg", "www", "tests", "bench", "tools", "xtask"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `path`, in order; generated folders left out.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.into()];
    }
    let generated = ["target", "node_modules", "wasm"];
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.retain(|path| !generated.iter().any(|name| path.ends_with(name)));
    entries.sort();
    entries.iter().flat_map(|path| files(path)).collect()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// The code of a Rust file: no comments, no tests.
fn code(path: &Path) -> String {
    let text = text(path);
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Whether code names a module of this crate (`crate::graph`, also in a `use crate::{…}` list) or another crate.
fn mentions(code: &str, name: &str) -> bool {
    let foreign = ["wgpu", "wasm_bindgen"].contains(&name);
    let word = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    if foreign {
        return word(code);
    }
    code.split("crate::").skip(1).any(|path| match path.strip_prefix('{') {
        Some(list) => list.split("};").next().is_some_and(word),
        None => path.split(|c: char| !c.is_alphanumeric() && c != '_').next() == Some(name),
    })
}

#[test]
fn layers_mention_only_what_lies_below_them() {
    let mut broken = Vec::new();
    for (layer, forbidden) in FORBIDDEN {
        let sources = files(&root().join("src").join(layer));
        assert!(!sources.is_empty(), "src/{layer} is gone; mend this table");
        for file in sources {
            let code = code(&file);
            let found = forbidden.iter().filter(|name| mentions(&code, name));
            broken.extend(found.map(|name| format!("{} mentions {name}", file.display())));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_detector_of_mentions_detects() {
    assert!(mentions("use crate::graph::Graph;", "graph"));
    assert!(mentions("use crate::{error::Error, graph::Graph};", "graph"));
    assert!(mentions("fn f() { crate::graph::f() }", "graph"));
    assert!(mentions("use wasm_bindgen::prelude::*;", "wasm_bindgen"));
    assert!(!mentions("let graph = 1; use crate::model::graphics;", "graph"));
}

#[test]
fn every_layer_has_its_row() {
    let modules = std::fs::read_dir(root().join("src")).expect("src").filter_map(|entry| Some(entry.ok()?.path()));
    let folders: BTreeSet<String> =
        modules.filter(|path| path.is_dir()).filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    for folder in folders {
        assert!(FORBIDDEN.iter().any(|(layer, _)| *layer == folder), "src/{folder} has no row in this table");
    }
}

/// What shaders compute beside the kernels: fused blocks, the frame, a software adapter's sums, and the labels.
const FUSED: [&str; 7] =
    ["expand_depthwise", "frame_columns", "frame_rows", "inverted_residual", "squeeze_excite", "sum", "top_k"];

/// `kernels!` is the one list: each of its stems has both bodies, and a shader unless it computes in integers or is for
/// training, and no body is without a row.
#[test]
fn kernels_have_the_same_stem_everywhere() {
    let stems: BTreeSet<String> = STEMS.iter().map(ToString::to_string).collect();
    let found = |folder: &str, ending: &str| -> BTreeSet<String> {
        files(&root().join(folder))
            .iter()
            .filter(|path| extension(path) == ending)
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .filter(|stem| stem != "mod")
            .collect()
    };
    assert_eq!(found("kernels/src/reference", "rs"), stems);
    assert_eq!(found("kernels/src/simd", "rs"), stems);
    let listed: BTreeSet<String> = SHADERS.iter().map(|shader| shader.stem.to_owned()).collect();
    let parts = found("shaders/lib", "wgsl");
    assert_eq!(found("shaders", "wgsl").difference(&parts).cloned().collect::<BTreeSet<_>>(), listed);
    let floats = stems.into_iter().filter(|stem| !stem.starts_with("integer_") && !stem.starts_with("train_"));
    assert_eq!(floats.chain(FUSED.map(str::to_owned)).collect::<BTreeSet<_>>(), listed);
}

#[test]
fn no_file_holds_two_ideas() {
    let long: Vec<String> = SOURCES
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .filter(|path| ["rs", "wgsl", "js", "mjs", "ts", "css", "html", "py"].contains(&extension(path)))
        .map(|path| (text(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST_FILE_LINES)
        .map(|(lines, path)| format!("{lines} {}", path.display()))
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE_LINES} lines:\n{}", long.join("\n"));
}

/// What allocates, or is kept from call to call.
const NOT_FOR_WORKERS: [&str; 9] = ["Vec", "vec", "Box", "Rc", "Arc", "String", "format", "to_vec", "thread_local"];

/// Workers run kernels in a module whose library is that of one thread (see the crate `threads`): its allocator, above all,
/// has no lock. `bytes.rs` packs weights and `warp.rs` turns pictures, which is no kernel's business.
#[test]
fn kernels_neither_allocate_nor_keep_anything() {
    let word = |c: char| !c.is_alphanumeric() && c != '_' && c != '\'';
    let others = ["bytes.rs", "warp.rs"];
    for file in files(&root().join("kernels/src")) {
        // The module for training has one thread, and a library of its own.
        let trains = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("train_"));
        if trains || others.iter().any(|other| file.ends_with(other)) {
            continue;
        }
        let code = code(&file);
        let found: Vec<&str> =
            code.split(word).filter(|name| *name == "static" || NOT_FOR_WORKERS.contains(name)).collect();
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

/// The page shows what the package can do, so it may use nothing but the package's public exports.
#[test]
fn the_page_imports_only_the_package() {
    for file in files(&root().join("www")).iter().filter(|path| extension(path) == "js") {
        for line in text(file).lines().filter(|line| line.contains("pkg/")) {
            assert!(line.contains("./pkg/index.js"), "{}: {line}", file.display());
        }
    }
}

#[test]
fn nothing_unfinished_is_committed() {
    // Put together here, so that this file does not find itself.
    let words = [["todo", "!("], ["unimplemented", "!("], ["FIX", "ME"], [".only", "("], ["#[ign", "ore"]]
        .map(|parts| parts.concat());
    for file in SOURCES.iter().flat_map(|folder| files(&root().join(folder))) {
        let text = text(&file);
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} holds {word}", file.display());
        }
    }
}
