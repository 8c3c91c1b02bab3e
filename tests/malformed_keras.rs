//! Broken and hostile Keras files: a typed error that names a tensor or a byte, never a panic.

mod keras_common;
mod weights_common;

use keras_common::{
    KINDS_V0, KINDS_V3, LAYERS_V0, LAYERS_V3, PLAIN_V0, PLAIN_V2, PLAIN_V3, deflated, patched, position,
};
use mobilenet_web::error::{Kind, Result};
use mobilenet_web::weights::{self, Dtype};
use weights_common::{assert_refused, zip_file};

const ALL: [(&str, &[u8]); 7] = [
    ("plain 0", PLAIN_V0),
    ("plain 2", PLAIN_V2),
    ("plain 3", PLAIN_V3),
    ("kinds 0", KINDS_V0),
    ("kinds 3", KINDS_V3),
    ("layers 0", LAYERS_V0),
    ("layers 3", LAYERS_V3),
];

/// Reads a file and every number in it.
fn numbers(file: &[u8]) -> Result<()> {
    for tensor in weights::read(file)?.iter().filter(|tensor| tensor.dtype != Dtype::I64) {
        tensor.to_f32()?;
    }
    Ok(())
}

#[test]
fn every_truncation_is_reported_as_one() {
    for (name, file) in ALL {
        for length in (0..file.len()).step_by(if name.starts_with("plain") { 1 } else { 97 }) {
            let kind = if length < 8 { Kind::UnsupportedFormat } else { Kind::Truncated };
            assert_refused(&format!("{name}, {length} bytes"), numbers(&file[..length]), kind, &["byte"]);
        }
    }
}

#[test]
fn no_flipped_bit_panics() {
    for (name, file) in ALL {
        let archive = zip_file(&[("config.json", b"{}"), ("model.weights.h5", file)]);
        let (mut refused, step) = (0, if name.starts_with("plain") { 1 } else { 23 });
        for bit in (0..file.len() * 8).step_by(step) {
            for (kind, whole, at) in [("h5", file, 0), ("keras", &archive, position(&archive, b"\x89HDF"))] {
                // Behind a wrong checksum nothing is looked at.
                if kind == "keras" && bit % 37 != 0 {
                    continue;
                }
                let flipped = patched(whole, at + bit / 8, &[whole[at + bit / 8] ^ 1 << (bit % 8)]);
                let outcome = std::panic::catch_unwind(|| numbers(&flipped));
                if let Err(error) = outcome.unwrap_or_else(|_| panic!("{name} {kind}, bit {bit}: panicked")) {
                    let message = error.to_string();
                    assert!(message.contains("byte") || message.contains("tensor `"), "{name}, bit {bit}: {message}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0, "{name}");
    }
}

/// Bytes of a file's first object of that signature.
#[track_caller]
fn after(file: &[u8], signature: &[u8], offset: usize) -> usize {
    position(file, signature) + offset
}

#[test]
fn groups_that_lead_astray_are_refused() {
    // The root's symbol table: entries of 40 bytes, a name's offset and a header's address.
    let entry = after(PLAIN_V0, b"SNOD", 8);
    let root = &PLAIN_V0[64..72];
    let cases: [(&str, usize, &[u8], Kind, &str); 8] = [
        ("a group inside itself", entry + 8, root, Kind::BadHeader, "24 names"),
        ("a header outside the file", entry + 8, &[0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0], Kind::Truncated, "2147483647"),
        ("a name outside the heap", entry, &[0xff, 0xff, 0, 0, 0, 0, 0, 0], Kind::Truncated, "local heap"),
        ("a tree inside itself", after(PLAIN_V0, b"TREE", 32), &96_u64.to_le_bytes(), Kind::BadHeader, "SNOD"),
        ("another kind of node", after(PLAIN_V0, b"TREE", 0), b"TWEE", Kind::BadHeader, "`TREE`"),
        ("a tree of nothing", after(PLAIN_V0, b"TREE", 6), &[0xff; 2], Kind::BadHeader, "`SNOD`"),
        ("a table without end", after(PLAIN_V0, b"SNOD", 6), &[0xff; 2], Kind::Truncated, "byte"),
        ("a superblock of 1998", 8, &[7], Kind::BadHeader, "version [0, 1, 2, 3]"),
    ];
    for (name, at, bytes, kind, says) in cases {
        assert_refused(name, numbers(&patched(PLAIN_V0, at, bytes)), kind, &["byte", says]);
    }
    // The first data type's message is of kind 3 and 24 bytes.
    let shared = position(PLAIN_V0, &[3, 0, 24, 0]) + 4;
    assert_refused("a shared type", numbers(&patched(PLAIN_V0, shared, &[2])), Kind::BadHeader, &["byte", "shared"]);
    let small = patched(PLAIN_V0, 13, &[4]);
    assert_refused("addresses of 4 bytes", numbers(&small), Kind::UnsupportedFormat, &["byte 13", "[4, 8]"]);
    // The first object header's first message becomes a continuation at its own header.
    let header = u64::from_le_bytes(*PLAIN_V0[entry + 8..].first_chunk().unwrap()) as usize;
    let block = (header as u64 + 16).to_le_bytes();
    let own = [&[16, 0, 16, 0, 0, 0, 0, 0][..], &block, &100_u64.to_le_bytes()].concat();
    assert_refused("a header inside itself", numbers(&patched(PLAIN_V0, header + 16, &own)), Kind::BadHeader, &["256"]);
}

#[test]
fn new_groups_that_lead_astray_are_refused() {
    let tree = after(LAYERS_V3, b"BTHD", 0);
    let heap = after(LAYERS_V3, b"FRHP", 0);
    let cases: [(&str, usize, &[u8], &str); 7] = [
        ("an index of something else", tree + 5, &[3], "kind 3"),
        ("a deep index", tree + 12, &[0xff; 2], "65535 levels"),
        ("tiny nodes", tree + 6, &[1, 0, 0, 0], "1 bytes"),
        ("blocks of no power of two", heap + 112, &[3], "powers of two"),
        ("no columns", heap + 110, &[0, 0], "0 blocks"),
        ("another heap's block", after(LAYERS_V3, b"FHDB", 5), &[1], "of its heap"),
        ("another version", tree + 4, &[9], "version [0]"),
    ];
    for (name, at, bytes, says) in cases {
        assert_refused(name, numbers(&patched(LAYERS_V3, at, bytes)), Kind::BadHeader, &["byte", says]);
    }
    let many = patched(LAYERS_V3, after(LAYERS_V3, b"BTHD", 24), &[0xff; 2]);
    assert_refused("an index without end", numbers(&many), Kind::BadHeader, &["name index at byte", "direct blocks"]);
}

/// The dataspace of `[2, 3]`, version 1: version, rank, whether there are largest sizes, zeros.
const SPACE: [u8; 24] = [1, 2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
/// An IEEE single as a data type, up to its size.
const SINGLE: [u8; 8] = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0];

#[test]
fn datasets_that_do_not_fit_are_refused() {
    let space = position(PLAIN_V0, &SPACE);
    let huge = (1_u64 << 40).to_le_bytes();
    let refused = |name: &str, at: usize, bytes: &[u8], kind, says: &[&str]| {
        assert_refused(name, numbers(&patched(PLAIN_V0, at, bytes)), kind, &[says, &["byte"]].concat());
    };
    refused("a huge shape", space + 8, &huge, Kind::BadHeader, &["tensor `a`", "[1099511627776, 3]"]);
    refused("an endless shape", space + 8, &[0xff; 16], Kind::BadHeader, &["tensor `a`", "fits in memory"]);
    refused("a larger shape", space + 8, &[3], Kind::BadHeader, &["tensor `a`", "36 bytes", "24 bytes"]);
    refused("too many axes", space + 1, &[200], Kind::BadHeader, &["at most 8 axes", "200"]);
    let single = position(PLAIN_V0, &SINGLE);
    refused("big-endian numbers", single + 1, &[0x21], Kind::WrongDtype, &["tensor `a`", "big-endian"]);
    refused("text for numbers", single, &[0x13, 0, 0, 0], Kind::WrongDtype, &["tensor `a`", "text"]);
    refused("a compound", single, &[0x16], Kind::WrongDtype, &["tensor `a`", "class 6"]);
    refused("another version of type", single, &[0x71], Kind::BadHeader, &["version 1 to 3"]);
    // The layout: version 3, contiguous, an address, a length.
    let data = position(PLAIN_V0, &1_f32.to_le_bytes());
    let layout = position(PLAIN_V0, &(data as u64).to_le_bytes());
    refused("numbers past the end", layout, &[0, 0, 1, 0], Kind::Truncated, &["tensor `a` at byte 65536"]);
    refused("numbers that were never written", layout, &[0xff; 8], Kind::BadHeader, &["tensor `a`", "written"]);
    refused("an unknown layout", layout - 1, &[9], Kind::BadHeader, &["class 9"]);
}

#[test]
fn chunks_that_do_not_fit_are_refused() {
    let refused = |name: &str, file: &[u8], at: usize, bytes: &[u8], kind, says: &[&str]| {
        assert_refused(name, numbers(&patched(file, at, bytes)), kind, &[says, &["byte"]].concat());
    };
    // Chunks of [2, 3] elements of 4 bytes, in layouts of version 3.
    let dims = position(KINDS_V0, &[2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
    refused("no elements", KINDS_V0, dims, &[0], Kind::BadHeader, &["chunks of some elements"]);
    refused("huge chunks", KINDS_V0, dims, &[0xff; 8], Kind::BadHeader, &["tensor `chunks`"]);
    refused("too few chunks", KINDS_V0, dims, &[1], Kind::BadHeader, &["tree of chunks", "chunk 3", "chunk 6"]);
    refused("another size", KINDS_V0, dims + 8, &[8], Kind::BadHeader, &["chunks of 2 axes"]);
    // Trees of chunks: a signature, kind 1, a level, a count, neighbours; then keys and addresses.
    let tree = position(KINDS_V0, b"TREE\x01");
    refused("a tree inside itself", KINDS_V0, tree + 5, &[1], Kind::BadHeader, &["tree of chunks", "`TREE`"]);
    refused("a chunk twice", KINDS_V0, tree + 24 + 40 + 16, &[0], Kind::BadHeader, &["tree of chunks"]);
    refused("a chunk past the end", KINDS_V0, tree + 24 + 32, &[0xff; 4], Kind::Truncated, &["chunk", "4294967295"]);
    // The first Deflate stream: zlib's two bytes stand where a chunk begins.
    let packed = KINDS_V3.windows(2).rposition(|window| window == [0x78, 0x5e]).expect("a zlib stream");
    refused("packed nonsense", KINDS_V3, packed + 2, &[0xff; 8], Kind::Corrupt, &["tensor `", "Deflate"]);
    // Filters by number: 1 deflate, 2 shuffle, 3 fletcher32.
    let filter = position(KINDS_V0, &[2, 0, 8, 0, 1, 0, 1, 0]);
    refused("LZF", KINDS_V0, filter, &[0, 0x7d], Kind::UnsupportedFormat, &["filter 32000", "gzip"]);
}

#[test]
fn lists_and_texts_that_do_not_fit_are_refused() {
    let renamed = patched(LAYERS_V0, position(LAYERS_V0, b"layer_10/bias:0"), b"layer_7x");
    let says = ["dataset `layer_10/layer_7x/bias:0`", "byte"];
    assert_refused("a dataset that is not there", numbers(&renamed), Kind::BadHeader, &says);
    // Texts in the global heap: how long, where, which.
    let heap = position(LAYERS_V0, b"GCOL");
    let reference = [&(heap as u64).to_le_bytes()[..], &[1, 0, 0, 0]].concat();
    let at = position(LAYERS_V0, &reference);
    let refused = |name: &str, at: usize, bytes: &[u8], says: &str| {
        let error = numbers(&patched(LAYERS_V0, at, bytes)).expect_err(name).to_string();
        assert!(error.contains(says) && error.contains("byte"), "{name}: {error}");
    };
    refused("a text outside the file", at, &[0, 0, 0, 0xff], "global heap");
    refused("a text of no index", at + 8, &[0xff, 0xff], "object 65535");
    refused("a heap without end", heap + 8, &[0xff; 8], "global heap");
    refused("no text", position(LAYERS_V0, "köter".as_bytes()) + 1, &[0xff], "UTF-8");
    let config = position(LAYERS_V0, b"{\"class_name\"");
    refused("no JSON", config, b"[", "`{`");
}

#[test]
fn archives_that_do_not_fit_are_refused() {
    const WEIGHTS: &str = "model.weights.h5";
    let read = |file: &[u8]| weights::read(file).map(drop);
    let bomb = deflated(&[(WEIGHTS, &vec![0; 16 << 20])], None);
    assert_refused("a bomb", read(&bomb), Kind::BadHeader, &["model.weights.h5", "byte", "16777216"]);
    let modest = deflated(&[(WEIGHTS, &vec![0; 16 << 20])], Some(4096));
    assert_refused("a bomb that states less", read(&modest), Kind::Corrupt, &["4096 bytes", "more"]);
    let vast = deflated(&[(WEIGHTS, PLAIN_V0)], Some(u32::MAX));
    assert_refused("a small file that states 4 GiB", read(&vast), Kind::BadHeader, &["byte", "4294967295"]);
    let nothing = deflated(&[("config.json", b"{}")], None);
    assert_refused("no weights", read(&nothing), Kind::UnsupportedFormat, &["model.weights.h5"]);
    let other = deflated(&[(WEIGHTS, b"GIF89a..........................................")], None);
    assert_refused("no HDF5", read(&other), Kind::BadHeader, &["superblock", "packed at byte 46"]);
    let cut = deflated(&[(WEIGHTS, &PLAIN_V0[..1000])], None);
    assert_refused("half a file, packed", read(&cut), Kind::Truncated, &["packed at byte 46", "1000 bytes"]);
    let whole = zip_file(&[(WEIGHTS, PLAIN_V0)]);
    let at = position(&whole, &3_f32.to_le_bytes());
    assert_refused("a flipped bit", read(&patched(&whole, at, &[1])), Kind::Corrupt, &["model.weights.h5", "CRC-32"]);

    let config = |text: &str| read(&zip_file(&[("config.json", text.as_bytes()), (WEIGHTS, PLAIN_V0)]));
    let deep = format!("{{\"config\":{}", "[{\"config\":".repeat(100_000));
    assert_refused("models in models", config(&deep), Kind::BadHeader, &["config", "byte", "16 deep"]);
    let lists = format!("{{\"module\":{}", "[".repeat(100_000));
    assert_refused("lists in lists", config(&lists), Kind::BadHeader, &["config.json", "byte"]);
    let many = format!("{{\"config\":[{}{{}}]}}", "{},".repeat(100_000));
    assert_refused("layers without end", config(&many), Kind::BadHeader, &["4096 layers", "byte"]);
    assert_refused("half a configuration", config("{\"class_name\": "), Kind::BadHeader, &["config.json, byte"]);
    let network = |layer: &str| {
        let config = format!("{{\"config\":{{\"layers\":[{layer}]}}}}");
        let archive = zip_file(&[("config.json", config.as_bytes()), (WEIGHTS, PLAIN_V0)]);
        weights::checkpoint(weights::read(&archive)?, &weights::Overrides::default()).map(drop)
    };
    let scaled = network(r#"{"class_name":"Rescaling","config":{"scale":0.5}}"#);
    assert_refused("a scale of its own", scaled, Kind::BadMetadata, &["preprocessing", "value · 0.5 + 0"]);
    let normed = network(r#"{"class_name":"Normalization","config":{"name":"norm"}}"#);
    assert_refused("a learned scale", normed, Kind::BadMetadata, &["preprocessing", "`norm` of class Normalization"]);
}

/// A single written with a double's digits, as Keras does where the layer was given one.
#[test]
fn an_epsilon_of_single_precision_is_read() {
    let config =
        r#"{"config":{"layers":[{"class_name":"BatchNormalization","config":{"epsilon":0.0010000000474974513}}]}}"#;
    let archive = zip_file(&[("config.json", config.as_bytes()), ("model.weights.h5", PLAIN_V0)]);
    assert_eq!(weights::read(&archive).unwrap().metadata["mobilenet.batch_norm_epsilon"], "0.001");
}
