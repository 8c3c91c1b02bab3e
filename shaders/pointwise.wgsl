// A 1×1 convolution: a matrix product over all pixels. An invocation computes 4 pixels × 8 channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    /// Where the gate lies that the input is multiplied by, where it is.
    gate: u32,
    parameters: u32,
    p: Pointwise,
}

/// Whether the input is multiplied by a gate. Known when the shader is compiled, because a branch in the innermost loop
/// cost a software adapter a tenth of its time.
override GATED: bool = false;

fn finish(pixel: u32, lane: u32, sum: vec4<f32>) {
    let p = step.p;
    if pixel >= p.pixels || lane >= p.out_lanes {
        return;
    }
    let at = pixel * p.out_lanes + lane;
    var value = bend(sum, p.curve);
    if p.residual != 0u {
        value += vec4<f32>(arena[step.side + at]);
    }
    arena[step.output + at] = Stored(value);
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    // Whole quads work on the same channels, so that they can share weights.
    let tiles = ((p.pixels + 15u) / 16u) * 4u;
    let item = group * WIDTH + local;
    let lane = (item / tiles) * 2u;
    let pixel = (item % tiles) * 4u;

    let in_lanes = (p.in_channels + 3u) / 4u;
    let last = p.pixels - 1u;
    let x0 = step.input + min(pixel, last) * in_lanes;
    let x1 = step.input + min(pixel + 1u, last) * in_lanes;
    let x2 = step.input + min(pixel + 2u, last) * in_lanes;
    let x3 = step.input + min(pixel + 3u, last) * in_lanes;
    let packed = 1u + p.in_channels;
    let w = step.parameters + min(lane, p.out_lanes - 1u) * packed;
    let v = step.parameters + min(lane + 1u, p.out_lanes - 1u) * packed;

    var a0 = vec4<f32>(parameters[w]);
    var a1 = a0;
    var a2 = a0;
    var a3 = a0;
    var b0 = vec4<f32>(parameters[v]);
    var b1 = b0;
    var b2 = b0;
    var b3 = b0;
    for (var k = 0u; k < in_lanes; k++) {
        var i0 = vec4<f32>(arena[x0 + k]);
        var i1 = vec4<f32>(arena[x1 + k]);
        var i2 = vec4<f32>(arena[x2 + k]);
        var i3 = vec4<f32>(arena[x3 + k]);
        if GATED {
            let gate = vec4<f32>(arena[step.gate + k]);
            i0 *= gate;
            i1 *= gate;
            i2 *= gate;
            i3 *= gate;
        }
        let first = square(w + 1u + k * 4u, own);
        a0 += first * i0;
        a1 += first * i1;
        a2 += first * i2;
        a3 += first * i3;
        let second = square(v + 1u + k * 4u, own);
        b0 += second * i0;
        b1 += second * i1;
        b2 += second * i2;
        b3 += second * i3;
    }
    finish(pixel, lane, a0);
    finish(pixel + 1u, lane, a1);
    finish(pixel + 2u, lane, a2);
    finish(pixel + 3u, lane, a3);
    finish(pixel, lane + 1u, b0);
    finish(pixel + 1u, lane + 1u, b1);
    finish(pixel + 2u, lane + 1u, b2);
    finish(pixel + 3u, lane + 1u, b3);
}
