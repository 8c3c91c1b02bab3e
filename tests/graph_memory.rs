//! What reading files of operators allocates, hostile ones among them: the allocator is the whole process's, so this
//! binary holds one test.

mod graph_files;
mod protobuf;
mod weights_common;

use graph_files::onnx;
use graph_files::tflite::{self, Fb, int, ints};
use mobilenet_web::weights::{self, Overrides};
use peak_alloc::PeakAlloc;
use protobuf::{bytes, number, text};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The bound, beyond the length of the file and the decoded tensors, of which none is decoded here.
const ALLOWANCE_BYTES: usize = 8 << 20;

#[test]
fn reading_allocates_no_more_than_the_file_and_eight_mebibytes() {
    let small_onnx = |extra: &[u8]| {
        let mut model = onnx::small();
        model.graph.extend(extra);
        model.file(("x", &[1, 3, 64, 64]), &model.name("Softmax", 0), 13)
    };
    let tflite = |change: &dyn Fn(&mut tflite::Model)| {
        let mut model = tflite::small();
        change(&mut model);
        model.file()
    };
    let values: Vec<u8> = (0..16_000).flat_map(|index| bytes(5, &text(8, &format!("{index}")))).collect();
    let axes: Vec<u8> = (0..15_000)
        .flat_map(|index| bytes(5, &onnx::tensor_of(&format!("{index}"), &[1; 8], 3, bytes(9, &[0]))))
        .collect();
    let nodes: Vec<u8> = (0..4000)
        .flat_map(|index| bytes(1, &[text(1, "x").repeat(64), text(2, &format!("n{index}"))].concat()))
        .collect();
    let integers = [number(1, 1 << 20), number(2, 7), bytes(7, &vec![1; 1 << 20]), text(8, "w")].concat();
    let bytes_of_integers = [number(1, 1 << 20), number(2, 3), bytes(5, &vec![1; 1 << 20]), text(8, "w")].concat();
    let mut labels = onnx::small();
    let list = format!("[{}]", "'a',".repeat(200_000));
    labels.properties = bytes(14, &[text(1, "names"), text(2, &list)].concat());
    let labels = labels.file(("x", &[1, 3, 64, 64]), &labels.name("Softmax", 0), 13);
    let scales = Fb::Table(vec![Fb::None, Fb::None, tflite::floats(&vec![1.0; 100_000]), tflite::longs(&[0])]);
    let tensor =
        |quantization: Fb| Fb::Table(vec![ints(&[1; 8]), Fb::Byte(0), int(0), tflite::text("t"), quantization]);
    let mut files = vec![
        ("small onnx", small_onnx(&[])),
        ("16000 values", small_onnx(&values)),
        ("15000 tensors of eight axes", small_onnx(&axes)),
        ("4000 nodes of 64 inputs", small_onnx(&nodes)),
        ("a million long integers", small_onnx(&bytes(5, &integers))),
        ("a million integers", small_onnx(&bytes(5, &bytes_of_integers))),
        ("200000 names", labels),
        ("small tflite", tflite(&|_| {})),
        ("16000 tensors", tflite(&|model| model.tensors.resize(16_000, tensor(Fb::None)))),
        ("40 tensors of 100000 scales", tflite(&|model| model.tensors.resize(60, tensor(scales.clone())))),
        ("4000 operators", tflite(&|model| model.operators.resize(4000, model.operators[2].clone()))),
    ];
    let names = "a\n".repeat(1 << 19);
    let archive = weights_common::zip_file(&[("labels.txt", names.as_bytes())]);
    files.push(("half a million names", tflite::described(tflite::small(), tflite::labels_in("labels.txt"), &archive)));
    for (name, path) in [
        ("V3 Small, float tflite", "../bench-models/v3s_1.0_224.tflite"),
        ("V3 Small, int8 tflite", "../bench-models/v3s_1.0_224.int8.tflite"),
        ("V3 Small, onnx", "../bench-models/v3s_1.0_224.onnx"),
    ] {
        files.extend(weights_common::fixture(path).map(|file| (name, file)));
    }
    let mut report = String::new();
    for (name, file) in &files {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let outcome = weights::read(file).and_then(|file| weights::checkpoint(file, &Overrides::default())).map(drop);
        let peak = ALLOCATOR.peak_usage() - before;
        let outcome = outcome.map_or_else(|error| error.to_string(), |()| "read".into());
        report += &format!("{name}: {peak} bytes for a file of {}: {outcome}\n", file.len());
        assert!(peak <= file.len() + ALLOWANCE_BYTES, "{report}");
    }
    println!("{report}");
}
