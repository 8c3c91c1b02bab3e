// The gate of squeeze-excite: the mean of each channel, reduced, and expanded to one factor a channel. One workgroup.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    pool: GlobalPool,
    reduce_parameters: u32,
    reduce: Dense,
    expand_parameters: u32,
    expand: Dense,
}

/// At most 1,024 channels, and 512 reduced ones.
var<workgroup> means: array<vec4<f32>, 256>;
var<workgroup> reduced: array<vec4<f32>, 128>;

fn run(group: u32, local: u32, own: u32) {
    let p = step.pool;
    for (var lane = local; lane < p.lanes; lane += WIDTH) {
        var sum = vec4(0.0);
        for (var y = 0u; y < p.height; y++) {
            for (var x = 0u; x < p.width; x++) {
                sum += vec4<f32>(arena[step.input + (y * p.in_width + x) * p.lanes + lane]);
            }
        }
        means[lane] = sum / f32(p.height * p.width);
    }
    workgroupBarrier();
    let r = step.reduce;
    for (var lane = local; lane < r.out_lanes; lane += WIDTH) {
        let weights = step.reduce_parameters + lane * (1u + r.in_channels);
        var sum = vec4<f32>(parameters[weights]);
        for (var i = 0u; i < r.in_channels; i++) {
            sum += means[i / 4u][i % 4u] * vec4<f32>(parameters[weights + 1u + i]);
        }
        reduced[lane] = bend(sum, r.curve);
    }
    workgroupBarrier();
    let e = step.expand;
    for (var lane = local; lane < e.out_lanes; lane += WIDTH) {
        let weights = step.expand_parameters + lane * (1u + e.in_channels);
        var sum = vec4<f32>(parameters[weights]);
        for (var i = 0u; i < e.in_channels; i++) {
            sum += reduced[i / 4u][i % 4u] * vec4<f32>(parameters[weights + 1u + i]);
        }
        arena[step.output + lane] = Stored(bend(sum, e.curve));
    }
}
