//! Small stand-ins for parts of the standard library that cost a browser module more than they give here.
//!
//! What they took in the linked module, summed over its symbols: `slice::sort*` at six types 46 kB, reading and printing
//! floats 21 kB of code besides their tables, CRC-32 from a crate 17 kB, nearly all of it ready-made tables.

pub(crate) use mobilenet_kernels::bytes::{Crc32, all_finite};

/// Sorts in place: a heap sort, not stable, so `before` should order all items.
pub(crate) fn sort<T>(items: &mut [T], before: &dyn Fn(&T, &T) -> bool) {
    sort_first(items, items.len(), before);
}

/// Sorts only what comes first to the front, so many items: one look at each other one, nearly always.
pub(crate) fn sort_first<T>(items: &mut [T], count: usize, before: &dyn Fn(&T, &T) -> bool) {
    let sift = |items: &mut [T], mut root: usize| {
        loop {
            let mut child = 2 * root + 1;
            if child >= items.len() {
                return;
            }
            if child + 1 < items.len() && before(&items[child], &items[child + 1]) {
                child += 1;
            }
            if !before(&items[root], &items[child]) {
                return;
            }
            items.swap(root, child);
            root = child;
        }
    };
    let (first, others) = items.split_at_mut(count.min(items.len()));
    for root in (0..first.len() / 2).rev() {
        sift(first, root);
    }
    for other in others {
        // The root is the last of them.
        if !first.is_empty() && before(other, &first[0]) {
            std::mem::swap(other, &mut first[0]);
            sift(first, 0);
        }
    }
    for end in (1..first.len()).rev() {
        first.swap(0, end);
        sift(&mut first[..end], 0);
    }
}

/// A decimal number such as `1.0`, `224` or `1e-5`; exact where it has at most 15 digits and a small exponent, as every
/// number in metadata has.
pub(crate) fn parse_decimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |digits| (true, digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || whole.len() + fraction.len() > 15 {
        return None;
    }
    let mut digits = 0u64;
    for digit in whole.bytes().chain(fraction.bytes()) {
        digits = digits * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if exponent.abs() > 22 {
        return None;
    }
    // Both factors are exact in f64, so the one rounding below is the only one.
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
    let digits = digits as f64;
    let power = (0..exponent.abs()).fold(1.0, |power, _| power * 10.0);
    let value = if exponent < 0 { digits / power } else { digits * power };
    Some(if negative { -value } else { value })
}

/// A number for a message: six decimals at most.
pub(crate) fn print_decimal(value: f64) -> String {
    const SCALE: u64 = 1_000_000;
    if !value.is_finite() || value.abs() >= 1e12 {
        let words = [("NaN", value.is_nan()), ("inf", value == f64::INFINITY), ("-inf", value == f64::NEG_INFINITY)];
        let word = words.into_iter().find(|word| word.1).map(|word| word.0);
        return word.unwrap_or(if value > 0.0 { "over 10¹²" } else { "under -10¹²" }).into();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    let scaled = (value.abs() * 1e6 + 0.5) as u64;
    let sign = if value < 0.0 && scaled > 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:06}", scaled / SCALE, scaled % SCALE);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// The shortest decimal that stands for a single, `1.0`, `0.00001`: of those with 18 decimals at most, which options have.
#[cfg(any(feature = "trainer", test))]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded below")]
#[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
pub(crate) fn print_single(value: f32) -> String {
    const MOST: f64 = 9e15;
    let size = f64::from(value).abs();
    let mut scale = 1_u64;
    for decimals in 0..=18_usize {
        let scaled = (size * scale as f64).round();
        if scaled > MOST {
            break;
        }
        if (scaled / scale as f64) as f32 == size as f32 {
            let (whole, rest) = (scaled as u64 / scale, scaled as u64 % scale);
            let sign = if value < 0.0 { "-" } else { "" };
            return format!("{sign}{whole}.{rest:0width$}", width = decimals.max(1));
        }
        scale *= 10;
    }
    print_decimal(value.into())
}

/// Sine and cosine of at most half a turn either way, by their series: those of the standard library bring the reduction
/// of angles of any size along, 10 kB.
#[cfg(feature = "training")]
pub(crate) fn sine_cosine(angle: f64) -> [f64; 2] {
    let (mut sine, mut cosine, mut term) = (0.0, 1.0, 1.0);
    for index in 1..=24_u32 {
        term *= angle / f64::from(index);
        match index % 4 {
            0 => cosine += term,
            1 => sine += term,
            2 => cosine -= term,
            _ => sine -= term,
        }
    }
    [sine, cosine]
}

/// The polynomial of that CRC-32.
pub(crate) const CRC32: u32 = 0xedb8_8320;

/// The CRC-32 that zip files and this crate's metadata use.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32_of(CRC32, bytes)
}

/// That of another polynomial, its bits reversed.
pub(crate) fn crc32_of(polynomial: u32, bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new(polynomial);
    crc.update(bytes);
    crc.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singles_are_printed_so_that_they_are_read_again() {
        for (value, text) in
            [(1.0, "1.0"), (0.35, "0.35"), (1e-5, "0.00001"), (0.485, "0.485"), (-1.4, "-1.4"), (127.5, "127.5")]
        {
            assert_eq!(print_single(value), text);
            assert_eq!(parse_decimal(text).map(|value| value as f32), Some(value));
        }
    }

    #[test]
    fn sorts_as_the_standard_library_does() {
        for length in 0..40usize {
            let mut items: Vec<usize> = (0..length).map(|i| i * 7919 % 31).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            for count in [0, 1, 2, 5, 39, length] {
                let mut items = items.clone();
                sort_first(&mut items, count, &|a, b| a < b);
                let count = count.min(length);
                assert_eq!(items[..count], expected[..count], "{count} of {length}");
                items.sort_unstable();
                assert_eq!(items, expected, "none is lost");
            }
            sort(&mut items, &|a, b| a < b);
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn parses_as_the_standard_library_does() {
        for text in ["1.0", "224", "1e-5", "0.001", "1E-3", "0.35", "1.4", "-2.5", "+1", "3.", ".5", "9e22", "1e+2"] {
            let expected = if text == "+1" { None } else { text.parse().ok() };
            assert_eq!(parse_decimal(text), expected, "{text}");
        }
        for text in ["", "-", "e5", "1e", "1.2.3", "NaN", "inf", "1e99", "1 ", "0x1", "1234567890123456"] {
            assert_eq!(parse_decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn prints_numbers_for_people() {
        let cases = [(1.0, "1"), (0.0, "0"), (-0.25, "-0.25"), (1e-5, "0.00001"), (1e-9, "0"), (f64::NAN, "NaN")];
        for (value, text) in cases {
            assert_eq!(print_decimal(value), text);
        }
        assert_eq!(print_decimal(f64::INFINITY), "inf");
        assert_eq!(print_decimal(-1e13), "under -10¹²");
    }

    #[cfg(feature = "training")]
    #[test]
    fn sines_are_the_standard_librarys() {
        for step in -100..=100 {
            let angle = f64::from(step) / 100.0 * std::f64::consts::PI;
            let [sine, cosine] = sine_cosine(angle);
            assert!((sine - angle.sin()).abs() < 1e-10 && (cosine - angle.cos()).abs() < 1e-10, "{angle}");
        }
    }

    #[test]
    fn crc32_is_the_one_of_zip_files() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value that the standard states");
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37)).collect();
            assert_eq!(crc32(&bytes), crc32fast::hash(&bytes));
        }
    }
}
