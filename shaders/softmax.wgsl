// Exponentials over their sum, by a single workgroup.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Softmax,
}

var<workgroup> parts: array<f32, WIDTH>;

fn value(index: u32) -> f32 {
    return f32(arena[step.input + index / 4u][index % 4u]);
}

fn run(group: u32, local: u32, own: u32) {
    let classes = step.p.classes;
    var largest = -3.4e38;
    for (var index = local; index < classes; index += WIDTH) {
        largest = max(largest, value(index));
    }
    parts[local] = largest;
    workgroupBarrier();
    for (var at = 0u; at < WIDTH; at++) {
        largest = max(largest, parts[at]);
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var index = local; index < classes; index += WIDTH) {
        sum += exp(value(index) - largest);
    }
    parts[local] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var at = 0u; at < WIDTH; at++) {
        sum += parts[at];
    }
    for (var lane = local; lane < (classes + 3u) / 4u; lane += WIDTH) {
        let index = vec4(lane * 4u) + vec4(0u, 1u, 2u, 3u);
        let share = exp(vec4<f32>(arena[step.input + lane]) - largest) / sum;
        arena[step.output + lane] = Stored(select(vec4(0.0), share, index < vec4(classes)));
    }
}
