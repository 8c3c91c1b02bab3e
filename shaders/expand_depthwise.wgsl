// The first two thirds of a block, for maps that are small: expand and depthwise, with the expanded map only ever in
// workgroup memory. A workgroup computes all pixels of four expanded channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    expand_parameters: u32,
    expand: Pointwise,
    depthwise_parameters: u32,
    depthwise: Depthwise,
}

/// Four channels of the expanded map, at most 1,024 pixels.
var<workgroup> expanded: array<vec4<f32>, 1024>;

fn run(lane: u32, local: u32, own: u32) {
    let e = step.expand;
    let d = step.depthwise;
    let in_lanes = (e.in_channels + 3u) / 4u;
    let w = step.expand_parameters + lane * (1u + e.in_channels);
    let last = e.pixels - 1u;
    for (var first = 0u; first < e.pixels; first += 4u * WIDTH) {
        let pixel = vec4(first + local) + vec4(0u, 1u, 2u, 3u) * WIDTH;
        let base = vec4(step.input) + min(pixel, vec4(last)) * in_lanes;
        var s0 = vec4<f32>(parameters[w]);
        var s1 = s0;
        var s2 = s0;
        var s3 = s0;
        for (var k = 0u; k < in_lanes; k++) {
            let weights = square(w + 1u + k * 4u, own);
            s0 += weights * vec4<f32>(arena[base.x + k]);
            s1 += weights * vec4<f32>(arena[base.y + k]);
            s2 += weights * vec4<f32>(arena[base.z + k]);
            s3 += weights * vec4<f32>(arena[base.w + k]);
        }
        if pixel.x < e.pixels {
            expanded[pixel.x] = bend(s0, e.curve);
        }
        if pixel.y < e.pixels {
            expanded[pixel.y] = bend(s1, e.curve);
        }
        if pixel.z < e.pixels {
            expanded[pixel.z] = bend(s2, e.curve);
        }
        if pixel.w < e.pixels {
            expanded[pixel.w] = bend(s3, e.curve);
        }
    }
    workgroupBarrier();
    let weights = step.depthwise_parameters + lane * (1u + d.kernel * d.kernel);
    for (var pixel = local; pixel < d.out_height * d.out_width; pixel += WIDTH) {
        var sum = vec4<f32>(parameters[weights]);
        for (var i = 0u; i < d.kernel; i++) {
            // Above and left of the map, coordinates wrap to huge numbers.
            let y = pixel / d.out_width * d.stride + i * d.dilation - d.pad_top;
            for (var j = 0u; j < d.kernel; j++) {
                let x = pixel % d.out_width * d.stride + j * d.dilation - d.pad_left;
                if y < d.in_height && x < d.in_width {
                    let weight = vec4<f32>(parameters[weights + 1u + i * d.kernel + j]);
                    sum += weight * expanded[y * d.in_width + x];
                }
            }
        }
        arena[step.output + pixel * d.lanes + lane] = Stored(bend(sum, d.curve));
    }
}
