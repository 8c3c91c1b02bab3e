//! Broken and hostile files of TensorFlow's formats: a typed error that says where, never a panic, and little memory.
//! The allocator is the whole process's, so the tests take turns.

mod protobuf;
mod tensorflow_common;
mod weights_common;

use mobilenet_web::error::{Kind, Result};
use mobilenet_web::weights::{self, Dtype};
use peak_alloc::PeakAlloc;
use protobuf::{bytes, number, varint};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tensorflow_common::graphs::{Node, graph_def, graph_model};
use tensorflow_common::{Files, Kept, Values, bundle_entry, checkpoint, parts, table, tfjs};
use weights_common::assert_refused;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What reading may take beyond the files and the decoded tensors.
const ALLOWANCE_BYTES: usize = 8 << 20;

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads files and every number in them; says how many bytes the tensors are.
fn numbers(files: &Files) -> Result<usize> {
    let parts = parts(files);
    weights::wanted(&parts[0])?;
    let file = weights::read_parts(&parts)?;
    let floats = file.iter().filter(|tensor| !matches!(tensor.dtype, Dtype::I64 | Dtype::I32));
    let mut decoded = 0;
    for tensor in floats {
        decoded += tensor.to_f32()?.len() * 4;
    }
    Ok(decoded)
}

/// The same within the bounds of memory.
#[track_caller]
fn bounded(name: &str, files: &Files) -> Result<usize> {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let outcome = std::panic::catch_unwind(|| numbers(files)).unwrap_or_else(|_| panic!("{name}: panicked"));
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let size: usize = files.iter().map(|file| file.1.len()).sum();
    let decoded = *outcome.as_ref().unwrap_or(&0);
    assert!(peak <= size + decoded + ALLOWANCE_BYTES, "{name}: {peak} bytes for files of {size}");
    outcome
}

#[track_caller]
fn refused(name: &str, files: &Files, kind: Kind, says: &[&str]) {
    assert_refused(name, bounded(name, files).map(drop), kind, says);
}

fn tensors() -> Vec<Values> {
    let tensor = |name: &str, shape: &[usize], data: &[f32]| Values {
        name: name.into(),
        shape: shape.into(),
        data: data.into(),
    };
    vec![tensor("conv/kernel", &[1, 1, 2, 3], &[1., 2., 3., 4., 5., 6.]), tensor("conv/bias", &[3], &[7., 8., 9.])]
}

fn nodes() -> Vec<Node> {
    let [kernel, bias] = tensors().try_into().unwrap_or_else(|_| panic!("two"));
    let node = |name: &str, op, inputs: &[&str], value| Node {
        name: name.into(),
        op,
        inputs: inputs.iter().map(|&it| it.into()).collect(),
        value,
    };
    vec![
        node("input", "Placeholder", &[], None),
        node("conv/Conv2D/ReadVariableOp", "Const", &[], Some(kernel)),
        node("conv/Conv2D", "Conv2D", &["input", "conv/Conv2D/ReadVariableOp"], None),
        node("conv/BiasAdd/ReadVariableOp", "Const", &[], Some(bias)),
        node("conv/BiasAdd", "BiasAdd", &["conv/Conv2D", "conv/BiasAdd/ReadVariableOp"], None),
    ]
}

/// A small healthy model of each format.
fn healthy() -> Vec<(&'static str, Files)> {
    vec![
        (
            "layers model",
            tfjs(&tensors(), &json!({ "class_name": "Model", "config": { "layers": [] } }), Kept::Float32, 20),
        ),
        ("quantised", tfjs(&tensors(), &json!(null), Kept::Uint16, 7)),
        ("graph model", graph_model(&nodes(), Kept::Float32)),
        ("checkpoint", checkpoint(&tensors(), 2, (false, false))),
        ("object checkpoint", checkpoint(&tensors(), 1, (true, true))),
        ("frozen graph", vec![("net.pb".into(), graph_def(&nodes(), true))]),
    ]
}

#[test]
fn healthy_files_are_read() {
    let _turn = turn();
    for (name, files) in healthy() {
        assert_eq!(bounded(name, &files).unwrap_or_else(|error| panic!("{name}: {error}")), 36, "{name}");
        let parts = parts(&files);
        let file = weights::read_parts(&parts).unwrap();
        let kernel = file
            .get("conv/kernel")
            .unwrap_or_else(|| panic!("{name}: {:?}", file.iter().map(|it| &it.name).collect::<Vec<_>>()));
        let worst = kernel
            .to_f32()
            .unwrap()
            .iter()
            .zip(1..)
            .map(|(found, value)| (found - value as f32).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-4 && file.get("conv/bias").unwrap().shape == [3], "{name}: {worst}");
    }
}

#[test]
fn every_truncation_and_every_missing_part_is_an_error() {
    let _turn = turn();
    for (name, files) in healthy() {
        for (index, (part, whole)) in files.iter().enumerate() {
            for length in 0..whole.len() {
                let mut cut = files.clone();
                cut[index].1.truncate(length);
                let what = format!("{name}: {part} cut to {length} bytes");
                match bounded(&what, &cut) {
                    Err(error) => assert!(located(&error.to_string()), "{what}: {error}"),
                    // A graph may end after any of its nodes.
                    Ok(_) => assert_eq!(name, "frozen graph", "{what} is read"),
                }
            }
            if index > 0 {
                let mut without = files.clone();
                without.remove(index);
                refused(
                    &format!("{name} without {part}"),
                    &without,
                    Kind::MissingPart,
                    &[&files[0].0, &format!("`{part}`")],
                );
            }
        }
    }
}

/// Whether an error says where it happened.
fn located(message: &str) -> bool {
    ["byte", "tensor `", "metadata `", "tensors", "beside it", "checkpoint index", "option `"]
        .iter()
        .any(|place| message.contains(place))
}

#[test]
fn no_flipped_bit_panics() {
    let _turn = turn();
    for (name, files) in healthy() {
        for index in 0..files.len() {
            for bit in 0..files[index].1.len() * 8 {
                let mut flipped = files.clone();
                flipped[index].1[bit / 8] ^= 1 << (bit % 8);
                let what = format!("{name}: bit {bit} of {}", files[index].0);
                if let Err(error) = bounded(&what, &flipped) {
                    assert!(located(&error.to_string()), "{what}: {error}");
                }
            }
        }
    }
}

fn model(manifest: Value) -> Files {
    vec![
        ("model.json".into(), json!({ "modelTopology": null, "weightsManifest": manifest }).to_string().into_bytes()),
        ("a.bin".into(), vec![0; 8]),
    ]
}

fn one(weight: Value) -> Files {
    model(json!([{ "paths": ["a.bin"], "weights": [weight] }]))
}

#[test]
fn broken_models_of_tensorflow_js_are_refused() {
    let _turn = turn();
    for path in [
        "../a.bin",
        "/a.bin",
        "a/../../b.bin",
        "http://other/a.bin",
        "data:,x",
        "//other/a.bin",
        "\\\\a\\b",
        "a\\..\\b",
        "%2e%2e/a.bin",
        ".",
        "",
        "a//b",
        "a.bin?x",
        "a.bin#x",
        " ../x",
        ".. /x",
        "a\nb",
        "a\tb",
        "C:x",
        "./a.bin",
        "x/.",
        "\u{0}",
    ] {
        let files = model(json!([{ "paths": ["a.bin", path], "weights": [] }]));
        refused(&format!("path {path:?}"), &files, Kind::BadHeader, &["weightsManifest path at byte"]);
    }
    let long = "x".repeat(600);
    let many: Vec<String> = (0..2000).map(|index| format!("{index}.bin")).collect();
    let names: Vec<Value> =
        (0..3000).map(|index| json!({ "name": index.to_string(), "shape": [0], "dtype": "float32" })).collect();
    refused(
        "many tensors",
        &model(json!([{ "paths": ["a.bin"], "weights": names }])),
        Kind::BadHeader,
        &["2048 tensors", "byte"],
    );

    let weight = |shape: Value, dtype: &str| json!({ "name": "a", "shape": shape, "dtype": dtype });
    let quantised =
        |quantization: Value| json!({ "name": "a", "shape": [2], "dtype": "float32", "quantization": quantization });
    let raw = |text: String| vec![("model.json".to_owned(), text.into_bytes()), ("a.bin".to_owned(), vec![0; 8])];
    let deep = |open: &str| raw(format!("{{\"weightsManifest\":[],\"x\":{}", open.repeat(100_000)));
    let models = r#"{"class_name":"Model","config":{"layers":["#.repeat(1000);
    #[rustfmt::skip]
    let cases: Vec<(&str, Files, Kind, &[&str])> = vec![
        ("a long path", model(json!([{ "paths": [long], "weights": [] }])), Kind::BadHeader, &["512 bytes", "byte"]),
        ("many shards", model(json!([{ "paths": many, "weights": [] }])), Kind::BadHeader, &["1024 shards", "byte"]),
        ("beyond the shard", one(weight(json!([3]), "float32")), Kind::Truncated, &["tensor `a` at byte 0", "`a.bin`", "8 bytes"]),
        ("less than the shard", one(weight(json!([1]), "float32")), Kind::BadHeader, &["byte 4 of `a.bin`", "4 more bytes"]),
        ("huge dims", one(weight(json!([4294967295_u64, 4294967295_u64, 4]), "float32")), Kind::Truncated, &["tensor `a`"]),
        ("huge dims times nothing", one(weight(json!([0, 4294967295_u64, 4294967295_u64, 4294967295_u64]), "float32")), Kind::BadHeader, &["tensor `a`"]),
        ("negative dims", one(weight(json!([-2]), "float32")), Kind::BadHeader, &["model.json, byte"]),
        ("nine axes", one(weight(json!([1, 1, 1, 1, 1, 1, 1, 1, 2]), "float32")), Kind::BadHeader, &["8 axes", "byte"]),
        ("texts", one(weight(json!([2]), "string")), Kind::WrongDtype, &["tensor `a`", "`string`", "byte"]),
        ("complex", one(weight(json!([1]), "complex64")), Kind::WrongDtype, &["`complex64`"]),
        ("16 bits without a scale", one(weight(json!([4]), "uint16")), Kind::WrongDtype, &["`uint16`"]),
        ("no name", one(json!({ "shape": [2], "dtype": "float32" })), Kind::BadHeader, &["name, shape and dtype", "byte"]),
        ("no manifest", raw(r#"{"x":"\"weightsManifest\""}"#.replace("\\\"", "\"").replace("\"\"", "\"")), Kind::BadHeader, &["model.json"]),
        ("quantised in an unknown type", one(quantised(json!({ "dtype": "uint4", "scale": 1, "min": 0 }))), Kind::WrongDtype, &["`uint4`"]),
        ("scale that is no number", one(quantised(json!({ "dtype": "uint8", "scale": "1", "min": 0 }))), Kind::BadHeader, &["byte", "a number"]),
        ("deep objects", deep("{\"a\":"), Kind::BadHeader, &["nested less deep", "byte"]),
        ("deep lists", deep("["), Kind::BadHeader, &["nested less deep", "byte"]),
        ("models in models", raw(format!("{{\"weightsManifest\":[],\"modelTopology\":{models}")), Kind::BadHeader, &["nested", "byte"]),
        ("name twice", model(json!([{ "paths": ["a.bin"], "weights": [weight(json!([1]), "float32"), weight(json!([1]), "float32")] }])), Kind::BadHeader, &["each name once"]),
        ("no UTF-8", vec![("model.json".into(), b"{\"weightsManifest\":[],\"\xff\":0}".to_vec())], Kind::BadHeader, &["model.json, byte", "UTF-8"]),
    ];
    for (name, files, kind, says) in cases {
        refused(name, &files, kind, says);
    }
    // A scale may make numbers infinite, and says so only when they are asked for.
    let mut infinite = one(quantised(json!({ "dtype": "uint16", "scale": 1e300, "min": 0 })));
    infinite[1].1 = vec![1; 4];
    refused("infinite", &infinite, Kind::NotFinite, &["tensor `a`, element 0"]);
    let kernel = json!({ "name": "dense/kernel", "shape": [0, 1_u64 << 31], "dtype": "float32" });
    let nothing = model(json!([{ "paths": [], "weights": [kernel] }]));
    assert!(bounded("no biases for a kernel of nothing but a width", &nothing).is_ok_and(|decoded| decoded == 0));
    let mut metadata = one(weight(json!([2]), "float32"));
    metadata.push(("metadata.json".into(), b"{\"labels\":[1]}".to_vec()));
    refused("labels that are no texts", &metadata, Kind::BadHeader, &["metadata.json, byte 11"]);
}

/// A checkpoint with these entries beside its header, and eight bytes of data.
fn index(entries: &[(&str, Vec<u8>)]) -> Files {
    let mut all = vec![(Vec::new(), number(1, 1))];
    all.extend(entries.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.clone())));
    vec![("x.index".into(), table(&all, 8, false)), ("x.data-00000-of-00001".into(), vec![0; 8])]
}

#[test]
fn broken_checkpoints_are_refused() {
    let _turn = turn();
    let entry = |dims: &[u64], begin: u64, length: u64| {
        let dims: Vec<u8> = dims.iter().flat_map(|&dim| bytes(2, &number(1, dim))).collect();
        [number(1, 1), bytes(2, &dims), number(4, begin), number(5, length)].concat()
    };
    let header = |value: Vec<u8>| vec![("x.index".to_owned(), table(&[(vec![], value)], 8, false))];
    let healthy = index(&[("a", bundle_entry(&[2], 0, 0, &[0; 8]))]);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = healthy.clone();
        change(&mut files[0].1);
        files
    };
    let footer = healthy[0].1.len() - 48;
    // Both places of blocks in the footer, over what was there.
    let places = |meta: (u64, u64), index: (u64, u64)| {
        let mut footer: Vec<u8> = [meta.0, meta.1, index.0, index.1].into_iter().flat_map(varint).collect();
        footer.resize(40, 0);
        footer
    };
    let replaced = |new: Vec<u8>| with(&|file| file[footer..footer + 40].copy_from_slice(&new));
    let many: Vec<_> = (0..3000).map(|index| (format!("{index:04}"), entry(&[], 0, 4))).collect();
    let many: Vec<_> = many.iter().map(|(name, entry)| (&**name, entry.clone())).collect();
    let far = u64::MAX;
    let graph = |text: &[u8]| {
        let entry = [number(1, 7), number(4, 0), number(5, text.len() as u64)].concat();
        let mut files = index(&[("_CHECKPOINTABLE_OBJECT_GRAPH", entry)]);
        files[1].1 = text.to_vec();
        files
    };
    #[rustfmt::skip]
    let cases: Vec<(&str, Files, Kind, &[&str])> = vec![
        ("no end mark", with(&|file| file.truncate(footer)), Kind::Truncated, &["checkpoint index, byte", "end mark"]),
        ("empty", vec![("x.index".into(), vec![])], Kind::Truncated, &["checkpoint index, byte 0"]),
        ("block beyond the file", replaced(places((0, 0), (far, 10))), Kind::Truncated, &["checkpoint index, byte 18446744073709551615"]),
        ("huge block", replaced(places((0, 0), (0, far))), Kind::Truncated, &["checkpoint index, byte 0"]),
        ("index that is a data block", replaced(places((0, 0), (0, 1))), Kind::Corrupt, &["CRC-32C", "byte 0"]),
        ("version 1", header(bytes(1, &[])), Kind::UnsupportedFormat, &["version 2", "write_version"]),
        ("big endian", header([number(1, 1), number(2, 1)].concat()), Kind::BadHeader, &["little-endian", "byte"]),
        ("no data files", header(number(1, 0)), Kind::BadHeader, &["1 to 1024 data files"]),
        ("a million data files", header(number(1, 1 << 20)), Kind::BadHeader, &["1 to 1024 data files"]),
        ("minus one data file", header(number(1, far)), Kind::BadHeader, &["1 to 1024 data files"]),
        ("no header", vec![("x.index".into(), table(&[(b"a".to_vec(), entry(&[2], 0, 8))], 8, false))], Kind::BadHeader, &["empty key"]),
        ("data beyond the file", index(&[("a", entry(&[3], 0, 12))]), Kind::Truncated, &["tensor `a` at byte 0", "x.data-00000-of-00001", "8 bytes"]),
        ("data far beyond", index(&[("a", entry(&[2], far, 8))]), Kind::Truncated, &["tensor `a`"]),
        ("huge dims", index(&[("a", entry(&[1 << 31, 1 << 31, 1 << 31], 0, 8))]), Kind::BadHeader, &["tensor `a` at byte 0", "8 bytes"]),
        ("nine axes", index(&[("a", entry(&[1; 9], 0, 4))]), Kind::BadHeader, &["8 axes", "byte"]),
        ("another file", index(&[("a", [entry(&[2], 0, 8), number(3, 7)].concat())]), Kind::BadHeader, &["tensor `a`", "file 7"]),
        ("checksum", index(&[("a", bundle_entry(&[2], 0, 0, &[1; 8]))]), Kind::Corrupt, &["tensor `a` at byte 0", "CRC-32C"]),
        ("integers", index(&[("a", [entry(&[2], 0, 8), number(1, 5)].concat())]), Kind::BadHeader, &["tensor `a` at byte 0"]),
        ("too many", index(&many), Kind::BadHeader, &["2048 tensors", "byte"]),
        ("long key", index(&[(&"k".repeat(5000), entry(&[2], 0, 8))]), Kind::BadHeader, &["entries that fit", "byte"]),
        ("object graph of another length", graph(&[9, 0, 0, 0, 0, 1, 2]), Kind::BadHeader, &["object graph", "byte"]),
        ("object graph that is none", graph(&[3, 0, 0, 0, 0, 0xff, 0xff, 0xff]), Kind::BadHeader, &["object graph", "byte"]),
    ];
    for (name, files, kind, says) in cases {
        refused(name, &files, kind, says);
    }
}

#[test]
fn broken_graphs_are_refused() {
    let _turn = turn();
    let tensor = |dtype: u64, dims: &[u64], data: Vec<u8>| {
        let dims: Vec<u8> = dims.iter().flat_map(|&dim| bytes(2, &number(1, dim))).collect();
        let value = bytes(8, &[number(1, dtype), bytes(2, &dims), data].concat());
        let attribute = bytes(5, &[bytes(1, b"value"), bytes(2, &value)].concat());
        bytes(1, &[bytes(1, b"a"), bytes(2, b"Const"), attribute].concat())
    };
    let single = [varint(5 << 3 | 5), 1_f32.to_le_bytes().to_vec()].concat();
    let file = |contents: Vec<u8>| vec![("net.pb".to_owned(), contents)];
    let node = |name: &str, op: &str, inputs: &[&str]| {
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| bytes(3, input.as_bytes())).collect();
        bytes(1, &[bytes(1, name.as_bytes()), bytes(2, op.as_bytes()), inputs].concat())
    };
    let filled: Vec<u8> = (0..100).flat_map(|_| tensor(1, &[50_000], single.clone())).collect();
    let many: Vec<u8> = (0..20_000).flat_map(|_| node("n", "NoOp", &[])).collect();
    let constants: Vec<u8> = (0..3000).flat_map(|_| tensor(1, &[], single.clone())).collect();
    #[rustfmt::skip]
    let cases: Vec<(&str, Files, Kind, &[&str])> = vec![
        ("a billion times one number", file(tensor(1, &[1 << 15, 1 << 15], single.clone())), Kind::BadHeader, &["tensor `a` at byte", "[32768, 32768]"]),
        ("a little too often", file(filled), Kind::BadHeader, &["tensor `a` at byte"]),
        ("dims that overflow", file(tensor(1, &[1 << 31, 1 << 31, 1 << 31], single.clone())), Kind::BadHeader, &["tensor `a` at byte"]),
        ("content of another length", file(tensor(1, &[3], bytes(4, &[0; 8]))), Kind::BadHeader, &["tensor `a` at byte", "8 bytes"]),
        ("more numbers than elements", file(tensor(1, &[1], bytes(5, &[0; 8]))), Kind::BadHeader, &["tensor `a` at byte", "8 bytes"]),
        ("half a number", file(tensor(1, &[2], bytes(5, &[0; 6]))), Kind::BadHeader, &["tensor `a` at byte", "6 bytes"]),
        ("nine axes", file(tensor(1, &[1; 9], vec![])), Kind::BadHeader, &["8 axes", "byte"]),
        ("name twice", file([tensor(1, &[1], bytes(4, &[0; 4])), tensor(1, &[1], bytes(4, &[0; 4]))].concat()), Kind::BadHeader, &["each name once"]),
        ("many nodes", file(many), Kind::BadHeader, &["16384 nodes", "byte"]),
        ("many constants", file(constants), Kind::BadHeader, &["2048 constants", "byte"]),
        ("unknown kind of field", file([node("n", "NoOp", &[]), vec![0x0b]].concat()), Kind::BadHeader, &["kind 3", "byte"]),
        ("field 0", file([node("n", "NoOp", &[]), vec![2, 0]].concat()), Kind::BadHeader, &["field's number", "byte"]),
        ("endless number", file([node("n", "NoOp", &[]), vec![0xff; 20]].concat()), Kind::BadHeader, &["ten bytes", "byte"]),
        ("length beyond memory", file([node("n", "NoOp", &[]), vec![10], vec![0xff; 9], vec![1]].concat()), Kind::Truncated, &["byte"]),
        ("name that is no text", file([node("n", "NoOp", &[]), bytes(1, &bytes(1, b"\xff"))].concat()), Kind::BadHeader, &["UTF-8", "byte"]),
    ];
    for (name, files, kind, says) in cases {
        refused(name, &files, kind, says);
    }
    // Nodes that pass on to each other, and inputs that are nowhere, are nobody's weights.
    let cycle = [
        node("a", "Identity", &["b"]),
        node("b", "Identity", &["a"]),
        node("c", "Conv2D", &["x", "a"]),
        node("d", "Conv2D", &["^c", "d:9"]),
    ];
    assert_eq!(bounded("cycle", &file(cycle.concat())).unwrap(), 0);
    // One constant for a thousand layers is kept once, or copied as long as that is little.
    let big = [tensor(1, &[1, 1, 500, 500], bytes(4, &vec![0; 1_000_000]))];
    let layers: Vec<u8> =
        (0..1000).flat_map(|index| node(&format!("l{index}/Conv2D"), "Conv2D", &["x", "a"])).collect();
    bounded("shared", &file([big.concat(), layers].concat())).unwrap();
}
