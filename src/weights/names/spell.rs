//! Names as templates.

use super::{Layer, Part};
use crate::model::Version;

/// A layer's part, its name, and its batch norm's; a name that begins with `+` is appended to the layer's.
pub(super) type Row = (Part, &'static str, &'static str);

/// What the names of a convolution's and its batch norm's tensors begin with.
pub(in crate::weights) type Bases = (String, String);

/// The names that `rows` give a layer, behind `prefix`; none where they have no such layer.
#[inline(never)]
pub(super) fn spell(rows: &[Row], prefix: &str, layer: &Layer) -> Option<Bases> {
    let (_, convolution, norm) = rows.iter().find(|row| row.0 == layer.part)?;
    let mut name = prefix.to_owned();
    write(&mut name, convolution, layer);
    let mut after = match norm.strip_prefix('+') {
        Some(_) => name.clone(),
        None => prefix.to_owned(),
    };
    write(&mut after, norm.trim_start_matches('+'), layer);
    Some((name, after))
}

/// Appends `template` with every `%` and the letter behind it replaced.
#[inline(never)]
fn write(name: &mut String, template: &str, layer: &Layer) {
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            name.push(letter);
            continue;
        }
        let expand = usize::from(layer.expands);
        let (before, number) = match letters.next() {
            Some('r') => ("", layer.row),
            Some('n') => ("", layer.row + 1),
            Some('s') => ("", layer.stage),
            Some('p') => ("", layer.position),
            Some('v') => ("V", if layer.version == Version::V2 { 2 } else { 3 }),
            // Modules of the row before this one, its expanding 1×1 and gate among them.
            Some('0') => ("", expand),
            Some('1') => ("", expand + 1),
            Some('2') => ("", expand + 2),
            Some('g') => ("", expand + 1 + usize::from(layer.gated)),
            // TensorFlow tells repeated scopes apart by a number, and leaves it out of the first.
            Some('b') if layer.blocks > 0 => ("_", layer.blocks),
            Some('c') if layer.convolutions > 0 => ("_", layer.convolutions),
            Some('k') if layer.blocks > 0 => ("block_", layer.blocks),
            Some('k') => {
                name.push_str("expanded_conv");
                continue;
            }
            Some('l') if layer.expands => {
                name.push('l');
                continue;
            }
            _ => continue,
        };
        name.push_str(before);
        name.push_str(&number.to_string());
    }
}
