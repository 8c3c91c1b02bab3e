//! Files that round the 1/6 of their activations, against the same arithmetic done here.

mod fixtures;
mod graph_files;
mod graphs;
mod protobuf;

use graph_files::tflite::{Fb, Model, int};
use graphs::{difference, run};
use half::f16;
use mobilenet_web::model::{Activation, Block, Version};
use mobilenet_web::weights::{self, Overrides};

/// The bound.
const LOGIT_TOLERANCE: f32 = 2e-3;

/// Of the input, and of the stem's map.
const SIDE: usize = 32;

const RELU: u8 = 1;
const RELU6: u8 = 3;

/// Operators by number.
const ADD: i32 = 0;
const DEQUANTIZE: i32 = 6;
const MUL: i32 = 18;

/// A value of the graph and its numbers, `[side, side, channels]`.
#[derive(Clone)]
struct Map {
    value: i32,
    side: usize,
    channels: usize,
    numbers: Vec<f64>,
}

/// Writes a graph and computes it.
struct Writer {
    model: Model,
    /// The file's 1/6.
    sixth: f32,
    state: u32,
}

impl Writer {
    /// Numbers between −`size` and `size` as sixteen bits have them, in the file and here.
    fn random(&mut self, shape: &[i32], size: f64) -> (i32, Vec<f64>) {
        let count = shape.iter().product::<i32>();
        let mut halves = Vec::new();
        for _ in 0..count {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = f64::from(self.state >> 8) / f64::from(1 << 23) - 1.0;
            halves.push(f16::from_f64(unit * size));
        }
        let value = self.constant(shape, &halves);
        (value, halves.into_iter().map(f64::from).collect())
    }

    fn constant(&mut self, shape: &[i32], halves: &[f16]) -> i32 {
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let length = bytes.len();
        let stored = self.model.tensor(shape, 1, Some(Fb::Raw(bytes, length)), Fb::None);
        let value = self.model.map(shape);
        self.model.operator(DEQUANTIZE, &[stored], value, Fb::None);
        value
    }

    fn map(&mut self, side: usize, channels: usize, numbers: Vec<f64>) -> Map {
        assert_eq!(numbers.len(), side * side * channels);
        let value = self.model.map(&[1, side as i32, side as i32, channels as i32]);
        Map { value, side, channels, numbers }
    }

    /// A convolution, SAME, with biases; of each channel by itself where `out` is none.
    fn conv(&mut self, from: &Map, out: Option<usize>, (kernel, stride): (usize, usize), activation: u8) -> Map {
        let (channels, side) = (out.unwrap_or(from.channels), from.side.div_ceil(stride));
        let window = [kernel as i32; 2];
        let (shape, inner) = match out {
            Some(out) => ([out as i32, window[0], window[1], from.channels as i32], from.channels),
            None => ([1, window[0], window[1], from.channels as i32], 1),
        };
        let size = 3.0 / ((kernel * kernel * inner) as f64).sqrt();
        let (weights, w) = self.random(&shape, size);
        let (biases, b) = self.random(&[channels as i32], 1.0);
        let before = ((side - 1) * stride + kernel).saturating_sub(from.side) / 2;
        let mut numbers = Vec::new();
        for (y, x, o) in (0..side * side * channels).map(|i| (i / channels / side, i / channels % side, i % channels)) {
            let mut sum = b[o];
            for (i, j) in (0..kernel * kernel).map(|i| (i / kernel, i % kernel)) {
                let (Some(y), Some(x)) = ((y * stride + i).checked_sub(before), (x * stride + j).checked_sub(before))
                else {
                    continue;
                };
                if y >= from.side || x >= from.side {
                    continue;
                }
                let pixel = &from.numbers[(y * from.side + x) * from.channels..][..from.channels];
                let tap = i * kernel + j;
                sum += match out {
                    Some(_) => (0..inner).map(|c| pixel[c] * w[(o * kernel * kernel + tap) * inner + c]).sum(),
                    None => pixel[o] * w[tap * channels + o],
                };
            }
            numbers.push(if activation == RELU { sum.max(0.0) } else { sum });
        }
        let map = self.map(side, channels, numbers);
        let mut options = vec![Fb::Byte(0), int(stride as i32), int(stride as i32)];
        options.extend(out.is_none().then_some(int(1)));
        options.push(Fb::Byte(activation));
        let code = if out.is_none() { 4 } else { 3 };
        self.model.operator(code, &[from.value, weights, biases], map.value, Fb::Table(options));
        map
    }

    fn pointwise(&mut self, from: &Map, out: usize) -> Map {
        self.conv(from, Some(out), (1, 1), 0)
    }

    /// `a ∘ b` by element, `b` once a channel where it is a vector.
    fn both(&mut self, code: i32, (a, b): (&Map, &Map)) -> Map {
        let other = |i: usize| b.numbers[if b.side == 1 { i % b.channels } else { i }];
        let join = |(i, &a): (usize, &f64)| if code == ADD { a + other(i) } else { a * other(i) };
        let numbers = a.numbers.iter().enumerate().map(join).collect();
        let map = self.map(a.side, a.channels, numbers);
        self.model.operator(code, &[a.value, b.value], map.value, Fb::Table(vec![Fb::Byte(0)]));
        map
    }

    /// `relu6(map + 3)`.
    fn six(&mut self, from: &Map) -> Map {
        let three = self.constant(&[], &[f16::from_f32(3.0)]);
        let numbers = from.numbers.iter().map(|number| (number + 3.0).clamp(0.0, 6.0)).collect();
        let map = self.map(from.side, from.channels, numbers);
        self.model.operator(ADD, &[from.value, three], map.value, Fb::Table(vec![Fb::Byte(RELU6)]));
        map
    }

    /// `map` times the file's 1/6.
    fn over_six(&mut self, from: &Map) -> Map {
        let data = Fb::Raw(self.sixth.to_le_bytes().to_vec(), 4);
        let sixth = self.model.tensor(&[], 0, Some(data), Fb::None);
        let numbers = from.numbers.iter().map(|number| number * f64::from(self.sixth)).collect();
        let map = self.map(from.side, from.channels, numbers);
        self.model.operator(MUL, &[from.value, sixth], map.value, Fb::Table(vec![Fb::Byte(0)]));
        map
    }

    fn swish(&mut self, from: &Map) -> Map {
        let six = self.six(from);
        let product = self.both(MUL, (from, &six));
        self.over_six(&product)
    }

    fn pool(&mut self, from: &Map) -> Map {
        let axes = [1_i32, 2].iter().flat_map(|axis| axis.to_le_bytes()).collect();
        let axes = self.model.tensor(&[2], 2, Some(Fb::Raw(axes, 8)), Fb::None);
        let pixels = from.side * from.side;
        let mean = |c| from.numbers.iter().skip(c).step_by(from.channels).sum::<f64>() / pixels as f64;
        let map = self.map(1, from.channels, (0..from.channels).map(mean).collect());
        self.model.operator(40, &[from.value, axes], map.value, Fb::None);
        map
    }

    /// A squeeze-excite gate on a map.
    fn gated(&mut self, from: &Map) -> Map {
        let pool = self.pool(from);
        let reduced = self.conv(&pool, Some(8), (1, 1), RELU);
        let gate = self.pointwise(&reduced, from.channels);
        let gate = self.six(&gate);
        let gate = self.over_six(&gate);
        self.both(MUL, (from, &gate))
    }

    /// A residual row of hard-swish, which opens with a convolution to `inner` channels where it is given.
    fn row(&mut self, from: &Map, inner: Option<usize>, is_gated: bool) -> Map {
        let mut map = from.clone();
        if let Some(inner) = inner {
            map = self.pointwise(&map, inner);
            map = self.swish(&map);
        }
        map = self.conv(&map, None, (3, 1), 0);
        map = self.swish(&map);
        if is_gated {
            map = self.gated(&map);
        }
        map = self.pointwise(&map, from.channels);
        self.both(ADD, (from, &map))
    }
}

/// Rows of every kind, with a residual sum of a map that is hard-swish's, perhaps up to the pool: file, input and output.
fn network(sixth: f32, has_top: bool) -> (Vec<u8>, Vec<f32>, Vec<f32>) {
    let mut writer = Writer { model: Model::new(), sixth, state: 1 };
    let input: Vec<f64> = (0..SIDE * SIDE * 3).map(|i| f64::from((i * 37 % 255) as u8) / 127.5 - 1.0).collect();
    let pixels = writer.map(SIDE, 3, input.clone());
    let stem = writer.conv(&pixels, Some(8), (3, 2), 0);
    let map = writer.swish(&stem);
    let map = writer.row(&map, None, true);
    let map = writer.row(&map, Some(16), false);
    let map = writer.row(&map, Some(24), true);
    let last = writer.pointwise(&map, 16);
    let map = writer.swish(&last);
    let mut output = writer.pool(&map);
    if has_top {
        let head = writer.pointwise(&output, 24);
        let head = writer.swish(&head);
        output = writer.pointwise(&head, 5);
    }
    writer.model.outputs = vec![output.value];
    let single = |numbers: Vec<f64>| numbers.into_iter().map(|number| number as f32).collect();
    (writer.model.file(), single(input), single(output.numbers))
}

#[test]
fn a_rounded_sixth_is_kept() {
    // As sixteen bits have it, as the upper half of a single has it, TF-slim's rounding, none.
    for sixth in [f16::from_f32(1.0 / 6.0).to_f32(), half::bf16::from_f32(1.0 / 6.0).to_f32(), 0.166_67, 1.0 / 6.0] {
        let (file, input, expected) = network(sixth, true);
        let read = weights::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let checkpoint = weights::checkpoint(read, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checkpoint.warnings, []);
        let spec = &checkpoint.spec;
        assert_eq!((spec.version, spec.blocks.len()), (Version::Custom, 7));
        let swish = |block: &Block| match block {
            Block::InvertedResidual { activation, .. } => *activation == Activation::HardSwish,
            _ => true,
        };
        assert!(spec.blocks.iter().all(swish));
        let found = run(&file, Overrides::default(), &input, "logits");
        let worst = difference(&found, &expected);
        let largest = expected.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        println!("1/6 as {sixth}: max |Δlogit| {worst:.1e} of {largest:.1}");
        assert!(worst <= LOGIT_TOLERANCE, "{sixth}: {worst}");
    }
}

/// No weights follow the pool that could take the factor up.
#[test]
fn features_that_keep_a_factor_are_a_warning() {
    let warnings = |sixth: f32| {
        let (file, ..) = network(sixth, false);
        let read = weights::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let checkpoint = weights::checkpoint(read, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checkpoint.spec.classes, 0);
        checkpoint.warnings
    };
    assert_eq!(warnings(1.0 / 6.0), []);
    let [warning] = &*warnings(f16::from_f32(1.0 / 6.0).to_f32()) else { panic!("one warning") };
    assert_eq!(warning.code, "rounded_activation");
    assert!(warning.message.contains("-0.024"), "{}", warning.message);
}
