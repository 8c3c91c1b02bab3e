//! What `metadata_props` say: class names, as exporters write them.

use super::super::proto::{Field, Message};
use super::{MAX_NODES, Said};
use crate::error::Result;

/// Under which keys names are found; nothing is standard.
const KEYS: [&str; 6] = ["names", "labels", "classes", "class_names", "id2label", "label_names"];

/// Above ImageNet's 21,843 classes.
const MAX_NAMES: usize = 1 << 15;

pub(super) fn read(properties: &[Message<'_>], said: &mut Said) -> Result<()> {
    for mut property in properties.iter().copied().take(MAX_NODES) {
        let (mut key, mut value) = ("", "");
        while let Some((number, field)) = property.next()? {
            match (number, field) {
                (1, Field::Bytes(text)) => key = text.text()?,
                (2, Field::Bytes(text)) => value = text.text()?,
                _ => {}
            }
        }
        if KEYS.contains(&key) && said.stated.labels.is_none() {
            said.stated.labels = names(value);
        }
    }
    Ok(())
}

/// The names of a list or a dictionary by index, as JSON or Python print them; or of lines; or of words between commas.
fn names(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let names = match text.as_bytes().first()? {
        b'[' | b'(' => words(text),
        b'{' => {
            let words = words(text);
            let (pairs, rest) = words.as_chunks::<2>();
            let mut names = vec![None; pairs.len()];
            for [key, name] in pairs {
                *names.get_mut(key.parse::<usize>().ok()?)? = Some(name.clone());
            }
            if !rest.is_empty() {
                return None;
            }
            names.into_iter().collect::<Option<_>>()?
        }
        _ if text.contains('\n') => text.lines().map(|line| line.trim().to_owned()).collect(),
        _ => text.split(',').map(|word| word.trim().to_owned()).collect(),
    };
    (names.len() <= MAX_NAMES).then_some(names)
}

/// Quoted texts and bare numbers, one after the other.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if words.len() > 2 * MAX_NAMES {
            break;
        }
        match letter {
            '"' | '\'' => {
                let mut word = String::new();
                while let Some(inner) = letters.next().filter(|&inner| inner != letter) {
                    match (inner, letters.peek()) {
                        ('\\', Some('u')) => {
                            letters.next();
                            let digits: String = letters.by_ref().take(4).collect();
                            word.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                        }
                        ('\\', Some(&escaped)) => {
                            letters.next();
                            word.push(escaped);
                        }
                        _ => word.push(inner),
                    }
                }
                words.push(word);
            }
            '0'..='9' => {
                let mut word = String::from(letter);
                while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                    word.push(digit);
                }
                words.push(word);
            }
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_exporters_write_them() {
        let expected = Some(vec!["tench".to_owned(), "jack-o'-lantern".into(), "caf\u{e9}, 7 up".into()]);
        for text in [
            r#"["tench", "jack-o'-lantern", "caf\u00e9, 7 up"]"#,
            r#"{0: 'tench', 1: "jack-o'-lantern", 2: 'café, 7 up'}"#,
            r#"{"0": "tench", "2": "café, 7 up", "1": "jack-o'-lantern"}"#,
            "tench\njack-o'-lantern\ncafé, 7 up\n",
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        assert_eq!(names("cat, dog"), Some(vec!["cat".into(), "dog".into()]));
        for text in ["", "{0: 'a', 5: 'b'}", "{0: 'a', 'b'}"] {
            assert_eq!(names(text), None, "{text}");
        }
    }
}
