// Zeros added below and to the right of a map.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Pad,
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    let at = group * WIDTH + local;
    let lane = at % p.lanes;
    let x = at / p.lanes % p.out_width;
    let y = at / p.lanes / p.out_width;
    if y >= p.out_height {
        return;
    }
    var value = Stored();
    if y < p.in_height && x < p.in_width {
        value = arena[step.input + (y * p.in_width + x) * p.lanes + lane];
    }
    arena[step.output + at] = value;
}
