// A map times a vector, channel by channel.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Scale,
}

fn run(group: u32, local: u32, own: u32) {
    let at = group * WIDTH + local;
    if at < step.p.pixels * step.p.lanes {
        arena[step.output + at] = arena[step.input + at] * arena[step.side + at % step.p.lanes];
    }
}
