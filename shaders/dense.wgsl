// A matrix times a vector, plus a bias. A workgroup computes 4 outputs; each invocation sums some of the inputs.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Dense,
}

var<workgroup> parts: array<vec4<f32>, WIDTH>;

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    let lane = min(group, p.out_lanes - 1u);
    let weights = step.parameters + lane * (1u + p.in_channels);
    var part = vec4(0.0);
    for (var i = local; i < p.in_channels; i += WIDTH) {
        part += f32(arena[step.input + i / 4u][i % 4u]) * vec4<f32>(parameters[weights + 1u + i]);
    }
    parts[local] = part;
    workgroupBarrier();
    if local == 0u && group < p.out_lanes {
        part += vec4<f32>(parameters[weights]);
        for (var at = 1u; at < min(WIDTH, p.in_channels); at++) {
            part += parts[at];
        }
        arena[step.output + lane] = Stored(bend(part, p.curve));
    }
}
