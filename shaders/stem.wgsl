// A convolution over the channels of the picture. An invocation computes four neighbouring pixels of a row × 4 channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Conv,
}

fn finish(y: u32, x: u32, lane: u32, sum: vec4<f32>) {
    let p = step.p;
    if x < p.out_width && y < p.out_height && lane < p.out_lanes {
        arena[step.output + (y * p.out_width + x) * p.out_lanes + lane] = Stored(bend(sum, p.curve));
    }
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    // Whole quads work on the same channels, so that they can share weights.
    let columns = (p.out_width + 3u) / 4u;
    let tiles = (columns * p.out_height + 3u) / 4u * 4u;
    let item = group * WIDTH + local;
    let lane = item / tiles;
    let tile = item % tiles;
    let y = tile / columns;
    let x = tile % columns * 4u;
    let packed = 1u + p.kernel * p.kernel * p.in_channels;
    var w = step.parameters + min(lane, p.out_lanes - 1u) * packed;
    let bias = vec4<f32>(parameters[w]);
    var sums = mat4x4(bias, bias, bias, bias);
    w++;
    for (var i = 0u; i < p.kernel; i++) {
        // Above and below the map, a row without pixels.
        let in_y = y * p.stride + i - p.pad_top;
        let row = step.input + in_y * p.in_width;
        let width = select(0u, p.in_width, in_y < p.in_height);
        for (var j = 0u; j < p.kernel; j++) {
            let start = x * p.stride + j - p.pad_left;
            let pixels = mat4x4(
                pixel(row, width, 1u, start),
                pixel(row, width, 1u, start + p.stride),
                pixel(row, width, 1u, start + 2u * p.stride),
                pixel(row, width, 1u, start + 3u * p.stride),
            );
            // Weights of channels that the picture lacks are the next tap's, and are multiplied by zero.
            sums += square(w, own) * pixels;
            w += p.in_channels;
        }
    }
    // Once in the program: a software adapter takes a while to compile what is written out four times.
    for (var i = 0u; i < 4u; i++) {
        finish(y, x + i, lane, sums[i]);
    }
}
