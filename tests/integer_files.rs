//! Quantised files of a test's own: what opens in integers, what in floats, and what is refused.

mod adapter;
mod graph_files;
mod protobuf;

use graph_files::integers::{Steps, kept, small};
use mobilenet_web::error::Kind;
use mobilenet_web::weights::{self, Overrides, convert};
use mobilenet_web::{Arithmetic, Choice, Error, Frame, Net, Options, View};

fn open(file: &[u8], arithmetic: Arithmetic) -> Result<Net, Error> {
    Net::open(file, &Options { arithmetic, ..Options::default() })
}

/// A picture of gradients.
fn picture() -> Vec<u8> {
    (0..32 * 32_u32).flat_map(|at| [at % 32 * 8, at / 32 * 8, at % 7 * 36, 255].map(|value| value as u8)).collect()
}

fn run(net: &mut Net, endpoints: &[&str]) -> Vec<Vec<f32>> {
    let rgba = picture();
    let frame = Frame { rgba: &rgba, width_px: 32, height_px: 32 };
    let tensors = net.infer(&frame, &View::default(), endpoints).expect("infers");
    tensors.into_iter().map(|tensor| tensor.data).collect()
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d <= worst { worst } else { d })
}

/// The largest scale of the small network's maps: how far apart its integers are.
const COARSEST: f32 = 0.09;

/// Both kinds of integers, both bodies: near what the same file computes in floats.
#[test]
fn integers_are_near_floats_and_the_same_in_both_bodies() {
    for signed in [false, true] {
        let file = small(signed, &kept);
        let mut floats = open(&file, Arithmetic::Floats).expect("opens in floats");
        let mut integers = open(&file, Arithmetic::Own).expect("opens in integers");
        let options = Options { backend: Choice::Reference, ..Options::default() };
        let mut reference = Net::open(&file, &options).expect("opens in integers");
        assert_eq!([&floats, &integers, &reference].map(Net::is_integer), [false, true, true]);
        let names: Vec<String> = integers.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
        assert_eq!(floats.endpoints(), integers.endpoints());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = run(&mut integers, &names);
        assert!(found == run(&mut reference, &names), "signed {signed}");
        for ((name, found), expected) in names.iter().zip(&found).zip(&run(&mut floats, &names)) {
            let largest = expected.iter().fold(0_f32, |most, value| most.max(value.abs()));
            let worst = difference(found, expected);
            let most = if *name == "predictions" { largest / 16.0 } else { (largest / 16.0).max(2.0 * COARSEST) };
            assert!(largest > 0.0 && worst <= most, "signed {signed}, {name}: {worst} of {largest}");
            assert!(found.iter().any(|value| *value != found[0]), "{name} is all {}", found[0]);
        }
    }
}

/// Without what a map's integers stand for there is no computing in them.
#[test]
fn a_map_without_scale_leaves_the_network_in_floats() {
    for missing in ["input", "stem", "hard_swish", "sum", "pool", "logits"] {
        let file = small(true, &|name, steps| (name != missing).then_some(steps));
        assert!(!open(&file, Arithmetic::Own).expect("opens").is_integer(), "{missing}");
    }
    // Probabilities may be computed from the logits' numbers.
    let file = small(true, &|name, steps| (name != "output").then_some(steps));
    assert!(!open(&file, Arithmetic::Own).expect("opens").is_integer());
}

#[test]
fn odd_scales_and_zero_points_are_refused_or_leave_the_network_in_floats() {
    let with =
        |of: &'static str, odd: Steps| small(false, &move |name, steps| Some(if name == of { odd } else { steps }));
    for (of, odd) in [("stem", (0.0, 0)), ("stem", (-1.0, 0)), ("sum", (0.1, 256)), ("pool", (0.1, -1))] {
        assert!(!open(&with(of, odd), Arithmetic::Own).expect("opens").is_integer(), "{of} {odd:?}");
    }
    for (of, odd, kind, words) in [
        ("weights", (0.01, 300), Kind::WrongDtype, ["zero points", "300"]),
        ("stem", (1e-30, 0), Kind::BadModel, ["in integers", "precision"]),
        ("weights", (-0.01, 128), Kind::BadModel, ["in integers", "precision"]),
        ("sum", (1e-30, 0), Kind::BadModel, ["layer_3/add, in integers", "precision"]),
    ] {
        let error = open(&with(of, odd), Arithmetic::Own).err().unwrap_or_else(|| panic!("{of} {odd:?} opens"));
        assert_eq!(error.kind(), kind, "{error}");
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    }
}

/// Whatever bytes are broken: an error or a network that answers, never a panic.
#[test]
fn broken_bytes_never_panic() {
    let file = small(true, &kept);
    let mut state = 7_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut opened = 0;
    for _ in 0..1500 {
        let mut broken = file.clone();
        for _ in 0..=random(3) {
            let at = random(broken.len());
            broken[at] = random(256) as u8;
        }
        if let Ok(mut net) = open(&broken, Arithmetic::Own)
            && net.spec().height_px == 32
            && net.spec().width_px == 32
        {
            opened += usize::from(net.is_integer());
            run(&mut net, &["predictions"]);
        }
    }
    println!("{opened} of 1500 broken files compute in integers");
    assert!(opened > 100, "{opened}: too few to mean anything");
}

#[test]
fn a_gpu_refuses_integers_and_takes_the_floats() {
    let Some(device) = adapter::adapter() else { return };
    let file = small(true, &kept);
    let mut net = open(&file, Arithmetic::Own).expect("opens");
    let error = net.attach(&device, device.variant()).expect_err("no kernels of integers there");
    assert_eq!(error.kind(), Kind::GpuUnavailable);
    assert!(error.to_string().contains("integers") && !net.is_attached());
    run(&mut net, &["predictions"]);
    open(&file, Arithmetic::Floats).expect("opens").attach(&device, device.variant()).expect("fits");
}

/// What the converter writes of a small network, with one number of a node's tensor in its place; `rename` changes names.
fn stored(node: &str, at: usize, bytes: &[u8], rename: [&str; 2]) -> Vec<u8> {
    let file = convert(&small(true, &kept), &Overrides::default(), weights::Precision::Kept).expect("converts");
    let length = u64::from_le_bytes(*file.first_chunk().expect("a length")) as usize;
    let (header, data) = file[8..].split_at(length);
    let mut data = data.to_vec();
    let text = std::str::from_utf8(header).expect("text");
    let parsed: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let begin = parsed[node]["data_offsets"][0].as_u64().unwrap_or_else(|| panic!("no {node}")) as usize;
    data[begin + at..][..bytes.len()].copy_from_slice(bytes);
    // Checksums would tell, were they there.
    let text = text.replace("mobilenet.crc32", "mobilenet.other").replace(rename[0], rename[1]);
    [&file[..8], text.as_bytes(), &data].concat()
}

#[test]
fn stored_maps_are_checked() {
    let same = ["", ""];
    let whole = stored("input/map", 0, &[], same);
    assert!(open(&whole, Arithmetic::Own).expect("opens").is_integer());
    let number = |node: &str, index: usize, value: f32| stored(node, index * 4, &value.to_le_bytes(), same);
    let biases = "layer_1/map/biases";
    let table = "layer_3/depthwise/activation/map/table";
    for (what, file) in [
        ("a scale of 0", number("layer_1/map", 0, 0.0)),
        ("a scale that is no number", number("layer_1/map", 0, f32::NAN)),
        ("a zero point beyond eight bits", number("layer_1/map", 1, 300.0)),
        ("bounds beyond eight bits", number("layer_1/map", 4, 1e9)),
        (
            "bounds the wrong way round",
            stored("layer_1/map", 12, &[10.0_f32, 5.0].map(f32::to_le_bytes).concat(), same),
        ),
        ("a rule that is none", number("layer_1/map", 5, 99.0)),
        ("biases of another name", stored("input/map", 0, &[], [biases, "layer_1/map/biasez"])),
        ("an entry beyond eight bits", stored(table, 0, &i16::MAX.to_le_bytes(), same)),
    ] {
        let error = open(&file, Arithmetic::Own).err().unwrap_or_else(|| panic!("{what} opens"));
        assert!(matches!(error.kind(), Kind::BadHeader | Kind::NotFinite), "{what}: {error}");
        assert!(["/map`", "at byte"].iter().all(|words| error.to_string().contains(words)), "{what}: {error}");
    }
}
