// Every invocation loads what it needs by itself.

/// The weights of four inputs for four outputs; `own` is not used.
fn square(at: u32, own: u32) -> mat4x4<f32> {
    return mat4x4(
        vec4<f32>(parameters[at]),
        vec4<f32>(parameters[at + 1u]),
        vec4<f32>(parameters[at + 2u]),
        vec4<f32>(parameters[at + 3u]),
    );
}

/// Four vectors of the arena.
fn four(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4(vec4<f32>(arena[at.x]), vec4<f32>(arena[at.y]), vec4<f32>(arena[at.z]), vec4<f32>(arena[at.w]));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    run(group_index(group), local, local & 3u);
}
