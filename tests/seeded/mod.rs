//! Cases, weights and pictures of the conformance suite: `tools/golden/seeded.py` and `fixtures.py` in Rust.

#![allow(dead_code, reason = "each test binary uses another part")]

use serde_json::Value;
use std::path::{Path, PathBuf};

/// Values that a fixture keeps of a long endpoint.
const SAMPLES: u64 = 32;

/// One network as a framework ran it.
pub struct Case {
    pub name: String,
    pub naming: String,
    pub version: String,
    pub minimalistic: bool,
    pub multiplier: f32,
    pub reduced_tail: bool,
    pub height: usize,
    pub width: usize,
    pub padding: String,
    pub output_stride: usize,
    pub batch_norm_epsilon: f32,
    pub pooling: String,
    pub activation: String,
    pub endpoints: Vec<Endpoint>,
    /// Every tensor of the framework's own file.
    tensors: Vec<(String, Vec<usize>)>,
}

pub struct Endpoint {
    pub name: String,
    pub shape: Vec<usize>,
    pub expected: Summary,
}

/// Mean, mean |x|, max |x|, and values at seeded places.
pub struct Summary(Vec<f64>);

/// The committed cases' folder.
pub fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/conformance")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// FNV-1a, 64 bits.
fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// SplitMix64's output function.
fn splitmix64(at: u64) -> u64 {
    let z = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Element `i` of the tensor called `name`, in −1 … 1.
fn uniform(hash: u64, i: u64) -> f64 {
    (splitmix64(hash.wrapping_add(i)) >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// So many elements of the tensor called `name`, in −1 … 1.
pub fn numbers(name: &str, count: usize) -> Vec<f32> {
    let hash = fnv1a64(name);
    (0..count as u64).map(|i| uniform(hash, i) as f32).collect()
}

/// The input, `[height, width, 3]`, already normalised.
pub fn picture(height: usize, width: usize) -> Vec<f32> {
    numbers("input", height * width * 3)
}

/// The seeded values of one tensor; `seeded.py` gives the rule and its reasons.
pub fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let part = name.rsplit(['/', '.']).next().unwrap_or(name);
    let vector = shape.len() == 1;
    let (offset, scale) = match part {
        "gamma" => (1.0, 0.25),
        "weight" if vector => (1.0, 0.25),
        "beta" | "bias" | "biases" | "moving_mean" | "running_mean" => (0.0, 0.2),
        "moving_variance" | "running_var" => (1.0, 0.5),
        _ => (0.0, kernel_scale(name, part, shape)),
    };
    let hash = fnv1a64(name);
    (0..shape.iter().product::<usize>() as u64).map(|i| (offset + scale * uniform(hash, i)) as f32).collect()
}

fn kernel_scale(name: &str, part: &str, shape: &[usize]) -> f64 {
    let product = |sides: &[usize]| sides.iter().product::<usize>();
    let (out, fan_in, window) = match (part, shape) {
        ("weight", [out, rest @ ..]) => (*out, product(rest), product(&rest[1..])),
        (_, [height, width, ..]) if part.starts_with("depthwise_") => return (6.0 / (height * width) as f64).sqrt(),
        (_, [rest @ .., out]) => (*out, product(rest), product(&rest[..rest.len() - 1])),
        _ => panic!("{name}: {shape:?}"),
    };
    let gate = ["squeeze_excite", ".se.", ".fc1.", ".fc2."].iter().any(|mark| name.contains(mark));
    let gain = if gate {
        24.0
    } else if window == 1 && out < fan_in {
        1.5
    } else {
        6.0
    };
    (gain / fan_in as f64).sqrt()
}

impl Summary {
    /// What `fixtures.summary` keeps of a map.
    pub fn of(endpoint: &str, values: &[f32]) -> Self {
        let count = values.len() as u64;
        let value = |at: u64| f64::from(values[at as usize]);
        let sum = |term: fn(f64) -> f64| values.iter().map(|value| term(f64::from(*value))).sum::<f64>();
        let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(f64::from(value.abs())));
        let mut kept = vec![sum(|value| value) / count as f64, sum(f64::abs) / count as f64, largest];
        if count <= SAMPLES {
            kept.extend((0..count).map(value));
        } else {
            let hash = fnv1a64(endpoint);
            kept.extend((0..SAMPLES).map(|i| value(splitmix64(hash.wrapping_add(i)) % count)));
        }
        Self(kept)
    }

    /// The largest difference over the expected largest value.
    pub fn relative_error(&self, found: &Self) -> f64 {
        assert_eq!(self.0.len(), found.0.len());
        let differences = self.0.iter().zip(&found.0).map(|(expected, found)| (expected - found).abs());
        // NaN must not pass for a small difference.
        differences.fold(0.0, |worst: f64, d| if d <= worst { worst } else { d }) / self.0[2].max(1e-30)
    }
}

/// Every case of a folder that `tools/golden/conformance.py` wrote.
pub fn cases(folder: &Path) -> Vec<Case> {
    let manifest: Value = serde_json::from_slice(&read(&folder.join("cases.json"))).expect("cases.json");
    let packed: Vec<f64> = read(&folder.join("expected.bin"))
        .chunks_exact(4)
        .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes"))))
        .collect();
    manifest["cases"].as_array().expect("a list").iter().map(|fields| case(folder, fields, &packed)).collect()
}

fn case(folder: &Path, fields: &Value, packed: &[f64]) -> Case {
    let text = |key: &str| fields[key].as_str().unwrap_or_else(|| panic!("{key} of {fields}")).to_owned();
    let number = |key: &str| fields[key].as_u64().unwrap_or_else(|| panic!("{key} of {fields}")) as usize;
    let mut at = number("offset");
    let endpoints = fields["endpoints"].as_array().expect("a list").iter().map(|endpoint| {
        let name = endpoint[0].as_str().expect("a name").to_owned();
        let shape: Vec<usize> = serde_json::from_value(endpoint[1].clone()).expect("a shape");
        let length = 3 + shape.iter().product::<usize>().min(SAMPLES as usize);
        let expected = Summary(packed[at..at + length].to_vec());
        at += length;
        Endpoint { name, shape, expected }
    });
    let endpoints = endpoints.collect();
    let (name, naming) = (text("name"), text("naming"));
    Case {
        tensors: tensors(&folder.join(format!("tensors/{naming}.txt")), &name, &text("tensors_fnv1a64")),
        name,
        naming,
        version: text("version"),
        minimalistic: fields["minimalistic"].as_bool().expect("a flag"),
        multiplier: fields["multiplier"].as_f64().expect("a number") as f32,
        reduced_tail: fields["reduced_tail"].as_bool().expect("a flag"),
        height: number("height"),
        width: number("width"),
        padding: text("padding"),
        output_stride: number("output_stride"),
        batch_norm_epsilon: fields["batch_norm_epsilon"].as_f64().expect("a number") as f32,
        pooling: text("pooling"),
        activation: text("activation"),
        endpoints,
    }
}

/// Names and shapes of a case's tensors, as the framework listed them.
fn tensors(list: &Path, case: &str, hash: &str) -> Vec<(String, Vec<usize>)> {
    let text = String::from_utf8(read(list)).expect("text");
    let lines = text.lines().skip_while(|line| *line != format!("# {case}")).skip(1);
    let listing: String = lines.take_while(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(format!("{:016x}", fnv1a64(&listing)), hash, "tensors of {case}");
    let tensor = |line: &str| {
        let (name, shape) = line.rsplit_once(' ').expect("a name and a shape");
        (name.to_owned(), shape.split('x').map(|side| side.parse().expect("a side")).collect())
    };
    listing.lines().map(tensor).collect()
}

impl Case {
    /// The framework's file with seeded weights, without any metadata.
    pub fn safetensors(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        let mut bytes: Vec<u8> = Vec::new();
        for (name, shape) in &self.tensors {
            let begin = bytes.len();
            bytes.extend(tensor(name, shape).into_iter().flat_map(f32::to_le_bytes));
            let entry = serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, bytes.len()] });
            header.insert(name.clone(), entry);
        }
        let header = Value::Object(header).to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
    }
}
