//! What reading allocates, broken and hostile files among them: the allocator is the whole process's, so this binary
//! holds one test.

mod weights_common;

use mobilenet_web::weights;
use peak_alloc::PeakAlloc;
use weights_common::{
    legacy_file, opened, pickle, safetensors_file, safetensors_of, torchvision_v2, v2_pth, v2_safetensors, zip_file,
    zip_pth,
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What reading may allocate beyond the length of the file.
const ALLOWANCE_BYTES: usize = 1 << 20;

/// A pickle that fills every arena nearly to its limit: memory, tuples, items, storages and tensors; and at last, if
/// `beyond`, the items past it.
fn greedy(beyond: bool) -> Vec<u8> {
    use pickle::{call, global, int, ints, text, tuple, whole};
    let mut code = b"}".to_vec();
    // Memory: 8191 values, so that the last growth is the largest.
    code.extend((0..8191_u32).flat_map(|index| [b"r", &index.to_le_bytes()[..]].concat()));
    for index in 0..850 {
        let id = [text("storage"), global("torch", "FloatStorage"), text(&index.to_string()), text("cpu"), int(1)];
        let storage = [tuple(&id), b"Q".to_vec()].concat();
        let arguments = [storage, int(0), ints(&[1; 4]), ints(&[1; 4]), vec![0x89]];
        let tensor = call(global("torch._utils", "_rebuild_tensor_v2"), &arguments);
        code.extend([text(&format!("t{index}")), tensor, b"s".to_vec()].concat());
    }
    code.extend((0..3000).flat_map(|_| b"NNs"));
    if beyond {
        code.extend([b"(".to_vec(), b"N".repeat(2000), b"u".to_vec()].concat());
    }
    whole(code)
}

#[test]
fn reading_allocates_no_more_than_the_file_and_a_mebibyte() {
    let names = torchvision_v2(0.35, 2);
    let network = safetensors_of(&names);
    let written = {
        let checkpoint = opened(weights::read(&network).unwrap()).unwrap();
        weights::write_safetensors(checkpoint.tensors(), &checkpoint.spec)
    };
    let header = |entries: Vec<String>| safetensors_file(&format!("{{{}}}", entries.join(",")), &[]);
    let empty_tensors =
        (0..3000).map(|index| format!(r#""{index}":{{"dtype":"F32","shape":[0,1,1,1,1,1,1,1],"data_offsets":[0,0]}}"#));
    let notes = (0..20_000).map(|index| format!(r#""{index}":"""#)).collect::<Vec<_>>().join(",");
    let long_note = format!(r#""__metadata__":{{"a":"\n{}"}}"#, "x".repeat(250_000));
    let labels = |count: usize| {
        header(vec![format!(
            r#""__metadata__":{{"mobilenet.labels":"{}","mobilenet.wnids":"x"}}"#,
            "\\n".repeat(count)
        )])
    };
    let rows = r#"\"pool\","#.repeat(20_000);
    let rows = header(vec![format!(r#""__metadata__":{{"mobilenet.table":"[{rows}\"pool\"]"}}"#)]);
    let dims = format!(r#""a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}"#, "1,".repeat(100_000));
    let mut huge_header = safetensors_file("{}", &[]);
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());

    let ones = 1_f32.to_le_bytes();
    let keys: Vec<_> = (0..850).map(|index| index.to_string()).collect();
    let data: Vec<_> = keys.iter().map(|key| (&**key, &ones[..])).collect();
    let counted: Vec<_> = keys.iter().map(|key| (&**key, 1, &ones[..])).collect();
    let claim = |count: i64, shape: &[i64], strides: &[i64]| {
        let tensor = pickle::tensor(pickle::storage("FloatStorage", "0", count), 0, shape, strides);
        pickle::whole(pickle::dict(&[("a", tensor)]))
    };
    let huge = claim(1 << 40, &[1 << 40], &[1]);
    let repeated = claim(1, &[1 << 30], &[0]);
    let instructions = |code: &[u8]| legacy_file(&[&[0x80, 2][..], &code.repeat(300_000), b"."].concat(), &[]);
    let mut many_entries = zip_file(&[("data.pkl", b"N.")]);
    let count_at = many_entries.len() - 12;
    many_entries[count_at..count_at + 2].copy_from_slice(&2048_u16.to_le_bytes());

    let mut files = vec![
        ("network", network),
        ("written network", written),
        ("3000 tensors", header(empty_tensors.collect())),
        ("20000 notes", header(vec![format!(r#""__metadata__":{{{notes}}}"#)])),
        ("long note", header(vec![long_note])),
        ("32768 labels", labels(32_768)),
        ("120000 labels", labels(120_000)),
        ("20000 rows", rows),
        ("100000 axes", header(vec![dims])),
        ("huge header", huge_header),
        ("greedy zip", zip_pth(&greedy(false), &data)),
        ("greedy legacy", legacy_file(&greedy(false), &counted)),
        ("too greedy zip", zip_pth(&greedy(true), &data)),
        ("too greedy legacy", legacy_file(&greedy(true), &counted)),
        ("huge zip storage", zip_pth(&huge, &[("0", &ones)])),
        ("huge legacy storage", legacy_file(&huge, &[("0", 1 << 40, &ones)])),
        ("repeated elements", legacy_file(&repeated, &[("0", 1, &ones)])),
        ("marks", instructions(b"(")),
        ("lists", instructions(b"]")),
        ("tuples", instructions(b")\x85")),
        ("memory", instructions(b"Nr\xff\x1f\0\0")),
        ("globals", instructions(b"ccollections\nOrderedDict\n)R")),
        ("entries that are not there", many_entries),
    ];
    files.extend(v2_safetensors().map(|file| ("torchvision's safetensors", file)));
    files.extend(v2_pth().map(|file| ("torchvision's pth", file)));

    let mut report = String::new();
    for (name, file) in &files {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let outcome = weights::read(file).and_then(opened).map(drop);
        let peak = ALLOCATOR.peak_usage() - before;
        let outcome = outcome.map_or_else(|error| error.to_string(), |()| "read".into());
        report += &format!("{name}: {peak} bytes for a file of {}: {outcome}\n", file.len());
        assert!(peak <= file.len() + ALLOWANCE_BYTES, "{report}");
        // Files that can be read at all are listed in far less than the allowance.
        if outcome == "read" {
            assert!(peak <= ALLOWANCE_BYTES / 2, "{report}");
        }
    }
    println!("{report}");
}
