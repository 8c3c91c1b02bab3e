// One number a channel, from all pixels of the upper left part of a map. A workgroup computes 4 channels.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: GlobalPool,
}

var<workgroup> parts: array<vec4<f32>, WIDTH>;

fn run(lane: u32, local: u32, own: u32) {
    let p = step.p;
    let largest = p.max != 0u;
    var part = select(vec4(0.0), vec4(-3.4e38), largest);
    for (var at = local; at < p.height * p.width; at += WIDTH) {
        let pixel = at / p.width * p.in_width + at % p.width;
        let value = vec4<f32>(arena[step.input + pixel * p.lanes + min(lane, p.lanes - 1u)]);
        part = select(part + value, max(part, value), largest);
    }
    parts[local] = part;
    workgroupBarrier();
    if local == 0u && lane < p.lanes {
        for (var at = 1u; at < min(WIDTH, p.height * p.width); at++) {
            part = select(part + parts[at], max(part, parts[at]), largest);
        }
        arena[step.output + lane] = Stored(select(part / f32(p.height * p.width), part, largest));
    }
}
