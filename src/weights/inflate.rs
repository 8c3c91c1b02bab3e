//! What Deflate packed.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Deflate's best: 258 bytes for two bits.
const BEST_RATIO: usize = 1032;

/// As many bytes may always be unpacked.
const BLOCK_BYTES: usize = 4 << 20;

/// Exactly `length` bytes, of which no more are ever made; else what was found instead. `zlib` where two bytes of header
/// and a checksum are around it.
pub(super) fn inflate(packed: &[u8], zlib: bool, length: usize) -> Result<Vec<u8>, String> {
    if packed.len().saturating_mul(BEST_RATIO) < length {
        return Err(format!("{} packed bytes, which cannot hold as many", packed.len()));
    }
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | if zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    // Numbers hardly shrink: who states a higher ratio has to show it before getting all that is asked for.
    let mut bytes = vec![0; length.min(packed.len().saturating_add(BLOCK_BYTES))];
    let mut state = DecompressorOxide::new();
    let (mut status, mut read, mut written) = decompress(&mut state, packed, &mut bytes, 0, flags);
    while status == TINFLStatus::HasMoreOutput && bytes.len() < length {
        bytes.reserve_exact(length.min(bytes.len() * 2) - bytes.len());
        bytes.resize(bytes.capacity().min(length), 0);
        let rest = packed.get(read..).unwrap_or_default();
        let (next, taken, more) = decompress(&mut state, rest, &mut bytes, written, flags);
        (status, read, written) = (next, read + taken, written + more);
    }
    match status {
        TINFLStatus::Done if written == length => Ok(bytes),
        TINFLStatus::Done => Err(format!("{written} bytes")),
        TINFLStatus::HasMoreOutput => Err("more".into()),
        TINFLStatus::Adler32Mismatch => Err("another checksum".into()),
        _ => Err(format!("packed bytes that are damaged or stop after {written}")),
    }
}
