//! What Deflate packed.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Deflate's best: 258 bytes for two bits.
const BEST_RATIO: usize = 1032;

/// What weights may well be packed by.
const USUAL_RATIO: usize = 4;

/// As many bytes may always be unpacked.
const BLOCK_BYTES: usize = 1 << 16;

/// Exactly `length` bytes, of which no more are ever made; else what was found instead. `zlib` where two bytes of header
/// and a checksum are around it.
pub(super) fn inflate(packed: &[u8], zlib: bool, length: usize) -> Result<Vec<u8>, String> {
    if packed.len().saturating_mul(BEST_RATIO) < length {
        return Err(format!("{} packed bytes, which cannot hold as many", packed.len()));
    }
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | if zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    // Numbers hardly shrink: what states a higher ratio has to show it before it gets all that it asks for.
    let mut bytes = vec![0; length.min(packed.len().saturating_mul(USUAL_RATIO).saturating_add(BLOCK_BYTES))];
    let mut state = DecompressorOxide::new();
    let (mut status, read, mut written) = decompress(&mut state, packed, &mut bytes, 0, flags);
    if status == TINFLStatus::HasMoreOutput && bytes.len() < length {
        bytes.resize(length, 0);
        let more;
        (status, _, more) = decompress(&mut state, packed.get(read..).unwrap_or_default(), &mut bytes, written, flags);
        written += more;
    }
    match status {
        TINFLStatus::Done if written == length => Ok(bytes),
        TINFLStatus::Done => Err(format!("{written} bytes")),
        TINFLStatus::HasMoreOutput => Err("more".into()),
        TINFLStatus::Adler32Mismatch => Err("another checksum".into()),
        _ => Err(format!("packed bytes that are damaged or stop after {written}")),
    }
}
