//! Quantised networks in their own integers, against TensorFlow Lite's.

mod fixtures;
mod graphs;

use fixtures::Fixtures;
use graphs::{bench_file, bench_golden, rows, top};
use mobilenet_web::backend::{Cpu, Executor};
use mobilenet_web::frame::Preprocessor;
use mobilenet_web::graph::Graph;
use mobilenet_web::kernels::dots::Dots;
use mobilenet_web::lane::Body;
use mobilenet_web::plan::{Packing, Plan};
use mobilenet_web::weights::{self, Overrides, Precision, convert};
use mobilenet_web::{Fit, Frame, Net, Options, View};

/// What an output may differ by, in units of 1/256: the bound.
const TOLERANCE_UNITS: f32 = 1.0;

/// Files of the fixtures, and the folder of what TensorFlow Lite's built-in kernels make of each picture.
const GOLDEN: [(&str, &str); 4] = [
    ("weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite", "v1_0.25_224_quant"),
    ("weights/coral_quant_tflite/v1_0.5_160_quant.tflite", "v1_0.5_160_quant"),
    ("weights/coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite", "v2_1.0_224_tf2_ptq"),
    ("weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite", "v3_small_1.0_224_uint8"),
];

fn check((file, golden): (&str, &str)) {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = fixtures.read(file);
    assert!(Net::open(&file, &Options::default()).expect("opens").is_integer(), "{golden}");
    let (mut worst, mut others) = (0.0_f32, 0);
    let rows = rows(&fixtures, &file, golden, "out_f32");
    assert_eq!(rows.len(), 24);
    for (name, found, expected) in rows {
        let units = found.iter().zip(&expected).map(|(a, b)| ((a - b) * 256.0).abs());
        worst = units.clone().fold(worst, f32::max);
        others += units.filter(|&units| units != 0.0).count();
        // Any of the best counts where several are.
        assert!(expected[top(&found)] >= expected[top(&expected)], "{golden}, {name}");
    }
    println!("{golden}: max {worst} units of 1/256, {others} outputs differ");
    assert!(worst <= TOLERANCE_UNITS, "{golden}: {worst}");
}

#[test]
fn v1_of_a_quarter_width() {
    check(GOLDEN[0]);
}

#[test]
fn v1_of_half_width() {
    check(GOLDEN[1]);
}

#[test]
fn v2_by_channel() {
    check(GOLDEN[2]);
}

#[test]
fn v3_small() {
    check(GOLDEN[3]);
}

/// What the converter writes computes the same, from the same integers.
#[test]
fn safetensors_keep_integers() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (path, golden) in GOLDEN {
        let file = fixtures.read(path);
        let converted = convert(&file, &Overrides::default(), Precision::Kept).expect("converts");
        let open = |file: &[u8]| Net::open(file, &Options::default()).expect("opens");
        let (mut original, mut copy) = (open(&file), open(&converted));
        assert!(copy.is_integer(), "{golden}");
        let rgba: Vec<u8> = (0..64 * 48 * 4_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let frame = Frame { rgba: &rgba, width_px: 64, height_px: 48 };
        let [a, b] = [&mut original, &mut copy]
            .map(|net| net.infer(&frame, &View::default(), &["logits", "predictions"]).expect("infers"));
        assert_eq!(a, b, "{golden}");
        println!("{golden}: {} bytes as TensorFlow Lite, {} as safetensors", file.len(), converted.len());
        let floats = convert(&file, &Overrides::default(), Precision::F32).expect("converts");
        assert!(!open(&floats).is_integer(), "{golden}");
    }
}

/// Every endpoint of a file that is run on a picture or a tensor, and its predictions.
fn maps(file: &[u8], (body, dots): (Body, Dots), run: &dyn Fn(&mut Cpu, &Plan)) -> Vec<(String, Vec<f32>)> {
    let file = weights::read(file).unwrap_or_else(|error| panic!("{error}"));
    let checkpoint = weights::checkpoint(file, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    let integers = checkpoint.integers.as_ref().expect("integers of every map");
    let graph = Graph::build(&checkpoint.spec).expect("a graph").quantized(&|name| integers.get(name).is_some());
    let packing = Packing::new(&graph);
    let parameters = packing.pack_for(&graph, &checkpoint, dots).unwrap_or_else(|error| panic!("{error}"));
    let spec = &checkpoint.spec;
    let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
    let mut executor = Cpu::new(body, preprocessor, parameters);
    let names: Vec<&str> = graph.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
    let plan = Plan::new(&graph, &packing, &names).expect("a plan");
    run(&mut executor, &plan);
    let read = |(name, output): (&&str, _)| {
        let mut values = Vec::new();
        executor.read(output, &mut values);
        ((*name).to_owned(), values)
    };
    names.iter().zip(&plan.outputs).map(read).collect()
}

/// What `tools/golden/integers.py` wrote: the checksums of all maps, and the output's integers.
fn golden(name: &str) -> (Vec<String>, Vec<f32>) {
    let path = format!("{}/tests/data/integers/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let (maps, output) = text.trim_end().rsplit_once("\noutput,").expect("an output");
    let maps = maps.lines().skip(1).filter_map(|line| Some(line.rsplit_once(',')?.1.to_owned()));
    (maps.collect(), output.split(' ').map(|unit| unit.parse().expect("an integer")).collect())
}

/// Every endpoint of a network has the very numbers that TensorFlow Lite has there.
fn check_maps(name: &str, file: &[u8], run: &dyn Fn(&mut Cpu, &Plan)) {
    let (checksums, output) = golden(name);
    // Machines differ in what they multiply, not in what comes of it; to what the reference makes of each `tests/suite` looks.
    let each = Dots::ALL.map(|dots| (Body::Simd, dots)).into_iter().chain([(Body::Reference, Dots::Unsigned)]);
    for body in each {
        let mut last = 0;
        let maps = maps(file, body, run);
        for (endpoint, values) in &maps {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let checksum = format!("{:08x}", crc32fast::hash(&bytes));
            // Exponentials are the machine's, and may round a probability otherwise.
            if endpoint == "predictions" {
                let worst = values.iter().zip(&output).map(|(a, b)| (a * 256.0 - b).abs()).fold(0.0, f32::max);
                assert!(worst <= TOLERANCE_UNITS && values.len() == output.len(), "{name}: {worst}");
                continue;
            }
            let found = checksums[last..].iter().position(|other| *other == checksum);
            last += found.unwrap_or_else(|| panic!("{name}, {body:?}: {endpoint} is no map of TensorFlow Lite's"));
        }
        println!("{name}, {body:?}: {} endpoints are TensorFlow Lite's to the last bit", maps.len() - 1);
    }
}

#[test]
fn every_map_of_the_published_files_is_tensorflow_lites() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (file, name) in GOLDEN {
        let file = fixtures.read(file);
        let side = if name.contains("160") { 160 } else { 224 };
        let picture = fixtures.picture(&format!("images/in{side}/chelsea_cat.png"));
        check_maps(name, &file, &|executor, plan| {
            let frame = Frame { rgba: picture.as_raw(), width_px: side, height_px: side };
            executor.run(plan, &frame, &View { fit: Fit::AsIs, ..View::default() }).expect("a frame");
        });
    }
}

#[test]
fn every_map_of_the_converters_files_is_tensorflow_lites() {
    let Some(fixtures) = Fixtures::find() else { return };
    for name in ["v1_0.25_128", "v1_1.0_224", "v2_1.0_224", "v3s_1.0_224"] {
        let (input, _) = bench_golden(&fixtures, name);
        let file = bench_file(&fixtures, &format!("{name}.int8.tflite"));
        check_maps(&format!("{name}.int8"), &file, &|executor, plan| {
            executor.run_tensor(plan, &input).expect("an input");
        });
    }
}

/// A gate's 1/6 is eight bits in such a file. What it lacks is no part of the weights, whose scales integers are rescaled by.
#[test]
fn a_rounded_sixth_leaves_scales_alone() {
    let Some(fixtures) = Fixtures::find() else { return };
    let file = bench_file(&fixtures, "v3s_1.0_224.int8.tflite");
    // The scale of a constant of 255: 1/6 over that.
    let sixth = (1.0_f32 / 6.0 / 255.0).to_bits();
    let is_sixth = |word: &[u8; 4]| u32::from_le_bytes(*word).abs_diff(sixth) < 16;
    let places: Vec<usize> =
        file.as_chunks().0.iter().enumerate().filter(|word| is_sixth(word.1)).map(|word| word.0 * 4).collect();
    assert!(!places.is_empty(), "the file has another factor");
    let mut rounded = file.clone();
    places.iter().for_each(|&at| rounded[at..][..4].copy_from_slice(&0.000_65_f32.to_le_bytes()));
    let scales = |file: &[u8]| {
        let checkpoint =
            weights::checkpoint(weights::read(file).expect("reads"), &Overrides::default()).expect("a network");
        assert!(checkpoint.integers.is_some());
        checkpoint.canonical().into_iter().map(|tensor| tensor.quantization).collect::<Vec<_>>()
    };
    assert!(scales(&rounded) == scales(&file));
}
