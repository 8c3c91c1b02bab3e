//! What the tests of weights share: where real files are, and small files made on the spot.
#![allow(dead_code, reason = "each test binary uses another part")]

#[path = "../fixtures/mod.rs"]
mod fixtures;

use fixtures::Fixtures;
use std::path::PathBuf;

use mobilenet_web::weights::{self, Checkpoint, File, Overrides};
use mobilenet_web::{Kind, Result};

/// Fails unless `result` is an error of that kind whose message says all of `says`.
#[track_caller]
pub fn assert_refused(name: &str, result: Result<()>, kind: Kind, says: &[&str]) {
    let error = result.expect_err(name);
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{name}: {message}");
    for part in says {
        assert!(message.contains(part), "{name}: no {part:?} in {message:?}");
    }
}

/// The network in a file, with nothing overridden.
pub fn opened(file: File<'_>) -> Result<Checkpoint<'_>> {
    weights::checkpoint(file, &Overrides::default())
}

/// The bytes of a real file, or `None` after printing why the test is skipped. In CI a missing file is a failure.
pub fn real_file(path: PathBuf, remedy: &str) -> Option<Vec<u8>> {
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("{}: {error}. {remedy}", path.display())
        }
        Err(error) => {
            println!("skipped: {}: {error}. {remedy}", path.display());
            None
        }
    }
}

/// A file below the fixtures folder.
pub fn fixture(path: &str) -> Option<Vec<u8>> {
    Fixtures::find().map(|fixtures| fixtures.read(path))
}

/// A shared photograph as RGBA.
pub fn fixture_picture(path: &str) -> Option<image::RgbaImage> {
    Fixtures::find().map(|fixtures| fixtures.picture(path))
}

/// Torchvision's V2 as safetensors.
pub fn v2_safetensors() -> Option<Vec<u8>> {
    fixture("weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors")
}

/// Torchvision's V2 as the `.pth` that it is published as, in the legacy layout.
pub fn v2_pth() -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/weights/mobilenet_v2-b0353104.pth");
    real_file(path, "Run `cargo xtask weights` to fetch it.")
}

/// Names and shapes of torchvision's `MobileNetV2(width_mult, num_classes)`, written down apart from the crate's table.
pub fn torchvision_v2(width: f64, classes: usize) -> Vec<(String, Vec<usize>)> {
    let round = |channels: f64| {
        let rounded = 8.max((channels * width + 4.0) as usize / 8 * 8);
        if (rounded as f64) < 0.9 * channels * width { rounded + 8 } else { rounded }
    };
    let mut tensors = Vec::new();
    let mut conv = |conv: String, norm: String, out: usize, input: usize, side: usize| {
        tensors.push((format!("{conv}.weight"), vec![out, input, side, side]));
        for end in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{norm}.{end}"), vec![out]));
        }
    };
    let mut input = round(32.0);
    conv("features.0.0".into(), "features.0.1".into(), input, 3, 3);
    let settings = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)];
    let mut block = 0;
    for (expansion, channels, repeats) in settings {
        for _ in 0..repeats {
            block += 1;
            let (name, hidden, out) = (format!("features.{block}.conv"), input * expansion, round(f64::from(channels)));
            let mut part = 0;
            if expansion > 1 {
                conv(format!("{name}.0.0"), format!("{name}.0.1"), hidden, input, 1);
                part = 1;
            }
            conv(format!("{name}.{part}.0"), format!("{name}.{part}.1"), hidden, 1, 3);
            conv(format!("{name}.{}", part + 1), format!("{name}.{}", part + 2), out, hidden, 1);
            input = out;
        }
    }
    let last = if width > 1.0 { round(1280.0) } else { 1280 };
    conv("features.18.0".into(), "features.18.1".into(), last, input, 1);
    tensors.push(("classifier.1.weight".into(), vec![classes, last]));
    tensors.push(("classifier.1.bias".into(), vec![classes]));
    tensors
}

/// A safetensors file of this header and data.
pub fn safetensors_file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A safetensors file of F32 tensors, each full of ones.
pub fn safetensors_of(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    safetensors_filled(tensors, "", |_, _| 1.0)
}

/// A safetensors file of F32 tensors, each counting its elements from 1 up to 256 and over again.
pub fn safetensors_counting(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    safetensors_filled(tensors, "", |_, index| (index % 256 + 1) as f32)
}

/// A safetensors file of F32 tensors of these elements, with this JSON inside its metadata.
pub fn safetensors_filled(
    tensors: &[(String, Vec<usize>)],
    metadata: &str,
    value: impl Fn(&str, usize) -> f32,
) -> Vec<u8> {
    let mut data = Vec::new();
    let mut entries: Vec<_> = tensors
        .iter()
        .map(|(name, shape)| {
            let begin = data.len();
            let count: usize = shape.iter().product();
            data.extend((0..count).flat_map(|index| value(name, index).to_le_bytes()));
            format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{}]}}"#, data.len())
        })
        .collect();
    if !metadata.is_empty() {
        entries.insert(0, format!(r#""__metadata__":{{{metadata}}}"#));
    }
    safetensors_file(&format!("{{{}}}", entries.join(",")), &data)
}

/// Instructions of a pickle, as `torch.save` would write them but for its `memo`.
pub mod pickle {
    pub fn text(value: &str) -> Vec<u8> {
        [b"X", &(value.len() as u32).to_le_bytes()[..], value.as_bytes()].concat()
    }
    pub fn int(value: i64) -> Vec<u8> {
        [&[0x8a, 8][..], &value.to_le_bytes()].concat()
    }
    pub fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
        [b"(", &items.concat()[..], b"t"].concat()
    }
    pub fn ints(values: &[i64]) -> Vec<u8> {
        tuple(&values.iter().map(|&value| int(value)).collect::<Vec<_>>())
    }
    pub fn global(module: &str, name: &str) -> Vec<u8> {
        format!("c{module}\n{name}\n").into_bytes()
    }
    pub fn call(callee: Vec<u8>, arguments: &[Vec<u8>]) -> Vec<u8> {
        [callee, tuple(arguments), b"R".to_vec()].concat()
    }
    pub fn storage(class: &str, key: &str, count: i64) -> Vec<u8> {
        let id = [text("storage"), global("torch", class), text(key), text("cpu"), int(count)];
        [tuple(&id), b"Q".to_vec()].concat()
    }
    /// A view of a storage from element `start`.
    pub fn tensor(storage: Vec<u8>, start: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
        let hooks = call(global("collections", "OrderedDict"), &[]);
        let arguments = [storage, int(start), ints(shape), ints(strides), vec![0x89], hooks];
        call(global("torch._utils", "_rebuild_tensor_v2"), &arguments)
    }
    pub fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let items: Vec<u8> = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
        [call(global("collections", "OrderedDict"), &[]), b"(".to_vec(), items, b"u".to_vec()].concat()
    }
    /// Dense tensors of singles by name, each in a storage that is called by its place.
    pub fn state<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> Vec<u8> {
        let entry = |(place, (name, shape)): (usize, (&'a str, &'a [usize]))| {
            let shape: Vec<i64> = shape.iter().map(|&dim| dim as i64).collect();
            let strides: Vec<i64> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            let storage = storage("FloatStorage", &place.to_string(), shape.iter().product());
            (name, tensor(storage, 0, &shape, &strides))
        };
        dict(&tensors.enumerate().map(entry).collect::<Vec<_>>())
    }
    pub fn whole(value: Vec<u8>) -> Vec<u8> {
        [&[0x80, 2][..], &value, b"."].concat()
    }
}

/// A legacy `.pth` of this pickled object and these storages: key, count of elements, bytes.
pub fn legacy_file(object: &[u8], storages: &[(&str, u64, &[u8])]) -> Vec<u8> {
    let magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];
    let machine = [b"}".to_vec(), pickle::text("little_endian"), vec![0x88], b"s".to_vec()].concat();
    let keys: Vec<u8> = storages.iter().flat_map(|(key, ..)| pickle::text(key)).collect();
    let keys = [b"](".to_vec(), keys, b"e".to_vec()].concat();
    let data: Vec<u8> =
        storages.iter().flat_map(|(_, count, bytes)| [&count.to_le_bytes()[..], bytes].concat()).collect();
    let version = pickle::whole(pickle::int(1001));
    [&magic[..], &version, &pickle::whole(machine), object, &pickle::whole(keys), &data].concat()
}

/// A zip archive of stored entries.
pub fn zip_file(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut shared = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        shared.extend(crc32fast::hash(bytes).to_le_bytes());
        shared.extend((bytes.len() as u32).to_le_bytes());
        shared.extend((bytes.len() as u32).to_le_bytes());
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend([0, 0]);
        directory.extend([b"PK\x01\x02\x14\x00", &shared[..], &[0; 10]].concat());
        directory.extend((file.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend([b"PK\x03\x04", &shared[..], name.as_bytes(), bytes].concat());
    }
    let (count, begin) = ((entries.len() as u16).to_le_bytes(), (file.len() as u32).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &begin, &[0, 0]].concat());
    file
}

/// A zip `.pth` of this pickled object and these storages.
pub fn zip_pth(object: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let names: Vec<_> = storages.iter().map(|(key, _)| format!("net/data/{key}")).collect();
    let data = names.iter().zip(storages).map(|(name, (_, bytes))| (&**name, *bytes));
    let entries: Vec<_> = [("net/data.pkl", object), ("net/byteorder", b"little")].into_iter().chain(data).collect();
    zip_file(&entries)
}
