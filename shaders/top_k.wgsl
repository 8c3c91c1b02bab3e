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

/// The largest score of each invocation's classes, and the sum of its exponentials below that.
var<workgroup> parts: array<vec2<f32>, WIDTH>;
var<workgroup> values: array<f32, WIDTH>;
var<workgroup> classes: array<u32, WIDTH>;

fn score(index: u32) -> f32 {
    return f32(arena[step.input + index / 4u][index % 4u]);
}

/// Whether class `b` comes after class `a`.
fn after(a_value: f32, a: u32, b_value: f32, b: u32) -> bool {
    return b_value < a_value || (b_value == a_value && b > a);
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    var largest = -3.4e38;
    for (var index = local; index < p.classes; index += WIDTH) {
        largest = max(largest, score(index));
    }
    var sum = 0.0;
    for (var index = local; index < p.classes; index += WIDTH) {
        sum += exp(score(index) - largest);
    }
    parts[local] = vec2(largest, sum);
    workgroupBarrier();
    for (var at = 0u; at < WIDTH; at++) {
        largest = max(largest, parts[at].x);
    }
    sum = 0.0;
    for (var at = 0u; at < WIDTH; at++) {
        sum += parts[at].y * exp(parts[at].x - largest);
    }
    var last_value = 3.4e38;
    var last = 0u;
    for (var place = 0u; place < p.count; place++) {
        var best_value = -3.4e38;
        var best = NOBODY;
        for (var index = local; index < p.classes; index += WIDTH) {
            let plain = score(index);
            let value = select(plain, exp(plain - largest) / sum, p.softmax != 0u);
            if after(last_value, last, value, index) && value > best_value {
                best_value = value;
                best = index;
            }
        }
        values[local] = best_value;
        classes[local] = best;
        workgroupBarrier();
        for (var at = 0u; at < WIDTH; at++) {
            if values[at] > best_value || (values[at] == best_value && classes[at] < best) {
                best_value = values[at];
                best = classes[at];
            }
        }
        workgroupBarrier();
        last_value = best_value;
        last = best;
        if local == 0u {
            results[place] = vec2(best, bitcast<u32>(best_value));
        }
    }
}
