// A convolution over the channels of the picture. An invocation computes one pixel × 4 channels.

struct Conv {
    in_height: u32,
    in_width: u32,
    in_channels: u32,
    out_height: u32,
    out_width: u32,
    out_lanes: u32,
    kernel: u32,
    stride: u32,
    pad_top: u32,
    pad_left: u32,
    curve: Curve,
}

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Conv,
}

fn run(group: u32, local: u32) {
    let p = step.p;
    let item = group * WIDTH + local;
    let lane = item % p.out_lanes;
    let pixel = item / p.out_lanes;
    let y = pixel / p.out_width;
    if y >= p.out_height {
        return;
    }
    let x = pixel % p.out_width;
    let weights = step.parameters + lane * (1u + p.kernel * p.kernel * p.in_channels);
    var sum = vec4<f32>(parameters[weights]);
    for (var i = 0u; i < p.kernel; i++) {
        let in_y = y * p.stride + i - p.pad_top;
        if in_y >= p.in_height {
            continue;
        }
        for (var j = 0u; j < p.kernel; j++) {
            let in_x = x * p.stride + j - p.pad_left;
            if in_x >= p.in_width {
                continue;
            }
            let value = vec4<f32>(arena[step.input + in_y * p.in_width + in_x]);
            let at = weights + 1u + (i * p.kernel + j) * p.in_channels;
            for (var c = 0u; c < p.in_channels; c++) {
                sum += value[c] * vec4<f32>(parameters[at + c]);
            }
        }
    }
    arena[step.output + pixel * p.out_lanes + lane] = Stored(bend(sum, p.curve));
}
