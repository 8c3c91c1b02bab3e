// A convolution of each channel by itself. An invocation computes four neighbouring pixels of a row × 4 channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Depthwise,
}

/// The stride of a 3×3 window without dilation, or 0 for any other window. Known when the shader is compiled: a software
/// adapter spends as much on a branch that it does not take.
override STRIDE: u32 = 0u;

fn finish(y: u32, x: u32, lane: u32, sum: vec4<f32>) {
    let p = step.p;
    if x < p.out_width && y < p.out_height && lane < p.lanes {
        arena[step.output + (y * p.out_width + x) * p.lanes + lane] = Stored(bend(sum, p.curve));
    }
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    let item = group * WIDTH + local;
    let lane = item % p.lanes;
    let columns = (p.out_width + 3u) / 4u;
    let tile = item / p.lanes;
    let x = tile % columns * 4u;
    let y = tile / columns;
    var weights = step.parameters + lane * (1u + p.kernel * p.kernel);
    var s0 = vec4<f32>(parameters[weights]);
    var s1 = s0;
    var s2 = s0;
    var s3 = s0;
    weights++;
    for (var i = 0u; i < p.kernel; i++) {
        let in_y = y * p.stride + i * p.dilation - p.pad_top;
        // Above and below the map, a row without pixels.
        let width = select(0u, p.in_width, in_y < p.in_height);
        let row = step.input + in_y * p.in_width * p.lanes + lane;
        let start = x * p.stride - p.pad_left;
        if STRIDE != 0u {
            let w0 = vec4<f32>(parameters[weights]);
            let w1 = vec4<f32>(parameters[weights + 1u]);
            let w2 = vec4<f32>(parameters[weights + 2u]);
            // Neighbouring windows share their pixels.
            let x0 = pixel(row, width, p.lanes, start);
            let x1 = pixel(row, width, p.lanes, start + 1u);
            let x2 = pixel(row, width, p.lanes, start + 2u);
            let x3 = pixel(row, width, p.lanes, start + 3u);
            let x4 = pixel(row, width, p.lanes, start + 4u);
            let x5 = pixel(row, width, p.lanes, start + 5u);
            s0 += w0 * x0 + w1 * x1 + w2 * x2;
            if STRIDE == 1u {
                s1 += w0 * x1 + w1 * x2 + w2 * x3;
                s2 += w0 * x2 + w1 * x3 + w2 * x4;
                s3 += w0 * x3 + w1 * x4 + w2 * x5;
            } else {
                let x6 = pixel(row, width, p.lanes, start + 6u);
                let x7 = pixel(row, width, p.lanes, start + 7u);
                let x8 = pixel(row, width, p.lanes, start + 8u);
                s1 += w0 * x2 + w1 * x3 + w2 * x4;
                s2 += w0 * x4 + w1 * x5 + w2 * x6;
                s3 += w0 * x6 + w1 * x7 + w2 * x8;
            }
        } else {
            for (var j = 0u; j < p.kernel; j++) {
                let weight = vec4<f32>(parameters[weights + j]);
                let at = start + j * p.dilation;
                s0 += weight * pixel(row, width, p.lanes, at);
                s1 += weight * pixel(row, width, p.lanes, at + p.stride);
                s2 += weight * pixel(row, width, p.lanes, at + 2u * p.stride);
                s3 += weight * pixel(row, width, p.lanes, at + 3u * p.stride);
            }
        }
        weights += p.kernel;
    }
    // Once in the program: a software adapter takes a while to compile what is written out four times.
    for (var i = 0u; i < 4u; i++) {
        finish(y, x + i, lane, s0);
        s0 = s1;
        s1 = s2;
        s2 = s3;
    }
}
