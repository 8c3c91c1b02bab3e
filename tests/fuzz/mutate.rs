//! Changes to bytes of which nothing is known, and to lengths, numbers and brackets wherever they seem to be.

use crate::protobuf::varint;
use crate::random::Random;

/// Where counts, sizes and offsets overflow, wrap or end.
const NUMBERS: [u64; 24] = [
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    64,
    100,
    127,
    128,
    255,
    256,
    1023,
    4096,
    32_767,
    65_535,
    65_536,
    1 << 20,
    (1 << 31) - 1,
    u32::MAX as u64,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// What readers of text stumble over.
const WORDS: [&str; 40] = [
    "0",
    "-1",
    "1e999",
    "-0.0",
    "NaN",
    "18446744073709551616",
    "4294967295",
    "1e-320",
    "0.5",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "{\"",
    "[[[[[[[[",
    "\\ud800",
    "\\u0000",
    "\"\\",
    ":",
    ",",
    "/",
    "../",
    "%2e",
    "\n",
    "\r\n",
    "\u{e9}",
    "\u{0}",
    "softmax",
    "sigmoid",
    "relu6",
    "float32",
    "uint8",
    "float16",
    "F16",
    "BF16",
    "I64",
    "U8",
    "shape",
    "mobilenet.table",
];

/// A place in the bytes: files begin and end with what says where everything is.
fn place(random: &mut Random, length: usize) -> usize {
    match random.below(10) {
        0..4 => random.below(length.min(512)),
        4 | 5 => length.saturating_sub(1 + random.below(length.min(512))),
        _ => random.below(length),
    }
}

fn range(random: &mut Random, length: usize) -> std::ops::Range<usize> {
    let begin = place(random, length);
    begin..begin + random.length(length - begin)
}

fn put(bytes: &mut [u8], at: usize, value: u64, width: usize) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()).take(width) {
        *byte = new;
    }
}

fn get(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes.iter().skip(at).take(width).rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Changes something, `others` being pieces of other files.
pub fn mutate(bytes: &mut Vec<u8>, others: &[u8], random: &mut Random) {
    let length = bytes.len();
    if length == 0 {
        bytes.extend(&others[..random.length(others.len())]);
        return;
    }
    match random.below(18) {
        0 | 1 => bytes[place(random, length)] ^= 1 << random.below(8),
        2 => {
            let any = random.next() as u8;
            let value = *random.of(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'{', b'/', b'.', any]);
            bytes[place(random, length)] = value;
        }
        3 | 4 => {
            let width = *random.of(&[1, 2, 4, 4, 8]);
            let at = aligned(place(random, length), width, random);
            put(bytes, at, *random.of(&NUMBERS), width);
        }
        5 | 6 => {
            let width = *random.of(&[1, 2, 4, 4, 8]);
            let at = aligned(place(random, length), width, random);
            let step = *random.of(&[1, 1, 2, 4, 8, 16, 256]);
            let value = get(bytes, at, width);
            put(bytes, at, if random.once_in(2) { value.wrapping_add(step) } else { value.wrapping_sub(step) }, width);
        }
        7 | 8 => offset(bytes, random),
        9 => bytes.truncate(place(random, length)),
        10 => drop(bytes.drain(range(random, length))),
        11 => {
            // Something of this file or of another, once more or many times.
            let from = if random.once_in(3) && !others.is_empty() { others } else { &*bytes };
            let piece = from[range(random, from.len())].to_vec();
            let times = (*random.of(&[1, 1, 1, 2, 16, 300, 50_000])).min((128 << 10) / piece.len().max(1) + 1);
            let at = place(random, length);
            bytes.splice(at..at, piece.repeat(times));
        }
        12 => {
            let from = if random.once_in(3) && !others.is_empty() { others } else { &*bytes };
            let piece = from[range(random, from.len())].to_vec();
            let at = place(random, length);
            let end = (at + piece.len()).min(length);
            bytes.splice(at..end, piece);
        }
        13 => {
            let at = place(random, length);
            let word = random.of(&WORDS).as_bytes();
            let end = if random.once_in(2) { at } else { (at + word.len()).min(length) };
            bytes.splice(at..end, word.iter().copied());
        }
        14 => decimal(bytes, random),
        15 => brackets(bytes, random),
        16 => {
            let at = place(random, length);
            let number = varint(*random.of(&NUMBERS));
            let end = (at + if random.once_in(2) { 1 } else { number.len() }).min(length);
            bytes.splice(at..end, number);
        }
        _ => {
            let (a, b) = (range(random, length), range(random, length));
            let (a, b) = (bytes[a].to_vec(), b.start);
            let end = (b + a.len()).min(length);
            bytes.splice(b..end, a);
        }
    }
}

fn aligned(at: usize, width: usize, random: &mut Random) -> usize {
    if random.once_in(3) { at } else { at / width * width }
}

/// Changes a field that could be a length or an offset, since it is less than the file is long, to another one.
fn offset(bytes: &mut [u8], random: &mut Random) {
    let length = bytes.len() as u64;
    let width = *random.of(&[2, 4, 4, 8]);
    for _ in 0..16 {
        let at = aligned(place(random, bytes.len()), width, random);
        let value = get(bytes, at, width);
        if (2..=length).contains(&value) {
            let other = place(random, bytes.len()) as u64;
            let (less, more) = (value.wrapping_sub(at as u64), value.wrapping_add(value));
            let choices = [0, 1, value - 1, value + 1, length, length - 1, length + 1, at as u64, other, less, more];
            let number = if random.once_in(3) { *random.of(&NUMBERS) } else { *random.of(&choices) };
            return put(bytes, at, number, width);
        }
    }
}

/// Another number in the place of one that is written out.
fn decimal(bytes: &mut Vec<u8>, random: &mut Random) {
    let from = place(random, bytes.len());
    let Some(begin) = (from..bytes.len()).find(|&at| bytes[at].is_ascii_digit()) else { return };
    let end = (begin..bytes.len()).find(|&at| !bytes[at].is_ascii_digit()).unwrap_or(bytes.len());
    let text = match random.below(4) {
        0 => random.of(&WORDS[..10]).to_string(),
        1 => random.of(&NUMBERS).to_string(),
        2 => random.below(40).to_string(),
        _ => {
            let value: u64 = std::str::from_utf8(&bytes[begin..end]).ok().and_then(|it| it.parse().ok()).unwrap_or(0);
            if random.once_in(2) { value.wrapping_add(1) } else { value.wrapping_sub(1) }.to_string()
        }
    };
    bytes.splice(begin..end, text.bytes());
}

/// Takes out, doubles, moves or nests what stands between brackets.
fn brackets(bytes: &mut Vec<u8>, random: &mut Random) {
    let from = place(random, bytes.len());
    let Some(begin) = (from..bytes.len().min(from + 4096)).find(|&at| matches!(bytes[at], b'{' | b'[' | b'"')) else {
        return;
    };
    let Some(end) = closing(bytes, begin) else { return };
    let piece = bytes[begin..end].to_vec();
    match random.below(5) {
        0 => drop(bytes.drain(begin..end)),
        1 => drop(bytes.splice(end..end, [b",", &*piece].concat())),
        2 => drop(bytes.splice(begin..end, random.of(&WORDS).bytes())),
        3 => {
            let times = *random.of(&[1, 2, 20, 200, 2000, 50_000]);
            let (open, close) = *random.of(&[("[", "]"), ("{\"a\":", "}"), ("{\"config\":[", "]}")]);
            let nested = [open.repeat(times).as_bytes(), &piece, close.repeat(times).as_bytes()].concat();
            bytes.splice(begin..end, nested);
        }
        _ => {
            let other = place(random, bytes.len());
            let other = (other..bytes.len().min(other + 4096)).find(|&at| bytes[at] == piece[0]);
            if let Some((other, until)) = other.and_then(|at| Some((at, closing(bytes, at)?))) {
                bytes.splice(other..until, piece);
            }
        }
    }
}

/// Behind the bracket or quote that closes the one at `begin`.
fn closing(bytes: &[u8], begin: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, begin);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 && !quoted {
            return Some(at.min(bytes.len()));
        }
    }
    None
}

/// Where a field of a protocol buffer begins, where its contents begin, and where it ends.
pub struct Field {
    pub begin: usize,
    pub contents: usize,
    pub end: usize,
    wire: u8,
}

/// The fields of a message, if that is what the bytes are.
pub fn fields(bytes: &[u8]) -> Option<Vec<Field>> {
    let read = |at: &mut usize| {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    };
    let (mut fields, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let begin = at;
        let tag = read(&mut at)?;
        let wire = (tag & 7) as u8;
        let contents;
        (contents, at) = match wire {
            0 => (at, {
                read(&mut at)?;
                at
            }),
            1 => (at, at + 8),
            2 => {
                let length = usize::try_from(read(&mut at)?).ok()?;
                (at, at.checked_add(length)?)
            }
            5 => (at, at + 4),
            _ => return None,
        };
        if tag < 8 || at > bytes.len() {
            return None;
        }
        fields.push(Field { begin, contents, end: at, wire });
    }
    (!fields.is_empty()).then_some(fields)
}

/// Changes a field of a protocol buffer somewhere in its depth; the lengths around it stay right.
pub fn mutate_message(bytes: &mut Vec<u8>, others: &[u8], random: &mut Random) {
    let Some(fields) = fields(bytes) else { return mutate(bytes, others, random) };
    let field = random.of(&fields);
    let whole = bytes[field.begin..field.end].to_vec();
    let mut contents = bytes[field.contents..field.end].to_vec();
    let tag = {
        let length = whole.iter().position(|byte| *byte < 0x80).map_or(whole.len(), |at| at + 1);
        whole[..length].to_vec()
    };
    let with = |contents: &[u8], tag: &[u8]| [tag, &varint(contents.len() as u64), contents].concat();
    let new = match (random.below(12), field.wire) {
        (0, _) => Vec::new(),
        (1, _) => whole.repeat(*random.of(&[2, 2, 3, 70, 5000 / whole.len().max(1) + 1])),
        (2, _) => {
            let other = random.of(&fields);
            [whole, bytes[other.begin..other.end].to_vec()].concat()
        }
        // Another field number or wire type.
        (3, _) => [varint(random.below(24 << 3) as u64), whole[tag.len()..].to_vec()].concat(),
        (_, 0) => [tag, varint(*random.of(&NUMBERS))].concat(),
        (4, 2) => {
            let other = random.of(&fields);
            with(&bytes[other.contents..other.end], &tag)
        }
        (5, 2) => [tag, varint(*random.of(&NUMBERS)), contents].concat(),
        (_, 2) => {
            mutate_message(&mut contents, others, random);
            with(&contents, &tag)
        }
        _ => {
            let at = whole.len() - contents.len();
            let mut whole = whole;
            put(&mut whole, at, *random.of(&NUMBERS), contents.len());
            whole
        }
    };
    bytes.splice(field.begin..field.end, new);
}
