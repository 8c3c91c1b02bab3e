//! Healthy files to begin with: small ones of every format, and the fixtures.

mod keras;
mod networks;

use mobilenet_web::weights::Overrides;
use serde_json::json;

use networks::{small, small_torch};

use crate::contract::Files;
use crate::graph_files::{integers, onnx, tflite};
use crate::mutate::fields;
use crate::protobuf::{bytes, number};
use crate::tensorflow_common::graphs::{Treated, graph, graph_def, graph_model};
use crate::tensorflow_common::{Kept, Values, bundle_entry, checkpoint, keras_topology, table, tfjs, values};
use crate::weights_common::{fixture, legacy_file, pickle, safetensors_file, torchvision_v2, zip_file, zip_pth};

/// One healthy file or model.
pub struct Seed {
    pub files: Files,
    /// What it is made of, and how: changes to that leave lengths and checksums around it right.
    pub inner: Option<Inner>,
    pub overrides: Overrides,
}

pub struct Inner {
    pub pieces: Files,
    pub pack: fn(&Files) -> Files,
}

/// What writes a format's seeds.
type Seeds = fn() -> Vec<Seed>;

/// Every format's name, and its seeds.
pub const FORMATS: [(&str, Seeds); 11] = [
    ("safetensors", safetensors),
    ("torch-zip", torch_zip),
    ("torch-legacy", torch_legacy),
    ("hdf5", keras::hdf5),
    ("keras", keras::archives),
    ("tflite", tflite_files),
    ("onnx", onnx_files),
    ("tfjs", tensorflow_js),
    ("graph-def", graph_defs),
    ("checkpoint", checkpoints),
    ("saved-model", saved_models),
];

fn one(name: &str, bytes: Vec<u8>) -> Seed {
    several(vec![(name.into(), bytes)])
}

fn several(files: Files) -> Seed {
    Seed { files, inner: None, overrides: Overrides::default() }
}

fn made(pieces: Vec<(&str, Vec<u8>)>, pack: fn(&Files) -> Files) -> Seed {
    let pieces: Files = pieces.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect();
    Seed { files: pack(&pieces), inner: Some(Inner { pieces, pack }), overrides: Overrides::default() }
}

/// Files below the fixtures, or below the project's own `target`, that there are.
fn real(name: &str, paths: &[&str]) -> Vec<Seed> {
    let own = |path: &str| std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok();
    let read = |path: &&str| if path.starts_with("target/") { own(path) } else { fixture(path) };
    paths.iter().filter_map(read).map(|bytes| one(name, bytes)).collect()
}

fn header_and_data(tensors: &[Values], metadata: &str) -> (Vec<u8>, Vec<u8>) {
    let mut data = Vec::new();
    let mut entries: Vec<String> = vec![format!("\"__metadata__\":{{{metadata}}}")];
    for tensor in tensors {
        let begin = data.len();
        data.extend(tensor.bytes());
        let (name, shape) = (&tensor.name, &tensor.shape);
        let offsets = [begin, data.len()];
        entries.push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":{offsets:?}}}"#));
    }
    (format!("{{{}}}", entries.join(",")).into_bytes(), data)
}

fn safetensors() -> Vec<Seed> {
    let pack: fn(&Files) -> Files = |pieces| {
        let header = &pieces[0].1;
        let begin = (header.len() as u64).to_le_bytes();
        vec![("net.safetensors".into(), [&begin, &**header, &pieces[1].1].concat())]
    };
    let metadata = r#""mobilenet.resolution":"96","mobilenet.labels":"a\nb\nc","mobilenet.preprocessing":"keras","mobilenet.mean":"1 2 3","format":"pt""#;
    let mut seeds: Vec<Seed> = [(small(), metadata), (small_torch(), "")]
        .map(|(tensors, metadata)| {
            let (header, data) = header_and_data(&tensors, metadata);
            made(vec![("header", header), ("data", data)], pack)
        })
        .into();
    // What the converter writes: every key of the metadata, a table of its own and checksums; maps of integers.
    for file in [tflite::small().file(), integers::small(true, &integers::kept)] {
        let written =
            mobilenet_web::weights::convert(&file, &Overrides::default(), Default::default()).expect("converts");
        let end = 8 + u64::from_le_bytes(*written.first_chunk().expect("a length")) as usize;
        seeds.push(made(vec![("header", written[8..end].to_vec()), ("data", written[end..].to_vec())], pack));
    }
    seeds.push(one("empty.safetensors", safetensors_file("{}", &[])));
    seeds.extend(real(
        "net.safetensors",
        &[
            "weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors",
            "weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors",
            "weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors",
        ],
    ));
    seeds
}

/// A state dictionary of some tensors, and the storages, one a tensor.
fn state(tensors: &[Values]) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let state = pickle::state(tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape)));
    let nested = pickle::dict(&[("epoch", pickle::int(3)), ("state_dict", state)]);
    let storages = tensors.iter().enumerate().map(|(index, tensor)| (index.to_string(), tensor.bytes())).collect();
    (pickle::whole(nested), storages)
}

fn torch_zip() -> Vec<Seed> {
    let pack: fn(&Files) -> Files = |pieces| {
        let storages: Vec<_> = pieces[1..].iter().map(|(key, bytes)| (&**key, &**bytes)).collect();
        vec![("net.pth".into(), zip_pth(&pieces[0].1, &storages))]
    };
    let seed = |tensors: &[Values]| {
        let (object, storages) = state(tensors);
        let storages = storages.iter().map(|(key, bytes)| (&**key, bytes.clone()));
        made(std::iter::once(("data.pkl", object)).chain(storages).collect(), pack)
    };
    vec![seed(&small_torch()), seed(&small())]
}

fn torch_legacy() -> Vec<Seed> {
    let pack: fn(&Files) -> Files = |pieces| {
        let storages: Vec<_> =
            pieces[1..].iter().map(|(key, bytes)| (&**key, bytes.len() as u64 / 4, &**bytes)).collect();
        vec![("net.pth".into(), legacy_file(&pieces[0].1, &storages))]
    };
    let seed = |tensors: &[Values]| {
        let (object, storages) = state(tensors);
        let storages = storages.iter().map(|(key, bytes)| (&**key, bytes.clone()));
        made(std::iter::once(("object", object)).chain(storages).collect(), pack)
    };
    let mut seeds = vec![seed(&small_torch()), seed(&small())];
    seeds.extend(real("net.pth", &["target/weights/mobilenet_v2-b0353104.pth"]));
    seeds
}

/// The small model, with class names in an archive behind it; pieces are the names and the metadata.
fn described(pieces: &Files) -> Files {
    let archive = zip_file(&[("labels.txt", &pieces[0].1)]);
    vec![("net.tflite".into(), tflite::described(tflite::small(), pieces[1].1.clone(), &archive))]
}

fn tflite_files() -> Vec<Seed> {
    let metadata = tflite::labels_in("labels.txt");
    let mut seeds = vec![
        one("net.tflite", tflite::small().file()),
        made(vec![("labels.txt", b"a\nb\nc\nd\ne\n".to_vec()), ("metadata", metadata)], described),
    ];
    seeds.extend(real(
        "net.tflite",
        &[
            "weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite",
            "weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_1_default_1.tflite",
            "weights/coral_quant_tflite/v1_0.5_160_quant.tflite",
            "weights/coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite",
            "weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite",
            "../bench-models/v1_0.25_128.int8.tflite",
            "../bench-models/v3s_1.0_224.int8.tflite",
        ],
    ));
    seeds
}

fn onnx_files() -> Vec<Seed> {
    let mut seeds = vec![one("net.onnx", onnx::small_file())];
    seeds.extend(real("net.onnx", &["../bench-models/v3s_1.0_224.onnx", "../bench-models/v2_1.0_224.onnx"]));
    seeds
}

fn tensorflow_js() -> Vec<Seed> {
    let tensors = small();
    let topology = keras_topology(64, 64, 1e-3, &[("predictions", 3, "softmax", true)]);
    let mut seeds: Vec<Seed> = [Kept::Float32, Kept::Float16, Kept::Uint8, Kept::Uint16]
        .map(|kept| several(tfjs(&tensors, &topology, kept, 20_000)))
        .into();
    let metadata = json!({ "labels": ["a", "b", "c"], "imageSize": 64, "tfjsVersion": "1.7.4",
        "packageName": "@teachablemachine/image" });
    let mut teachable = tfjs(&tensors, &topology, Kept::Float32, usize::MAX);
    teachable[0].1 = String::from_utf8_lossy(&teachable[0].1).replace("group1-shard1of1.bin", "weights.bin").into();
    teachable[1].0 = "weights.bin".into();
    teachable.push(("metadata.json".into(), metadata.to_string().into_bytes()));
    seeds.push(several(teachable));
    for treated in [Treated::Frozen, Treated::Spelled, Treated::Folded, Treated::Fused] {
        seeds.push(several(graph_model(&graph(&tensors, treated, 1e-3, true), Kept::Float32)));
    }
    seeds
}

fn graph_defs() -> Vec<Seed> {
    let tensors = small();
    [(Treated::Frozen, true), (Treated::Spelled, false), (Treated::Folded, true), (Treated::Fused, true)]
        .map(|(treated, raw)| one("frozen.pb", graph_def(&graph(&tensors, treated, 1e-3, true), raw)))
        .into()
}

/// The pieces are the index's entries, fields of a message each: `1: key, 2: value`; and the data file.
fn packed_index(pieces: &Files, stem: &str, packed: bool) -> Files {
    let contents = |bytes: &[u8]| -> Vec<Vec<u8>> {
        fields(bytes).into_iter().flatten().map(|field| bytes[field.contents..field.end].to_vec()).collect()
    };
    let entries: Vec<(Vec<u8>, Vec<u8>)> = contents(&pieces[0].1)
        .iter()
        .map(|entry| {
            let mut parts = contents(entry).into_iter();
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        })
        .collect();
    let index = table(&entries, 40, packed);
    vec![(format!("{stem}.index"), index), (format!("{stem}.data-00000-of-00001"), pieces[1].1.clone())]
}

fn made_checkpoint(pack: fn(&Files) -> Files) -> Seed {
    let pair = |key: &[u8], value: &[u8]| bytes(1, &[bytes(1, key), bytes(2, value)].concat());
    let (mut entries, mut data) = (pair(b"", &[number(1, 1), bytes(3, &[])].concat()), Vec::new());
    let mut tensors = small();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    for tensor in tensors {
        let mut entry = bundle_entry(&tensor.shape, 0, data.len(), &tensor.bytes());
        // Without its checksum, the last field, which numbers that were changed would not have.
        entry.truncate(entry.len() - 5);
        data.extend(tensor.bytes());
        entries.extend(pair(tensor.name.as_bytes(), &entry));
    }
    made(vec![("entries", entries), ("data", data)], pack)
}

fn checkpoints() -> Vec<Seed> {
    let tensors = small();
    vec![
        made_checkpoint(|pieces| packed_index(pieces, "net.ckpt", false)),
        made_checkpoint(|pieces| packed_index(pieces, "net.ckpt", true)),
        several(checkpoint(&tensors, 2, (true, true))),
    ]
}

/// A SavedModel's variables, with its graph beside them.
fn saved_models() -> Vec<Seed> {
    let tensors = small();
    let mut seeds = vec![made_checkpoint(|pieces| packed_index(pieces, "variables", false))];
    for object in [true, false] {
        let mut files = checkpoint(&tensors, 1, (false, object));
        for file in &mut files {
            file.0 = file.0.replace("net.ckpt", "variables");
        }
        files.push(("saved_model.pb".into(), graph_def(&graph(&tensors[..2], Treated::Frozen, 1e-3, true), true)));
        seeds.push(several(files));
    }
    let model = values(&crate::weights_common::safetensors_of(&torchvision_v2(0.05, 2)));
    seeds.push(several(checkpoint(&model, 1, (false, true))));
    seeds
}
