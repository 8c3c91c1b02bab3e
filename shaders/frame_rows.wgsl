// The first pass over a picture: each used row is resampled to the input's width.

/// A source pixel's colour in front of the background, 0 … 255.
fn opaque(x: u32, y: u32) -> vec3<f32> {
    let color = round(textureLoad(picture, vec2(x, y), 0) * 255.0);
    let behind = vec3(frame.background[0], frame.background[1], frame.background[2]);
    return (color.rgb * color.a + behind * (255.0 - color.a)) / 255.0;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= frame.width || at.y >= frame.rows {
        return;
    }
    let first = taps[at.x * 3u];
    let begin = taps[at.x * 3u + 1u];
    let end = taps[at.x * 3u + 2u];
    var sum = vec3(0.0);
    for (var tap = begin; tap < end; tap++) {
        sum += bitcast<f32>(taps[tap]) * opaque(first + tap - begin, frame.first_row + at.y);
    }
    across[at.y * frame.width + at.x] = vec4(kept(sum), 0.0);
}
