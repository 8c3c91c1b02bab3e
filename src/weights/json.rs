//! JSON of a known schema, pulled value by value.
//!
//! Headers hold objects, strings and whole numbers only. Pulling them by schema needs no tree, so nothing is allocated
//! but what the caller keeps; and every error knows its byte. The general parser behind the `safetensors` crate keeps
//! neither duplicate names nor offsets.

use std::borrow::Cow;

use super::DAMAGED;
use crate::error::{Error, Kind, Result};

/// Topologies nest their layers a few levels deep; each level takes stack.
#[cfg(feature = "full")]
const MAX_DEPTH: usize = 64;

/// A position in a JSON text.
#[derive(Clone)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
    /// What the text is, for errors.
    what: &'static str,
    /// Where the text begins in the file.
    offset_bytes: usize,
}

impl<'a> Json<'a> {
    pub(super) const fn new(text: &'a str, what: &'static str, offset_bytes: usize) -> Self {
        Self { text, at: 0, what, offset_bytes }
    }

    fn fail<T>(&self, at: usize, expected: &str) -> Result<T> {
        Err(self.error(at, expected))
    }

    #[cold]
    #[inline(never)]
    fn error(&self, at: usize, expected: &str) -> Error {
        let found = match self.text[at..].chars().next() {
            Some(found) => format!("{found:?}"),
            None => "its end".into(),
        };
        Error::new(Kind::BadHeader, format!("{}, byte {}", self.what, self.offset_bytes + at))
            .expected(expected)
            .found(found)
            .remedy(DAMAGED)
    }

    /// The next byte that is not white space, without taking it.
    #[inline(never)]
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// `{…}`, calling `entry` at each value with its key.
    #[inline(never)]
    pub(super) fn object(&mut self, entry: &mut dyn FnMut(&mut Self, Cow<'a, str>) -> Result<()>) -> Result<()> {
        self.list((b'{', b'}'), ("`{`", "`,` or `}`"), &mut |json| {
            let key = json.string()?;
            if !json.take(b':') {
                return json.fail(json.at, "`:`");
            }
            entry(json, key)
        })
    }

    /// `[…]`, calling `item` at each value.
    pub(super) fn array(&mut self, item: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.list((b'[', b']'), ("`[`", "`,` or `]`"), item)
    }

    #[inline(never)]
    fn list(
        &mut self,
        (open, close): (u8, u8),
        (begin, next): (&str, &str),
        item: &mut dyn FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if !self.take(open) {
            return self.fail(self.at, begin);
        }
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(close) {
                return Ok(());
            }
            if !self.take(b',') {
                return self.fail(self.at, next);
            }
        }
    }

    /// A whole number that is not negative.
    #[inline(never)]
    pub(super) fn integer(&mut self) -> Result<usize> {
        self.peek();
        let digits = self.text[self.at..].bytes().take_while(u8::is_ascii_digit).count();
        let Ok(value) = self.text[self.at..self.at + digits].parse() else {
            return self.fail(self.at, "a whole number that is not negative and fits in memory");
        };
        self.at += digits;
        Ok(value)
    }

    /// `true` or `false`.
    #[inline(never)]
    pub(super) fn boolean(&mut self) -> Result<bool> {
        self.peek();
        for (word, value) in [("true", true), ("false", false)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail(self.at, "`true` or `false`")
    }

    /// A number, with or without fraction and exponent.
    #[cfg(feature = "full")]
    pub(super) fn number(&mut self) -> Result<f64> {
        self.peek();
        let rest = &self.text[self.at..];
        let length =
            rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
        match rest[..length].parse() {
            Ok(value) if f64::is_finite(value) => {
                self.at += length;
                Ok(value)
            }
            _ => self.fail(self.at, "a number"),
        }
    }

    /// Passes over a value of any kind.
    #[cfg(feature = "full")]
    pub(super) fn skip(&mut self) -> Result<()> {
        self.skip_within(MAX_DEPTH)
    }

    #[cfg(feature = "full")]
    fn skip_within(&mut self, depth: usize) -> Result<()> {
        match self.peek() {
            Some(b'{' | b'[') if depth == 0 => self.fail(self.at, "values nested less deep"),
            Some(b'{') => self.object(&mut |json, _| json.skip_within(depth - 1)),
            Some(b'[') => self.array(&mut |json| json.skip_within(depth - 1)),
            Some(b'"') => self.string().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            // Python writes numbers that JSON does not know.
            Some(b'n' | b'N' | b'I') => {
                let word = ["null", "NaN", "Infinity"].into_iter().find(|word| self.text[self.at..].starts_with(word));
                let Some(word) = word else { return self.fail(self.at, "a value") };
                self.at += word.len();
                Ok(())
            }
            _ => self.number().map(drop),
        }
    }

    /// Which byte of the file comes next.
    #[cfg(feature = "full")]
    pub(super) fn position(&mut self) -> usize {
        self.peek();
        self.offset_bytes + self.at
    }

    /// The same with the text's name, for errors.
    #[cfg(feature = "full")]
    pub(super) fn place(&mut self) -> String {
        let at = self.position();
        format!("{}, byte {at}", self.what)
    }

    /// Whether the next value begins so.
    pub(super) fn begins(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    /// A string; borrowed unless it holds escapes.
    #[inline(never)]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>> {
        if !self.take(b'"') {
            return self.fail(self.at, "a string");
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0x20..) => self.at += 1,
                Some(_) => return self.fail(self.at, "no control character inside a string"),
                None => return self.fail(self.text.len(), "the end of a string"),
            }
        }
        let end = self.at;
        self.at += 1;
        if escaped { self.unescape(start, end).map(Cow::Owned) } else { Ok(Cow::Borrowed(&self.text[start..end])) }
    }

    fn unescape(&self, start: usize, end: usize) -> Result<String> {
        let mut text = String::with_capacity(end - start);
        let mut at = start;
        while let Some(length) = self.text[at..end].find('\\') {
            text.push_str(&self.text[at..at + length]);
            at += length + 1;
            let plain = match self.text.as_bytes()[at] {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => {
                    at = self.code_point(at, end, &mut text)?;
                    continue;
                }
                same @ (b'"' | b'\\' | b'/') => char::from(same),
                _ => return self.fail(at, "an escape that JSON knows"),
            };
            text.push(plain);
            at += 1;
        }
        text.push_str(&self.text[at..end]);
        Ok(text)
    }

    /// Reads `uXXXX`, or two of them that form one character beyond 16 bits; returns where it ends.
    fn code_point(&self, at: usize, end: usize, text: &mut String) -> Result<usize> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 4).filter(|_| at + 4 <= end)?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
        };
        let first = unit(at + 1);
        let second = self.text.get(at + 5..at + 7).filter(|mark| *mark == "\\u").and_then(|_| unit(at + 7));
        let (units, stop) = match (first, second) {
            (Some(high @ 0xd800..0xdc00), Some(low)) => ([high, low], at + 11),
            (Some(unit), _) => ([unit, 0], at + 5),
            (None, _) => return self.fail(at, "four hexadecimal digits"),
        };
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => text.push(character),
            _ => return self.fail(at, "a Unicode character"),
        }
        Ok(stop)
    }

    /// Nothing but white space may follow.
    pub(super) fn end(mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail(self.at, "nothing more"),
        }
    }
}

/// Appends `value` as a JSON string.
pub(crate) fn push_string(json: &mut String, value: &str) {
    json.push('"');
    for character in value.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => json.push(plain),
        }
    }
    json.push('"');
}
