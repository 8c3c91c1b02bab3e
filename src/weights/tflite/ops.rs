//! TensorFlow Lite's operators as the walk's.

use super::flatbuffer::{Table, Vector};
use crate::error::Result;
use crate::weights::damaged;
use crate::weights::walk::{Arithmetic, Bounds, Node, Op, Pads, RELU, RELU6, UNBOUNDED, Value, integers};

/// Operators take a handful of inputs.
const MAX_INPUTS: usize = 64;

/// Of four axes, two numbers each.
const MAX_AXES: usize = 8;

/// Numbers of the operators that MobileNets use, and their names.
const NAMES: [(i32, &str); 29] = [
    (0, "ADD"),
    (1, "AVERAGE_POOL_2D"),
    (3, "CONV_2D"),
    (4, "DEPTHWISE_CONV_2D"),
    (6, "DEQUANTIZE"),
    (9, "FULLY_CONNECTED"),
    (14, "LOGISTIC"),
    (17, "MAX_POOL_2D"),
    (18, "MUL"),
    (19, "RELU"),
    (21, "RELU6"),
    (22, "RESHAPE"),
    (25, "SOFTMAX"),
    (34, "PAD"),
    (39, "TRANSPOSE"),
    (40, "MEAN"),
    (41, "SUB"),
    (42, "DIV"),
    (43, "SQUEEZE"),
    (53, "CAST"),
    (55, "MAXIMUM"),
    (57, "MINIMUM"),
    (60, "PADV2"),
    (70, "EXPAND_DIMS"),
    (80, "FAKE_QUANT"),
    (82, "REDUCE_MAX"),
    (114, "QUANTIZE"),
    (117, "HARD_SWISH"),
    (32, "CUSTOM"),
];

fn bounds(table: Option<Table<'_>>, field: usize) -> Result<Option<Bounds>> {
    Ok(match table.map_or(Ok(0), |table| table.u8(field))? {
        0 => Some(UNBOUNDED),
        1 => Some(RELU),
        3 => Some(RELU6),
        _ => None,
    })
}

/// The operator, or nothing where it only turned a constant into a constant.
pub(super) fn node<'a>(operator: Table<'a>, codes: Vector<'a>, values: &mut [Value<'a>]) -> Result<Option<Node<'a>>> {
    let bad = |expected: &str, found: String| {
        damaged(format!("operator at byte {}", operator.offset_bytes()), expected, found)
    };
    let code = operator.u32(0)? as usize;
    if code >= codes.len() {
        return Err(bad(&format!("one of {} kinds", codes.len()), code.to_string()));
    }
    let code = codes.table(code)?;
    // Numbers above 127 have a field of their own.
    let number = code.i32(3, 0)?.max(code.u8(0)?.into());
    let name = NAMES.iter().find(|row| row.0 == number).map(|row| row.1);
    let inputs = operands(operator.vector(1, 4)?, values.len())?;
    let outputs = operands(operator.vector(2, 4)?, values.len())?;
    let Some(&Some(output)) = outputs.first() else { return Err(bad("an output", "none".into())) };
    let options = operator.table(4)?;
    let node = |op: Op| Node {
        op,
        name: name.map_or_else(|| format!("number {number}").into(), Into::into),
        offset_bytes: operator.offset_bytes(),
        inputs: inputs.clone(),
        output,
    };
    let constant =
        |input: usize| inputs.get(input).copied().flatten().and_then(|value| values.get(value)?.constant.as_ref());
    let pass = matches!(name, Some("DEQUANTIZE" | "QUANTIZE" | "CAST" | "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS"));
    if let Some(tensor) = constant(0).filter(|_| name == Some("DEQUANTIZE")) {
        // Weights of another type than the graph computes in.
        let (tensor, dims) = (tensor.clone(), tensor.shape.clone());
        values[output] = Value { constant: Some(tensor), dims, ..Value::default() };
        return Ok(None);
    }
    if pass {
        return Ok(Some(node(Op::Pass)));
    }
    let op = op(name.unwrap_or_default(), options, &inputs, values)?;
    Ok(Some(node(op)))
}

fn op(name: &str, options: Option<Table<'_>>, inputs: &[Option<usize>], values: &[Value<'_>]) -> Result<Op> {
    let fused = |field: usize| bounds(options, field);
    // Axes and paddings are the second input's numbers.
    let second = || {
        let tensor = inputs.get(1).copied().flatten().and_then(|value| values.get(value)?.constant.as_ref());
        tensor.map_or_else(Vec::new, |tensor| integers(tensor, MAX_AXES))
    };
    let arithmetic =
        |arithmetic: Arithmetic| Ok(fused(0)?.map_or(Op::Other, |bounds| Op::Arithmetic { arithmetic, bounds }));
    Ok(match name {
        "CONV_2D" => convolution(options, false)?,
        "DEPTHWISE_CONV_2D" => convolution(options, true)?,
        "FULLY_CONNECTED" => fused(0)?.map_or(Op::Other, |bounds| Op::Dense { bounds }),
        "ADD" => arithmetic(Arithmetic::Add)?,
        "SUB" => arithmetic(Arithmetic::Sub)?,
        "MUL" => arithmetic(Arithmetic::Mul)?,
        "DIV" => arithmetic(Arithmetic::Div)?,
        "RELU" => Op::Clamp(RELU),
        "RELU6" => Op::Clamp(RELU6),
        "HARD_SWISH" => Op::HardSwish,
        "SOFTMAX" => Op::Softmax,
        "LOGISTIC" => Op::Sigmoid,
        "FAKE_QUANT" => Op::Pass,
        "AVERAGE_POOL_2D" | "MAX_POOL_2D" => {
            let window = |field| options.map_or(Ok(0), |table| table.i32(field, 0));
            let side = |side: i32| usize::try_from(side).unwrap_or(0);
            let window = [side(window(4)?), side(window(3)?)];
            Op::Pool { max: name.starts_with('M'), window: Some(window) }
        }
        "MEAN" | "REDUCE_MAX" => {
            let axes = second();
            let whole = matches!(*axes, [1, 2] | [2, 1] | [-3, -2]);
            if whole { Op::Pool { max: name.starts_with('R'), window: None } } else { Op::Other }
        }
        "PAD" | "PADV2" => match *second() {
            [0, 0, top, bottom, left, right, 0, 0] => {
                let side = |side: i64| usize::try_from(side).unwrap_or(usize::MAX);
                Op::Pad([side(top), side(left), side(bottom), side(right)])
            }
            _ => Op::Other,
        },
        _ => Op::Other,
    })
}

fn convolution(options: Option<Table<'_>>, depthwise: bool) -> Result<Op> {
    let Some(table) = options else { return Ok(Op::Other) };
    // Depthwise ones have their multiplier in between.
    let after = usize::from(depthwise);
    let Some(bounds) = bounds(options, 3 + after)? else { return Ok(Op::Other) };
    let pads = match table.u8(0)? {
        0 => Pads::Same,
        1 => Pads::Explicit([0; 4]),
        _ => return Ok(Op::Other),
    };
    let one = |width: i32, height: i32| usize::try_from(width).ok().filter(|_| width == height);
    let stride = one(table.i32(1, 0)?, table.i32(2, 0)?);
    let dilation = one(table.i32(4 + after, 1)?, table.i32(5 + after, 1)?);
    Ok(match (stride, dilation) {
        (Some(stride), Some(dilation)) => Op::Conv { depthwise, stride, dilation, pads, bounds },
        _ => Op::Other,
    })
}

/// Numbers of tensors; −1 where an optional one is left out.
fn operands(vector: Vector<'_>, count: usize) -> Result<Vec<Option<usize>>> {
    let bad =
        |expected: &str, found: String| damaged(format!("operands at byte {}", vector.offset_bytes()), expected, found);
    if vector.len() > MAX_INPUTS {
        return Err(bad(&format!("at most {MAX_INPUTS}"), vector.len().to_string()));
    }
    let mut operands = Vec::with_capacity(vector.len());
    for index in 0..vector.len() {
        let number = vector.i32(index)?;
        let operand = usize::try_from(number).ok();
        if operand.is_some_and(|operand| operand >= count) || number < -1 {
            return Err(bad(&format!("a tensor below {count}, or -1"), number.to_string()));
        }
        operands.push(operand);
    }
    Ok(operands)
}
