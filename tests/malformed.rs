//! Broken and hostile files: a typed error that names a tensor or a byte, never a panic.

mod weights_common;

use mobilenet_web::error::{Error, Kind, Result};
use mobilenet_web::weights::{self, Dtype};
use weights_common::{
    assert_refused, legacy_file, opened, pickle, safetensors_file, safetensors_of, torchvision_v2, zip_file, zip_pth,
};

/// Reads a file and every number in it.
fn numbers(file: &[u8]) -> Result<()> {
    for tensor in weights::read(file)?.iter().filter(|tensor| tensor.dtype != Dtype::I64) {
        tensor.to_f32()?;
    }
    Ok(())
}

fn network(file: &[u8]) -> Result<weights::Checkpoint<'_>> {
    opened(weights::read(file)?)
}

/// Integers with what they stand for: `a` (U8) in halves, `b` (I8) in ones.
const INTEGERS: &str = r#"{"a/scales":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
    "b/scales":{"dtype":"F32","shape":[],"data_offsets":[4,8]},
    "a":{"dtype":"U8","shape":[2,3],"data_offsets":[8,14]},"b":{"dtype":"I8","shape":[],"data_offsets":[14,15]}}"#;

/// A small healthy file of each format: tensors `a` (2×3) and `b` (a scalar).
fn healthy() -> [(&'static str, Vec<u8>, usize); 4] {
    let data: Vec<u8> = (1_u8..=7).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let (a, b) = data.split_at(24);
    let object = pickle::whole(pickle::dict(&[
        ("a", pickle::tensor(pickle::storage("FloatStorage", "0", 6), 0, &[2, 3], &[3, 1])),
        ("b", pickle::tensor(pickle::storage("FloatStorage", "1", 1), 0, &[], &[])),
    ]));
    let header = r#"{"__metadata__":{"note":"\u00e9 \ud83d\ude00"},
        "a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F32","shape":[],"data_offsets":[24,28]}}"#;
    let scales = [0.5_f32, 1.0].map(f32::to_le_bytes).concat();
    let integers = [&scales[..], &[2, 4, 6, 8, 10, 12, 7]].concat();
    [
        ("safetensors", safetensors_file(header, &data), 9),
        ("zip", zip_pth(&object, &[("0", a), ("1", b)]), 4),
        ("legacy", legacy_file(&object, &[("0", 6, a), ("1", 1, b)]), 15),
        ("safetensors of integers", safetensors_file(INTEGERS, &integers), 9),
    ]
}

#[test]
fn healthy_files_are_read() {
    for (format, file, _) in healthy() {
        let file = weights::read(&file).unwrap_or_else(|error| panic!("{format}: {error}"));
        let a = file.get("a").unwrap();
        assert_eq!((&*a.shape, &*a.to_f32().unwrap()), (&[2, 3][..], &[1., 2., 3., 4., 5., 6.][..]), "{format}");
        assert_eq!(file.get("b").unwrap().to_f32().unwrap(), [7.0], "{format}");
    }
}

#[test]
fn every_truncation_is_reported_as_one() {
    for (format, file, recognisable) in healthy() {
        for length in 0..file.len() {
            let kind = if length < recognisable { Kind::UnsupportedFormat } else { Kind::Truncated };
            assert_refused(&format!("{format}, {length} bytes"), numbers(&file[..length]), kind, &["byte"]);
        }
    }
}

/// Whether an error says where it happened.
fn located(error: &Error) -> bool {
    let message = error.to_string();
    ["byte", "tensor `", "zip archive of", "metadata"].iter().any(|place| message.contains(place))
}

#[track_caller]
fn assert_survives(name: &str, file: &[u8]) -> bool {
    match std::panic::catch_unwind(|| numbers(file)).unwrap_or_else(|_| panic!("{name}: panicked")) {
        Ok(()) => true,
        Err(error) => {
            assert!(located(&error), "{name}: {error}");
            false
        }
    }
}

#[test]
fn no_flipped_bit_panics() {
    for (format, file, _) in healthy() {
        let mut accepted = 0;
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            accepted += usize::from(assert_survives(&format!("{format}, bit {bit}"), &flipped));
        }
        // Names, data without checksum and zip's dates may change unnoticed; the structure may not.
        assert!(accepted < file.len() * 8 / 2, "{format}: {accepted} of {} flips accepted", file.len() * 8);
    }
}

#[test]
fn no_flipped_bit_of_a_zipped_pickle_panics_behind_a_right_checksum() {
    let data = 1_f32.to_le_bytes().repeat(6);
    let tensor = pickle::tensor(pickle::storage("FloatStorage", "0", 6), 0, &[2, 3], &[3, 1]);
    let object = pickle::whole(pickle::dict(&[("state_dict", pickle::dict(&[("a", tensor)]))]));
    for bit in 0..object.len() * 8 {
        let mut flipped = object.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_survives(&format!("bit {bit}"), &zip_pth(&flipped, &[("0", &data)]));
    }
}

#[test]
fn a_flipped_bit_of_zipped_data_is_corrupt() {
    let (_, mut file, _) = healthy().into_iter().nth(1).unwrap();
    let at = file.windows(4).position(|window| window == 3_f32.to_le_bytes()).unwrap();
    file[at] ^= 1;
    let start = at - 8;
    let says = ["tensor `a`", "net/data/0", &format!("byte {start}"), "CRC-32"];
    assert_refused("zip data", numbers(&file), Kind::Corrupt, &says);
}

#[test]
fn a_flipped_bit_of_written_safetensors_is_corrupt() {
    let plain = safetensors_of(&torchvision_v2(0.35, 3));
    let checkpoint = network(&plain).unwrap();
    let written = weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec);
    let healthy = weights::read(&written).unwrap();
    for tensor in healthy.iter().step_by(40) {
        let mut flipped = written.clone();
        flipped[tensor.offset_bytes + 1] ^= 0x10;
        let place = format!("tensor `{}` at byte {}", tensor.name, tensor.offset_bytes);
        assert_refused(&tensor.name, network(&flipped).map(drop), Kind::Corrupt, &[&place, "CRC-32"]);
    }
}

#[test]
fn broken_safetensors_are_refused() {
    let f32s = |count: usize| vec![0; 4 * count];
    let entry = |name: &str, dtype: &str, shape: &str, offsets: &str| {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
    };
    let with =
        |entries: &[String], floats: usize| safetensors_file(&format!("{{{}}}", entries.join(",")), &f32s(floats));
    let mut huge_header = safetensors_file("{}", &[]);
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut long_header = safetensors_file("{}", &[]);
    long_header[..8].copy_from_slice(&(1024_u64 * 1024 + 1).to_le_bytes());
    let many: Vec<_> = (0..3000).map(|i| entry(&i.to_string(), "F32", "[0]", "[0,0]")).collect();
    let nan = safetensors_file(
        &format!("{{{}}}", entry("a", "F32", "[2]", "[0,8]")),
        &[1_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat(),
    );
    let nan_at = format!("byte {}", nan.len() - 4);
    let overflow = entry("a", "F32", "[4294967296,4294967296]", "[0,0]");
    let repeated = ["a"; 2].map(|name| entry(name, "F32", "[0]", "[0,0]"));
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("huge header", huge_header, Kind::BadHeader, &["byte 0", "18446744073709551615 bytes"]),
        ("header above the limit", long_header, Kind::BadHeader, &["byte 0", "1048577 bytes"]),
        ("header beyond the file", [&100_u64.to_le_bytes()[..], b"{}"].concat(), Kind::Truncated, &["byte 8", "100 bytes"]),
        ("no JSON", safetensors_file("{nonsense}", &[]), Kind::BadHeader, &["byte 9", "a string", "'n'"]),
        ("no UTF-8", [&2_u64.to_le_bytes()[..], b"{\xff"].concat(), Kind::BadHeader, &["byte 9", "UTF-8"]),
        ("unfinished string", safetensors_file("{\"a", &[]), Kind::BadHeader, &["byte 11", "end of a string"]),
        ("lone surrogate", safetensors_file(r#"{"\ud800":{}}"#, &[]), Kind::BadHeader, &["byte 11", "Unicode"]),
        ("more after the header", safetensors_file("{} x", &[]), Kind::BadHeader, &["byte 11", "nothing more"]),
        ("deep nesting", safetensors_file(&format!("{{\"a\":{}", "[".repeat(200_000)), &[]), Kind::BadHeader, &["byte 13"]),
        ("entry without a shape", safetensors_file(r#"{"a":{"dtype":"F32","data_offsets":[0,0]}}"#, &[]), Kind::BadHeader, &["tensor `a`"]),
        ("negative dimension", with(&[entry("a", "F32", "[-1]", "[0,4]")], 1), Kind::BadHeader, &["byte 37", "'-'"]),
        ("huge dimension", with(&[entry("a", "F32", "[99999999999999999999]", "[0,4]")], 1), Kind::BadHeader, &["byte 37"]),
        ("product overflows", with(&[overflow], 0), Kind::BadHeader, &["tensor `a`", "4294967296"]),
        ("too many axes", with(&[entry("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]")], 1), Kind::BadHeader, &["tensor `a`", "8 axes"]),
        ("shape larger than data", with(&[entry("a", "F32", "[3]", "[0,8]")], 2), Kind::BadHeader, &["tensor `a` at byte", "[3]"]),
        ("offsets backwards", with(&[entry("a", "F32", "[1]", "[4,0]")], 1), Kind::BadHeader, &["tensor `a` at byte", "4 to 0"]),
        ("three offsets", with(&[entry("a", "F32", "[1]", "[0,4,8]")], 2), Kind::BadHeader, &["tensor `a`"]),
        ("offsets past the end", with(&[entry("a", "F32", "[4]", "[0,16]")], 2), Kind::Truncated, &["tensor `a` at byte"]),
        ("offsets that overflow", with(&[entry("a", "F32", "[1]", "[18446744073709551611,18446744073709551615]")], 1), Kind::Truncated, &["tensor `a`"]),
        ("overlap", with(&[entry("a", "F32", "[2]", "[0,8]"), entry("b", "F32", "[2]", "[4,12]")], 3), Kind::BadHeader, &["tensor `b` at byte", "`a`", "overlap"]),
        ("gap", with(&[entry("a", "F32", "[1]", "[0,4]"), entry("b", "F32", "[1]", "[8,12]")], 3), Kind::BadHeader, &["tensor `b` at byte", "`a`", "gap"]),
        ("bytes after the last tensor", with(&[entry("a", "F32", "[1]", "[0,4]")], 2), Kind::BadHeader, &["byte", "4 more bytes"]),
        ("name twice", with(&repeated, 0), Kind::BadHeader, &["tensor `a` at byte", "each name once"]),
        ("too many tensors", with(&many, 0), Kind::BadHeader, &["tensor `2048`"]),
        ("unknown dtype", with(&[entry("a", "F8_E4M3", "[4]", "[0,4]")], 1), Kind::WrongDtype, &["tensor `a`", "F8_E4M3"]),
        ("integers", with(&[entry("a", "I32", "[1]", "[0,4]")], 1), Kind::WrongDtype, &["tensor `a` at byte", "I32"]),
        ("NaN", nan, Kind::NotFinite, &["tensor `a`", "element 1", &nan_at, "NaN"]),
        ("empty", vec![], Kind::UnsupportedFormat, &["byte 0"]),
        ("a page", b"<!doctype html><html>".to_vec(), Kind::UnsupportedFormat, &["HTML"]),
        ("a JSON file", b"{\"modelTopology\":{}}".to_vec(), Kind::UnsupportedFormat, &["JSON"]),
        ("an LFS pointer", b"version https://git-lfs.github.com/spec/v1\n".to_vec(), Kind::UnsupportedFormat, &["Git LFS"]),
    ];
    for (name, file, kind, says) in cases {
        assert_refused(name, numbers(file), *kind, says);
    }
}

/// Each object is tried in both layouts, with a storage `0` of six floats.
#[test]
fn hostile_pickles_are_refused() {
    use pickle::{call, dict, global, int, storage, tensor, text, tuple, whole};
    let floats = || storage("FloatStorage", "0", 6);
    let a = |value: Vec<u8>| whole(dict(&[("a", value)]));
    let raw = |code: &[u8]| [&[0x80, 2][..], code].concat();
    let nested = |times: usize| raw(&[b")".to_vec(), vec![0x85; times], b".".to_vec()].concat());
    // }q\0 X"state_dict" h\0 s . : a dictionary whose state dictionary is itself.
    let cyclic = raw(&[b"}q\0".to_vec(), text("state_dict"), b"h\0s.".to_vec()].concat());
    let cyclic_tuple = raw(b"(]q\0h\0ah\0t.");
    let view_of_view = [
        tuple(&[text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(6), int(1)]),
        b"Q".to_vec(),
    ]
    .concat();
    let module = [tuple(&[text("module"), global("torch", "FloatStorage"), text("source")]), b"Q".to_vec()].concat();
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("os.system", whole(call(global("os", "system"), &[text("touch broken")])), Kind::RefusedPickle, &["`os.system`", "@2"]),
        ("posix.system", a(call(global("posix", "system"), &[text("id")])), Kind::RefusedPickle, &["`posix.system`", "byte"]),
        ("eval", whole(call(global("builtins", "eval"), &[text("1")])), Kind::RefusedPickle, &["`builtins.eval`", "@2"]),
        ("a near name", whole(global("torch", "FloatStorage2")), Kind::RefusedPickle, &["`torch.FloatStorage2`", "@2"]),
        ("a module", whole(global("torch.nn.modules.linear", "Linear")), Kind::RefusedPickle, &["`torch.nn.modules.linear.Linear`", "state_dict()"]),
        ("call of a text", whole(call(text("eval"), &[])), Kind::RefusedPickle, &["no function", "byte"]),
        ("call of a storage class", whole(call(global("torch", "FloatStorage"), &[int(9)])), Kind::RefusedPickle, &["Storage(F32)", "byte"]),
        ("OrderedDict of something", whole(call(global("collections", "OrderedDict"), &[int(1)])), Kind::RefusedPickle, &["OrderedDict", "byte"]),
        ("tensor of a text", a(call(global("torch._utils", "_rebuild_tensor_v2"), &[text("0")])), Kind::RefusedPickle, &["RebuildTensor", "byte"]),
        ("another persistent object", a(module), Kind::RefusedPickle, &["persistent object", "byte"]),
        ("view of a storage", a(view_of_view), Kind::BadHeader, &["storage's type", "byte"]),
        ("protocol 4", [&[0x80, 4][..], b"N."].concat(), Kind::RefusedPickle, &["protocol 4", "@0"]),
        ("unknown instruction", raw(b"\x93."), Kind::RefusedPickle, &["0x93", "@2"]),
        ("instance", raw(b"(ios\nsystem\n."), Kind::RefusedPickle, &["0x69", "@3"]),
        ("new object", raw(b"))\x81."), Kind::RefusedPickle, &["0x81", "@4"]),
        ("empty stack", raw(b"."), Kind::BadHeader, &["value on the stack", "@2"]),
        ("tuple below the mark", raw(b"N(\x85."), Kind::BadHeader, &["tuple's items", "@4"]),
        ("no mark", raw(b"Nt."), Kind::BadHeader, &["a mark", "@3"]),
        ("item of nothing", raw(b"NNNs."), Kind::BadHeader, &["a list or dictionary", "@5"]),
        ("key without value", raw(b"}(Nu."), Kind::BadHeader, &["a value for every key", "@5"]),
        ("memory never written", raw(b"h\x07."), Kind::BadHeader, &["remembered before", "@2"]),
        ("memory far away", raw(b"Nr\xff\xff\xff\xff."), Kind::RefusedPickle, &["8192 remembered values", "@3"]),
        ("text beyond the file", raw(b"X\xff\xff\xff\xffabc"), Kind::Truncated, &["4294967295 more bytes"]),
        ("name without end", raw(&[b'c'; 400]), Kind::BadHeader, &["256 bytes", "@3"]),
        ("deep tuples", nested(100_000), Kind::RefusedPickle, &["items of tuples", "byte"]),
        ("deep marks", raw(&[b'('; 100_000]), Kind::RefusedPickle, &["4096 values on the stack", "byte"]),
        ("deep lists", raw(&[b']'; 100_000]), Kind::RefusedPickle, &["4096 values on the stack", "byte"]),
        ("itself inside itself", cyclic, Kind::RefusedPickle, &["inside themselves", "@0"]),
        ("list inside itself", cyclic_tuple, Kind::RefusedPickle, &["another kind of object"]),
        ("state for a tensor", a([tensor(floats(), 0, &[6], &[1]), b"Nb".to_vec()].concat()), Kind::RefusedPickle, &["state for Tensor", "byte"]),
        ("no dictionary", whole(int(1)), Kind::RefusedPickle, &["another kind of object", "@0"]),
        ("huge shape", a(tensor(floats(), 0, &[i64::MAX, i64::MAX], &[1, 1])), Kind::BadHeader, &["tensor `a` at byte", "overflows"]),
        ("huge stride", a(tensor(floats(), 0, &[2, 2], &[i64::MAX, i64::MAX])), Kind::BadHeader, &["tensor `a` at byte"]),
        ("stride 0", a(tensor(floats(), 0, &[1 << 40], &[0])), Kind::BadHeader, &["tensor `a` at byte", "repeats"]),
        ("shape past the end", a(tensor(floats(), 0, &[7], &[1])), Kind::BadHeader, &["tensor `a` at byte", "24 stored bytes"]),
        ("start past the end", a(tensor(floats(), 4, &[3], &[1])), Kind::BadHeader, &["tensor `a` at byte", "from element 4"]),
        ("huge start", a(tensor(floats(), i64::MAX, &[1], &[1])), Kind::BadHeader, &["tensor `a` at byte"]),
        ("negative start", a(tensor(floats(), -1, &[1], &[1])), Kind::BadHeader, &["tensor `a` at byte", "not negative"]),
        ("negative shape", a(tensor(floats(), 0, &[-6], &[1])), Kind::BadHeader, &["tensor `a` at byte", "not negative"]),
        ("too many axes", a(tensor(floats(), 0, &[1; 9], &[1; 9])), Kind::BadHeader, &["tensor `a` at byte", "at most 8"]),
        ("strides for other axes", a(tensor(floats(), 0, &[2, 3], &[1])), Kind::BadHeader, &["tensor `a` at byte"]),
        ("negative storage", a(tensor(storage("FloatStorage", "0", -6), 0, &[6], &[1])), Kind::BadHeader, &["storage's key and its length", "byte"]),
        ("name twice", whole(dict(&[("a", tensor(floats(), 0, &[6], &[1])), ("a", tensor(floats(), 0, &[6], &[1]))])), Kind::BadHeader, &["tensor `a` at byte", "each name once"]),
        ("storage of two types", whole(dict(&[("a", floats()), ("b", storage("LongStorage", "0", 3))])), Kind::BadHeader, &["storage 0 as it was before", "byte"]),
        ("integers", a(tensor(storage("IntStorage", "0", 6), 0, &[6], &[1])), Kind::WrongDtype, &["tensor `a` at byte", "I32"]),
    ];
    let data = 1_f32.to_le_bytes().repeat(6);
    for (name, object, kind, says) in cases {
        let zip = zip_pth(object, &[("0", &data)]);
        let legacy = legacy_file(object, &[("0", 6, &data)]);
        for (layout, file) in [("zip", zip), ("legacy", legacy)] {
            // "@N" stands for the N-th byte of the pickle, wherever the layout puts that.
            let begin = file.windows(object.len()).position(|window| window == object).unwrap();
            let says: Vec<_> = says
                .iter()
                .map(|part| {
                    part.strip_prefix('@')
                        .map_or((*part).to_owned(), |at| format!("byte {}:", begin + at.parse::<usize>().unwrap()))
                })
                .collect();
            if *kind == Kind::Truncated && layout == "legacy" {
                continue; // What follows the object is long enough to be taken for a part of it, then refused.
            }
            assert_refused(
                &format!("{layout}: {name}"),
                numbers(&file),
                *kind,
                &says.iter().map(|part| &**part).collect::<Vec<_>>(),
            );
        }
    }
    assert!(!std::path::Path::new("broken").exists());
}

#[test]
fn storages_that_do_not_fit_are_refused() {
    let tensor = |count| pickle::tensor(pickle::storage("FloatStorage", "0", count), 0, &[6], &[1]);
    let object = |count| pickle::whole(pickle::dict(&[("a", tensor(count))]));
    let data = 1_f32.to_le_bytes().repeat(6);
    let nan = [&data[..20], &f32::INFINITY.to_le_bytes()].concat();
    let legacy = legacy_file(&object(6), &[("0", 6, &data)]);
    let patched = |from: &[u8], to: &[u8]| {
        let mut file = zip_pth(&object(6), &[("0", &data)]);
        let at: Vec<_> = (0..file.len()).filter(|&at| file[at..].starts_with(from)).collect();
        assert!(!at.is_empty());
        for at in at {
            file[at..at + to.len()].copy_from_slice(to);
        }
        file
    };
    let big_endian: &[(&str, &[u8])] = &[("n/data.pkl", &object(6)), ("n/byteorder", b"big"), ("n/data/0", &data)];
    let twice: &[(&str, &[u8])] = &[("n/data.pkl", &object(6)), ("n/data/0", &data), ("n/data/0", &data)];
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("zip: no such storage", zip_pth(&object(6), &[("1", &data)]), Kind::BadHeader, &["tensor `a`", "net/data/0"]),
        ("zip: storage of another length", zip_pth(&object(7), &[("0", &data)]), Kind::BadHeader, &["tensor `a` at byte", "7 elements", "24 bytes"]),
        ("zip: huge storage", zip_pth(&object(i64::MAX), &[("0", &data)]), Kind::BadHeader, &["tensor `a` at byte"]),
        ("zip: infinity", zip_pth(&object(6), &[("0", &nan)]), Kind::NotFinite, &["tensor `a`, element 5 at byte", "inf"]),
        ("zip: deflated", patched(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x08\0"), Kind::UnsupportedFormat, &["method 8", "byte", "zip -0"]),
        ("zip: encrypted", patched(b"\x14\0\0\0\0\0", b"\x14\0\x01\0\0\0"), Kind::UnsupportedFormat, &["encrypted", "byte"]),
        ("zip: big endian", zip_file(big_endian), Kind::BadHeader, &["n/byteorder", "`big`"]),
        ("zip: entry twice", zip_file(twice), Kind::BadHeader, &["`n/data/0` at byte", "each name once"]),
        ("zip: no pickle", zip_file(&[("readme.txt", b"hello")]), Kind::UnsupportedFormat, &["zip archive of 1 entries", "data.pkl"]),
        ("legacy: no such storage", legacy_file(&object(6), &[]), Kind::BadHeader, &["tensor `a` at byte", "storage `0`"]),
        ("legacy: unknown storage", legacy_file(&object(6), &[("0", 6, &data), ("9", 6, &data)]), Kind::BadHeader, &["byte", "storage `9`"]),
        ("legacy: storage twice", legacy_file(&object(6), &[("0", 6, &data), ("0", 6, &data)]), Kind::BadHeader, &["byte", "each storage once"]),
        ("legacy: another count", legacy_file(&object(6), &[("0", 5, &data)]), Kind::BadHeader, &["tensor `a` at byte", "6 elements", "found 5"]),
        ("legacy: huge storage", legacy_file(&object(i64::MAX), &[("0", i64::MAX as u64, &data)]), Kind::Truncated, &["tensor `a` at byte"]),
        ("legacy: infinity", legacy_file(&object(6), &[("0", 6, &nan)]), Kind::NotFinite, &["tensor `a`, element 5 at byte", "inf"]),
        ("legacy: more at the end", [&legacy[..], b"more"].concat(), Kind::BadHeader, &["byte", "4 more bytes"]),
    ];
    for (name, file, kind, says) in cases {
        assert_refused(name, numbers(file), *kind, says);
    }
}

/// A name may be as long as the header; what is said of it is for people.
#[test]
fn long_names_do_not_make_long_errors() {
    let name = "x".repeat(200_000);
    let file =
        safetensors_file(&format!(r#"{{"{name}":{{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}}}"#), &[0; 4]);
    let message = weights::read(&file).unwrap_err().to_string();
    assert!(message.len() < 20_000 && message.contains("expected"), "{} bytes", message.len());
}
