//! What Deflate packed.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Deflate's best: 258 bytes for two bits.
const BEST_RATIO: usize = 1032;

/// Exactly `length` bytes, of which no more are ever made; else what was found instead. `zlib` where two bytes of header
/// and a checksum are around it.
pub(super) fn inflate(packed: &[u8], zlib: bool, length: usize) -> Result<Vec<u8>, String> {
    if packed.len().saturating_mul(BEST_RATIO) < length {
        return Err(format!("{} packed bytes, which cannot hold as many", packed.len()));
    }
    let mut bytes = vec![0; length];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | if zlib { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    let (status, _, written) = decompress(&mut DecompressorOxide::new(), packed, &mut bytes, 0, flags);
    match status {
        TINFLStatus::Done if written == length => Ok(bytes),
        TINFLStatus::Done => Err(format!("{written} bytes")),
        TINFLStatus::HasMoreOutput => Err("more".into()),
        TINFLStatus::Adler32Mismatch => Err("another checksum".into()),
        _ => Err(format!("packed bytes that are damaged or stop after {written}")),
    }
}
