// The most likely classes, most likely first, equal ones in the order of their indices; by a single workgroup.

struct TopK {
    classes: u32,
    count: u32,
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

var<workgroup> values: array<f32, WIDTH>;
var<workgroup> classes: array<u32, WIDTH>;

/// Whether class `b` comes after class `a`.
fn after(a_value: f32, a: u32, b_value: f32, b: u32) -> bool {
    return b_value < a_value || (b_value == a_value && b > a);
}

fn run(group: u32, local: u32, own: u32) {
    let p = step.p;
    var last_value = 3.4e38;
    var last = 0u;
    for (var place = 0u; place < p.count; place++) {
        var best_value = -3.4e38;
        var best = NOBODY;
        for (var index = local; index < p.classes; index += WIDTH) {
            let value = f32(arena[step.input + index / 4u][index % 4u]);
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
