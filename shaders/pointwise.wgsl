// A 1×1 convolution: a matrix product over all pixels. A quad computes 12 pixels × 16 channels, each of its invocations
// all of the pixels × 4 of the channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    /// Where the gate lies that the input is multiplied by, where it is.
    gate: u32,
    parameters: u32,
    p: Pointwise,
}

// Known when the shader is compiled: a software adapter spends as much on a branch that it does not take.
/// Whether the input is multiplied by a gate.
override GATED: bool = false;
/// Whether another map is added to the result; behind a gate the block says so, which saves a pipeline.
override RESIDUAL: bool = false;

/// The place of a result, or of the last one that there is: what is computed twice is the same, and written twice.
fn finish(pixel: u32, lane: u32, sum: vec4<f32>) {
    let p = step.p;
    let at = min(pixel, p.pixels - 1u) * p.out_lanes + lane;
    var value = bend(sum, p.curve);
    if RESIDUAL || (GATED && p.residual != 0u) {
        value += vec4<f32>(arena[step.side + at]);
    }
    arena[step.output + at] = Stored(value);
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    let tiles = (p.pixels + 11u) / 12u;
    let quad = group * (WIDTH / 4u) + local / 4u;
    let lane = quad / tiles * 4u + own;
    let first = vec4(quad % tiles * 12u) + turns(own);

    let in_lanes = (p.in_channels + 3u) / 4u;
    let last = vec4(p.pixels - 1u);
    let x0 = step.input + min(first, last) * in_lanes;
    let x1 = step.input + min(first + 4u, last) * in_lanes;
    let x2 = step.input + min(first + 8u, last) * in_lanes;
    let weights = step.parameters + min(lane, p.out_lanes - 1u) * (1u + p.in_channels);
    let bias = vec4<f32>(parameters[weights]);

    var s0 = mat4x4(bias, bias, bias, bias);
    var s1 = s0;
    var s2 = s0;
    for (var k = 0u; k < in_lanes; k++) {
        let row = weights + 1u + k * 4u;
        var w = mat4x4(
            vec4<f32>(parameters[row]),
            vec4<f32>(parameters[row + 1u]),
            vec4<f32>(parameters[row + 2u]),
            vec4<f32>(parameters[row + 3u]),
        );
        if GATED {
            // Whether inputs or their weights are multiplied is the same, and there are fewer weights.
            let gate = vec4<f32>(arena[step.gate + k]);
            w = mat4x4(w[0] * gate.x, w[1] * gate.y, w[2] * gate.z, w[3] * gate.w);
        }
        s0 += w * four(x0 + k);
        s1 += w * four(x1 + k);
        s2 += w * four(x2 + k);
    }
    // Once in the program: a software adapter takes a while to compile what is written out twelve times.
    var sums = array(s0[0], s0[1], s0[2], s0[3], s1[0], s1[1], s1[2], s1[3], s2[0], s2[1], s2[2], s2[3]);
    var pixels = first;
    for (var i = 0u; i < 12u; i++) {
        finish(pixels.x, min(lane, p.out_lanes - 1u), sums[i]);
        pixels = vec4(pixels.yzw, pixels.x + 4u);
    }
}
