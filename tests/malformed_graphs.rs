//! Broken and hostile files of operators: a typed error that names a byte, never a panic.

mod graph_files;
mod protobuf;
mod weights_common;

use graph_files::onnx;
use graph_files::tflite::{self, Fb, Model, int, ints};
use mobilenet_web::error::{Kind, Result};
use mobilenet_web::weights;
use weights_common::{assert_refused, opened, zip_file};

/// Reads a file, and every number of the network in it.
fn network(file: &[u8]) -> Result<()> {
    let checkpoint = opened(weights::read(file)?)?;
    for tensor in checkpoint.tensors() {
        tensor.to_f32()?;
    }
    Ok(())
}

/// A small healthy file of each format, and how many of its bytes tell the format.
fn healthy() -> [(&'static str, Vec<u8>, usize); 2] {
    [("tflite", tflite::small().file(), 8), ("onnx", onnx::small_file(), 2)]
}

#[test]
fn healthy_files_are_read() {
    for (format, file, _) in healthy() {
        network(&file).unwrap_or_else(|error| panic!("{format}: {error}"));
    }
    let file = tflite::small().file();
    let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
    let rule = checkpoint.spec.preprocessing;
    assert_eq!((rule.name, rule.mean, rule.std), ("keras", [127.5; 3], [127.5; 3]));
    assert_eq!(checkpoint.parameter("logits/biases", &[5]).unwrap(), [0.0; 5]);
}

#[test]
fn every_truncation_is_refused_at_a_byte() {
    for (format, file, recognisable) in healthy() {
        // What stands behind the last constant is text and padding.
        for length in 0..file.len() * 9 / 10 {
            let error = network(&file[..length]).expect_err(format);
            let message = error.to_string();
            assert!(message.contains("byte"), "{format}, {length} bytes: {message}");
            if length < recognisable {
                assert_eq!(error.kind(), Kind::UnsupportedFormat, "{format}, {length} bytes: {message}");
            }
        }
    }
}

/// Of two channels, so that most bits are those of structure: one weight is like the other.
#[test]
fn no_flipped_bit_panics() {
    for (format, file) in [("tflite", tflite::small_of(2).file()), ("onnx", onnx::file(&onnx::small_of(2)))] {
        network(&file).unwrap_or_else(|error| panic!("{format}: {error}"));
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let file = &file;
                scope.spawn(move || (thread..file.len() * 8).step_by(threads).for_each(|bit| flip(format, file, bit)));
            }
        });
    }
}

/// Fails unless the file with that bit flipped is read, or refused with a place.
fn flip(format: &str, file: &[u8], bit: usize) {
    let mut flipped = file.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    let outcome = std::panic::catch_unwind(|| network(&flipped));
    let outcome = outcome.unwrap_or_else(|_| panic!("{format}, bit {bit}: panicked"));
    if let Err(error) = outcome {
        let message = error.to_string();
        let located = ["byte", "tensor `", "layer_", "row", "output", "input"];
        // A size that no network can have names itself.
        let located = located.into_iter().chain((error.kind() == Kind::BadModel).then_some(" px"));
        let mut located = located.into_iter();
        assert!(located.any(|place| message.contains(place)), "{format}, bit {bit}: {message}");
    }
}

/// The small model with something changed.
fn changed(change: impl FnOnce(&mut Model)) -> Vec<u8> {
    let mut model = tflite::small();
    change(&mut model);
    model.file()
}

#[test]
fn broken_tflite_is_refused() {
    let patched = |at: usize, bytes: &[u8]| {
        let mut file = tflite::small().file();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let field = |table: &mut Fb, number: usize, value: Fb| match table {
        Fb::Table(fields) => {
            fields.resize(fields.len().max(number + 1), Fb::None);
            fields[number] = value;
        }
        _ => panic!("no table"),
    };
    // Tensor 5 is the stem's weights: 8 × 3 × 3 × 3.
    let weights = |number: usize, value: Fb| changed(|model| field(&mut model.tensors[5], number, value));
    let operator =
        |index: usize, number: usize, value: Fb| changed(|model| field(&mut model.operators[index], number, value));
    let cycle = changed(|model| {
        // The first convolution reads what the second computes.
        field(&mut model.operators[2], 1, ints(&[10, 5, 6]));
    });
    let scales = |scales: &[f32], axis: i32| {
        Fb::Table(vec![Fb::None, Fb::None, tflite::floats(scales), tflite::longs(&[0]), Fb::None, Fb::None, int(axis)])
    };
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("root past the end", patched(0, &u32::MAX.to_le_bytes()), Kind::BadHeader, &["byte 0", "4294967295"]),
        ("root at itself", patched(0, &[0; 4]), Kind::BadHeader, &["byte 0", "points forward"]),
        ("root at the mark", patched(0, &4_u32.to_le_bytes()), Kind::BadHeader, &["byte 4"]),
        ("huge dimension", weights(0, ints(&[i32::MAX, i32::MAX, i32::MAX, 3])), Kind::BadHeader, &["tensor `t5` at byte", "2147483647"]),
        ("negative dimension", weights(0, ints(&[-8, 3, 3, 3])), Kind::BadHeader, &["tensor `t5` at byte", "-8"]),
        ("other dimension", weights(0, ints(&[8, 3, 3, 4])), Kind::BadHeader, &["tensor `t5` at byte", "864 bytes"]),
        ("too many axes", weights(0, ints(&[1; 9])), Kind::BadHeader, &["tensor `t5` at byte", "at most 8 axes"]),
        ("buffer past the end", weights(2, int(1000)), Kind::BadHeader, &["buffers at byte", "1000"]),
        ("weights of text", weights(1, Fb::Byte(5)), Kind::NotMobileNet, &["`CONV_2D` at byte", "weights"]),
        ("weights of integers without a scale", weights(1, Fb::Byte(2)), Kind::WrongDtype, &["layer_1/weights", "I32"]),
        ("weights of four bits", weights(1, Fb::Byte(17)), Kind::NotMobileNet, &["`CONV_2D` at byte"]),
        ("scales for another axis", weights(4, scales(&[1.0; 5], 0)), Kind::BadHeader, &["tensor `t5` at byte", "5 scales"]),
        ("scale that is no number", weights(4, scales(&[f32::NAN], 0)), Kind::BadHeader, &["quantization at byte", "finite"]),
        ("axis far away", weights(4, scales(&[1.0; 8], 1 << 30)), Kind::BadHeader, &["quantization at byte", "axis"]),
        ("operand past the end", operator(2, 1, ints(&[0, 5000, 6])), Kind::BadHeader, &["operands at byte", "5000"]),
        ("operand below -1", operator(2, 1, ints(&[0, -2, 6])), Kind::BadHeader, &["operands at byte", "-2"]),
        ("many operands", operator(2, 1, ints(&[0; 65])), Kind::BadHeader, &["operands at byte", "at most 64"]),
        ("no output", operator(2, 2, ints(&[])), Kind::BadHeader, &["operator at byte", "an output"]),
        ("one output of two operators", operator(3, 2, ints(&[7])), Kind::BadHeader, &["`DEPTHWISE_CONV_2D` at byte", "of its own"]),
        ("unknown kind", operator(2, 0, int(99)), Kind::BadHeader, &["operator at byte", "99"]),
        ("a cycle", cycle, Kind::BadHeader, &["`CONV_2D` at byte", "computed before it"]),
        ("stride 0", operator(2, 4, Fb::Table(vec![Fb::Byte(0), int(0), int(0), Fb::Byte(3)])), Kind::NotMobileNet, &["`CONV_2D` at byte", "stride"]),
        ("negative stride", operator(2, 4, Fb::Table(vec![Fb::Byte(0), int(-2), int(-2), Fb::Byte(3)])), Kind::NotMobileNet, &["`CONV_2D` at byte"]),
        ("another activation", operator(2, 4, Fb::Table(vec![Fb::Byte(0), int(2), int(2), Fb::Byte(4)])), Kind::NotMobileNet, &["`CONV_2D` at byte"]),
        ("an activation after a residual sum", operator(8, 4, Fb::Table(vec![Fb::Byte(1)])), Kind::NotMobileNet, &["residual sum", "Relu"]),
        ("another operator", changed(|model| model.codes[0] = 98), Kind::NotMobileNet, &["`number 98` at byte"]),
        ("no graph's output", changed(|model| model.outputs = vec![]), Kind::BadHeader, &["outputs"]),
        ("output past the end", changed(|model| model.outputs = vec![77_777]), Kind::BadHeader, &["numbers of tensors at byte", "77777"]),
        ("too many operators", changed(|model| model.operators = vec![model.operators[0].clone(); 4097]), Kind::NotMobileNet, &["operators at byte", "4097"]),
        ("too many tensors", changed(|model| model.tensors = vec![Fb::Table(vec![]); 16_385]), Kind::NotMobileNet, &["tensors at byte", "16385"]),
        ("a row left out", changed(|model| { model.operators.remove(4); }), Kind::BadHeader, &["at byte", "computed before it"]),
        ("no residual sum", changed(|model| model.operators.retain({ let mut at = 0; move |_| { at += 1; at != 9 } })), Kind::BadHeader, &["at byte"]),
    ];
    for (name, file, kind, says) in cases {
        assert_refused(name, network(file), *kind, says);
    }
}

/// The small model with metadata that names this file of class names, in an archive behind it.
fn in_archive(entry: &str, archive: &[u8]) -> Vec<u8> {
    tflite::described(tflite::small(), tflite::labels_in(entry), archive)
}

#[test]
fn class_names_that_cannot_be_read_are_a_warning() {
    let five = "a\nb\nc\nd\ne\n";
    let file = in_archive("labels.txt", &zip_file(&[("labels.txt", five.as_bytes())]));
    assert_eq!(opened(weights::read(&file).unwrap()).unwrap().spec.labels, ["a", "b", "c", "d", "e"]);
    let mut corrupt = zip_file(&[("labels.txt", five.as_bytes())]);
    let at = corrupt.windows(4).position(|window| window == b"a\nb\n").unwrap();
    corrupt[at] = b'x';
    let mut bomb = zip_file(&[("labels.txt", five.as_bytes())]);
    for at in 0..bomb.len() - 4 {
        if bomb[at..].starts_with(b"PK\x01\x02") {
            bomb[at + 24..at + 28].copy_from_slice(&u32::MAX.to_le_bytes());
            bomb[at + 10] = 8;
        }
    }
    for (name, archive, says) in [
        ("another name", zip_file(&[("other.txt", five.as_bytes())]), "does not hold"),
        ("no archive", Vec::new(), "could not be read"),
        ("too few", zip_file(&[("labels.txt", b"a\nb\n")]), "names 2 classes and has 5"),
        ("corrupt", corrupt, "CRC-32"),
        ("a bomb", bomb, "at most 1048576 bytes unpacked"),
        ("a path", zip_file(&[("../labels.txt", five.as_bytes())]), "does not hold"),
    ] {
        let file = in_archive("labels.txt", &archive);
        let checkpoint = opened(weights::read(&file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let warning = &checkpoint.warnings[0];
        assert_eq!(warning.code, "labels_unread", "{name}");
        assert!(warning.message.contains(says), "{name}: {}", warning.message);
        assert!(checkpoint.spec.labels.is_empty(), "{name}");
    }
}

/// A converted file's header holds the class names, and is read up to a mebibyte.
#[test]
fn long_class_names_are_converted_or_refused() {
    let named = |letter: &str, length: usize| {
        let names = format!("{}\n", letter.repeat(length)).repeat(5);
        in_archive("labels.txt", &zip_file(&[("labels.txt", names.as_bytes())]))
    };
    let file = named("x", 100_000);
    let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
    let written = checkpoint.to_safetensors(weights::Precision::Kept).unwrap();
    assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec);
    // Six letters of JSON each.
    let file = named("\u{1}", 100_000);
    let refused = opened(weights::read(&file).unwrap()).unwrap().to_safetensors(weights::Precision::Kept);
    assert_refused("escaped", refused.map(drop), Kind::BadModel, &["class names", "1048576 bytes", "`labels`"]);
}

/// What a graph does to pixels must be a number that metadata can hold: the converted file says it again.
#[test]
fn what_no_decimal_of_metadata_can_hold_is_zero_or_refused() {
    // The numbers that pixels are multiplied by and that is added.
    let scaled = |factor: f32, offset: f32| {
        changed(|model| {
            for (buffer, number) in [(1, factor), (2, offset)] {
                model.buffers[buffer] = Fb::Table(vec![Fb::Raw(number.to_le_bytes().to_vec(), 4)]);
            }
        })
    };
    let file = scaled(1.0 / 127.5, 1e-41);
    let checkpoint = opened(weights::read(&file).unwrap()).unwrap();
    assert_eq!(checkpoint.spec.preprocessing.mean, [0.0; 3]);
    let written = checkpoint.to_safetensors(weights::Precision::Kept).unwrap();
    assert_eq!(opened(weights::read(&written).unwrap()).unwrap().spec, checkpoint.spec);
    for (factor, offset) in [(1e-30, 0.0), (1e30, 0.0), (1.0 / 127.5, 1e30)] {
        assert_refused("beyond", network(&scaled(factor, offset)), Kind::BadMetadata, &["graph's input"]);
    }
}

#[test]
fn broken_onnx_is_refused() {
    use protobuf::{bytes, number, text, varint};
    let file = |model: &onnx::Model, output: &str| model.file(("x", &[1, 3, 64, 64]), output, 13);
    let end = onnx::small().name("Softmax", 0);
    let with = |extra: &[u8]| {
        let mut model = onnx::small();
        model.graph.extend(extra);
        file(&model, &end)
    };
    let tensor = |dims: &[usize], kind: u64, data: Vec<u8>| with(&bytes(5, &onnx::tensor_of("w", dims, kind, data)));
    let raw = |length: usize| bytes(9, &vec![0; length]);
    let external = [onnx::tensor_of("w", &[2], 1, vec![]), number(14, 1)].concat();
    let mut two_inputs = onnx::small();
    two_inputs.graph.extend(bytes(11, &text(1, "y")));
    let nodes = bytes(1, &text(2, "")).repeat(4097);
    let attributes = bytes(1, &[text(2, "o"), onnx::int("a", 1).repeat(70)].concat());
    let inputs = bytes(1, &text(1, "x").repeat(65));
    #[rustfmt::skip]
    let cases: &[(&str, Vec<u8>, Kind, &[&str])] = &[
        ("no graph", number(1, 8), Kind::Truncated, &["byte 2", "a graph"]),
        ("graph past the end", [number(1, 8), varint(7 << 3 | 2), varint(1 << 40)].concat(), Kind::Truncated, &["byte", "1099511627776"]),
        ("length of all bits", [number(1, 8), varint(7 << 3 | 2), varint(u64::MAX)].concat(), Kind::Truncated, &["byte"]),
        ("endless number", [number(1, 8), vec![0xff; 20]].concat(), Kind::BadHeader, &["byte 2", "ten bytes"]),
        ("unknown wire type", [number(1, 8), vec![7 << 3 | 3]].concat(), Kind::BadHeader, &["byte 2", "wire type"]),
        ("field 0", [number(1, 8), vec![0, 0]].concat(), Kind::BadHeader, &["byte 2", "field"]),
        ("huge dimensions", tensor(&[1 << 40, 1 << 40], 1, raw(4)), Kind::BadHeader, &["tensor `w` at byte", "4 bytes"]),
        ("negative dimension", tensor(&[usize::MAX], 1, raw(4)), Kind::BadHeader, &["tensor `w` at byte", "-1"]),
        ("other length", tensor(&[2], 1, raw(4)), Kind::BadHeader, &["tensor `w` at byte", "[2] elements of F32"]),
        ("too many axes", tensor(&[1; 9], 1, raw(4)), Kind::BadHeader, &["byte", "at most 8"]),
        ("numbers of another type", tensor(&[1], 1, number(5, 1)), Kind::BadHeader, &["tensor `w` at byte", "0 bytes"]),
        ("external data", with(&bytes(5, &external)), Kind::UnsupportedFormat, &["tensor `w` at byte", "another file"]),
        ("name without UTF-8", with(&bytes(5, &bytes(8, b"\xff"))), Kind::BadHeader, &["byte", "UTF-8"]),
        ("two inputs", file(&two_inputs, &end), Kind::NotMobileNet, &["inputs of the graph at byte", "2"]),
        ("output of nothing", file(&onnx::small(), "nowhere"), Kind::BadHeader, &["outputs"]),
        ("too many nodes", with(&nodes), Kind::NotMobileNet, &["at most 4096"]),
        ("node without an output", with(&bytes(1, &text(4, "Relu"))), Kind::BadHeader, &["byte", "an output of the node"]),
        ("many inputs", with(&inputs), Kind::BadHeader, &["byte", "at most 64 inputs"]),
        ("many attributes", with(&attributes), Kind::BadHeader, &["byte", "at most 64 attributes"]),
    ];
    for (name, file, kind, says) in cases {
        assert_refused(name, network(file), *kind, says);
    }
    let mut unknown = onnx::small();
    let output = unknown.node("Einsum", &[&end], &[]);
    assert_refused("unknown operator", network(&file(&unknown, &output)), Kind::NotMobileNet, &["`Einsum` at byte"]);
    let mut cycle = onnx::small();
    let later = cycle.name("Relu", 2);
    let output = cycle.node("Relu", &[&later], &[]);
    let output = cycle.node("Relu", &[&output], &[]);
    assert_refused(
        "a cycle",
        network(&file(&cycle, &output)),
        Kind::BadHeader,
        &["`Relu` at byte", "computed before it"],
    );
}
