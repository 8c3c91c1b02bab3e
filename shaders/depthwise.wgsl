// A convolution of each channel by itself. An invocation computes four neighbouring pixels of a row × 4 channels.

struct Depthwise {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    lanes: u32,
    kernel: u32,
    stride: u32,
    dilation: u32,
    pad_top: u32,
    pad_left: u32,
    curve: Curve,
}

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Depthwise,
}

/// One pixel of the row that begins at `row`, zero left and right of it.
fn pixel(row: u32, x: u32) -> vec4<f32> {
    // Left of the row, `x` has wrapped to a huge number.
    let inside = x < step.p.in_width;
    return select(vec4(0.0), vec4<f32>(arena[row + select(0u, x, inside) * step.p.lanes]), inside);
}

fn run(group: u32, local: u32) {
    let p = step.p;
    let item = group * WIDTH + local;
    let lane = item % p.lanes;
    let tiles = (p.out_width + 3u) / 4u;
    let column = (item / p.lanes % tiles) * 4u;
    let y = item / p.lanes / tiles;
    if y >= p.out_height {
        return;
    }
    let weights = step.parameters + lane * (1u + p.kernel * p.kernel);
    var s0 = vec4<f32>(parameters[weights]);
    var s1 = s0;
    var s2 = s0;
    var s3 = s0;
    for (var i = 0u; i < p.kernel; i++) {
        let in_y = y * p.stride + i * p.dilation - p.pad_top;
        if in_y >= p.in_height {
            continue;
        }
        let row = step.input + in_y * p.in_width * p.lanes + lane;
        let start = column * p.stride - p.pad_left;
        let at = weights + 1u + i * p.kernel;
        if p.kernel == 3u && p.dilation == 1u && p.stride == 1u {
            // Six pixels serve all four windows.
            let w0 = vec4<f32>(parameters[at]);
            let w1 = vec4<f32>(parameters[at + 1u]);
            let w2 = vec4<f32>(parameters[at + 2u]);
            let x0 = pixel(row, start);
            let x1 = pixel(row, start + 1u);
            let x2 = pixel(row, start + 2u);
            let x3 = pixel(row, start + 3u);
            let x4 = pixel(row, start + 4u);
            let x5 = pixel(row, start + 5u);
            s0 += w0 * x0 + w1 * x1 + w2 * x2;
            s1 += w0 * x1 + w1 * x2 + w2 * x3;
            s2 += w0 * x2 + w1 * x3 + w2 * x4;
            s3 += w0 * x3 + w1 * x4 + w2 * x5;
        } else {
            for (var j = 0u; j < p.kernel; j++) {
                let weight = vec4<f32>(parameters[at + j]);
                let x = start + j * p.dilation;
                s0 += weight * pixel(row, x);
                s1 += weight * pixel(row, x + p.stride);
                s2 += weight * pixel(row, x + 2u * p.stride);
                s3 += weight * pixel(row, x + 3u * p.stride);
            }
        }
    }
    let out = step.output + (y * p.out_width + column) * p.lanes + lane;
    arena[out] = Stored(bend(s0, p.curve));
    if column + 1u < p.out_width {
        arena[out + p.lanes] = Stored(bend(s1, p.curve));
    }
    if column + 2u < p.out_width {
        arena[out + 2u * p.lanes] = Stored(bend(s2, p.curve));
    }
    if column + 3u < p.out_width {
        arena[out + 3u * p.lanes] = Stored(bend(s3, p.curve));
    }
}
