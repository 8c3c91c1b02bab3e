// A whole block: expand, depthwise, project and residual, with the expanded map only ever in workgroup memory.
//
// A workgroup computes 8 × 8 pixels of at most 32 channels, an invocation one pixel of all of them. For eight expanded
// channels at a time it computes the pixels that the tile's windows cover, and adds what they contribute. Without an
// expansion (`expand.in_channels` is 0) the windows cover the input itself.

struct Step {
    input: u32,
    side: u32,
    output: u32,
    expand_parameters: u32,
    expand: Pointwise,
    depthwise_parameters: u32,
    depthwise: Depthwise,
    project_parameters: u32,
    project: Pointwise,
}

/// Pixels of a tile's side.
const TILE = 8u;
/// Pixels that the windows of a tile cover at most: 8 outputs of a 5×5 window of stride 2 span 19.
const COVERED = 361u;

/// Two groups of four channels of the pixels that the tile's windows cover.
var<workgroup> covered: array<vec4<f32>, 722>;

/// The expanded pixel `at` of the covered ones, of `lane` and `lane + 1`.
fn expand_pixels(at: vec2<u32>, count: u32, lane: u32, span: u32, corner: vec2<u32>, own: u32) {
    let d = step.depthwise;
    let e = step.expand;
    let x = corner.x + at % span;
    let y = corner.y + at / span;
    // Above and left of the map, coordinates have wrapped to huge numbers.
    let inside = (x < vec2(d.in_width)) & (y < vec2(d.in_height)) & (at < vec2(count));
    let pixel = select(vec2(0u), y * d.in_width + x, inside);
    let second = min(lane + 1u, d.lanes - 1u);
    var a = mat2x4<f32>();
    var b = mat2x4<f32>();
    if e.in_channels == 0u {
        a[0] = vec4<f32>(arena[step.input + pixel.x * d.lanes + lane]);
        a[1] = vec4<f32>(arena[step.input + pixel.y * d.lanes + lane]);
        b[0] = vec4<f32>(arena[step.input + pixel.x * d.lanes + second]);
        b[1] = vec4<f32>(arena[step.input + pixel.y * d.lanes + second]);
    } else {
        let in_lanes = (e.in_channels + 3u) / 4u;
        let base = vec2(step.input) + pixel * in_lanes;
        let w = step.expand_parameters + lane * (1u + e.in_channels);
        let v = step.expand_parameters + second * (1u + e.in_channels);
        var a0 = vec4<f32>(parameters[w]);
        var a1 = a0;
        var b0 = vec4<f32>(parameters[v]);
        var b1 = b0;
        for (var k = 0u; k < in_lanes; k++) {
            let i0 = vec4<f32>(arena[base.x + k]);
            let i1 = vec4<f32>(arena[base.y + k]);
            let first = square(w + 1u + k * 4u, own);
            a0 += first * i0;
            a1 += first * i1;
            let other = square(v + 1u + k * 4u, own);
            b0 += other * i0;
            b1 += other * i1;
        }
        a = mat2x4(bend(a0, e.curve), bend(a1, e.curve));
        b = mat2x4(bend(b0, e.curve), bend(b1, e.curve));
    }
    if at.x < count {
        covered[at.x] = select(vec4(0.0), a[0], inside.x);
        covered[COVERED + at.x] = select(vec4(0.0), b[0], inside.x);
    }
    if at.y < count {
        covered[at.y] = select(vec4(0.0), a[1], inside.y);
        covered[COVERED + at.y] = select(vec4(0.0), b[1], inside.y);
    }
}

/// The depthwise output of `lane` for the window whose corner is covered pixel `at`.
fn depthwise_pixel(at: u32, span: u32, lane: u32) -> vec4<f32> {
    let d = step.depthwise;
    let weights = step.depthwise_parameters + lane * (1u + d.kernel * d.kernel);
    var sum = vec4<f32>(parameters[weights]);
    for (var i = 0u; i < d.kernel; i++) {
        for (var j = 0u; j < d.kernel; j++) {
            let weight = vec4<f32>(parameters[weights + 1u + i * d.kernel + j]);
            sum += weight * covered[at + (i * span + j) * d.dilation];
        }
    }
    return bend(sum, d.curve);
}

/// What expanded channels `lane * 4 …` add to the output channels of `out`.
fn project(out: u32, lane: u32, value: vec4<f32>, own: u32) -> vec4<f32> {
    let at = step.project_parameters + out * (1u + step.project.in_channels) + 1u + lane * 4u;
    return square(at, own) * value;
}

fn bias(out: u32) -> vec4<f32> {
    let last = step.project.out_lanes - 1u;
    return vec4<f32>(parameters[step.project_parameters + min(out, last) * (1u + step.project.in_channels)]);
}

fn finish(pixel: u32, out: u32, sum: vec4<f32>) {
    let p = step.project;
    if out < p.out_lanes {
        let at = pixel * p.out_lanes + out;
        var value = bend(sum, p.curve);
        if p.residual != 0u {
            value += vec4<f32>(arena[step.side + at]);
        }
        arena[step.output + at] = Stored(value);
    }
}

fn run(group: u32, local: u32, own: u32) {
    let d = step.depthwise;
    let outs = step.project.out_lanes;
    let columns = (d.out_width + TILE - 1u) / TILE;
    let tile = vec2(group % columns, group / columns) * TILE;
    let corner = tile * d.stride - vec2(d.pad_left, d.pad_top);
    let span = (TILE - 1u) * d.stride + (d.kernel - 1u) * d.dilation + 1u;
    let count = span * span;
    let mine = vec2(local % TILE, local / TILE);
    let at = (mine.y * span + mine.x) * d.stride;

    var s0 = bias(0u);
    var s1 = bias(1u);
    var s2 = bias(2u);
    var s3 = bias(3u);
    var s4 = bias(4u);
    var s5 = bias(5u);
    var s6 = bias(6u);
    var s7 = bias(7u);
    for (var lane = 0u; lane < d.lanes; lane += 2u) {
        for (var first = 0u; first < count; first += 2u * WIDTH) {
            expand_pixels(vec2(first + local, first + WIDTH + local), count, lane, span, corner, own);
        }
        workgroupBarrier();
        for (var half = 0u; half < min(2u, d.lanes - lane); half++) {
            let value = depthwise_pixel(half * COVERED + at, span, lane + half);
            s0 += project(0u, lane + half, value, own);
            if outs > 1u {
                s1 += project(1u, lane + half, value, own);
            }
            if outs > 2u {
                s2 += project(2u, lane + half, value, own);
            }
            if outs > 3u {
                s3 += project(3u, lane + half, value, own);
            }
            if outs > 4u {
                s4 += project(4u, lane + half, value, own);
            }
            if outs > 5u {
                s5 += project(5u, lane + half, value, own);
            }
            if outs > 6u {
                s6 += project(6u, lane + half, value, own);
            }
            if outs > 7u {
                s7 += project(7u, lane + half, value, own);
            }
        }
        workgroupBarrier();
    }

    let place = tile + mine;
    if place.x < d.out_width && place.y < d.out_height {
        let pixel = place.y * d.out_width + place.x;
        finish(pixel, 0u, s0);
        finish(pixel, 1u, s1);
        finish(pixel, 2u, s2);
        finish(pixel, 3u, s3);
        finish(pixel, 4u, s4);
        finish(pixel, 5u, s5);
        finish(pixel, 6u, s6);
        finish(pixel, 7u, s7);
    }
}
