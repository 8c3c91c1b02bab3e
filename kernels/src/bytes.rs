//! What is done to every byte of a file of weights, once: here, because this crate is compiled for speed.

use crate::lane::Vec4;

/// A CRC of 32 bits, taken piece by piece.
#[derive(Clone, Debug)]
pub struct Crc32 {
    /// Eight of them let eight bytes be taken at once; made when needed because ready-made ones would not compress.
    tables: Box<[[u32; 256]; 8]>,
    crc: u32,
}

impl Crc32 {
    /// That of a polynomial with its bits reversed, over nothing yet.
    #[must_use]
    pub fn new(polynomial: u32) -> Self {
        let mut tables = Box::new([[0u32; 256]; 8]);
        for byte in 0..256u32 {
            let mut crc = byte;
            for _ in 0..8 {
                crc = (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg());
            }
            tables[0][byte as usize] = crc;
        }
        for table in 1..8 {
            for byte in 0..256 {
                let before = tables[table - 1][byte];
                tables[table][byte] = (before >> 8) ^ tables[0][(before & 255) as usize];
            }
        }
        Self { tables, crc: !0 }
    }

    /// Goes on over these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &*self.tables;
        let at = |table: &[u32; 256], byte: u8| table[usize::from(byte)];
        let mut crc = self.crc;
        let (eights, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in eights {
            let [a, b, c, d] = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            crc = (at(t7, a) ^ at(t6, b) ^ at(t5, c) ^ at(t4, d)) ^ (at(t3, e) ^ at(t2, f) ^ at(t1, g) ^ at(t0, h));
        }
        self.crc = rest.iter().fold(crc, |crc, &byte| (crc >> 8) ^ at(t0, crc as u8 ^ byte));
    }

    /// The sum of all bytes so far; the next one begins anew.
    pub const fn take(&mut self) -> u32 {
        !std::mem::replace(&mut self.crc, !0)
    }
}

/// Whether none of them is NaN or infinite.
#[must_use]
pub fn all_finite(values: &[f32]) -> bool {
    // Without a way out in the middle it can run on vectors.
    let (chunks, rest) = values.as_chunks::<256>();
    chunks
        .iter()
        .map(|chunk| &chunk[..])
        .chain([rest])
        .all(|chunk| chunk.iter().fold(true, |all, x| all & x.is_finite()))
}

/// Four rows as one row of [`Vec4`]s, each row times its scale. `rows` are one after the other, each as long as `to`.
pub fn interleave(rows: &[f32], scales: Vec4, to: &mut [Vec4]) {
    let length = to.len();
    let ([a, b, c, d], [p, q, r, s]) = ([0, 1, 2, 3].map(|row| &rows[row * length..][..length]), scales);
    for ((((to, a), b), c), d) in to.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *to = [a * p, b * q, c * r, d * s];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_in_pieces_are_those_of_the_whole() {
        let bytes: Vec<u8> = (0..99u8).map(|i| i.wrapping_mul(37)).collect();
        let mut crc = Crc32::new(0xedb8_8320);
        crc.update(b"123456789");
        assert_eq!(crc.take(), 0xcbf4_3926, "the check value that the standard states");
        crc.update(&bytes);
        let whole = crc.take();
        for cut in 0..bytes.len() {
            let (begin, end) = bytes.split_at(cut);
            crc.update(begin);
            crc.update(end);
            assert_eq!(crc.take(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn one_value_that_is_not_finite_is_found_wherever_it_is() {
        for length in [0, 1, 255, 256, 257, 600] {
            let mut values = vec![f32::MAX; length];
            assert!(all_finite(&values));
            for at in 0..length {
                for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let right = std::mem::replace(&mut values[at], wrong);
                    assert!(!all_finite(&values), "{wrong} at {at} of {length}");
                    values[at] = right;
                }
            }
        }
    }

    #[test]
    fn rows_are_interleaved_and_scaled() {
        let rows: Vec<f32> = (0..12u8).map(f32::from).collect();
        let mut to = [Vec4::default(); 3];
        interleave(&rows, [1.0, 10.0, 100.0, -1.0], &mut to);
        assert_eq!(to, [[0.0, 30.0, 600.0, -9.0], [1.0, 40.0, 700.0, -10.0], [2.0, 50.0, 800.0, -11.0]]);
    }
}
