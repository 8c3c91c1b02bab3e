// What every kernel of a network reads and writes.

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> parameters: array<Stored>;
@group(0) @binding(2) var<storage, read_write> arena: array<Stored>;

/// Invocations of a workgroup.
override WIDTH: u32 = 64u;

/// An activation. All of them are computed and one is taken: a software adapter would do the same for branches, and
/// masks besides.
fn bend(value: vec4<f32>, curve: Curve) -> vec4<f32> {
    let bounded = clamp(value, vec4(curve.low), vec4(curve.high));
    let gate = clamp(value + 3.0, vec4(0.0), vec4(6.0)) * curve.high;
    return select(select(gate, value * gate, curve.kind == 1u), bounded, curve.kind == 0u);
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
