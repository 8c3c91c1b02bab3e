//! What the tests of weights share: where real files are, and small files made on the spot.
#![allow(dead_code, reason = "each test binary uses another part")]

use std::path::PathBuf;

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
    let root = std::env::var_os("MOBILENET_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"), PathBuf::from);
    real_file(root.join(path), "Set MOBILENET_FIXTURES to the fixtures folder.")
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
