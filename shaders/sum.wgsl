// Sums of terms that lie as far apart for every sum, four channels each: of two maps, or of all pixels of a map. A software
// adapter compiles this one in less time than `add` and `global_pool`.

struct Sum {
    rows: u32,
    /// The terms of a row.
    terms: u32,
    /// From a term to the next, where that may lie before it.
    pitch: u32,
    row_pitch: u32,
    /// How many sums there are.
    count: u32,
    /// What a sum is divided by.
    divisor: u32,
}

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: Sum,
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    let index = group * WIDTH + local;
    if index < p.count {
        var sum = vec4(0.0);
        for (var row = 0u; row < p.rows; row++) {
            var at = step.input + index + row * p.row_pitch;
            for (var term = 0u; term < p.terms; term++) {
                sum += vec4<f32>(arena[at]);
                at += p.pitch;
            }
        }
        arena[step.output + index] = Stored(sum / f32(p.divisor));
    }
}
