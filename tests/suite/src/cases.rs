//! The cases: the field's vocabulary of edges, for each kernel.

use mobilenet_web::kernels::{Add, Call, Conv, Dense, Depthwise, GlobalPool, Pointwise, Softmax};
use mobilenet_web::lane::{Vec4, lanes};

/// One call and the numbers that it reads.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which edge it walks.
    pub name: &'static str,
    /// Kernel and parameter block.
    pub call: Call,
    /// Seeded random numbers; lanes past the last channel are zero, as in every real map.
    pub input: Vec<Vec4>,
    /// The same, or empty.
    pub side: Vec<Vec4>,
    /// The same, or empty.
    pub parameters: Vec<Vec4>,
    /// How many groups of four the kernel writes.
    pub output_length: usize,
}

/// Numbers in −1 … 1 that are the same on every machine (xorshift).
struct Random(u32);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are all that is wanted")]
    fn value(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `pixels` pixels of `channels` channels, padded to whole lanes.
    fn map(&mut self, pixels: usize, channels: usize) -> Vec<Vec4> {
        let mut map = vec![Vec4::default(); pixels * lanes(channels)];
        for (at, value) in map.iter_mut().flatten().enumerate() {
            if at % (lanes(channels) * 4) < channels {
                *value = self.value() * 3.0;
            }
        }
        map
    }
}

const LINEAR: (f32, f32) = (f32::MIN, f32::MAX);
const RELU6: (f32, f32) = (0.0, 6.0);

/// Every case of every kernel.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    stem(&mut cases);
    depthwise(&mut cases);
    pointwise(&mut cases);
    vectors(&mut cases);
    cases
}

/// Geometry of a window over one axis or both: input, output, kernel, stride, padding before the first pixel.
type Axis = (u32, u32, u32, u32, u32);

/// `(name, rows, columns)`.
const WINDOWS: [(&str, Axis, Axis); 12] = [
    ("same_stride_1", (9, 9, 3, 1, 1), (9, 9, 3, 1, 1)),
    ("symmetric_stride_2_even", (8, 4, 3, 2, 1), (8, 4, 3, 2, 1)),
    ("same_stride_2_even", (8, 4, 3, 2, 0), (8, 4, 3, 2, 0)),
    ("stride_2_odd", (9, 5, 3, 2, 1), (9, 5, 3, 2, 1)),
    ("one_pixel", (1, 1, 3, 1, 1), (1, 1, 3, 1, 1)),
    ("one_pixel_stride_2", (1, 1, 3, 2, 1), (1, 1, 3, 2, 1)),
    ("narrower_than_window", (2, 2, 3, 1, 1), (2, 2, 3, 1, 1)),
    ("one_row", (1, 1, 3, 1, 1), (17, 17, 3, 1, 1)),
    ("one_column", (17, 17, 3, 1, 1), (1, 1, 3, 1, 1)),
    ("no_padding", (9, 7, 3, 1, 0), (10, 8, 3, 1, 0)),
    ("kernel_5_pad_all", (3, 3, 5, 1, 2), (3, 3, 5, 1, 2)),
    ("wide_stride_2", (5, 2, 3, 2, 0), (41, 20, 3, 2, 0)),
];

#[rustfmt::skip]
fn stem(cases: &mut Vec<Case>) {
    for (seed, (name, rows, columns)) in WINDOWS.into_iter().enumerate() {
        for (out_lanes, in_channels, (low, high)) in [(8, 3, RELU6), (3, 3, LINEAR), (1, 1, RELU6), (2, 4, RELU6)] {
            let mut random = Random(0x5eed + seed as u32);
            let p = Conv {
                in_height: rows.0, in_width: columns.0, in_channels, out_height: rows.1, out_width: columns.1, out_lanes,
                kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4, low, high,
            };
            cases.push(Case {
                name,
                call: Call::Conv(p),
                input: random.map((rows.0 * columns.0) as usize, in_channels as usize),
                side: Vec::new(),
                parameters: random.map(p.parameters(), 4),
                output_length: (rows.1 * columns.1 * out_lanes) as usize,
            });
        }
    }
}

#[rustfmt::skip]
fn depthwise(cases: &mut Vec<Case>) {
    for (seed, (name, rows, columns)) in WINDOWS.into_iter().enumerate() {
        for (lanes, (low, high)) in [(1, RELU6), (2, LINEAR), (7, RELU6)] {
            let mut random = Random(0xdee9 + seed as u32);
            let p = Depthwise {
                in_height: rows.0, in_width: columns.0, out_height: rows.1, out_width: columns.1, lanes,
                kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4, low, high,
            };
            cases.push(Case {
                name,
                call: Call::Depthwise(p),
                input: random.map((rows.0 * columns.0) as usize, lanes as usize * 4),
                side: Vec::new(),
                parameters: random.map(p.parameters(), 4),
                output_length: (rows.1 * columns.1 * lanes) as usize,
            });
        }
    }
}

fn pointwise(cases: &mut Vec<Case>) {
    // (name, pixels, in_channels, out_lanes)
    let shapes = [
        ("channels_lt_4", 5, 3, 1),
        ("channels_not_multiple_of_4", 9, 6, 3),
        ("one_pixel", 1, 16, 4),
        ("pixels_not_multiple_of_tile", 7, 8, 2),
        ("odd_lanes", 8, 8, 5),
        ("several_blocks", 700, 24, 3),
        ("block_of_one_tile", 9, 1500, 2),
        ("whole_tiles", 16, 32, 8),
    ];
    for (seed, (name, pixels, in_channels, out_lanes)) in shapes.into_iter().enumerate() {
        for (residual, (low, high)) in [(0, RELU6), (1, LINEAR), (0, LINEAR)] {
            let mut random = Random(0x901 + seed as u32);
            let p = Pointwise { pixels, in_channels, out_lanes, residual, low, high };
            let length = (pixels * out_lanes) as usize;
            cases.push(Case {
                name,
                call: Call::Pointwise(p),
                input: random.map(pixels as usize, in_channels as usize),
                side: if residual == 1 { random.map(length, 4) } else { Vec::new() },
                parameters: random.map(p.parameters(), 4),
                output_length: length,
            });
        }
    }
}

fn vectors(cases: &mut Vec<Case>) {
    let mut random = Random(0xadd);
    let mut case = |name, call, pixels: usize, channels: usize, side: bool, parameters: usize, output_length| {
        cases.push(Case {
            name,
            call,
            input: random.map(pixels, channels),
            side: if side { random.map(pixels, channels) } else { Vec::new() },
            parameters: random.map(parameters, 4),
            output_length,
        });
    };
    case("one", Call::Add(Add { count: 1 }), 1, 4, true, 0, 1);
    case("odd_count", Call::Add(Add { count: 21 }), 7, 12, true, 0, 21);
    for (name, pixels, channels) in [("one_pixel", 1, 8), ("odd_map", 49, 12), ("channels_lt_4", 5, 3)] {
        let p = GlobalPool { pixels, lanes: lanes(channels) as u32 };
        case(name, Call::GlobalPool(p), pixels as usize, channels, false, 0, lanes(channels));
    }
    let shapes =
        [("channels_lt_4", 3, 1), ("less_than_a_tile", 16, 5), ("whole_tiles", 32, 16), ("1001_classes", 10, 251)];
    for (name, in_channels, out_lanes) in shapes {
        let p = Dense { in_channels, out_lanes };
        case(name, Call::Dense(p), 1, in_channels as usize, false, p.parameters(), out_lanes as usize);
    }
    for (name, classes) in [("one_class", 1), ("two_classes", 2), ("1001_classes", 1001), ("whole_lanes", 1000)] {
        case(name, Call::Softmax(Softmax { classes }), 1, classes as usize, false, 0, lanes(classes as usize));
    }
}
