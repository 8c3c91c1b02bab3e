// The four invocations of a quad share their weights: each loads a quarter.

/// The weights of four inputs for four outputs. All four invocations of a quad ask for the same, each in its `own` place.
fn square(at: u32, own: u32) -> mat4x4<f32> {
    let quarter = vec4<f32>(parameters[at + own]);
    return mat4x4(
        quadBroadcast(quarter, 0u),
        quadBroadcast(quarter, 1u),
        quadBroadcast(quarter, 2u),
        quadBroadcast(quarter, 3u),
    );
}

/// Four vectors of the arena, in the order of `turns`, of which this invocation loads the first.
fn four(at: vec4<u32>) -> mat4x4<f32> {
    let mine = vec4<f32>(arena[at.x]);
    return mat4x4(mine, quadSwapX(mine), quadSwapY(mine), quadSwapDiagonal(mine));
}

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) place: u32,
) {
    run(group_index(group), local, place & 3u);
}
