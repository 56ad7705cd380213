// How both shaders sample a texture between its pixels; a point is a pixel's centre where it is whole.

// Bilinear; the edge continues beyond the border.
fn bilinear(picture: texture_2d<f32>, point: vec2f) -> vec4f {
    let last = vec2i(textureDimensions(picture)) - 1;
    let at = clamp(point, vec2f(0.0), vec2f(last));
    let first = vec2i(at);
    let next = min(first + 1, last);
    let t = at - vec2f(first);
    let above = mix(textureLoad(picture, first, 0), textureLoad(picture, vec2i(next.x, first.y), 0), t.x);
    let below = mix(textureLoad(picture, vec2i(first.x, next.y), 0), textureLoad(picture, next, 0), t.x);
    return mix(above, below, t.y);
}

// The red channel, bilinear, 0 beyond the border.
fn bilinear_within(picture: texture_2d<f32>, point: vec2f) -> f32 {
    let first = floor(point);
    let t = point - first;
    let size = vec2i(textureDimensions(picture));
    var rows: array<f32, 2>;
    for (var y = 0; y < 2; y++) {
        var values: array<f32, 2>;
        for (var x = 0; x < 2; x++) {
            let at = vec2i(first) + vec2i(x, y);
            if all(at >= vec2i(0)) && all(at < size) {
                values[x] = textureLoad(picture, at, 0).r;
            }
        }
        rows[y] = mix(values[0], values[1], t.x);
    }
    return mix(rows[0], rows[1], t.y);
}

// Weights of the four pixels around a point of a Catmull-Rom spline.
fn cubic_weights(t: f32) -> vec4f {
    let t2 = t * t;
    let t3 = t2 * t;
    return 0.5 * vec4f(
        2.0 * t2 - t - t3,
        2.0 - 5.0 * t2 + 3.0 * t3,
        t + 4.0 * t2 - 3.0 * t3,
        t3 - t2,
    );
}

struct Taps {
    first: vec2i,
    last: vec2i,
    x: vec4f,
    y: vec4f,
}

fn taps_at(point: vec2f, size: vec2f) -> Taps {
    let at = clamp(point, vec2f(-1.0), size);
    let first = floor(at);
    let t = at - first;
    return Taps(vec2i(first) - 1, vec2i(size) - 1, cubic_weights(t.x), cubic_weights(t.y));
}

// The edge continues beyond the border.
fn tap(taps: Taps, x: i32, y: i32) -> vec2i {
    return clamp(taps.first + vec2i(x, y), vec2i(0), taps.last);
}

fn cubic(picture: texture_2d<f32>, taps: Taps) -> vec4f {
    var sum = vec4f(0.0);
    for (var y = 0; y < 4; y++) {
        let row = taps.x.x * textureLoad(picture, tap(taps, 0, y), 0)
            + taps.x.y * textureLoad(picture, tap(taps, 1, y), 0)
            + taps.x.z * textureLoad(picture, tap(taps, 2, y), 0)
            + taps.x.w * textureLoad(picture, tap(taps, 3, y), 0);
        sum += taps.y[y] * row;
    }
    return sum;
}
