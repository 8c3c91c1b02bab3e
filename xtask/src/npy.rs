//! NumPy's array file, version 1.0, for one-dimensional f32.

/// The bytes of a `.npy` file that holds `values` as shape `(n,)`.
pub fn encode(values: &[f32]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    const HEADER_LENGTH_BYTES: usize = 2;
    const ALIGNMENT: usize = 64;
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    let before = MAGIC.len() + HEADER_LENGTH_BYTES;
    let length = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    // A header of one short line is far below the format's 65,535.
    let [low, high, ..] = length.to_le_bytes();
    let data = values.iter().flat_map(|value| value.to_le_bytes());
    MAGIC.iter().copied().chain([low, high]).chain(header.into_bytes()).chain(data).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn data_starts_on_a_multiple_of_64_bytes() {
        for count in [0, 1, 10, 1280, 1_000_000] {
            let file = super::encode(&vec![1.5; count]);
            let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
            assert_eq!((10 + length) % 64, 0, "{count} values");
            assert_eq!(file.len(), 10 + length + 4 * count, "{count} values");
            assert_eq!(file[10 + length - 1], b'\n', "{count} values");
        }
    }
}
