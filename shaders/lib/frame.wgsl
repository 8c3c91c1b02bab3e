// What both passes over a picture share: one across its rows, one down its columns, as `src/frame` defines them.

struct Frame {
    /// Where the input tensor lies in the arena.
    output: u32,
    /// The input tensor's size.
    width: u32,
    height: u32,
    /// The rows of the picture that are used.
    first_row: u32,
    rows: u32,
    /// 1 where each pass's result is kept in whole units.
    rounded: u32,
    /// Where in `taps` the runs of rows begin; those of columns begin at 0.
    row_taps: u32,
    background: array<f32, 3>,
    mean: array<f32, 3>,
    scale: array<f32, 3>,
}

@group(0) @binding(0) var<storage, read> frame: Frame;
/// For each output pixel of an axis: its first source pixel, where its weights begin, and where they end.
@group(0) @binding(1) var<storage, read> taps: array<u32>;
@group(0) @binding(2) var picture: texture_2d<f32>;
/// The picture's used rows at the input's width, 0 … 255.
@group(0) @binding(3) var<storage, read_write> across: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> arena: array<Stored>;

/// Added before rounding, so that ties break as on the CPU.
const TIE = 1.0 / 1024.0;

/// A pass's result as the original keeps it: in whole units, or as it is.
fn kept(value: vec3<f32>) -> vec3<f32> {
    return select(value, round(value + TIE), frame.rounded != 0u);
}
