//! The cases: the field's vocabulary of edges, for each kernel.

use mobilenet_web::kernels::{
    Add, Call, Conv, Curve, Dense, Depthwise, GlobalPool, Pad, Pointwise, Scale, Sigmoid, Softmax,
};
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
pub(crate) struct Random(pub(crate) u32);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are all that is wanted")]
    pub(crate) fn value(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `pixels` pixels of `channels` channels, padded to whole lanes.
    pub(crate) fn map(&mut self, pixels: usize, channels: usize) -> Vec<Vec4> {
        let mut map = vec![Vec4::default(); pixels * lanes(channels)];
        for (at, value) in map.iter_mut().flatten().enumerate() {
            if at % (lanes(channels) * 4) < channels {
                *value = self.value() * 3.0;
            }
        }
        map
    }
}

/// Every case of every kernel.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    stem(&mut cases);
    depthwise(&mut cases);
    pointwise(&mut cases);
    vectors(&mut cases);
    crate::integers::cases(&mut cases);
    crate::training::cases(&mut cases);
    cases
}

/// Geometry of a window over one axis or both: input, output, kernel, stride, padding before the first pixel.
pub(crate) type Axis = (u32, u32, u32, u32, u32);

/// `(name, rows, columns)`.
pub(crate) const WINDOWS: [(&str, Axis, Axis); 16] = [
    ("same_stride_1", (9, 9, 3, 1, 1), (9, 9, 3, 1, 1)),
    ("symmetric_stride_2_even", (8, 4, 3, 2, 1), (8, 4, 3, 2, 1)),
    ("same_stride_2_even", (8, 4, 3, 2, 0), (8, 4, 3, 2, 0)),
    ("stride_2_odd", (9, 5, 3, 2, 1), (9, 5, 3, 2, 1)),
    ("after_stride_2_odd", (9, 4, 3, 2, 0), (9, 4, 3, 2, 0)),
    ("one_pixel", (1, 1, 3, 1, 1), (1, 1, 3, 1, 1)),
    ("one_pixel_stride_2", (1, 1, 3, 2, 1), (1, 1, 3, 2, 1)),
    ("narrower_than_window", (2, 2, 3, 1, 1), (2, 2, 3, 1, 1)),
    ("one_row", (1, 1, 3, 1, 1), (17, 17, 3, 1, 1)),
    ("one_column", (17, 17, 3, 1, 1), (1, 1, 3, 1, 1)),
    ("no_padding", (9, 7, 3, 1, 0), (10, 8, 3, 1, 0)),
    ("kernel_5_pad_all", (3, 3, 5, 1, 2), (3, 3, 5, 1, 2)),
    ("kernel_5", (11, 11, 5, 1, 2), (14, 14, 5, 1, 2)),
    ("kernel_5_stride_2", (15, 8, 5, 2, 2), (23, 12, 5, 2, 2)),
    ("kernel_15", (5, 3, 15, 2, 7), (9, 9, 15, 1, 7)),
    ("wide_stride_2", (5, 2, 3, 2, 0), (41, 20, 3, 2, 0)),
];

/// `(name, dilation, rows, columns)`.
pub(crate) const DILATED: [(&str, u32, Axis, Axis); 4] = [
    ("dilated", 2, (14, 14, 3, 1, 2), (14, 14, 3, 1, 2)),
    ("dilated_past_edge", 4, (3, 3, 3, 1, 4), (5, 5, 3, 1, 4)),
    ("dilated_kernel_5", 2, (12, 12, 5, 1, 4), (9, 9, 5, 1, 4)),
    ("dilated_unpadded", 3, (9, 3, 3, 1, 0), (10, 4, 3, 1, 0)),
];

#[rustfmt::skip]
fn stem(cases: &mut Vec<Case>) {
    for (seed, (name, rows, columns)) in WINDOWS.into_iter().enumerate() {
        for (out_lanes, in_channels, curve) in
            [(8, 3, Curve::RELU6), (3, 3, Curve::LINEAR), (1, 1, Curve::HARD_SWISH), (2, 4, Curve::RELU)]
        {
            let mut random = Random(0x5eed + seed as u32);
            let p = Conv {
                in_height: rows.0, in_width: columns.0, in_channels, out_height: rows.1, out_width: columns.1, out_lanes,
                kernel: rows.2, stride: rows.3, pad_top: rows.4, pad_left: columns.4, curve,
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
    let plain = WINDOWS.map(|(name, rows, columns)| (name, 1, rows, columns));
    for (seed, (name, dilation, rows, columns)) in plain.into_iter().chain(DILATED).enumerate() {
        for (lanes, curve) in [(1, Curve::RELU6), (2, Curve::LINEAR), (7, Curve::HARD_SWISH)] {
            let mut random = Random(0xdee9 + seed as u32);
            let p = Depthwise {
                in_height: rows.0, in_width: columns.0, out_height: rows.1, out_width: columns.1, lanes,
                kernel: rows.2, stride: rows.3, dilation, pad_top: rows.4, pad_left: columns.4, curve,
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
        for (residual, curve) in [(0, Curve::RELU6), (1, Curve::LINEAR), (0, Curve::HARD_SWISH)] {
            let mut random = Random(0x901 + seed as u32);
            let p = Pointwise { pixels, in_channels, out_lanes, residual, curve };
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
    let mut case = |name, call, pixels: usize, channels: usize, side: usize, parameters: usize, output_length| {
        cases.push(Case {
            name,
            call,
            input: random.map(pixels, channels),
            side: random.map(side, channels),
            parameters: random.map(parameters, 4),
            output_length,
        });
    };
    case("one", Call::Add(Add { count: 1 }), 1, 4, 1, 0, 1);
    case("odd_count", Call::Add(Add { count: 21 }), 7, 12, 7, 0, 21);
    for (name, pixels, channels) in [("one_pixel", 1, 8), ("odd_map", 49, 12), ("channels_lt_4", 5, 3)] {
        let (columns, width) = (pixels as usize, lanes(channels));
        for max in [0, 1] {
            let p = GlobalPool { in_width: pixels, height: 1, width: pixels, lanes: width as u32, max };
            case(name, Call::GlobalPool(p), columns, channels, 0, 0, width);
            let p = GlobalPool { in_width: pixels, height: 3, width: pixels.min(7), lanes: width as u32, max };
            case("upper_left_of_a_map", Call::GlobalPool(p), columns * 4, channels, 0, 0, width);
        }
        let p = Scale { pixels, lanes: width as u32 };
        case(name, Call::Scale(p), columns, channels, 1, 0, columns * width);
    }
    for (name, (in_height, out_height), (in_width, out_width)) in
        [("below_and_right", (5, 8), (6, 8)), ("only_right", (4, 4), (3, 7)), ("only_below", (1, 3), (5, 5))]
    {
        let p = Pad { in_height, in_width, out_height, out_width, lanes: 2 };
        case(name, Call::Pad(p), (in_height * in_width) as usize, 8, 0, 0, (out_height * out_width * 2) as usize);
    }
    let shapes =
        [("channels_lt_4", 3, 1), ("less_than_a_tile", 16, 5), ("whole_tiles", 32, 16), ("1001_classes", 10, 251)];
    for (name, in_channels, out_lanes) in shapes {
        for curve in [Curve::LINEAR, Curve::RELU, Curve::HARD_SIGMOID, Curve::SLIM_SIGMOID] {
            let p = Dense { in_channels, out_lanes, curve };
            case(name, Call::Dense(p), 1, in_channels as usize, 0, p.parameters(), out_lanes as usize);
        }
    }
    for (name, classes) in [("one_class", 1), ("two_classes", 2), ("1001_classes", 1001), ("whole_lanes", 1000)] {
        let (channels, width) = (classes as usize, lanes(classes as usize));
        case(name, Call::Softmax(Softmax { classes }), 1, channels, 0, 0, width);
        case(name, Call::Sigmoid(Sigmoid { classes }), 1, channels, 0, 0, width);
    }
}
