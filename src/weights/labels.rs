//! Class names as people keep them: a text file with one a line.

use crate::error::{Error, Kind, Result};

/// What follows the number where a line begins with one.
fn numbered(line: &str) -> Option<(usize, &str, bool)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at(digits);
    let number = number.parse::<u32>().ok()? as usize;
    if let Some(rest) = rest.strip_prefix(':') {
        return Some((number, rest.trim(), true));
    }
    rest.starts_with([' ', '\t']).then(|| (number, rest.trim(), false))
}

/// The class names of a `labels.txt`, by index: one a line, in order; or each after its index, as in `3: cat` or
/// `3 cat`, counted from 0 or from 1.
///
/// # Errors
/// [`Kind::BadOption`] where lines are numbered with colons and an index is missing or repeated.
pub fn parse_labels(text: &str) -> Result<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let plain = || lines.iter().map(|&line| line.to_owned()).collect();
    let Some(rows) = lines.iter().map(|line| numbered(line)).collect::<Option<Vec<_>>>() else {
        return Ok(plain());
    };
    let from = usize::from(rows.iter().all(|row| row.0 > 0));
    let mut names = vec![None; rows.len()];
    for (number, name, colon) in rows {
        match names.get_mut(number - from) {
            Some(place @ None) => *place = Some(name.to_owned()),
            // "7 up" is a name where the lines are not counted.
            _ if !colon => return Ok(plain()),
            _ => {
                return Err(Error::new(Kind::BadOption, format!("labels, `{number}: {name}`"))
                    .expected(format!("each index from {from} to {} once", lines.len() - 1 + from))
                    .found(number.to_string())
                    .remedy("Number the lines without gaps, or leave the numbers out."));
            }
        }
    }
    Ok(names.into_iter().flatten().collect())
}

/// ImageNet's classes, background not counted.
const IMAGENET: usize = 1000;

/// Names and WordNet ids by class, out of the table that the package ships: a line a class, id, tab, name. Of 1001
/// classes the first is the background, which has no id. Two names occur twice (crane, maillot): only indices tell
/// those classes apart.
///
/// # Errors
/// [`Kind::BadOption`] where `table` has other lines, or classes are not as many.
pub fn parse_imagenet(table: &str, classes: usize) -> Result<(Vec<String>, Vec<String>)> {
    let bad = |place: String, expected: &str, found: String| {
        Error::new(Kind::BadOption, place)
            .expected(expected)
            .found(found)
            .remedy("Serve the package's labels/imagenet.txt as it is, or give names by the option `labels`.")
    };
    let (mut names, mut wnids) = (Vec::new(), Vec::new());
    if classes == IMAGENET + 1 {
        names.push("background".to_owned());
        wnids.push(String::new());
    }
    for (index, line) in table.lines().enumerate() {
        let Some((wnid, name)) = line.split_once('\t') else {
            let start = line.chars().take(40).collect();
            return Err(bad(format!("class names, line {}", index + 1), "a WordNet id, a tab and a name", start));
        };
        names.push(name.to_owned());
        wnids.push(wnid.to_owned());
    }
    if names.len() != classes || classes < IMAGENET {
        let found = format!("{} lines for {classes} classes", table.lines().count());
        return Err(bad("class names".into(), "1000 lines, and 1000 classes or 1001 with background", found));
    }
    Ok((names, wnids))
}
