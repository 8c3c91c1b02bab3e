// The most likely classes, most likely first, equal ones in the order of their indices; by a single workgroup. What is read
// are probabilities, or scores whose softmax they are.

struct TopK {
    classes: u32,
    count: u32,
    /// 1 for scores.
    softmax: u32,
}

struct Step {
    input: u32,
    side: u32,
    output: u32,
    parameters: u32,
    p: TopK,
}

/// Class and probability of each place.
@group(0) @binding(3) var<storage, read_write> results: array<vec2<u32>>;

const NOBODY = 0xffffffffu;

var<workgroup> parts: array<f32, WIDTH>;
var<workgroup> values: array<f32, WIDTH>;
var<workgroup> classes: array<u32, WIDTH>;

fn score(index: u32) -> f32 {
    return f32(arena[step.input + index / 4u][index % 4u]);
}

/// Whether class `b` comes after class `a`. Both sides are looked at, which takes less time to compile than a branch.
fn after(a_value: f32, a: u32, b_value: f32, b: u32) -> bool {
    return (b_value < a_value) | ((b_value == a_value) & (b > a));
}

/// Two sweeps come before those of the places: the first finds the largest score, the second the sum of
/// exponentials. All are one loop: a software adapter takes a while to compile what is written out, exponentials above all.
fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    var largest = 0.0;
    var sum = 1.0;
    var last_value = 3.4e38;
    var last = 0u;
    for (var sweep = 0u; sweep < p.count + 2u; sweep++) {
        let placing = sweep > 1u;
        var part = 0.0;
        var best_value = -3.4e38;
        var best = NOBODY;
        for (var index = local; index < p.classes; index += WIDTH) {
            let found = score(index);
            let share = exp(found - largest);
            let value = select(found, share / sum, placing & (p.softmax != 0u));
            part += share;
            if after(last_value, last, value, index) & (value > best_value) {
                best_value = value;
                best = index;
            }
        }
        parts[local] = part;
        values[local] = best_value;
        classes[local] = best;
        workgroupBarrier();
        part = 0.0;
        for (var at = 0u; at < WIDTH; at++) {
            part += parts[at];
            if after(values[at], classes[at], best_value, best) {
                best_value = values[at];
                best = classes[at];
            }
        }
        workgroupBarrier();
        if placing {
            last_value = best_value;
            last = best;
            if local == 0u {
                results[sweep - 2u] = vec2(best, bitcast<u32>(best_value));
            }
        } else if sweep == 0u {
            largest = best_value;
        } else {
            sum = part;
        }
    }
}
