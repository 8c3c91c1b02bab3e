// The second pass over a picture: rows are combined to the input's height, and normalised.

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= frame.width || at.y >= frame.height {
        return;
    }
    let run = frame.row_taps + at.y * 3u;
    let first = taps[run] - frame.first_row;
    let begin = taps[run + 1u];
    let end = taps[run + 2u];
    var sum = vec3(0.0);
    for (var tap = begin; tap < end; tap++) {
        sum += bitcast<f32>(taps[tap]) * across[(first + tap - begin) * frame.width + at.x].rgb;
    }
    let mean = vec3(frame.mean[0], frame.mean[1], frame.mean[2]);
    let scale = vec3(frame.scale[0], frame.scale[1], frame.scale[2]);
    arena[frame.output + at.y * frame.width + at.x] = Stored(vec4((kept(sum) - mean) * scale, 0.0));
}
