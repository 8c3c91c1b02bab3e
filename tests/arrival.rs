//! Files that come piece by piece: whatever the pieces, they are read and refused as the whole is.

mod weights_common;

use mobilenet_web::error::{Error, Kind, Result};
use mobilenet_web::weights::{self, Arrival, Checkpoint, write_safetensors};
use weights_common::{opened, safetensors_filled, torchvision_v2};

const METADATA: &str = r#""mobilenet.version":"v2","mobilenet.multiplier":"0.35","mobilenet.resolution":"96",
    "mobilenet.classes":"2","mobilenet.padding":"symmetric","mobilenet.batch_norm_epsilon":"1e-5",
    "mobilenet.preprocessing":"torchvision""#;

/// With a checksum of every tensor.
fn file() -> Vec<u8> {
    let bytes = safetensors_filled(&torchvision_v2(0.35, 2), METADATA, |_, index| 0.01 + index as f32 % 7.0);
    let checkpoint = opened(weights::read(&bytes).expect("a file")).expect("a network");
    write_safetensors(checkpoint.tensors(), &checkpoint.spec)
}

/// From what is here to how much comes next.
type Piece = Box<dyn FnMut(usize) -> usize>;

fn arrived(bytes: &[u8], announced_bytes: usize, mut piece: impl FnMut(usize) -> usize) -> Arrival {
    let mut arrival = Arrival::new(announced_bytes);
    let mut at = 0;
    while at < bytes.len() {
        let next = &bytes[at..bytes.len().min(at + piece(at))];
        arrival.append(next.len(), |to| to.copy_from_slice(next));
        at += next.len();
    }
    arrival
}

fn numbers(checkpoint: &Checkpoint<'_>) -> Vec<(String, Vec<f32>)> {
    checkpoint.tensors().map(|tensor| (tensor.name.to_string(), tensor.to_f32().expect("numbers"))).collect()
}

fn refusal<T>(result: Result<T>) -> (Kind, String) {
    let error: Error = result.err().expect("a refusal");
    (error.kind(), error.to_string())
}

#[test]
fn pieces_of_any_size_are_the_whole() {
    let file = file();
    let whole = numbers(&opened(weights::read(&file).unwrap()).unwrap());
    let header = 8 + u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    // In the middle of the length, of the header, at its end, in the middle of an element; then evenly.
    let odd = move |at: usize| {
        [3, 5, 90, header - 98, 2][match at {
            0 => 0,
            3 => 1,
            8 => 2,
            98 => 3,
            _ => 4,
        }]
    };
    let even = |size: usize| move |_: usize| size;
    let cases: [(&str, Piece); 5] = [
        ("odd", Box::new(odd)),
        ("13", Box::new(even(13))),
        ("4096", Box::new(even(4096))),
        ("a header", Box::new(even(header))),
        ("all", Box::new(even(usize::MAX / 2))),
    ];
    for (name, piece) in cases {
        let arrival = arrived(&file, file.len(), piece);
        assert_eq!(arrival.bytes(), file, "{name}");
        assert_eq!(numbers(&opened(arrival.read().unwrap()).unwrap()), whole, "{name}");
    }
}

#[test]
fn what_is_announced_need_not_be_true() {
    let file = file();
    for announced in [0, 1, file.len() - 1, file.len() + 1, usize::MAX] {
        let arrival = arrived(&file, announced, |_| 1000);
        opened(arrival.read().unwrap()).unwrap();
    }
}

#[test]
fn a_changed_byte_is_found_in_every_tensor() {
    let file = file();
    let places: Vec<_> = weights::read(&file).unwrap().iter().map(|it| (it.offset_bytes, it.bytes.len())).collect();
    for (index, (offset, length)) in places.into_iter().enumerate() {
        let at = if index % 2 == 0 { offset } else { offset + length - 1 };
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        let expected = refusal(weights::read(&damaged).and_then(opened));
        assert_eq!(expected.0, Kind::Corrupt, "byte {at}");
        let arrival = arrived(&damaged, damaged.len(), |_| 50_000);
        assert_eq!(refusal(arrival.read().and_then(opened)), expected, "byte {at}");
    }
}

#[test]
fn what_is_wrong_with_the_whole_is_said_of_it() {
    let file = file();
    let header = 8 + u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    let swapped = |from: &str, to: &str| {
        let text = std::str::from_utf8(&file[8..header]).unwrap();
        assert!(text.contains(from) && from.len() == to.len());
        [&file[..8], text.replacen(from, to, 1).as_bytes(), &file[header..]].concat()
    };
    let cases = [
        ("nothing", Vec::new()),
        ("three bytes", file[..3].to_vec()),
        ("half a header", file[..header / 2].to_vec()),
        ("no end", file[..file.len() - 1].to_vec()),
        ("more", [&file[..], &[0]].concat()),
        ("no UTF-8", [&file[..20], &[0xff], &file[21..]].concat()),
        ("a length past all", [&u64::MAX.to_le_bytes(), &file[8..]].concat()),
        ("an overlap", swapped("\"data_offsets\":[0,", "\"data_offsets\":[4,")),
        ("no JSON", swapped("data_offsets", "data\"offsets")),
        ("three offsets", swapped("\"data_offsets\":[0,", "\"data_offsets\":[,,")),
    ];
    for (name, bytes) in cases {
        let expected = refusal(weights::read(&bytes).and_then(opened));
        for size in [5, 50_000] {
            let arrival = arrived(&bytes, file.len(), |_| size);
            assert_eq!(refusal(arrival.read().and_then(opened)), expected, "{name}");
        }
    }
}
