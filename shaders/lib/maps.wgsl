// What every kernel of a network reads and writes.

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> parameters: array<Stored>;
@group(0) @binding(2) var<storage, read_write> arena: array<Stored>;

/// Invocations of a workgroup.
override WIDTH: u32 = 64u;

/// As in `kernels/src/params.rs`.
struct Curve {
    kind: u32,
    low: f32,
    high: f32,
}

/// An activation. One formula for all of them: a software adapter computes every branch that is written, for each of four
/// channels, and what hangs on `curve` alone but once.
fn bend(value: vec4<f32>, curve: Curve) -> vec4<f32> {
    let gated = curve.kind != 0u;
    let low = select(curve.low, 0.0, gated);
    let high = select(curve.high, 6.0, gated);
    let bent = clamp(value + select(0.0, 3.0, gated), vec4(low), vec4(high)) * select(1.0, curve.high, gated);
    return select(bent, bent * value, curve.kind == 1u);
}

/// The order in which a quad's invocation of place `own` meets four things of which each loads one: its own first.
fn turns(own: u32) -> vec4<u32> {
    return vec4(own) ^ vec4(0u, 1u, 2u, 3u);
}

/// Which workgroup this is where they were dispatched in rows, because a dimension has at most 65,535.
fn group_index(group: vec3<u32>) -> u32 {
    return group.y * 32768u + group.x;
}

/// Four channels of pixel `x` of a row that begins at `row` and has `width` pixels of `lanes` vectors; zero beside it.
fn pixel(row: u32, width: u32, lanes: u32, x: u32) -> vec4<f32> {
    // Left of the row, `x` has wrapped to a huge number.
    let inside = x < width;
    return select(vec4(0.0), vec4<f32>(arena[row + select(0u, x, inside) * lanes]), inside);
}
