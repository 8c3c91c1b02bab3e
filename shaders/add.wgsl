// The sum of two maps.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Add,
}

fn run(group: u32, local: u32, own: u32) {
    let at = group * WIDTH + local;
    if at < step.p.count {
        arena[step.output + at] = arena[step.input + at] + arena[step.side + at];
    }
}
