//! Snappy's raw format: the length, then runs of new bytes and of bytes that came before.

use super::super::proto::varint;

/// The bytes, where they are no more than `most` and nothing about them is wrong.
pub(super) fn unpack(packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let (length, begin) = varint(packed)?;
    let length = usize::try_from(length).ok().filter(|&length| length <= most)?;
    // Three bytes stand for 64 at most.
    if length > packed.len().checked_mul(22)? {
        return None;
    }
    let mut bytes = Vec::with_capacity(length);
    let mut at = begin;
    let take = |at: &mut usize, count: usize| -> Option<usize> {
        let number = packed.get(*at..*at + count)?.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte));
        *at += count;
        Some(number)
    };
    while at < packed.len() {
        let tag = usize::from(packed[at]);
        at += 1;
        let (count, back) = match tag & 3 {
            0 => {
                let stated = tag >> 2;
                let count = if stated < 60 { stated } else { take(&mut at, stated - 59)? };
                let new = packed.get(at..at.checked_add(count)?.checked_add(1)?)?;
                at += new.len();
                if bytes.len() + new.len() > length {
                    return None;
                }
                bytes.extend_from_slice(new);
                continue;
            }
            1 => ((tag >> 2 & 7) + 4, (tag >> 5) << 8 | take(&mut at, 1)?),
            2 => ((tag >> 2) + 1, take(&mut at, 2)?),
            _ => ((tag >> 2) + 1, take(&mut at, 4)?),
        };
        let from = bytes.len().checked_sub(back).filter(|_| back > 0 && bytes.len() + count <= length)?;
        // One by one: a run may begin before it and reach into itself.
        (from..from + count).for_each(|from| bytes.push(bytes[from]));
    }
    (bytes.len() == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::unpack;

    #[test]
    fn unpacks_what_the_format_s_description_says() {
        // "ab", then two bytes back six times over; then a run of one new byte.
        assert_eq!(unpack(&[9, 0b100, b'a', b'b', 22, 2, 0, 0, b'c'], 99).as_deref(), Some(&b"ababababc"[..]));
        assert_eq!(unpack(&[6, 0, b'x', 0b0000_0101, 1], 99).as_deref(), Some(&b"xxxxxx"[..]));
        assert_eq!(unpack(&[0], 99).as_deref(), Some(&b""[..]));
        let long: Vec<u8> = [&[100, 60 << 2, 99][..], &[7; 100]].concat();
        assert_eq!(unpack(&long, 100), Some(vec![7; 100]));
        for wrong in
            [&[][..], &[5, 0, b'x'], &[1, 0], &[4, 1, 0], &[4, 1, 1], &[200, 1, 0, b'x'], &[1, 0, b'x', 0, b'y']]
        {
            assert_eq!(unpack(wrong, 99), None, "{wrong:?}");
        }
        assert_eq!(unpack(&long, 99), None, "longer than allowed");
    }
}
