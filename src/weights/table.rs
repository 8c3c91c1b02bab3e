//! A network's table as JSON: `[{"conv": {"kernel": 3, "stride": 2, "channels": 16, "activation": "hard-swish"}}, …]`.

use super::json::Json;
use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block};

const ACTIVATIONS: [(Activation, &str); 6] = [
    (Activation::Linear, "linear"),
    (Activation::Relu, "relu"),
    (Activation::Relu6, "relu6"),
    (Activation::HardSwish, "hard-swish"),
    (Activation::HardSigmoid, "hard-sigmoid"),
    (Activation::SlimSigmoid, "slim-sigmoid"),
];

/// More rows than any network has; [`crate::model::Spec::check`] allows fewer.
const MAX_ROWS: usize = 1024;

/// What a row may say; absent numbers are 0.
struct Row {
    kernel: usize,
    stride: usize,
    channels: usize,
    expansion: (usize, usize),
    activation: Activation,
    squeeze_excite: bool,
}

#[cold]
#[inline(never)]
fn refuse(row: usize, expected: &str, found: &str) -> Error {
    Error::new(Kind::BadMetadata, format!("row {row} of the table"))
        .expected(expected)
        .found(format!("`{found}`"))
        .remedy("Correct the table.")
}

/// The rows that a JSON array lists: each `"pool"`, or an object of one key, `conv`, `separable`, `inverted_residual` or
/// `head`, whose value holds the row's `kernel`, `stride`, `channels`, `expansion` (a factor, or `[expanded, input]`
/// channels of the table), `squeeze_excite` and `activation`.
///
/// # Errors
/// [`Kind::BadHeader`] with the byte that is no JSON, [`Kind::BadMetadata`] with the number of the row.
pub fn parse_table(text: &str) -> Result<Vec<Block>> {
    let mut json = Json::new(text, "table", 0);
    let mut blocks = Vec::new();
    json.array(&mut |json| {
        let number = blocks.len() + 1;
        if number > MAX_ROWS {
            return Err(refuse(number, &format!("at most {MAX_ROWS} rows"), "more"));
        }
        if json.begins(b'"') {
            let name = json.string()?;
            if name != "pool" {
                return Err(refuse(number, "`pool` or an object", &name));
            }
            blocks.push(Block::Pool);
            return Ok(());
        }
        let mut parsed = None;
        json.object(&mut |json, name| {
            if parsed.is_some() {
                return Err(refuse(number, "one key", &name));
            }
            let row = row(json, number)?;
            parsed = Some(block(&name, &row, number)?);
            Ok(())
        })?;
        blocks.push(parsed.ok_or_else(|| refuse(number, "one key", "{}"))?);
        Ok(())
    })?;
    json.end()?;
    Ok(blocks)
}

fn row(json: &mut Json<'_>, number: usize) -> Result<Row> {
    let activation = Activation::Relu6;
    let mut row = Row { kernel: 3, stride: 1, channels: 0, expansion: (0, 0), activation, squeeze_excite: false };
    json.object(&mut |json, key| {
        match &*key {
            "kernel" => row.kernel = json.integer()?,
            "stride" => row.stride = json.integer()?,
            "channels" => row.channels = json.integer()?,
            "squeeze_excite" => row.squeeze_excite = json.boolean()?,
            "activation" => {
                let name = json.string()?;
                let known = ACTIVATIONS.iter().find(|row| row.1 == name);
                row.activation = known.ok_or_else(|| refuse(number, "the name of an activation", &name))?.0;
            }
            "expansion" if json.begins(b'[') => {
                let mut pair = Vec::new();
                json.array(&mut |json| {
                    pair.push(json.integer()?);
                    if pair.len() > 2 { Err(refuse(number, "two channels", "more")) } else { Ok(()) }
                })?;
                let &[expanded, input] = &*pair else { return Err(refuse(number, "two channels", "fewer")) };
                row.expansion = (expanded, input);
            }
            "expansion" => row.expansion = (json.integer()?, 1),
            other => return Err(refuse(number, "a key that rows have", other)),
        }
        Ok(())
    })?;
    Ok(row)
}

fn block(name: &str, row: &Row, number: usize) -> Result<Block> {
    let Row { kernel, stride, channels, expansion, activation, squeeze_excite } = *row;
    Ok(match name {
        "conv" => Block::Conv { kernel, stride, channels, activation },
        "separable" => Block::Separable { stride, channels },
        "inverted_residual" => {
            Block::InvertedResidual { kernel, expansion, stride, channels, squeeze_excite, activation }
        }
        "head" => Block::Head { channels, activation },
        other => return Err(refuse(number, "conv, separable, inverted_residual or head", other)),
    })
}

/// The JSON of these rows, as [`parse_table`] reads it.
#[must_use]
pub fn print_table(blocks: &[Block]) -> String {
    let name = |activation| ACTIVATIONS.iter().find(|row| row.0 == activation).map_or("", |row| row.1);
    let rows: Vec<_> = blocks.iter().map(|block| match *block {
        Block::Conv { kernel, stride, channels, activation } => format!(
            r#"{{"conv":{{"kernel":{kernel},"stride":{stride},"channels":{channels},"activation":"{}"}}}}"#,
            name(activation)
        ),
        Block::Separable { stride, channels } => {
            format!(r#"{{"separable":{{"stride":{stride},"channels":{channels}}}}}"#)
        }
        Block::InvertedResidual { kernel, expansion, stride, channels, squeeze_excite, activation } => format!(
            r#"{{"inverted_residual":{{"kernel":{kernel},"expansion":[{},{}],"stride":{stride},"channels":{channels},"squeeze_excite":{squeeze_excite},"activation":"{}"}}}}"#,
            expansion.0, expansion.1, name(activation)
        ),
        Block::Pool => "\"pool\"".into(),
        Block::Head { channels, activation } => {
            format!(r#"{{"head":{{"channels":{channels},"activation":"{}"}}}}"#, name(activation))
        }
    }).collect();
    format!("[{}]", rows.join(","))
}
